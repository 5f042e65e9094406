//! Uses of tokens under a replay policy.

use super::Digest;

/// One use of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// The tenant.
    pub tenant: String,
    /// The issuer's id.
    pub issuer: String,
    /// What tells the token, and under `once-per-target` its use, apart.
    pub key: Digest,
    /// Unix seconds after which nobody takes the token.
    pub exp: i64,
}
