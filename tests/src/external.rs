//! A token endpoint of somebody else that a test can make fail: RFC 7523 in, opaque tokens out.
//!
//! Deliberately absent: any check of the assertion. That a real server takes what we send is shown with one that is not
//! ours, [`crate::fosite`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::jwt::Parts;
use crate::server::Server;

/// Our name there.
pub const CLIENT_ID: &str = "edge";
/// The secret that it knows at first.
pub const SECRET: &str = "first-secret";
/// Where redirects lead.
const ELSEWHERE: &str = "/elsewhere";

/// A running token endpoint.
#[derive(Debug)]
pub struct TokenEndpoint {
    server: Server,
    shared: Arc<Shared>,
}

/// How it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Manner {
    /// As it should.
    Good,
    /// As it should, with these members changed; null takes one away.
    Changed(Value),
    /// With this status and nothing else.
    Status(u16),
    /// With an error of RFC 6749 §5.2 under this status.
    Error(u16, &'static str),
    /// With this text, said to be of this type.
    Text(&'static str, String),
    /// With a redirect to where good answers are.
    Redirect,
    /// Not before it is told otherwise.
    Hold,
}

#[derive(Debug)]
struct Shared {
    book: Mutex<Book>,
    manner: watch::Sender<Manner>,
}

#[derive(Debug)]
struct Book {
    secret: String,
    /// How often each subject was asked for.
    asked: BTreeMap<String, u64>,
    given: u64,
    elsewhere: u64,
}

// === impl TokenEndpoint ===

impl TokenEndpoint {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let book = Book { secret: SECRET.to_owned(), asked: BTreeMap::new(), given: 0, elsewhere: 0 };
        let shared = Arc::new(Shared { book: Mutex::new(book), manner: watch::Sender::new(Manner::Good) });
        let router = Router::new()
            .route("/token", post(answer))
            .route(ELSEWHERE, post(elsewhere).get(elsewhere))
            .with_state(Arc::clone(&shared));
        Self { server: Server::start(router).await, shared }
    }

    /// It as an external endpoint called `partner`, its secret in the document.
    pub fn document(&self) -> Value {
        json!({
            "id": "partner",
            "uri": format!("http://127.0.0.1:{}/token", self.server.port()),
            "grant": "jwt-bearer",
            "login": { "method": "client_secret_basic", "client_id": CLIENT_ID, "secret": { "value": SECRET } },
            "timeout_ms": 1_000,
            "allow_http": true,
        })
    }

    /// Makes it answer like this.
    pub fn set(&self, manner: Manner) {
        self.shared.manner.send_replace(manner);
    }

    /// Makes it know another secret.
    pub fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.book().secret);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.shared.book().asked.values().sum()
    }

    /// How often it was asked for this subject.
    pub fn asked_for(&self, subject: &str) -> u64 {
        self.shared.book().asked.get(subject).copied().unwrap_or_default()
    }

    /// How often somebody followed a redirect.
    pub fn elsewhere(&self) -> u64 {
        self.shared.book().elsewhere
    }

    /// Refuses connections from now on, and cuts those that are open.
    pub async fn go_down(&mut self) {
        self.server.stop().await;
    }

    /// Serves again.
    pub async fn come_up(&mut self) {
        self.server.resume().await;
    }
}

// === impl Shared ===

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = String::from_utf8(body.into()).unwrap_or_default();
    let assertion = form.split('&').find_map(|pair| pair.strip_prefix("assertion="));
    let Some(assertion) = assertion else { return error(400, "invalid_request") };
    let subject = Parts::of(assertion).claims["sub"].as_str().unwrap_or_default().to_owned();
    *shared.book().asked.entry(subject).or_default() += 1;
    let mut manner = shared.manner.subscribe();
    let Ok(manner) = manner.wait_for(|manner| *manner != Manner::Hold).await.map(|manner| manner.clone())
    else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match manner {
        Manner::Good | Manner::Hold => {
            // RFC 6749 §2.3.1: each half is form-encoded. Nothing else in a secret of a test needs it.
            let secret = shared.book().secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{secret}")));
            let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if sent != Some(&*expected) {
                return error(401, "invalid_client");
            }
            said("application/json", good(&shared).to_string())
        }
        Manner::Changed(changes) => {
            let mut members = good(&shared);
            for (name, value) in changes.as_object().expect("changes are an object") {
                members[name] = value.clone();
            }
            members.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
            said("application/json", members.to_string())
        }
        Manner::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Manner::Error(status, name) => error(status, name),
        Manner::Text(content_type, text) => said(content_type, text),
        Manner::Redirect => (StatusCode::FOUND, [(header::LOCATION, ELSEWHERE)]).into_response(),
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> Response {
    shared.book().elsewhere += 1;
    said("application/json", good(&shared).to_string())
}

fn good(shared: &Shared) -> Value {
    let mut book = shared.book();
    book.given += 1;
    json!({
        "access_token": format!("given-{}", book.given), "token_type": "Bearer", "expires_in": 300,
        "scope": "read",
    })
}

fn said(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn error(status: u16, name: &str) -> Response {
    let mut response = said("application/json", json!({ "error": name }).to_string());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}
