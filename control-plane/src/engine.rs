//! Decisions of the control plane itself: core's state machine with all of a tenant's configuration, its keys included.
//!
//! The state of a tenant is behind a lock that nothing is waited for under: what a decision needs from outside is
//! fetched between two looks. Deliberately absent: the meaning of requests, which is core's; HTTP, which is the caller's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) use cambist_core::wire::event::Minted;
use cambist_core::{
    audit_queue::AuditQueue,
    denial::Denial,
    flow::{self, Ambient, Answer, Call, Counted, Edits, Errand, Flow, Response, Shadowed, Step},
    time::Timestamp,
    wire::event::Event,
};
use tokio::sync::watch;

mod adoption;
mod calls;
pub mod consumptions;
pub mod crypto;
mod denials;
mod keys;
pub mod ledger;
mod limits;
mod seat;

use self::{
    consumptions::{Consumptions, Unwritten},
    crypto::NativeCrypto,
    denials::Denials,
    ledger::{Ledger, Unrecorded},
    seat::Seat,
};
use crate::{
    clock::Clock,
    fetching::Fetcher,
    gateway_api::{events::stored, told::Told},
    metrics::{Metrics, Stopwatch},
    publish::Publisher,
    store::{
        Store,
        records::{Head, Heads, OwnEvent},
    },
    text,
};

/// Decisions that are made at once, of all tenants; more are told to come back.
const MOST_FLIGHTS: usize = 4096;
/// Calls of one decision: keys, UserInfo, and some for a configuration that changes meanwhile.
const MOST_CALLS: usize = 8;

/// Decides.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Clock,
    fetcher: Fetcher,
    heads: watch::Receiver<Heads>,
    crypto: NativeCrypto,
    ledger: Ledger,
    consumptions: Consumptions,
    denials: Denials,
    seats: Mutex<HashMap<String, Arc<Seat>>>,
    flights: tokio::sync::Semaphore,
    inquiries: tokio::sync::Semaphore,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// Who is answered, for the record.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `control-plane`, or the gateway that asks.
    pub actor: String,
    /// Id of the request.
    pub request: String,
}

/// A decision that was made.
pub(crate) enum Decided {
    /// An answer.
    Reply(Response),
    /// A request may go on with this, and what was minted for it.
    Forward(Edits, Option<Minted>),
    /// It is refused, or nothing can be said; with the seconds after which asking again makes sense, where that is known
    /// better than the denial's row says.
    Denied(Denial, Option<u32>),
}

/// How a decision begins, and goes on after an answer.
type Decide<'a> =
    &'a (dyn Fn(&mut flow::State, Option<(&Flow, &Answer)>, &mut Ambient<'_>) -> Step + Send + Sync);

// === impl Decided ===

impl Decided {
    const fn denied(denial: Denial) -> Self {
        Self::Denied(denial, None)
    }
}

// === impl Engine ===

impl Engine {
    /// An engine over `store`, which fetches what it needs by `fetcher`.
    pub fn new(store: Arc<dyn Store>, clock: Clock, fetcher: Fetcher) -> Self {
        let ledger = Ledger::new(Arc::clone(&store), clock.clone());
        let heads = store.heads();
        let consumptions = Consumptions::new(Arc::clone(&store));
        Self {
            store,
            clock,
            fetcher,
            heads,
            crypto: NativeCrypto::default(),
            ledger,
            consumptions,
            denials: Denials::default(),
            seats: Mutex::default(),
            flights: tokio::sync::Semaphore::new(MOST_FLIGHTS),
            inquiries: tokio::sync::Semaphore::new(calls::MOST_INQUIRIES),
            metrics: Arc::default(),
        }
    }

    /// The answer of the token endpoint to a request with this head and body, which may have one byte more than the
    /// endpoint takes.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
        head: &flow::Head<'_>,
        body: Vec<u8>,
        caller: Caller,
    ) -> Decided {
        let decide =
            |state: &mut flow::State, past: Option<(&Flow, &Answer)>, ambient: &mut Ambient<'_>| match past {
                None => flow::start(state, head, ambient),
                Some((flow, answer)) => flow::resume(state, flow, answer, ambient),
            };
        self.decide(publisher, tenant, Some(body), caller, &decide).await
    }

    /// An access token for a request at a route of a gateway, which presented `token`.
    pub(crate) async fn mint(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
        errand: Errand<'_>,
        caller: Caller,
    ) -> Decided {
        let decide = |state: &mut flow::State, past: Option<(&Flow, &Answer)>, ambient: &mut Ambient<'_>| {
            flow::mint_for(state, errand, past, ambient)
        };
        self.decide(publisher, tenant, None, caller, &decide).await
    }

    /// The access token that a request asks to be revoked, if it is one of ours and may be.
    pub(crate) async fn revoked(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
        head: &flow::Head<'_>,
        body: &[u8],
    ) -> Result<Option<flow::RevokedToken>, Denial> {
        let Ok(_permit) = self.flights.try_acquire() else { return Err(Denial::Overloaded) };
        let seat = self.seat(publisher, tenant).await.map_err(|error| {
            error.log(tenant);
            Denial::ConfigStale
        })?;
        let (mut random, mut nobody) = (|| None, AuditQueue::default());
        let now = self.clock.now();
        let mut guard = seat.inner();
        let inner = &mut *guard;
        inner.state.confirm(now);
        let limiter = &mut inner.limits;
        let (random, audit) = (&mut random, &mut nobody);
        let ambient = Ambient { now, crypto: &self.crypto, random, limiter, audit };
        flow::revoke(&inner.state, head, body, &ambient)
    }

    async fn decide(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
        body: Option<Vec<u8>>,
        caller: Caller,
        decide: Decide<'_>,
    ) -> Decided {
        let (counted, decided) = self.deliberate(publisher, tenant, body, caller, decide).await;
        match (&decided, counted) {
            // What cannot be recorded is refused, whatever was decided.
            (Decided::Denied(denial, _), _) => self.metrics.decided(Counted::Denied(*denial)),
            (_, Some(counted)) => self.metrics.decided(counted),
            (_, None) => {}
        }
        decided
    }

    async fn deliberate(
        self: &Arc<Self>,
        publisher: &Publisher,
        tenant: &str,
        mut body: Option<Vec<u8>>,
        caller: Caller,
        decide: Decide<'_>,
    ) -> (Option<Counted>, Decided) {
        let is_errand = body.is_none();
        let Ok(_permit) = self.flights.try_acquire() else {
            return (None, Decided::denied(Denial::Overloaded));
        };
        let seat = match self.seat(publisher, tenant).await {
            Ok(seat) => seat,
            Err(error) => {
                error.log(tenant);
                return (None, Decided::denied(Denial::ConfigStale));
            }
        };
        let mut past: Option<(Flow, Answer)> = None;
        for _ in 0..MOST_CALLS {
            let known = past.as_ref().map(|(flow, answer)| (flow, answer));
            let (step, waiting) = self.look(&seat, known, decide);
            past = match step {
                Step::Reply { response, path: _, report } => {
                    let counted = report.counted;
                    let decided = if let (Counted::Denied(denial), true) = (counted, is_errand) {
                        Decided::Denied(denial, response.retry_after())
                    } else {
                        Decided::Reply(response)
                    };
                    self.follow(tenant, report.shadows, &caller);
                    return (Some(counted), self.recorded(tenant, report.event, caller, decided).await);
                }
                Step::Forward(edits) => {
                    let mut edits = edits;
                    let event = edits.report.event.take();
                    let minted = event.as_ref().and_then(|event| event.minted.clone());
                    let counted = edits.report.counted;
                    let decided = Decided::Forward(edits, minted);
                    return (Some(counted), self.recorded(tenant, event, caller, decided).await);
                }
                Step::NeedBody { flow } => Some((flow, Answer::Body(body.take().unwrap_or_default()))),
                Step::Call { flow, call } => Some((flow, self.call(&seat, call, waiting).await)),
            };
        }
        (None, Decided::denied(Denial::Overloaded))
    }

    /// Counts and records what rules that are not in force would have decided.
    fn follow(&self, tenant: &str, shadows: Vec<Shadowed>, caller: &Caller) {
        let now = self.clock.now();
        for Shadowed { denial, event } in shadows {
            self.metrics.shadowed(denial);
            let Some(event) = event else { continue };
            let event = Event { at_ms: now.millis(), ..*event };
            let Ok(event) = stored(tenant, &Told::from(&event), now) else { continue };
            let Caller { actor, request } = caller.clone();
            self.ledger.note(tenant, OwnEvent { actor, request, event });
        }
    }

    /// Writes the use of a token down; whether it is the first. `key` is 32 bytes in hex, `exp` Unix seconds after which
    /// nobody takes the token.
    pub(crate) async fn consume(
        &self,
        tenant: &str,
        issuer: &str,
        key: &str,
        exp: i64,
    ) -> Result<bool, Unwritten> {
        self.consumptions.consume(tenant, issuer, key, exp, self.clock.now()).await
    }

    /// One look at the state; where the decision waits for keys, with the place in the queue for them.
    fn look(
        &self,
        seat: &Seat,
        past: Option<(&Flow, &Answer)>,
        decide: Decide<'_>,
    ) -> (Step, Option<keys::Place>) {
        let mut random = || text::random::<16>().ok();
        let now = self.clock.now();
        let mut nobody = AuditQueue::default();
        let mut guard = seat.inner();
        let inner = &mut *guard;
        inner.state.confirm(now);
        let limiter = &mut inner.limits;
        let (random, audit) = (&mut random, &mut nobody);
        let mut ambient = Ambient { now, crypto: &self.crypto, random, limiter, audit };
        let step = decide(&mut inner.state, past, &mut ambient);
        let waiting = match &step {
            Step::Call { call: Call::FetchKeys { issuer }, .. } => inner.queue(issuer),
            Step::Call { .. } | Step::Forward(_) | Step::Reply { .. } | Step::NeedBody { .. } => None,
        };
        (step, waiting)
    }

    /// Gives the decision away once a mint is on disk.
    async fn recorded(
        &self,
        tenant: &str,
        event: Option<Box<Event>>,
        caller: Caller,
        decided: Decided,
    ) -> Decided {
        let Some(event) = event else { return decided };
        let now = self.clock.now();
        let (is_mint, grant) = (event.minted.is_some(), event.grant);
        let event = Event { at_ms: now.millis(), ..*event };
        let (caller, event) = if is_mint || event.identity.is_some() {
            (caller, event)
        } else {
            match self.denials.note(tenant, caller, event, now) {
                Some(first) => first,
                None => return decided,
            }
        };
        let Ok(event) = stored(tenant, &Told::from(&event), now) else {
            return Decided::denied(Denial::Internal);
        };
        let Caller { actor, request } = caller;
        let event = OwnEvent { actor, request, event };
        if !is_mint {
            self.ledger.note(tenant, event);
            return decided;
        }
        let watch = Stopwatch::start();
        match self.ledger.record(tenant, event).await {
            Ok(()) => {
                self.metrics.written("mint", watch.elapsed());
                self.metrics.minted(grant);
                decided
            }
            Err(Unrecorded::Crowded) => Decided::denied(Denial::Overloaded),
            Err(Unrecorded::Failed) => Decided::denied(Denial::UpstreamStsUnavailable),
        }
    }

    /// Writes what was gathered of denials, as far as their time is over, or all of it.
    fn write_denials(&self, now: Option<Timestamp>) {
        for (tenant, Caller { actor, request }, event) in self.denials.due(now) {
            let at = Timestamp::from_millis(event.at_ms);
            if let Ok(event) = stored(&tenant, &Told::from(&event), at) {
                self.ledger.note(&tenant, OwnEvent { actor, request, event });
            }
        }
    }

    /// Refreshes keys that are due, and writes gathered denials. To be called now and then.
    pub fn tick(self: &Arc<Self>) {
        self.write_denials(Some(self.clock.now()));
        let seats: Vec<Arc<Seat>> =
            self.seats.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for seat in seats {
            self.attend(&seat);
        }
    }

    /// Rows that are not on disk yet.
    pub fn unrecorded(&self) -> usize {
        self.ledger.waiting()
    }

    /// Decisions that are being made.
    pub fn in_flight(&self) -> usize {
        MOST_FLIGHTS.saturating_sub(self.flights.available_permits())
    }

    /// Returns when every denial is on disk, too.
    pub async fn settle(&self) {
        self.write_denials(None);
        self.ledger.settle().await;
    }

    /// The one tenant. More come with a path of their own.
    pub(crate) fn sole_tenant(&self) -> Option<String> {
        self.heads.borrow().keys().next().cloned()
    }

    fn head(&self, tenant: &str) -> Head {
        self.heads.borrow().get(tenant).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
