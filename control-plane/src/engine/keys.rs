//! Keys of issuers for decisions made here: one fetch per issuer at once, and a bounded queue for its end.

use core::time::Duration;
use std::{collections::HashMap, sync::Arc};

use cambist_core::keyring::{Fetch, Fetched, Progress};
use tokio::sync::oneshot;

use super::{
    Engine,
    seat::{Inner, Seat},
};
use crate::{
    fetching::{self, stages::Journey},
    text,
};

/// Decisions that wait for keys of one tenant.
const MOST_WAITING: usize = 1024;
/// Fetches under way for one tenant.
const MOST_FETCHES: usize = 8;
/// How long a decision waits for keys.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Who waits for which issuer's keys.
#[derive(Default)]
pub(super) struct Waiting {
    issuers: HashMap<String, Vec<oneshot::Sender<()>>>,
    fetches: usize,
}

/// A place in the queue.
pub(super) type Place = oneshot::Receiver<()>;

// === impl Inner ===

impl Inner {
    /// Takes a place in the queue, in the same look at the state that found no keys: none is missed. `None` where it is
    /// full.
    pub(super) fn queue(&mut self, issuer: &str) -> Option<Place> {
        // Those who gave up are forgotten.
        self.waiting.issuers.values_mut().for_each(|all| all.retain(|one| !one.is_closed()));
        let all = self.waiting.issuers.values().map(Vec::len).fold(0, usize::saturating_add);
        if all >= MOST_WAITING {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.issuers.entry(issuer.to_owned()).or_default().push(sender);
        Some(receiver)
    }

    fn wake(&mut self, issuer: &str) {
        for one in self.waiting.issuers.remove(issuer).into_iter().flatten() {
            // Whoever is gone needs no waking.
            one.send(()).ok();
        }
    }

    fn settled(&mut self, progress: Progress) -> Option<Fetch> {
        match progress {
            Progress::Next(fetch) => Some(fetch),
            Progress::Ignored => None,
            Progress::Settled { issuer, failure } => {
                if let Some(failure) = failure {
                    tracing::warn!(issuer, %failure, "the keys of an issuer could not be fetched");
                }
                self.wake(&issuer);
                None
            }
        }
    }
}

// === impl Engine ===

impl Engine {
    /// Ends what is overdue and starts what is due.
    pub(super) fn attend(self: &Arc<Self>, seat: &Arc<Seat>) {
        let now = self.clock.now();
        let mut due = Vec::new();
        let mut inner = seat.inner();
        for progress in inner.state.keyring.expire(&(), now, text::spread()) {
            due.extend(inner.settled(progress));
        }
        due.extend(inner.state.keyring.attend(&(), now).fetches);
        for fetch in due {
            if inner.waiting.fetches >= MOST_FETCHES {
                inner.state.keyring.abandon(&fetch.issuer, fetch.ticket);
                continue;
            }
            inner.waiting.fetches = inner.waiting.fetches.saturating_add(1);
            tokio::spawn(Arc::clone(self).fetch(Arc::clone(seat), fetch));
        }
    }

    async fn fetch(self: Arc<Self>, seat: Arc<Seat>, fetch: Fetch) {
        let mut next = Some(fetch);
        while let Some(Fetch { issuer, ticket, endpoint }) = next.take() {
            let way = seat.inner().ways.get(&issuer).cloned();
            let result = match &way {
                Some(way) => self.fetcher.get(&endpoint, way, &mut Journey::default()).await.map_err(Some),
                None => Err(None),
            };
            if let Err(Some(stop)) = &result {
                let error = format!("{}: {}", stop.step.name(), stop.error);
                tracing::warn!(tenant = seat.tenant, issuer, error, "a fetch of keys failed");
            }
            let now = self.clock.now();
            let fetched = result.as_ref().map_or(Fetched::Failed, |answer| answer.fetched(now));
            let mut inner = seat.inner();
            let progress = inner.state.keyring.conclude(&(), &issuer, ticket, fetched, now, text::spread());
            fetching::warn(&seat.tenant, inner.state.keyring.take_alarms());
            next = inner.settled(progress);
        }
        {
            let mut inner = seat.inner();
            inner.waiting.fetches = inner.waiting.fetches.saturating_sub(1);
        }
        // There is room for what was put off.
        self.attend(&seat);
    }
}
