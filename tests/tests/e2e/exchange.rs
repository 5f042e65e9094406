//! The main job: a workload's token goes in, ours comes out.

use cambist_tests::client::{Connection, Request};
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{self, Key, Parts};
use cambist_tests::policy::{AUTHORITY, CLIENT, Policy, TARGET};
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::json;

workers! {
    upstream_sees_our_token_in_place_of_the_workloads,
    rs256_tokens_are_exchanged_too,
    same_token_is_served_from_the_cache,
    verify_only_routes_drop_the_credential,
    identity_is_recorded_and_keys_are_published,
    native_jwt_authn_accepts_our_token,
    native_jwt_authn_accepts_what_the_host_signed_with_rsa,
}

async fn upstream_sees_our_token_in_place_of_the_workloads(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let claims = stage.issuer.claims("system:serviceaccount:shop:cart");
    let token = stage.issuer.sign(&claims);
    let answer = stage.envoy.send(&Request::get("/orders?id=1").bearer(&token)).await.expect(200);
    let seen = stage::seen(&answer);
    assert_eq!(seen.path, "/orders?id=1");
    assert!(!answer.text().contains(&token), "the subject token reached the upstream");

    let access = Parts::of(seen.bearer());
    assert!(access.is_signed_by(&json!({ "keys": [named_by_thumbprint(&stage.signing_key, &access)] })));
    assert_eq!(access.header["typ"], "at+jwt");
    assert_eq!(access.header["alg"], "ES256");
    let got = &access.claims;
    assert_eq!(got["iss"], AUTHORITY);
    assert_eq!(got["aud"], TARGET);
    assert_eq!(got["client_id"], CLIENT);
    assert_eq!(got["scope"], "read");
    assert!(got["sub"].as_str().unwrap().starts_with("idn_"));
    assert!(!got["jti"].as_str().unwrap().is_empty());
    assert_eq!(got["workload"]["iss"], claims["iss"]);
    assert_eq!(got["workload"]["sub"], claims["sub"]);
    assert!(got["exp"].as_i64() <= claims["exp"].as_i64(), "our token outlives the workload's: {got}");
    assert!(got["iat"].as_i64().unwrap() <= jwt::now());
}

/// The public half of `key`, under the name that the access token gives it.
fn named_by_thumbprint(key: &Key, access: &Parts) -> serde_json::Value {
    key.named(access.header["kid"].as_str().unwrap()).jwk()
}

async fn rs256_tokens_are_exchanged_too(workers: u32) {
    let issuer = Issuer::start(Key::rsa("first")).await;
    let stage = Stage::inline_with(workers, issuer, Policy::exchange).await;
    let access = stage.exchange(&stage.issuer.token("job")).await;
    assert_eq!(access.claims["workload"]["sub"], "job");
}

async fn same_token_is_served_from_the_cache(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let request = Request::get("/").bearer(&stage.issuer.token("job"));
    let each = u64::from(workers);
    let (mut held, mut sent, mut minted) = (Vec::new(), 0, 0);
    // Envoy spreads connections by how many each worker holds, those still closing included: open more of them until
    // every worker was reached.
    while minted < each && held.len() < 64 {
        for mut connection in stage.envoy.connection_to_each_worker().await {
            let first = stage::seen(&connection.send(&request).await.expect(200));
            let second = stage::seen(&connection.send(&request).await.expect(200));
            assert_eq!(first.bearer(), second.bearer(), "the access token was minted twice");
            held.push(connection);
            sent += 2;
        }
        wait::until("every decision is counted", wait::PATIENCE, async || {
            minted = stage.envoy.counter("cambist.decision.minted").await;
            minted + stage.envoy.counter("cambist.decision.minted_cached").await == sent
        })
        .await;
    }
    assert_eq!(minted, each, "each worker mints once");
    assert_eq!(stage.envoy.counter("cambist.decision.minted_cached").await, sent - each);
    assert_eq!(stage.envoy.counter("cambist.host_verify").await, each);
    assert_eq!(stage.envoy.counter("cambist.host_sign").await, each);
    assert_eq!(stage.envoy.counter("cambist.rust_verify").await, 0, "not the host's cryptography");
    assert_eq!(stage.envoy.counter("cambist.rust_sign").await, 0, "not the host's cryptography");
}

async fn verify_only_routes_drop_the_credential(workers: u32) {
    let stage = Stage::inline(workers, Policy::verify).await;
    let answer = stage.present(&stage.issuer.token("job")).await.expect(200);
    assert!(stage::seen(&answer).values("authorization").is_empty());
}

async fn identity_is_recorded_and_keys_are_published(workers: u32) {
    let stage = Stage::managed(workers).await;
    let access = stage.exchange(&stage.issuer.token("job")).await;
    assert!(access.is_signed_by(&stage.authority_keys().await), "not a published key: {access:?}");
    let identity = stage.control_plane().identity("job").await;
    assert_eq!(identity["id"], access.claims["sub"]);
    assert_eq!(identity["client_id"], stage.client_id());
    assert_eq!(identity["issuer"], "main");
    assert_eq!(identity["status"], "active");
    assert!(identity["count"].as_u64().unwrap() >= 1);
}

/// A second Envoy that knows nothing of us but what our discovery document says.
async fn native_jwt_authn_accepts_our_token(workers: u32) {
    let stage = Stage::managed(workers).await;
    let answer = stage.present(&stage.issuer.token("job")).await.expect(200);
    assert_accepted(&stage, stage::seen(&answer).bearer()).await;
}

/// The same where the binding wants RS256, which the filter cannot sign by itself.
async fn native_jwt_authn_accepts_what_the_host_signed_with_rsa(workers: u32) {
    let stage = Stage::managed_by(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.bindings[0]["alg"] = json!("RS256");
        policy
    })
    .await;
    let answer = stage.present(&stage.issuer.token("job")).await.expect(200);
    let token = stage::seen(&answer).bearer().to_owned();
    assert_eq!(Parts::of(&token).header["alg"], "RS256");
    stage.envoy.until_counted("cambist.host_sign", 1).await;
    assert_accepted(&stage, &token).await;
}

/// Asserts that a second Envoy takes `token`, and not with another signature.
async fn assert_accepted(stage: &Stage, token: &str) {
    let port = stage.control_plane().port();
    let discovery = Request::get("/.well-known/openid-configuration").send(port).await.expect(200).json();
    assert_eq!(discovery["issuer"], AUTHORITY);
    let check = config::jwt_authn(&config::JwtAuthn {
        issuer: discovery["issuer"].as_str().unwrap(),
        audience: TARGET,
        keys_url: discovery["jwks_uri"].as_str().unwrap(),
        cluster: "authority",
        cached: false,
    });
    let clusters = [config::cluster("upstream", stage.upstream.port()), config::cluster("authority", port)];
    let second = Setup::new(1, stage::bootstrap(&[check], &clusters)).start().await;
    let mut connection = Connection::open(second.port()).await.unwrap();
    connection.send(&Request::get("/").bearer(token)).await.expect(200);
    let broken = format!("{}A", token.strip_suffix(|_: char| true).unwrap());
    let last = token.chars().last().unwrap();
    let broken = if last == 'A' { token.replace(last, "Q") } else { broken };
    connection.send(&Request::get("/").bearer(&broken)).await.expect(401);
}
