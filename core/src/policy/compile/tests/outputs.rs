//! One row per fault of what a route tells.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use serde_json::{Value, json};

use super::row::{has_fault, is_valid};
use crate::{fixture::Wire, wire::snapshot::ClaimOut};

const FIELD: &str = "route/api/claims_out";

fn outputs(value: Value) -> Vec<ClaimOut> {
    serde_json::from_value(value).unwrap()
}

#[track_caller]
fn refuses(part: &str, value: Value) {
    has_fault(FIELD, part, |wire| wire.routes[0].claims_out = outputs(value));
}

#[test]
fn every_form_is_accepted() {
    is_valid(|wire| {
        wire.routes[0].claims_out = outputs(json!([
            { "attribute": "jwt.claim.sub", "header": "x-user", "filter_state": "user" },
            { "attribute": r"jwt.claim.kubernetes\.io.namespace", "header": "x-cambist-namespace" },
            { "attribute": "jwt.claim/kubernetes.io/namespace", "filter_state": "k8s.namespace_1" },
            { "attribute": "identity.id", "filter_state": "id" },
        ]));
    });
}

#[test]
fn an_attribute_must_be_one_and_go_somewhere() {
    refuses("must be jwt.claim", json!([{ "attribute": "sub", "header": "x-user" }]));
    refuses("empty member name", json!([{ "attribute": "jwt.claim.a..b", "header": "x-user" }]));
    refuses("needs a `header` or a `filter_state`", json!([{ "attribute": "jwt.claim.sub" }]));
}

#[test]
fn a_header_must_be_free() {
    let long = "a".repeat(64);
    for name in [
        "",
        "X-User",
        "x_user",
        "x.user",
        ":path",
        "a b",
        "a\r",
        "\u{e9}",
        "host",
        "cookie",
        "authorization",
        "te",
        "connection",
        "content-length",
        "x-envoy-retry-on",
        long.as_str(),
    ] {
        refuses("must have 1 to 63", json!([{ "attribute": "jwt.claim.sub", "header": name }]));
    }
    refuses(
        "twice",
        json!([
            { "attribute": "jwt.claim.sub", "header": "x-user" },
            { "attribute": "jwt.claim.email", "header": "x-user" },
        ]),
    );
}

#[test]
fn filter_state_must_have_a_plain_name() {
    let long = "a".repeat(64);
    for name in ["", "User", "a-b", "a b", "a/b", "\u{e9}", long.as_str()] {
        refuses("filter_state", json!([{ "attribute": "jwt.claim.sub", "filter_state": name }]));
    }
    refuses(
        "twice",
        json!([
            { "attribute": "jwt.claim.sub", "filter_state": "user" },
            { "attribute": "jwt.claim.email", "filter_state": "user" },
        ]),
    );
}

#[test]
fn numbers_are_bounded() {
    let many = |prefix: &str, count: usize| {
        let output = |number| json!({ "attribute": "jwt.claim.a", "header": format!("{prefix}-{number}") });
        outputs((0..count).map(output).collect())
    };
    is_valid(|wire| wire.routes[0].claims_out = many("x", 32));
    has_fault(FIELD, "at most 32", |wire| wire.routes[0].claims_out = many("x", 33));
    let routes = |wire: &mut Wire, last: usize| {
        for route in 0..=8 {
            let mut next = wire.routes[0].clone();
            next.id = format!("r{route}");
            next.host = format!("r{route}.example");
            next.claims_out = many(&format!("x{route}"), if route == 8 { last } else { 32 });
            wire.routes.push(next);
        }
    };
    is_valid(|wire| routes(wire, 0));
    has_fault("route/r8/claims_out", "more than 256", |wire| routes(wire, 1));
}

#[test]
fn a_header_that_is_told_is_no_token_source_of_any_route() {
    for (name, twin) in [("x-user", "x-user"), ("x-user", "x_user"), ("x-user", "x.user")] {
        has_fault("route/api/token_sources", "identity header", |wire| {
            let mut other = wire.routes[0].clone();
            other.id = "other".into();
            other.host = "other.example".into();
            other.claims_out = outputs(json!([{ "attribute": "jwt.claim.sub", "header": name }]));
            wire.routes.push(other);
            let source = json!([{ "header": { "name": twin } }]);
            wire.routes[0].token_sources = serde_json::from_value(source).unwrap();
        });
    }
}

#[test]
fn unknown_fields_are_refused_and_absent_ones_not_written() {
    let unknown = json!({ "attribute": "jwt.claim.sub", "header": "x-user", "metadata": "x" });
    assert!(serde_json::from_value::<ClaimOut>(unknown).is_err());
    let text: String = serde_json::to_string(&Wire::valid().routes[0]).unwrap();
    assert!(!text.contains("claims_out") && !text.contains("token_sources"), "{text}");
    let output = json!({ "attribute": "jwt.claim.sub", "header": "x-user" });
    assert_eq!(serde_json::to_value(&outputs(json!([output]))[0]).unwrap(), output);
}
