//! The protected service: it answers with the request as it arrived, and remembers it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::server::Server;

/// Requests that are remembered.
const REMEMBERED: usize = 256;

/// A running upstream.
#[derive(Debug)]
pub struct Upstream {
    server: Server,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    last: VecDeque<Received>,
    /// Every bearer token that arrived, if they are kept.
    bearers: Option<Vec<String>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers in order, names lower case, values with bytes that are no text replaced.
    pub headers: Vec<(String, String)>,
    /// Trailers, likewise.
    pub trailers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: usize,
}

// === impl Upstream ===

impl Upstream {
    /// Starts on a free port.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on `port`; 0 takes a free one.
    pub async fn start_on(port: u16) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let router = Router::new().fallback(echo).with_state(Arc::clone(&seen));
        Self { server: Server::start_on(port, router).await, seen }
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// Requests that arrived so far.
    pub fn count(&self) -> u64 {
        self.seen.lock().expect("not poisoned").count
    }

    /// Keeps every bearer token that arrives from now on.
    pub fn keep_all(&self) {
        self.seen.lock().expect("not poisoned").bearers = Some(Vec::new());
    }

    /// The bearer tokens that arrived since [`Self::keep_all`].
    pub fn bearers(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").bearers.clone().unwrap_or_default()
    }

    /// The last request that arrived.
    pub fn last(&self) -> Option<Received> {
        self.seen.lock().expect("not poisoned").last.back().cloned()
    }
}

// === impl Received ===

impl Received {
    /// Every value of the header `name`.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The one bearer token.
    #[track_caller]
    pub fn bearer(&self) -> &str {
        let values = self.values("authorization");
        assert_eq!(values.len(), 1, "one authorization header: {:?}", self.headers);
        values[0].strip_prefix("Bearer ").expect("a bearer token")
    }

    /// As JSON, the form in which the upstream answers.
    pub fn to_json(&self) -> Value {
        let Self { method, path, headers, trailers, body_bytes } = self;
        json!({
            "method": method,
            "path": path,
            "headers": headers,
            "trailers": trailers,
            "body_bytes": body_bytes,
        })
    }

    /// From the upstream's answer.
    pub fn from_json(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pairs = |value: &Value| {
            let pairs = value.as_array().expect("an answer of our upstream");
            pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
        };
        Self {
            method: text(&answer["method"]),
            path: text(&answer["path"]),
            headers: pairs(&answer["headers"]),
            trailers: pairs(&answer["trailers"]),
            body_bytes: answer["body_bytes"].as_u64().and_then(|size| size.try_into().ok()).unwrap_or(0),
        }
    }
}

async fn echo(State(seen): State<Arc<Mutex<Seen>>>, request: Request<axum::body::Body>) -> Json<Value> {
    // A request that is cut short arrived all the same.
    {
        let mut seen = seen.lock().expect("not poisoned");
        seen.count += 1;
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if let (Some(bearers), Some(token)) = (&mut seen.bearers, token) {
            bearers.push(token.trim_start_matches("Bearer ").to_owned());
        }
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok();
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: pairs(&head.headers),
        trailers: body.as_ref().and_then(|body| body.trailers()).map(pairs).unwrap_or_default(),
        body_bytes: body.map_or(0, |body| body.to_bytes().len()),
    };
    let answer = received.to_json();
    let mut seen = seen.lock().expect("not poisoned");
    if seen.last.len() == REMEMBERED {
        seen.last.pop_front();
    }
    seen.last.push_back(received);
    Json(answer)
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}
