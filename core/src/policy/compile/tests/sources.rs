//! One row per fault of a route's token sources.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec, vec::Vec};

use serde_json::{Value, json};

use super::row::{has_fault, is_valid};
use crate::wire::snapshot::{Exchange, Route, TokenSource};

const FIELD: &str = "route/api/token_sources";

fn sources(value: Value) -> Vec<TokenSource> {
    serde_json::from_value(value).unwrap()
}

#[track_caller]
fn refuses(part: &str, value: Value) {
    has_fault(FIELD, part, |wire| wire.routes[0].token_sources = sources(value));
}

#[test]
fn every_kind_is_accepted() {
    is_valid(|wire| {
        wire.routes[0].token_sources = sources(json!([
            "authorization",
            { "header": { "name": "identity-exchange-token" } },
            { "header": { "name": "x_a.b", "prefix": "Token " } },
            { "query": "access_token" },
            { "query": "Access_token" },
            { "cookie": "access_token" },
        ]));
    });
}

#[test]
fn an_empty_list_is_a_fault_and_a_missing_one_is_authorization() {
    refuses("1 to 8", json!([]));
    let many: Vec<Value> = (0..9).map(|number| json!({ "query": format!("q{number}") })).collect();
    refuses("1 to 8", many.into());
    let route = json!({ "id": "a", "host": "*", "path": { "prefix": "/" } });
    let route: Route = serde_json::from_value(route).unwrap();
    assert_eq!(route.token_sources, [TokenSource::Authorization]);
    assert!(serde_json::to_value(&route).unwrap().get("token_sources").is_none());
    let empty = Route { token_sources: vec![], ..route };
    assert_eq!(serde_json::to_value(&empty).unwrap()["token_sources"], json!([]));
}

#[test]
fn the_same_place_twice_is_a_fault() {
    for twice in [
        json!(["authorization", "authorization"]),
        json!([{ "header": { "name": "a" } }, { "header": { "name": "a", "prefix": "b " } }]),
        json!([{ "query": "a" }, { "query": "a" }]),
        json!([{ "cookie": "a" }, { "cookie": "a" }]),
    ] {
        refuses("twice", twice);
    }
}

#[test]
fn names_that_have_another_meaning_are_faults() {
    for name in [
        "",
        "X-Token",
        ":path",
        ":authority",
        "a b",
        "a\r\nb",
        "\u{e9}",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "proxy-connection",
        "host",
        "content-length",
        "authorization",
        "cookie",
        "origin",
        "x-envoy-force-trace",
    ] {
        refuses("must have 1 to 63", json!([{ "header": { "name": name } }]));
    }
    for prefix in [" a", "a,", "a\r", "\u{e9}", &"a".repeat(64)] {
        refuses("prefix of header", json!([{ "header": { "name": "a", "prefix": prefix } }]));
    }
    let long = "a".repeat(64);
    for name in ["", "a b", "a=b", "a&b", "a;b", "%61", "a[]", "\u{e9}", long.as_str()] {
        refuses("query parameter", json!([{ "query": name }]));
        refuses("cookie", json!([{ "cookie": name }]));
    }
}

#[test]
fn an_identity_header_is_no_source() {
    refuses("identity header", json!([{ "header": { "name": "x-cambist-token" } }]));
    refuses("identity header", json!([{ "header": { "name": "x_cambist.token" } }]));
}

#[test]
fn what_is_cut_out_is_not_handed_on() {
    for source in [json!({ "query": "a" }), json!({ "cookie": "a" })] {
        has_fault("route/api/forward", "cut out", |wire| {
            wire.routes[0].exchange = Exchange::None;
            wire.routes[0].forward = true;
            wire.routes[0].token_sources = sources(json!(["authorization", source]));
        });
    }
}

#[test]
fn unknown_kinds_and_fields_are_refused() {
    for unknown in [
        json!("body"),
        json!({ "form": "a" }),
        json!({ "header": "a" }),
        json!({ "header": { "name": "a", "suffix": "b" } }),
        json!({ "query": "a", "cookie": "b" }),
        json!({}),
    ] {
        assert!(serde_json::from_value::<TokenSource>(unknown.clone()).is_err(), "{unknown}");
    }
}
