//! Why a fetch brought no keys, in words for the operator.

use core::fmt;

use crate::jose::key_set::InvalidKeySet;

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// No Envoy cluster reaches the host.
    NoCluster,
    /// No answer in time, or none at all.
    Unreachable,
    /// An answer other than 200.
    Status(u16),
    /// An answer that names another address, which is not followed.
    Redirect(u16),
    /// An answer of more than [`super::MAX_BODY_BYTES`].
    TooLarge,
    /// No valid discovery document.
    InvalidDiscovery,
    /// The discovery document names another issuer.
    IssuerMismatch,
    /// The discovery document's `jwks_uri` is not callable or on another host.
    ForeignJwksUri,
    /// The key set is not strict JSON.
    NotJson,
    /// The key set is no object with an array `keys`.
    NoKeyArray,
    /// The key set holds more than [`crate::jose::key_set::MAX_KEYS`] keys.
    TooManyKeys,
    /// The key set holds no key that can be used.
    NoUsableKey,
}

// === impl FetchFailure ===

impl FetchFailure {
    /// What an answer with this status means where 200 was hoped for.
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            // These may be Envoy's own words for "no answer".
            503 | 504 => Self::Unreachable,
            300..=399 => Self::Redirect(status),
            _ => Self::Status(status),
        }
    }
}

impl From<InvalidKeySet> for FetchFailure {
    fn from(invalid: InvalidKeySet) -> Self {
        match invalid {
            InvalidKeySet::TooLarge => Self::TooLarge,
            InvalidKeySet::NotJson => Self::NotJson,
            InvalidKeySet::NoKeyArray => Self::NoKeyArray,
            InvalidKeySet::TooManyKeys => Self::TooManyKeys,
        }
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCluster => {
                "no Envoy cluster reaches the host; map it under clusters in the plugin configuration"
            }
            Self::Unreachable => "no answer; check the cluster, its TLS settings and the network",
            Self::Status(status) => return write!(f, "the answer had status {status}"),
            Self::Redirect(status) => {
                return write!(
                    f,
                    "the answer was a redirect (status {status}), which is not followed; configure the final address"
                );
            }
            Self::TooLarge => "the answer is larger than 1 MiB",
            Self::InvalidDiscovery => "the discovery document is not valid",
            Self::IssuerMismatch => {
                "the discovery document names another issuer; compare every byte, a trailing slash included"
            }
            Self::ForeignJwksUri => {
                "the discovery document's jwks_uri is on another host; set keys.uri explicitly if that is right"
            }
            Self::NotJson => "the answer is not strict JSON",
            Self::NoKeyArray => "the answer is no JWK set: it is not an object with an array \"keys\"",
            Self::TooManyKeys => "the JWK set holds more than 100 keys",
            Self::NoUsableKey => "the JWK set holds no usable key",
        })
    }
}
