//! Keys that are pushed to the control plane, and what gateways get of them.

use axum::http::Method;
use cambist_core::wire::snapshot::{Carrier, KeySource, Record};
use serde_json::{Value, json};

use super::bench::{Answer, Bench};

const PATH: &str = "/v1/issuers/cell/jwks";
const SNAPSHOT: &str = "/gateway/v1/snapshot";

/// The public key of RFC 7515 A.3.
pub(super) fn mk_key(kid: &str) -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": kid,
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

pub(super) fn mk_set(kids: &[&str]) -> Value {
    json!({ "keys": kids.iter().map(|kid| mk_key(kid)).collect::<Vec<_>>() })
}

fn mk_issuer(source: &str) -> Value {
    json!({ "id": "cell", "iss": "https://cell.example", "keys": { "source": source } })
}

async fn mk_bench() -> Bench {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer("pushed")).await.created();
    bench
}

async fn push(bench: &Bench, set: &Value) -> Answer {
    bench.admin.send(Method::PUT, PATH, &[], set.to_string()).await
}

/// What a snapshot carries for the one issuer.
pub(super) fn carried(snapshot: &Answer) -> (Carrier, Option<Value>) {
    let keys = |record| if let Record::Issuer(issuer) = record { Some(issuer.keys) } else { None };
    match snapshot.records().into_iter().find_map(keys) {
        Some(KeySource::Carried { by, jwks }) => (by, jwks),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn carries_pushed_keys_to_gateways_until_they_are_withdrawn() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", false).await;
    let empty = gateway.get(SNAPSHOT).await;
    assert_eq!(carried(&empty), (Carrier::Pushed, None));
    bench.admin.get(PATH).await.problem(404);

    let epoch = bench.epoch();
    let pushed = push(&bench, &mk_set(&["a"])).await;
    assert_eq!(pushed.etag(), "\"1\"");
    let shown = pushed.created();
    assert!(bench.epoch() > epoch);
    assert_eq!(shown["keys"], json!([{ "kid": "a", "algorithms": ["ES256"] }]));
    assert_eq!(
        (&shown["pushed_by"], &shown["pushed_at"]),
        (&json!("admin:first"), &json!("2027-01-15T08:00:00Z"))
    );
    assert_eq!((&shown["in_use"], &shown["skipped"]), (&json!(true), &json!([])));
    assert_eq!(bench.admin.get(PATH).await.ok(), shown);
    let full = gateway.get(SNAPSHOT).await;
    assert_eq!(carried(&full), (Carrier::Pushed, Some(mk_set(&["a"]))));
    assert_ne!(full.etag(), empty.etag());

    bench.admin.delete(PATH).await.no_content();
    bench.admin.delete(PATH).await.problem(404);
    assert_eq!(gateway.get(SNAPSHOT).await.etag(), empty.etag());
    let acts = bench.audit().await.into_iter().filter(|(_, _, object)| object == "cell");
    let acts = acts.map(|(actor, action, _)| (actor, action)).collect::<Vec<_>>();
    let by_admin = |action: &str| (String::from("admin:first"), action.to_owned());
    assert_eq!(acts, ["create", "push_keys", "withdraw_keys"].map(by_admin));
}

#[tokio::test]
async fn replaces_a_set_only_as_a_whole_and_only_the_one_that_was_seen() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", false).await;
    push(&bench, &mk_set(&["a"])).await.created();
    assert_eq!(push(&bench, &mk_set(&["b"])).await.problem(428)["code"], "precondition_required");
    bench.admin.put(PATH, "\"7\"", mk_set(&["b"])).await.problem(412);
    assert_eq!(bench.admin.put(PATH, "\"1\"", mk_set(&["b"])).await.ok()["version"], 2);
    let etag = gateway.get(SNAPSHOT).await.etag();
    // The same again changes nothing for gateways.
    assert_eq!(bench.admin.put(PATH, "*", mk_set(&["b"])).await.ok()["version"], 3);
    let snapshot = gateway.get(SNAPSHOT).await;
    assert_eq!((snapshot.etag(), carried(&snapshot).1), (etag, Some(mk_set(&["b"]))));
    bench.admin.send(Method::DELETE, PATH, &[("if-match", "\"2\"")], "").await.problem(412);
}

#[tokio::test]
async fn refuses_sets_that_cannot_be_used_with_the_reason_of_every_key() {
    let bench = mk_bench().await;
    let mut off_curve = mk_key("b");
    off_curve["y"] = json!("AAAA");
    let mut unsupported = mk_key("c");
    unsupported["crv"] = json!("P-521");
    let epoch = bench.epoch();
    for (set, pointers) in [
        (json!({ "keys": [] }), vec!["/keys"]),
        (json!({}), vec!["/keys"]),
        (json!({ "keys": {} }), vec!["/keys"]),
        (json!({ "keys": vec![mk_key("a"); 101] }), vec!["/keys"]),
        (json!({ "keys": [off_curve, unsupported] }), vec!["/keys/0", "/keys/1"]),
    ] {
        assert_eq!(push(&bench, &set).await.pointers(), pointers, "{set}");
    }
    for body in ["", "[]", "{\"keys\":[],}", "{\"keys\":[],\"keys\":[]}"] {
        assert_eq!(bench.admin.send(Method::PUT, PATH, &[], body).await.problem(400)["code"], "invalid_json");
    }
    let large = format!("{{\"keys\":[],\"a\":\"{}\"}}", "a".repeat(1 << 20));
    bench.admin.send(Method::PUT, PATH, &[], large).await.problem(413);
    assert_eq!(bench.epoch(), epoch);
    bench.admin.get(PATH).await.problem(404);
}

#[tokio::test]
async fn refuses_a_set_that_gives_a_secret_away_and_does_not_repeat_it() {
    let bench = mk_bench().await;
    for (member, value, kty) in [("d", "jpsQnnGQmL", "EC"), ("k", "c2VjcmV0", "oct"), ("k", "c2VjcmV0", "EC")]
    {
        let mut leaked = mk_key("b");
        leaked["kty"] = json!(kty);
        leaked[member] = json!(value);
        let answer = push(&bench, &json!({ "keys": [mk_key("a"), leaked] })).await;
        assert_eq!(answer.pointers(), ["/keys/1"]);
        assert!(!String::from_utf8_lossy(&answer.body).contains(value));
    }
}

#[tokio::test]
async fn skips_what_it_does_not_know_and_says_so() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", false).await;
    let mut other = mk_key("b");
    other["use"] = json!("enc");
    let shown = push(&bench, &json!({ "keys": [other, mk_key("a")] })).await.created();
    assert_eq!(shown["skipped"], json!([{ "index": 0, "kid": "b", "reason": "use is not sig" }]));
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["a"])));
}

#[tokio::test]
async fn refuses_keys_that_no_algorithm_of_the_issuer_goes_with() {
    let bench = mk_bench().await;
    let mut issuer = mk_issuer("pushed");
    issuer["algorithms"] = json!(["RS256"]);
    bench.admin.put("/v1/issuers/cell", "\"1\"", issuer).await.ok();
    assert_eq!(push(&bench, &mk_set(&["a"])).await.pointers(), ["/keys"]);
}

#[tokio::test]
async fn takes_keys_only_where_the_issuer_says_so() {
    let bench = mk_bench().await;
    bench.admin.put("/v1/issuers/cell", "\"1\"", mk_issuer("discovery")).await.ok();
    assert_eq!(push(&bench, &mk_set(&["a"])).await.problem(409)["code"], "not_pushed");
    bench.admin.get(PATH).await.problem(409);
    bench.admin.delete(PATH).await.problem(409);
    bench.admin.send(Method::PUT, "/v1/issuers/other/jwks", &[], "{}").await.problem(404);
    bench.nobody.get(PATH).await.problem(401);
}

#[tokio::test]
async fn keeps_keys_when_the_issuer_is_applied_again_but_not_for_another_party() {
    let bench = mk_bench().await;
    let gateway = bench.gateway("edge", false).await;
    push(&bench, &mk_set(&["a"])).await.created();
    let mut issuer = mk_issuer("pushed");
    issuer["cluster"] = json!("cell");
    bench.admin.put("/v1/issuers/cell", "\"1\"", issuer.clone()).await.ok();
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, Some(mk_set(&["a"])));

    issuer["iss"] = json!("https://other.example");
    bench.admin.put("/v1/issuers/cell", "\"2\"", issuer.clone()).await.ok();
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, None);
    assert_eq!(bench.admin.get(PATH).await.ok()["in_use"], false);
    // A new issuer of the same name starts without.
    bench.admin.delete("/v1/issuers/cell").await.no_content();
    bench.admin.post("/v1/issuers", mk_issuer("pushed")).await.created();
    assert_eq!(carried(&gateway.get(SNAPSHOT).await).1, None);
    bench.admin.get(PATH).await.problem(404);
}

#[tokio::test]
async fn administrators_do_not_write_what_snapshots_carry() {
    let bench = Bench::new().await;
    let keys = json!({ "source": "carried", "by": "pushed", "jwks": mk_set(&["a"]) });
    let issuer = json!({ "id": "cell", "iss": "https://cell.example", "keys": keys });
    assert_eq!(bench.admin.post("/v1/issuers", issuer).await.pointers(), ["/keys/source"]);
}
