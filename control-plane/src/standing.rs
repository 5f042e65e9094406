//! How far instances are: which snapshot they confirmed, and which of their events came last. In memory: both are told
//! again. Deliberately absent: what they say of themselves and what of their events is stored, which the store knows.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Instances that are remembered; of more, nothing is known.
const LIMIT: usize = 20_000;

/// (tenant, gateway, instance id).
type Key = (String, String, String);

/// How far instances are.
#[derive(Debug, Default)]
pub struct Standings(Mutex<HashMap<Key, Standing>>);

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    confirmed: u64,
    sequence: u64,
}

// === impl Standings ===

impl Standings {
    /// Notes that an instance has the snapshot of this epoch.
    pub fn confirm(&self, tenant: &str, gateway: &str, instance: &str, snapshot_epoch: u64) {
        self.with(tenant, gateway, instance, |standing| standing.confirmed = snapshot_epoch);
    }

    /// The epoch of the last snapshot that an instance confirmed; 0 if that is not known.
    pub fn confirmed(&self, tenant: &str, gateway: &str, instance: &str) -> u64 {
        self.all().get(&key(tenant, gateway, instance)).map_or(0, |standing| standing.confirmed)
    }

    /// Notes that events up to `sequence` came, and returns up to which they came before; 0 if that is not known.
    pub fn arrive(&self, tenant: &str, gateway: &str, instance: &str, sequence: u64) -> u64 {
        let mut before = 0;
        self.with(tenant, gateway, instance, |standing| {
            before = standing.sequence;
            standing.sequence = before.max(sequence);
        });
        before
    }

    /// Forgets everything, so that what is gone does not stay for ever.
    pub fn prune(&self) {
        self.all().clear();
    }

    fn with(&self, tenant: &str, gateway: &str, instance: &str, change: impl FnOnce(&mut Standing)) {
        let mut all = self.all();
        let key = key(tenant, gateway, instance);
        if all.len() < LIMIT || all.contains_key(&key) {
            change(all.entry(key).or_default());
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(tenant: &str, gateway: &str, instance: &str) -> Key {
    (tenant.to_owned(), gateway.to_owned(), instance.to_owned())
}
