//! What GCRA admits.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Tat;
use crate::{fixture::NOW, time::Timestamp, wire::snapshot::Rate};

const TEN: Rate = Rate { per_minute: 10, burst: 10 };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_secs(NOW).plus_millis(millis)
}

/// How many of `tries` at these times are admitted.
fn admitted(rate: Rate, times: impl IntoIterator<Item = i64>) -> usize {
    let mut tat = Tat::NEVER;
    times.into_iter().filter(|time| tat.admit(rate, at(*time)).is_ok()).count()
}

/// After `count` at the start.
fn after(rate: Rate, count: u32) -> Tat {
    let mut tat = Tat::NEVER;
    for _ in 0..count {
        tat.admit(rate, at(0)).expect("within the burst");
    }
    tat
}

#[test]
fn a_burst_is_there_at_once_and_comes_back_one_by_one() {
    assert_eq!(admitted(TEN, [0; 50]), 10);
    assert_eq!(admitted(TEN, [0; 50].into_iter().chain([5_999, 6_000, 6_000, 12_000])), 12);
    assert_eq!(admitted(TEN, [0; 50].into_iter().chain([60_000; 50])), 20);
}

#[test]
fn says_exactly_after_how_many_seconds_there_is_room() {
    let mut tat = after(TEN, 10);
    for (time, seconds) in [(0, 6), (1, 6), (999, 6), (1_000, 5), (5_000, 1), (5_999, 1)] {
        assert_eq!(tat.admit(TEN, at(time)), Err(seconds), "{time} ms");
    }
    assert_eq!(tat.admit(TEN, at(6_000)), Ok(()));
    let slow = Rate { per_minute: 1, burst: 1 };
    assert_eq!(after(slow, 1).admit(slow, at(0)), Err(60));
    let fast = Rate { per_minute: 1_000_000, burst: 1 };
    assert_eq!(after(fast, 1).admit(fast, at(0)), Err(1));
}

#[test]
fn a_clock_that_is_set_back_costs_no_more_than_the_burst_and_gives_nothing() {
    let mut tat = after(TEN, 10);
    let hour_before = -3_600_000;
    assert_eq!(tat.admit(TEN, at(hour_before)), Err(6));
    assert_eq!(tat.admit(TEN, at(hour_before + 5_999)), Err(1));
    assert_eq!(tat.admit(TEN, at(hour_before + 6_000)), Ok(()));
}

#[test]
fn a_new_rate_holds_at_once() {
    let slow = Rate { per_minute: 1, burst: 10 };
    let mut tat = after(slow, 10);
    assert_eq!(tat.admit(slow, at(0)), Err(60));
    assert_eq!(tat.admit(TEN, at(0)), Err(6));
}

#[test]
fn the_fraction_of_an_interval_never_adds_up_to_one_too_many() {
    let rate = Rate { per_minute: 999_999, burst: 1_000_000 };
    let times = [0, 60_000].into_iter().flat_map(|time| core::iter::repeat_n(time, 1_000_001));
    // Rounded the other way an interval would bring back all of the burst and one more than the minute may have.
    let admitted = admitted(rate, times);
    assert!((1_999_900..=1_999_999).contains(&admitted), "{admitted}");
}

#[test]
fn is_total_at_the_ends_of_its_range() {
    for rate in [Rate { per_minute: 0, burst: 0 }, Rate { per_minute: u32::MAX, burst: u32::MAX }, TEN] {
        for time in [i64::MIN, 0, i64::MAX] {
            for tat in [i64::MIN, 0, i64::MAX] {
                let _: Result<(), u32> = Tat::from_nanos(tat).admit(rate, Timestamp::from_millis(time));
            }
        }
    }
}
