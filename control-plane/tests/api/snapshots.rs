//! The snapshot, its validator and the long poll.

use cambist_control_plane::text;
use cambist_core::{
    policy::{Compiler, Secrets},
    secret::Secret,
    wire::snapshot::{Header, Record},
};
use serde_json::json;

use super::bench::{AUTHORITY, Answer, Bench, SOON, mk_issuer};

const PATH: &str = "/gateway/v1/snapshot";

struct NoSecrets;

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Option<Secret<Vec<u8>>> {
        None
    }
}

fn kinds(records: &[Record]) -> Vec<&'static str> {
    records
        .iter()
        .map(|record| match record {
            Record::Header(_) => "header",
            Record::Issuer(_) => "issuer",
            Record::Client(_) => "client",
            Record::Binding(_) => "binding",
            Record::ExternalEndpoint(_) => "external_endpoint",
            Record::Route(_) => "route",
            Record::SigningKey(_) => "signing_key",
            Record::AuthorityKeys(_) => "authority_keys",
            Record::End(_) => "end",
        })
        .collect()
}

#[tokio::test]
async fn holds_everything_a_gateway_needs_and_compiles() {
    let bench = Bench::new().await;
    bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let answer = gateway.get(PATH).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.header("cambist-epoch"), bench.epoch().to_string());
    assert_eq!(answer.header("cache-control"), "no-store");
    let records = answer.records();
    assert_eq!(
        kinds(&records),
        ["header", "issuer", "client", "binding", "route", "signing_key", "authority_keys", "end"]
    );
    let Record::Header(Header { gateway: name, tenant, authority, epoch, .. }) = &records[0] else {
        panic!()
    };
    assert_eq!((name.as_str(), tenant.as_str(), authority.as_str()), ("edge", "default", AUTHORITY));
    assert_eq!(*epoch, bench.epoch());
    let mut compiler = Compiler::default();
    for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        compiler.feed_line(line, &NoSecrets);
    }
    compiler.finish().unwrap();
}

#[tokio::test]
async fn etag_leaves_out_the_epoch_and_differs_between_gateways() {
    let bench = Bench::new().await;
    bench.configure().await;
    let (edge, other) = (bench.gateway("edge", false).await, bench.gateway("other", false).await);
    let first = edge.get(PATH).await;
    assert_eq!(first.etag().len(), 66);
    assert_ne!(first.etag(), other.get(PATH).await.etag());
    // Changes and changes back: a new epoch, the same content.
    let issuer = bench.admin.get("/v1/issuers/eks").await.ok();
    bench
        .admin
        .put("/v1/issuers/eks", "\"1\"", json!({ "iss": "https://issuer.example", "cluster": "a" }))
        .await
        .ok();
    assert_ne!(edge.get(PATH).await.etag(), first.etag());
    bench.admin.put("/v1/issuers/eks", "\"2\"", issuer).await.ok();
    let last = edge.get(PATH).await;
    assert_eq!(last.etag(), first.etag());
    assert_ne!(last.header("cambist-epoch"), first.header("cambist-epoch"));
}

#[tokio::test]
async fn holds_the_request_until_the_snapshot_changes() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get(PATH).await.etag();
    let waiting = gateway.held(&format!("{PATH}?wait=60s"), Some(&etag));
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let answer = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(kinds(&answer.records()), ["header", "issuer", "authority_keys", "end"]);
    assert_eq!(answer.header("cambist-epoch"), bench.epoch().to_string());
}

#[tokio::test]
async fn answers_304_when_nothing_comes() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get(PATH).await.etag();
    for wait in ["", "?wait=0s", "?wait=50ms"] {
        let answer = gateway.get_with(&format!("{PATH}{wait}"), &[("if-none-match", &etag)]).await;
        assert_eq!(answer.status, 304);
        assert_eq!((answer.etag(), answer.body.len()), (etag.clone(), 0));
        assert_eq!(answer.header("cambist-epoch"), bench.epoch().to_string());
    }
}

#[tokio::test]
async fn held_requests_end_at_once_when_the_service_stops() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get(PATH).await.etag();
    let snapshot = gateway.held(&format!("{PATH}?wait=60s"), Some(&etag));
    let changes = gateway.held(&format!("/gateway/v1/changes?since={}&wait=60s", bench.epoch()), None);
    bench.stop.send_replace(true);
    let snapshot = tokio::time::timeout(SOON, snapshot).await.unwrap().unwrap();
    assert_eq!(snapshot.status, 304);
    tokio::time::timeout(SOON, changes).await.unwrap().unwrap().ok();
}

#[tokio::test]
async fn held_requests_of_a_deleted_gateway_get_no_news() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", true).await;
    let etag = gateway.get(PATH).await.etag();
    let waiting = gateway.held(&format!("{PATH}?wait=60s"), Some(&etag));
    bench.admin.delete("/v1/gateways/edge").await.no_content();
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    tokio::time::timeout(SOON, waiting).await.unwrap().unwrap().problem(401);
}

#[tokio::test]
async fn a_thousand_waiting_gateways_hear_of_a_change() {
    let bench = Bench::new().await;
    bench.configure().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get(PATH).await.etag();
    let waiting: Vec<_> = (0..1000).map(|_| gateway.held(&format!("{PATH}?wait=60s"), Some(&etag))).collect();
    bench.admin.delete("/v1/routes/all").await.no_content();
    let mut etags = std::collections::BTreeSet::new();
    for answer in waiting {
        etags.insert(tokio::time::timeout(SOON, answer).await.unwrap().unwrap().etag());
    }
    assert_eq!(etags.len(), 1);
    assert!(!etags.contains(&etag));
}

#[tokio::test]
async fn a_sidecar_gets_what_is_its_own_and_nothing_of_whom_else_to_trust() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let beside = json!({
        "id": "beside", "place": "sidecar", "host": "*", "path": { "prefix": "/" }, "clients": [client],
        "scopes": ["read"],
    });
    // The same host and path as the gateway's route: they never meet.
    bench.admin.post("/v1/routes", beside.clone()).await.created();
    let mut exchanging = beside;
    (exchanging["id"], exchanging["exchange"]) = (json!("swap"), json!("gateway"));
    assert_eq!(bench.admin.post("/v1/routes", exchanging).await.pointers(), ["/exchange"]);
    let minting = json!({ "name": "side", "kind": "sidecar", "may_mint": true });
    assert_eq!(bench.admin.post("/v1/gateways", minting).await.pointers(), ["/may_mint"]);
    let made = bench.admin.post("/v1/gateways", json!({ "name": "side", "kind": "sidecar" })).await.created();
    assert_eq!(made["kind"], "sidecar");
    let sidecar = bench.nobody.with_token(made["token"].as_str().unwrap());
    let answer = sidecar.get(PATH).await;
    let records = answer.records();
    assert_eq!(kinds(&records), ["header", "client", "route", "authority_keys", "end"]);
    assert!(String::from_utf8_lossy(&answer.body).contains("\"beside\""));
    let mut compiler = Compiler::default();
    for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        compiler.feed_line(line, &NoSecrets);
    }
    compiler.finish().unwrap();
    let gateway = bench.gateway("edge", true).await.get(PATH).await;
    let kinds = kinds(&gateway.records());
    assert_eq!(kinds.iter().filter(|kind| **kind == "route").count(), 1);
    assert!(!String::from_utf8_lossy(&gateway.body).contains("\"beside\""));
}

#[tokio::test]
async fn gateways_get_digests_of_secrets() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get(PATH).await.etag();
    let path = format!("/v1/clients/{client}/secrets");
    let made = bench.admin.post(&path, json!({})).await.created();
    let answer = gateway.get(PATH).await;
    assert_ne!(answer.etag(), etag);
    let digest = |answer: &Answer| {
        let client = |record| if let Record::Client(client) = record { Some(client.secrets) } else { None };
        answer.records().into_iter().find_map(client).unwrap()
    };
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(digest(&answer), [text::hex(&text::sha256(secret.as_bytes()))]);
    assert!(!String::from_utf8_lossy(&answer.body).contains(secret));
    bench.admin.delete(&format!("{path}/{}", made["id"].as_str().unwrap())).await.no_content();
    assert_eq!(gateway.get(PATH).await.etag(), etag);
}
