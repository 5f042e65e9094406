//! A deployment in a temporary folder with clients that speak for an administrator, a gateway or nobody.

use core::{net::SocketAddr, time::Duration};
use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use cambist_control_plane::{
    app::{App, Options, Stop},
    clock::Clock,
    fetching::{Fetcher, network::Network},
    init,
    keys::seal::Kek,
    store::{Store, sqlite::SqliteStore},
};
use cambist_core::{time::Timestamp, wire::snapshot::Record};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(super) const AUTHORITY: &str = "https://auth.example";
/// When the manual clock starts.
pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
/// How long a test waits for what must come at once. Only a failure takes that long.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// A deployment.
pub(super) struct Bench {
    pub(super) app: Arc<App>,
    pub(super) store: Arc<SqliteStore>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) folder: TempDir,
    pub(super) admin: Client,
    pub(super) nobody: Client,
}

/// Someone who calls.
#[derive(Clone)]
pub(super) struct Client {
    router: Router,
    token: Option<String>,
    peer: Option<SocketAddr>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) fn mk_kek() -> Kek {
    Kek::parse(&"a5".repeat(32)).unwrap()
}

// === impl Bench ===

impl Bench {
    pub(super) async fn new() -> Self {
        Self::of(AUTHORITY).await
    }

    pub(super) async fn of(authority: &str) -> Self {
        Self::with(authority, Fetcher::default()).await
    }

    /// With another way out to issuers.
    pub(super) async fn on(network: Arc<dyn Network>) -> Self {
        Self::with(AUTHORITY, Fetcher::new(network)).await
    }

    async fn with(authority: &str, fetcher: Fetcher) -> Self {
        let options = Options { fetcher, ..Options::default() };
        let folder = TempDir::new().unwrap();
        let clock = Clock::manual(START);
        let store = Arc::new(SqliteStore::open(&folder.path().join("cambist.db")).await.unwrap());
        let token = init::initialise(&*store, &mk_kek(), authority, clock.now()).await.unwrap();
        let known = Arc::<SqliteStore>::clone(&store);
        let (app, stop) = App::with(known, mk_kek(), clock.clone(), options);
        let nobody = Client { router: app.router(), token: None, peer: "127.0.0.1:1".parse().ok() };
        let admin = nobody.with_token(token.expose());
        Self { app, store, clock, stop, folder, admin, nobody }
    }

    /// A gateway and a client with its token.
    pub(super) async fn gateway(&self, name: &str, may_mint: bool) -> Client {
        let made = self.admin.post("/v1/gateways", json!({ "name": name, "may_mint": may_mint })).await;
        self.nobody.with_token(made.created()["token"].as_str().unwrap())
    }

    /// Issuer `eks`, a client with binding `shop`, and route `all`. Returns the client's id.
    pub(super) async fn configure(&self) -> String {
        self.admin.post("/v1/issuers", mk_issuer()).await.created();
        let made = self.admin.post("/v1/clients", json!({ "name": "shop" })).await.created();
        let client = made["client_id"].as_str().unwrap().to_owned();
        let bindings = format!("/v1/clients/{client}/bindings");
        self.admin.post(&bindings, mk_binding()).await.created();
        self.admin.post("/v1/routes", mk_route(&client)).await.created();
        client
    }

    pub(super) fn epoch(&self) -> u64 {
        self.app.head("default").epoch
    }

    pub(super) async fn audit(&self) -> Vec<(String, String, String)> {
        let rows = self.store.audit("default", 0, 1000).await.unwrap();
        rows.into_iter().map(|row| (row.actor, row.action, row.object)).collect()
    }
}

pub(super) fn mk_issuer() -> Value {
    json!({ "id": "eks", "iss": "https://issuer.example" })
}

pub(super) fn mk_binding() -> Value {
    json!({ "id": "shop", "issuer": "eks", "audiences": ["api"], "subjects": ["cart"], "targets": ["upstream"] })
}

pub(super) fn mk_route(client: &str) -> Value {
    json!({
        "id": "all", "host": "*", "path": { "prefix": "/" }, "clients": [client], "exchange": "gateway",
    })
}

// === impl Client ===

impl Client {
    pub(super) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Speaks to another router.
    pub(super) fn on(&self, router: Router) -> Self {
        Self { router, ..self.clone() }
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(super) fn with_peer(&self, peer: &str) -> Self {
        Self { peer: peer.parse().ok(), ..self.clone() }
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub(super) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, Body::empty()).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, if_match: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[("if-match", if_match)], body.to_string()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Body::empty()).await
    }

    /// Sends a request in the background, for answers that are held.
    pub(super) fn held(&self, path: &str, etag: Option<&str>) -> tokio::task::JoinHandle<Answer> {
        let (client, path, etag) = (self.clone(), path.to_owned(), etag.map(str::to_owned));
        tokio::spawn(async move {
            match etag {
                Some(etag) => client.get_with(&path, &[("if-none-match", &etag)]).await,
                None => client.get(&path).await,
            }
        })
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }

    pub(super) fn created(&self) -> Value {
        assert_eq!(self.status, StatusCode::CREATED, "{self:?}");
        self.json()
    }

    pub(super) fn no_content(&self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{self:?}");
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    pub(super) fn etag(&self) -> String {
        self.header("etag").to_owned()
    }

    /// The problem's code, after a look at what every problem must have.
    #[track_caller]
    pub(super) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        for member in ["type", "title", "status", "detail", "code"] {
            assert!(!problem[member].is_null(), "{member}: {problem}");
        }
        assert_eq!(problem["status"], status);
        problem
    }

    /// The pointers of a refused document, sorted.
    #[track_caller]
    pub(super) fn pointers(&self) -> Vec<String> {
        let problem = self.problem(422);
        assert_eq!(problem["code"], "invalid_document");
        let errors = problem["errors"].as_array().unwrap();
        let mut all: Vec<String> =
            errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    }

    /// The records of a snapshot.
    pub(super) fn records(&self) -> Vec<Record> {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let text = core::str::from_utf8(&self.body).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Looks every few milliseconds whether `condition` holds, until it does.
pub(super) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("the condition holds in time");
}
