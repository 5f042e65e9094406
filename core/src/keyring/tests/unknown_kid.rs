//! Tokens whose `kid` the set does not hold: one refetch per floor, and never a guess.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ring::{Ring, Said, issuer_with, jwks, settled};

#[test]
fn one_refetch_is_made_for_all_who_ask() {
    let mut ring = Ring::warm();
    ring.pass_millis(1);
    for number in 2..10 {
        assert_eq!(ring.look_up(number), Said::Wait);
    }
    assert!(ring.keyring.is_fetch_wanted());
    let fetch = ring.due();
    assert!(!ring.keyring.is_fetch_wanted());
    assert_eq!(ring.look_up(2), Said::Wait);
    assert!(ring.launch().is_none());
    assert_eq!(ring.answer(&fetch, &jwks(&[1, 2])), settled(None));
    assert_eq!(ring.look_up(2), Said::Keys);
    assert_eq!(ring.look_up(3), Said::UnknownKid);
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn known_keys_serve_meanwhile() {
    let mut ring = Ring::warm();
    ring.pass_millis(1);
    let _ = ring.look_up(2);
    let _ = ring.due();
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn the_next_refetch_waits_for_the_floor() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.refetch_floor_ms = 5_000));
    ring.fetch(&[1]);
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fetch(&[1]);
    ring.pass_millis(4_999);
    assert_eq!(ring.look_up(2), Said::UnknownKid);
    assert!(ring.launch().is_none());
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fetch(&[1, 2]);
    assert_eq!(ring.look_up(2), Said::Keys);
}

#[test]
fn a_set_judges_only_those_who_came_before_it_was_asked_for() {
    let mut ring = Ring::warm();
    ring.pass_millis(1);
    let early = ring.now;
    assert_eq!(ring.look_up_from(2, early), Said::Wait);
    ring.pass_millis(1);
    let fetch = ring.due();
    ring.pass_millis(1);
    let late = ring.now;
    ring.pass_millis(1);
    assert_eq!(ring.answer(&fetch, &jwks(&[1])), settled(None));
    assert_eq!(ring.look_up_from(2, early), Said::UnknownKid);
    // Within the floor nothing new is asked for; the set is as recent as the floor allows.
    assert_eq!(ring.look_up_from(2, late), Said::UnknownKid);
    assert!(ring.launch().is_none());
}

#[test]
fn a_set_that_was_asked_for_too_early_judges_nobody() {
    let mut ring = Ring::warm();
    ring.pass_secs(300);
    let refresh = ring.due();
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    let arrived = ring.now;
    ring.pass_millis(1);
    assert_eq!(ring.answer(&refresh, &jwks(&[1])), settled(None));
    assert_eq!(ring.look_up_from(2, arrived), Said::Wait);
    ring.fetch(&[1]);
    assert_eq!(ring.look_up_from(2, arrived), Said::UnknownKid);
}

#[test]
fn a_failed_refetch_says_nothing_until_the_retry() {
    let mut ring = Ring::warm();
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fail();
    assert_eq!(ring.look_up(2), Said::Unavailable);
    assert_eq!(ring.look_up(1), Said::Keys);
    ring.pass_millis(1_000);
    assert_eq!(ring.look_up(2), Said::Wait);
    let arrived = ring.now;
    ring.fetch(&[1]);
    assert_eq!(ring.look_up_from(2, arrived), Said::UnknownKid);
    assert_eq!(ring.look_up(2), Said::UnknownKid, "the floor counts from the retry");
}

#[test]
fn a_token_without_kid_uses_what_fits() {
    let mut ring = Ring::warm();
    assert_eq!(ring.look_up_without_kid(), Said::Keys);
    let rsa_only = r#"{"keys":[{"kty":"RSA","n":"N","e":"AQAB"}]}"#;
    let modulus = data_encoding::BASE64URL_NOPAD.encode(&[0xff; 256]);
    let mut ring = Ring::cold();
    let fetch = ring.due();
    assert_eq!(
        ring.answer(&fetch, &rsa_only.replace("\"N\"", &alloc::format!("\"{modulus}\""))),
        settled(None)
    );
    ring.pass_millis(1);
    assert_eq!(ring.look_up_without_kid(), Said::Wait);
}
