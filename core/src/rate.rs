//! How often an identity may exchange: the generic cell rate algorithm (GCRA), and who counts by it.
//!
//! Deliberately absent: what counts as an exchange, which the flow decides, and a clock.

mod table;
mod tally;

pub use self::{
    table::{OnBoard, SLOTS, Stats, Table},
    tally::{ORDERS, Tally},
};
use crate::{time::Timestamp, wire::snapshot::Rate};

/// Nanoseconds of a minute, a second and a millisecond.
const MINUTE: i64 = 60_000_000_000;
const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;

/// Tells one order (subject token, targets, scope) from another of the same identity.
pub type OrderTag = [u8; 8];

/// Who counts exchanges.
pub trait Limiter {
    /// Counts one exchange of `identity`. `Err` says after how many seconds there is room for it, at least 1, and has
    /// counted nothing.
    ///
    /// An `order` that was counted for this identity a moment ago is not counted again.
    fn count(
        &mut self,
        identity: &str,
        order: Option<OrderTag>,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), u32>;
}

/// The theoretical arrival time of GCRA, in nanoseconds since the Unix epoch: when all that was admitted would have come,
/// had it come evenly. A time that is not in the future means that the whole burst is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tat(i64);

// === impl Limiter ===

/// Where nothing is limited.
impl Limiter for () {
    fn count(&mut self, _: &str, _: Option<OrderTag>, _: Rate, _: Timestamp) -> Result<(), u32> {
        Ok(())
    }
}

// === impl Tat ===

impl Tat {
    /// Of somebody who never came.
    pub const NEVER: Self = Self(i64::MIN);

    /// The arrival time with these nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Takes one more at `now`, or says after how many seconds, rounded up, there is room for it.
    ///
    /// Never admits more than `burst` at once, nor more than `burst + per_minute * minutes` over any time. An arrival time
    /// that lies further ahead than this rate can bring about is cut to the longest there is, also when nothing is
    /// admitted: it is of another rate, or of a clock that was set back. So it must be kept either way.
    pub fn admit(&mut self, rate: Rate, now: Timestamp) -> Result<(), u32> {
        let (interval, burst) = (interval(rate), i64::from(rate.burst.max(1)));
        let now = now.millis().saturating_mul(MILLI);
        let longest = interval.saturating_mul(burst);
        self.0 = self.0.min(now.saturating_add(longest));
        let base = self.0.max(now);
        // One more must fit in.
        let excess = base.saturating_sub(now).saturating_add(interval).saturating_sub(longest);
        if excess > 0 {
            let seconds = excess.saturating_add(SECOND.saturating_sub(1)).checked_div(SECOND).unwrap_or(1);
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        self.0 = base.saturating_add(interval);
        Ok(())
    }

    /// Whether the whole burst is there again.
    pub const fn is_refilled(self, now: Timestamp) -> bool {
        self.0 <= now.millis().saturating_mul(MILLI)
    }
}

/// Nanoseconds between two, rounded up so that no minute ever has one too many.
fn interval(rate: Rate) -> i64 {
    let per_minute = i64::from(rate.per_minute.max(1));
    MINUTE.saturating_add(per_minute.saturating_sub(1)).checked_div(per_minute).unwrap_or(MINUTE)
}

#[cfg(test)]
mod tests;
