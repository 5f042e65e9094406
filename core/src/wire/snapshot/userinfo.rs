//! How an issuer's UserInfo endpoint is asked, as a snapshot carries it.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{readable_choice, readable_object};

/// How an issuer's UserInfo endpoint is asked for what its tokens lack (OIDC Core §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserInfo {
    /// The endpoint: an absolute URL, https unless the issuer's `allow_http`.
    pub uri: String,
    /// Path of the member of the answer that becomes the login id; absent: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_id: Option<String>,
    /// What becomes of a request when no good answer comes.
    #[serde(default)]
    pub on_error: OnError,
    /// Milliseconds until an answer must be there, 100 to 10,000.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
    /// Seconds for which an answer is kept, 10 to 3,600; never longer than its token is accepted.
    #[serde(default = "default_cache_seconds")]
    pub cache_seconds: u32,
}

/// What becomes of a request when no good answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It is refused.
    #[default]
    Deny,
    /// It goes on as if the issuer had no UserInfo endpoint.
    Ignore,
}

const fn default_timeout_ms() -> u32 {
    2_000
}

const fn default_cache_seconds() -> u32 {
    300
}

readable_object!(UserInfo { uri, [login_id], [on_error], [timeout_ms = default_timeout_ms()], [cache_seconds = default_cache_seconds()] });
readable_choice!(OnError { Deny: "deny", Ignore: "ignore" });
