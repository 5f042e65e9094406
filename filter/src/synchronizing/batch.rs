//! Events and what is told of keys on their way out: when a batch goes, and how large it is.

use cambist_core::{
    audit_queue::{AuditQueue, MAX_BATCH},
    flow::State,
    keyring::{Keyring, Receipt},
    time::Timestamp,
    wire::event::Batch,
};

use super::{Synchronizer, poll::Poll};

/// Milliseconds that events wait for company.
pub(super) const DELAY_MS: i64 = 200;
/// Largest body; the control plane reads up to 1 MiB.
const MAX_BYTES: usize = 1_000_000;

/// Most issuers whose keys one batch tells of.
const MAX_KEYS: usize = 50;

/// What a batch that is out tells, to be ticked off when it was taken.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether it holds events.
    pub(super) events: bool,
    /// Of which issuers' keys.
    pub(super) keys: Vec<Receipt>,
}

/// Whether a batch should go now: a full one does not wait for company, nor one that requests wait for, but after a
/// failure it does wait.
pub(super) fn is_due(poll: &Poll, audit: &AuditQueue, keyring: &Keyring, now: Timestamp) -> bool {
    if !poll.is_idle() {
        return false;
    }
    let is_urgent = (audit.len() >= MAX_BATCH || audit.is_awaited()) && !poll.is_failing();
    is_urgent || (poll.is_due(now) && (!audit.is_empty() || keyring.is_report_due(now)))
}

/// The oldest events and what is due of the keys, as much as fits; events come first.
pub(super) fn body(
    synchronizer: &mut Synchronizer,
    state: &State,
    audit: &mut AuditQueue,
    now: Timestamp,
) -> Vec<u8> {
    let (mut receipts, reports): (Vec<_>, Vec<_>) = state.keyring.reports(now, MAX_KEYS).into_iter().unzip();
    let mut batch = Batch {
        instance: synchronizer.instance.clone(),
        epoch: state.epoch(),
        last_error: synchronizer.last_error.clone(),
        dropped: audit.dropped(),
        events: audit.batch(),
        keys: reports,
    };
    loop {
        let body = serde_json::to_vec(&batch).unwrap_or_default();
        let (events, keys) = (batch.events.len(), batch.keys.len());
        if body.len() <= MAX_BYTES || events.saturating_add(keys) <= 1 {
            receipts.truncate(keys);
            synchronizer.told = Told { events: events > 0, keys: receipts };
            return body;
        }
        if keys > 0 {
            batch.keys.truncate(keys.div_euclid(2));
        } else {
            batch.events.truncate(events.div_ceil(2));
        }
    }
}
