//! The token endpoint at a gateway: what it grants and refuses, and that nobody behind it sees any of it.

use std::time::Duration;

use cambist_tests::client::{Answer, Request};
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::policy::{self, AUTHORITY, CLIENT, GATEWAY, Policy, TARGET, TOKEN_ENV};
use cambist_tests::stage::{self, Stage};
use cambist_tests::token_endpoint::{self, Grant, JWT_BEARER, Scene, form};
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;
use serde_json::{Value, json};

/// What the client may present; the policy holds its SHA-256.
const SECRET: &str = "a secret+with odd:characters";
const SECRET_SHA256: &str = "458e8f402c5144af27847ed1386148d0de46007f2949ed334a15bab29c76137f";

workers! {
    grants_what_the_specifications_show,
    refuses_as_the_specifications_say,
    waits_for_keys_with_the_body_and_says_when_there_are_none,
    publishes_what_verifies_its_tokens,
    goes_on_without_the_control_plane,
    the_control_plane_answers_the_same,
    without_a_key_the_control_plane_mints,
    a_protected_resource_says_where_tokens_come_from,
}

/// A gateway that answers as the authority, its policy inline.
async fn inline(workers: u32) -> Stage {
    inline_with(workers, Issuer::start(Key::p256("first")).await).await
}

async fn inline_with(workers: u32, issuer: Issuer) -> Stage {
    let policy = policy(&issuer);
    Stage::inline_on(workers, issuer, &policy, |filter| {
        vec![config::listener_with_endpoints("gateway", &filter, "upstream")]
    })
    .await
}

fn policy(issuer: &Issuer) -> Policy {
    let mut policy = Policy { endpoints: vec!["*".to_owned()], ..Policy::exchange(issuer) };
    policy.clients[0]["grant_types"] = json!([JWT_BEARER, token_endpoint::TOKEN_EXCHANGE]);
    policy.clients[0]["secrets"] = json!([SECRET_SHA256]);
    policy
}

const fn scene(issuer: &Issuer) -> Scene<'_> {
    Scene { issuer, client: CLIENT, secret: SECRET }
}

async fn grants_what_the_specifications_show(workers: u32) {
    let stage = inline(workers).await;
    let scene = scene(&stage.issuer);
    for grant in token_endpoint::grants(&scene) {
        for answer in stage.envoy.send_to_each_worker(&grant.request).await {
            let access = Parts::of(&grant.check(&answer));
            assert_eq!(access.header["typ"], "at+jwt", "{}", grant.name);
            assert_eq!(access.claims["iss"], AUTHORITY);
            assert_eq!(access.claims["aud"], TARGET);
            assert_eq!(access.claims["client_id"], CLIENT);
            assert_eq!(access.claims["scope"], answer.json()["scope"]);
            assert_eq!(access.claims["workload"]["sub"], "job");
        }
    }
    assert_eq!(stage.upstream.count(), 0, "the upstream saw a token request");
}

async fn refuses_as_the_specifications_say(workers: u32) {
    let stage = inline(workers).await;
    let cases = token_endpoint::refusals(&scene(&stage.issuer));
    assert!(cases.len() > 60, "{}", cases.len());
    for refusal in &cases {
        refusal.check(&stage.envoy.send(&refusal.request).await);
    }
    let credentials =
        form(&[("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", SECRET)]);
    let answer = stage.envoy.send(&credentials).await.expect(400);
    assert_eq!(answer.text(), "{\"error\":\"unsupported_grant_type\"}\n");
    // What we minted ourselves is no subject token (attack X4).
    let minted = form(&[("grant_type", JWT_BEARER), ("assertion", &stage.issuer.token("job"))]);
    let minted =
        stage.envoy.send(&minted).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let again = form(&[("grant_type", JWT_BEARER), ("assertion", &minted)]);
    assert_eq!(stage.envoy.send(&again).await.expect(400).text(), "{\"error\":\"invalid_grant\"}\n");
    assert_eq!(stage.upstream.count(), 0, "the upstream saw a token request");
}

async fn waits_for_keys_with_the_body_and_says_when_there_are_none(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Hold);
    let stage = inline_with(workers, issuer).await;
    let request = form(&[("grant_type", JWT_BEARER), ("assertion", &stage.issuer.token("job"))]);
    let port = stage.envoy.port();
    let held = {
        let request = request.clone();
        tokio::spawn(async move { request.send(port).await })
    };
    wait::until("the request is held", wait::PATIENCE, async || {
        stage
            .envoy
            .stats()
            .await
            .iter()
            .any(|(name, count)| name.ends_with("http.gateway.downstream_rq_active") && *count > 0)
    })
    .await;
    assert!(!held.is_finished());
    stage.issuer.set_fault(Fault::None);
    held.await.unwrap().expect(200);
    assert_eq!(stage.upstream.count(), 0);

    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Status(500));
    let stage = inline_with(workers, issuer).await;
    let request = form(&[("grant_type", JWT_BEARER), ("assertion", &stage.issuer.token("job"))]);
    let answer = stage.envoy.send(&request).await.expect(503);
    assert_eq!(answer.text(), "{\"error\":\"temporarily_unavailable\"}\n");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(stage.upstream.count(), 0);
}

async fn publishes_what_verifies_its_tokens(workers: u32) {
    let stage = inline(workers).await;
    let get = async |path: &str| stage.envoy.send(&Request::get(path)).await.expect(200);
    let document = get("/.well-known/openid-configuration").await;
    assert_eq!(document.body, get("/.well-known/oauth-authorization-server").await.body);
    assert_eq!(document.header("cache-control"), Some("public, max-age=300"));
    let document = document.json();
    assert_eq!(document["issuer"], AUTHORITY);
    assert_eq!(document["token_endpoint"], format!("{AUTHORITY}/oauth2/v1/token"));
    assert_eq!(document["jwks_uri"], format!("{AUTHORITY}/oauth2/v1/keys"));
    assert_eq!(document["grant_types_supported"].as_array().map(Vec::len), Some(2));
    let keys = get("/oauth2/v1/keys").await;
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    let request = form(&[("grant_type", JWT_BEARER), ("assertion", &stage.issuer.token("job"))]);
    let answer = stage.envoy.send(&request).await.expect(200).json();
    assert!(Parts::of(answer["access_token"].as_str().unwrap()).is_signed_by(&keys.json()));
    assert_eq!(stage.upstream.count(), 0);
}

async fn goes_on_without_the_control_plane(workers: u32) {
    let mut stage = Stage::managed_with_endpoints(workers, |issuer| {
        let mut policy = policy(issuer);
        policy.clients[0].as_object_mut().unwrap().remove("secrets");
        policy
    })
    .await;
    let port = stage.control_plane().port();
    let of_gateway = stage.envoy.send(&Request::get("/oauth2/v1/keys")).await.expect(200);
    let of_control_plane = Request::get("/oauth2/v1/keys").send(port).await.expect(200);
    assert_eq!(of_gateway.body, of_control_plane.body, "the keys differ");
    stage.control_plane_mut().stop().await;
    let request = form(&[("grant_type", JWT_BEARER), ("assertion", &stage.issuer.token("job"))]);
    for answer in stage.envoy.send_to_each_worker(&request).await {
        let answer = answer.expect(200).json();
        assert!(Parts::of(answer["access_token"].as_str().unwrap()).is_signed_by(&of_gateway.json()));
    }
    assert_eq!(stage.upstream.count(), 0);
    stage.control_plane_mut().serve().await;
    let identity = stage.control_plane().identity("job").await;
    assert!(identity["count"].as_u64() >= Some(1), "{identity}");
    wait::until("every mint is on record", Duration::from_secs(20), async || {
        stage.control_plane().get("/v1/identities").await["items"][0]["count"].as_u64()
            == Some(workers.into())
    })
    .await;
}

/// Status, headers and body of an answer, what changes from one to the next left out.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    const OF_THE_CONNECTION: [&str; 7] = [
        "connection",
        "content-length",
        "date",
        "server",
        "transfer-encoding",
        "x-request-id",
        "x-envoy-upstream-service-time",
    ];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()))
        .collect();
    headers.sort();
    let mut body = answer.text();
    if answer.status.is_success() {
        let members = answer.json();
        body = body.replace(members["access_token"].as_str().unwrap(), "TOKEN");
        body = body.replace(&format!("\"expires_in\":{}", members["expires_in"]), "\"expires_in\":N");
    }
    (answer.status.as_u16(), headers, body)
}

/// The claims of a grant's token that do not change from one to the next.
fn lasting(grant: &Grant, answer: &Answer) -> Value {
    let mut claims = Parts::of(&grant.check(answer)).claims;
    for changing in ["jti", "iat", "nbf", "exp"] {
        claims.as_object_mut().unwrap().remove(changing).unwrap();
    }
    claims
}

/// The same requests at both, byte for byte but for times and ids, and the identity that they leave.
async fn the_control_plane_answers_the_same(workers: u32) {
    let stage = Stage::managed_with_endpoints(workers, |issuer| {
        let mut policy = policy(issuer);
        policy.clients[0].as_object_mut().unwrap().remove("secrets");
        // The control plane asks no address on loopback for keys.
        policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": issuer.jwks() });
        policy
    })
    .await;
    let port = stage.control_plane().port();
    let path = format!("/v1/clients/{}/secrets", stage.client_id());
    let secret = stage.control_plane().post(&path, &json!({})).await["secret"].as_str().unwrap().to_owned();
    let scene = Scene { issuer: &stage.issuer, client: stage.client_id(), secret: &secret };
    let known = form(&[
        ("grant_type", JWT_BEARER),
        ("assertion", &stage.issuer.token("job")),
        ("client_id", stage.client_id()),
        ("client_secret", &secret),
    ]);
    wait::until("every worker knows the secret", wait::PATIENCE, async || {
        stage.envoy.send_to_each_worker(&known).await.iter().all(|answer| answer.status.is_success())
    })
    .await;
    for grant in token_endpoint::grants(&scene) {
        let of_gateway = stage.envoy.send(&grant.request).await;
        let of_control_plane = grant.request.send(port).await;
        assert_eq!(lasting(&grant, &of_gateway), lasting(&grant, &of_control_plane), "{}", grant.name);
        assert_eq!(comparable(&of_gateway), comparable(&of_control_plane), "{}", grant.name);
    }
    for refusal in token_endpoint::refusals(&scene) {
        let of_gateway = stage.envoy.send(&refusal.request).await;
        let of_control_plane = refusal.request.send(port).await;
        refusal.check(&of_gateway);
        refusal.check(&of_control_plane);
        assert_eq!(comparable(&of_gateway), comparable(&of_control_plane), "{}", refusal.name);
    }
    for path in ["/oauth2/v1/keys"] {
        let request = Request::get(path);
        let (of_gateway, of_control_plane) = (stage.envoy.send(&request).await, request.send(port).await);
        assert_eq!(of_gateway.body, of_control_plane.body, "{path}");
    }
    let identity = stage.control_plane().identity("job").await;
    assert_eq!(identity["client_id"], stage.client_id());
    assert_eq!(identity["status"], "active");
    assert_eq!(stage.upstream.count(), 0, "the upstream saw a token request");
}

/// A gateway that may not mint: what it would grant, the control plane mints, and answers the same.
async fn without_a_key_the_control_plane_mints(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let mut control_plane = ControlPlane::start().await;
    let mut policy = policy(&issuer);
    policy.clients[0].as_object_mut().unwrap().remove("secrets");
    policy.routes[0]["exchange"] = "control-plane".into();
    // The control plane asks no address on loopback for keys.
    policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": issuer.jwks() });
    let client = control_plane.apply(&policy).await;
    let gateway = control_plane.post("/v1/gateways", &json!({ "name": GATEWAY })).await;
    let upstream = Upstream::start().await;
    let mut plugin = policy::from_control_plane();
    plugin["endpoints"] = json!({ "hosts": ["*"] });
    let listener = config::listener_with_endpoints("gateway", &config::cambist(&plugin), "upstream");
    let clusters = stage::clusters(&upstream, control_plane.port());
    let setup = Setup::new(workers, config::bootstrap(&[listener], &clusters));
    let envoy = setup.env(TOKEN_ENV, gateway["token"].as_str().unwrap()).start().await;
    envoy.until_ready().await;

    let scene = Scene { issuer: &issuer, client: &client, secret: "" };
    let keys = Request::get("/oauth2/v1/keys").send(control_plane.port()).await.expect(200).json();
    for grant in token_endpoint::grants(&scene)
        .into_iter()
        .filter(|grant| !grant.name.contains("proves") && !grant.name.contains("secret"))
    {
        let answer = envoy.send(&grant.request).await;
        assert!(Parts::of(&grant.check(&answer)).is_signed_by(&keys), "{}", grant.name);
    }
    // Its own denials it gives itself.
    let bad = form(&[("grant_type", JWT_BEARER), ("assertion", "x")]);
    assert_eq!(envoy.send(&bad).await.expect(400).text(), "{\"error\":\"invalid_grant\"}\n");
    let request = form(&[("grant_type", JWT_BEARER), ("assertion", &issuer.token("job"))]);
    control_plane.stop().await;
    let answer = envoy.send(&request).await.expect(503);
    assert_eq!(answer.text(), "{\"error\":\"temporarily_unavailable\"}\n");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(upstream.count(), 0, "the upstream saw a token request");
}

async fn a_protected_resource_says_where_tokens_come_from(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.routes[0]["resource"] = "https://api.example/tools".into();
        policy
    })
    .await;
    let metadata = "/.well-known/oauth-protected-resource/tools";
    let document = stage.envoy.send(&Request::get(metadata)).await.expect(200).json();
    assert_eq!(document["resource"], "https://api.example/tools");
    assert_eq!(document["authorization_servers"], json!([AUTHORITY]));
    assert_eq!(document["scopes_supported"], json!(["read"]));
    let answer = stage.envoy.send(&Request::get("/tools")).await.expect(401);
    let expected = format!("Bearer resource_metadata=\"https://api.example{metadata}\", scope=\"read\"");
    assert_eq!(answer.header("www-authenticate"), Some(&*expected));
    stage.present(&stage.issuer.token("job")).await.expect(200);
}
