//! Gateways: tokens, instances and who gets the fleet key.

use cambist_core::wire::snapshot::{PrivateKey, Record, SigningKey};
use data_encoding::BASE64;
use serde_json::json;

use super::bench::{Answer, Bench, SOON};

const PATH: &str = "/gateway/v1/snapshot";

fn signing_keys(answer: &Answer) -> Vec<SigningKey> {
    let key = |record| if let Record::SigningKey(key) = record { Some(key) } else { None };
    answer.records().into_iter().filter_map(key).collect()
}

#[tokio::test]
async fn shows_the_token_once() {
    let bench = Bench::new().await;
    let made = bench.admin.post("/v1/gateways", json!({ "name": "edge" })).await.created();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("gw_") && token.len() == 55, "{token}");
    for path in ["/v1/gateways", "/v1/gateways/edge"] {
        let answer = bench.admin.get(path).await;
        assert!(!String::from_utf8_lossy(&answer.body).contains("gw_"));
    }
}

#[tokio::test]
async fn a_rotated_token_replaces_the_old_one() {
    let bench = Bench::new().await;
    let old = bench.gateway("edge", false).await;
    let rotated = bench.admin.post("/v1/gateways/edge/token", json!({})).await.ok();
    let new = bench.nobody.with_token(rotated["token"].as_str().unwrap());
    new.get(PATH).await.records();
    old.get(PATH).await.problem(401);
    bench.admin.delete("/v1/gateways/edge").await.no_content();
    new.get(PATH).await.problem(401);
    bench.admin.post("/v1/gateways/edge/token", json!({})).await.problem(404);
}

#[tokio::test]
async fn gives_the_fleet_key_to_gateways_that_may_mint_only() {
    let bench = Bench::new().await;
    let (minting, verifying) =
        (bench.gateway("minting", true).await, bench.gateway("verifying", false).await);
    assert_eq!(signing_keys(&verifying.get(PATH).await), []);
    let keys = signing_keys(&minting.get(PATH).await);
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(key.alg, "ES256");
    assert!(key.not_after <= bench.clock.now().plus_secs(86_400).secs());
    let PrivateKey::Pkcs8(document) = &key.private_key else { panic!() };
    let document = BASE64.decode(document.as_bytes()).unwrap();
    // The published key is inside.
    let jwks = bench.nobody.get("/oauth2/v1/keys").await.ok();
    let published = jwks["keys"].as_array().unwrap();
    let jwk = published.iter().find(|jwk| jwk["kid"] == key.kid.as_deref().unwrap()).unwrap();
    let x = data_encoding::BASE64URL_NOPAD.decode(jwk["x"].as_str().unwrap().as_bytes()).unwrap();
    assert!(document.windows(32).any(|window| window == x));
}

#[tokio::test]
async fn withholds_the_fleet_key_from_other_machines() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", true).await;
    for peer in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(signing_keys(&gateway.with_peer(peer).get(PATH).await).len(), 1, "{peer}");
    }
    for peer in ["10.0.0.1:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1", "unknown"] {
        assert_eq!(signing_keys(&gateway.with_peer(peer).get(PATH).await), [], "{peer}");
    }
}

#[tokio::test]
async fn a_gateway_that_may_no_longer_mint_loses_the_key_at_once() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", true).await;
    let etag = gateway.get(PATH).await.etag();
    let waiting = gateway.held(&format!("{PATH}?wait=60s"), Some(&etag));
    bench.admin.put("/v1/gateways/edge", "\"1\"", json!({ "may_mint": false })).await.ok();
    let answer = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(signing_keys(&answer), []);
}

#[tokio::test]
async fn shows_what_instances_say_of_themselves() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let headers =
        [("cambist-instance", "node/1"), ("cambist-running-epoch", "7"), ("cambist-last-error", "no\tway")];
    gateway.get_with(PATH, &headers).await.records();
    gateway.get_with(PATH, &[("cambist-instance", "node/2")]).await.records();
    gateway.get(PATH).await.records();
    let shown = bench.admin.get("/v1/gateways/edge").await.ok();
    let seen = "2027-01-15T08:00:00Z";
    assert_eq!(
        shown["instances"],
        json!([
            { "instance": "node/1", "running_epoch": 7, "last_error": "no way", "last_seen": seen, "dropped": 0 },
            { "instance": "node/2", "running_epoch": 0, "last_error": null, "last_seen": seen, "dropped": 0 },
        ])
    );
    let batch = json!({ "instance": "node/1", "epoch": 8, "dropped": 3, "events": [] });
    gateway.post("/gateway/v1/events", batch).await.ok();
    gateway.get_with(PATH, &[("cambist-instance", "node/1"), ("cambist-running-epoch", "9")]).await.records();
    let shown = bench.admin.get("/v1/gateways/edge").await.ok();
    assert_eq!(
        shown["instances"][0],
        json!({ "instance": "node/1", "running_epoch": 9, "last_error": null, "last_seen": seen, "dropped": 3 })
    );
}

#[tokio::test]
async fn refuses_instances_without_form() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let long = "x".repeat(257);
    for headers in [
        &[("cambist-instance", "")][..],
        &[("cambist-instance", long.as_str())],
        &[("cambist-instance", "a"), ("cambist-running-epoch", "x")],
    ] {
        gateway.get_with(PATH, headers).await.problem(400);
    }
}
