#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, format, string::String};

use serde_json::{Value, json};

use super::{ClaimTemplates, MAX_DEPTH, MAX_FILLED_BYTES, MAX_FILLED_DEPTH, MAX_NAMES, OURS};
use crate::{attribute::Facts, exchange::template::Unfilled};

fn compile(claims: Value) -> Result<ClaimTemplates, String> {
    let claims: BTreeMap<String, Value> = serde_json::from_value(claims).unwrap();
    ClaimTemplates::compile(&claims)
}

fn fill(claims: Value, token: &Value) -> Result<Value, Unfilled> {
    let templates = compile(claims).unwrap();
    let facts = Facts {
        claims: token.as_object().unwrap(),
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: None,
    };
    templates.fill(&facts).map(Value::Object)
}

/// A value that nests so deep.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!("x"), |value, _| json!([value]))
}

#[test]
fn constants_and_templates_at_any_depth() {
    let token = json!({ "sub": "cart", "groups": ["a", "b"], "kubernetes.io": { "namespace": "shop" } });
    let claims = json!({
        "env": "prod", "level": 3, "ok": true, "nothing": null, "ratio": 0.5,
        "team": "team-${jwt.claim.sub}",
        "groups": "${jwt.claim.groups}",
        "where": { "client": "${client.id}", "k8s": "${jwt.claim.kubernetes\\.io}", "list": [1, "${jwt.claim.sub}", []] },
    });
    let filled = json!({
        "env": "prod", "level": 3, "ok": true, "nothing": null, "ratio": 0.5,
        "team": "team-cart",
        "groups": ["a", "b"],
        "where": { "client": "cl_shop", "k8s": { "namespace": "shop" }, "list": [1, "cart", []] },
    });
    assert_eq!(fill(claims, &token), Ok(filled));
    assert!(compile(json!({})).unwrap().is_empty());
}

#[test]
fn a_missing_claim_leaves_nothing_to_mint() {
    let claims = |value: Value| json!({ "good": "x", "list": [{ "deep": value }] });
    assert!(fill(claims(json!("${jwt.claim.a}")), &json!({ "a": 1 })).is_ok());
    for token in [json!({}), json!({ "a": null })] {
        assert_eq!(fill(claims(json!("${jwt.claim.a}")), &token), Err(Unfilled));
    }
}

#[test]
fn what_verifiers_decide_by_is_ours_alone() {
    for name in OURS.into_iter().chain(["cambist_identity", "cambist_anything"]) {
        let fault = compile(json!({ "fine": 1, name: "x" })).unwrap_err();
        assert!(fault.contains(name) && fault.contains("another name"), "{fault}");
        assert!(compile(json!({ "fine": { name: "x" } })).is_ok(), "inside another claim it means nothing");
    }
}

#[test]
fn refuses_what_is_no_claim() {
    let many: BTreeMap<String, Value> = (0..=MAX_NAMES).map(|n| (format!("n{n}"), json!(n))).collect();
    for (claims, detail) in [
        (json!({ "a": "${" }), "\"a\" has a `${` without"),
        (json!({ "a": ["${sub}"] }), "\"a\" has a `${…}` whose name must be"),
        (json!({ "a": "${userinfo.email}" }), "\"a\" cannot use userinfo"),
        (json!({ "": 1 }), "no name"),
        (json!({ "a": { "": 1 } }), "\"a\" is or holds no name"),
        (json!({ "${jwt.claim.sub}": 1 }), "no template"),
        (json!({ "a".repeat(257): 1 }), "no name"),
        (json!({ "a": nested(MAX_DEPTH + 1) }), "nested deeper"),
        (json!(many), "64 names in all"),
        (json!({ "a": many }), "64 names in all"),
    ] {
        let fault = compile(claims).unwrap_err();
        assert!(fault.contains(detail), "{fault}");
    }
    assert!(compile(json!({ "a": nested(MAX_DEPTH), "b".repeat(256): 1 })).is_ok());
}

#[test]
fn what_comes_out_is_bounded_in_bytes_and_depth() {
    let copied = |token: Value| fill(json!({ "a": "${jwt.claim.a}" }), &json!({ "a": token }));
    assert!(copied(nested(MAX_FILLED_DEPTH)).is_ok());
    assert_eq!(copied(nested(MAX_FILLED_DEPTH + 1)), Err(Unfilled));
    // The name and what stands around it and the value.
    let rest = MAX_FILLED_BYTES - 1 - 4 - 4;
    assert!(copied(json!("x".repeat(rest))).is_ok());
    assert_eq!(copied(json!("x".repeat(rest + 1))), Err(Unfilled));
    assert_eq!(copied(json!(alloc::vec![0; MAX_FILLED_BYTES / 24])), Err(Unfilled));
    // A value that is copied many times is counted each time.
    let names = |count: usize| -> BTreeMap<String, Value> {
        (0..count).map(|n| (format!("n{n}"), json!("${jwt.claim.a}"))).collect()
    };
    let token = json!({ "a": "x".repeat(200) });
    assert!(fill(json!(names(32)), &token).is_ok());
    assert_eq!(fill(json!(names(MAX_NAMES)), &token), Err(Unfilled));
}

#[test]
fn no_claim_that_comes_out_is_more_than_counted() {
    let token = json!({ "a": { "k": [1.5e300, u64::MAX, i64::MIN, true, null, "text", {}] } });
    let claims = json!({ "a": "${jwt.claim.a}", "b": [[], {}, null, false, "c"] });
    let templates = compile(claims.clone()).unwrap();
    assert!(!templates.is_empty());
    let filled = fill(claims, &token).unwrap();
    let mut walk = super::Walk { facts: None, names: 0, bytes: 0 };
    assert!(walk.value(&filled, 1, super::Origin::Token).is_ok());
    assert!(walk.bytes >= serde_json::to_vec(&filled).unwrap().len());
}
