//! Batches of gateways' events on their way to the disk. Whoever waits shares the next transaction with all who came
//! meanwhile: a commit costs the disk a moment, however many rows it holds.
//!
//! Deliberately absent: what an event means; mints of the control plane itself, which `engine/ledger.rs` writes.

use core::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::{
    clock::Clock,
    store::{Store, records::Delivery},
};

/// Events that wait at most; the gateways whose batches come then keep them and come again.
const MOST_WAITING: usize = 32_768;
/// Events of one transaction, give or take a batch.
const MOST_ROWS: usize = 8_192;

/// Writes what gateways deliver.
#[derive(Clone)]
pub struct Intake {
    store: Arc<dyn Store>,
    clock: Clock,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Delivery, oneshot::Sender<bool>)>,
    events: usize,
    /// Whether a task writes.
    busy: bool,
}

/// A batch is not on disk, so it must not be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too much waits.
    Crowded,
    /// The store failed.
    Failed,
}

// === impl Intake ===

impl Intake {
    /// An intake of `store`.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock, queue: Arc::default() }
    }

    /// Returns when the batch is on disk.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), Refused> {
        let (receipt, told) = oneshot::channel();
        {
            let mut queue = self.queue();
            let events = queue.events.saturating_add(delivery.events.len());
            if queue.events > 0 && events > MOST_WAITING {
                return Err(Refused::Crowded);
            }
            queue.events = events;
            queue.waiting.push((delivery, receipt));
            if !mem::replace(&mut queue.busy, true) {
                tokio::spawn(self.clone().write());
            }
        }
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refused::Failed),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self) {
        while let Some((deliveries, receipts)) = self.next() {
            let stored = self.store.record(&deliveries, self.clock.now()).await;
            if let Err(error) = &stored {
                let cause = core::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(cause, batches = deliveries.len(), "events could not be recorded");
            }
            for receipt in receipts {
                // Whoever is gone sends the batch again.
                receipt.send(stored.is_ok()).ok();
            }
        }
    }

    /// What the next transaction writes; `None` ends the task.
    fn next(&self) -> Option<(Vec<Delivery>, Vec<oneshot::Sender<bool>>)> {
        let mut queue = self.queue();
        if queue.waiting.is_empty() {
            queue.busy = false;
            return None;
        }
        let mut events = 0_usize;
        let fits = |(delivery, _): &&(Delivery, _)| {
            let first = events == 0;
            events = events.saturating_add(delivery.events.len());
            first || events <= MOST_ROWS
        };
        let count = queue.waiting.iter().take_while(fits).count();
        let rest = queue.waiting.split_off(count);
        let batch = mem::replace(&mut queue.waiting, rest);
        let taken = batch.iter().map(|(delivery, _)| delivery.events.len()).fold(0, usize::saturating_add);
        queue.events = queue.events.saturating_sub(taken);
        Some(batch.into_iter().unzip())
    }
}
