//! What an issuer's keys do about a clock that was set back.
//!
//! One that was set ahead needs nothing: what is overdue is done once.

use super::{
    answer::RETRY_LATEST_MS,
    issuer_keys::{DEADLINE_MS, IssuerKeys},
};
use crate::time::Timestamp;

impl IssuerKeys {
    /// Brings times that lie ahead because the clock was set back to where they can be waited for: a set lives no
    /// longer by it, and one fetch asks anew.
    pub(super) fn heed_clock(&mut self, now: Timestamp) {
        if self.is_fixed() {
            return;
        }
        if let Some(good) = self.set.as_mut().filter(|good| good.began > now) {
            // Before whatever is fetched from now on.
            good.began = now.plus_millis(-1);
            good.fresh_until = good.fresh_until.min(now);
            self.next_at = now;
        }
        if self.next_at > now.plus_millis(self.refresh_ms.1.max(RETRY_LATEST_MS)) {
            self.next_at = now;
        }
        self.refetched_at = self.refetched_at.map(|last| last.min(now));
        self.companions.ended_at = self.companions.ended_at.filter(|last| *last <= now);
        if let Some(flight) = self.in_flight.as_mut() {
            flight.began = flight.began.min(now);
            flight.deadline = flight.deadline.min(now.plus_millis(DEADLINE_MS));
        }
        self.reporting.heed_clock(now);
    }
}
