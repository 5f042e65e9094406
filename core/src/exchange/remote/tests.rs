#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::string::ToString as _;

use serde_json::{Value, json};

use super::{Minted, read, request};
use crate::{
    denial::Denial,
    exchange::external::answer::Failure,
    fixture::NOW,
    wire::mint::{MintRequest, RouteMint, RouteMinted, RouteRefused},
};

const JSON: Option<&str> = Some("application/json");

fn answer(status: u16, body: &Value) -> Result<Minted, Failure> {
    read(status, JSON, body.to_string().as_bytes())
}

fn minted() -> Value {
    let minted = RouteMinted { access_token: "a.b.c".into(), jti: "j".into(), exp: NOW };
    serde_json::to_value(minted).unwrap()
}

#[test]
fn writes_what_the_wire_type_reads() {
    let body = request("orders \"1\"", "a.b.c");
    let MintRequest::Route(RouteMint { route, subject_token }) = serde_json::from_slice(&body).unwrap()
    else {
        panic!("not a route's")
    };
    assert_eq!((&*route, &*subject_token), ("orders \"1\"", "a.b.c"));
}

#[test]
fn reads_what_the_wire_type_writes() {
    let Minted { token, jti, exp } = answer(200, &minted()).ok().unwrap();
    assert_eq!((&*token, &*jti, exp), ("a.b.c", "j", NOW));
}

#[test]
fn every_denial_comes_back_as_it_is() {
    for denial in Denial::ALL {
        let body =
            serde_json::to_value(RouteRefused { reason: denial.reason().into(), retry_after: None }).unwrap();
        assert_eq!(answer(denial.row().status, &body).err(), Some(Failure::Refused(denial)));
    }
}

#[test]
fn a_reason_under_another_status_or_none_says_nothing() {
    for (status, body) in [
        (403, json!({ "reason": "token_expired" })),
        (401, json!({ "reason": "surprise" })),
        (401, json!({ "reason": "token_expired", "more": 1 })),
        (401, json!({ "title": "unauthorized" })),
        (500, json!([])),
    ] {
        let failure = answer(status, &body).err().unwrap();
        assert_eq!((failure, failure.denial()), (Failure::Status(status), Denial::UpstreamStsUnavailable));
    }
    assert_eq!(read(502, Some("text/html"), b"<html>").err(), Some(Failure::Status(502)));
    assert_eq!(read(0, None, b"").err(), Some(Failure::NoAnswer));
}

#[test]
fn one_thing_wrong_is_no_token() {
    for (member, value) in [
        ("access_token", json!("")),
        ("access_token", json!("a b")),
        ("access_token", json!(1)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(257))),
        ("exp", json!("1")),
        ("exp", json!(1.5)),
        ("more", json!(1)),
    ] {
        let mut body = minted();
        body[member] = value;
        assert_eq!(answer(200, &body).err(), Some(Failure::Malformed), "{body}");
    }
    assert_eq!(read(200, JSON, b"{}").err(), Some(Failure::Malformed));
    assert_eq!(read(200, JSON, b"not json").err(), Some(Failure::Malformed));
    assert_eq!(
        read(200, Some("text/plain"), minted().to_string().as_bytes()).err(),
        Some(Failure::ContentType)
    );
    let large = " ".repeat(70_000);
    assert_eq!(read(200, JSON, large.as_bytes()).err(), Some(Failure::TooLarge));
}
