//! Times: nothing wraps, more time never makes a token younger, and no limit of an access token is exceeded (law 6).

use proptest::prelude::*;

use super::hold;
use crate::{
    claims::{Claims, TimeRules, Times},
    denial::Denial,
    exchange::lifetime::{expires_in, expiry, usable_until},
    time::Timestamp,
};

const END_OF_TIME: i64 = 1 << 53;

/// Any number, but more often one at an end of the range or near another.
fn extreme() -> impl Strategy<Value = i64> {
    const ENDS: &[i64] = &[i64::MIN, -1, 0, 1, END_OF_TIME, i64::MAX / 1000, i64::MAX];
    let near = (prop::sample::select(ENDS), -2..=2_i64).prop_map(|(end, by)| end.saturating_add(by));
    prop_oneof![any::<i64>(), near]
}

/// A time that a token can have.
fn numeric_date() -> impl Strategy<Value = i64> {
    prop_oneof![0..END_OF_TIME, 1_700_000_000..1_700_000_300_i64, Just(0), Just(END_OF_TIME - 1)]
}

fn rules() -> impl Strategy<Value = TimeRules> {
    let seconds = || prop_oneof![0..200_u32, Just(u32::MAX)];
    let rules = (seconds(), seconds(), seconds(), prop::option::of(seconds()));
    rules.prop_map(|(clock_skew, exp_leeway, max_lifetime, max_age)| TimeRules {
        clock_skew,
        exp_leeway,
        max_lifetime,
        max_age,
    })
}

fn now() -> impl Strategy<Value = i64> {
    prop_oneof![extreme(), 1_699_999_900_000..1_700_000_400_000_i64]
}

/// [`Times::check`] in numbers that cannot overflow.
fn model(times: &Times, rules: &TimeRules, now: i64) -> Result<(), Denial> {
    let now = i128::from(now);
    let millis = |seconds: i64| i128::from(seconds) * 1_000;
    let span = |seconds: u32| i128::from(seconds) * 1_000;
    if now >= millis(times.exp) + span(rules.exp_leeway) {
        return Err(Denial::TokenExpired);
    }
    if [times.nbf, times.iat].into_iter().flatten().any(|start| millis(start) > now + span(rules.clock_skew))
    {
        return Err(Denial::TokenNotYetValid);
    }
    let start = times.iat.map_or(now, millis);
    let lives_too_long = millis(times.exp) - start > span(rules.max_lifetime);
    let is_too_old =
        rules.max_age.is_some_and(|most| times.iat.is_none_or(|iat| now - millis(iat) > span(most)));
    if lives_too_long || is_too_old { Err(Denial::TokenTooOld) } else { Ok(()) }
}

#[test]
fn times_of_a_token_are_checked_as_exact_arithmetic_would() {
    let times = (numeric_date(), prop::option::of(numeric_date()), prop::option::of(numeric_date()));
    hold((times, rules(), now()), |((exp, nbf, iat), rules, now)| {
        let times = Times { exp, nbf, iat };
        prop_assert_eq!(times.check(&rules, Timestamp::from_millis(now)), model(&times, &rules, now));
        Ok(())
    });
}

#[test]
fn an_expired_token_stays_expired_and_a_begun_one_begun() {
    let times = (extreme(), prop::option::of(extreme()), prop::option::of(extreme()));
    hold((times, rules(), now(), now()), |((exp, nbf, iat), rules, one, other)| {
        let times = Times { exp, nbf, iat };
        let at = |millis| times.check(&rules, Timestamp::from_millis(millis));
        let (earlier, later) = (at(one.min(other)), at(one.max(other)));
        if earlier == Err(Denial::TokenExpired) {
            prop_assert_eq!(later, earlier);
        }
        if earlier.is_ok() {
            prop_assert_ne!(later, Err(Denial::TokenNotYetValid));
        }
        Ok(())
    });
}

#[test]
fn no_leeway_makes_a_token_worse() {
    let times = (numeric_date(), prop::option::of(numeric_date()), prop::option::of(numeric_date()));
    hold((times, rules(), rules(), now()), |((exp, nbf, iat), one, other, now)| {
        let times = Times { exp, nbf, iat };
        let wider = TimeRules {
            clock_skew: one.clock_skew.max(other.clock_skew),
            exp_leeway: one.exp_leeway.max(other.exp_leeway),
            max_lifetime: one.max_lifetime.max(other.max_lifetime),
            max_age: one.max_age.zip(other.max_age).map(|(one, other)| one.max(other)),
        };
        let now = Timestamp::from_millis(now);
        if times.check(&one, now).is_ok() {
            prop_assert_eq!(times.check(&wider, now), Ok(()));
        }
        Ok(())
    });
}

#[test]
fn a_numeric_date_is_rounded_so_that_the_token_is_valid_no_longer() {
    let time = prop_oneof![0.0..9.1e15, 1.7e9..1.8e9, any::<f64>()];
    hold(time, |time: f64| {
        prop_assume!(time.is_finite());
        let text = alloc::format!(
            r#"{{"iss":"i","sub":"s","aud":"a","exp":{time:e},"nbf":{time:e},"iat":{time:e}}}"#
        );
        let read = Claims::parse(text.as_bytes());
        let exact = serde_json::from_str::<f64>(&alloc::format!("{time:e}")).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        match read {
            Ok(claims) => {
                let (exp, nbf) = (claims.exp(), claims.nbf().unwrap());
                prop_assert_eq!(claims.iat(), Some(nbf));
                prop_assert!(exp as f64 <= exact && exact <= nbf as f64 && nbf - exp <= 1, "{exp} {nbf}");
            }
            Err(denial) => {
                prop_assert_eq!(denial, Denial::JwtMalformed);
                let (end, last) = (END_OF_TIME as f64, (END_OF_TIME - 1) as f64);
                prop_assert!(exact < 0.0 || exact > last || exact >= end, "{exact}");
            }
        }
        Ok(())
    });
}

#[test]
fn an_access_token_exceeds_none_of_its_limits() {
    let limits = (any::<u32>(), extreme(), prop::option::of(extreme()), extreme());
    hold((now(), limits), |(now, (ttl, subject_exp, until, not_after))| {
        let at = Timestamp::from_millis(now);
        let whole = now.div_euclid(1_000);
        let least = i128::from(whole) + i128::from(ttl);
        let least = [Some(subject_exp), until, Some(not_after)]
            .into_iter()
            .flatten()
            .fold(least, |least, limit| least.min(i128::from(limit)));
        match expiry(at, ttl, subject_exp, until, not_after) {
            Some(exp) => {
                prop_assert_eq!(i128::from(exp), least);
                prop_assert!(least * 1_000 > i128::from(now) || exp > i64::MAX / 1_000);
                let seconds = expires_in(at, exp);
                prop_assert!(seconds >= 0 && i128::from(whole) + i128::from(seconds) <= least);
                prop_assert!(usable_until(at, exp) <= Timestamp::from_secs(exp));
            }
            None => prop_assert!(least * 1_000 <= i128::from(now) || now == i64::MAX),
        }
        Ok(())
    });
}

#[test]
fn moving_a_time_never_turns_its_direction() {
    hold((extreme(), extreme()), |(start, by)| {
        let start = Timestamp::from_millis(start);
        for moved in [start.plus_millis(by), start.plus_secs(by)] {
            prop_assert_eq!(moved >= start, by >= 0 || moved == start);
        }
        prop_assert_eq!(Timestamp::from_secs(by) >= Timestamp::default(), by >= 0);
        Ok(())
    });
}
