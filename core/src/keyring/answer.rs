//! What the end of a fetch does to an issuer's keys.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};

use super::{
    FetchFailure, Fetched, MAX_BODY_BYTES, Progress, discovery,
    issuer_keys::{Good, InFlight, IssuerKeys, Want},
};
use crate::{backoff, jose::key_set::KeySet, time::Timestamp};

/// How long a set is fresh that does not say so.
const REFRESH_DEFAULT_MS: i64 = 300_000;
const RETRY_MOST_MS: i64 = 30_000;
/// Without keys every request is refused, so the next try must not be far away.
const RETRY_MOST_COLD_MS: i64 = 4_000;
/// The latest retry after a failure, its jitter included.
pub(super) const RETRY_LATEST_MS: i64 = 33_000;

/// How often in a row a fetch begins again on the next tick because the host did not take its call. Envoy takes none
/// while a cluster has no address: for some milliseconds after its start, or for as long as a name does not resolve.
pub(super) const MOST_NOT_TAKEN: u8 = 10;

/// What an ended fetch means, and private keys that it was the first to show, by `kid`.
pub(super) struct Ended {
    pub(super) progress: Progress,
    pub(super) alarm: Option<Vec<Option<String>>>,
}

impl IssuerKeys {
    pub(super) fn finish(
        &mut self,
        id: &str,
        ticket: u64,
        fetched: Fetched<'_>,
        now: Timestamp,
        random: u32,
    ) -> Ended {
        let Some(flight) = self.in_flight.take_if(|flight| flight.ticket == ticket) else {
            return Ended { progress: Progress::Ignored, alarm: None };
        };
        if matches!(fetched, Fetched::NotTaken) && self.not_taken < MOST_NOT_TAKEN {
            self.not_taken = self.not_taken.saturating_add(1);
            self.want = self.want.or(Some(Want::Set));
            return Ended { progress: Progress::Ignored, alarm: None };
        }
        let mut alarm = None;
        let result = match fetched {
            Fetched::TooLarge => Err(FetchFailure::TooLarge),
            Fetched::Answer { body, .. } if body.len() > MAX_BODY_BYTES => Err(FetchFailure::TooLarge),
            Fetched::Failed | Fetched::NotTaken => Err(FetchFailure::Unreachable),
            Fetched::NoCluster => Err(FetchFailure::NoCluster),
            Fetched::Answer { status: 200, body, max_age } if !flight.is_document => {
                KeySet::parse(body).map_err(FetchFailure::from).and_then(|keys| {
                    alarm = self.note_private(&keys);
                    self.adopt_answer(keys, max_age, &flight, now, random)
                })
            }
            Fetched::Answer { status: 200, body, .. } => {
                match discovery::jwks_endpoint(body, &self.iss, &flight.endpoint, self.allow_http) {
                    Ok(endpoint) => {
                        let next = self.launch(id, endpoint, false, flight.began, now, ticket);
                        return Ended { progress: Progress::Next(next), alarm: None };
                    }
                    Err(failure) => Err(failure),
                }
            }
            Fetched::Answer { status, .. } => Err(FetchFailure::of_status(status)),
        };
        // Not where a document leads on: were the call for the keys never taken, it would be asked for on every tick.
        self.not_taken = 0;
        self.companions.ended_at = Some(now);
        let failure = result.err();
        if let Some(failure) = failure {
            self.fail(failure, now, random);
        }
        Ended { progress: Progress::Settled { issuer: id.to_owned(), failure }, alarm }
    }

    fn fail(&mut self, failure: FetchFailure, now: Timestamp, random: u32) {
        self.failures = self.failures.saturating_add(1);
        let cold = backoff::delay_ms(self.failures, RETRY_MOST_COLD_MS, random).min(RETRY_MOST_COLD_MS);
        let cold = now.plus_millis(cold);
        self.next_at = match self.usable_until().filter(|end| now < *end) {
            // Tried again when the set becomes unusable, if not before.
            Some(end) => {
                now.plus_millis(backoff::delay_ms(self.failures, RETRY_MOST_MS, random)).min(end.max(cold))
            }
            None => cold,
        };
        if self.last_failure.replace(failure) == Some(failure) {
            self.reporting.drifted(now);
        } else {
            self.reporting.changed(now);
        }
    }

    fn adopt_answer(
        &mut self,
        keys: KeySet,
        max_age: Option<u32>,
        flight: &InFlight,
        now: Timestamp,
        random: u32,
    ) -> Result<(), FetchFailure> {
        if keys.is_empty() {
            return Err(FetchFailure::NoUsableKey);
        }
        let (least, most) = self.refresh_ms;
        let said = max_age.map_or(REFRESH_DEFAULT_MS, |seconds| i64::from(seconds).saturating_mul(1_000));
        let fresh = backoff::jitter_down(said.max(least).min(most), random).max(least);
        self.next_at = now.plus_millis(fresh);
        self.failures = 0;
        self.adopt_set(keys, flight.began.min(now), self.next_at, now);
        Ok(())
    }

    /// A good fetch replaces the set: a key that is gone is gone (attack J3).
    pub(super) fn adopt_set(
        &mut self,
        keys: KeySet,
        began: Timestamp,
        fresh_until: Timestamp,
        now: Timestamp,
    ) {
        let is_same = self.set.as_ref().is_some_and(|before| before.keys.looks_like(&keys));
        self.set = Some(Good { keys: Arc::new(keys), began, fresh_until });
        if self.last_failure.take().is_none() && is_same {
            self.reporting.drifted(now);
        } else {
            self.reporting.changed(now);
        }
    }

    /// Notes the private keys of a set; those by `kid` unless they are the ones of the set before.
    pub(super) fn note_private(&mut self, keys: &KeySet) -> Option<Vec<Option<String>>> {
        let secret = keys.skipped().iter().filter(|key| key.is_secret());
        let private: Vec<_> = secret.map(|key| key.kid.clone()).collect();
        let is_news = !private.is_empty() && private != self.private;
        self.private = private;
        is_news.then(|| self.private.clone())
    }
}
