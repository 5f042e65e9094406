//! When the control plane fetches which issuer's keys, for all tenants, and what becomes of them.
//!
//! Core's keyring decides both, as it does in gateways. What it takes is stored, so that keys outlive a restart while the
//! issuer is down, and withdrawn when nobody may use it any more.

use core::time::Duration;
use std::{collections::HashMap, sync::Arc};

use cambist_core::{
    keyring::{Fetch, Fetched, Keyring, Progress},
    time::Timestamp,
    wire::snapshot::{Carrier, Issuer, KeySource},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use super::{
    Way,
    attempts::Attempt,
    holding::{author, hold, why},
    request::Answer,
    stages::{Journey, Step, Stop},
};
use crate::{
    app::App,
    carried, configuration,
    store::{
        ChangeError, StoreError,
        records::{Digest, Expectation},
    },
    text,
};

/// Fetches at the same time, of all tenants.
const MOST_FLIGHTS: usize = 8;
/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(250);
/// How long the store is left alone after it failed.
const REST: Duration = Duration::from_secs(5);

/// Fetches what is due, until it is told to stop.
pub struct Schedule {
    app: Arc<App>,
    tenants: HashMap<String, TenantKeys>,
    flights: JoinSet<Landing>,
    spread: fn() -> u32,
}

/// The issuers of one tenant.
#[derive(Default)]
struct TenantKeys {
    snapshot_epoch: u64,
    keyring: Keyring,
    issuers: HashMap<String, Known>,
}

/// One issuer whose keys are fetched here.
struct Known {
    issuer: Issuer,
    /// Digest of all that says how it is reached.
    digest: Digest,
    way: Result<Way, String>,
    /// Until when the keys that are held for it may be used.
    usable_until: Option<Timestamp>,
}

/// The end of one request.
struct Landing {
    tenant: String,
    fetch: Fetch,
    result: Result<Answer, Stop>,
}

/// The issuer with the source that the control plane fetches from, in a gateway's words.
pub(super) fn as_fetched(issuer: &Issuer) -> Issuer {
    let KeySource::ControlPlane { uri, .. } = &issuer.keys else { return issuer.clone() };
    Issuer { keys: KeySource::at(uri.clone()), ..issuer.clone() }
}

// === impl Schedule ===

impl Schedule {
    /// The schedule of a service. Nothing happens before [`Self::run`] or [`Self::turn`].
    pub fn new(app: Arc<App>) -> Self {
        Self::spread_by(app, text::spread)
    }

    /// The same with something else than chance to spread refreshes and retries.
    pub fn spread_by(app: Arc<App>, spread: fn() -> u32) -> Self {
        Self { app, tenants: HashMap::new(), flights: JoinSet::new(), spread }
    }

    /// Works until `stopping` turns true; fetches under way are dropped then.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            let pause = match self.turn().await {
                Ok(()) => TICK,
                Err(error) => {
                    tracing::warn!(%error, "keys of issuers could not be looked after");
                    REST
                }
            };
            let idle = self.flights.is_empty();
            let landed = tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                landed = self.flights.join_next(), if !idle => landed.and_then(Result::ok),
                () = tokio::time::sleep(pause) => None,
            };
            self.land(landed).await;
        }
        self.flights.shutdown().await;
    }

    /// Follows the configuration, withdraws what grew stale and starts what is due.
    pub async fn turn(&mut self) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        for (tenant, head) in self.app.heads() {
            let known = self.tenants.get(&tenant).map_or(0, |keys| keys.snapshot_epoch);
            if known != head.snapshot_epoch {
                self.adopt(&tenant, head.snapshot_epoch, now).await?;
            }
        }
        self.withdraw(now).await?;
        let mut due = Vec::new();
        for (tenant, keys) in &mut self.tenants {
            keys.keyring.expire(&(), now, (self.spread)());
            for fetch in keys.keyring.attend(&(), now).fetches {
                if self.flights.len().saturating_add(due.len()) < MOST_FLIGHTS {
                    due.push((tenant.clone(), fetch));
                } else {
                    keys.keyring.abandon(&fetch.issuer, fetch.ticket);
                }
            }
        }
        for (tenant, fetch) in due {
            self.launch(tenant, fetch).await;
        }
        Ok(())
    }

    /// Waits until every fetch that was started has ended.
    pub async fn settle(&mut self) {
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed.ok()).await;
        }
    }

    /// Reads the issuers of a tenant again.
    async fn adopt(&mut self, tenant: &str, snapshot_epoch: u64, now: Timestamp) -> Result<(), StoreError> {
        let mut issuers = HashMap::new();
        for object in self.app.issuers(tenant).await? {
            // The bytes are ours: what cannot be read is told where the snapshot is made.
            let Ok(issuer) = configuration::issuer(&object) else { continue };
            if issuer.enabled && carried::carrier(&issuer) == Some(Carrier::ControlPlane) {
                let known = self.know(tenant, issuer).await?;
                issuers.insert(object.id, known);
            }
        }
        let keys = self.tenants.entry(tenant.to_owned()).or_default();
        let same = |id: &String| {
            let digest = |known: &Known| known.digest;
            keys.issuers.get(id).map(digest) == issuers.get(id).map(digest)
        };
        let fetched = |known: &Known| as_fetched(&known.issuer);
        // Whoever is reached another way now is asked anew: first without those, then with all.
        let unchanged = issuers.iter().filter(|(id, _)| same(id)).map(|(_, known)| fetched(known)).collect();
        for list in [unchanged, issuers.values().map(fetched).collect::<Vec<_>>()] {
            match configuration::policy_of(list) {
                Ok(policy) => keys.keyring.adopt(&policy, now),
                Err(error) => {
                    tracing::error!(tenant, error, "issuers whose keys are fetched here cannot be compiled");
                }
            }
        }
        self.app.attempts.retain(tenant, |id| issuers.contains_key(id));
        keys.issuers = issuers;
        keys.snapshot_epoch = snapshot_epoch;
        Ok(())
    }

    async fn know(&self, tenant: &str, issuer: Issuer) -> Result<Known, StoreError> {
        let said = json!([issuer.iss, issuer.keys, issuer.allow_http]);
        let way = self.app.fetcher.way(&issuer).map_err(|(member, detail)| format!("{member} {detail}"));
        let held = self.app.store.held(tenant, &issuer.id).await?;
        let fetched = held.filter(|keys| keys.set.carrier == Carrier::ControlPlane);
        // Keys of another origin are of no use to anyone: they go at once.
        let usable_until = fetched
            .map(|keys| carried::usable_until(&issuer, &keys).flatten().unwrap_or(Timestamp::from_millis(0)));
        Ok(Known { issuer, digest: text::sha256(said.to_string().as_bytes()), way, usable_until })
    }

    /// Lets go of keys that may not be used any more.
    async fn withdraw(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for (tenant, keys) in &mut self.tenants {
            for (id, known) in &mut keys.issuers {
                if known.usable_until.is_none_or(|until| now < until) {
                    continue;
                }
                match self.app.store.release(tenant, id, Expectation::Anything, author(now)).await {
                    Ok(()) => {
                        tracing::warn!(tenant, issuer = id, "withdrew keys that are too old to be used");
                    }
                    Err(ChangeError::Store(error)) => return Err(error),
                    // Somebody else did it.
                    Err(_) => {}
                }
                known.usable_until = None;
            }
        }
        Ok(())
    }

    async fn launch(&mut self, tenant: String, fetch: Fetch) {
        let known = self.tenants.get(&tenant).and_then(|keys| keys.issuers.get(&fetch.issuer));
        let way = match known.map(|known| known.way.clone()) {
            Some(Ok(way)) => way,
            Some(Err(error)) => {
                let stop = Stop::new(Step::Address, error, "");
                return self.landed(Landing { tenant, fetch, result: Err(stop) }).await;
            }
            None => return,
        };
        let fetcher = self.app.fetcher.clone();
        self.flights.spawn(async move {
            let result = fetcher.get(&fetch.endpoint, &way, &mut Journey::default()).await;
            Landing { tenant, fetch, result }
        });
    }

    async fn land(&mut self, landing: Option<Landing>) {
        if let Some(landing) = landing {
            self.landed(landing).await;
        }
    }

    async fn landed(&mut self, landing: Landing) {
        let Landing { tenant, fetch, result } = landing;
        let now = self.app.clock.now();
        let Some(keys) = self.tenants.get_mut(&tenant) else { return };
        let fetched = result.as_ref().map_or(Fetched::Failed, |answer| answer.fetched(now));
        let failed =
            match keys.keyring.conclude(&(), &fetch.issuer, fetch.ticket, fetched, now, (self.spread)()) {
                Progress::Ignored => return,
                Progress::Next(next) => return Box::pin(self.launch(tenant, next)).await,
                Progress::Settled { failure, .. } => failure.is_some(),
            };
        super::warn(&tenant, keys.keyring.take_alarms());
        let Some(known) = keys.issuers.get_mut(&fetch.issuer) else { return };
        let report = keys.keyring.report(&fetch.issuer);
        let next = report.as_ref().and_then(|report| report.next_fetch_at).map(Timestamp::from_millis);
        let mut attempt = Attempt { at: now, error: None, next };
        match result {
            Err(stop) => attempt.error = Some(format!("{}: {}", stop.step.name(), stop.error)),
            Ok(answer) if failed => attempt.error = Some(why(&known.issuer, &answer)),
            Ok(answer) => {
                let usable_until = report.as_ref().and_then(|report| report.usable_until);
                let until = Timestamp::from_millis(usable_until.unwrap_or_default());
                match hold(&self.app, &tenant, &known.issuer, &answer, until, now).await {
                    Ok(()) => known.usable_until = Some(until),
                    Err(error) => attempt.error = Some(error),
                }
            }
        }
        if let Some(error) = &attempt.error {
            tracing::warn!(
                tenant,
                issuer = fetch.issuer,
                error,
                "the keys of an issuer could not be fetched"
            );
        }
        self.app.attempts.note(&tenant, &fetch.issuer, attempt);
    }
}

/// An error means that nobody can tell any more: stop as well.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    stopping.wait_for(|stop| *stop).await.ok();
}
