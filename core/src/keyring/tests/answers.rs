//! What an answer does to the set.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use super::ring::{Ring, Said, jwks, settled};
use crate::keyring::{FetchFailure, Fetched, MAX_BODY_BYTES, Progress};

#[test]
fn a_good_answer_replaces_the_set() {
    let mut ring = Ring::warm();
    ring.pass_secs(300);
    ring.fetch(&[2, 3]);
    assert!(!ring.holds(1) && ring.holds(2) && ring.holds(3));
}

#[test]
fn a_bad_key_spoils_none_of_the_others() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let body =
        jwks(&[1]).replace("{\"keys\":[", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"},7,{\"kty\":\"RSA\"},");
    assert_eq!(ring.answer(&fetch, &body), settled(None));
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn an_answer_that_is_no_usable_set_keeps_the_last_good_one() {
    let many = format!("{{\"keys\":[{}]}}", Vec::from(["{}"; 101]).join(","));
    let huge = format!("{}{}", jwks(&[2]), " ".repeat(MAX_BODY_BYTES));
    let bodies: [String; 8] = [
        String::new(),
        "<html>busy</html>".into(),
        "{}".into(),
        "{\"keys\":[]}".into(),
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}".into(),
        jwks(&[2])[..40].into(),
        many,
        huge,
    ];
    for body in bodies {
        let mut ring = Ring::warm();
        ring.pass_secs(300);
        let fetch = ring.due();
        assert_eq!(ring.answer(&fetch, &body), settled(Some(FetchFailure::InvalidKeySet)));
        assert_eq!(ring.look_up(1), Said::Keys);
    }
}

#[test]
fn another_status_is_a_failure_whatever_the_body() {
    for status in [0, 199, 201, 204, 301, 302, 304, 400, 401, 404, 500] {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        let body = jwks(&[1]);
        let answer = Fetched::Answer { status, body: body.as_bytes(), max_age: Some(600) };
        assert_eq!(ring.finish(&fetch, answer), settled(Some(FetchFailure::Status(status))));
        assert!(!ring.holds(1));
    }
    for status in [503, 504] {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        let answer = Fetched::Answer { status, body: b"", max_age: None };
        assert_eq!(ring.finish(&fetch, answer), settled(Some(FetchFailure::Unreachable)));
    }
}

#[test]
fn an_answer_counts_once() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    assert_eq!(ring.answer(&fetch, &jwks(&[1])), settled(None));
    assert_eq!(ring.answer(&fetch, &jwks(&[2])), Progress::Ignored);
    assert!(ring.holds(1) && !ring.holds(2));
}

#[test]
fn an_answer_of_an_unknown_fetch_or_issuer_is_ignored() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let body = jwks(&[2]);
    let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
    let later = ring.keyring.finish(&fetch.issuer, fetch.ticket + 1, answer, ring.now, 10);
    let elsewhere = ring.keyring.finish("elsewhere", fetch.ticket, answer, ring.now, 10);
    assert_eq!((later, elsewhere), (Progress::Ignored, Progress::Ignored));
    assert!(!ring.holds(2));
    assert_eq!(ring.answer(&fetch, &jwks(&[1])), settled(None));
}
