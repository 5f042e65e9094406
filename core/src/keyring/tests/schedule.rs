//! When fetches are due.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec::Vec;

use super::ring::{ISSUER, Ring, Said, issuer_with, jwks, policy_of, settled};
use crate::{
    fixture::host_issuer,
    keyring::{FETCH_TIMEOUT_MS, FetchFailure, Fetched, Progress},
    wire::snapshot::KeySource,
};

#[test]
fn prefetches_what_a_snapshot_brings() {
    let mut ring = Ring::cold();
    assert!(!ring.keyring.is_fetch_wanted());
    ring.fetch(&[1]);
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn fetches_all_issuers_and_each_once() {
    let mut ring = Ring::cold();
    ring.policy = policy_of(["a", "b", "c"].map(host_issuer).into());
    ring.keyring.adopt(&ring.policy, ring.now);
    let mut due = ring.keyring.due(ring.now);
    due.sort_by(|a, b| a.issuer.cmp(&b.issuer));
    assert_eq!(due.iter().map(|fetch| &*fetch.issuer).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(due.iter().all(|fetch| due.iter().filter(|other| other.ticket == fetch.ticket).count() == 1));
    assert!(ring.keyring.due(ring.now).is_empty());
}

#[test]
fn refreshes_after_five_minutes_without_a_hint() {
    let mut ring = Ring::warm();
    ring.pass_millis(299_999);
    assert!(ring.launch().is_none());
    ring.pass_millis(1);
    assert!(ring.launch().is_some());
}

#[test]
fn follows_the_hint_within_its_bounds() {
    for (max_age, seconds) in
        [(0, 60), (59, 60), (120, 120), (3_600, 3_600), (3_601, 3_600), (u32::MAX, 3_600)]
    {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        let body = jwks(&[1]);
        let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: Some(max_age) };
        let _ = ring.finish(&fetch, answer);
        assert_eq!(ring.next_due().0, seconds * 1_000, "{max_age}");
    }
}

#[test]
fn an_issuer_sets_the_bounds_of_its_refreshes() {
    for (max_age, millis) in [(Some(0), 200), (Some(1), 1_000), (Some(600), 5_000), (None, 5_000)] {
        let mut ring = Ring::new(issuer_with(|issuer| {
            issuer.refresh_least_ms = 200;
            issuer.refresh_most_ms = 5_000;
        }));
        let fetch = ring.due();
        let body = jwks(&[1]);
        let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age };
        let _ = ring.finish(&fetch, answer);
        assert_eq!(ring.next_due().0, millis, "{max_age:?}");
    }
}

#[test]
fn the_least_bound_is_not_jittered_away() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let body = jwks(&[1]);
    let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: Some(0) };
    let _ = ring.keyring.finish(ISSUER, fetch.ticket, answer, ring.now, 0);
    assert_eq!(ring.next_due().0, 60_000);
}

#[test]
fn spreads_refreshes_and_none_beyond_its_bound() {
    for (random, seconds) in [(0, 270), (10, 300), (15, 285), (20, 270)] {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        let body = jwks(&[1]);
        let answer = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
        let _ = ring.keyring.finish(ISSUER, fetch.ticket, answer, ring.now, random);
        assert_eq!(ring.next_due().0, seconds * 1_000);
    }
}

#[test]
fn has_one_fetch_in_flight() {
    let mut ring = Ring::cold();
    let _ = ring.due();
    for _ in 0..10 {
        ring.pass_secs(1);
        assert_eq!(ring.look_up(1), Said::Wait);
        assert!(ring.launch().is_none());
    }
}

#[test]
fn gives_up_a_fetch_whose_answer_never_comes() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    ring.pass_millis(FETCH_TIMEOUT_MS);
    assert!(ring.keyring.expire(&(), ring.now, 10).is_empty(), "the host's own timeout comes first");
    ring.pass_millis(1_000);
    let expired = ring.keyring.expire(&(), ring.now, 10);
    assert_eq!(expired, [settled(Some(FetchFailure::Unreachable))]);
    assert_eq!(ring.answer(&fetch, &jwks(&[1])), Progress::Ignored);
    assert_eq!(ring.look_up(1), Said::Unavailable);
    ring.pass_secs(1);
    assert!(ring.launch().is_some());
}

#[test]
fn starts_a_fetch_again_whose_caller_is_gone() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    ring.keyring.abandon(ISSUER, fetch.ticket + 1);
    assert!(ring.launch().is_none());
    ring.keyring.abandon(ISSUER, fetch.ticket);
    assert_eq!(ring.look_up(1), Said::Wait);
    ring.fetch(&[1]);
    assert_eq!(ring.look_up(1), Said::Keys);
    assert_eq!(ring.answer(&fetch, &jwks(&[2])), Progress::Ignored);
}

#[test]
fn an_inline_set_is_never_fetched() {
    let keys = serde_json::from_str(&jwks(&[1])).unwrap();
    let mut ring = Ring::new(issuer_with(|issuer| issuer.keys = KeySource::Inline { jwks: keys }));
    assert!(ring.launch().is_none());
    assert_eq!(ring.look_up(1), Said::Keys);
    assert_eq!(ring.look_up(2), Said::UnknownKid);
    ring.pass_secs(1_000_000_000);
    assert_eq!(ring.look_up(1), Said::Keys);
    assert!(ring.launch().is_none());
}
