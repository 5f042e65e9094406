//! What a new policy does to the sets that are there.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ring::{ISSUER, Ring, Said, issuer_with, jwks};
use crate::{
    fixture::host_issuer,
    keyring::Progress,
    wire::snapshot::{AudienceRule, Issuer, KeySource},
};

fn adopted(change: impl FnOnce(&mut Issuer)) -> Ring {
    let mut ring = Ring::warm();
    ring.pass_secs(10);
    ring.adopt([issuer_with(change)].into());
    ring
}

#[test]
fn an_unchanged_issuer_keeps_its_keys() {
    let mut ring = adopted(|_| ());
    assert_eq!(ring.look_up(1), Said::Keys);
    assert!(ring.launch().is_none());
}

#[test]
fn a_neighbour_that_comes_or_goes_changes_nothing() {
    let mut ring = Ring::warm();
    ring.adopt([issuer_with(|_| ()), host_issuer("other")].into());
    assert_eq!(ring.look_up(1), Said::Keys);
    assert_eq!(ring.due().issuer, "other");
    ring.adopt([issuer_with(|_| ())].into());
    assert_eq!(ring.look_up(1), Said::Keys);
    assert!(ring.launch().is_none());
}

#[test]
fn an_issuer_whose_rules_change_keeps_its_keys() {
    let changes: [fn(&mut Issuer); 8] = [
        |issuer| issuer.clock_skew = 1,
        |issuer| issuer.max_lifetime = 60,
        |issuer| issuer.max_age = Some(60),
        |issuer| issuer.audience = AudienceRule::ExactlyOne,
        |issuer| issuer.algorithms = ["ES256".into()].into(),
        |issuer| issuer.cluster = None,
        |issuer| issuer.max_stale = 7_200,
        |issuer| issuer.refetch_floor_ms = 100,
    ];
    for change in changes {
        let mut ring = adopted(change);
        assert_eq!(ring.look_up(1), Said::Keys);
        assert!(ring.launch().is_none());
    }
}

#[test]
fn an_issuer_whose_rules_change_lives_by_the_new_ones() {
    let mut ring = adopted(|issuer| issuer.refetch_floor_ms = 100);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fetch(&[1]);
    ring.pass_millis(100);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fetch(&[1]);
    // Fresh for 300 s, then stale for 20 s at most.
    ring.adopt([issuer_with(|issuer| issuer.max_stale = 20)].into());
    ring.pass_secs(319);
    assert_eq!(ring.look_up(1), Said::Keys);
    ring.pass_secs(1);
    assert!(!ring.holds(1));
}

#[test]
fn an_issuer_that_moves_forgets_its_keys() {
    let changes: [fn(&mut Issuer); 4] = [
        |issuer| issuer.iss = "https://elsewhere.example".into(),
        |issuer| issuer.keys = KeySource::JwksUri { uri: "https://issuer.example/jwks2".into() },
        |issuer| issuer.keys = KeySource::Discovery,
        |issuer| issuer.keys = KeySource::Derived,
    ];
    for change in changes {
        let mut ring = adopted(change);
        assert_eq!(ring.look_up(1), Said::Wait);
        ring.due();
    }
}

#[test]
fn an_answer_to_a_question_that_nobody_asks_any_more_is_ignored() {
    let mut ring = Ring::warm();
    ring.pass_secs(300);
    let fetch = ring.due();
    let uri = "https://issuer.example/jwks2".into();
    ring.adopt([issuer_with(|issuer| issuer.keys = KeySource::JwksUri { uri })].into());
    assert_eq!(ring.answer(&fetch, &jwks(&[2])), Progress::Ignored);
    assert!(!ring.holds(2));
}

#[test]
fn a_fetch_in_flight_survives_a_change_of_rules() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    ring.adopt([issuer_with(|issuer| issuer.clock_skew = 1)].into());
    assert!(ring.launch().is_none());
    let _ = ring.answer(&fetch, &jwks(&[1]));
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn a_new_inline_set_replaces_the_old_one() {
    let inline = |number| {
        let jwks = serde_json::from_str(&jwks(&[number])).unwrap();
        issuer_with(|issuer| issuer.keys = KeySource::Inline { jwks })
    };
    let mut ring = Ring::new(inline(1));
    ring.adopt([inline(2)].into());
    assert!(!ring.holds(1) && ring.holds(2));
    ring.adopt([issuer_with(|_| ())].into());
    assert!(!ring.holds(2));
    ring.fetch(&[3]);
    ring.adopt([inline(2)].into());
    assert!(ring.holds(2) && !ring.holds(3));
    assert!(ring.launch().is_none());
}

#[test]
fn an_issuer_that_is_gone_has_no_keys() {
    let mut ring = Ring::warm();
    let policy = super::ring::policy_of([host_issuer("other")].into());
    ring.keyring.adopt(&policy, ring.now);
    assert!(ring.keyring.current(ISSUER, ring.now).is_none());
}
