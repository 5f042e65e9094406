//! Revocations, which travel apart from the snapshot so that a revoke costs bytes.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::readable_object;

/// The answer to `GET /gateway/v1/changes?since=EPOCH`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// The epoch this answer brings the gateway to; the next `since`.
    pub epoch: u64,
    /// True when `revoke` and `jtis` are the complete lists and replace what the gateway holds.
    pub full: bool,
    /// Newly revoked, until reinstated.
    #[serde(default)]
    pub revoke: Revoked,
    /// Reinstated since.
    #[serde(default)]
    pub reinstate: Revoked,
    /// Access tokens revoked one by one, until their `exp`.
    #[serde(default)]
    pub jtis: Vec<RevokedJti>,
}

/// Object ids by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Identity ids (`idn_…`).
    #[serde(default)]
    pub identities: Vec<String>,
    /// Client ids.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Issuer ids.
    #[serde(default)]
    pub issuers: Vec<String>,
}

/// One revoked access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedJti {
    /// Its `jti`.
    pub jti: String,
    /// Its `exp` in Unix seconds, after which the entry is dropped.
    pub exp: i64,
}

readable_object!(Changes { epoch, full, [revoke], [reinstate], [jtis] });
readable_object!(Revoked { [identities], [clients], [issuers] });
readable_object!(RevokedJti { jti, exp });
