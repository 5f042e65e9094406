//! `POST /gateway/v1/admit`: whether an identity may act that its binding does not let in by itself.

use alloc::{collections::BTreeMap, string::String};

use serde::{Deserialize, Serialize};

use super::event::IdentityTuple;

/// Who asks. Its token was verified and fits the binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionRequest {
    /// The id of the binding that the token fits.
    pub binding: String,
    /// Who.
    pub identity: IdentityTuple,
    /// The issuer's `identity_fields` of the token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of who asks to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may act.
    Admitted,
    /// Nobody registered it.
    Unknown,
    /// It waits for an administrator.
    Pending,
    /// It is revoked.
    Revoked,
}
