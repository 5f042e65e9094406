//! Requests that wait for something, shared or their own: bounded, each with its own deadline.
//!
//! Deliberately absent: resuming them. What is ripe is resumed last, see [`crate::driver::resume_ripe`].

use std::rc::Rc;

use cambist_core::{
    flow::{Call, Flow, Remote},
    time::Timestamp,
};
use hashbrown::HashMap;

/// Most requests that wait for one party: an issuer's keys, an issuer's UserInfo endpoint, or the snapshot.
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
    /// The host's number of the callout that it made for itself.
    pub callout: Option<u32>,
    /// When it gives up.
    pub deadline: Timestamp,
}

/// A request whose waiting is over.
pub struct Ripe {
    /// The request.
    pub waiter: Box<Waiter>,
    /// Why it is over.
    pub over: Over,
}

/// Why a request's waiting is over.
#[derive(Clone, Debug)]
pub enum Over {
    /// What it waited for may be there.
    Ready,
    /// Its time was up.
    Expired,
    /// Its call was answered, maybe for others too.
    Answered(Rc<Remote>),
}

/// All paused requests of a gateway, by stream.
#[derive(Default)]
pub struct Waiters {
    by_stream: HashMap<u32, Box<Waiter>>,
    ripe: Vec<Ripe>,
    bytes: usize,
}

// === impl Waiter ===

impl Waiter {
    /// About how many bytes it keeps.
    fn weight(&self) -> usize {
        self.flow.weight().saturating_add(self.call.weight())
    }
}

// === impl Waiters ===

impl Waiters {
    /// Keeps a waiter, or gives it back when too many wait already.
    pub fn park(&mut self, waiter: Box<Waiter>) -> Result<(), Box<Waiter>> {
        let bytes = self.bytes.saturating_add(waiter.weight());
        let same = self.by_stream.values().filter(|known| known.call.same_party(&waiter.call)).count();
        if self.by_stream.len() >= MAX_TOTAL || same >= MAX_PER_CALL || bytes > MAX_BYTES {
            return Err(waiter);
        }
        self.bytes = bytes;
        if let Some(before) = self.by_stream.insert(waiter.stream, waiter) {
            self.release(&before);
        }
        Ok(())
    }

    /// The call that a parked request is to make for itself; `None` where another one's answer will serve it too.
    pub fn call_to_make(&self, stream: u32) -> Option<Call> {
        let call = &self.by_stream.get(&stream)?.call;
        let is_out = || self.by_stream.values().any(|other| other.callout.is_some() && other.call == *call);
        (!call.serves_others() || !is_out()).then(|| call.clone())
    }

    /// Notes the callout that a parked request made, or gives the request back if it failed at once.
    pub fn called(&mut self, stream: u32, callout: Option<u32>) -> Option<Box<Waiter>> {
        if callout.is_none() {
            return self.remove(stream);
        }
        if let Some(waiter) = self.by_stream.get_mut(&stream) {
            waiter.callout = callout;
        }
        None
    }

    /// Takes the request that made this callout.
    pub fn take_called(&mut self, callout: u32) -> Option<Box<Waiter>> {
        let (stream, _) = self.by_stream.iter().find(|(_, waiter)| waiter.callout == Some(callout))?;
        let waiter = self.by_stream.remove(&stream.to_owned())?;
        self.release(&waiter);
        Some(waiter)
    }

    /// Makes all ripe that `is_ready` picks; false if there are none.
    pub fn ripen(&mut self, is_ready: impl Fn(&Call) -> bool) -> bool {
        self.move_to_ripe(&Over::Ready, |waiter| is_ready(&waiter.call))
    }

    /// Makes all ripe who wait for the same as somebody who made `call` for all of them; false if there are none.
    pub fn ripen_like(&mut self, call: &Call) -> bool {
        call.serves_others() && self.ripen(|other| other == call)
    }

    /// Makes all ripe who wait for `call`, with its answer.
    pub fn answer(&mut self, call: &Call, remote: &Rc<Remote>) {
        self.move_to_ripe(&Over::Answered(Rc::clone(remote)), |waiter| waiter.call == *call);
    }

    /// Whether somebody waits for what `is_it` picks.
    pub fn any(&self, is_it: impl Fn(&Call) -> bool) -> bool {
        self.by_stream.values().any(|waiter| is_it(&waiter.call))
    }

    /// Makes all ripe whose time is up.
    pub fn expire(&mut self, now: Timestamp) {
        self.move_to_ripe(&Over::Expired, |waiter| waiter.deadline <= now);
    }

    /// Takes what is ripe.
    pub fn take_ripe(&mut self) -> Vec<Ripe> {
        core::mem::take(&mut self.ripe)
    }

    /// Forgets a stream, and gives back what it waited with. If others wait for its callout, whose answer may not come
    /// any more, they are ripe.
    pub fn remove(&mut self, stream: u32) -> Option<Box<Waiter>> {
        self.ripe.retain(|ripe| ripe.waiter.stream != stream);
        let waiter = self.by_stream.remove(&stream)?;
        self.release(&waiter);
        if waiter.callout.is_some() {
            self.ripen_like(&waiter.call);
        }
        Some(waiter)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.by_stream.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_stream.is_empty()
    }

    fn move_to_ripe(&mut self, over: &Over, is_ripe: impl Fn(&Waiter) -> bool) -> bool {
        let before = self.ripe.len();
        let moved = self.by_stream.extract_if(|_, waiter| is_ripe(waiter));
        self.ripe.extend(moved.map(|(_, waiter)| Ripe { waiter, over: over.clone() }));
        let weight = self.ripe.iter().skip(before).map(|ripe| ripe.waiter.weight());
        self.bytes = weight.fold(self.bytes, usize::saturating_sub);
        self.ripe.len() > before
    }

    fn release(&mut self, waiter: &Waiter) {
        self.bytes = self.bytes.saturating_sub(waiter.weight());
    }
}
