//! Events on their way to the control plane: numbered, bounded, kept until acknowledged.
//!
//! Deliberately absent: sending, and waiting for an acknowledgement.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    time::Timestamp,
    wire::event::{Event, Outcome},
};

/// Most events that wait.
pub const MAX_EVENTS: usize = 4_096;
/// Most events of one batch; keeps a batch well under the receiver's 1 MiB.
pub const MAX_BATCH: usize = 512;
/// How many of the last events are looked at for one of the same kind.
const LOOK_BACK: usize = 128;

/// The queue of one instance. Sequences start at 1 and never repeat; a lost event leaves a gap.
#[derive(Debug, Default)]
pub struct AuditQueue {
    events: VecDeque<Event>,
    last_sequence: u64,
    /// The last that was in a batch: it and those before it stay as they are.
    handed_out: u64,
    acknowledged: u64,
    /// The last whose acknowledgement somebody waits for.
    awaited: u64,
    /// How many of the events tell of tokens that nobody verified.
    anonymous: usize,
    dropped: u64,
}

// === impl AuditQueue ===

impl AuditQueue {
    /// Takes an event, gives it its sequence and time; `None` if it is lost because the queue is full.
    ///
    /// A refusal joins an equal one that was not handed out yet, whatever token it was for: always where nobody verified
    /// the token, else only in a queue that is half full. Refusals of tokens that nobody verified fill half of the
    /// queue at most, and give way to a mint, so that a flood of them never displaces one.
    pub fn push(&mut self, mut event: Event, now: Timestamp) -> Option<u64> {
        if let Some(known) = self.equal(&event) {
            known.count = known.count.saturating_add(event.count);
            return Some(known.sequence);
        }
        self.last_sequence = self.last_sequence.saturating_add(1);
        if !self.make_room(&event) {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        event.sequence = self.last_sequence;
        event.at_ms = now.millis();
        if is_anonymous(&event) {
            self.anonymous = self.anonymous.saturating_add(1);
        }
        self.events.push_back(event);
        Some(self.last_sequence)
    }

    /// Takes a mint that somebody waits to see acknowledged: it is to be sent at once.
    pub fn push_awaited(&mut self, event: Event, now: Timestamp) -> Option<u64> {
        let sequence = self.push(event, now)?;
        self.awaited = sequence;
        Some(sequence)
    }

    /// The oldest events, to be sent. They stay as they are until [`Self::acknowledge`].
    pub fn batch(&mut self) -> Vec<Event> {
        let batch: Vec<Event> = self.events.iter().take(MAX_BATCH).cloned().collect();
        if let Some(last) = batch.last() {
            self.handed_out = self.handed_out.max(last.sequence);
        }
        batch
    }

    /// Forgets what is on disk at the receiver. Nothing that was not handed out can be.
    pub fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged = self.acknowledged.max(sequence.min(self.handed_out));
        while let Some(event) = self.events.pop_front_if(|event| event.sequence <= self.acknowledged) {
            if is_anonymous(&event) {
                self.anonymous = self.anonymous.saturating_sub(1);
            }
        }
    }

    /// Whether this event is on disk at the receiver.
    pub const fn is_acknowledged(&self, sequence: u64) -> bool {
        sequence <= self.acknowledged
    }

    /// Whether somebody waits for an acknowledgement.
    pub const fn is_awaited(&self) -> bool {
        self.awaited > self.acknowledged
    }

    /// Whether a mint would be taken now.
    pub fn has_room(&self) -> bool {
        self.events.len() < MAX_EVENTS || self.displaceable().is_some()
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Events lost because the queue was full; as many sequences are missing.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// An event that `event` only repeats.
    fn equal(&mut self, event: &Event) -> Option<&mut Event> {
        let is_crowded = self.events.len() >= MAX_EVENTS / 2;
        if event.outcome == Outcome::Mint || !(is_crowded || is_anonymous(event)) {
            return None;
        }
        let handed_out = self.handed_out;
        let open = self.events.iter_mut().rev().take(LOOK_BACK);
        open.take_while(|known| known.sequence > handed_out).find(|known| is_equal(known, event))
    }

    /// Whether there is a place for `event`, or one can be made.
    fn make_room(&mut self, event: &Event) -> bool {
        let bound = if is_anonymous(event) { MAX_EVENTS / 2 } else { MAX_EVENTS };
        if self.events.len() < bound {
            return true;
        }
        if event.outcome == Outcome::Mint
            && let Some(index) = self.displaceable()
        {
            self.events.remove(index);
            self.anonymous = self.anonymous.saturating_sub(1);
            self.dropped = self.dropped.saturating_add(1);
            return true;
        }
        false
    }

    /// The newest event that gives way to a mint.
    fn displaceable(&self) -> Option<usize> {
        if self.anonymous == 0 {
            return None;
        }
        self.events.iter().rposition(|event| is_anonymous(event) && event.sequence > self.handed_out)
    }
}

fn is_anonymous(event: &Event) -> bool {
    event.outcome == Outcome::Denial && event.identity.is_none()
}

/// Whether both say the same, the token and the time aside.
fn is_equal(known: &Event, event: &Event) -> bool {
    known.outcome == event.outcome
        && known.reason == event.reason
        && known.route == event.route
        && known.epoch == event.epoch
        && known.identity == event.identity
        && known.grant == event.grant
        && known.actor == event.actor
        && known.shadow == event.shadow
        && known.fields == event.fields
        && known.audit_fields == event.audit_fields
}

#[cfg(test)]
mod tests;
