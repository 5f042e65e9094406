//! Batches of gateways' events on their way to the disk, those that wait in one transaction.
//!
//! Deliberately absent: what an event means; mints of the control plane itself, which `engine/ledger.rs` writes.

use std::sync::Arc;

use crate::{
    clock::Clock,
    store::{Store, records::Delivery},
    turns::{Bounds, Turns},
};

/// The gateways whose batches come when so many events wait keep them and come again.
const BOUNDS: Bounds = Bounds { waiting: 32_768, taken: 8_192 };

/// Writes what gateways deliver.
#[derive(Clone)]
pub struct Intake {
    store: Arc<dyn Store>,
    clock: Clock,
    turns: Arc<Turns<Delivery, bool>>,
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
        Self { store, clock, turns: Arc::new(Turns::new(BOUNDS)) }
    }

    /// Returns when the batch is on disk.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), Refused> {
        let events = delivery.events.len();
        let place = self.turns.join(delivery, events).map_err(|_| Refused::Crowded)?;
        if place.is_first {
            tokio::spawn(self.clone().write());
        }
        match place.answer.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refused::Failed),
        }
    }

    async fn write(self) {
        while let Some((deliveries, receipts)) = self.turns.take() {
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
}
