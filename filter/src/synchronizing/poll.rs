//! One repeated request: when it is due, and how long to wait after failures.

use cambist_core::{backoff, time::Timestamp};

const RETRY_MOST_MS: i64 = 5_000;

/// One repeated request.
#[derive(Debug, Default)]
pub(super) struct Poll {
    deadline: Option<Timestamp>,
    next_at: Timestamp,
    failures: u32,
}

// === impl Poll ===

impl Poll {
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.deadline.is_none() && now >= self.next_at
    }

    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Notes that a request is out; a second more than its own timeout, so that the callback comes first.
    pub(super) fn begin(&mut self, now: Timestamp, timeout_ms: u32) {
        self.deadline = Some(now.plus_millis(i64::from(timeout_ms).saturating_add(1_000)));
    }

    pub(super) fn succeed(&mut self, next_at: Timestamp) {
        *self = Self { deadline: None, next_at, failures: 0 };
    }

    /// Waits before the next try; true for the first failure in a row, which is worth a log line.
    pub(super) fn fail(&mut self, now: Timestamp, random: u32) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.deadline = None;
        self.next_at = now.plus_millis(backoff::delay_ms(self.failures, RETRY_MOST_MS, random));
        self.failures == 1
    }

    /// Takes back a request whose answer can never come.
    pub(super) fn abandon(&mut self) {
        self.deadline = None;
    }

    pub(super) fn expire(&mut self, now: Timestamp, random: u32) {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.fail(now, random);
        }
    }
}
