//! The control plane as fetcher: how it gets to an issuer, what it never asks, and what gateways get of it.

use core::time::Duration;
use std::sync::Arc;

use cambist_control_plane::{
    app::{App, Options},
    fetching::{
        Fetcher, PATIENCE,
        schedule::Schedule,
        stages::{Journey, Step},
    },
    store::Store,
};
use cambist_core::{
    endpoint::Endpoint,
    wire::snapshot::{Carrier, Issuer},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{
    bench::{Bench, START, mk_kek, until},
    origin::{Authority, Leaf, Net, Origin, PUBLIC, proxy},
    pushed::{carried, mk_key, mk_set},
};

const SNAPSHOT: &str = "/gateway/v1/snapshot";
const DOCUMENT: &str = "/.well-known/openid-configuration";
const NAME: &str = "issuer.example";
const KEYS: &str = "https://issuer.example/keys";

/// An issuer whose keys are fetched from its own address, with the authority `ca`.
fn mk_issuer(ca: Option<&str>) -> Value {
    let mut issuer = json!({
        "id": "cell", "iss": "https://issuer.example", "max_stale": 600,
        "keys": { "source": "control_plane", "uri": KEYS },
    });
    if let Some(ca) = ca {
        issuer["keys"]["ca"] = json!(ca);
    }
    issuer
}

/// A server with the certificate of `leaf`, and the authority that issued it.
async fn mk_origin(leaf: Leaf<'_>) -> (Origin, Authority) {
    let authority = Authority::new();
    (Origin::new(Some(authority.acceptor(leaf))).await, authority)
}

async fn mk_bench(net: &Arc<Net>, issuer: Value) -> Bench {
    let bench = Bench::on(Arc::<Net>::clone(net)).await;
    bench.admin.post("/v1/issuers", issuer).await.created();
    bench
}

/// A schedule that keeps to its times.
pub(super) fn mk_schedule(app: &Arc<App>) -> Schedule {
    Schedule::spread_by(Arc::clone(app), || 10)
}

async fn step(schedule: &mut Schedule) {
    schedule.turn().await.unwrap();
    schedule.settle().await;
}

async fn trial(bench: &Bench) -> Value {
    bench.admin.post("/v1/issuers/cell/test", json!({})).await.ok()
}

/// The stage that failed, after a look at those before and behind it.
#[track_caller]
fn failure(trial: &Value) -> (String, String) {
    assert_eq!(trial["ok"], false, "{trial:#}");
    let stages = trial["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 7, "{trial:#}");
    let at = stages.iter().position(|stage| stage["outcome"] == "failed").unwrap();
    assert!(stages[..at].iter().all(|stage| stage["outcome"] == "ok"), "{trial:#}");
    assert!(stages[at + 1..].iter().all(|stage| stage["outcome"] == "not_reached"), "{trial:#}");
    assert!(!stages[at]["next"].as_str().unwrap().is_empty());
    let text = |member: &str| stages[at][member].as_str().unwrap().to_owned();
    (text("stage"), text("error"))
}

#[tokio::test]
async fn fetches_with_the_issuers_own_authority_and_carries_the_keys() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, mk_issuer(Some(&authority.pem))).await;
    let gateway = bench.gateway("edge", false).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await), (Carrier::ControlPlane, None));
    let mut schedule = mk_schedule(&bench.app);
    step(&mut schedule).await;
    let first = gateway.get(SNAPSHOT).await;
    assert_eq!(carried(&first), (Carrier::ControlPlane, Some(mk_set(&["a"]))));
    let [head] = origin.heads().try_into().unwrap();
    assert!(
        head.contains("host: issuer.example\r\n") && head.contains("accept-encoding: identity\r\n"),
        "{head}"
    );

    // Not before it is due, and the same again changes nothing.
    let epoch = bench.epoch();
    step(&mut schedule).await;
    assert_eq!(origin.heads().len(), 1);
    bench.clock.set(START.plus_secs(400));
    step(&mut schedule).await;
    assert_eq!(origin.heads().len(), 2);
    assert_eq!((bench.epoch(), gateway.get(SNAPSHOT).await.etag()), (epoch, first.etag()));

    origin.set("/keys", &mk_set(&["b"]));
    bench.clock.set(START.plus_secs(800));
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["b"])));
    let fetched = (String::from("system"), String::from("fetch_keys"), String::from("cell"));
    assert_eq!(bench.audit().await.iter().filter(|row| **row == fetched).count(), 2);
}

#[tokio::test]
async fn keys_outlive_a_restart_until_they_are_too_old() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, mk_issuer(Some(&authority.pem))).await;
    let gateway = bench.gateway("edge", false).await;
    step(&mut mk_schedule(&bench.app)).await;

    // The issuer goes down, and the service starts anew on the same store.
    origin.set_raw("/keys", "HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n");
    let options = Options { fetcher: Fetcher::new(Arc::<Net>::clone(&net) as _), ..Options::default() };
    let store = Arc::clone(&bench.store) as Arc<dyn Store>;
    let (app, _stop) = App::with(store, mk_kek(), bench.clock.clone(), options);
    let mut schedule = mk_schedule(&app);
    // Fresh for 300 s, used for 600 more.
    bench.clock.set(START.plus_secs(899));
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["a"])));
    let attempt = app.attempts.of("default", "cell").unwrap();
    assert!(attempt.error.unwrap().contains("status 500"));
    bench.clock.set(START.plus_secs(900));
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, None);
    let acts = bench.audit().await.into_iter().map(|(_, action, _)| action).collect::<Vec<_>>();
    assert_eq!(acts.last().unwrap(), "withdraw_keys");

    origin.set("/keys", &mk_set(&["a"]));
    bench.clock.set(START.plus_secs(940));
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["a"])));
}

#[tokio::test]
async fn keys_of_one_origin_are_not_used_for_another() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, mk_issuer(Some(&authority.pem))).await;
    let gateway = bench.gateway("edge", false).await;
    let mut schedule = mk_schedule(&bench.app);
    step(&mut schedule).await;
    // Another authority: what the old one vouched for goes at once, and nothing comes in its place.
    let other = Authority::new();
    bench.admin.put("/v1/issuers/cell", "\"1\"", mk_issuer(Some(&other.pem))).await.ok();
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, None);
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, None);
    // Back again: fetched at once, though the last fetch from there was good and recent.
    bench.admin.put("/v1/issuers/cell", "\"2\"", mk_issuer(Some(&authority.pem))).await.ok();
    step(&mut schedule).await;
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["a"])));
}

#[tokio::test]
async fn publishes_no_secret_that_an_issuer_gives_away() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    let mut leaked = mk_key("b");
    leaked["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    origin.set("/keys", &json!({ "keys": [leaked, mk_key("a")] }));
    let bench = mk_bench(&Net::to(origin.address), mk_issuer(Some(&authority.pem))).await;
    let gateway = bench.gateway("edge", false).await;
    step(&mut mk_schedule(&bench.app)).await;
    let snapshot = gateway.get(SNAPSHOT).await;
    assert_eq!(carried(&snapshot).1, Some(mk_set(&["a"])));
    let held = bench.store.held("default", "cell").await.unwrap().unwrap();
    assert_eq!(held.set.skipped[0].kid.as_deref(), Some("b"));
    assert!(!format!("{held:?}").contains("jpsQnnGQmL"));
}

#[tokio::test]
async fn the_background_task_fetches_and_stops() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let bench = mk_bench(&Net::to(origin.address), mk_issuer(Some(&authority.pem))).await;
    let task = tokio::spawn(Schedule::new(Arc::clone(&bench.app)).run(bench.stop.subscribe()));
    until(async || bench.store.held("default", "cell").await.unwrap().is_some()).await;
    bench.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_trial_shows_every_step() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set(DOCUMENT, &json!({ "issuer": "https://issuer.example", "jwks_uri": KEYS }));
    origin.set("/keys", &mk_set(&["a"]));
    let mut issuer = mk_issuer(Some(&authority.pem));
    issuer["keys"].as_object_mut().unwrap().remove("uri");
    let bench = mk_bench(&Net::to(origin.address), issuer).await;
    let epoch = bench.epoch();
    let trial = trial(&bench).await;
    assert_eq!((&trial["ok"], &trial["fetched_by"]), (&json!(true), &json!("control_plane")), "{trial:#}");
    let stages = trial["stages"].as_array().unwrap();
    let names = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(names, ["address", "dns", "tcp", "tls", "http", "document", "keys"]);
    let detail = |name: &str| &stages.iter().find(|stage| stage["stage"] == name).unwrap()["detail"];
    assert_eq!(detail("dns")["addresses"], json!([{ "address": PUBLIC, "denied": null }]));
    assert_eq!(detail("tls")["certificate"]["names"], json!([NAME]));
    assert_eq!((&detail("tls")["version"], &detail("http")["status"]), (&json!("TLSv1_3"), &json!(200)));
    assert_eq!(detail("keys")["keys"], json!([{ "kid": "a", "algorithms": ["ES256"] }]));
    // Nothing is stored.
    assert_eq!((bench.epoch(), bench.store.held("default", "cell").await.unwrap()), (epoch, None));
}

#[tokio::test]
async fn trusts_exactly_the_authorities_of_the_issuer() {
    for (leaf, own_ca, words) in [
        (Leaf::For(NAME), false, "UnknownIssuer"),
        (Leaf::Expired(NAME), true, "expired"),
        (Leaf::For("other.example"), true, "not valid for name"),
    ] {
        let (origin, authority) = mk_origin(leaf).await;
        origin.set("/keys", &mk_set(&["a"]));
        let ca = if own_ca { authority.pem } else { Authority::new().pem };
        let bench = mk_bench(&Net::to(origin.address), mk_issuer(Some(&ca))).await;
        let trial = trial(&bench).await;
        let (stage, error) = failure(&trial);
        assert_eq!(stage, "tls");
        assert!(error.contains(words), "{error}");
        // What was shown is told though it was refused.
        assert!(trial["stages"][3]["detail"]["certificate"]["names"].is_array(), "{trial:#}");
        step(&mut mk_schedule(&bench.app)).await;
        assert_eq!(bench.store.held("default", "cell").await.unwrap(), None);
    }
    // Without authorities of its own, the public ones.
    let (origin, _) = mk_origin(Leaf::For(NAME)).await;
    let bench = mk_bench(&Net::to(origin.address), mk_issuer(None)).await;
    assert_eq!(failure(&trial(&bench).await).0, "tls");
}

#[tokio::test]
async fn answers_that_are_no_key_set_are_told_apart() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    let bench = mk_bench(&Net::to(origin.address), mk_issuer(Some(&authority.pem))).await;
    let with = |head: &str, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{head}\r\n{body}", body.len())
    };
    let good = mk_set(&["a"]).to_string();
    let huge = format!("{{\"keys\":[],\"a\":\"{}\"}}", "a".repeat(1 << 20));
    for (answer, stage, words) in [
        (
            String::from("HTTP/1.1 302 Found\r\nlocation: https://b.example/\r\ncontent-length: 0\r\n\r\n"),
            "http",
            "redirects (302) to `https://b.example/`",
        ),
        (String::from("HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n"), "http", "status 503"),
        (with("content-encoding: gzip\r\n", &good), "http", "encoded"),
        (with("", &huge), "http", "larger than 1 MiB"),
        (
            String::from("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\":["),
            "http",
            "no whole answer",
        ),
        (String::from("SSH-2.0-OpenSSH\r\n\r\n"), "http", "no whole answer"),
        (format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "a".repeat(300_000)), "http", "no whole answer"),
        (with("", "<html></html>"), "keys", "not strict JSON"),
        (with("", "{\"keys\":[]}"), "keys", "no usable key"),
        (with("", "{}"), "keys", "array \"keys\""),
    ] {
        origin.set_raw("/keys", answer);
        let (at, error) = failure(&trial(&bench).await);
        assert_eq!(at, stage, "{error}");
        assert!(error.contains(words), "{error}");
        step(&mut mk_schedule(&bench.app)).await;
        assert_eq!(bench.store.held("default", "cell").await.unwrap(), None, "{error}");
        let told = bench.app.attempts.of("default", "cell").unwrap().error.unwrap();
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn a_document_must_be_of_the_issuer_byte_for_byte() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    let mut issuer = mk_issuer(Some(&authority.pem));
    issuer["keys"].as_object_mut().unwrap().remove("uri");
    let bench = mk_bench(&Net::to(origin.address), issuer).await;
    origin.set("/keys", &mk_set(&["a"]));
    for (document, words) in [
        (json!({ "issuer": "https://issuer.example/", "jwks_uri": KEYS }), "is of `https://issuer.example/`"),
        (json!({ "issuer": "https://issuer.example", "jwks_uri": "https://b.example/keys" }), "another host"),
        (json!({ "issuer": "https://issuer.example" }), "no discovery document"),
    ] {
        origin.set(DOCUMENT, &document);
        let (stage, error) = failure(&trial(&bench).await);
        assert_eq!(stage, "document");
        assert!(error.contains(words), "{error}");
        step(&mut mk_schedule(&bench.app)).await;
        let told = bench.app.attempts.of("default", "cell").unwrap().error.unwrap();
        assert!(told.contains(words), "{told}");
    }
    origin.set(
        DOCUMENT,
        &json!({ "issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/gone" }),
    );
    let (stage, error) = failure(&trial(&bench).await);
    assert_eq!(stage, "keys");
    assert!(error.contains("(http)") && error.contains("404"), "{error}");
}

#[tokio::test]
async fn asks_only_addresses_that_passed_and_resolves_once() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, mk_issuer(Some(&authority.pem))).await;
    // A name that leads elsewhere when it is asked again: it is not asked again.
    net.answer(&[&[PUBLIC], &["127.0.0.1"]]);
    assert_eq!(trial(&bench).await["ok"], true);
    assert_eq!(*net.resolved.lock().unwrap(), [NAME]);
    assert_eq!(*net.connected.lock().unwrap(), [format!("{PUBLIC}:443").parse().unwrap()]);
    // Of several, those that passed.
    net.connected.lock().unwrap().clear();
    net.answer(&[&["10.0.0.1", "::ffff:169.254.169.254", PUBLIC]]);
    let trial_of_three = trial(&bench).await;
    assert_eq!(trial_of_three["ok"], true);
    let denied = &trial_of_three["stages"][1]["detail"]["addresses"];
    assert_eq!((&denied[0]["denied"], &denied[2]["denied"]), (&json!("private"), &Value::Null));
    assert_eq!(*net.connected.lock().unwrap(), [format!("{PUBLIC}:443").parse().unwrap()]);
    net.connected.lock().unwrap().clear();
    for addresses in [&["127.0.0.1"][..], &["169.254.169.254"], &["fd00:ec2::254", "::1"], &[]] {
        net.answer(&[addresses]);
        assert_eq!(failure(&trial(&bench).await).0, "dns");
    }
    assert_eq!(*net.connected.lock().unwrap(), []);
}

#[tokio::test]
async fn allow_private_never_lifts_metadata() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let mut issuer = mk_issuer(Some(&authority.pem));
    issuer["keys"]["allow_private"] = json!(true);
    let bench = mk_bench(&net, issuer).await;
    net.answer(&[&["10.0.0.1"]]);
    assert_eq!(trial(&bench).await["ok"], true);
    net.connected.lock().unwrap().clear();
    for address in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "fe80::1"] {
        net.answer(&[&[address]]);
        assert_eq!(failure(&trial(&bench).await).0, "dns", "{address}");
    }
    assert_eq!(*net.connected.lock().unwrap(), []);
}

#[tokio::test]
async fn addresses_in_urls_are_judged_like_those_of_names() {
    let (origin, authority) = mk_origin(Leaf::For("10.0.0.1")).await;
    origin.set("/keys", &mk_set(&["a"]));
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, mk_issuer(Some(&authority.pem))).await;
    for (version, (host, stage)) in [
        ("127.0.0.1", "dns"),
        ("[::ffff:10.0.0.1]", "dns"),
        ("127.1", "address"),
        ("2130706433", "address"),
        ("0x7f000001", "address"),
        ("127.0.0.1.", "address"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut issuer = mk_issuer(Some(&authority.pem));
        issuer["keys"]["uri"] = json!(format!("https://{host}/keys"));
        bench.admin.put("/v1/issuers/cell", &format!("\"{}\"", version + 1), issuer).await.ok();
        assert_eq!(failure(&trial(&bench).await).0, stage, "{host}");
    }
    let mut issuer = mk_issuer(Some(&authority.pem));
    issuer["keys"]["uri"] = json!("https://10.0.0.1/keys");
    issuer["keys"]["allow_private"] = json!(true);
    bench.admin.put("/v1/issuers/cell", "*", issuer).await.ok();
    let trial = trial(&bench).await;
    assert_eq!(trial["ok"], true, "{trial:#}");
    assert_eq!(*net.resolved.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn goes_through_a_proxy_without_resolving_the_name() {
    let (origin, authority) = mk_origin(Leaf::For(NAME)).await;
    origin.set("/keys", &mk_set(&["a"]));
    let (proxy, heads) = proxy(origin.address).await;
    let net = Net::to(origin.address);
    let mut issuer = mk_issuer(Some(&authority.pem));
    issuer["keys"]["proxy"] = json!(format!("http://{proxy}"));
    let bench = mk_bench(&net, issuer.clone()).await;
    let through = trial(&bench).await;
    assert_eq!(through["ok"], true, "{through:#}");
    let asked = heads.lock().unwrap().clone();
    assert_eq!(asked, ["CONNECT issuer.example:443 HTTP/1.1\r\nhost: issuer.example:443\r\n\r\n"]);
    assert_eq!(*net.resolved.lock().unwrap(), [""; 0]);
    assert_eq!(*net.connected.lock().unwrap(), [proxy]);
    // An address is judged here though the proxy would be asked for it, and so is a name that means one.
    for host in ["169.254.169.254", "127.0.0.1", "metadata.google.internal"] {
        issuer["keys"]["uri"] = json!(format!("https://{host}/keys"));
        bench.admin.put("/v1/issuers/cell", "*", issuer.clone()).await.ok();
        assert_eq!(failure(&trial(&bench).await).0, "dns", "{host}");
    }
    assert_eq!(heads.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_ten_seconds_in_all() {
    let net = Net::to("127.0.0.1:1".parse().unwrap());
    *net.server.lock().unwrap() = None;
    net.answer(&[&["9.9.9.9", "9.9.9.10", "9.9.9.11", "9.9.9.12", "9.9.9.13"]]);
    let fetcher = Fetcher::new(net);
    let issuer = Issuer::deserialize(&mk_issuer(None)).unwrap();
    let way = fetcher.way(&issuer).unwrap();
    let began = tokio::time::Instant::now();
    let endpoint = Endpoint::parse(KEYS, false).unwrap();
    let stop = fetcher.get(&endpoint, &way, &mut Journey::default()).await.unwrap_err();
    assert_eq!(stop.step, Step::Tcp, "{stop:?}");
    assert!(
        (PATIENCE..PATIENCE + Duration::from_secs(1)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn one_trial_of_an_issuer_at_a_time() {
    let net = Net::to("127.0.0.1:1".parse().unwrap());
    *net.server.lock().unwrap() = None;
    let bench = mk_bench(&net, mk_issuer(None)).await;
    let admin = bench.admin.clone();
    let first = tokio::spawn(async move { admin.post("/v1/issuers/cell/test", json!({})).await });
    until(async || !net.connected.lock().unwrap().is_empty()).await;
    let second = bench.admin.post("/v1/issuers/cell/test", json!({})).await;
    assert_eq!(second.problem(429)["code"], "busy");
    assert_eq!(second.header("retry-after"), "10");
    first.abort();
}

#[tokio::test]
async fn tries_issuers_that_gateways_fetch_and_says_so() {
    let (origin, _) = mk_origin(Leaf::For(NAME)).await;
    let net = Net::to(origin.address);
    let bench = mk_bench(&net, json!({ "id": "cell", "iss": "https://issuer.example" })).await;
    let trial = trial(&bench).await;
    assert_eq!(trial["fetched_by"], "gateways");
    assert_eq!(failure(&trial).0, "tls");
    let pushed = json!({ "id": "other", "iss": "https://b.example", "keys": { "source": "pushed" } });
    bench.admin.post("/v1/issuers", pushed).await.created();
    let refused = bench.admin.post("/v1/issuers/other/test", json!({})).await;
    assert_eq!(refused.problem(409)["code"], "nothing_to_fetch");
    bench.admin.post("/v1/issuers/none/test", json!({})).await.problem(404);
    bench.nobody.post("/v1/issuers/cell/test", json!({})).await.problem(401);
}

#[tokio::test]
async fn refuses_ways_that_cannot_be_gone() {
    let bench = Bench::new().await;
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (member, value, pointer) in [
        ("ca", json!("text"), "/keys/ca"),
        ("ca", json!(key), "/keys/ca"),
        ("ca", json!(format!("{}{key}", Authority::new().pem)), "/keys/ca"),
        ("proxy", json!("https://proxy.example:3128"), "/keys/proxy"),
        ("proxy", json!("proxy.example:3128"), "/keys/proxy"),
        ("proxy", json!("http://user:secret@proxy.example:3128"), "/keys/proxy"),
        ("uri", json!("http://issuer.example/keys"), "/keys/uri"),
    ] {
        let mut issuer = mk_issuer(None);
        issuer["keys"][member] = value;
        let refused = bench.admin.post("/v1/issuers", issuer).await;
        assert_eq!(refused.pointers(), [pointer]);
        assert!(!String::from_utf8_lossy(&refused.body).contains("secret"));
    }
}
