//! What a gateway's instance tells of the keys it uses.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// The keys of one issuer in one VM. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKeys {
    /// The issuer's id.
    pub issuer: String,
    /// The rule in use.
    pub source: KeyRule,
    /// Where it leads; absent where nothing is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The keys in use; empty while there are none.
    pub keys: Vec<UsedKey>,
    /// Keys of the same set that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<UnusedKey>,
    /// When the set was fetched; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<i64>,
    /// When it is fetched again; absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_fetch_at: Option<i64>,
    /// Until when it is used if no fetch succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_until: Option<i64>,
    /// Why the last fetch failed; absent after one that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Which rule says where an issuer's keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRule {
    /// The discovery document names the JWKS.
    Discovery,
    /// The JWKS has an explicit address.
    JwksUri,
    /// The JWKS is at `{iss}/keys`, by configuration or because the issuer is one of EKS.
    Derived,
    /// The configuration holds the JWKS.
    Inline,
    /// Somebody gave the JWKS to the control plane.
    Pushed,
    /// The control plane fetched the JWKS.
    ControlPlane,
}

/// A key in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedKey {
    /// Its `kid`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithms that it may verify.
    pub algorithms: Vec<String>,
}

/// A key that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusedKey {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Its `kid`, if it has one of sane length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: String,
}
