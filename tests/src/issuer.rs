//! An OIDC issuer: discovery and keys over HTTP, tokens for any workload, and the faults that real issuers have.

mod connection;
mod fault;
mod userinfo;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::{self, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::fault::Fault;
pub use self::userinfo::{LOGIN_ID, UserInfo};
use crate::envoy::Envoy;
use crate::jwt::{self, Key};
use crate::server::Server;
use crate::wait;

/// The audience of the tokens it issues unless told otherwise.
pub const AUDIENCE: &str = "https://api.example";

/// Where the keys are, below the issuer's URL.
const KEYS: &str = "/keys";

/// Where the discovery document is, below the issuer's URL.
const DOCUMENT: &str = "/.well-known/openid-configuration";

/// Where redirects lead, below the issuer's URL: whoever follows one finds good keys.
const ELSEWHERE: &str = "/elsewhere";

/// Where the UserInfo endpoint is, below the issuer's URL.
const USERINFO: &str = "/userinfo";

/// The type of what it publishes.
const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// A running issuer.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    shared: Arc<Shared>,
    iss: String,
}

#[derive(Debug)]
struct Shared {
    book: Mutex<Book>,
    fault: watch::Sender<Fault>,
    userinfo: watch::Sender<UserInfo>,
    /// Requests for the document or the keys that are being answered.
    open: AtomicU64,
    most_open: AtomicU64,
    /// Requests that an issuer which flaps has failed or not, in turn.
    turns: AtomicU64,
}

#[derive(Debug)]
struct Book {
    iss: String,
    url: String,
    keys: Vec<Key>,
    signer: Key,
    fetches: Fetches,
    cache_control: Option<String>,
    /// Published instead of the keys.
    key_text: Option<String>,
    /// Published instead of the discovery document.
    document_text: Option<String>,
}

/// Requests that reached the issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetches {
    /// For the discovery document.
    pub discovery: u64,
    /// For the keys.
    pub keys: u64,
    /// To the UserInfo endpoint.
    pub userinfo: u64,
    /// To where redirects lead.
    pub elsewhere: u64,
}

// === impl Issuer ===

impl Issuer {
    /// Starts an issuer whose `iss` is its own URL, signing with `key`.
    pub async fn start(key: Key) -> Self {
        Self::start_on(0, None, key).await
    }

    /// Starts an issuer whose `iss` is `iss`, which need not be a URL of ours.
    pub async fn start_as(iss: &str, key: Key) -> Self {
        Self::start_on(0, Some(iss), key).await
    }

    /// Starts on `port`; 0 takes a free one.
    pub async fn start_on(port: u16, iss: Option<&str>, key: Key) -> Self {
        let shared = Arc::new(Shared {
            book: Mutex::new(Book {
                iss: String::new(),
                url: String::new(),
                keys: vec![key.clone()],
                signer: key,
                fetches: Fetches::default(),
                cache_control: None,
                key_text: None,
                document_text: None,
            }),
            fault: watch::Sender::new(Fault::None),
            userinfo: watch::Sender::new(UserInfo::Good),
            open: AtomicU64::new(0),
            most_open: AtomicU64::new(0),
            turns: AtomicU64::new(0),
        });
        let router = Router::new()
            .route(DOCUMENT, get(discovery))
            .route(KEYS, get(keys))
            .route(ELSEWHERE, get(elsewhere))
            .route(USERINFO, get(userinfo::answer))
            .with_state(Arc::clone(&shared));
        let answering = Arc::clone(&shared);
        let converse = move |stream| connection::serve(stream, Arc::clone(&answering), router.clone());
        let server = Server::start_raw(port, converse).await;
        let url = format!("http://127.0.0.1:{}", server.port());
        let iss = iss.unwrap_or(&url).to_owned();
        {
            let mut book = shared.book();
            book.iss.clone_from(&iss);
            book.url = url;
        }
        Self { server, shared, iss }
    }

    /// The same under another URL, which leads to it: its `iss` and what its discovery document names are there.
    pub fn reached_at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.iss);
        {
            let mut book = self.shared.book();
            url.clone_into(&mut book.iss);
            url.clone_into(&mut book.url);
        }
        self
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.server.port()
    }

    /// Its `iss` text.
    pub fn iss(&self) -> &str {
        &self.iss
    }

    /// The URL of its keys.
    pub fn keys_url(&self) -> String {
        self.shared.book().keys_url()
    }

    /// The URL of its UserInfo endpoint.
    pub fn userinfo_url(&self) -> String {
        format!("{}{USERINFO}", self.shared.book().url)
    }

    /// Makes the UserInfo endpoint answer like this.
    pub fn set_userinfo(&self, userinfo: UserInfo) {
        self.shared.userinfo.send_replace(userinfo);
    }

    /// Its published JWK set.
    pub fn jwks(&self) -> Value {
        self.shared.book().jwks()
    }

    /// Claims of a good token for `subject`: one change makes it a bad one.
    pub fn claims(&self, subject: &str) -> Value {
        let now = jwt::now();
        json!({ "iss": self.iss, "sub": subject, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600 })
    }

    /// A good token for `subject`.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&self.claims(subject))
    }

    /// A token with `claims`, signed with the current key.
    pub fn sign(&self, claims: &Value) -> String {
        self.shared.book().signer.token(claims)
    }

    /// The key that signs.
    pub fn key(&self) -> Key {
        self.shared.book().signer.clone()
    }

    /// Publishes `key` beside the others and signs with it.
    pub fn add_key(&self, key: Key) {
        let mut book = self.shared.book();
        book.keys.push(key.clone());
        book.signer = key;
    }

    /// Publishes `key` alone and signs with it.
    pub fn replace_keys(&self, key: Key) {
        let mut book = self.shared.book();
        book.keys = vec![key.clone()];
        book.signer = key;
    }

    /// Publishes `keys`, of which there is one at least, and signs with the last.
    pub fn rotate(&self, keys: &[Key]) {
        let mut book = self.shared.book();
        book.signer = keys.last().expect("a key").clone();
        book.keys = keys.to_vec();
    }

    /// Publishes this text as its keys, whatever it is.
    pub fn publish(&self, text: impl Into<String>) {
        self.shared.book().key_text = Some(text.into());
    }

    /// Publishes its keys again.
    pub fn publish_keys(&self) {
        self.shared.book().key_text = None;
    }

    /// Its discovery document.
    pub fn document(&self) -> Value {
        self.shared.book().document()
    }

    /// Publishes this text as its discovery document, whatever it is.
    pub fn describe(&self, text: impl Into<String>) {
        self.shared.book().document_text = Some(text.into());
    }

    /// Publishes its discovery document again.
    pub fn describe_itself(&self) {
        self.shared.book().document_text = None;
    }

    /// Sets the `cache-control` of the keys.
    pub fn set_cache_control(&self, value: &str) {
        self.shared.book().cache_control = Some(value.to_owned());
    }

    /// How often it was asked.
    pub fn fetches(&self) -> Fetches {
        self.shared.book().fetches
    }

    /// How often it was asked, once every VM of `envoy` has asked for its keys: those that answer requests may have
    /// them while the main thread's waits to ask again, because Envoy refused its first call. Not for gateways whose
    /// VMs share keys.
    pub async fn fetches_by_all(&self, envoy: &Envoy) -> Fetches {
        wait::until("every VM asks for keys", wait::PATIENCE, async || self.fetches().keys >= envoy.vms())
            .await;
        self.fetches()
    }

    /// How many requests for its document or keys it was answering at once, at most.
    pub fn most_at_once(&self) -> u64 {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    /// Forgets how many there were at once.
    pub fn forget_most_at_once(&self) {
        self.shared.most_open.store(0, Ordering::SeqCst);
    }

    /// Makes it fail, or work again with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.shared.fault.send_replace(fault);
    }

    /// Refuses connections.
    pub async fn go_down(&mut self) {
        self.server.stop().await;
    }

    /// Accepts connections again.
    pub async fn come_up(&mut self) {
        self.server.resume().await;
    }
}

// === impl Shared ===

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits out a hold; a status is the answer.
    async fn fault(&self) -> Option<Response> {
        let mut fault = self.fault.subscribe();
        let now = *fault.wait_for(|fault| *fault != Fault::Hold).await.ok()?;
        now.status(|| self.turns.fetch_add(1, Ordering::SeqCst)).map(IntoResponse::into_response)
    }
}

// === impl Book ===

impl Book {
    fn keys_url(&self) -> String {
        format!("{}{KEYS}", self.url)
    }

    fn jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(Key::jwk).collect::<Vec<_>>() })
    }

    fn document(&self) -> Value {
        json!({ "issuer": self.iss, "jwks_uri": self.keys_url() })
    }

    fn key_answer(&self) -> Response {
        let text = self.key_text.clone().unwrap_or_else(|| self.jwks().to_string());
        match &self.cache_control {
            Some(value) => (JSON, [(header::CACHE_CONTROL, value.clone())], text).into_response(),
            None => (JSON, text).into_response(),
        }
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    shared.book().fetches.discovery += 1;
    if let Some(fault) = shared.fault().await {
        return fault;
    }
    let book = shared.book();
    let text = book.document_text.clone().unwrap_or_else(|| book.document().to_string());
    (JSON, text).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.book().fetches.keys += 1;
    match shared.fault().await {
        Some(fault) => fault,
        None => shared.book().key_answer(),
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> Response {
    let mut book = shared.book();
    book.fetches.elsewhere += 1;
    book.key_answer()
}
