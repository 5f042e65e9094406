//! Following the configuration: compiled as it is for gateways, with the keys of our own, before the next decision.

use std::sync::{Arc, PoisonError};

use cambist_core::{
    policy::{Policy, compile_records},
    wire::snapshot::{Place, Record},
};

use super::{Engine, seat::Seat};
use crate::{
    configuration,
    publish::{PublishError, Publisher},
    store::{StoreError, records::Configuration},
};

/// Why nothing can be decided.
#[derive(Debug)]
pub(super) enum Unready {
    Store(StoreError),
    Invalid(String),
}

// === impl Engine ===

impl Engine {
    /// The seat of a tenant as new as its head.
    pub(super) async fn seat(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
    ) -> Result<Arc<Seat>, Unready> {
        let seat = {
            let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Seat::new(tenant));
            Arc::clone(seats.entry(tenant.to_owned()).or_insert_with(new))
        };
        if seat.is_as_new_as(self.head(tenant)) {
            return Ok(seat);
        }
        // Whoever comes meanwhile waits for the one who is at it.
        let turn = seat.turn.lock().await;
        let head = self.head(tenant);
        if seat.adopted() < head.snapshot_epoch {
            self.adopt(publisher, &seat).await?;
        }
        let since = seat.since();
        if since < head.revocation_epoch || !seat.is_informed() {
            let changes = self.store.changes(tenant, since).await?;
            seat.heed(changes, self.clock.now());
        }
        drop(turn);
        self.attend(&seat);
        Ok(seat)
    }

    async fn adopt(&self, publisher: &Publisher, seat: &Seat) -> Result<(), Unready> {
        let Configuration { head, objects, held, secrets } = self.store.configuration(&seat.tenant).await?;
        let now = self.clock.now();
        let mut records = configuration::records(&objects, &held, &secrets, now)?;
        records.retain(|record| configuration::is_for(record, Place::Gateway));
        let tenant = publisher.tenant(&seat.tenant).await?;
        let header = configuration::header(&tenant, "control-plane", head.epoch);
        records.extend(publisher.own_keys(&seat.tenant, now).await?);
        let issuers = objects.iter().filter_map(|object| configuration::issuer(object).ok());
        let issuers: Vec<_> = issuers.collect();
        let compiled = tokio::task::spawn_blocking(move || {
            let header = Record::Header(header);
            compile_records([header].into_iter().chain(records), &configuration::NoSecrets)
        });
        let policy: Result<Policy, String> = match compiled.await {
            Ok(compiled) => compiled.map_err(|faults| faults.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match policy {
            Ok(policy) => {
                let ways = issuers.iter().map(|issuer| (issuer.id.clone(), self.fetcher.way(issuer)));
                let ways = ways.filter_map(|(id, way)| Some((id, way.ok()?))).collect();
                seat.adopt(policy, ways, head.snapshot_epoch, now);
                Ok(())
            }
            // What was good stays in force, as it does in gateways; the next change is looked at again.
            Err(error) if seat.adopted() > 0 => {
                tracing::error!(tenant = seat.tenant, error, "the configuration is not taken");
                seat.skip(head.snapshot_epoch);
                Ok(())
            }
            Err(error) => Err(Unready::Invalid(error)),
        }
    }
}

// === impl Unready ===

impl Unready {
    pub(super) fn log(&self, tenant: &str) {
        match self {
            Self::Store(error) => {
                let cause = core::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(tenant, cause, "the configuration could not be read");
            }
            Self::Invalid(cause) => tracing::error!(tenant, cause, "the configuration cannot be decided by"),
        }
    }
}

impl From<StoreError> for Unready {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PublishError> for Unready {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => Self::Store(error),
            PublishError::Invalid(cause) => Self::Invalid(cause),
        }
    }
}
