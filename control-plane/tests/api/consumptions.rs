//! Replay policy: one use of a token, on disk before anybody is told that it is the first.

use std::collections::BTreeSet;

use cambist_control_plane::store::Store as _;
use cambist_core::time::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use super::{
    bench::{Bench, Client, START},
    tokens::{Signer, claims, claims_with},
};

const CONSUME: &str = "/gateway/v1/consume";

fn request(key: char, exp: i64) -> Value {
    json!({ "issuer": "eks", "key": String::from(key).repeat(64), "exp": exp })
}

async fn is_first(gateway: &Client, request: Value) -> bool {
    let answer = gateway.post(CONSUME, request).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.ok()["first"].as_bool().unwrap()
}

#[tokio::test]
async fn one_of_many_is_first_whichever_gateway_asks() {
    let bench = Bench::new().await;
    let gateways = [bench.gateway("one", false).await, bench.gateway("two", false).await];
    let asked = (0..64).map(|n: usize| {
        let gateway = gateways[n % 2].clone();
        tokio::spawn(async move { is_first(&gateway, request('a', START.secs() + 60)).await })
    });
    let mut first = 0;
    for asked in asked.collect::<Vec<_>>() {
        first += usize::from(asked.await.unwrap());
    }
    assert_eq!(first, 1);
    assert!(is_first(&gateways[0], request('b', START.secs() + 60)).await);
    let mut other = request('a', START.secs() + 60);
    other["issuer"] = "other".into();
    assert!(is_first(&gateways[0], other).await);
}

#[tokio::test]
async fn an_answered_use_is_on_disk_until_its_token_has_ended() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    assert!(is_first(&gateway, request('a', START.secs() + 60)).await);
    let file = bench.folder.path().join("cambist.db");
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let (rows,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM consumptions").fetch_one(&mut other).await.unwrap();
    assert_eq!(rows, 1);
    assert_eq!(bench.store.purge_uses(Timestamp::from_secs(START.secs() + 60), 10).await.unwrap(), 0);
    assert_eq!(bench.store.purge_uses(Timestamp::from_secs(START.secs() + 61), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn takes_only_what_is_a_use() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let good = request('a', START.secs() + 60);
    for (member, value) in [
        ("key", json!("a".repeat(63))),
        ("key", json!("A".repeat(64))),
        ("key", json!("g".repeat(64))),
        ("issuer", json!("")),
        ("issuer", json!("a".repeat(257))),
        ("exp", json!(START.secs() - 301)),
        ("exp", json!(1_i64 << 54)),
        ("exp", json!("1")),
        ("more", json!(1)),
    ] {
        let mut request = good.clone();
        request[member] = value;
        gateway.post(CONSUME, request).await.problem(400);
    }
    bench.nobody.post(CONSUME, good.clone()).await.problem(401);
    bench.admin.post(CONSUME, good.clone()).await.problem(401);
    assert!(is_first(&gateway, good).await, "nothing of that was written");
}

#[tokio::test]
async fn the_token_endpoint_writes_in_the_same_book() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let keys = json!({ "source": "inline", "jwks": signer.jwks() });
    bench
        .exchanging(&signer, json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"] }))
        .await;
    let known = bench.admin.get("/v1/issuers/eks").await;
    let mut issuer = json!({ "id": "eks", "iss": super::tokens::ISS, "keys": keys });
    issuer["replay"] = "once".into();
    let version = known.header("etag").to_owned();
    bench.admin.put("/v1/issuers/eks", &version, issuer).await.ok();
    let ask = async |token: &str| {
        let body = format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={token}");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        bench.nobody.send(axum::http::Method::POST, "/oauth2/v1/token", &form, body).await
    };
    let named = |name: &str| signer.sign(&claims_with(json!({ "jti": name })));
    ask(&named("one")).await.ok();
    for token in [named("one"), named("one")] {
        let again = ask(&token).await;
        assert_eq!(again.status.as_u16(), 400);
        assert_eq!(again.json(), json!({ "error": "invalid_grant" }));
    }
    ask(&named("two")).await.ok();
    let unnamed = signer.sign(&claims());
    ask(&unnamed).await.ok();
    assert_eq!(ask(&unnamed).await.status.as_u16(), 400);
    bench.app.engine.settle().await;
    let rows = bench.store.audit("default", 0, 1000).await.unwrap();
    let reasons: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.action == "denial")
        .map(|row| serde_json::to_value(&row.detail).unwrap().to_string())
        .collect();
    assert!(reasons.iter().all(|detail| detail.contains("token_replayed")) && !reasons.is_empty());
    // An errand of a gateway has passed its gates: it is not asked twice.
    let gateway = bench.gateway("edge", false).await;
    let body = json!({ "route": { "route": "all", "subject_token": unnamed } });
    gateway.post("/gateway/v1/mint", body).await.ok();
}
