//! Events on their way out: when a batch goes, and how large it is.

use cambist_core::{
    audit_queue::{AuditQueue, MAX_BATCH},
    time::Timestamp,
    wire::event::Batch,
};

use super::{Synchronizer, poll::Poll};

/// Milliseconds that events wait for company.
pub(super) const DELAY_MS: i64 = 200;
/// Largest body; the control plane reads up to 1 MiB.
const MAX_BYTES: usize = 1_000_000;

/// Whether a batch should go now: a full one does not wait for company, but after a failure it does wait.
pub(super) fn is_due(poll: &Poll, audit: &AuditQueue, now: Timestamp) -> bool {
    let is_full = audit.len() >= MAX_BATCH && poll.is_idle() && !poll.is_failing();
    !audit.is_empty() && (is_full || poll.is_due(now))
}

/// The oldest events, as many as fit.
pub(super) fn body(synchronizer: &Synchronizer, epoch: u64, audit: &AuditQueue) -> Vec<u8> {
    let mut batch = Batch {
        instance: synchronizer.instance.clone(),
        epoch,
        last_error: synchronizer.last_error.clone(),
        dropped: audit.dropped(),
        events: audit.batch(),
        keys: Vec::new(),
    };
    loop {
        let body = serde_json::to_vec(&batch).unwrap_or_default();
        let half = batch.events.len().div_ceil(2);
        if body.len() <= MAX_BYTES || half == batch.events.len() {
            return body;
        }
        batch.events.truncate(half);
    }
}
