//! When an access token ends (law 6). Deliberately absent: any leeway.

use crate::time::Timestamp;

/// The Unix time in seconds at which an access token ends that is minted at `now`.
///
/// It is the least of `now + ttl`, the subject token's `exp`, the binding's `until` and the signing key's
/// `not_after`, with `now` rounded down to seconds, as the token's `iat` is. `None` when that is not after `now`:
/// nothing may be minted then, whatever leeway the subject token was verified with.
pub fn expiry(now: Timestamp, ttl: u32, subject_exp: i64, until: Option<i64>, not_after: i64) -> Option<i64> {
    let exp =
        now.secs().saturating_add(ttl.into()).min(subject_exp).min(until.unwrap_or(i64::MAX)).min(not_after);
    (Timestamp::from_secs(exp) > now).then_some(exp)
}

/// The `expires_in` of an answer given at `now`: seconds until `exp`, rounded down, never negative.
pub fn expires_in(now: Timestamp, exp: i64) -> i64 {
    Timestamp::from_secs(exp).millis_since(now).max(0).div_euclid(1000)
}

/// Until when a token minted at `now` may be served from a cache: 15 s before `exp`, or 10 % of its life where
/// that is less.
pub fn usable_until(now: Timestamp, exp: i64) -> Timestamp {
    let end = Timestamp::from_secs(exp);
    let tenth = end.millis_since(now).max(0).checked_div(10).unwrap_or(0);
    end.plus_millis(tenth.min(15_000).saturating_neg())
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{expires_in, expiry};
    use crate::time::Timestamp;

    const NOW: i64 = 1_800_000_000;
    const LATE: i64 = NOW + 100_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn is_the_least_of_all_limits() {
        assert_eq!(expiry(at(NOW), 900, LATE, None, LATE), Some(NOW + 900));
        assert_eq!(expiry(at(NOW), 900, NOW + 800, None, LATE), Some(NOW + 800));
        assert_eq!(expiry(at(NOW), 900, LATE, Some(NOW + 700), LATE), Some(NOW + 700));
        assert_eq!(expiry(at(NOW), 900, LATE, Some(LATE), NOW + 600), Some(NOW + 600));
        assert_eq!(expiry(at(NOW), 900, NOW + 3, Some(NOW + 2), NOW + 1), Some(NOW + 1));
    }

    #[test]
    fn is_nothing_when_a_limit_has_passed() {
        for limit in [NOW, NOW - 1, 0, -1, i64::MIN] {
            assert_eq!(expiry(at(NOW), 900, limit, None, LATE), None);
            assert_eq!(expiry(at(NOW), 900, LATE, Some(limit), LATE), None);
            assert_eq!(expiry(at(NOW), 900, LATE, None, limit), None);
        }
        assert_eq!(expiry(at(NOW), 0, LATE, None, LATE), None);
    }

    #[test]
    fn looks_at_milliseconds() {
        let just_before = at(NOW + 1).plus_millis(-1);
        assert_eq!(expiry(just_before, 900, NOW + 1, None, LATE), Some(NOW + 1));
        assert_eq!(expiry(at(NOW + 1), 900, NOW + 1, None, LATE), None);
    }

    #[test]
    fn saturates() {
        assert_eq!(expiry(at(i64::MAX), u32::MAX, i64::MAX, None, i64::MAX), None);
        assert_eq!(expiry(at(NOW), u32::MAX, i64::MAX, None, i64::MIN), None);
        assert_eq!(expires_in(at(i64::MIN), i64::MAX), i64::MAX / 1000);
    }

    #[test]
    fn counts_whole_seconds_that_are_left() {
        assert_eq!(expires_in(at(NOW), NOW + 900), 900);
        assert_eq!(expires_in(at(NOW).plus_millis(1), NOW + 900), 899);
        assert_eq!(expires_in(at(NOW + 901), NOW + 900), 0);
    }
}
