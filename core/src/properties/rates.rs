//! Rates: never more than the burst and what has come back since, and the seconds that are told are exact.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::hold;
use crate::{rate::Tat, time::Timestamp, wire::snapshot::Rate};

const START: i64 = 1_700_000_000_000;

fn rate() -> impl Strategy<Value = Rate> {
    let number = || prop_oneof![1..20_u32, 1..1_000_000_u32, Just(1_000_000)];
    (number(), prop_oneof![1..20_u32, Just(1_000_000)])
        .prop_map(|(per_minute, burst)| Rate { per_minute, burst })
}

/// When somebody comes, in milliseconds after the one before.
fn arrivals() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![Just(0), 0..50_i64, 0..10_000_i64, 0..200_000_i64], 1..80)
}

/// Admitted times: the naive model, which remembers every one.
fn admitted(rate: Rate, arrivals: &[i64]) -> Vec<i64> {
    let (mut tat, mut now) = (Tat::NEVER, START);
    let mut times = Vec::new();
    for gap in arrivals {
        now += gap;
        if tat.admit(rate, Timestamp::from_millis(now)).is_ok() {
            times.push(now);
        }
    }
    times
}

#[test]
fn no_time_ever_sees_more_than_the_burst_and_what_came_back() {
    hold((rate(), arrivals()), |(rate, arrivals)| {
        let times = admitted(rate, &arrivals);
        for (first, from) in times.iter().enumerate() {
            for (last, to) in times.iter().enumerate().skip(first) {
                let count = i128::try_from(last - first + 1).unwrap();
                // count <= burst + per_minute * minutes, without fractions
                let most =
                    i128::from(rate.burst) * 60_000 + i128::from(rate.per_minute) * i128::from(to - from);
                prop_assert!(count * 60_000 <= most, "{count} within {} ms", to - from);
            }
        }
        Ok(())
    });
}

#[test]
fn there_is_room_after_the_seconds_that_are_told_and_not_a_second_before() {
    hold((rate(), arrivals()), |(rate, arrivals)| {
        let (mut tat, mut now) = (Tat::NEVER, START);
        for gap in arrivals {
            now += gap;
            if let Err(seconds) = tat.admit(rate, Timestamp::from_millis(now)) {
                let later = |seconds: i64| {
                    let mut tat = tat;
                    tat.admit(rate, Timestamp::from_millis(now + seconds * 1_000))
                };
                prop_assert!(seconds > 0 && later(seconds.into()).is_ok());
                prop_assert!(later(i64::from(seconds) - 1).is_err());
            }
        }
        Ok(())
    });
}

#[test]
fn whoever_keeps_within_the_rate_is_never_refused() {
    hold(rate(), |rate| {
        let gap = 60_000 / i64::from(rate.per_minute) + 1;
        let arrivals = core::iter::repeat_n(gap, 60).collect::<Vec<_>>();
        prop_assert_eq!(admitted(rate, &arrivals).len(), 60);
        Ok(())
    });
}

#[test]
fn a_clock_that_jumps_admits_no_more_and_blocks_no_longer_than_the_burst_lasts() {
    let jumps = prop::collection::vec(-10_000_000..10_000_000_i64, 1..20);
    hold((rate(), jumps), |(rate, jumps)| {
        let (mut tat, mut now) = (Tat::NEVER, START);
        for jump in jumps {
            now += jump;
            if let Err(seconds) = tat.admit(rate, Timestamp::from_millis(now)) {
                // At most the time in which one comes back.
                prop_assert!(i64::from(seconds) <= 60 / i64::from(rate.per_minute) + 1, "{} s", seconds);
                prop_assert!(
                    tat.admit(rate, Timestamp::from_millis(now + i64::from(seconds) * 1_000)).is_ok()
                );
            }
        }
        Ok(())
    });
}
