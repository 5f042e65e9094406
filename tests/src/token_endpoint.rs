//! Requests at a token endpoint and what must come back, as data: the same for a gateway's and the control plane's.

mod cases;

use hyper::Method;
use serde_json::Value;

pub use self::cases::{grants, refusals};
use crate::client::{Answer, Request};
use crate::issuer::Issuer;
use crate::jwt::{self, Parts};

/// RFC 7523.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 8693.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Beginning of the token types of RFC 8693 §3.
pub const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:";
/// Where forms are posted.
pub const TOKEN: &str = "/oauth2/v1/token";
/// Where the JSON form is posted.
pub const EXCHANGE: &str = "/v1/auth/oidc/exchange";
/// The longest body that is read, in bytes.
pub const MOST_BYTES: usize = 65_536;

/// What a test knows of the endpoint that it asks.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Whose tokens are trusted.
    pub issuer: &'a Issuer,
    /// A client with both grants, which any workload may use. Its binding has the scopes `read` and `write`, and one
    /// target, [`crate::policy::TARGET`].
    pub client: &'a str,
    /// Its secret, which it need not present.
    pub secret: &'a str,
}

/// A request that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What is wrong.
    pub name: &'static str,
    /// The request.
    pub request: Request,
    /// The answer's status.
    pub status: u16,
    /// Its `error`.
    pub error: &'static str,
    /// More headers that it must have.
    pub headers: &'static [(&'static str, &'static str)],
}

/// A request that is granted.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What it shows.
    pub name: &'static str,
    /// The request.
    pub request: Request,
    /// Members of the answer beside the token and the times.
    pub members: Value,
    /// Names of all its members, in its order.
    pub names: &'static [&'static str],
}

// === impl Refusal ===

impl Refusal {
    /// Fails the test unless `answer` is exactly this refusal.
    #[track_caller]
    pub fn check(&self, answer: &Answer) {
        let Self { name, status, error, headers, .. } = self;
        assert_eq!(answer.status.as_u16(), *status, "{name}: {}", answer.text());
        assert_eq!(answer.text(), format!("{{\"error\":\"{error}\"}}\n"), "{name}");
        let always =
            [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")];
        for (header, value) in always.iter().chain(*headers) {
            assert_eq!(answer.header(header), Some(*value), "{name}: {header}");
        }
        let challenge = answer.header("www-authenticate");
        assert!(*status == 401 || challenge.is_none(), "{name}: {challenge:?}");
    }
}

// === impl Grant ===

impl Grant {
    /// Fails the test unless `answer` is exactly this grant; returns the access token.
    #[track_caller]
    pub fn check(&self, answer: &Answer) -> String {
        let Self { name, members, names, .. } = self;
        assert_eq!(answer.status.as_u16(), 200, "{name}: {}", answer.text());
        for (header, value) in
            [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")]
        {
            assert_eq!(answer.header(header), Some(value), "{name}: {header}");
        }
        let text = answer.text();
        let places: Vec<_> = names.iter().map(|member| text.find(&format!("\"{member}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: {text}");
        let got = answer.json();
        assert_eq!(got.as_object().map(serde_json::Map::len), Some(names.len()), "{name}: {text}");
        for (member, value) in members.as_object().expect("members") {
            assert_eq!(&got[member], value, "{name}: {member}");
        }
        let token = got["access_token"].as_str().expect("an access token");
        let left = Parts::of(token).claims["exp"].as_i64().expect("an end") - jwt::now();
        let said = got["expires_in"].as_i64().expect("whole seconds");
        assert!((left - 1..=left + 1).contains(&said) && said > 0, "{name}: {said} of {left} seconds");
        if names.contains(&"token") {
            assert_eq!(got["token"], got["access_token"], "{name}");
        }
        token.to_owned()
    }
}

/// A form of these fields at the token endpoint.
pub fn form(fields: &[(&str, &str)]) -> Request {
    Request::new(Method::POST, TOKEN).form(&encoded(fields))
}

/// Fields as a form has them (the URL standard's `application/x-www-form-urlencoded`).
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
