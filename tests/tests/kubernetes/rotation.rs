//! A cluster changes its service account key: a second key, a restart of the API server, the first key dropped.

use cambist_tests::client::Request;
use cambist_tests::jwt::Parts;
use cambist_tests::kubernetes::Algorithm;
use hyper::Method;
use serde_json::{Value, json};

use super::site::{Reach, Site, each, until_each};

fn kid(token: &str) -> Value {
    Parts::of(token).header["kid"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_gateway_fetches_are_rotated() {
    let mut site = Site::start(Algorithm::Rs256).await;
    for block in ["open", "ca", "gateway", "who"] {
        site.run(block);
    }
    // As the page has it, but that a test cannot wait for an hour.
    let mut issuer = site.control_plane.get("/v1/issuers/shop-cluster").await;
    issuer["refetch_floor_ms"] = json!(100);
    issuer["refresh_least_ms"] = json!(100);
    issuer["refresh_most_ms"] = json!(1_000);
    let change = Request::new(Method::PUT, "/v1/issuers/shop-cluster").header("if-match", "*").json(&issuer);
    site.control_plane.admin(change).await.expect(200);
    let gateway = site.gateway(Reach::Cluster).await;
    let old = site.token();
    until_each(&gateway, &old, 200).await;

    site.kubernetes.make_key("second", Algorithm::Es256);
    site.kubernetes.restart("second", &["first"]).await;
    let new = site.token();
    assert_eq!(Parts::of(&new).header["alg"], "ES256");
    assert_ne!(kid(&new), kid(&old));
    each(&gateway, &new, 200).await;
    each(&gateway, &old, 200).await;

    site.kubernetes.restart("second", &[]).await;
    until_each(&gateway, &old, 401).await;
    each(&gateway, &new, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_pushed_are_rotated() {
    let mut site = Site::start(Algorithm::Es256).await;
    for block in ["pushed", "push", "who"] {
        site.run(block);
    }
    let gateway = site.gateway(Reach::Example).await;
    let old = site.token();
    until_each(&gateway, &old, 200).await;

    site.kubernetes.make_key("second", Algorithm::Rs256);
    site.kubernetes.restart("second", &["first"]).await;
    let new = site.token();
    assert_eq!(Parts::of(&new).header["alg"], "RS256");
    // Nobody told the gateway yet, and nobody else than the pusher can.
    each(&gateway, &new, 401).await;
    site.run("push");
    until_each(&gateway, &new, 200).await;
    each(&gateway, &old, 200).await;

    site.kubernetes.restart("second", &[]).await;
    each(&gateway, &old, 200).await;
    site.run("push");
    until_each(&gateway, &old, 401).await;
    each(&gateway, &new, 200).await;
}
