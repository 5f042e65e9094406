//! Compiling issuers, clients and signing keys.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use hashbrown::HashMap;

use super::{Compiler, Secrets, is_slug};
use crate::{
    claims::TimeRules,
    crypto::SigningKey,
    digest::Digest,
    endpoint::Endpoint,
    jose::{alg::Alg, key_set::KeySet},
    policy::{Faults, Issuer, Keys, MintingKey},
    secret::Secret,
    wire::snapshot as wire,
};

const MAX_ISS_BYTES: usize = 2_048;

impl Compiler {
    pub(super) fn issuer(&mut self, issuer: wire::Issuer) {
        let digest = Digest::of(&serde_json::to_vec(&issuer).unwrap_or_default());
        let wire::Issuer {
            id,
            iss,
            cluster,
            keys,
            algorithms,
            typ,
            audience,
            clock_skew,
            exp_leeway,
            max_lifetime,
            max_age,
            max_stale,
            refetch_floor_ms,
            userinfo,
            allow_http,
            enabled,
        } = issuer;
        if !is_slug(&id) {
            self.fault("issuer", &id, "id", "must match [a-z0-9][a-z0-9._-]{0,62}");
        }
        if iss.is_empty() || iss.len() > MAX_ISS_BYTES || iss.chars().any(char::is_control) {
            self.fault("issuer", &id, "iss", "must be 1 to 2048 bytes without control characters");
        }
        self.bound("issuer", &id, "clock_skew", clock_skew, 0, 300);
        self.bound("issuer", &id, "exp_leeway", exp_leeway, 0, 60);
        self.bound("issuer", &id, "max_lifetime", max_lifetime, 60, 2_592_000);
        if let Some(max_age) = max_age {
            self.bound("issuer", &id, "max_age", max_age, 60, 2_592_000);
        }
        self.bound("issuer", &id, "max_stale", max_stale, 1, 86_400);
        self.bound("issuer", &id, "refetch_floor_ms", refetch_floor_ms, 100, 600_000);
        if typ.as_ref().is_some_and(Vec::is_empty) {
            self.fault("issuer", &id, "typ", "must not be empty; leave it out for the default list");
        }
        let algorithms = self.algorithms(&id, &algorithms);
        let userinfo = userinfo.and_then(|userinfo| self.userinfo(&id, userinfo, allow_http));
        let keys = match compile_keys(&iss, keys, allow_http) {
            Ok(keys) => Some(keys),
            Err((field, detail)) => {
                self.fault("issuer", &id, field, detail);
                None
            }
        };
        if self.issuers.contains_key(&id) || self.disabled_issuers.contains(&id) {
            self.fault("issuer", &id, "id", "is used twice");
        }
        match keys {
            Some(keys) if enabled => {
                let times = TimeRules { clock_skew, exp_leeway, max_lifetime, max_age };
                let by_audience = HashMap::new();
                let compiled = Issuer {
                    id: id.clone(),
                    iss,
                    cluster,
                    algorithms,
                    typ,
                    audience,
                    times,
                    keys,
                    max_stale,
                    refetch_floor_ms,
                    userinfo,
                    allow_http,
                    digest,
                    by_audience,
                };
                self.issuers.insert(id, compiled);
            }
            _ => self.disabled_issuers.push(id),
        }
    }

    pub(super) fn client(&mut self, client: wire::Client) {
        let id = client.client_id.clone();
        if !id.starts_with("cl_")
            || id.len() > 63
            || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        {
            self.fault("client", &id, "client_id", "must be `cl_` and up to 60 letters, digits, `_` or `-`");
        }
        if self.clients.insert(id.clone(), client).is_some() {
            self.fault("client", &id, "client_id", "is used twice");
        }
    }

    pub(super) fn signing_key(&mut self, key: wire::SigningKey, secrets: &dyn Secrets) {
        let wire::SigningKey { kid, alg, private_key, not_before, not_after } = key;
        let name = kid.clone().unwrap_or_else(|| self.signing_keys.len().to_string());
        if alg != Alg::Es256.name() {
            self.fault("signing_key", &name, "alg", "must be ES256");
        }
        let material = match private_key {
            wire::PrivateKey::Pkcs8(text) => Some(Secret::new(text.into_bytes())),
            wire::PrivateKey::Env(variable) => {
                let value = secrets.env(&variable);
                if value.is_none() {
                    let detail = format!(
                        "environment variable {variable} is not set; name it in the VM's host_env_keys and set it for Envoy"
                    );
                    self.fault("signing_key", &name, "private_key", detail);
                }
                value
            }
        };
        let Some(material) = material else { return };
        if let Ok(key) = SigningKey::from_pkcs8(material.expose(), kid.as_deref()) {
            let not_before = not_before.unwrap_or(i64::MIN);
            let parts = [key.kid().as_bytes(), key.thumbprint(), &not_after.to_be_bytes()];
            let digest = Digest::of_parts(parts);
            self.signing_keys.push(MintingKey { key, not_before, not_after, digest });
        } else {
            let detail = "must be a P-256 private key as PKCS#8 (PEM or base64 DER)";
            self.fault("signing_key", &name, "private_key", detail);
        }
    }

    pub(super) fn bound(&mut self, kind: &str, id: &str, field: &str, value: u32, least: u32, most: u32) {
        if value < least || value > most {
            self.fault(kind, id, field, format!("is {value}, must be {least} to {most}"));
        }
    }

    fn algorithms(&mut self, id: &str, names: &[String]) -> Vec<Alg> {
        if names.is_empty() {
            self.fault("issuer", id, "algorithms", "must not be empty; leave it out for RS256 and ES256");
        }
        let mut algorithms = Vec::new();
        for name in names {
            match Alg::configured(name) {
                Ok(alg) => algorithms.push(alg),
                Err(invalid) => self.fault("issuer", id, "algorithms", invalid),
            }
        }
        algorithms
    }
}

/// Indexes issuers by `iss` text and audience; an audience that two issuers of one text accept is a fault.
pub(super) fn index_issuers<'a>(
    issuers: impl Iterator<Item = &'a Arc<Issuer>>,
    faults: &mut Faults,
) -> HashMap<String, HashMap<Arc<str>, Arc<Issuer>>> {
    let mut by_iss: HashMap<String, HashMap<Arc<str>, Arc<Issuer>>> = HashMap::new();
    // Sorted, so that the faults of a snapshot always read the same.
    let mut shared = BTreeSet::new();
    for issuer in issuers {
        let by_audience = by_iss.entry_ref(issuer.iss.as_str()).or_default();
        for audience in issuer.by_audience.keys() {
            if let Some(other) = by_audience.insert(Arc::clone(audience), Arc::clone(issuer)) {
                let (first, second) =
                    if other.id < issuer.id { (&*other, &**issuer) } else { (&**issuer, &*other) };
                shared.insert((first.id.clone(), second.id.clone(), Arc::clone(audience)));
            }
        }
    }
    for (first, second, audience) in shared {
        let detail = format!("issuer {second} has the same iss text and also accepts audience {audience:?}");
        faults.add(format!("issuer/{first}/iss"), detail);
    }
    by_iss
}

fn compile_keys(
    iss: &str,
    source: wire::KeySource,
    allow_http: bool,
) -> Result<Keys, (&'static str, String)> {
    let endpoint = |field, url: &str| {
        Endpoint::parse(url, allow_http).map_err(|invalid| (field, String::from(invalid.message())))
    };
    let base = iss.strip_suffix('/').unwrap_or(iss);
    match source {
        wire::KeySource::Discovery if is_eks(iss) => endpoint("iss", &format!("{base}/keys")).map(Keys::Jwks),
        wire::KeySource::Discovery => {
            endpoint("iss", &format!("{base}/.well-known/openid-configuration")).map(Keys::Discovery)
        }
        wire::KeySource::Derived => endpoint("iss", &format!("{base}/keys")).map(Keys::Jwks),
        wire::KeySource::JwksUri { uri } => endpoint("keys/uri", &uri).map(Keys::Jwks),
        wire::KeySource::Inline { jwks } => {
            let text = serde_json::to_vec(&jwks).unwrap_or_default();
            match KeySet::parse(&text) {
                Ok(set) if set.is_empty() => Err(("keys/jwks", String::from("holds no usable key"))),
                Ok(set) => Ok(Keys::Inline(Arc::new(set))),
                Err(invalid) => Err(("keys/jwks", invalid.to_string())),
            }
        }
    }
}

/// EKS serves its keys at `{iss}/keys` beside discovery; fetching them directly saves a throttled call.
fn is_eks(iss: &str) -> bool {
    iss.strip_prefix("https://oidc.eks.").and_then(|rest| rest.split_once(".amazonaws.com/id/")).is_some_and(
        |(region, id)| {
            let region_ok = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            !region.is_empty() && region_ok && !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())
        },
    )
}
