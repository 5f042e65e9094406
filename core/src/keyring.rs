//! The key sets of all issuers: when to fetch, what a fetch means, what a request may use.
//!
//! Deliberately absent: the fetching itself and the waiting requests, which belong to the shell.

mod answer;
mod clock;
mod discovery;
mod failure;
mod freshness;
mod issuer_keys;
mod report;
mod shared;

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};

use hashbrown::HashMap;

use self::{answer::Ended, issuer_keys::IssuerKeys, shared::Turn};
pub use self::{
    failure::FetchFailure,
    freshness::Hints,
    report::{Receipt, unused, used},
    shared::{Board, Holder, LEASE_MS, MAX_RECORD_BYTES, Record, SharedSet, Sharing, UNWRITTEN},
};
use crate::{
    endpoint::Endpoint,
    jose::{alg::Alg, key_set::KeySet},
    policy::{Issuer, Policy},
    time::Timestamp,
};

/// Milliseconds after which a fetch counts as failed.
pub const FETCH_TIMEOUT_MS: i64 = 10_000;

/// Most bytes of a discovery document or key set.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// The key sets of all issuers of a policy.
#[derive(Debug, Default)]
pub struct Keyring {
    issuers: HashMap<String, IssuerKeys>,
    tickets: u64,
    alarms: Vec<Alarm>,
    sharing: Option<Sharing>,
}

/// What there is to do and to know at a tick.
#[derive(Debug, Default)]
pub struct Attended {
    /// Fetches to make. Each is in flight until [`Keyring::conclude`] or its timeout.
    pub fetches: Vec<Fetch>,
    /// Issuers whose keys another VM has fetched, or failed to: resume their waiters.
    pub learned: Vec<String>,
    /// Whether another VM is awaited: look again soon if requests wait.
    pub follows: bool,
}

/// An issuer publishes keys that must stay secret. They are not used, and neither is anything that they sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The issuer's id.
    pub issuer: String,
    /// The `kid`s of the private and symmetric keys, those of sane length.
    pub kids: Vec<Option<String>>,
}

/// What a request may do with an issuer's keys.
#[derive(Debug)]
pub enum Lookup {
    /// Try the candidates of this set.
    Keys(Arc<KeySet>),
    /// Wait for the fetch that runs or is due.
    Wait,
    /// A good, recent set has no such key.
    UnknownKid,
    /// Nothing can be said: no usable keys, or the fetch that would tell has failed.
    Unavailable,
}

/// One HTTP request to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The issuer's id.
    pub issuer: String,
    /// Number of this fetch; an answer to an older one is ignored.
    pub ticket: u64,
    /// What to get.
    pub endpoint: Endpoint,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug)]
pub enum Fetched<'a> {
    /// An HTTP answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its body, at most [`MAX_BODY_BYTES`].
        body: &'a [u8],
        /// Seconds for which it says it is fresh, see [`Hints::fresh_secs`].
        max_age: Option<u32>,
    },
    /// An answer of more than [`MAX_BODY_BYTES`].
    TooLarge,
    /// No answer: refused, reset or timed out.
    Failed,
    /// The host did not take the call: its cluster is about to come up or has no address yet.
    NotTaken,
    /// Not even asked: no Envoy cluster reaches the host.
    NoCluster,
}

/// What follows from an ended fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Fetch this next.
    Next(Fetch),
    /// The issuer's keys are as good as they get: resume its waiters.
    Settled {
        /// The issuer's id.
        issuer: String,
        /// Why it failed, for the operator.
        failure: Option<FetchFailure>,
    },
    /// Nothing: an answer to a fetch that nobody waits for any more, or a call that was not taken, after which the next
    /// [`Keyring::attend`] begins the fetch again.
    Ignored,
}

// === impl Keyring ===

impl Keyring {
    /// Follows a new policy: keeps the sets of issuers whose keys come from where they came from, forgets those of
    /// issuers that are gone, prefetches the others.
    pub fn adopt(&mut self, policy: &Policy, now: Timestamp) {
        self.issuers.retain(|id, keys| policy.issuer(id).is_some_and(|issuer| keys.follow(issuer, now)));
        for issuer in policy.issuers() {
            if !self.issuers.contains_key(&*issuer.id) {
                self.issuers.insert((*issuer.id).into(), IssuerKeys::new(issuer, now));
            }
        }
    }

    /// The issuer's keys if they are usable now.
    pub fn current(&self, issuer: &str, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.issuers.get(issuer)?.current(now)
    }

    /// What a request that arrived at `arrived` may do about a token with this `kid`.
    pub fn lookup(
        &mut self,
        issuer: &Issuer,
        kid: Option<&str>,
        alg: Alg,
        arrived: Timestamp,
        now: Timestamp,
    ) -> Lookup {
        let keys = self.issuers.entry_ref(&*issuer.id).or_insert_with(|| IssuerKeys::new(issuer, now));
        keys.lookup(kid, alg, arrived, now)
    }

    /// Shares fetches with other VMs from now on, or with none.
    pub fn share(&mut self, sharing: Option<Sharing>) {
        self.sharing = sharing;
        self.issuers.values_mut().for_each(IssuerKeys::forget_place);
    }

    /// Records and leases on the board that were none of ours, since the last call.
    pub fn take_invalid(&mut self) -> u64 {
        self.sharing.as_mut().map_or(0, Sharing::take_invalid)
    }

    /// Sees to the issuers for which a fetch is due or wanted: learns on `board` what other VMs have fetched, and begins
    /// what is left, at most one fetch per issuer.
    pub fn attend(&mut self, board: &dyn Board, now: Timestamp) -> Attended {
        let Self { issuers, tickets, sharing, .. } = self;
        let mut attended = Attended::default();
        for (id, keys) in issuers {
            keys.heed_clock(now);
            if !keys.is_due(now) {
                keys.companions.following = false;
                continue;
            }
            let turn = sharing.as_mut().map_or(Turn::Fetch, |sharing| keys.turn(id, sharing, board, now));
            match turn {
                Turn::Follow => attended.follows = true,
                Turn::Learned => attended.learned.push(id.clone()),
                Turn::Fetch => attended.fetches.extend(keys.start_if_due(id, now, tickets)),
            }
        }
        attended
    }

    /// Fetches that are due where nothing is shared.
    #[cfg(test)]
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Fetch> {
        self.attend(&(), now).fetches
    }

    /// Whether a request waits for a fetch that has not begun.
    pub fn is_fetch_wanted(&self) -> bool {
        self.issuers.values().any(IssuerKeys::is_wanted)
    }

    /// Takes the end of a fetch and tells the other VMs. `random` spreads refreshes and retries.
    pub fn conclude(
        &mut self,
        board: &dyn Board,
        issuer: &str,
        ticket: u64,
        fetched: Fetched<'_>,
        now: Timestamp,
        random: u32,
    ) -> Progress {
        let progress = self.finish(issuer, ticket, fetched, now, random);
        let (Some(sharing), Some(keys)) = (&mut self.sharing, self.issuers.get_mut(issuer)) else {
            return progress;
        };
        match (&progress, fetched) {
            (Progress::Ignored, _) => {}
            (Progress::Next(_), _) => keys.renew(issuer, sharing, board, now),
            (Progress::Settled { failure: None, .. }, Fetched::Answer { body, .. }) => {
                keys.publish(issuer, sharing, board, now, Some(body));
            }
            (Progress::Settled { .. }, _) => keys.publish(issuer, sharing, board, now, None),
        }
        progress
    }

    /// Takes the end of a fetch and keeps it for this VM.
    pub(crate) fn finish(
        &mut self,
        issuer: &str,
        ticket: u64,
        fetched: Fetched<'_>,
        now: Timestamp,
        random: u32,
    ) -> Progress {
        let Some(keys) = self.issuers.get_mut(issuer) else { return Progress::Ignored };
        let Ended { progress, alarm } = keys.finish(issuer, ticket, fetched, now, random);
        self.alarms.extend(alarm.map(|kids| Alarm { issuer: issuer.to_owned(), kids }));
        progress
    }

    /// What the operator must be told: at most one alarm for each fetch since the last call, and none for a set whose
    /// private keys are those of the set before.
    pub fn take_alarms(&mut self) -> Vec<Alarm> {
        core::mem::take(&mut self.alarms)
    }

    /// Takes back a fetch whose caller is gone; it is due again at once and does not count as a failure.
    pub fn abandon(&mut self, issuer: &str, ticket: u64) {
        if let Some(keys) = self.issuers.get_mut(issuer) {
            keys.abandon(ticket);
        }
    }

    /// Ends fetches whose answer never came (a dead root context takes its callouts with it).
    pub fn expire(&mut self, board: &dyn Board, now: Timestamp, random: u32) -> Vec<Progress> {
        let expired: Vec<(String, u64)> = self
            .issuers
            .iter()
            .filter_map(|(id, keys)| keys.overdue(now).map(|ticket| (id.to_owned(), ticket)))
            .collect();
        expired
            .into_iter()
            .map(|(id, ticket)| self.conclude(board, &id, ticket, Fetched::Failed, now, random))
            .collect()
    }
}

#[cfg(test)]
mod tests;
