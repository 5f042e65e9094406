//! `POST /gateway/v1/consume`: one use of a token under an issuer's replay policy.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// What is used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumptionRequest {
    /// The issuer's id.
    pub issuer: String,
    /// What tells the token, and under `once-per-target` its use, apart: hex SHA-256.
    pub key: String,
    /// Unix seconds after which the entry is not needed: the token's `exp` with every leeway.
    pub exp: i64,
}

/// The answer, given once what it says is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumption {
    /// Whether nobody used it before.
    pub first: bool,
}
