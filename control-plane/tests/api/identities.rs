//! Identities: registered, listed, forgotten.

use serde_json::{Value, json};

use super::bench::Bench;

fn mk_identity(client: &str, subject: &str) -> Value {
    json!({ "client_id": client, "issuer": "eks", "audience": "api", "subject": subject })
}

#[tokio::test]
async fn registers_and_forgets_an_identity() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let made = bench.admin.post("/v1/identities", mk_identity(&client, "cart")).await;
    let identity = made.created();
    let id = identity["id"].as_str().unwrap();
    assert_eq!(id, cambist_core::identity::identity_id("default", &client, "eks", "api", "cart"));
    assert_eq!(identity["status"], "active");
    assert_eq!((&identity["count"], &identity["first_seen"]), (&json!(0), &json!(null)));
    let path = made.header("location").to_owned();
    assert_eq!(bench.admin.get(&path).await.ok(), identity);
    assert_eq!(
        bench.admin.post("/v1/identities", mk_identity(&client, "cart")).await.problem(409)["code"],
        "exists"
    );
    bench.admin.delete(&path).await.no_content();
    bench.admin.get(&path).await.problem(404);
    bench.admin.delete(&path).await.problem(404);
}

#[tokio::test]
async fn refuses_tuples_that_cannot_be() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let document = json!({ "client_id": "cl_x", "issuer": "x", "audience": "api", "subject": "cart" });
    assert_eq!(bench.admin.post("/v1/identities", document).await.pointers(), ["/client_id", "/issuer"]);
    let mut document = mk_identity(&client, "");
    document["audience"] = json!("a\u{0}");
    document["extra"] = json!(1);
    assert_eq!(bench.admin.post("/v1/identities", document).await.pointers(), ["/extra"]);
    let document = mk_identity(&client, "a\r\nb");
    assert_eq!(bench.admin.post("/v1/identities", document).await.pointers(), ["/subject"]);
}

#[tokio::test]
async fn filters_the_list() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let mut ids = Vec::new();
    for subject in ["a", "b", "c"] {
        let made = bench.admin.post("/v1/identities", mk_identity(&client, subject)).await.created();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    bench.admin.post(&format!("/v1/identities/{}/revoke", ids[0]), json!({})).await.ok();
    for (query, count) in [
        (String::new(), 3),
        (String::from("?status=revoked"), 1),
        (String::from("?status=active"), 2),
        (format!("?client_id={client}&issuer=eks"), 3),
        (String::from("?client_id=cl_x"), 0),
        (String::from("?issuer=x"), 0),
        (String::from("?limit=1"), 1),
    ] {
        let list = bench.admin.get(&format!("/v1/identities{query}")).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    bench.admin.get("/v1/identities?status=gone").await.problem(400);
}
