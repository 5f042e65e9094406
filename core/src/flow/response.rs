//! Local replies. What the caller sees of a denial is the same for all reasons behind one status.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    denial::{Denial, Row},
    exchange::metadata,
    policy::Route,
};

const RETRY_AFTER: &str = "retry-after";

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
}

// === impl Response ===

impl Response {
    /// The answer to a refused request (RFC 6750 §3).
    pub fn denial(denial: Denial, route: Option<&Route>) -> Self {
        let Row { status, error, retry_after, .. } = denial.row();
        let mut headers = Vec::from([("cache-control", String::from("no-store"))]);
        let scope = route.map(|route| route.scope.as_str()).filter(|scope| !scope.is_empty());
        let metadata = route.and_then(|route| route.resource_metadata.as_deref());
        // RFC 6749 §3.3 scopes hold neither quotes nor backslashes, and nor do addresses of metadata.
        let parameter = |name: &str, value: Option<&str>| value.map(|value| format!("{name}=\"{value}\""));
        let is_challenged = status == 401 || error == Some("insufficient_scope");
        let challenge = is_challenged.then(|| {
            // Without metadata there is nothing that a scope would help to ask for before there is a token.
            let scope = scope.filter(|_| status == 403 || metadata.is_some());
            let parameters = [
                parameter("resource_metadata", metadata),
                parameter("error", error),
                parameter("scope", scope),
            ];
            let parameters = parameters.into_iter().flatten().collect::<Vec<_>>().join(", ");
            if parameters.is_empty() { String::from("Bearer") } else { format!("Bearer {parameters}") }
        });
        headers.extend(challenge.map(|challenge| ("www-authenticate", challenge)));
        headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.to_string())));
        let body = match error {
            Some(error) => {
                headers.push(("content-type", String::from("application/json")));
                format!("{{\"error\":\"{error}\"}}\n")
            }
            None => String::new(),
        };
        Self { status, headers, body }
    }

    /// Says after how many seconds asking again makes sense, where that is known better than the denial's row says.
    pub(super) fn until(mut self, seconds: Option<u32>) -> Self {
        if let Some(seconds) = seconds {
            self.headers.retain(|(name, _)| *name != RETRY_AFTER);
            self.headers.push((RETRY_AFTER, seconds.to_string()));
        }
        self
    }

    /// Seconds after which asking again makes sense, if it says so.
    pub fn retry_after(&self) -> Option<u32> {
        let (_, seconds) = self.headers.iter().find(|(name, _)| *name == RETRY_AFTER)?;
        seconds.parse().ok()
    }

    /// The answer to a refused request at the token endpoint (RFC 6749 §5.2).
    pub fn grant_denial(row: Row, uses_authorization: bool) -> Self {
        let Row { status, error, retry_after, .. } = row;
        let mut headers = no_store();
        if status == 401 && uses_authorization {
            headers.push(("www-authenticate", String::from("Basic realm=\"token endpoint\"")));
        }
        headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.to_string())));
        let error = error.unwrap_or("server_error");
        Self { status, headers, body: format!("{{\"error\":\"{error}\"}}\n") }
    }

    /// The answer to a granted request at the token endpoint (RFC 6749 §5.1).
    pub(super) fn granted(body: String) -> Self {
        Self { status: 200, headers: no_store(), body }
    }

    /// A document that anyone may keep for a while.
    pub(super) fn document(content_type: &str, body: String) -> Self {
        let headers = Vec::from([
            ("cache-control", String::from(metadata::CACHE_CONTROL)),
            ("content-type", String::from(content_type)),
        ]);
        Self { status: 200, headers, body }
    }
}

fn no_store() -> Vec<(&'static str, String)> {
    Vec::from([
        ("cache-control", String::from("no-store")),
        ("pragma", String::from("no-cache")),
        ("content-type", String::from("application/json")),
    ])
}
