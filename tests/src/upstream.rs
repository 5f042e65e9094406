//! The protected service: it answers with the request as it arrived, and remembers it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::Request;
use axum::{Json, Router};
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
        json!({ "method": self.method, "path": self.path, "headers": self.headers })
    }

    /// From the upstream's answer.
    pub fn from_json(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let headers = answer["headers"].as_array().expect("an answer of our upstream");
        Self {
            method: text(&answer["method"]),
            path: text(&answer["path"]),
            headers: headers.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        }
    }
}

async fn echo(State(seen): State<Arc<Mutex<Seen>>>, request: Request<axum::body::Body>) -> Json<Value> {
    let received = Received {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
    };
    let answer = received.to_json();
    let mut seen = seen.lock().expect("not poisoned");
    seen.count += 1;
    if seen.last.len() == REMEMBERED {
        seen.last.pop_front();
    }
    seen.last.push_back(received);
    Json(answer)
}
