//! The keys of one issuer: what a request may use, and when the next fetch is due.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};

use super::{FETCH_TIMEOUT_MS, Fetch, FetchFailure, Lookup, report::Reporting, shared::Companions};
use crate::{
    endpoint::Endpoint,
    jose::{alg::Alg, key_set::KeySet},
    policy::{Issuer, Keys},
    time::Timestamp,
    wire::{keys::KeyRule, snapshot::Carrier},
};

#[derive(Debug)]
pub(super) struct IssuerKeys {
    pub(super) iss: String,
    pub(super) allow_http: bool,
    pub(super) max_stale_ms: i64,
    floor_ms: i64,
    /// Least and most milliseconds between two refreshes.
    pub(super) refresh_ms: (i64, i64),
    pub(super) source: Source,
    pub(super) set: Option<Good>,
    pub(super) in_flight: Option<InFlight>,
    /// A request waits for a fetch that has not begun.
    pub(super) want: Option<Want>,
    pub(super) failures: u32,
    /// How often in a row the host took no call, since a fetch ended.
    pub(super) not_taken: u8,
    pub(super) last_failure: Option<FetchFailure>,
    pub(super) next_at: Timestamp,
    /// When the last fetch for an unknown `kid` began.
    pub(super) refetched_at: Option<Timestamp>,
    pub(super) companions: Companions,
    pub(super) reporting: Reporting,
    /// The private keys of the last set, by `kid`, of which the operator was told.
    pub(super) private: Vec<Option<String>>,
}

#[derive(Debug)]
pub(super) enum Source {
    Fixed(KeyRule),
    Jwks(KeyRule, Endpoint),
    Discovery(Endpoint),
}

/// The last good set.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) keys: Arc<KeySet>,
    /// When the fetch that brought it began.
    pub(super) began: Timestamp,
    /// When the next fetch is due; from then on it is stale.
    pub(super) fresh_until: Timestamp,
}

#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) ticket: u64,
    pub(super) began: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) endpoint: Endpoint,
    pub(super) is_document: bool,
}

/// Why a fetch is wanted before it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// For a `kid` that is not in the set: the floor counts from its beginning.
    Kid,
    /// There is no set, or the fetch that would have brought one lost its caller or was not taken.
    Set,
}

impl IssuerKeys {
    pub(super) fn new(issuer: &Issuer, now: Timestamp) -> Self {
        Self {
            iss: issuer.iss.clone(),
            allow_http: issuer.allow_http,
            max_stale_ms: i64::from(issuer.max_stale).saturating_mul(1_000),
            floor_ms: i64::from(issuer.refetch_floor_ms),
            refresh_ms: refresh_ms(issuer),
            source: Source::of(&issuer.keys),
            set: fixed(&issuer.keys),
            in_flight: None,
            want: None,
            failures: 0,
            not_taken: 0,
            last_failure: None,
            next_at: now,
            refetched_at: None,
            companions: Companions::default(),
            reporting: Reporting::new(now),
            private: Vec::new(),
        }
    }

    /// Takes over the rules of `issuer` as it is configured now; false where its keys come from elsewhere.
    ///
    /// Whoever changes a clock skew while the issuer is down must not lose its keys.
    pub(super) fn follow(&mut self, issuer: &Issuer, now: Timestamp) -> bool {
        let source = Source::of(&issuer.keys);
        let same_source = match (&self.source, &source) {
            (Source::Jwks(_, own), Source::Jwks(_, endpoint))
            | (Source::Discovery(own), Source::Discovery(endpoint)) => own == endpoint,
            (Source::Fixed(own), Source::Fixed(rule)) => own == rule,
            (Source::Fixed(_) | Source::Jwks(..) | Source::Discovery(_), _) => false,
        };
        if !same_source || self.iss != issuer.iss || self.allow_http != issuer.allow_http {
            return false;
        }
        self.max_stale_ms = i64::from(issuer.max_stale).saturating_mul(1_000);
        self.floor_ms = i64::from(issuer.refetch_floor_ms);
        self.refresh_ms = refresh_ms(issuer);
        if let Source::Fixed(_) = source {
            let set = fixed(&issuer.keys);
            let is_same = match (&self.set, &set) {
                (Some(before), Some(after)) => before.keys.looks_like(&after.keys),
                (before, after) => before.is_none() && after.is_none(),
            };
            self.set = set;
            if !is_same {
                self.reporting.changed(now);
            }
        } else {
            let latest = now.plus_millis(self.refresh_ms.1);
            self.next_at = self.next_at.min(latest);
            if let Some(good) = &mut self.set {
                good.fresh_until = good.fresh_until.min(latest);
            }
        }
        self.source = source;
        true
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.want.is_some()
    }

    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.source, Source::Fixed(_))
    }

    pub(super) fn current(&self, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.usable(now).map(|good| &good.keys)
    }

    /// Until when the set may be used if no fetch succeeds.
    pub(super) fn usable_until(&self) -> Option<Timestamp> {
        self.set.as_ref().map(|good| good.fresh_until.plus_millis(self.max_stale_ms))
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
        self.heed_clock(now);
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
        if self.in_flight.is_some() || self.is_wanted() || self.companions.following {
            return Lookup::Wait;
        }
        // Where the last fetch failed nobody can tell (law 2): only the next one, when it is due, decides.
        let failed = self.failures > 0;
        if failed && now < self.next_at {
            return Lookup::Unavailable;
        }
        let rested = failed || self.refetched_at.is_none_or(|last| now.millis_since(last) >= self.floor_ms);
        if !rested {
            return Lookup::UnknownKid;
        }
        self.want = Some(Want::Kid);
        Lookup::Wait
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let due = self.is_wanted() || now >= self.next_at;
        due && self.in_flight.is_none() && !self.is_fixed()
    }

    pub(super) fn start_if_due(&mut self, id: &str, now: Timestamp, tickets: &mut u64) -> Option<Fetch> {
        self.heed_clock(now);
        // Every issuer is asked on every tick: nothing is copied before it is needed.
        if !self.is_due(now) {
            return None;
        }
        let (endpoint, is_document) = match &self.source {
            Source::Jwks(_, endpoint) => (endpoint.clone(), false),
            Source::Discovery(document) => (document.clone(), true),
            Source::Fixed(_) => return None,
        };
        if self.want.take() == Some(Want::Kid) {
            self.refetched_at = Some(now);
        }
        *tickets = tickets.saturating_add(1);
        Some(self.launch(id, endpoint, is_document, now, now, *tickets))
    }

    pub(super) fn launch(
        &mut self,
        id: &str,
        endpoint: Endpoint,
        is_document: bool,
        began: Timestamp,
        now: Timestamp,
        ticket: u64,
    ) -> Fetch {
        let deadline = now.plus_millis(DEADLINE_MS);
        self.in_flight = Some(InFlight { ticket, began, deadline, endpoint: endpoint.clone(), is_document });
        Fetch { issuer: id.to_owned(), ticket, endpoint }
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Option<u64> {
        self.in_flight.as_ref().filter(|flight| now >= flight.deadline).map(|flight| flight.ticket)
    }

    pub(super) fn abandon(&mut self, ticket: u64) {
        if self.in_flight.take_if(|flight| flight.ticket == ticket).is_some() {
            self.want = Some(Want::Set);
        }
    }

    fn wait_or_give_up(&mut self, now: Timestamp) -> Lookup {
        if self.is_fixed() {
            // The control plane has none that may be used, and nobody here can get any.
            return Lookup::Unavailable;
        }
        if self.in_flight.is_some() {
            return Lookup::Wait;
        }
        if self.failures > 0 && now < self.next_at {
            return Lookup::Unavailable;
        }
        self.want = self.want.or(Some(Want::Set));
        Lookup::Wait
    }
}

/// A second more than the host's own timeout, so that its answer comes first.
pub(super) const DEADLINE_MS: i64 = FETCH_TIMEOUT_MS.saturating_add(1_000);

// === impl Source ===

impl Source {
    fn of(keys: &Keys) -> Self {
        match keys {
            Keys::Inline(_) => Self::Fixed(KeyRule::Inline),
            Keys::Carried(Carrier::Pushed, _) => Self::Fixed(KeyRule::Pushed),
            Keys::Carried(Carrier::ControlPlane, _) => Self::Fixed(KeyRule::ControlPlane),
            Keys::Jwks(rule, endpoint) => Self::Jwks(*rule, endpoint.clone()),
            Keys::Discovery(document) => Self::Discovery(document.clone()),
        }
    }
}

/// The set that comes with the policy.
fn fixed(keys: &Keys) -> Option<Good> {
    let keys = match keys {
        Keys::Inline(keys) => Some(keys),
        Keys::Carried(_, keys) => keys.as_ref(),
        Keys::Jwks(..) | Keys::Discovery(_) => None,
    };
    let end = Timestamp::from_millis(i64::MAX);
    keys.map(|keys| Good { keys: Arc::clone(keys), began: end, fresh_until: end })
}

fn refresh_ms(issuer: &Issuer) -> (i64, i64) {
    let (least, most) = issuer.refresh_ms;
    (i64::from(least), i64::from(most.max(least)))
}
