//! What the answer of an issuer's UserInfo endpoint says (OIDC Core §5.3), strictly read.
//!
//! Deliberately absent: asking, which is the flow's part, and signed answers (`application/jwt`).

use alloc::{string::String, sync::Arc};
use core::fmt;

use serde_json::{Map, Value};

use crate::{
    attribute::ClaimPath, denial::Denial, json, policy::UserInfoRules, time::Timestamp,
    wire::snapshot::OnError,
};

/// Most bytes of an answer.
pub const MAX_BODY_BYTES: usize = 65_536;
/// Most bytes of a login id.
pub const MAX_LOGIN_BYTES: usize = 1_024;

/// For how long a request with the same token is refused without asking again.
const DENIED_MS: i64 = 3_000;
/// For how long a request with the same token goes on without asking again.
const IGNORED_MS: i64 = 30_000;
/// What a member costs beside what its name and value hold: nodes of a map may be half empty.
const MEMBER: usize = 2 * size_of::<(String, Value)>();
/// What a map with one member costs.
const NODE: usize = 11 * size_of::<(String, Value)>();

/// A good answer. `Debug` shows none of its values.
#[derive(Clone, PartialEq)]
pub struct UserInfo {
    members: Map<String, Value>,
    login: Option<Arc<str>>,
}

/// Why there is no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// None came in time, or at all.
    NoAnswer,
    /// Its status is neither 200 nor one that refuses the token.
    Status(u16),
    /// Its status, 401 or 403, refuses the token.
    Refused(u16),
    /// It is larger than [`MAX_BODY_BYTES`].
    TooLarge,
    /// Its content type is not `application/json`.
    ContentType,
    /// It is no strict JSON object with a `sub` that is a string.
    Malformed,
    /// Its `sub` is not the token's.
    OtherSubject,
    /// What stands where the login id should be is none.
    LoginId,
}

/// What became of asking about a token, and until when that is not asked again.
#[derive(Debug)]
pub struct Remembered {
    /// The answer, or why there is no good one.
    pub result: Result<UserInfo, Failure>,
    /// When it must be forgotten.
    pub until: Timestamp,
}

/// Reads the answer to a question about the subject of a verified token.
///
/// A member at `login_id` must be a string of 1 to [`MAX_LOGIN_BYTES`] bytes without control characters; where there
/// is no such member there is no login id.
pub fn read(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    subject: &str,
    login_id: Option<&ClaimPath>,
) -> Result<UserInfo, Failure> {
    match status {
        200 => {}
        0 => return Err(Failure::NoAnswer),
        401 | 403 => return Err(Failure::Refused(status)),
        _ => return Err(Failure::Status(status)),
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(Failure::TooLarge);
    }
    if !content_type.is_some_and(is_json) {
        return Err(Failure::ContentType);
    }
    let members = json::parse_object(body).map_err(|_| Failure::Malformed)?;
    let sub = members.get("sub").and_then(Value::as_str).ok_or(Failure::Malformed)?;
    if sub != subject {
        return Err(Failure::OtherSubject);
    }
    let login = match login_id.and_then(|path| path.find(&members)) {
        None => None,
        Some(value) => Some(value.as_str().filter(|login| is_login(login)).ok_or(Failure::LoginId)?.into()),
    };
    Ok(UserInfo { members, login })
}

/// Whether this is the media type of JSON, with or without parameters.
pub(crate) fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json")
}

fn is_login(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_LOGIN_BYTES && !text.chars().any(char::is_control)
}

// === impl UserInfo ===

impl UserInfo {
    /// All members of the answer.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The login id, where the rules want one and the answer has it.
    pub const fn login(&self) -> Option<&Arc<str>> {
        self.login.as_ref()
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        members_heap(&self.members).saturating_add(self.login.as_ref().map_or(0, |login| login.len()))
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserInfo({})", self.members.len())
    }
}

fn members_heap(members: &Map<String, Value>) -> usize {
    let each = members
        .iter()
        .map(|(name, value)| MEMBER.saturating_add(name.capacity()).saturating_add(heap(value)));
    each.fold(if members.is_empty() { 0 } else { NODE }, usize::saturating_add)
}

/// What a value keeps beside itself.
fn heap(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity(),
        Value::Array(items) => {
            let slots = items.capacity().saturating_mul(size_of::<Value>());
            items.iter().map(heap).fold(slots, usize::saturating_add)
        }
        Value::Object(members) => members_heap(members),
    }
}

// === impl Failure ===

impl Failure {
    /// How a request is refused because of it: 503 where it cannot be told what is true of the token, 401 where the
    /// issuer does not stand by it.
    pub const fn denial(self) -> Denial {
        match self {
            Self::Refused(_) => Denial::IdentityRevoked,
            Self::OtherSubject => Denial::IdentityNotFound,
            Self::NoAnswer
            | Self::Status(_)
            | Self::TooLarge
            | Self::ContentType
            | Self::Malformed
            | Self::LoginId => Denial::UpstreamStsUnavailable,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer; check the cluster, its TLS settings and the network"),
            Self::Status(status) => write!(f, "the answer had status {status}"),
            Self::Refused(status) => write!(f, "the endpoint refused the token with status {status}"),
            Self::TooLarge => write!(f, "the answer has more than {MAX_BODY_BYTES} bytes"),
            Self::ContentType => f.write_str("the answer is not application/json"),
            Self::Malformed => f.write_str("the answer is no strict JSON object with a sub"),
            Self::OtherSubject => f.write_str("the answer is about another subject than the token"),
            Self::LoginId => f.write_str("the member at userinfo.login_id is no text that can be a login id"),
        }
    }
}

// === impl Remembered ===

impl Remembered {
    /// Keeps a good answer for as long as the rules say and the token is accepted, and a failure for a few seconds.
    pub fn new(
        result: Result<UserInfo, Failure>,
        rules: &UserInfoRules,
        token_ends: Timestamp,
        now: Timestamp,
    ) -> Self {
        let until = match (&result, rules.on_error) {
            (Ok(_), _) => now.plus_secs(rules.cache_seconds.into()).min(token_ends),
            (Err(_), OnError::Deny) => now.plus_millis(DENIED_MS),
            (Err(_), OnError::Ignore) => now.plus_millis(IGNORED_MS),
        };
        Self { result, until }
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.result.as_ref().map_or(0, UserInfo::weight)
    }
}

#[cfg(test)]
mod tests;
