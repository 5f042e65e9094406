//! Revoking, and how gateways hear of it.

use std::time::Instant;

use serde_json::{Value, json};

use super::bench::{Bench, SOON};

const UNSEEN: &str = "idn_advhzqm27hkqn7t2dt55kwiqtvqkiglaals2w3fshmv7bisb7gsq";

fn identities(changes: &Value, list: &str) -> Vec<String> {
    let ids = changes[list]["identities"].as_array().unwrap();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn revokes_an_identity_that_was_never_seen() {
    let bench = Bench::new().await;
    let path = format!("/v1/identities/{UNSEEN}");
    bench.admin.get(&path).await.problem(404);
    let revoked = bench.admin.post(&format!("{path}/revoke"), json!({})).await.ok();
    assert_eq!((&revoked["status"], &revoked["subject"]), (&json!("revoked"), &json!(null)));
    assert_eq!(bench.admin.get(&path).await.ok(), revoked);
    assert_eq!(bench.admin.delete(&path).await.problem(409)["code"], "revoked");
    let reinstated = bench.admin.post(&format!("{path}/reinstate"), json!({})).await.ok();
    assert_eq!(reinstated["status"], "active");
    bench.admin.delete(&path).await.no_content();
}

#[tokio::test]
async fn refuses_ids_that_no_identity_has() {
    let bench = Bench::new().await;
    for id in ["x", "idn_", "idn_ADVHZQM27HKQN7T2DT55KWIQTVQKIGLAALS2W3FSHMV7BISB7GSQ", &UNSEEN[..55]] {
        bench.admin.post(&format!("/v1/identities/{id}/revoke"), json!({})).await.problem(422);
    }
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/reinstate"), json!({})).await.problem(404);
    bench.admin.post("/v1/clients/cl_x/revoke", json!({})).await.problem(404);
    bench.admin.post("/v1/issuers/x/revoke", json!({})).await.problem(404);
}

#[tokio::test]
async fn revoking_twice_is_one_change() {
    let bench = Bench::new().await;
    let path = format!("/v1/identities/{UNSEEN}/revoke");
    bench.admin.post(&path, json!({})).await.ok();
    let (epoch, rows) = (bench.epoch(), bench.audit().await);
    bench.admin.post(&path, json!({})).await.ok();
    assert_eq!((bench.epoch(), bench.audit().await), (epoch, rows));
}

#[tokio::test]
async fn tells_gateways_everything_first_and_then_what_is_new() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", false).await;
    let start = gateway.get("/gateway/v1/changes?since=0").await;
    let full = start.ok();
    assert_eq!((&full["full"], &full["epoch"]), (&json!(true), &json!(bench.epoch())));
    assert_eq!(start.header("cambist-epoch"), bench.epoch().to_string());
    let since = bench.epoch();

    bench.admin.post(&format!("/v1/identities/{UNSEEN}/revoke"), json!({})).await.ok();
    bench.admin.post(&format!("/v1/clients/{client}/revoke"), json!({})).await.ok();
    bench.admin.post("/v1/issuers/eks/revoke", json!({})).await.ok();
    let delta = gateway.get(&format!("/gateway/v1/changes?since={since}")).await.ok();
    assert_eq!(delta["full"], false);
    assert_eq!(delta["revoke"], json!({ "identities": [UNSEEN], "clients": [client], "issuers": ["eks"] }));

    let since = delta["epoch"].as_u64().unwrap();
    bench.admin.post("/v1/issuers/eks/reinstate", json!({})).await.ok();
    let delta = gateway.get(&format!("/gateway/v1/changes?since={since}")).await.ok();
    assert_eq!(delta["reinstate"]["issuers"], json!(["eks"]));
    assert_eq!(identities(&delta, "revoke"), [""; 0]);

    let full = gateway.get("/gateway/v1/changes?since=0").await.ok();
    assert_eq!(full["revoke"], json!({ "identities": [UNSEEN], "clients": [client], "issuers": [] }));
    assert_eq!(full["reinstate"], json!({ "identities": [], "clients": [], "issuers": [] }));
}

#[tokio::test]
async fn answers_the_full_list_to_an_epoch_from_the_future() {
    let bench = Bench::new().await;
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/revoke"), json!({})).await.ok();
    let gateway = bench.gateway("edge", false).await;
    let ahead = bench.epoch() + 1_000_000;
    let answer = gateway.get(&format!("/gateway/v1/changes?since={ahead}&wait=30s")).await.ok();
    assert_eq!((&answer["full"], &answer["epoch"]), (&json!(true), &json!(bench.epoch())));
    assert_eq!(identities(&answer, "revoke"), [UNSEEN]);
}

#[tokio::test]
async fn answers_the_full_list_to_an_epoch_before_dropped_reinstatements() {
    use cambist_control_plane::store::Store as _;

    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let old = bench.epoch();
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/revoke"), json!({})).await.ok();
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/reinstate"), json!({})).await.ok();
    bench.store.prune(bench.clock.now().plus_secs(1)).await.unwrap();
    let answer = gateway.get(&format!("/gateway/v1/changes?since={old}&wait=30s")).await.ok();
    assert_eq!(answer["full"], true);
    assert_eq!(identities(&answer, "revoke"), [""; 0]);
}

#[tokio::test]
async fn wakes_waiting_gateways_at_once() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let path = format!("/gateway/v1/changes?since={}&wait=60s", bench.epoch());
    let waiting: Vec<_> = (0..50).map(|_| gateway.held(&path, None)).collect();
    // A change of configuration is none of their business.
    bench.gateway("other", false).await;
    assert!(waiting.iter().all(|answer| !answer.is_finished()));
    let started = Instant::now();
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/revoke"), json!({})).await.ok();
    for answer in waiting {
        let changes = tokio::time::timeout(SOON, answer).await.unwrap().unwrap().ok();
        assert_eq!(identities(&changes, "revoke"), [UNSEEN]);
        assert_eq!(changes["epoch"], bench.epoch());
    }
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[tokio::test]
async fn answers_an_empty_delta_when_nothing_comes() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let answer = gateway.get(&format!("/gateway/v1/changes?since={}&wait=50ms", bench.epoch())).await.ok();
    assert_eq!((&answer["epoch"], &answer["full"]), (&json!(bench.epoch()), &json!(false)));
    assert_eq!(identities(&answer, "revoke"), [""; 0]);
}

#[tokio::test]
async fn leaves_the_snapshot_alone() {
    let bench = Bench::new().await;
    bench.configure().await;
    let gateway = bench.gateway("edge", false).await;
    let etag = gateway.get("/gateway/v1/snapshot").await.etag();
    bench.admin.post(&format!("/v1/identities/{UNSEEN}/revoke"), json!({})).await.ok();
    let answer = gateway.get_with("/gateway/v1/snapshot", &[("if-none-match", &etag)]).await;
    assert_eq!(answer.status, 304);
    assert_eq!(answer.header("cambist-epoch"), bench.epoch().to_string());
}
