//! The gateway that all rows share, with the issuers and routes that they need.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, mpsc};
use std::thread;

use cambist_tests::envoy::config;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::{Policy, binding, route};
use cambist_tests::stage::Stage;
use serde_json::{Value, json};
use tokio::runtime::{self, Runtime};
use tokio::sync::Mutex;

use super::forgery::OddKeys;
use super::row::Row;

/// The listener that changes nothing about a request and bounds little.
pub(super) const PLAIN: &str = "plain";

/// The `iss` of the issuer whose keys are [`OddKeys`].
pub(super) const ODD: &str = "https://odd.example";

/// The `iss` of an issuer whose tokens must have one audience and be young. Its keys are the first issuer's.
pub(super) const NARROW: &str = "https://narrow.example";

/// An audience under which one subject is known, [`PERSON`].
pub(super) const PEOPLE: &str = "https://people.example";

/// The one subject.
pub(super) const PERSON: &str = "alice@example.com";

/// A second audience of access tokens.
pub(super) const SECOND_TARGET: &str = "https://second.example";

/// A host with protected paths of every kind and everything else open.
pub(super) const OPEN_HOST: &str = "open.example";

/// What all rows share.
pub(super) struct Ground {
    pub(super) stage: Stage,
    /// Another trusted issuer, with a key of the same name.
    pub(super) other: Issuer,
    /// Published beside the first issuer's P-256 key.
    pub(super) rsa: Key,
    pub(super) odd: OddKeys,
    numbers: AtomicUsize,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

static GROUND: Mutex<Option<Ground>> = Mutex::const_new(None);

static ROWS: AtomicUsize = AtomicUsize::new(0);
static CASES: AtomicUsize = AtomicUsize::new(0);

/// Runs one row while no other one runs.
pub(super) fn run(row: impl AsyncFnOnce(&mut Row<'_>)) {
    RUNTIME.block_on(async {
        let mut place = GROUND.lock().await;
        // Taken out: after a row that fails, the next one starts anew.
        let ground = place.take().unwrap_or_else(on_a_thread_that_stays);
        let mut open = Row::open(&ground).await;
        row(&mut open).await;
        let cases = open.close().await;
        let cases = CASES.fetch_add(cases, Ordering::Relaxed) + cases;
        let rows = ROWS.fetch_add(1, Ordering::Relaxed) + 1;
        if rows < super::every_row().count() {
            *place = Some(ground);
        } else {
            super::say(&format!("refusals: every row held, {cases} cases"));
        }
    });
}

/// What a thread starts is killed when the thread ends, and threads of tests end with their test.
fn on_a_thread_that_stays() -> Ground {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        sender.send(RUNTIME.block_on(Ground::start())).expect("the row waits");
        loop {
            thread::park();
        }
    });
    receiver.recv().expect("the gateway starts")
}

impl Ground {
    async fn start() -> Self {
        let key = Key::p256("first");
        let rsa = Key::rsa("rsa");
        let issuer = Issuer::start(rsa.clone()).await;
        issuer.add_key(key);
        let other = Issuer::start(Key::p256("first")).await;
        let odd = OddKeys::new();
        let policy = policy(&issuer, &other, &odd);
        let stage = Stage::inline_on(1, issuer, &policy, |filter| {
            vec![
                config::listener("gateway", std::slice::from_ref(&filter), "upstream"),
                config::managed_by(PLAIN, &plain(filter)),
            ]
        })
        .await;
        let ground = Self { stage, other, rsa, odd, numbers: AtomicUsize::new(0) };
        // Rows are not to wait for the first fetch.
        ground.stage.present(&ground.stage.issuer.token("job")).await.expect(200);
        ground.stage.present(&ground.other.token("job")).await.expect(200);
        ground.stage.issuer.fetches_by_all(&ground.stage.envoy).await;
        ground.other.fetches_by_all(&ground.stage.envoy).await;
        ground.stage.envoy.until_counted("cambist.decision.minted", 2).await;
        ground
    }

    /// A number that was never given before.
    pub(super) fn number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

fn policy(issuer: &Issuer, other: &Issuer, odd: &OddKeys) -> Policy {
    let mut policy = Policy::exchange(issuer).and("other", other);
    for binding in &mut policy.bindings {
        binding["targets"].as_array_mut().expect("a list").push(json!(SECOND_TARGET));
    }
    policy
        .issuers
        .push(json!({ "id": "odd", "iss": ODD, "keys": { "source": "inline", "jwks": odd.jwks() } }));
    policy.bindings.push(binding("odd", "odd"));
    policy.issuers.push(json!({
        "id": "narrow", "iss": NARROW, "audience": "exactly_one", "max_age": 300,
        "keys": { "source": "inline", "jwks": issuer.jwks() },
    }));
    policy.bindings.push(binding("narrow", "narrow"));
    let mut people = binding("people", "main");
    people["audiences"] = json!([PEOPLE]);
    people["subjects"] = json!([PERSON]);
    people["allow_any_subject"] = json!(false);
    policy.bindings.push(people);
    policy.clients.push(json!({ "client_id": "cl_other", "name": "Other" }));
    policy.routes.extend(routes());
    policy
}

fn routes() -> Vec<Value> {
    let at = |id: &str, path: &str, changes: Value| {
        let mut route = route(id, path, "none");
        for (name, value) in changes.as_object().expect("an object") {
            route[name] = value.clone();
        }
        route
    };
    let protected = |id: &str, path: Value| at(id, "/", json!({ "host": OPEN_HOST, "path": path }));
    vec![
        at("optional", "/optional", json!({ "mode": "optional" })),
        at("foreign", "/foreign", json!({ "mode": "optional", "foreign_token": "pass" })),
        at("observe", "/observe", json!({ "mode": "observe" })),
        at("cors", "/cors", json!({ "cors_preflight": true })),
        at("verify", "/verify", json!({})),
        at("admin-scope", "/admin-scope", json!({ "scopes": ["admin"] })),
        at("other-client", "/other-client", json!({ "clients": ["cl_other"] })),
        at("second", "/second", json!({ "exchange": "gateway", "target": SECOND_TARGET })),
        at("write", "/write", json!({ "exchange": "gateway", "scopes": ["write"] })),
        protected("exact", json!({ "exact": "/shop/admin" })),
        protected("template", json!({ "template": "/tenants/{id}/admin" })),
        protected("prefix", json!({ "prefix": "/internal" })),
        at("open", "/", json!({ "host": OPEN_HOST, "mode": "optional" })),
    ]
}

/// A connection manager that leaves as much as it can to our filter.
fn plain(filter: Value) -> Value {
    let mut manager = config::manager(PLAIN, &[filter], "upstream");
    let more = json!({
        "normalize_path": false,
        "max_request_headers_kb": 4_096,
        "common_http_protocol_options": { "max_headers_count": 4_096 },
        "http_protocol_options": { "accept_http_10": true, "enable_trailers": true },
        "http2_protocol_options": { "allow_connect": true },
        "upgrade_configs": [{ "upgrade_type": "CONNECT" }],
    });
    for (name, value) in more.as_object().expect("an object") {
        manager[name] = value.clone();
    }
    manager
}
