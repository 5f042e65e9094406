//! Failed fetches: back-off, and how long the last good set serves.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ring::{ISSUER, Ring, Said, issuer_with, jwks, settled};
use crate::keyring::{FetchFailure, Fetched, Progress, answer::MOST_NOT_TAKEN};

#[test]
fn a_cold_issuer_is_tried_again_within_four_seconds() {
    let mut ring = Ring::cold();
    ring.fail();
    for expected in [1_000, 2_000, 4_000, 4_000, 4_000] {
        let (waited, fetch) = ring.next_due();
        assert_eq!(waited, expected);
        let _ = ring.finish(&fetch, Fetched::Failed);
    }
}

#[test]
fn a_call_that_is_not_taken_is_made_again_on_the_next_ticks() {
    let mut ring = Ring::cold();
    for _ in 0..3 {
        let fetch = ring.due();
        assert_eq!(ring.finish(&fetch, Fetched::NotTaken), Progress::Ignored);
        assert_eq!(ring.look_up(1), Said::Wait, "nothing has failed yet");
    }
    ring.fetch(&[1]);
    assert_eq!(ring.look_up(1), Said::Keys);
    assert_eq!(ring.launch(), None, "it has what it wanted");
}

#[test]
fn a_call_that_is_never_taken_fails_and_begins_anew_after_the_pause() {
    let mut ring = Ring::cold();
    for _ in 0..2 {
        for _ in 0..MOST_NOT_TAKEN {
            let fetch = ring.due();
            assert_eq!(ring.finish(&fetch, Fetched::NotTaken), Progress::Ignored);
        }
        let fetch = ring.due();
        assert_eq!(ring.finish(&fetch, Fetched::NotTaken), settled(Some(FetchFailure::Unreachable)));
        assert_eq!(ring.look_up(1), Said::Unavailable);
        assert_eq!(ring.launch(), None);
        ring.pass_secs(3);
    }
}

#[test]
fn the_floor_counts_from_the_call_that_was_not_taken() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.refetch_floor_ms = 5_000));
    ring.fetch(&[1]);
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    let fetch = ring.due();
    assert_eq!(ring.finish(&fetch, Fetched::NotTaken), Progress::Ignored);
    ring.pass_millis(400);
    ring.fetch(&[1]);
    for (millis, said) in [(4_599, Said::UnknownKid), (1, Said::Wait)] {
        ring.pass_millis(millis);
        assert_eq!(ring.look_up(2), said);
    }
}

#[test]
fn a_warm_issuer_is_tried_again_within_half_a_minute() {
    let mut ring = Ring::warm();
    ring.pass_secs(300);
    ring.fail();
    for expected in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let (waited, fetch) = ring.next_due();
        assert_eq!(waited, expected);
        let _ = ring.finish(&fetch, Fetched::Failed);
    }
}

#[test]
fn retries_are_spread_by_a_tenth() {
    for (random, expected) in [(0, 900), (20, 1_100)] {
        let mut ring = Ring::cold();
        let fetch = ring.due();
        let _ = ring.keyring.finish(ISSUER, fetch.ticket, Fetched::Failed, ring.now, random);
        assert_eq!(ring.next_due().0, expected);
    }
}

#[test]
fn a_cold_issuer_never_waits_for_more_than_four_seconds() {
    let mut ring = Ring::cold();
    for _ in 0..5 {
        let (_, fetch) = ring.next_due();
        let _ = ring.keyring.finish(ISSUER, fetch.ticket, Fetched::Failed, ring.now, 20);
    }
    assert_eq!(ring.next_due().0, 4_000);
}

#[test]
fn an_issuer_whose_last_set_ends_is_asked_at_that_moment() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.max_stale = 40));
    ring.fetch(&[1]);
    ring.pass_secs(300);
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..8 {
        let (waited, fetch) = ring.next_due();
        waits.push(waited);
        let _ = ring.finish(&fetch, Fetched::Failed);
    }
    // 31 s after the set went stale the next retry would be 30 s away, and the set lives for 9 s more.
    assert_eq!(waits, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 9_000, 4_000]);
}

#[test]
fn a_success_forgets_the_failures() {
    let mut ring = Ring::cold();
    ring.fail();
    for _ in 0..5 {
        let (_, fetch) = ring.next_due();
        let _ = ring.finish(&fetch, Fetched::Failed);
    }
    let (_, fetch) = ring.next_due();
    assert_eq!(ring.answer(&fetch, &jwks(&[1])), settled(None));
    let (waited, fetch) = ring.next_due();
    assert_eq!(waited, 300_000);
    let _ = ring.finish(&fetch, Fetched::Failed);
    assert_eq!(ring.next_due().0, 1_000);
}

#[test]
fn nobody_can_tell_while_a_cold_issuer_fails() {
    let mut ring = Ring::cold();
    assert_eq!(ring.look_up(1), Said::Wait);
    ring.fail();
    assert_eq!(ring.look_up(1), Said::Unavailable);
    ring.pass_millis(999);
    assert_eq!(ring.look_up(1), Said::Unavailable);
    ring.pass_millis(1);
    assert_eq!(ring.look_up(1), Said::Wait);
    ring.fetch(&[1]);
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn the_last_good_set_serves_until_it_is_too_old() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.max_stale = 600));
    ring.fetch(&[1]);
    ring.pass_secs(300);
    ring.fail();
    ring.pass_millis(599_999);
    assert_eq!(ring.look_up(1), Said::Keys);
    ring.pass_millis(1);
    assert!(!ring.holds(1));
    ring.fail();
    assert_eq!(ring.look_up(1), Said::Unavailable);
}

#[test]
fn a_set_that_is_too_old_is_not_used_even_where_nobody_tried_to_refresh_it() {
    let mut ring = Ring::warm();
    ring.pass_secs(300 + 3_600);
    assert_eq!(ring.look_up(1), Said::Wait);
    assert!(ring.keyring.is_fetch_wanted());
    ring.fetch(&[1]);
    assert_eq!(ring.look_up(1), Said::Keys);
}

#[test]
fn failures_of_one_issuer_are_no_concern_of_another() {
    let mut ring = Ring::cold();
    ring.adopt([issuer_with(|_| ()), crate::fixture::host_issuer("other")].into());
    let due = ring.keyring.due(ring.now);
    for fetch in due {
        let body = jwks(&[1]);
        let good = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None };
        let fetched = if fetch.issuer == ISSUER { good } else { Fetched::Failed };
        let _ = ring.finish(&fetch, fetched);
    }
    assert_eq!(ring.look_up(1), Said::Keys);
    assert!(ring.launch().is_none());
    assert!(ring.keyring.current("other", ring.now).is_none());
}

#[test]
fn a_failure_tells_the_operator_what_it_was() {
    let mut ring = Ring::cold();
    let fetch = ring.due();
    let answer = Fetched::Answer { status: 404, body: b"", max_age: None };
    assert_eq!(ring.finish(&fetch, answer), settled(Some(FetchFailure::Status(404))));
}
