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
    let bodies: [(String, FetchFailure); 9] = [
        (String::new(), FetchFailure::NotJson),
        ("<html>busy</html>".into(), FetchFailure::NotJson),
        (jwks(&[2])[..40].into(), FetchFailure::NotJson),
        (jwks(&[2]).replace("]}", ",]}"), FetchFailure::NotJson),
        ("{}".into(), FetchFailure::NoKeyArray),
        ("{\"keys\":[]}".into(), FetchFailure::NoUsableKey),
        ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}".into(), FetchFailure::NoUsableKey),
        (many, FetchFailure::TooManyKeys),
        (huge, FetchFailure::TooLarge),
    ];
    for (body, failure) in bodies {
        let mut ring = Ring::warm();
        ring.pass_secs(300);
        let fetch = ring.due();
        assert_eq!(ring.answer(&fetch, &body), settled(Some(failure)));
        assert_eq!(ring.look_up(1), Said::Keys);
    }
}

#[test]
fn another_status_is_a_failure_whatever_the_body() {
    for status in [0, 199, 201, 204, 400, 401, 404, 500] {
        assert_eq!(failure_of(status), FetchFailure::Status(status));
    }
    for status in [301, 302, 304, 307, 308] {
        assert_eq!(failure_of(status), FetchFailure::Redirect(status));
    }
    for status in [503, 504] {
        assert_eq!(failure_of(status), FetchFailure::Unreachable);
    }
}

fn failure_of(status: u16) -> FetchFailure {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let body = jwks(&[1]);
    let answer = Fetched::Answer { status, body: body.as_bytes(), max_age: Some(600) };
    let Progress::Settled { failure: Some(failure), .. } = ring.finish(&fetch, answer) else {
        panic!("no failure: {status}")
    };
    assert!(!ring.holds(1));
    failure
}

#[test]
fn what_did_not_come_has_its_own_name() {
    for (fetched, failure) in [
        (Fetched::Failed, FetchFailure::Unreachable),
        (Fetched::TooLarge, FetchFailure::TooLarge),
        (Fetched::NoCluster, FetchFailure::NoCluster),
    ] {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        assert_eq!(ring.finish(&fetch, fetched), settled(Some(failure)));
        assert_eq!(ring.look_up(1), Said::Unavailable);
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

/// A key set of key 1 and of what must stay secret.
fn leaking(kid: &str) -> String {
    let secret = format!("{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"{kid}\"}},");
    jwks(&[1]).replace("{\"keys\":[", &secret)
}

#[test]
fn a_secret_key_is_not_used_and_told_once() {
    let mut ring = Ring::cold();
    let told = |ring: &mut Ring, body: &str| {
        let fetch = ring.due();
        let _ = ring.answer(&fetch, body);
        let alarms = ring.keyring.take_alarms();
        ring.pass_secs(300);
        alarms.into_iter().flat_map(|alarm| alarm.kids).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut ring, &leaking("a")), [Some("a".into())]);
    assert!(ring.keyring.current("issuer", ring.now).is_some_and(|set| !set.has_kid("a")));
    assert!(told(&mut ring, &leaking("a")).is_empty(), "the same again");
    assert_eq!(told(&mut ring, &leaking("b")), [Some("b".into())]);
    assert!(told(&mut ring, &jwks(&[1])).is_empty());
    assert_eq!(told(&mut ring, &leaking("b")), [Some("b".into())], "it was gone and is back");
}

#[test]
fn a_set_of_nothing_but_a_secret_key_is_told_and_fails() {
    let mut ring = Ring::cold();
    let private = jwks(&[1]).replace("\"kty\"", "\"d\":\"c2VjcmV0\",\"kty\"");
    let fetch = ring.due();
    assert_eq!(ring.answer(&fetch, &private), settled(Some(FetchFailure::NoUsableKey)));
    assert_eq!(ring.keyring.take_alarms().len(), 1);
}
