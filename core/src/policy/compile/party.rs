//! Compiling issuers, clients and signing keys.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};

use hashbrown::HashMap;

use super::{Compiler, Secrets, is_scope, is_slug, keys};
use crate::{
    claims::TimeRules,
    crypto::SigningKey,
    digest::Digest,
    jose::alg::Alg,
    policy::{Faults, Issuer, MintingKey},
    secret::Secret,
    wire::snapshot::{self as wire, Enforcement},
};

const MAX_ISS_BYTES: usize = 2_048;
/// Greatest value of an issuer's `refresh_least_ms`.
const MOST_LEAST_MS: u32 = 3_600_000;

impl Compiler {
    pub(super) fn issuer(&mut self, issuer: wire::Issuer) {
        let digest = keys::digest(&issuer);
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
            refresh_least_ms,
            refresh_most_ms,
            identity_fields,
            audit_fields,
            userinfo,
            replay,
            replay_enforcement,
            enforcement,
            allow_http,
            enabled,
            preset: _,
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
        self.bound("issuer", &id, "refresh_least_ms", refresh_least_ms, 100, MOST_LEAST_MS);
        // One fault for one wrong bound.
        let least = refresh_least_ms.min(MOST_LEAST_MS);
        self.bound("issuer", &id, "refresh_most_ms", refresh_most_ms, least, 86_400_000);
        if typ.as_ref().is_some_and(Vec::is_empty) {
            self.fault("issuer", &id, "typ", "must not be empty; leave it out for the default list");
        }
        let algorithms = self.algorithms(&id, &algorithms);
        let userinfo = userinfo.and_then(|userinfo| self.userinfo(&id, userinfo, allow_http));
        let fields = self.fields(&id, &identity_fields, &audit_fields);
        let keys = match keys::compile(&iss, keys, allow_http) {
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
                let (by_audience, on_trial) = (HashMap::new(), HashMap::new());
                let compiled = Issuer {
                    id: id.as_str().into(),
                    iss,
                    cluster,
                    algorithms,
                    typ,
                    audience,
                    times,
                    keys,
                    max_stale,
                    refetch_floor_ms,
                    refresh_ms: (refresh_least_ms, refresh_most_ms),
                    fields,
                    userinfo,
                    replay,
                    replay_enforcement,
                    enforcement,
                    allow_http,
                    digest,
                    by_audience,
                    on_trial,
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
        let is_digest = |text: &String| {
            text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if client.secrets.len() > 2 || !client.secrets.iter().all(is_digest) {
            let detail = "must be at most two SHA-256 digests of secrets, in lower-case hex";
            self.fault("client", &id, "secrets", detail);
        }
        if let Some(wire::ClientCredentials { scopes, targets, ttl, rate, .. }) = &client.credentials {
            self.rate("client", &id, "credentials/rate", *rate);
            self.bound("client", &id, "credentials/ttl", *ttl, 60, 3_600);
            if !scopes.iter().all(|scope| is_scope(scope)) {
                self.fault("client", &id, "credentials/scopes", "must be RFC 6749 scope tokens");
            }
            if targets.iter().any(String::is_empty) {
                self.fault("client", &id, "credentials/targets", "must not hold an empty audience");
            }
        }
        if self.clients.insert(id.clone(), client).is_some() {
            self.fault("client", &id, "client_id", "is used twice");
        }
    }

    pub(super) fn signing_key(&mut self, key: wire::SigningKey, secrets: &dyn Secrets) {
        let wire::SigningKey { kid, alg, private_key, not_before, not_after } = key;
        let name = kid.clone().unwrap_or_else(|| self.signing_keys.len().to_string());
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
            if alg != key.alg().name() {
                let detail = "must be the key's: ES256 of a P-256 key, RS256 of an RSA key";
                self.fault("signing_key", &name, "alg", detail);
            }
            let not_before = not_before.unwrap_or(i64::MIN);
            let parts = [key.kid().as_bytes(), key.thumbprint(), &not_after.to_be_bytes()];
            let digest = Digest::of_parts(parts);
            self.signing_keys.push(MintingKey { key, not_before, not_after, digest });
        } else {
            let detail = "must be a P-256 or RSA private key as PKCS#8 (PEM or base64 DER)";
            self.fault("signing_key", &name, "private_key", detail);
        }
    }

    pub(super) fn bound(&mut self, kind: &str, id: &str, field: &str, value: u32, least: u32, most: u32) {
        if value < least || value > most {
            self.fault(kind, id, field, format!("is {value}, must be {least} to {most}"));
        }
    }

    pub(super) fn rate(&mut self, kind: &str, id: &str, field: &str, rate: wire::Rate) {
        self.bound(kind, id, &format!("{field}/per_minute"), rate.per_minute, 1, 1_000_000);
        self.bound(kind, id, &format!("{field}/burst"), rate.burst, 1, 1_000_000);
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

/// Issuers by `iss` text and audience.
pub(super) type IssuerIndex = HashMap<String, HashMap<Arc<str>, Arc<Issuer>>>;

/// Indexes issuers by `iss` text and audience; an audience that two issuers of one text accept is a fault.
///
/// The second index is of what is only tried out: an issuer, or bindings that have an audience to themselves.
pub(super) fn index_issuers<'a>(
    issuers: impl Iterator<Item = &'a Arc<Issuer>>,
    faults: &mut Faults,
) -> (IssuerIndex, IssuerIndex) {
    let (mut by_iss, mut on_trial) = (IssuerIndex::new(), IssuerIndex::new());
    // Sorted, so that the faults of a snapshot always read the same.
    let mut shared = BTreeSet::new();
    for issuer in issuers {
        let is_tried = issuer.enforcement == Enforcement::Audit;
        for audience in issuer.on_trial.keys().chain(issuer.by_audience.keys().filter(|_| is_tried)) {
            let tried = on_trial.entry_ref(issuer.iss.as_str()).or_default();
            let first = tried.entry(Arc::clone(audience)).or_insert_with(|| Arc::clone(issuer));
            if issuer.id < first.id {
                *first = Arc::clone(issuer);
            }
        }
        if is_tried {
            continue;
        }
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
    (by_iss, on_trial)
}
