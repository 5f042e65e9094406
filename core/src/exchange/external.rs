//! Asking a token endpoint of somebody else for an access token: RFC 7523 §2.1 or RFC 8693 §2.1.
//!
//! Deliberately absent: making the call, and what an answer means, which is [`answer`]'s part.

pub mod answer;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use serde_json::json;

use crate::{
    crypto::{Crypto, SignError, SigningKey},
    digest::Digest,
    encoding,
    endpoint::Endpoint,
    exchange::mint,
    policy::{ExternalEndpoint, Login},
    secret::Secret,
    time::Timestamp,
    wire::snapshot::{ExternalGrant, TargetParameter},
};

/// Seconds for which an assertion of ours is good.
const ASSERTION_SECS: i64 = 60;
/// `typ` of an assertion that says who we are (draft-ietf-oauth-rfc7523bis).
const ASSERTION_TYP: &str = "client-authentication+jwt";
const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The subject token.
    pub token: &'a str,
    /// Audience of the access token.
    pub target: &'a str,
    /// Scopes separated by spaces; empty: whatever the endpoint gives.
    pub scope: &'a str,
}

/// A POST of a form to a token endpoint. Two are equal if they ask the same for the same token, whatever proves who we
/// are. `Debug` shows neither body nor login.
#[derive(Clone)]
pub struct Request {
    /// The endpoint's id.
    pub id: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What makes two requests the same.
    pub key: Digest,
    /// `authorization`, if the login is there.
    pub authorization: Option<Secret<String>>,
    /// `application/x-www-form-urlencoded`.
    pub body: Secret<Vec<u8>>,
    /// Milliseconds until the answer must be there.
    pub timeout_ms: u32,
}

/// What makes two requests the same: the endpoint as it is configured, the token, the target and the scope.
pub fn key(endpoint: &ExternalEndpoint, asked: &Asked<'_>) -> Digest {
    let Asked { token, target, scope } = asked;
    let parts: [&[u8]; 4] =
        [endpoint.digest.as_bytes(), token.as_bytes(), target.as_bytes(), scope.as_bytes()];
    Digest::of_parts(parts)
}

/// The request. `jti` names the assertion of `private_key_jwt`; fails only when signing it does.
pub fn request(
    external: &ExternalEndpoint,
    asked: &Asked<'_>,
    crypto: &dyn Crypto,
    now: Timestamp,
    jti: &[u8; 16],
) -> Result<Request, SignError> {
    let ExternalEndpoint { id, endpoint, grant, login, target_parameter, timeout_ms, digest: _ } = external;
    let Asked { token, target, scope } = asked;
    let mut form = Form::default();
    match grant {
        ExternalGrant::JwtBearer => {
            form.push("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            form.push("assertion", token);
        }
        ExternalGrant::TokenExchange => {
            form.push("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
            form.push("subject_token", token);
            form.push("subject_token_type", &format!("{TOKEN_TYPE}jwt"));
            form.push("requested_token_type", &format!("{TOKEN_TYPE}access_token"));
        }
    }
    if !scope.is_empty() {
        form.push("scope", scope);
    }
    match target_parameter {
        TargetParameter::Audience => form.push("audience", target),
        TargetParameter::Resource => form.push("resource", target),
        TargetParameter::None => {}
    }
    let authorization = match login {
        Login::None => None,
        Login::Basic(authorization) => Some(authorization.clone()),
        Login::Post { client_id, secret } => {
            form.push("client_id", client_id);
            form.push("client_secret", secret.expose());
            None
        }
        Login::Assertion { client_id, audience, key } => {
            let assertion = assertion(client_id, audience, key, crypto, now, jti)?;
            form.push("client_id", client_id);
            form.push("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            form.push("client_assertion", &assertion);
            None
        }
    };
    Ok(Request {
        id: id.clone(),
        endpoint: endpoint.clone(),
        key: key(external, asked),
        authorization,
        body: Secret::new(form.0.into_bytes()),
        timeout_ms: *timeout_ms,
    })
}

/// RFC 7523 §3 as draft-ietf-oauth-rfc7523bis narrows it: its only audience is the issuer identifier, so that a server
/// that got it cannot use it elsewhere (attack X3).
fn assertion(
    client_id: &str,
    audience: &str,
    key: &SigningKey,
    crypto: &dyn Crypto,
    now: Timestamp,
    jti: &[u8; 16],
) -> Result<String, SignError> {
    let header = json!({ "alg": key.alg().name(), "kid": key.kid(), "typ": ASSERTION_TYP });
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": mint::jti_text(jti),
        "iat": now.secs(),
        "exp": now.secs().saturating_add(ASSERTION_SECS),
    });
    let part = |value: &serde_json::Value| encoding::base64url(value.to_string().as_bytes());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = crypto.sign(key, input.as_bytes())?;
    Ok(format!("{input}.{}", encoding::base64url(&signature)))
}

/// How a token that is not ours is named in audit rows: the first 22 characters of the base64url of its SHA-256, which
/// is as long as a `jti` of ours.
pub fn name_of(token: &str) -> String {
    let mut name = encoding::base64url(Digest::of(token.as_bytes()).as_bytes());
    name.truncate(22);
    name
}

/// `bytes` as `application/x-www-form-urlencoded` writes a value.
pub fn form_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' ' => text.push('+'),
            b'-' | b'.' | b'_' | b'*' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => {
                text.push('%');
                text.push_str(&encoding::hex_upper(&[*byte]));
            }
        }
    }
    text
}

/// A form on its way out.
#[derive(Default)]
struct Form(String);

// === impl Form ===

impl Form {
    fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&form_encoded(value.as_bytes()));
    }
}

// === impl Request ===

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Request {}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
