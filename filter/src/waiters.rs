//! Requests that wait for something shared: bounded, each with its own deadline.
//!
//! Deliberately absent: resuming them. What is ripe is resumed last, see [`crate::driver::resume_ripe`].

use cambist_core::{
    flow::{Call, Flow},
    time::Timestamp,
};
use hashbrown::HashMap;

/// Most requests that wait for one issuer's keys, or for the snapshot.
pub const MAX_PER_CALL: usize = 1_024;
/// Most requests that wait at all.
pub const MAX_TOTAL: usize = 4_096;
/// Most bytes of their heads; the memory of a VM never shrinks.
pub const MAX_BYTES: usize = 16 * 1_048_576;

/// A paused request.
pub struct Waiter {
    /// The stream's context id.
    pub stream: u32,
    /// Where its decision goes on.
    pub flow: Flow,
    /// What it waits for.
    pub call: Call,
    /// When it gives up.
    pub deadline: Timestamp,
}

/// A request whose waiting is over.
pub struct Ripe {
    /// The request.
    pub waiter: Box<Waiter>,
    /// Whether its time was up, rather than what it waited for there.
    pub expired: bool,
}

/// All paused requests of a gateway, by stream.
#[derive(Default)]
pub struct Waiters {
    by_stream: HashMap<u32, Box<Waiter>>,
    ripe: Vec<Ripe>,
    bytes: usize,
}

// === impl Waiters ===

impl Waiters {
    /// Keeps a waiter, or gives it back when too many wait already.
    pub fn park(&mut self, waiter: Box<Waiter>) -> Result<(), Box<Waiter>> {
        let bytes = self.bytes.saturating_add(waiter.flow.weight());
        let same = self.by_stream.values().filter(|known| known.call == waiter.call).count();
        if self.by_stream.len() >= MAX_TOTAL || same >= MAX_PER_CALL || bytes > MAX_BYTES {
            return Err(waiter);
        }
        self.bytes = bytes;
        if let Some(before) = self.by_stream.insert(waiter.stream, waiter) {
            self.release(&before);
        }
        Ok(())
    }

    /// Makes all ripe that `is_ready` picks.
    pub fn ripen(&mut self, is_ready: impl Fn(&Call) -> bool) {
        self.move_to_ripe(false, |waiter| is_ready(&waiter.call));
    }

    /// Makes all ripe whose time is up.
    pub fn expire(&mut self, now: Timestamp) {
        self.move_to_ripe(true, |waiter| waiter.deadline <= now);
    }

    /// Takes what is ripe.
    pub fn take_ripe(&mut self) -> Vec<Ripe> {
        core::mem::take(&mut self.ripe)
    }

    /// Forgets a stream that is gone.
    pub fn remove(&mut self, stream: u32) {
        if let Some(waiter) = self.by_stream.remove(&stream) {
            self.release(&waiter);
        }
        self.ripe.retain(|ripe| ripe.waiter.stream != stream);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.by_stream.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_stream.is_empty()
    }

    fn move_to_ripe(&mut self, expired: bool, is_ripe: impl Fn(&Waiter) -> bool) {
        let before = self.ripe.len();
        let moved = self.by_stream.extract_if(|_, waiter| is_ripe(waiter));
        self.ripe.extend(moved.map(|(_, waiter)| Ripe { waiter, expired }));
        let weight = self.ripe.iter().skip(before).map(|ripe| ripe.waiter.flow.weight());
        self.bytes = weight.fold(self.bytes, usize::saturating_sub);
    }

    fn release(&mut self, waiter: &Waiter) {
        self.bytes = self.bytes.saturating_sub(waiter.flow.weight());
    }
}
