//! What instances say of themselves when they poll, gathered and written together: thousands poll, and none of it is
//! worth a wait for the disk.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::store::{Store, StoreError, records::Instance};

/// Instances that are remembered between two writes; more are left out until they poll again.
const LIMIT: usize = 20_000;

/// (tenant, gateway, instance id).
type Key = (String, String, String);

/// Sightings that are not written yet.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<HashMap<Key, Instance>>);

// === impl Sightings ===

impl Sightings {
    /// Remembers the newest word of an instance.
    pub fn note(&self, tenant: &str, gateway: &str, instance: Instance) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.to_owned(), gateway.to_owned(), instance.instance.clone());
        if pending.len() < LIMIT || pending.contains_key(&key) {
            pending.insert(key, instance);
        }
    }

    /// How many are not written yet.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Writes what was remembered; false where that was nothing.
    pub async fn flush(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let pending = core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.is_empty() {
            return Ok(false);
        }
        let rows = pending.into_iter().map(|((tenant, gateway, _), instance)| (tenant, gateway, instance));
        store.note(rows.collect()).await?;
        Ok(true)
    }
}
