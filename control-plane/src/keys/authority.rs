//! The authority's own keys, which never leave the control plane: when one is made, signs, is published and goes.
//!
//! A key is published before it signs, for longer than anyone keeps the JWK set, and after it signed until the last
//! token it signed has expired. All of it follows from the keys there are and `now`.

use cambist_core::time::Timestamp;

use crate::store::records::{KeyRole, StoredKey};

/// Seconds an access token lives at most; no binding asks for more.
pub const LONGEST_TOKEN: i64 = 3600;
/// Seconds after which a key is succeeded where nothing else is configured: 90 days.
pub const LIFETIME: i64 = 90 * 86_400;

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Verifiers learn of it; it does not sign yet.
    Published,
    /// It signs.
    Signing,
    /// Another signs; tokens of this one may still live.
    Retired,
}

/// The keys that this service may sign with now or soon.
pub fn signers(keys: &[StoredKey], now: Timestamp) -> impl Iterator<Item = &StoredKey> {
    let own = keys.iter().filter(|key| key.role == KeyRole::Authority);
    own.filter(move |key| key.not_after.is_none_or(|end| now < end))
}
