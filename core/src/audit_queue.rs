//! Events on their way to the control plane: numbered, bounded, kept until acknowledged.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    time::Timestamp,
    wire::event::{Event, Outcome},
};

/// Most events that wait.
pub const MAX_EVENTS: usize = 4_096;
/// Most events of one batch; keeps a batch well under the receiver's 1 MiB.
pub const MAX_BATCH: usize = 512;

/// The queue of one instance. Sequences start at 1 and never repeat; a lost event leaves a gap.
#[derive(Debug, Default)]
pub struct AuditQueue {
    events: VecDeque<Event>,
    last_sequence: u64,
    dropped: u64,
}

// === impl AuditQueue ===

impl AuditQueue {
    /// Takes an event, gives it its sequence and time, or drops it when the queue is full.
    ///
    /// Denials of unverified tokens may fill only half of the queue, so that a flood of them never displaces a mint.
    pub fn push(&mut self, mut event: Event, now: Timestamp) {
        self.last_sequence = self.last_sequence.saturating_add(1);
        let anonymous = event.outcome == Outcome::Denial && event.identity.is_none();
        let bound = if anonymous { MAX_EVENTS / 2 } else { MAX_EVENTS };
        if self.events.len() >= bound {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        event.sequence = self.last_sequence;
        event.at_ms = now.millis();
        self.events.push_back(event);
    }

    /// The oldest events, to be sent. They stay until [`Self::acknowledge`].
    pub fn batch(&self) -> Vec<Event> {
        self.events.iter().take(MAX_BATCH).cloned().collect()
    }

    /// Forgets what is on disk at the receiver.
    pub fn acknowledge(&mut self, sequence: u64) {
        while self.events.front().is_some_and(|event| event.sequence <= sequence) {
            self.events.pop_front();
        }
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Events lost because the queue was full.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests;
