//! Where an issuer's keys are: from the wire's words to addresses and sets.

use alloc::{
    format,
    string::{String, ToString as _},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    digest::Digest,
    endpoint::Endpoint,
    jose::key_set::KeySet,
    policy::Keys,
    wire::{
        keys::KeyRule,
        snapshot::{self as wire, Carrier},
    },
};

/// Digest of an issuer for the caches. Carried keys are left out: whoever rotates them must not empty the cache of the
/// tokens whose key is still there.
pub(super) fn digest(issuer: &wire::Issuer) -> Digest {
    let bytes = if let wire::KeySource::Carried { by, .. } = issuer.keys {
        let keys = wire::KeySource::Carried { by, jwks: None };
        serde_json::to_vec(&wire::Issuer { keys, ..issuer.clone() })
    } else {
        serde_json::to_vec(issuer)
    };
    Digest::of(&bytes.unwrap_or_default())
}

/// Where the keys of the issuer `iss` are; or which member is wrong, and how.
pub(super) fn compile(
    iss: &str,
    source: wire::KeySource,
    allow_http: bool,
) -> Result<Keys, (&'static str, String)> {
    let endpoint = |field, url: &str| {
        Endpoint::parse(url, allow_http).map_err(|invalid| (field, String::from(invalid.message())))
    };
    let base = iss.strip_suffix('/').unwrap_or(iss);
    match source {
        wire::KeySource::Discovery if is_eks(iss) => derived(&endpoint, base),
        wire::KeySource::Discovery => {
            endpoint("iss", &format!("{base}/.well-known/openid-configuration")).map(Keys::Discovery)
        }
        wire::KeySource::Derived => derived(&endpoint, base),
        wire::KeySource::JwksUri { uri } => {
            endpoint("keys/uri", &uri).map(|endpoint| Keys::Jwks(KeyRule::JwksUri, endpoint))
        }
        wire::KeySource::Inline { jwks } => key_set(&jwks).map(Keys::Inline),
        wire::KeySource::Pushed => Ok(Keys::Carried(Carrier::Pushed, None)),
        wire::KeySource::ControlPlane { uri, .. } => {
            // Judged as where it is fetched from, which is for the control plane.
            compile(iss, wire::KeySource::at(uri), allow_http)?;
            Ok(Keys::Carried(Carrier::ControlPlane, None))
        }
        wire::KeySource::Carried { by, jwks } => {
            let set = jwks.map(|jwks| key_set(&jwks)).transpose()?;
            Ok(Keys::Carried(by, set))
        }
    }
}

fn derived(
    endpoint: &impl Fn(&'static str, &str) -> Result<Endpoint, (&'static str, String)>,
    base: &str,
) -> Result<Keys, (&'static str, String)> {
    endpoint("iss", &format!("{base}/keys")).map(|endpoint| Keys::Jwks(KeyRule::Derived, endpoint))
}

fn key_set(jwks: &Value) -> Result<Arc<KeySet>, (&'static str, String)> {
    let text = serde_json::to_vec(jwks).unwrap_or_default();
    match KeySet::parse(&text) {
        Ok(set) if set.is_empty() => Err(("keys/jwks", String::from("holds no usable key"))),
        Ok(set) => Ok(Arc::new(set)),
        Err(invalid) => Err(("keys/jwks", invalid.to_string())),
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
