//! Mints and denials of the control plane itself, on disk before a mint is answered.
//!
//! Whoever waits shares the next transaction with all who came meanwhile: a commit costs the disk a moment, however many
//! rows it holds. Deliberately absent: what a row says.

use core::mem;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{oneshot, watch};

use crate::{
    clock::Clock,
    store::{Store, records::OwnEvent},
};

/// Mints that wait at most; whoever comes then is told to come back.
const MOST_MINTS: usize = 8192;
/// Denials that wait at most; anyone can cause them, so what comes then is counted and forgotten.
const MOST_DENIALS: usize = 1024;
/// Rows of one transaction.
const MOST_ROWS: usize = 1024;

/// Writes what happened here.
#[derive(Clone)]
pub struct Ledger {
    store: Arc<dyn Store>,
    clock: Clock,
    queue: Arc<Mutex<Queue>>,
}

struct Queue {
    entries: Vec<Entry>,
    denials: usize,
    lost: u64,
    /// Whether a task writes.
    busy: watch::Sender<bool>,
}

struct Entry {
    tenant: String,
    event: OwnEvent,
    /// Told when it is on disk; nobody waits for a denial.
    receipt: Option<oneshot::Sender<bool>>,
}

/// A row is not on disk, so what it tells of must not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// Too many wait.
    Crowded,
    /// The store failed.
    Failed,
}

// === impl Ledger ===

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        let queue = Queue { entries: Vec::new(), denials: 0, lost: 0, busy: watch::Sender::new(false) };
        Self { store, clock, queue: Arc::new(Mutex::new(queue)) }
    }

    /// Returns when the row of a mint is on disk.
    pub async fn record(&self, tenant: &str, event: OwnEvent) -> Result<(), Unrecorded> {
        let (receipt, told) = oneshot::channel();
        {
            let mut queue = self.queue();
            if queue.entries.len().saturating_sub(queue.denials) >= MOST_MINTS {
                return Err(Unrecorded::Crowded);
            }
            queue.entries.push(Entry { tenant: tenant.to_owned(), event, receipt: Some(receipt) });
            self.work(&queue);
        }
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Unrecorded::Failed),
        }
    }

    /// Writes the row of a denial when there is time.
    pub fn note(&self, tenant: &str, event: OwnEvent) {
        let mut queue = self.queue();
        if queue.denials >= MOST_DENIALS {
            queue.lost = queue.lost.saturating_add(1);
            return;
        }
        queue.denials = queue.denials.saturating_add(1);
        queue.entries.push(Entry { tenant: tenant.to_owned(), event, receipt: None });
        self.work(&queue);
    }

    /// Rows that wait.
    pub fn waiting(&self) -> usize {
        self.queue().entries.len()
    }

    /// Returns when nothing waits any more.
    pub async fn settle(&self) {
        let mut busy = self.queue().busy.subscribe();
        // An error means that nobody can tell any more.
        busy.wait_for(|busy| !*busy).await.ok();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has somebody write, if nobody does.
    fn work(&self, queue: &Queue) {
        if !queue.busy.send_replace(true) {
            tokio::spawn(self.clone().write());
        }
    }

    async fn write(self) {
        loop {
            let batch = {
                let mut queue = self.queue();
                let lost = mem::take(&mut queue.lost);
                if lost > 0 {
                    tracing::warn!(lost, "denials came faster than they can be recorded");
                }
                if queue.entries.is_empty() {
                    queue.busy.send_replace(false);
                    return;
                }
                let most = queue.entries.len().min(MOST_ROWS);
                let rest = queue.entries.split_off(most);
                let batch = mem::replace(&mut queue.entries, rest);
                let denials = batch.iter().filter(|entry| entry.receipt.is_none()).count();
                queue.denials = queue.denials.saturating_sub(denials);
                batch
            };
            self.commit(batch).await;
        }
    }

    async fn commit(&self, batch: Vec<Entry>) {
        let mut tenants: BTreeMap<String, (Vec<OwnEvent>, Vec<oneshot::Sender<bool>>)> = BTreeMap::new();
        for Entry { tenant, event, receipt } in batch {
            let (events, receipts) = tenants.entry(tenant).or_default();
            events.push(event);
            receipts.extend(receipt);
        }
        for (tenant, (events, receipts)) in tenants {
            let stored = self.store.record_own(&tenant, &events, self.clock.now()).await;
            if let Err(error) = &stored {
                let cause = core::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(
                    tenant,
                    cause,
                    rows = events.len(),
                    "mints and denials could not be recorded"
                );
            }
            for receipt in receipts {
                // Whoever is gone needs no answer.
                receipt.send(stored.is_ok()).ok();
            }
        }
    }
}
