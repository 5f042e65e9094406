//! What time it is, as a value that tests can move. The only file that asks the system.

use core::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use cambist_core::time::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Tells the time. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

// === impl Clock ===

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `now` until it is moved.
    pub fn manual(now: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(now.millis()))))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock. Without effect on the system's.
    pub fn set(&self, now: Timestamp) {
        match &self.0 {
            Source::System => {}
            Source::Manual(millis) => millis.store(now.millis(), Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// `at` as RFC 3339 in UTC with milliseconds where there are any. The epoch for times no calendar holds.
pub fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()).saturating_mul(1_000_000))
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| String::from("1970-01-01T00:00:00Z"))
}

/// The time that an RFC 3339 text names.
pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = date.unix_timestamp_nanos().checked_div(1_000_000)?;
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use cambist_core::time::Timestamp;

    use super::{from_rfc3339, rfc3339};

    #[test]
    fn formats_as_rfc_3339() {
        assert_eq!(rfc3339(Timestamp::from_secs(1_700_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(Timestamp::from_millis(1_700_000_000_250)), "2023-11-14T22:13:20.25Z");
        assert_eq!(rfc3339(Timestamp::from_millis(i64::MAX)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn reads_what_it_writes_and_other_zones() {
        for millis in [1_700_000_000_000, 1_700_000_000_250, 0] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(from_rfc3339(&rfc3339(at)), Some(at));
        }
        let zoned = from_rfc3339("2023-11-14T23:13:20+01:00");
        assert_eq!(zoned, Some(Timestamp::from_secs(1_700_000_000)));
        for text in ["", "yesterday", "2023-11-14", "1700000000"] {
            assert_eq!(from_rfc3339(text), None);
        }
    }
}
