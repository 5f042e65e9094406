//! Requests that need keys that are not there.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::ToString as _, vec::Vec};

use serde_json::json;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, ISSUER_KEY, NOW, Signer, Token, Wire},
    flow::{Answer, Call, Counted},
    keyring::{Fetched, Progress},
    wire::snapshot::KeySource,
};

/// A gateway whose issuer's keys are at a URL, and have not been fetched.
fn cold() -> Gateway {
    let uri = "https://issuer.example/jwks".into();
    Gateway::new(Wire::changed(|wire| wire.issuers[0].keys = KeySource::JwksUri { uri }))
}

fn fetch(gateway: &mut Gateway, signers: &[u8]) {
    let fetch = gateway.due();
    gateway.pass_millis(5);
    let keys: Vec<_> = signers.iter().map(|number| Signer::numbered(*number).jwk()).collect();
    let body = json!({"keys": keys}).to_string();
    let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
    assert!(matches!(gateway.finish(&fetch, answer), Progress::Settled { failure: None, .. }));
}

fn fail(gateway: &mut Gateway) {
    let fetch = gateway.due();
    gateway.pass_millis(5);
    assert!(matches!(gateway.finish(&fetch, Fetched::Failed), Progress::Settled { failure: Some(_), .. }));
}

fn warm() -> Gateway {
    let mut gateway = cold();
    fetch(&mut gateway, &[ISSUER_KEY]);
    gateway.pass_secs(1);
    gateway
}

fn good() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

fn rotated() -> Ask {
    Ask::bearing(&Token::valid().header("kid", "key-5").sign_with(5))
}

fn wants_keys() -> Call {
    Call::FetchKeys { issuer: "shop-cluster".into() }
}

#[test]
fn a_request_waits_for_the_first_keys() {
    let mut gateway = cold();
    let (flow, call) = gateway.call(&good());
    assert_eq!(call, wants_keys());
    fetch(&mut gateway, &[ISSUER_KEY]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_edits().report.counted, Counted::Minted);
}

#[test]
fn a_request_is_refused_when_no_keys_come() {
    let mut gateway = cold();
    let (flow, call) = gateway.call(&good());
    let (response, report) = gateway.resume(&flow, &Answer::TimedOut(call)).into_reply();
    assert_eq!((response.status, report.counted), (503, Counted::Denied(Denial::KeysUnavailable)));
    assert_eq!(gateway.resume(&flow, &Answer::Overloaded).into_denial(), Denial::Overloaded);
    fail(&mut gateway);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::KeysUnavailable);
    assert_eq!(gateway.denial(&good()), Denial::KeysUnavailable);
}

#[test]
fn what_is_wrong_without_keys_waits_for_none() {
    let mut gateway = cold();
    let bad = Token::valid();
    for token in [
        bad.clone().with("iss", "https://other.example"),
        bad.clone().with("aud", "other"),
        bad.clone().with("exp", NOW),
        bad.clone().header("alg", "HS256"),
    ] {
        let _ = gateway.denial(&Ask::bearing(&token.sign()));
    }
    assert!(!gateway.state.keyring.is_fetch_wanted());
}

#[test]
fn a_rotated_key_is_accepted_on_its_first_request() {
    let mut gateway = warm();
    let (flow, call) = gateway.call(&rotated());
    assert_eq!(call, wants_keys());
    assert!(gateway.state.keyring.is_fetch_wanted());
    fetch(&mut gateway, &[ISSUER_KEY, 5]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_edits().report.counted, Counted::Minted);
}

#[test]
fn an_unknown_kid_is_refused_after_a_fetch() {
    let mut gateway = warm();
    let (flow, _) = gateway.call(&rotated());
    fetch(&mut gateway, &[ISSUER_KEY]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::UnknownKid);
}

#[test]
fn an_unknown_kid_is_refused_after_a_fetch_that_takes_longer_than_the_floor() {
    let mut gateway = warm();
    gateway.adopt(|wire| wire.issuers[0].refetch_floor_ms = 100);
    let (flow, _) = gateway.call(&rotated());
    let slow = gateway.due();
    gateway.pass_secs(5);
    let body = json!({"keys": [Signer::numbered(ISSUER_KEY).jwk()]}).to_string();
    let _ = gateway.finish(&slow, Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None });
    // Its own arrival counts, or it would wait for one fetch after another.
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::UnknownKid);
}

#[test]
fn an_unknown_kid_costs_one_fetch_within_the_floor() {
    let mut gateway = warm();
    let _ = gateway.call(&rotated());
    fetch(&mut gateway, &[ISSUER_KEY]);
    gateway.pass_secs(29);
    assert_eq!(gateway.denial(&rotated()), Denial::UnknownKid);
    assert!(gateway.state.keyring.due(gateway.now).is_empty());
    gateway.pass_secs(1);
    assert_eq!(gateway.call(&rotated()).1, wants_keys());
}

#[test]
fn an_unknown_kid_is_not_judged_by_a_fetch_that_failed() {
    let mut gateway = warm();
    let (flow, _) = gateway.call(&rotated());
    fail(&mut gateway);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::KeysUnavailable);
    assert_eq!(gateway.denial(&rotated()), Denial::KeysUnavailable);
    let _ = gateway.forward(&good());
}

#[test]
fn an_unknown_kid_waits_for_the_retry_of_a_fetch_that_failed() {
    let mut gateway = warm();
    let _ = gateway.call(&rotated());
    fail(&mut gateway);
    gateway.pass_millis(1_000);
    let (flow, call) = gateway.call(&rotated());
    assert_eq!(call, wants_keys());
    fetch(&mut gateway, &[ISSUER_KEY, 5]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_edits().report.counted, Counted::Minted);
}

#[test]
fn a_set_that_was_asked_for_before_the_request_came_does_not_judge_it() {
    let mut gateway = warm();
    let _ = gateway.call(&rotated());
    let begun = gateway.due();
    gateway.pass_secs(2);
    let (flow, _) = gateway.call(&rotated());
    let body = json!({"keys": [Signer::numbered(ISSUER_KEY).jwk()]}).to_string();
    gateway.pass_secs(40);
    let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
    let _ = gateway.finish(&begun, answer);
    let (flow, call) = gateway.resume(&flow, &Answer::Ready).into_call();
    assert_eq!(call, wants_keys());
    fetch(&mut gateway, &[ISSUER_KEY, 5]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_edits().report.counted, Counted::Minted);
}

#[test]
fn a_removed_key_is_refused_for_cached_tokens_too() {
    let mut gateway = warm();
    let _ = gateway.forward(&good());
    assert_eq!(gateway.forward(&good()).report.counted, Counted::MintedCached);
    gateway.pass_secs(300);
    fetch(&mut gateway, &[5]);
    let (flow, _) = gateway.call(&good());
    fetch(&mut gateway, &[5]);
    assert_eq!(gateway.resume(&flow, &Answer::Ready).into_denial(), Denial::UnknownKid);
}

#[test]
fn a_key_that_is_replaced_under_its_kid_is_refused_for_cached_tokens_too() {
    let mut gateway = warm();
    let _ = gateway.forward(&good());
    gateway.pass_secs(300);
    let due = gateway.due();
    let mut jwk = Signer::numbered(5).jwk();
    jwk["kid"] = "key-1".into();
    let body = json!({"keys": [jwk]}).to_string();
    let _ = gateway.finish(&due, Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None });
    assert_eq!(gateway.denial(&good()), Denial::BadSignature);
}

#[test]
fn old_keys_serve_until_they_are_too_old() {
    let mut gateway = warm();
    let token = Token::valid().with("exp", NOW + 20_000).sign();
    let ask = Ask::bearing(&token);
    let _ = gateway.forward(&ask);
    gateway.pass_secs(300);
    fail(&mut gateway);
    gateway.pass_secs(3_598);
    gateway.state.confirm(gateway.now);
    let _ = gateway.forward(&ask);
    gateway.pass_secs(2);
    fail(&mut gateway);
    assert_eq!(gateway.denial(&ask), Denial::KeysUnavailable);
}
