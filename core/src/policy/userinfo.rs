//! How an issuer's UserInfo endpoint is asked, compiled. Deliberately absent: what an answer says.

use crate::{attribute::ClaimPath, endpoint::Endpoint, wire::snapshot::OnError};

/// How an issuer's UserInfo endpoint is asked.
#[derive(Debug)]
pub struct UserInfoRules {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Where in an answer the login id stands, if one is wanted.
    pub login_id: Option<ClaimPath>,
    /// What becomes of a request when no good answer comes.
    pub on_error: OnError,
    /// Milliseconds until an answer must be there.
    pub timeout_ms: u32,
    /// Seconds for which an answer is kept.
    pub cache_seconds: u32,
}
