//! A clock that is set back or ahead: keys live no longer by it, and nobody asks in a storm.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::ring::{ISSUER, Ring, Said, issuer_with, settled};
use crate::{
    keyring::{FetchFailure, Fetched},
    time::Timestamp,
};

const YEAR_SECS: i64 = 31_536_000;

/// Fetches that fail begin no faster than their back-off allows; how many begin within a minute of ticks.
fn failed_fetches_of_a_minute(ring: &mut Ring) -> usize {
    let mut count = 0;
    for _ in 0..600 {
        if let Some(fetch) = ring.launch() {
            count += 1;
            let _ = ring.finish(&fetch, Fetched::Failed);
        }
        ring.pass_millis(100);
    }
    count
}

#[test]
fn a_clock_set_back_makes_no_key_immortal() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.max_stale = 600));
    ring.fetch(&[1]);
    ring.pass_secs(-10 * YEAR_SECS);
    assert_eq!(ring.look_up(1), Said::Keys);
    assert!(failed_fetches_of_a_minute(&mut ring) <= 7);
    ring.pass_secs(541);
    assert!(!ring.holds(1), "the set outlived its staleness");
}

#[test]
fn a_clock_set_back_causes_one_fetch() {
    let mut ring = Ring::warm();
    ring.pass_secs(-YEAR_SECS);
    ring.fetch(&[1]);
    assert!(ring.launch().is_none());
    assert_eq!(ring.next_due().0, 300_000);
}

#[test]
fn a_clock_set_back_does_not_put_off_the_next_refetch_or_retry() {
    let mut ring = Ring::new(issuer_with(|issuer| issuer.refetch_floor_ms = 5_000));
    ring.fetch(&[1]);
    ring.pass_millis(1);
    assert_eq!(ring.look_up(2), Said::Wait);
    ring.fetch(&[1]);
    ring.pass_secs(-YEAR_SECS);
    ring.fetch(&[1]);
    ring.pass_millis(5_000);
    assert_eq!(ring.look_up(2), Said::Wait);
    let mut ring = Ring::cold();
    ring.fail();
    ring.pass_secs(-YEAR_SECS);
    assert!(ring.launch().is_some());
}

#[test]
fn a_clock_set_back_during_a_fetch_still_ends_it() {
    let mut ring = Ring::cold();
    let _ = ring.due();
    ring.pass_secs(-YEAR_SECS);
    assert!(ring.launch().is_none());
    ring.pass_secs(11);
    let expired = ring.keyring.expire(&(), ring.now, 10);
    assert_eq!(expired, [settled(Some(FetchFailure::Unreachable))]);
}

#[test]
fn a_clock_set_far_ahead_causes_one_fetch_and_ends_the_keys() {
    let mut ring = Ring::warm();
    ring.pass_secs(100 * YEAR_SECS);
    assert!(!ring.holds(1));
    assert_eq!(ring.look_up(1), Said::Wait);
    ring.fetch(&[1]);
    assert!(ring.launch().is_none());
    assert_eq!(ring.look_up(1), Said::Keys);
    // And back again.
    ring.pass_secs(-100 * YEAR_SECS);
    ring.fetch(&[1]);
    assert!(ring.launch().is_none());
}

#[test]
fn the_ends_of_time_are_survived() {
    for millis in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        let mut ring = Ring::warm();
        ring.now = Timestamp::from_millis(millis);
        for number in [1, 2] {
            let _ = ring.look_up(number);
            if let Some(fetch) = ring.launch() {
                let _ = ring.keyring.finish(ISSUER, fetch.ticket, Fetched::Failed, ring.now, u32::MAX);
            }
            let _ = ring.keyring.expire(&(), ring.now, 0);
            let _ = ring.keyring.reports(ring.now, 10);
        }
    }
}
