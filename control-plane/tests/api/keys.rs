//! Discovery, published keys and the renewal of the fleet key.

use cambist_control_plane::{
    keys::fleet::{GRACE, LEAD, LIFETIME, RENEWAL},
    store::{Store as _, records::KeyRole},
};
use cambist_core::wire::snapshot::Record;
use serde_json::json;

use super::bench::{AUTHORITY, Bench, START};

#[tokio::test]
async fn publishes_discovery_documents() {
    let bench = Bench::new().await;
    let paths = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    for path in paths {
        let answer = bench.nobody.get(path).await;
        assert!(answer.header("cache-control").starts_with("public, max-age="));
        let document = answer.ok();
        assert_eq!(document["issuer"], AUTHORITY);
        assert_eq!(document["jwks_uri"], format!("{AUTHORITY}/oauth2/v1/keys"));
        assert_eq!(document["token_endpoint"], format!("{AUTHORITY}/oauth2/v1/token"));
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
        for member in
            ["grant_types_supported", "token_endpoint_auth_methods_supported", "response_types_supported"]
        {
            assert!(!document[member].as_array().unwrap().is_empty(), "{member}");
        }
    }
}

#[tokio::test]
async fn serves_discovery_where_an_authority_with_a_path_has_it() {
    let bench = Bench::of("https://auth.example/tenants/a").await;
    for path in [
        "/tenants/a/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenants/a",
        "/.well-known/openid-configuration",
    ] {
        let document = bench.nobody.get(path).await.ok();
        assert_eq!(document["jwks_uri"], "https://auth.example/tenants/a/oauth2/v1/keys");
    }
    bench.nobody.get("/tenants/a/oauth2/v1/keys").await.ok();
    for path in ["/tenants/b/oauth2/v1/keys", "/tenants/a", "/tenants/a/v1/issuers", "/tenants/a/healthz"] {
        bench.nobody.get(path).await.problem(404);
    }
}

#[tokio::test]
async fn publishes_public_keys_in_a_stable_order() {
    let bench = Bench::new().await;
    let answer = bench.nobody.get("/oauth2/v1/keys").await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert!(answer.header("cache-control").starts_with("public, max-age="));
    let keys = answer.ok();
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-256"), &json!("ES256")));
        assert!(key["d"].is_null());
    }
    assert_eq!(bench.nobody.get("/oauth2/v1/keys").await.body, answer.body);
}

#[tokio::test]
async fn renews_the_fleet_key_before_it_ends_and_publishes_it_before_it_signs() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", true).await;
    let first = bench.epoch();
    bench.app.keep_keys().await.unwrap();
    assert_eq!(bench.epoch(), first, "a fresh key needs no successor");

    let renewal = START.plus_secs(LIFETIME - RENEWAL);
    bench.clock.set(renewal);
    bench.app.keep_keys().await.unwrap();
    bench.app.keep_keys().await.unwrap();
    let keys = bench.store.keys("default").await.unwrap();
    let fleet: Vec<_> = keys.iter().filter(|key| key.role == KeyRole::Fleet).collect();
    assert_eq!(fleet.len(), 2);
    assert_eq!(fleet[1].not_before, renewal.plus_secs(LEAD));
    assert!(fleet[1].not_after.unwrap() <= renewal.plus_secs(LIFETIME));
    assert!(fleet[0].not_after.unwrap() > fleet[1].not_before, "one can always sign");
    let published = bench.nobody.get("/oauth2/v1/keys").await.ok();
    assert_eq!(published["keys"].as_array().unwrap().len(), 3);
    let records = gateway.get("/gateway/v1/snapshot").await.records();
    let signers = records.iter().filter(|record| matches!(record, Record::SigningKey(_))).count();
    assert_eq!(signers, 2);

    // The first has ended: it signs no more, and stays published as long as its last token may live.
    bench.clock.set(START.plus_secs(LIFETIME));
    bench.app.keep_keys().await.unwrap();
    assert_eq!(bench.nobody.get("/oauth2/v1/keys").await.ok()["keys"].as_array().unwrap().len(), 4);
    bench.clock.set(START.plus_secs(LIFETIME + GRACE));
    bench.app.keep_keys().await.unwrap();
    let kids: Vec<_> = bench.store.keys("default").await.unwrap().into_iter().map(|key| key.kid).collect();
    assert!(!kids.contains(&fleet[0].kid));
    assert!(kids.contains(&fleet[1].kid));
}

#[tokio::test]
async fn makes_a_key_that_signs_at_once_after_a_long_stop() {
    let bench = Bench::new().await;
    let later = START.plus_secs(10 * LIFETIME);
    bench.clock.set(later);
    bench.app.keep_keys().await.unwrap();
    let keys = bench.store.keys("default").await.unwrap();
    let fleet: Vec<_> = keys.iter().filter(|key| key.role == KeyRole::Fleet).collect();
    assert_eq!(fleet.len(), 1);
    assert_eq!(fleet[0].not_before, later);
}
