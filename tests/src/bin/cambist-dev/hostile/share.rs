//! How many requests are left for the lanes of one protocol.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Requests that no lane has taken.
#[derive(Debug)]
pub(crate) struct Share {
    count: u64,
    left: AtomicU64,
    over: AtomicBool,
}

// === impl Share ===

impl Share {
    /// `count` requests.
    pub(crate) const fn new(count: u64) -> Self {
        Self { count, left: AtomicU64::new(count), over: AtomicBool::new(false) }
    }

    /// Takes up to `most`; 0 when there is nothing left to do.
    pub(crate) fn take(&self, most: u64) -> u64 {
        if self.over.load(Ordering::Relaxed) {
            return 0;
        }
        let take = |left: u64| Some(left.saturating_sub(most));
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        left.unwrap_or_default().min(most)
    }

    /// Whether the first fifth is still being sent.
    pub(crate) fn is_warming(&self) -> bool {
        self.left.load(Ordering::Relaxed) > self.count / 5 * 4
    }

    /// Lets the lanes end early.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
