//! The keys of one issuer (RFC 7517 §5). Deliberately absent: fetching, ages and any mix of issuers.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde_json::Value;

use crate::{
    jose::{
        alg::Alg,
        compact::MAX_KID_BYTES,
        jwk::{InvalidKey, Thumbprint, VerificationKey},
    },
    json,
};

/// The largest JWK set that is read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 1024 * 1024;
/// The most keys in a set, unusable ones included.
pub const MAX_KEYS: usize = 100;
/// How many keys of one `kid` are tried.
pub const MAX_SAME_KID: usize = 4;
/// How many keys are tried for a token without `kid`.
pub const MAX_WITHOUT_KID: usize = 8;

/// The usable keys of one issuer, and why the others are not.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerificationKey>>,
    skipped: Vec<SkippedKey>,
}

/// A key of the document that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if that is a string of sane length.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: InvalidKey,
}

impl SkippedKey {
    /// Whether it holds what its owner alone may know, so that it must be replaced.
    pub const fn is_secret(&self) -> bool {
        matches!(self.reason, InvalidKey::Private | InvalidKey::Symmetric)
    }
}

/// Why a document is not a JWK set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKeySet {
    /// It exceeds [`MAX_KEY_SET_BYTES`].
    TooLarge,
    /// It is not strict JSON.
    NotJson,
    /// It is not an object with an array `keys`.
    NoKeyArray,
    /// It holds more than [`MAX_KEYS`] keys.
    TooManyKeys,
}

impl KeySet {
    /// Reads a JWK set. Keys that cannot be used are skipped, each with its reason; a set may end up empty.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidKeySet> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(InvalidKeySet::TooLarge);
        }
        Self::from_value(&json::parse(document).map_err(|_| InvalidKeySet::NotJson)?)
    }

    /// Reads a JWK set that is already JSON, such as an inline one.
    pub fn from_value(document: &Value) -> Result<Self, InvalidKeySet> {
        let entries = document.get("keys").and_then(Value::as_array).ok_or(InvalidKeySet::NoKeyArray)?;
        if entries.len() > MAX_KEYS {
            return Err(InvalidKeySet::TooManyKeys);
        }
        let mut set = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            match entry.as_object().ok_or(InvalidKey::NotAnObject).and_then(VerificationKey::from_jwk) {
                Ok(key) => set.keys.push(Arc::new(key)),
                Err(reason) => set.skipped.push(SkippedKey { index, kid: sane_kid(entry), reason }),
            }
        }
        Ok(set)
    }

    /// The usable keys, in the order of the document.
    pub fn keys(&self) -> &[Arc<VerificationKey>] {
        &self.keys
    }

    /// The keys that are not used.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Whether no key is usable.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys to try for a token: with `kid` those of exactly this `kid`, at most [`MAX_SAME_KID`]; without one
    /// at most [`MAX_WITHOUT_KID`]. All fit `alg`.
    pub fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
        alg: Alg,
    ) -> impl Iterator<Item = &'a Arc<VerificationKey>> + 'a {
        let most = if kid.is_some() { MAX_SAME_KID } else { MAX_WITHOUT_KID };
        self.keys.iter().filter(move |key| key.fits(alg) && (kid.is_none() || key.kid() == kid)).take(most)
    }

    /// Whether a usable key has this `kid`, whatever its kind.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// Whether an operator sees no difference to `other`: the same keys under the same names, and the same skipped.
    pub fn looks_like(&self, other: &Self) -> bool {
        let alike = self.keys.iter().zip(&other.keys).all(|(one, other)| {
            one.thumbprint() == other.thumbprint() && one.kid() == other.kid() && one.alg() == other.alg()
        });
        self.keys.len() == other.keys.len() && alike && self.skipped == other.skipped
    }

    /// Whether the key with this thumbprint is usable.
    pub fn contains_thumbprint(&self, thumbprint: &Thumbprint) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == thumbprint)
    }
}

fn sane_kid(entry: &Value) -> Option<String> {
    entry.get("kid").and_then(Value::as_str).filter(|kid| kid.len() <= MAX_KID_BYTES).map(String::from)
}

// === impl InvalidKeySet ===

impl fmt::Display for InvalidKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the JWK set is larger than 1 MiB",
            Self::NotJson => "the JWK set is not strict JSON",
            Self::NoKeyArray => "the JWK set is not an object with an array \"keys\"",
            Self::TooManyKeys => "the JWK set holds more than 100 keys",
        })
    }
}

impl core::error::Error for InvalidKeySet {}

#[cfg(test)]
mod tests;
