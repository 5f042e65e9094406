//! Tokens that must not pass, and what the caller sees of it.

use cambist_tests::client::{Answer, Request};
use cambist_tests::jwt::{self, Key};
use cambist_tests::policy::{Policy, route};
use cambist_tests::stage::Stage;
use serde_json::{Value, json};

workers! {
    bad_tokens_are_refused_alike,
    missing_token_gets_a_challenge_without_error,
    expired_token_is_refused_also_when_cached,
    unknown_route_is_forbidden,
    open_routes_follow_their_mode,
}

/// A good token with one thing changed.
fn bad_tokens(stage: &Stage) -> Vec<(&'static str, String)> {
    let issuer = &stage.issuer;
    let now = jwt::now();
    let key = issuer.key();
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = issuer.claims("job");
        change(&mut claims);
        issuer.sign(&claims)
    };
    let header = |header: Value| key.sign(&header, &issuer.claims("job"));
    let good = issuer.token("job");
    let parts: Vec<_> = good.split('.').collect();
    let unsigned = jwt::encode(json!({ "alg": "none", "kid": key.kid() }).to_string().as_bytes());
    vec![
        ("another key with the same name", Key::p256(key.kid()).token(&issuer.claims("job"))),
        ("another key's algorithm", Key::rsa(key.kid()).token(&issuer.claims("job"))),
        ("an unknown key", Key::p256("unknown").token(&issuer.claims("job"))),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("alg none", format!("{unsigned}.{}.", parts[1])),
        ("alg none, signed", header(json!({ "alg": "none", "kid": key.kid() }))),
        ("HS256", header(json!({ "alg": "HS256", "kid": key.kid() }))),
        ("RS256 with a P-256 key", header(json!({ "alg": "RS256", "kid": key.kid() }))),
        (
            "a critical header",
            header(json!({ "alg": "ES256", "kid": key.kid(), "crit": ["b64"], "b64": false })),
        ),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("a payload that is no JSON", key.sign_bytes(br#"{"alg":"ES256","kid":"first"}"#, b"{")),
        ("another issuer", claims(&|claims| claims["iss"] = json!("https://other.example"))),
        ("the issuer with a slash", claims(&|claims| claims["iss"] = json!(format!("{}/", issuer.iss())))),
        ("no issuer", claims(&|claims| drop(claims.as_object_mut().unwrap().remove("iss")))),
        ("another audience", claims(&|claims| claims["aud"] = json!("https://other.example"))),
        ("no audience", claims(&|claims| drop(claims.as_object_mut().unwrap().remove("aud")))),
        ("an empty audience list", claims(&|claims| claims["aud"] = json!([]))),
        ("no subject", claims(&|claims| drop(claims.as_object_mut().unwrap().remove("sub")))),
        ("expired", claims(&|claims| claims["exp"] = json!(now - 1))),
        ("no expiry", claims(&|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        ("an expiry that is text", claims(&|claims| claims["exp"] = json!("9999999999"))),
        ("not yet valid", claims(&|claims| claims["nbf"] = json!(now + 300))),
        ("issued in the future", claims(&|claims| claims["iat"] = json!(now + 300))),
    ]
}

async fn bad_tokens_are_refused_alike(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    stage.present(&stage.issuer.token("job")).await.expect(200);
    let forwarded = stage.upstream.count();
    let mut first: Option<Answer> = None;
    for (what, token) in bad_tokens(&stage) {
        let answer = stage.present(&token).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
        let first = first.get_or_insert_with(|| answer.clone());
        assert_eq!(answer.body, first.body, "{what} is told apart by its body");
        assert_eq!(answer.header("www-authenticate"), first.header("www-authenticate"), "{what}");
    }
    assert_eq!(stage.upstream.count(), forwarded);
}

async fn missing_token_gets_a_challenge_without_error(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    for answer in stage.envoy.send_to_each_worker(&Request::get("/")).await {
        let challenge = answer.expect(401).header("www-authenticate").unwrap().to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        assert!(!challenge.contains("error"), "{challenge}");
    }
}

async fn expired_token_is_refused_also_when_cached(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let mut claims = stage.issuer.claims("job");
    claims["exp"] = json!(jwt::now() + 3);
    let token = stage.issuer.sign(&claims);
    for status in stage.present_to_each_worker(&token).await {
        assert_eq!(status, 200);
    }
    cambist_tests::wait::until("the token expires", cambist_tests::wait::PATIENCE, async || {
        jwt::now() >= claims["exp"].as_i64().unwrap()
    })
    .await;
    for status in stage.present_to_each_worker(&token).await {
        assert_eq!(status, 401);
    }
}

async fn unknown_route_is_forbidden(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.routes = vec![route("orders", "/orders", "gateway")];
        policy
    })
    .await;
    let token = stage.issuer.token("job");
    stage.envoy.send(&Request::get("/orders/1").bearer(&token)).await.expect(200);
    stage.envoy.send(&Request::get("/ordersandmore").bearer(&token)).await.expect(403);
    stage.envoy.send(&Request::get("/").bearer(&token)).await.expect(403);
}

async fn open_routes_follow_their_mode(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        let mode = |id: &str, path: &str, mode: &str| {
            let mut route = route(id, path, "none");
            route["mode"] = json!(mode);
            route
        };
        policy.routes.push(mode("optional", "/optional", "optional"));
        policy.routes.push(mode("observe", "/observe", "observe"));
        policy
    })
    .await;
    let get = |path: &str| Request::get(path);
    stage.envoy.send(&get("/optional")).await.expect(200);
    stage.envoy.send(&get("/optional").bearer("not.a.token")).await.expect(401);
    stage.envoy.send(&get("/observe")).await.expect(200);
    let answer = stage.envoy.send(&get("/observe").bearer("not.a.token")).await.expect(200);
    assert_eq!(cambist_tests::stage::seen(&answer).bearer(), "not.a.token");
}
