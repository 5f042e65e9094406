//! What a snapshot makes of keys that the control plane holds: `pushed` and `control_plane` become `carried`.

use cambist_core::{
    time::Timestamp,
    wire::snapshot::{Carrier, Issuer, KeySource},
};
use serde_json::json;

use crate::{
    store::records::{Digest, HeldKeys, HeldSet},
    text,
};

/// How the keys of an issuer come to the control plane, if they do.
pub const fn carrier(issuer: &Issuer) -> Option<Carrier> {
    match &issuer.keys {
        KeySource::Pushed => Some(Carrier::Pushed),
        KeySource::ControlPlane { .. } => Some(Carrier::ControlPlane),
        KeySource::Discovery
        | KeySource::JwksUri { .. }
        | KeySource::Derived
        | KeySource::Inline { .. }
        | KeySource::Carried { .. } => None,
    }
}

/// Digest of all that decides whose keys are held: keys of one party are never used for another, and what an authority
/// vouched for that is trusted no more is forgotten.
pub fn origin(issuer: &Issuer) -> Digest {
    let said = if let KeySource::ControlPlane { uri, ca, proxy: _, allow_private: _ } = &issuer.keys {
        json!([issuer.iss, "control_plane", uri, ca, issuer.allow_http])
    } else {
        json!([issuer.iss, "pushed"])
    };
    text::sha256(said.to_string().as_bytes())
}

/// Until when the held keys may be used. `Some(None)`: for ever; `None`: they are not of this issuer as it is now.
pub fn usable_until(issuer: &Issuer, keys: &HeldKeys) -> Option<Option<Timestamp>> {
    let HeldSet { carrier: by, origin: from, fresh_until, jwks: _, skipped: _ } = &keys.set;
    if carrier(issuer) != Some(*by) || origin(issuer) != *from {
        return None;
    }
    Some(fresh_until.map(|fresh| fresh.plus_secs(i64::from(issuer.max_stale))))
}

/// Whether the held keys may be used at `now`.
pub fn is_usable(issuer: &Issuer, keys: &HeldKeys, now: Timestamp) -> bool {
    usable_until(issuer, keys).is_some_and(|until| until.is_none_or(|until| now < until))
}

/// The issuer as a snapshot holds it at `now`.
pub fn carry(issuer: Issuer, held: Option<&HeldKeys>, now: Timestamp) -> Issuer {
    let Some(by) = carrier(&issuer) else { return issuer };
    // A disabled issuer is refused whatever its keys.
    let usable = held.filter(|keys| issuer.enabled && is_usable(&issuer, keys, now));
    let jwks = usable.map(|keys| keys.set.jwks.clone());
    Issuer { keys: KeySource::Carried { by, jwks }, ..issuer }
}
