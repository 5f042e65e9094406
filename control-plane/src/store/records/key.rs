//! Signing keys.

use cambist_core::{secret::Secret, time::Timestamp};
use serde_json::value::Value;

/// A signing key.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Who signs with it.
    pub role: KeyRole,
    /// JWS algorithm.
    pub alg: String,
    /// The public key as a JWK.
    pub public_jwk: Value,
    /// The encrypted PKCS#8 document.
    pub sealed: Secret<Vec<u8>>,
    /// Which key-encryption key opens it.
    pub kek_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it may first sign.
    pub not_before: Timestamp,
    /// When it stops signing; none for the authority's own.
    pub not_after: Option<Timestamp>,
}

/// Who signs with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The control plane; the key never leaves it.
    Authority,
    /// Gateways that may mint.
    Fleet,
}

// === impl KeyRole ===

impl KeyRole {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Fleet => "fleet",
        }
    }
}
