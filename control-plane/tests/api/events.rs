//! Events of gateways: stored once, counted once.

use cambist_control_plane::store::Store as _;
use cambist_core::identity::identity_id;
use serde_json::{Value, json};

use super::bench::{Bench, START};

const PATH: &str = "/gateway/v1/events";

fn mk_event(client: &str, sequence: u64, outcome: &str) -> Value {
    json!({
        "sequence": sequence, "at_ms": START.millis() - 5000 + 1000 * i64::try_from(sequence.min(9)).unwrap(), "outcome": outcome,
        "epoch": 7, "route": "all", "token_sha256": "ab",
        "identity": {
            "id": identity_id("default", client, "eks", "api", "cart"),
            "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart",
        },
    })
}

fn mk_batch(events: &[Value]) -> Value {
    json!({ "instance": "node/1", "epoch": 7, "dropped": 0, "events": events })
}

#[tokio::test]
async fn counts_mints_and_remembers_when_an_identity_was_seen() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let epoch = bench.epoch();
    let events = [mk_event(&client, 1, "mint"), mk_event(&client, 2, "mint"), mk_event(&client, 3, "denial")];
    assert_eq!(gateway.post(PATH, mk_batch(&events)).await.ok(), json!({ "sequence": 3 }));
    let list = bench.admin.get("/v1/identities").await.ok();
    let [identity] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!(identity["count"], 2);
    assert_eq!(identity["subject"], "cart");
    assert_eq!(identity["first_seen"], "2027-01-15T07:59:56Z");
    assert_eq!(identity["last_seen"], "2027-01-15T07:59:58Z");
    // Being seen is no change of configuration.
    assert_eq!(bench.epoch(), epoch);
}

#[tokio::test]
async fn takes_no_event_from_the_future() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    gateway.post(PATH, mk_batch(&[mk_event(&client, 9, "mint")])).await.ok();
    let list = bench.admin.get("/v1/identities").await.ok();
    assert_eq!(list["items"][0]["last_seen"], "2027-01-15T08:00:00Z");
}

#[tokio::test]
async fn stores_one_audit_row_per_event() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let mut mint = mk_event(&client, 1, "mint");
    mint["minted"] = json!({ "jti": "j1", "kid": "k1", "target": "upstream", "scope": "", "exp": 5 });
    let denial =
        json!({ "sequence": 2, "at_ms": 5, "outcome": "denial", "epoch": 8, "reason": "token_expired" });
    gateway.post(PATH, mk_batch(&[mint, denial])).await.ok();
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let [.., first, second] = rows.as_slice() else { panic!() };
    assert_eq!((first.actor.as_str(), first.action.as_str(), first.epoch), ("gateway:edge", "mint", 7));
    assert_eq!(first.object, identity_id("default", &client, "eks", "api", "cart"));
    assert_eq!((&first.detail["minted"]["jti"], &first.detail["token_sha256"]), (&json!("j1"), &json!("ab")));
    assert_eq!((second.action.as_str(), second.epoch, second.sequence), ("denial", 8, Some(2)));
    assert_eq!((second.object.as_str(), &second.detail["reason"]), ("", &json!("token_expired")));
}

#[tokio::test]
async fn stores_an_event_that_comes_again_once() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let first = mk_batch(&[mk_event(&client, 1, "mint"), mk_event(&client, 2, "mint")]);
    let overlapping = mk_batch(&[mk_event(&client, 2, "mint"), mk_event(&client, 3, "mint")]);
    let late = mk_batch(&[mk_event(&client, 1, "mint"), mk_event(&client, 1, "mint")]);
    for (batch, sequence) in [(first.clone(), 2), (first, 2), (overlapping, 3), (late, 1)] {
        assert_eq!(gateway.post(PATH, batch).await.ok(), json!({ "sequence": sequence }));
    }
    let list = bench.admin.get("/v1/identities").await.ok();
    assert_eq!(list["items"][0]["count"], 3);
    let mints = bench.audit().await.into_iter().filter(|(_, action, _)| action == "mint").count();
    assert_eq!(mints, 3);
    // The same numbers of another instance, and of another gateway, are other events.
    let mut batch = mk_batch(&[mk_event(&client, 1, "mint")]);
    gateway.with_peer("10.0.0.1:1").post(PATH, batch.clone()).await.ok();
    bench.gateway("other", true).await.post(PATH, batch.clone()).await.ok();
    batch["instance"] = json!("node/2");
    gateway.post(PATH, batch).await.ok();
    let list = bench.admin.get("/v1/identities").await.ok();
    assert_eq!(list["items"][0]["count"], 5);
}

#[tokio::test]
async fn keeps_a_revoked_identity_revoked() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let id = identity_id("default", &client, "eks", "api", "cart");
    bench.admin.post(&format!("/v1/identities/{id}/revoke"), json!({})).await.ok();
    gateway.post(PATH, mk_batch(&[mk_event(&client, 1, "mint")])).await.ok();
    let identity = bench.admin.get(&format!("/v1/identities/{id}")).await.ok();
    assert_eq!((&identity["status"], &identity["count"]), (&json!("revoked"), &json!(1)));
    assert_eq!(identity["subject"], "cart");
}

#[tokio::test]
async fn counts_nobody_when_the_id_does_not_fit_the_tuple() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let mut event = mk_event(&client, 1, "mint");
    event["identity"]["subject"] = json!("someone else");
    gateway.post(PATH, mk_batch(&[event])).await.ok();
    assert_eq!(bench.admin.get("/v1/identities").await.ok()["items"], json!([]));
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    assert_eq!(rows.last().unwrap().detail["fault"], "identity_mismatch");
}

#[tokio::test]
async fn refuses_malformed_batches_with_the_place() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let mut wrong_type = mk_batch(&[mk_event(&client, 1, "mint")]);
    wrong_type["events"][0]["epoch"] = json!("x");
    let mut unknown = mk_batch(&[]);
    unknown["extra"] = json!(1);
    let mut nameless = mk_batch(&[]);
    nameless["instance"] = json!("");
    for (batch, pointer) in [(wrong_type, "/events/0/epoch"), (unknown, "/extra"), (nameless, "/instance")] {
        let problem = gateway.post(PATH, batch).await.problem(400);
        assert_eq!(problem["code"], "invalid_message");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert!(bench.audit().await.iter().all(|(actor, _, _)| actor != "gateway:edge"));
}

#[tokio::test]
async fn takes_a_full_batch() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let events = (1..=2000).map(|sequence| mk_event(&client, sequence, "mint")).collect::<Vec<_>>();
    assert_eq!(gateway.post(PATH, mk_batch(&events)).await.ok(), json!({ "sequence": 2000 }));
    assert_eq!(bench.admin.get("/v1/identities").await.ok()["items"][0]["count"], 2000);
}
