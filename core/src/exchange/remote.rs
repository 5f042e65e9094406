//! Asking the control plane for an access token for a route, and its answer, strictly read.
//!
//! Deliberately absent: making the call. The types of the wire stand in [`crate::wire::mint`]; they are written and
//! read by member here, which makes the module smaller by kilobytes.

use alloc::{string::String, vec::Vec};

use serde_json::{Value, json};

use super::external::answer::{Failure, is_token};
use crate::{
    denial::Denial,
    json,
    userinfo::{MAX_BODY_BYTES, is_json},
};

/// Longest `jti`.
const MAX_JTI_BYTES: usize = 256;

/// A good answer. It holds a credential, so it has no `Debug`.
pub struct Minted {
    /// The access token.
    pub token: String,
    /// Its `jti`.
    pub jti: String,
    /// Its `exp` in Unix seconds.
    pub exp: i64,
}

/// The body of a request: [`crate::wire::mint::MintRequest::Route`].
pub fn request(route: &str, subject_token: &str) -> Vec<u8> {
    let body = json!({ "route": { "route": route, "subject_token": subject_token } });
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Reads the answer to a request. Whatever is none of the two that there are cannot be told from an outage.
pub fn read(status: u16, content_type: Option<&str>, body: &[u8]) -> Result<Minted, Failure> {
    if status == 0 {
        return Err(Failure::NoAnswer);
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(Failure::TooLarge);
    }
    if !content_type.is_some_and(is_json) {
        return Err(if status == 200 { Failure::ContentType } else { Failure::Status(status) });
    }
    let Ok(members) = json::parse_object(body) else {
        return Err(if status == 200 { Failure::Malformed } else { Failure::Status(status) });
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if status == 200 {
        let token = text("access_token").filter(|token| is_token(token));
        let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
        let exp = members.get("exp").and_then(Value::as_i64);
        return match (token, jti, exp) {
            (Some(token), Some(jti), Some(exp)) if members.len() == 3 => {
                Ok(Minted { token: token.into(), jti: jti.into(), exp })
            }
            _ => Err(Failure::Malformed),
        };
    }
    let retry_after = members.get("retry_after").and_then(Value::as_u64);
    let expected = 1_usize.saturating_add(retry_after.iter().count());
    let reason = text("reason").filter(|_| members.len() == expected);
    // Two share a reason code, not their status.
    let denial = reason.and_then(|reason| {
        Denial::ALL.into_iter().find(|denial| denial.reason() == reason && denial.row().status == status)
    });
    Err(match (denial, retry_after.and_then(|seconds| u32::try_from(seconds).ok())) {
        (Some(Denial::RateLimited), Some(seconds)) => Failure::Limited(seconds.max(1)),
        (Some(denial), _) => Failure::Refused(denial),
        (None, _) => Failure::Status(status),
    })
}

#[cfg(test)]
mod tests;
