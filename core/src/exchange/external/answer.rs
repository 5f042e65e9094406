//! What a token endpoint of somebody else answers (RFC 6749 §5, RFC 8693 §2.2), strictly read.
//!
//! Deliberately absent: a refresh token, which is dropped unread: nothing of ours would use it.

use alloc::string::String;
use core::fmt;

use serde_json::Value;

use crate::{
    denial::Denial,
    json,
    userinfo::{MAX_BODY_BYTES, is_json},
    wire::snapshot::ExternalGrant,
};

/// Longest access token.
pub const MAX_TOKEN_BYTES: usize = 16_384;

/// A good answer. It holds a credential, so it has no `Debug`.
pub struct Obtained {
    /// The access token.
    pub token: String,
    /// Seconds for which it is good; `None` where the answer does not say, and then it is not kept.
    pub expires_in: Option<u32>,
    /// Its scopes, where the answer says so.
    pub scope: Option<String>,
}

/// Why there is no access token, from wherever one was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer came in time, or at all.
    NoAnswer,
    /// The status is neither 200 nor one that says why.
    Status(u16),
    /// The answer has more than [`MAX_BODY_BYTES`].
    TooLarge,
    /// It is not `application/json`.
    ContentType,
    /// It is no strict JSON object with the members that it must have.
    Malformed,
    /// `token_type` is not Bearer.
    TokenType,
    /// `issued_token_type` is none of an access token.
    IssuedType,
    /// `scope` holds more than was asked for.
    WiderScope,
    /// It is an error of RFC 6749 §5.2 that is nobody's fault who made the request.
    Error,
    /// It refuses the request, for this reason.
    Refused(Denial),
    /// It says that the identity is over its rate for so many seconds more.
    Limited(u32),
}

/// Reads an answer to a request that asked for `scope`.
///
/// A scope that was not asked for is refused, but where none was asked for the endpoint chooses (RFC 6749 §3.3).
pub fn read(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    grant: ExternalGrant,
    asked_scope: &str,
) -> Result<Obtained, Failure> {
    match status {
        0 => return Err(Failure::NoAnswer),
        200 | 400 | 401 | 403 => {}
        _ => return Err(Failure::Status(status)),
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(Failure::TooLarge);
    }
    if !content_type.is_some_and(is_json) {
        return Err(if status == 200 { Failure::ContentType } else { Failure::Status(status) });
    }
    let members = json::parse_object(body).map_err(|_| Failure::Malformed)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if status != 200 {
        return Err(match text("error") {
            Some("invalid_grant") => Failure::Refused(Denial::IdentityNotFound),
            Some("invalid_scope") => Failure::Refused(Denial::ScopeNotAllowed),
            Some("invalid_target") => Failure::Refused(Denial::TargetNotAllowed),
            Some(_) => Failure::Error,
            None => Failure::Status(status),
        });
    }
    if !text("token_type").ok_or(Failure::Malformed)?.eq_ignore_ascii_case("bearer") {
        return Err(Failure::TokenType);
    }
    if grant == ExternalGrant::TokenExchange {
        let issued = text("issued_token_type").ok_or(Failure::Malformed)?;
        let kind = issued.strip_prefix(super::TOKEN_TYPE);
        kind.filter(|kind| ["access_token", "jwt"].contains(kind)).ok_or(Failure::IssuedType)?;
    }
    let token = text("access_token").filter(|token| is_token(token)).ok_or(Failure::Malformed)?;
    let expires_in = members.get("expires_in").map(|value| {
        let seconds = value.as_u64().filter(|seconds| *seconds > 0).ok_or(Failure::Malformed)?;
        Ok(u32::try_from(seconds).unwrap_or(u32::MAX))
    });
    let scope = members.get("scope").map(|scope| scope.as_str().ok_or(Failure::Malformed)).transpose()?;
    let is_asked = |scope: &str| asked_scope.split(' ').any(|asked| asked == scope);
    if !asked_scope.is_empty() && scope.is_some_and(|scope| !scope.split_ascii_whitespace().all(is_asked)) {
        return Err(Failure::WiderScope);
    }
    Ok(Obtained { token: token.into(), expires_in: expires_in.transpose()?, scope: scope.map(String::from) })
}

/// Whether it may stand behind `Bearer ` in a header: visible ASCII.
pub(crate) fn is_token(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

// === impl Failure ===

impl Failure {
    /// How a request is refused because of it: as the answer says, or 503 where it cannot be told.
    pub const fn denial(self) -> Denial {
        match self {
            Self::Refused(denial) => denial,
            Self::Limited(_) => Denial::RateLimited,
            Self::NoAnswer
            | Self::Status(_)
            | Self::TooLarge
            | Self::ContentType
            | Self::Malformed
            | Self::TokenType
            | Self::IssuedType
            | Self::WiderScope
            | Self::Error => Denial::UpstreamStsUnavailable,
        }
    }

    /// Seconds after which asking again makes sense, where it says so.
    pub const fn retry_after(self) -> Option<u32> {
        if let Self::Limited(seconds) = self { Some(seconds) } else { None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnswer => "no answer; check the cluster, its TLS settings and the network",
            Self::Status(status) => return write!(f, "the answer had status {status}"),
            Self::TooLarge => return write!(f, "the answer has more than {MAX_BODY_BYTES} bytes"),
            Self::ContentType => "the answer is not application/json",
            Self::Malformed => "the answer is no strict JSON object with the members it must have",
            Self::TokenType => "the answer's token_type is not Bearer",
            Self::IssuedType => "the answer's issued_token_type is not an access token's",
            Self::WiderScope => "the answer grants a scope that was not asked for",
            Self::Error => {
                "it answered with an error that is not the token's; check our login and the grant there"
            }
            Self::Limited(seconds) => return write!(f, "the identity is over its rate for {seconds} s"),
            Self::Refused(denial) => return write!(f, "it refused the request: {}", denial.reason()),
        })
    }
}

#[cfg(test)]
mod tests;
