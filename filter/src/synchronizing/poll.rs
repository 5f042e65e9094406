//! One repeated request: when it is due, and how long to wait after failures.

use cambist_core::{backoff, time::Timestamp};

const RETRY_MOST_MS: i64 = 5_000;
/// Least milliseconds between two requests, so that a control plane that does not hold them is not flooded.
const LEAST_BETWEEN_MS: i64 = 100;

/// One repeated request.
#[derive(Debug, Default)]
pub(super) struct Poll {
    /// Number of the request that is or was out; an answer to an older one is ignored.
    ticket: u32,
    began: Timestamp,
    deadline: Option<Timestamp>,
    next_at: Timestamp,
    failures: u32,
}

// === impl Poll ===

impl Poll {
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.is_idle() && now >= self.next_at
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.deadline.is_none()
    }

    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether the answer to request `ticket` is still waited for.
    pub(super) const fn expects(&self, ticket: u32) -> bool {
        self.deadline.is_some() && self.ticket == ticket
    }

    /// Notes that a request is out and numbers it; a second more than its own timeout, so that the callback comes
    /// first.
    pub(super) fn begin(&mut self, now: Timestamp, timeout_ms: u32) -> u32 {
        self.ticket = self.ticket.wrapping_add(1);
        self.began = now;
        self.deadline = Some(now.plus_millis(i64::from(timeout_ms).saturating_add(1_000)));
        self.ticket
    }

    pub(super) fn succeed(&mut self, next_at: Timestamp) {
        self.deadline = None;
        self.failures = 0;
        self.next_at = next_at.max(self.began.plus_millis(LEAST_BETWEEN_MS));
    }

    /// Waits before the next try; true for the first failure in a row, which is worth a log line.
    pub(super) fn fail(&mut self, now: Timestamp, random: u32) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.deadline = None;
        self.next_at = now.plus_millis(backoff::delay_ms(self.failures, RETRY_MOST_MS, random));
        self.failures == 1
    }

    /// Takes back a request whose answer can never come; it is due again at once.
    pub(super) fn abandon(&mut self, ticket: u32) {
        if self.expects(ticket) {
            self.deadline = None;
        }
    }

    /// Whether the time of the request that is out is up.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }
}
