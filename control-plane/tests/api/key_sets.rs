//! The keys that gateways say they use, and those that are held for them.

use serde_json::{Value, json};

use super::{
    bench::{Bench, Client, START, mk_issuer},
    fetching::mk_schedule,
    origin::{Authority, Leaf, Net, Origin},
    pushed::mk_set,
};

const EVENTS: &str = "/gateway/v1/events";

fn mk_keys(issuer: &str, kid: &str, fetched_at: i64) -> Value {
    json!({
        "issuer": issuer, "source": "jwks_uri", "url": "https://issuer.example/keys",
        "keys": [{ "kid": kid, "algorithms": ["ES256"] }], "fetched_at": fetched_at,
        "next_fetch_at": fetched_at + 300_000, "usable_until": fetched_at + 3_900_000,
    })
}

async fn report(gateway: &Client, instance: &str, keys: &[Value]) {
    let batch = json!({ "instance": instance, "epoch": 1, "dropped": 0, "events": [], "keys": keys });
    gateway.post(EVENTS, batch).await.ok();
}

#[tokio::test]
async fn instances_that_agree_are_one_and_others_stand_apart() {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let gateway = bench.gateway("edge", false).await;
    let now = START.millis();
    report(&gateway, "node/1", &[mk_keys("eks", "a", now - 20_000), mk_keys("gone", "a", now)]).await;
    report(&gateway, "node/2", &[mk_keys("eks", "a", now - 10_000)]).await;
    let shown = bench.admin.get("/v1/gateways/edge/keys").await.ok();
    assert_eq!(
        (&shown["gateway"], &shown["instances"], &shown["held"]),
        (&json!("edge"), &json!(2), &json!([]))
    );
    assert_eq!(
        shown["items"],
        json!([{
            "issuer": "eks", "source": "jwks_uri", "url": "https://issuer.example/keys",
            "keys": [{ "kid": "a", "algorithms": ["ES256"] }], "skipped": [],
            "fetched_at": "2027-01-15T07:59:40Z", "age_seconds": 20, "next_fetch_at": "2027-01-15T08:04:40Z",
            "usable_until": "2027-01-15T09:04:40Z", "last_error": null,
            "instances": ["node/1", "node/2"], "agreed": true,
        }])
    );
    // One of them changes: it says so, and only of what changed.
    let mut failed = mk_keys("eks", "a", now - 20_000);
    failed["last_error"] = json!("the answer had status 500");
    report(&gateway, "node/2", &[failed]).await;
    report(&gateway, "node/1", &[]).await;
    let items = bench.admin.get("/v1/gateways/edge/keys").await.ok()["items"].take();
    let told = items.as_array().unwrap().iter();
    let told =
        told.map(|item| (&item["instances"], &item["last_error"], &item["agreed"])).collect::<Vec<_>>();
    assert!(told.contains(&(&json!(["node/1"]), &Value::Null, &json!(false))), "{items:#}");
    assert!(
        told.contains(&(&json!(["node/2"]), &json!("the answer had status 500"), &json!(false))),
        "{items:#}"
    );
    // Of another gateway nothing is known.
    bench.gateway("other", false).await;
    assert_eq!(bench.admin.get("/v1/gateways/other/keys").await.ok()["items"], json!([]));
    bench.admin.get("/v1/gateways/none/keys").await.problem(404);
    bench.nobody.get("/v1/gateways/edge/keys").await.problem(401);
}

#[tokio::test]
async fn forgets_instances_that_are_not_heard_of() {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let gateway = bench.gateway("edge", false).await;
    report(&gateway, "node/1", &[mk_keys("eks", "a", START.millis())]).await;
    bench.app.reports.prune(START);
    assert_eq!(bench.app.reports.of("default", "edge").len(), 1);
    bench.app.reports.prune(START.plus_millis(1));
    assert_eq!(bench.app.reports.of("default", "edge").len(), 0);
}

#[tokio::test]
async fn leaves_out_what_is_too_large_to_remember() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let large = "k".repeat(200_000);
    report(&gateway, "node/1", &[mk_keys("eks", &large, 0), mk_keys("eks", "a", 0)]).await;
    let [(_, keys)] = bench.app.reports.of("default", "edge").try_into().unwrap();
    assert_eq!(keys.keys[0].kid.as_deref(), Some("a"));
}

#[tokio::test]
async fn shows_what_the_control_plane_holds_in_the_same_form() {
    let authority = Authority::new();
    let origin = Origin::new(Some(authority.acceptor(Leaf::For("issuer.example")))).await;
    origin.set("/keys", &mk_set(&["a"]));
    let bench = Bench::on(Net::to(origin.address)).await;
    let url = "https://issuer.example/keys";
    let keys = json!({ "source": "control_plane", "uri": url, "ca": authority.pem });
    let issuer = json!({ "id": "cell", "iss": "https://issuer.example", "keys": keys });
    bench.admin.post("/v1/issuers", issuer).await.created();
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    bench.gateway("edge", false).await;
    let mut schedule = mk_schedule(&bench.app);
    schedule.turn().await.unwrap();
    schedule.settle().await;
    let shown = bench.admin.get("/v1/issuers/cell/keys").await.ok();
    assert_eq!(
        shown,
        json!({
            "issuer": "cell", "source": "control_plane", "url": url,
            "keys": [{ "kid": "a", "algorithms": ["ES256"] }], "skipped": [],
            "fetched_at": "2027-01-15T08:00:00Z", "age_seconds": 0, "next_fetch_at": "2027-01-15T08:05:00Z",
            "usable_until": "2027-01-15T09:05:00Z", "last_error": null,
        })
    );
    assert_eq!(bench.admin.get("/v1/gateways/edge/keys").await.ok()["held"], json!([shown]));
    // After a fetch that failed the keys are still there, with the reason.
    origin.set_raw("/keys", "HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n");
    bench.clock.set(START.plus_secs(400));
    schedule.turn().await.unwrap();
    schedule.settle().await;
    let shown = bench.admin.get("/v1/issuers/cell/keys").await.ok();
    assert!(shown["last_error"].as_str().unwrap().contains("status 500"), "{shown}");
    assert_eq!((&shown["age_seconds"], &shown["keys"][0]["kid"]), (&json!(400), &json!("a")));
    bench.admin.get("/v1/issuers/eks/keys").await.problem(404);
}
