//! Enrolment: who is let in, who waits, and who never comes in by itself.

use cambist_core::identity::identity_id;
use serde_json::{Value, json};

use super::{
    bench::{Answer, Bench, Client, START, mk_binding},
    tokens::{Signer, claims_with},
};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A deployment whose one binding enrols like this, and its client.
async fn enrolling(enrolment: &str) -> (Bench, String, Signer) {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({ "grant_types": [BEARER] })).await;
    let path = format!("/v1/clients/{client}/bindings/shop");
    let etag = bench.admin.get(&path).await.etag();
    let mut binding = mk_binding();
    binding["enrolment"] = enrolment.into();
    binding["rate"] = json!({ "per_minute": 1_000_000, "burst": 1_000_000 });
    bench.admin.put(&path, &etag, binding).await.ok();
    (bench, client, signer)
}

fn id(client: &str) -> String {
    identity_id("default", client, "eks", "api", "cart")
}

fn asking(client: &str) -> Value {
    json!({
        "binding": "shop",
        "identity": {
            "id": id(client), "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart",
        },
        "fields": { "namespace": "shop" },
    })
}

async fn verdict(gateway: &Client, client: &str) -> String {
    let admission = gateway.post("/gateway/v1/admit", asking(client)).await.ok();
    assert_eq!(admission.as_object().unwrap().len(), 1);
    admission["verdict"].as_str().unwrap().to_owned()
}

async fn act(bench: &Bench, client: &str, action: &str) -> Answer {
    bench.admin.post(&format!("/v1/identities/{}/{action}", id(client)), json!({})).await
}

async fn waiting(bench: &Bench) -> Vec<Value> {
    let list = bench.admin.get("/v1/identities?status=pending").await.ok();
    list["items"].as_array().unwrap().clone()
}

/// A request at the control plane's own token endpoint, with a token that nobody has seen.
async fn exchange(bench: &Bench, signer: &Signer, nonce: u32) -> Answer {
    let token = signer.sign(&claims_with(json!({ "nonce": nonce })));
    let body = format!("grant_type={BEARER}&assertion={token}");
    let form = ("content-type", "application/x-www-form-urlencoded");
    bench.nobody.send(axum::http::Method::POST, "/oauth2/v1/token", &[form], body).await
}

/// Whether some row of the audit has this reason.
async fn is_told(bench: &Bench, reason: &str) -> bool {
    bench.app.engine.settle().await;
    let rows = bench.admin.get("/v1/audit?limit=1000").await.ok();
    rows["items"].as_array().unwrap().iter().any(|row| row["detail"]["reason"] == reason)
}

#[tokio::test]
async fn everybody_comes_in_by_default() {
    let (bench, client, signer) = enrolling("auto").await;
    let gateway = bench.gateway("edge", false).await;
    assert_eq!(verdict(&gateway, &client).await, "admitted");
    exchange(&bench, &signer, 1).await.ok();
}

#[tokio::test]
async fn who_must_be_registered_comes_in_when_it_is() {
    let (bench, client, signer) = enrolling("preregistered").await;
    let gateway = bench.gateway("edge", false).await;
    assert_eq!(verdict(&gateway, &client).await, "unknown");
    assert_eq!(exchange(&bench, &signer, 1).await.status, 400);
    assert!(is_told(&bench, "identity_not_found").await);
    assert!(waiting(&bench).await.is_empty());
    // Having been refused made it known, not welcome.
    bench.admin.get(&format!("/v1/identities/{}", id(&client))).await.ok();
    let document = json!({ "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart" });
    bench.admin.post("/v1/identities", document.clone()).await.created();
    assert_eq!(bench.admin.post("/v1/identities", document).await.problem(409)["code"], "exists");
    assert_eq!(verdict(&gateway, &client).await, "admitted");
    exchange(&bench, &signer, 2).await.ok();
    bench.admin.delete(&format!("/v1/identities/{}", id(&client))).await.no_content();
    assert_eq!(verdict(&gateway, &client).await, "unknown");
}

#[tokio::test]
async fn who_must_be_approved_waits_and_comes_in_when_it_is() {
    let (bench, client, signer) = enrolling("approve").await;
    let gateway = bench.gateway("edge", false).await;
    assert_eq!(act(&bench, &client, "approve").await.problem(404)["code"], "not_found");
    assert_eq!(verdict(&gateway, &client).await, "pending");
    let items = waiting(&bench).await;
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!((&item["id"], &item["binding"]), (&json!(id(&client)), &json!("shop")));
    assert_eq!((&item["status"], &item["fields"]), (&json!("pending"), &json!({ "namespace": "shop" })));
    assert_eq!((&item["first_asked"], &item["last_asked"]), (&item["last_asked"], &item["first_asked"]));
    bench.clock.set(START.plus_secs(40));
    assert_eq!(exchange(&bench, &signer, 1).await.status, 400);
    assert!(is_told(&bench, "identity_pending").await);
    let items = waiting(&bench).await;
    assert_ne!(items[0]["first_asked"], items[0]["last_asked"]);

    let before = bench.epoch();
    let approved = act(&bench, &client, "approve").await.ok();
    assert_eq!((&approved["subject"], &approved["status"]), (&json!("cart"), &json!("active")));
    assert!(bench.epoch() > before && waiting(&bench).await.is_empty());
    assert_eq!(verdict(&gateway, &client).await, "admitted");
    exchange(&bench, &signer, 2).await.ok();
    // Once more changes nothing.
    act(&bench, &client, "approve").await.ok();
    bench.app.engine.settle().await;
    let rows = bench.audit().await;
    let approvals = rows.iter().filter(|(_, action, object)| action == "approve" && *object == id(&client));
    assert_eq!(approvals.count(), 1);
}

#[tokio::test]
async fn who_is_revoked_never_comes_in_by_asking() {
    let (bench, client, signer) = enrolling("approve").await;
    let gateway = bench.gateway("edge", false).await;
    verdict(&gateway, &client).await;
    act(&bench, &client, "approve").await.ok();
    act(&bench, &client, "revoke").await.ok();
    assert_eq!(verdict(&gateway, &client).await, "revoked");
    assert_eq!(exchange(&bench, &signer, 1).await.status, 400);
    assert!(waiting(&bench).await.is_empty());
    assert_eq!(act(&bench, &client, "approve").await.problem(409)["code"], "revoked");
    act(&bench, &client, "reinstate").await.ok();
    assert_eq!(verdict(&gateway, &client).await, "admitted");
    // Its client or its issuer is as good.
    for path in [format!("/v1/clients/{client}"), "/v1/issuers/eks".into()] {
        bench.admin.post(&format!("{path}/revoke"), json!({})).await.ok();
        assert_eq!(verdict(&gateway, &client).await, "revoked");
        bench.admin.post(&format!("{path}/reinstate"), json!({})).await.ok();
    }
}

#[tokio::test]
async fn who_was_revoked_before_it_asked_does_not_even_wait() {
    let (bench, client, _) = enrolling("approve").await;
    let gateway = bench.gateway("edge", false).await;
    act(&bench, &client, "revoke").await.ok();
    assert_eq!(verdict(&gateway, &client).await, "revoked");
    assert!(waiting(&bench).await.is_empty());
}

#[tokio::test]
async fn who_stops_asking_is_forgotten() {
    let (bench, client, _) = enrolling("approve").await;
    let gateway = bench.gateway("edge", false).await;
    verdict(&gateway, &client).await;
    bench.clock.set(START.plus_secs(179));
    assert_eq!(waiting(&bench).await.len(), 1);
    bench.clock.set(START.plus_secs(180));
    assert!(waiting(&bench).await.is_empty());
    act(&bench, &client, "approve").await.problem(404);
    verdict(&gateway, &client).await;
    act(&bench, &client, "approve").await.ok();
}

#[tokio::test]
async fn an_identity_is_what_its_tuple_says() {
    let (bench, client, _) = enrolling("approve").await;
    let gateway = bench.gateway("edge", false).await;
    let mut document = asking(&client);
    document["identity"]["subject"] = "another".into();
    gateway.post("/gateway/v1/admit", document).await.problem(400);
    // A binding of somebody else, or of none, lets nobody in.
    let mut document = asking(&client);
    document["binding"] = "other".into();
    assert_eq!(gateway.post("/gateway/v1/admit", document).await.ok()["verdict"], "unknown");
    let mut document = asking("cl_x");
    document["identity"]["id"] = id("cl_x").into();
    assert_eq!(gateway.post("/gateway/v1/admit", document).await.ok()["verdict"], "unknown");
    assert!(waiting(&bench).await.is_empty());
    bench.nobody.post("/gateway/v1/admit", asking(&client)).await.problem(401);
    bench.admin.post("/gateway/v1/admit", asking(&client)).await.problem(401);
}
