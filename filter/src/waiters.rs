//! Requests that wait for something shared: bounded, each with its own deadline.

use cambist_core::{
    flow::{Call, Flow},
    time::Timestamp,
};
use hashbrown::HashMap;

/// Most requests that wait for one issuer's keys, or for the snapshot.
pub const MAX_PER_CALL: usize = 1_024;
/// Most requests that wait at all.
pub const MAX_TOTAL: usize = 4_096;

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

/// All paused requests of a gateway, by stream.
#[derive(Default)]
pub struct Waiters {
    by_stream: HashMap<u32, Waiter>,
}

// === impl Waiters ===

impl Waiters {
    /// Keeps a waiter, or gives it back when too many wait already.
    pub fn park(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        let same = self.by_stream.values().filter(|known| known.call == waiter.call).count();
        if self.by_stream.len() >= MAX_TOTAL || same >= MAX_PER_CALL {
            return Err(waiter);
        }
        self.by_stream.insert(waiter.stream, waiter);
        Ok(())
    }

    /// Takes all that wait for `call`.
    pub fn take(&mut self, call: &Call) -> Vec<Waiter> {
        self.by_stream.extract_if(|_, waiter| waiter.call == *call).map(|(_, waiter)| waiter).collect()
    }

    /// Takes all whose time is up.
    pub fn take_expired(&mut self, now: Timestamp) -> Vec<Waiter> {
        self.by_stream.extract_if(|_, waiter| waiter.deadline <= now).map(|(_, waiter)| waiter).collect()
    }

    /// Forgets a stream that is gone.
    pub fn remove(&mut self, stream: u32) {
        self.by_stream.remove(&stream);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.by_stream.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_stream.is_empty()
    }
}
