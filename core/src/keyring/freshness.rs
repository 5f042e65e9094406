//! How long an answer says it is fresh (RFC 9111 §4.2.1 and §5).

use crate::time::Timestamp;

const DAY_SECS: i64 = 86_400;

/// The headers of an answer that say how long it is fresh.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// `cache-control`.
    pub cache_control: Option<&'a str>,
    /// `age`.
    pub age: Option<&'a str>,
    /// `expires`.
    pub expires: Option<&'a str>,
    /// `date`.
    pub date: Option<&'a str>,
}

// === impl Hints ===

impl Hints<'_> {
    /// Seconds from `now` for which the answer says it is fresh; `None` if it says nothing.
    ///
    /// That is `max-age` less `Age`, else `Expires` less `Date` or, without one, less `now`. A value that cannot be read
    /// is in the past, as RFC 9111 §5.3 has it.
    pub fn fresh_secs(&self, now: Timestamp) -> Option<u32> {
        let age: u32 = self.age.and_then(|age| age.trim().parse().ok()).unwrap_or(0);
        if let Some(seconds) = self.cache_control.and_then(max_age) {
            return Some(seconds.saturating_sub(age));
        }
        let expires = self.expires?;
        let date = self.date.and_then(http_date).unwrap_or_else(|| now.secs());
        let seconds = http_date(expires).map_or(0, |expires| expires.saturating_sub(date).max(0));
        Some(u32::try_from(seconds).unwrap_or(u32::MAX).saturating_sub(age))
    }
}

/// The seconds of `max-age` in a `cache-control` value; 0 for `no-store` and `no-cache`; `None` if it says nothing.
fn max_age(cache_control: &str) -> Option<u32> {
    let mut seconds = None;
    for directive in cache_control.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(0);
        }
        if name.eq_ignore_ascii_case("max-age") {
            seconds = value.trim().trim_matches('"').parse().ok().or(seconds);
        }
    }
    seconds
}

/// Unix seconds of an IMF-fixdate (RFC 9110 §5.6.7), the only form that may be sent.
fn http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let mut part = || parts.next();
    let day = digits(part()?, 2)?;
    let month = month(part()?)?;
    let year = digits(part()?, 4)?;
    let mut clock = part()?.split(':');
    let mut two = || digits(clock.next()?, 2);
    let (hour, minute, second) = (two()?, two()?, two()?);
    let is_whole = part()? == "GMT" && part().is_none() && clock.next().is_none();
    let is_sane = (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60 && year >= 1_970;
    if !is_whole || !is_sane {
        return None;
    }
    let seconds = hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
    Some(days_since_epoch(year, month, day).saturating_mul(DAY_SECS).saturating_add(seconds))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn month(name: &str) -> Option<i64> {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let place = names.iter().position(|known| *known == name)?;
    i64::try_from(place).ok()?.checked_add(1)
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March, so that a leap day is the last.
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 {
        (year.saturating_sub(1), month.saturating_add(9))
    } else {
        (year, month.saturating_sub(3))
    };
    let leap_days = (year / 4).saturating_sub(year / 100).saturating_add(year / 400);
    let before_month = month.saturating_mul(153).saturating_add(2) / 5;
    let days = year.saturating_mul(365).saturating_add(leap_days).saturating_add(before_month);
    days.saturating_add(day).saturating_sub(719_469)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// 2026-11-25T21:00:00Z.
    const NOW: i64 = 1_795_640_400;

    fn fresh(hints: Hints<'_>) -> Option<u32> {
        hints.fresh_secs(Timestamp::from_secs(NOW))
    }

    #[test]
    fn reads_what_servers_send() {
        assert_eq!(max_age("public, max-age=3600, must-revalidate"), Some(3_600));
        assert_eq!(max_age("MAX-AGE=\"5\""), Some(5));
        assert_eq!(max_age("max-age=10, no-store"), Some(0));
        assert_eq!(max_age("max-age=x"), None);
        assert_eq!(max_age("max-age=99999999999999"), None);
        assert_eq!(max_age(""), None);
    }

    #[test]
    fn an_answer_that_is_old_is_fresh_for_less() {
        let hints = Hints { cache_control: Some("max-age=600"), ..Hints::default() };
        for (age, expected) in [("0", 600), ("100", 500), ("700", 0), ("x", 600), ("-1", 600)] {
            assert_eq!(fresh(Hints { age: Some(age), ..hints }), Some(expected), "{age}");
        }
    }

    #[test]
    fn expires_counts_from_the_date_of_the_answer() {
        let expires = Some("Wed, 25 Nov 2026 21:10:00 GMT");
        assert_eq!(fresh(Hints { expires, ..Hints::default() }), Some(600));
        let date = Some("Wed, 25 Nov 2026 21:09:00 GMT");
        assert_eq!(fresh(Hints { expires, date, ..Hints::default() }), Some(60));
        assert_eq!(fresh(Hints { expires, date, age: Some("20"), ..Hints::default() }), Some(40));
        assert_eq!(fresh(Hints { expires, date: Some("yesterday"), ..Hints::default() }), Some(600));
        let cache_control = Some("max-age=5");
        assert_eq!(fresh(Hints { cache_control, expires, ..Hints::default() }), Some(5));
        let cache_control = Some("public");
        assert_eq!(fresh(Hints { cache_control, expires, ..Hints::default() }), Some(600));
    }

    #[test]
    fn what_cannot_be_read_has_expired() {
        for expires in ["0", "-1", "", "Wed, 25 Nov 2026 21:10:00", "Wed, 25 Nov 2026 20:59:59 GMT"] {
            assert_eq!(fresh(Hints { expires: Some(expires), ..Hints::default() }), Some(0), "{expires}");
        }
        assert_eq!(fresh(Hints::default()), None);
    }

    #[test]
    fn reads_dates() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(http_date(text), Some(seconds), "{text}");
        }
        for text in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov +994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }
}
