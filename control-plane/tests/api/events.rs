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

/// A mint of `subject` from namespace `namespace`, told by pod `pod`.
fn mk_told(client: &str, sequence: u64, subject: &str, namespace: &str, pod: &str) -> Value {
    let mut event = mk_event(client, sequence, "mint");
    event["identity"]["subject"] = json!(subject);
    event["identity"]["id"] = json!(identity_id("default", client, "eks", "api", subject));
    event["fields"] = json!({ "namespace": namespace, "service_account": subject });
    event["audit_fields"] = json!({ "pod": pod });
    event
}

#[tokio::test]
async fn an_identity_shows_what_its_last_token_said_and_its_audit_row_the_pod() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let events = [mk_told(&client, 2, "cart", "new", "cart-2"), mk_told(&client, 1, "cart", "old", "cart-1")];
    gateway.post(PATH, mk_batch(&events)).await.ok();
    let fields = async || bench.admin.get("/v1/identities").await.ok()["items"][0]["fields"].clone();
    assert_eq!(fields().await, json!({ "namespace": "new", "service_account": "cart" }));
    // What comes late is older, whoever tells it.
    let mut late = mk_batch(&[mk_told(&client, 1, "cart", "old", "cart-1")]);
    late["instance"] = json!("node/2");
    gateway.post(PATH, late).await.ok();
    assert_eq!(fields().await["namespace"], "new");
    // An issuer that tells nothing any more leaves nothing.
    gateway.post(PATH, mk_batch(&[mk_event(&client, 3, "denial")])).await.ok();
    assert_eq!(fields().await, json!({}));

    let audit = bench.admin.get("/v1/audit").await.ok();
    let pods: Vec<&Value> = audit["items"].as_array().unwrap().iter().collect();
    let [.., second, first, _, silent] = pods.as_slice() else { panic!("{audit}") };
    assert_eq!(second["detail"]["audit_fields"], json!({ "pod": "cart-2" }));
    assert_eq!(second["detail"]["fields"], json!({ "namespace": "new", "service_account": "cart" }));
    assert_eq!((&second["actor"], &second["action"]), (&json!("gateway:edge"), &json!("mint")));
    assert_eq!(second["object"], identity_id("default", &client, "eks", "api", "cart"));
    assert_eq!(first["detail"]["audit_fields"], json!({ "pod": "cart-1" }));
    assert_eq!(silent["detail"].get("fields").or_else(|| silent["detail"].get("audit_fields")), None);
}

#[tokio::test]
async fn an_identity_shows_the_cluster_of_its_issuer_as_it_is_now() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    gateway.post(PATH, mk_batch(&[mk_told(&client, 1, "cart", "shop", "cart-1")])).await.ok();
    let identity = async || bench.admin.get("/v1/identities").await.ok()["items"][0].clone();
    assert_eq!(identity().await["cluster"], json!(null));
    let named = json!({ "iss": "https://issuer.example", "cluster": "shop-eu" });
    bench.admin.put("/v1/issuers/eks", "*", named).await.ok();
    let identity = identity().await;
    assert_eq!(identity["cluster"], "shop-eu");
    let path = format!("/v1/identities/{}", identity["id"].as_str().unwrap());
    assert_eq!(bench.admin.get(&path).await.ok(), identity);
}

#[tokio::test]
async fn finds_identities_by_their_fields() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let events = [
        mk_told(&client, 1, "cart", "shop", "a"),
        mk_told(&client, 2, "till", "shop", "b"),
        mk_told(&client, 3, "job", "batch & co", "c"),
    ];
    gateway.post(PATH, mk_batch(&events)).await.ok();
    for (query, count) in [
        ("field.namespace=shop", 2),
        ("field.namespace=batch+%26%20co", 1),
        ("field.namespace=shop&field.service_account=cart", 1),
        ("issuer=eks&field.namespace=shop&limit=1", 1),
        ("field.namespace=Shop", 0),
        ("field.namespace=", 0),
        ("field.pod=a", 0),
    ] {
        let list = bench.admin.get(&format!("/v1/identities?{query}")).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    for query in ["field.=shop", "field.a%22b=c", "field.a%27=c", "field", "fields.a=b"] {
        bench.admin.get(&format!("/v1/identities?{query}")).await.problem(400);
    }
    let many: Vec<String> = (0..17).map(|number| format!("field.f{number}=a")).collect();
    bench.admin.get(&format!("/v1/identities?{}", many.join("&"))).await.problem(400);
}

#[tokio::test]
async fn pages_through_the_audit_trail() {
    let bench = Bench::new().await;
    bench.configure().await;
    let all = bench.admin.get("/v1/audit").await.ok();
    let (mut path, mut seen) = (String::from("/v1/audit?limit=2"), Vec::new());
    loop {
        let page = bench.admin.get(&path).await.ok();
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/audit?limit=2&cursor={next}");
    }
    assert!(seen.len() > 4);
    assert_eq!(json!(seen), all["items"]);
    bench.admin.get("/v1/audit?cursor=AAAA").await.problem(400);
    bench.nobody.get("/v1/audit").await.problem(401);
}
