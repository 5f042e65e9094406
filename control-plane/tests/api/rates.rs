//! The control plane counts for all gateways: endpoint calls one by one, errands once for each order.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    bench::{Answer, Bench, Client, START},
    tokens::{Signer, claims_with},
};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const TOKEN: &str = "/oauth2/v1/token";

async fn bench(signer: &Signer) -> Bench {
    let bench = Bench::new().await;
    let client = json!({
        "grant_types": [BEARER, "client_credentials"],
        "credentials": { "scopes": ["read"], "targets": ["upstream"], "rate": { "per_minute": 10, "burst": 1 } },
    });
    bench.exchanging_at(signer, client, json!({ "per_minute": 10, "burst": 2 })).await;
    bench
}

fn token(signer: &Signer, name: &str) -> String {
    signer.sign(&claims_with(json!({ "jti": name })))
}

async fn ask(client: &Client, token: &str) -> Answer {
    client.send(Method::POST, TOKEN, &[FORM], format!("grant_type={BEARER}&assertion={token}")).await
}

async fn mint(gateway: &Client, token: &str) -> Answer {
    gateway.post("/gateway/v1/mint", json!({ "route": { "route": "all", "subject_token": token } })).await
}

fn assert_limited(answer: &Answer, seconds: &str) -> Value {
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, seconds), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

#[tokio::test]
async fn the_third_call_comes_back_in_six_seconds() {
    let signer = Signer::new("a");
    let bench = bench(&signer).await;
    let token = token(&signer, "one");
    for _ in 0..2 {
        ask(&bench.nobody, &token).await.ok();
    }
    let said = assert_limited(&ask(&bench.nobody, &token).await, "6");
    assert_eq!(said, json!({ "error": "temporarily_unavailable" }));
    bench.clock.set(START.plus_millis(6_000));
    ask(&bench.nobody, &token).await.ok();
    bench.app.engine.settle().await;
    let rows = bench.audit().await;
    assert_eq!(rows.iter().filter(|(_, action, _)| action == "denial").count(), 1);
}

#[tokio::test]
async fn errands_of_all_gateways_count_together_and_each_order_once() {
    let signer = Signer::new("a");
    let bench = bench(&signer).await;
    let gateways = [bench.gateway("one", false).await, bench.gateway("two", false).await];
    for token in ["one", "two"].map(|name| token(&signer, name)) {
        for gateway in [&gateways[0], &gateways[1], &gateways[0]] {
            mint(gateway, &token).await.ok();
        }
    }
    let said = assert_limited(&mint(&gateways[1], &token(&signer, "three")).await, "6");
    assert_eq!(said, json!({ "reason": "rate_limited", "retry_after": 6 }));
}

#[tokio::test]
async fn a_relayed_call_says_exactly_when_to_come_back() {
    let signer = Signer::new("a");
    let bench = bench(&signer).await;
    let gateway = bench.gateway("edge", false).await;
    let body = format!("grant_type={BEARER}&assertion={}", token(&signer, "one"));
    let relay = json!({ "endpoint": { "path": TOKEN, "headers": { "content-type": FORM.1 }, "body": body } });
    for _ in 0..2 {
        gateway.post("/gateway/v1/mint", relay.clone()).await.ok();
    }
    bench.clock.set(START.plus_millis(2_500));
    let said = assert_limited(&gateway.post("/gateway/v1/mint", relay).await, "4");
    assert_eq!(said, json!({ "error": "temporarily_unavailable" }));
}
