//! The keys of one issuer and the life of its fetches.

use alloc::{borrow::ToOwned, string::String, sync::Arc};

use super::{FETCH_TIMEOUT_MS, Fetch, FetchFailure, Fetched, Lookup, MAX_BODY_BYTES, Progress, discovery};
use crate::{
    backoff,
    endpoint::Endpoint,
    jose::{alg::Alg, key_set::KeySet},
    policy::{Issuer, Keys},
    time::Timestamp,
};

const REFRESH_DEFAULT_SECS: u32 = 300;
const REFRESH_LEAST_SECS: u32 = 60;
const REFRESH_MOST_SECS: u32 = 3_600;
const RETRY_MOST_MS: i64 = 30_000;
/// Without keys every request is refused, so the next try must not be far away.
const RETRY_MOST_COLD_MS: i64 = 4_000;

#[derive(Debug)]
pub(super) struct IssuerKeys {
    iss: String,
    allow_http: bool,
    max_stale_ms: i64,
    floor_ms: i64,
    source: Source,
    set: Option<Good>,
    in_flight: Option<InFlight>,
    /// A request waits for a fetch that has not begun.
    wanted: bool,
    failures: u32,
    next_at: Timestamp,
    /// When the last fetch for an unknown `kid` began.
    refetched_at: Option<Timestamp>,
}

#[derive(Debug)]
enum Source {
    Fixed,
    Jwks(Endpoint),
    Discovery { document: Endpoint },
}

/// The last good set.
#[derive(Debug)]
struct Good {
    keys: Arc<KeySet>,
    /// When the fetch that brought it began.
    began: Timestamp,
    /// When the next fetch is due; from then on it is stale.
    fresh_until: Timestamp,
}

#[derive(Debug)]
struct InFlight {
    ticket: u64,
    began: Timestamp,
    deadline: Timestamp,
    endpoint: Endpoint,
    is_document: bool,
}

impl IssuerKeys {
    pub(super) fn new(issuer: &Issuer, now: Timestamp) -> Self {
        let fixed = |keys: &Arc<KeySet>| Good {
            keys: Arc::clone(keys),
            began: Timestamp::from_millis(i64::MAX),
            fresh_until: Timestamp::from_millis(i64::MAX),
        };
        let (source, set) = match &issuer.keys {
            Keys::Inline(keys) => (Source::Fixed, Some(fixed(keys))),
            Keys::Carried(_, keys) => (Source::Fixed, keys.as_ref().map(fixed)),
            Keys::Jwks(_, endpoint) => (Source::Jwks(endpoint.clone()), None),
            Keys::Discovery(document) => (Source::Discovery { document: document.clone() }, None),
        };
        Self {
            iss: issuer.iss.clone(),
            allow_http: issuer.allow_http,
            max_stale_ms: max_stale_ms(issuer),
            floor_ms: i64::from(issuer.refetch_floor_ms),
            source,
            set,
            in_flight: None,
            wanted: false,
            failures: 0,
            next_at: now,
            refetched_at: None,
        }
    }

    /// Takes over the rules of `issuer` as it is configured now; false where its keys come from elsewhere.
    ///
    /// Whoever changes a clock skew while the issuer is down must not lose its keys.
    pub(super) fn follow(&mut self, issuer: &Issuer) -> bool {
        let same_source = match (&self.source, &issuer.keys) {
            (Source::Jwks(own), Keys::Jwks(_, endpoint)) => own == endpoint,
            (Source::Discovery { document }, Keys::Discovery(endpoint)) => document == endpoint,
            // An inline set costs nothing to take anew.
            _ => false,
        };
        if !same_source || self.iss != issuer.iss || self.allow_http != issuer.allow_http {
            return false;
        }
        self.max_stale_ms = max_stale_ms(issuer);
        self.floor_ms = i64::from(issuer.refetch_floor_ms);
        true
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn current(&self, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.usable(now).map(|good| &good.keys)
    }

    fn usable(&self, now: Timestamp) -> Option<&Good> {
        self.set.as_ref().filter(|good| now < good.fresh_until.plus_millis(self.max_stale_ms))
    }

    pub(super) fn lookup(
        &mut self,
        kid: Option<&str>,
        alg: Alg,
        arrived: Timestamp,
        now: Timestamp,
    ) -> Lookup {
        let Some(good) = self.usable(now) else {
            return self.wait_or_give_up(now);
        };
        let known = match kid {
            Some(kid) => good.keys.has_kid(kid),
            None => good.keys.candidates(None, alg).next().is_some(),
        };
        if known {
            return Lookup::Keys(Arc::clone(&good.keys));
        }
        if good.began >= arrived {
            return Lookup::UnknownKid;
        }
        if self.in_flight.is_some() {
            return Lookup::Wait;
        }
        // Where the last fetch failed nobody can tell (law 2): only the next one, when it is due, decides.
        let failed = self.failures > 0;
        if failed && now < self.next_at {
            return Lookup::Unavailable;
        }
        let rested = failed || self.refetched_at.is_none_or(|last| now.millis_since(last) >= self.floor_ms);
        if !rested && !self.wanted {
            return Lookup::UnknownKid;
        }
        if !self.wanted {
            self.wanted = true;
            self.refetched_at = Some(now);
        }
        Lookup::Wait
    }

    pub(super) fn start_if_due(&mut self, id: &str, now: Timestamp, tickets: &mut u64) -> Option<Fetch> {
        let due = self.wanted || now >= self.next_at;
        // Every issuer is asked on every tick: nothing is copied before it is needed.
        if !due || self.in_flight.is_some() {
            return None;
        }
        let (endpoint, is_document) = match &self.source {
            Source::Jwks(endpoint) => (endpoint.clone(), false),
            Source::Discovery { document } => (document.clone(), true),
            Source::Fixed => return None,
        };
        self.wanted = false;
        *tickets = tickets.saturating_add(1);
        Some(self.launch(id, endpoint, is_document, now, now, *tickets))
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Option<u64> {
        self.in_flight.as_ref().filter(|flight| now >= flight.deadline).map(|flight| flight.ticket)
    }

    pub(super) fn abandon(&mut self, ticket: u64) {
        if self.in_flight.take_if(|flight| flight.ticket == ticket).is_some() {
            self.wanted = true;
        }
    }

    pub(super) fn finish(
        &mut self,
        id: &str,
        ticket: u64,
        fetched: Fetched<'_>,
        now: Timestamp,
        random: u32,
    ) -> Progress {
        let Some(flight) = self.in_flight.take_if(|flight| flight.ticket == ticket) else {
            return Progress::Ignored;
        };
        let result = match fetched {
            Fetched::Answer { body, .. } if body.len() > MAX_BODY_BYTES => Err(FetchFailure::InvalidKeySet),
            // 503 and 504 may be Envoy's own words for "no answer".
            Fetched::Failed | Fetched::Answer { status: 503 | 504, .. } => Err(FetchFailure::Unreachable),
            Fetched::Answer { status: 200, body, max_age } if !flight.is_document => {
                self.adopt_set(body, max_age, &flight, now, random)
            }
            Fetched::Answer { status: 200, body, .. } => {
                match discovery::jwks_endpoint(body, &self.iss, &flight.endpoint, self.allow_http) {
                    Ok(endpoint) => {
                        return Progress::Next(self.launch(id, endpoint, false, flight.began, now, ticket));
                    }
                    Err(failure) => Err(failure),
                }
            }
            Fetched::Answer { status, .. } => Err(FetchFailure::Status(status)),
        };
        let failure = result.err();
        if failure.is_some() {
            self.failures = self.failures.saturating_add(1);
            let most = if self.current(now).is_some() { RETRY_MOST_MS } else { RETRY_MOST_COLD_MS };
            self.next_at = now.plus_millis(backoff::delay_ms(self.failures, most, random));
        }
        Progress::Settled { issuer: id.to_owned(), failure }
    }

    fn adopt_set(
        &mut self,
        body: &[u8],
        max_age: Option<u32>,
        flight: &InFlight,
        now: Timestamp,
        random: u32,
    ) -> Result<(), FetchFailure> {
        let keys = KeySet::parse(body).map_err(|_| FetchFailure::InvalidKeySet)?;
        if keys.is_empty() {
            return Err(FetchFailure::InvalidKeySet);
        }
        let fresh = max_age.unwrap_or(REFRESH_DEFAULT_SECS).clamp(REFRESH_LEAST_SECS, REFRESH_MOST_SECS);
        self.next_at = now.plus_millis(backoff::jitter(i64::from(fresh).saturating_mul(1_000), random));
        self.failures = 0;
        // A good fetch replaces the set: a key that is gone is gone (attack J3).
        self.set = Some(Good { keys: Arc::new(keys), began: flight.began, fresh_until: self.next_at });
        Ok(())
    }

    fn launch(
        &mut self,
        id: &str,
        endpoint: Endpoint,
        is_document: bool,
        began: Timestamp,
        now: Timestamp,
        ticket: u64,
    ) -> Fetch {
        let deadline = now.plus_millis(FETCH_TIMEOUT_MS.saturating_add(1_000));
        self.in_flight = Some(InFlight { ticket, began, deadline, endpoint: endpoint.clone(), is_document });
        Fetch { issuer: id.to_owned(), ticket, endpoint }
    }

    fn wait_or_give_up(&mut self, now: Timestamp) -> Lookup {
        if matches!(self.source, Source::Fixed) {
            // The control plane has none that may be used, and nobody here can get any.
            return Lookup::Unavailable;
        }
        if self.in_flight.is_some() {
            return Lookup::Wait;
        }
        if self.failures > 0 && now < self.next_at {
            return Lookup::Unavailable;
        }
        self.wanted = true;
        Lookup::Wait
    }
}

fn max_stale_ms(issuer: &Issuer) -> i64 {
    i64::from(issuer.max_stale).saturating_mul(1_000)
}
