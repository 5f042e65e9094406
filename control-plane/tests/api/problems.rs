//! What bad requests get.

use axum::http::Method;
use serde_json::json;

use super::bench::{Bench, mk_issuer};

#[tokio::test]
async fn refuses_callers_without_a_good_token() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let strangers = [
        bench.nobody.clone(),
        bench.nobody.with_token("adm_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        gateway,
    ];
    for client in strangers {
        for path in ["/v1/issuers", "/v1/issuers/eks", "/v1/clients/cl_a/bindings", "/v1/identities"] {
            let answer = client.get(path).await;
            assert_eq!(answer.problem(401)["code"], "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    for path in ["/gateway/v1/snapshot", "/gateway/v1/changes?since=0"] {
        bench.admin.get(path).await.problem(401);
        bench.nobody.get(path).await.problem(401);
    }
    bench.admin.post("/gateway/v1/events", json!({})).await.problem(401);
}

#[tokio::test]
async fn refuses_two_tokens() {
    let bench = Bench::new().await;
    let headers = [("authorization", "Bearer adm_a")];
    bench.admin.get_with("/v1/issuers", &headers).await.problem(401);
}

#[tokio::test]
async fn answers_unknown_paths_and_methods_with_problems() {
    let bench = Bench::new().await;
    assert_eq!(bench.admin.get("/v1/nothing").await.problem(404)["code"], "not_found");
    assert_eq!(bench.admin.get("/v1/issuers/nothing").await.problem(404)["code"], "not_found");
    let answer = bench.admin.send(Method::PATCH, "/v1/issuers", &[], "").await;
    assert_eq!(answer.problem(405)["code"], "method_not_allowed");
    assert!(answer.header("allow").contains("POST"));
}

#[tokio::test]
async fn refuses_bodies_that_are_no_json_object() {
    let bench = Bench::new().await;
    for body in ["", "{", "[]", "7", "\"a\"", "{} {}", "\u{feff}{}", r#"{"id":"a","id":"b"}"#] {
        let answer = bench.admin.send(Method::POST, "/v1/issuers", &[], body).await;
        assert_eq!(answer.problem(400)["code"], "invalid_json", "{body}");
    }
}

#[tokio::test]
async fn refuses_bodies_above_one_mebibyte() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    let body = " ".repeat((1 << 20) + 1);
    for (client, path) in [(&bench.admin, "/v1/issuers"), (&gateway, "/gateway/v1/events")] {
        let answer = client.send(Method::POST, path, &[], body.clone()).await;
        assert_eq!(answer.problem(413)["code"], "too_large");
    }
}

#[tokio::test]
async fn refuses_unknown_query_members() {
    let bench = Bench::new().await;
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=%21", "page=2"] {
        bench.admin.get(&format!("/v1/issuers?{query}")).await.problem(400);
    }
    let gateway = bench.gateway("edge", false).await;
    for path in ["snapshot?wait=1", "snapshot?a=b", "changes", "changes?since=-1", "changes?since=0&wait=x"] {
        gateway.get(&format!("/gateway/v1/{path}")).await.problem(400);
    }
}

#[tokio::test]
async fn gives_every_answer_a_request_id() {
    let bench = Bench::new().await;
    let ids = [
        bench.admin.get("/v1/issuers").await,
        bench.admin.get("/nothing").await,
        bench.nobody.get("/healthz").await,
        bench.admin.post("/v1/issuers", mk_issuer()).await,
    ]
    .map(|answer| answer.header("x-request-id").to_owned());
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(id.len(), 16);
        assert!(!ids[..index].contains(id));
    }
}

#[tokio::test]
async fn tells_health_and_readiness() {
    let bench = Bench::new().await;
    bench.nobody.get("/healthz").await.ok();
    bench.nobody.get("/readyz").await.ok();
    bench.store.close().await;
    bench.nobody.get("/healthz").await.ok();
    let answer = bench.nobody.get("/readyz").await;
    assert_eq!(answer.problem(503)["code"], "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    bench.admin.get("/v1/issuers").await.problem(503);
}
