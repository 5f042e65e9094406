//! A signing key as a snapshot carries it.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

use crate::{
    readable_object,
    wire::reading::{self, Readable, Unreadable},
};

/// A key that signs access tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// RFC 7638 thumbprint; absent: computed from the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// JWS algorithm: `ES256` of a P-256 key, `RS256` of an RSA key.
    pub alg: String,
    /// The private key.
    pub private_key: PrivateKey,
    /// Unix time in seconds before which it must not sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// Unix time in seconds at which it stops signing; no token outlives it.
    pub not_after: i64,
}

/// A private key, or the name of the environment variable that holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateKey {
    /// Base64 of a PKCS#8 DER document. Only in snapshots fetched from a control plane.
    Pkcs8(String),
    /// Environment variable with a PKCS#8 PEM document or its base64 DER. The only form allowed inline.
    Env(String),
}

readable_object!(SigningKey { [kid], alg, private_key, [not_before], not_after });

impl Readable for PrivateKey {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let (name, value) = reading::single(value, &["pkcs8", "env"])?;
        let text = String::read(value).map_err(|fault| fault.within(name))?;
        Ok(if name == "env" { Self::Env(text) } else { Self::Pkcs8(text) })
    }
}

// === impl PrivateKey ===

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pkcs8(_) => f.write_str("Pkcs8([secret])"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
        }
    }
}
