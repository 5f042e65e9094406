//! The service as a value: its parts, and the router over them. Deliberately absent: sockets, files and signals.

use core::time::Duration;
use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use cambist_core::{jose::alg::Alg, time::Timestamp};
use tokio::sync::watch;

use crate::{
    admin::{self, trial::Trials},
    clock::Clock,
    engine::{Engine, consumptions},
    fetching::{Fetcher, attempts::Attempts},
    gateway_api,
    intake::Intake,
    keys::{
        authority,
        seal::Kek,
        upkeep::{Keeper, UpkeepError},
    },
    metrics::{Metrics, Stopwatch},
    problem::Problem,
    public,
    publish::Publisher,
    reports::Reports,
    request,
    sightings::Sightings,
    standing::Standings,
    store::{
        Store, StoreError,
        records::{Author, Head, Heads, Kind, Object, Page, StoredKey},
    },
};

/// How often sightings are written.
const FLUSH: Duration = Duration::from_secs(1);
/// Sightings between two looks at keys and old rows.
const UPKEEP: u32 = 60;
/// Instances and reinstatements are forgotten after a day.
const MEMORY: i64 = 86_400;

/// Issuers that are read at once.
const PAGE: u32 = 1000;

/// Everything a request may need.
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What gateways are told.
    pub publisher: Publisher,
    /// What instances say.
    pub sightings: Sightings,
    /// The time.
    pub clock: Clock,
    /// Goes out to issuers.
    pub fetcher: Fetcher,
    /// How that went.
    pub attempts: Attempts,
    /// What instances say of their keys.
    pub reports: Reports,
    /// Trials under way.
    pub trials: Trials,
    /// Decides about tokens.
    pub engine: Arc<Engine>,
    /// Writes what gateways deliver.
    pub intake: Intake,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How far instances are.
    pub standings: Standings,
    /// When the service started.
    pub started: Timestamp,
    kek: Arc<Kek>,
    key_lifetime: i64,
    /// Held by whoever makes keys: two at once would make two.
    key_turn: tokio::sync::Mutex<()>,
    heads: watch::Receiver<Heads>,
    stopping: watch::Receiver<bool>,
}

/// What may be otherwise.
pub struct Options {
    /// The way out to issuers.
    pub fetcher: Fetcher,
    /// Seconds after which a key of the authority is succeeded.
    pub key_lifetime: i64,
}

/// Ends long polls when it is told to, or dropped.
pub type Stop = watch::Sender<bool>;

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self { fetcher: Fetcher::default(), key_lifetime: authority::LIFETIME }
    }
}

// === impl App ===

impl App {
    /// A service over `store`, and the means to stop it.
    pub fn new(store: Arc<dyn Store>, kek: Kek, clock: Clock) -> (Arc<Self>, Stop) {
        Self::with(store, kek, clock, Options::default())
    }

    /// The same otherwise.
    pub fn with(store: Arc<dyn Store>, kek: Kek, clock: Clock, options: Options) -> (Arc<Self>, Stop) {
        let Options { fetcher, key_lifetime } = options;
        let (stop, stopping) = watch::channel(false);
        let kek = Arc::new(kek);
        let publisher = Publisher::new(Arc::clone(&store), Arc::clone(&kek), clock.clone());
        let heads = store.heads();
        let sightings = Sightings::default();
        let (attempts, reports, trials) = (Attempts::default(), Reports::default(), Trials::default());
        let engine = Arc::new(Engine::new(Arc::clone(&store), clock.clone(), fetcher.clone()));
        let intake = Intake::new(Arc::clone(&store), clock.clone());
        let started = clock.now();
        let app = Self {
            store,
            publisher,
            sightings,
            clock,
            fetcher,
            attempts,
            reports,
            trials,
            metrics: Arc::clone(&engine.metrics),
            engine,
            intake,
            standings: Standings::default(),
            started,
            kek,
            key_lifetime,
            key_turn: tokio::sync::Mutex::default(),
            heads,
            stopping,
        };
        (Arc::new(app), stop)
    }

    /// Every surface.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .merge(admin::router())
            .merge(gateway_api::router())
            .merge(public::router())
            .fallback(public::below_authority)
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(DefaultBodyLimit::max(request::BODY_LIMIT))
            .layer(middleware::from_fn_with_state(Arc::clone(&self.metrics), request::observe))
            .with_state(Arc::clone(self))
    }

    /// Every issuer of a tenant.
    pub async fn issuers(&self, tenant: &str) -> Result<Vec<Object>, StoreError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = Page { after: after.take(), limit: PAGE };
            let objects = self.store.objects(tenant, Kind::Issuer, "", page).await?;
            let Some(last) = objects.last() else { return Ok(all) };
            after = Some(last.id.clone());
            all.extend(objects);
        }
    }

    /// The head of every tenant.
    pub fn heads(&self) -> Heads {
        self.heads.borrow().clone()
    }

    /// The head of a tenant.
    pub fn head(&self, tenant: &str) -> Head {
        self.heads.borrow().get(tenant).copied().unwrap_or_default()
    }

    /// Returns when `news` finds something in the tenant's head, or `None` after `wait` or when the service stops.
    pub async fn wait<T>(
        &self,
        tenant: &str,
        wait: Duration,
        mut news: impl FnMut(Head) -> Option<T>,
    ) -> Option<T> {
        let mut heads = self.heads.clone();
        let mut stopping = self.stopping.clone();
        let found = async {
            loop {
                let head = heads.borrow_and_update().get(tenant).copied().unwrap_or_default();
                if let Some(found) = news(head) {
                    return Some(found);
                }
                tracing::trace!(tenant, "a request is held");
                if heads.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::select! {
            biased;
            found = found => found,
            () = tokio::time::sleep(wait) => None,
            _ = stopping.wait_for(|stop| *stop) => None,
        }
    }

    /// Makes signing keys that are due and drops old ones, in every tenant.
    pub async fn keep_keys(&self) -> Result<(), UpkeepError> {
        let _turn = self.key_turn.lock().await;
        for tenant in self.store.tenants().await? {
            self.keeper(&tenant.tenant).keep_up(self.clock.now()).await?;
        }
        Ok(())
    }

    /// Makes a successor to the key that the authority of a tenant signs with by `alg`.
    pub async fn rotate_key(&self, tenant: &str, alg: Alg, author: Author) -> Result<StoredKey, UpkeepError> {
        let _turn = self.key_turn.lock().await;
        self.keeper(tenant).rotate(alg, author).await
    }

    fn keeper<'a>(&'a self, tenant: &'a str) -> Keeper<'a> {
        Keeper { store: &self.store, kek: &self.kek, tenant, lifetime: self.key_lifetime }
    }

    /// The key that secrets in the store are sealed with.
    pub fn kek(&self) -> &Kek {
        &self.kek
    }

    /// Writes sightings every second and looks after keys and old rows every minute, until the service stops.
    pub async fn upkeep(self: Arc<Self>) {
        let mut stopping = self.stopping.clone();
        let mut turn: u32 = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(FLUSH) => {}
                _ = stopping.wait_for(|stop| *stop) => break,
            }
            let watch = Stopwatch::start();
            match self.sightings.flush(&*self.store).await {
                Ok(true) => self.metrics.written("sightings", watch.elapsed()),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "sightings could not be written"),
            }
            self.engine.tick();
            turn = turn.wrapping_add(1);
            if turn.is_multiple_of(UPKEEP) {
                self.keep_house().await;
            }
        }
        if let Err(error) = self.sightings.flush(&*self.store).await {
            tracing::warn!(%error, "sightings could not be written");
        }
    }

    async fn keep_house(&self) {
        if let Err(error) = self.keep_keys().await {
            tracing::error!(%error, "signing keys could not be renewed");
        }
        if let Err(error) = self.store.forget_tokens(self.clock.now()).await {
            tracing::warn!(%error, "revoked tokens that have ended could not be dropped");
        }
        let before: Timestamp = self.clock.now().plus_secs(MEMORY.saturating_neg());
        self.reports.prune(before);
        self.standings.prune();
        if let Err(error) = self.store.prune(before).await {
            tracing::warn!(%error, "old rows could not be dropped");
        }
        if let Err(error) = consumptions::purge(&*self.store, self.clock.now()).await {
            tracing::warn!(%error, "uses of ended tokens could not be dropped");
        }
    }
}
