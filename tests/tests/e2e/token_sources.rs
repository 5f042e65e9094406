//! Tokens that do not come in `authorization`.

use cambist_tests::client::Request;
use cambist_tests::policy::{Policy, route};
use cambist_tests::stage::{self, Stage};
use hyper::Method;
use serde_json::json;

workers! {
    token_in_grpc_metadata_is_exchanged,
    token_in_the_query_is_cut_out,
    token_in_a_cookie_is_cut_out,
    two_tokens_in_two_places_are_refused,
}

/// Everything below `/` reads a token from every kind of place; `/plain` only from `authorization`, if there is one.
async fn reading(workers: u32) -> Stage {
    Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer);
        policy.routes[0]["token_sources"] = json!([
            "authorization",
            { "header": { "name": "identity-exchange-token" } },
            { "query": "access_token" },
            { "cookie": "session" },
        ]);
        let mut plain = route("plain", "/plain", "none");
        plain["mode"] = json!("optional");
        policy.routes.push(plain);
        policy
    })
    .await
}

async fn token_in_grpc_metadata_is_exchanged(workers: u32) {
    let stage = reading(workers).await;
    let token = stage.issuer.token("job");
    let call = |token: &str| {
        Request::new(Method::POST, "/identity.v1.Workload/FetchSVID")
            .header("content-type", "application/grpc")
            .header("identity-exchange-token", token)
    };
    for answer in stage.envoy.send_to_each_worker(&call(&token)).await {
        let seen = stage::seen(&answer.expect(200));
        assert_ne!(seen.bearer(), token);
        assert_eq!(seen.values("identity-exchange-token"), Vec::<&str>::new());
    }
    let forwarded = stage.upstream.count();
    // What Envoy makes of a 401 to a gRPC client: 16 is UNAUTHENTICATED.
    let answer = stage.envoy.send(&call("x.y.z")).await.expect(200);
    assert_eq!(answer.header("grpc-status"), Some("16"));
    assert_eq!(stage.upstream.count(), forwarded);
}

async fn token_in_the_query_is_cut_out(workers: u32) {
    let stage = reading(workers).await;
    let token = stage.issuer.token("job");
    let path = format!("/a?b=%2f&access_token={token}&c");
    for answer in stage.envoy.send_to_each_worker(&Request::get(&path)).await {
        let seen = stage::seen(&answer.expect(200));
        assert_eq!(seen.path, "/a?b=%2f&c");
        assert_ne!(seen.bearer(), token);
    }
    let seen = stage.envoy.send(&Request::get(format!("/a?access_token={token}"))).await.expect(200);
    assert_eq!(stage::seen(&seen).path, "/a");
    let plain = format!("/plain?access_token={token}");
    let seen = stage.envoy.send(&Request::get(&plain)).await.expect(200);
    assert_eq!(stage::seen(&seen).path, plain);
    stage.envoy.send(&Request::get("/a?token=1")).await.expect(401);
}

async fn token_in_a_cookie_is_cut_out(workers: u32) {
    let stage = reading(workers).await;
    let token = stage.issuer.token("job");
    let request = Request::get("/").header("cookie", format!("a=1; session={token}; b=\"2\""));
    for answer in stage.envoy.send_to_each_worker(&request).await {
        let seen = stage::seen(&answer.expect(200));
        assert_eq!(seen.values("cookie"), ["a=1; b=\"2\""]);
        assert_ne!(seen.bearer(), token);
    }
    let alone = Request::get("/").header("cookie", format!("session={token}"));
    let seen = stage::seen(&stage.envoy.send(&alone).await.expect(200));
    assert_eq!(seen.values("cookie"), Vec::<&str>::new());
}

async fn two_tokens_in_two_places_are_refused(workers: u32) {
    let stage = reading(workers).await;
    let token = stage.issuer.token("job");
    let in_query = Request::get(format!("/?access_token={token}"));
    let header = |request: Request| request.header("identity-exchange-token", &token);
    let cookie = |request: Request| request.header("cookie", format!("session={token}"));
    for request in [
        header(Request::get("/").bearer(&token)),
        header(header(Request::get("/"))),
        header(cookie(Request::get("/"))),
        cookie(cookie(Request::get("/"))),
        Request::get("/").header("cookie", format!("session={token}; session={token}")),
        Request::get("/").header("identity-exchange-token", format!("{token}, {token}")),
        in_query.clone().bearer(&token),
        cookie(in_query),
        Request::get(format!("/?access_token={token}&access_token={token}")),
    ] {
        // Envoy closes the connection after a 400.
        stage.envoy.send(&request).await.expect(400);
    }
    assert_eq!(stage.upstream.count(), 0);
}
