//! What the engine knows of one tenant: core's state, how issuers are reached, and who waits for keys.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cambist_core::{
    exchange::Venue,
    flow::{Hosts, State},
    policy::Policy,
    time::Timestamp,
    wire::changes::Changes,
};

use super::{keys::Waiting, limits::Limits};
use crate::{fetching::Way, store::records::Head, text};

/// One tenant.
pub(super) struct Seat {
    pub(super) tenant: String,
    inner: Mutex<Inner>,
    /// Held by whoever brings the state up to date.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What is behind the lock.
pub(super) struct Inner {
    pub(super) state: State,
    /// How the issuers that are fetched from can be reached.
    pub(super) ways: HashMap<String, Way>,
    pub(super) waiting: Waiting,
    /// Counts of exchanges, by identity.
    pub(super) limits: Limits,
    /// Epoch of the configuration in force.
    adopted: u64,
    /// Whether revocations were read once.
    informed: bool,
}

// === impl Seat ===

impl Seat {
    pub(super) fn new(tenant: &str) -> Self {
        let seed = text::random::<8>().map_or(0, u64::from_le_bytes);
        let mut state = State::new(seed);
        state.venue = Venue::ControlPlane;
        state.endpoints = Hosts::every();
        let inner = Inner {
            state,
            ways: HashMap::new(),
            waiting: Waiting::default(),
            limits: Limits::default(),
            adopted: 0,
            informed: false,
        };
        Self { tenant: tenant.to_owned(), inner: Mutex::new(inner), turn: tokio::sync::Mutex::default() }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_as_new_as(&self, head: Head) -> bool {
        let inner = self.inner();
        inner.informed
            && inner.adopted >= head.snapshot_epoch
            && inner.state.denylist.epoch() >= head.revocation_epoch
    }

    pub(super) fn adopted(&self) -> u64 {
        self.inner().adopted
    }

    pub(super) fn is_informed(&self) -> bool {
        self.inner().informed
    }

    /// The epoch up to which revocations are known.
    pub(super) fn since(&self) -> u64 {
        self.inner().state.denylist.epoch()
    }

    pub(super) fn adopt(&self, policy: Policy, ways: HashMap<String, Way>, epoch: u64, now: Timestamp) {
        let mut inner = self.inner();
        inner.state.adopt(policy, now);
        inner.ways = ways;
        inner.adopted = epoch;
    }

    /// Leaves the configuration of `epoch` out.
    pub(super) fn skip(&self, epoch: u64) {
        self.inner().adopted = epoch;
    }

    pub(super) fn heed(&self, changes: Changes, now: Timestamp) {
        let mut inner = self.inner();
        inner.state.denylist.apply(changes, now);
        inner.informed = true;
    }
}
