//! What an instance tells of its keys, and when.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};

use super::{
    Keyring,
    issuer_keys::{IssuerKeys, Source},
};
use crate::{
    jose::{
        alg::Alg,
        jwk::VerificationKey,
        key_set::{KeySet, SkippedKey},
    },
    time::Timestamp,
    wire::keys::{self as wire, KeyRule, UnusedKey, UsedKey},
};

/// Milliseconds that a change waits for company.
const CHANGE_MS: i64 = 1_000;
/// Least milliseconds between two reports in which only times differ.
const DRIFT_MS: i64 = 60_000;
/// Milliseconds after which everything is told again.
const AGAIN_MS: i64 = 300_000;

/// When an issuer's keys are reported next.
#[derive(Debug)]
pub(super) struct Reporting {
    /// Grows with every change worth telling.
    revision: u64,
    reported_at: Option<Timestamp>,
    next_at: Timestamp,
}

/// A report that was taken, to be given back when it has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    issuer: String,
    revision: u64,
}

/// The usable keys of a set, with those of `algorithms` that each may verify.
pub fn used(set: &KeySet, algorithms: &[Alg]) -> Vec<UsedKey> {
    let one = |key: &Arc<VerificationKey>| UsedKey {
        kid: key.kid().map(ToOwned::to_owned),
        algorithms: algorithms
            .iter()
            .filter(|alg| key.fits(**alg))
            .map(|alg| alg.name().to_owned())
            .collect(),
    };
    set.keys().iter().map(one).collect()
}

/// The other keys of a set, and why they are not usable.
pub fn unused(set: &KeySet) -> Vec<UnusedKey> {
    let one = |key: &SkippedKey| UnusedKey {
        index: key.index,
        kid: key.kid.clone(),
        reason: key.reason.to_string(),
    };
    set.skipped().iter().map(one).collect()
}

// === impl Reporting ===

impl Reporting {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { revision: 0, reported_at: None, next_at: now.plus_millis(CHANGE_MS) }
    }

    /// What is told has changed.
    pub(super) fn changed(&mut self, now: Timestamp) {
        self.revision = self.revision.saturating_add(1);
        self.next_at = self.next_at.min(now.plus_millis(CHANGE_MS));
    }

    /// Only times have changed.
    pub(super) fn drifted(&mut self, now: Timestamp) {
        let earliest = self.reported_at.unwrap_or(now).plus_millis(DRIFT_MS);
        self.next_at = self.next_at.min(earliest.max(now.plus_millis(CHANGE_MS)));
    }

    /// Does not wait for a time that the clock was set back from.
    pub(super) fn heed_clock(&mut self, now: Timestamp) {
        self.reported_at = self.reported_at.map(|last| last.min(now));
        self.next_at = self.next_at.min(now.plus_millis(AGAIN_MS));
    }
}

// === impl Keyring ===

impl Keyring {
    /// Whether something is to be reported.
    pub fn is_report_due(&self, now: Timestamp) -> bool {
        self.issuers.values().any(|keys| keys.reporting.next_at <= now)
    }

    /// Up to `most` reports that are due. They stay due until [`Self::reported`].
    pub fn reports(&self, now: Timestamp, most: usize) -> Vec<(Receipt, wire::IssuerKeys)> {
        let due = self.issuers.iter().filter(|(_, keys)| keys.reporting.next_at <= now).take(most);
        due.map(|(id, keys)| {
            (Receipt { issuer: id.clone(), revision: keys.reporting.revision }, keys.report(id))
        })
        .collect()
    }

    /// What is known of one issuer's keys, whether that is to be reported or not.
    pub fn report(&self, issuer: &str) -> Option<wire::IssuerKeys> {
        self.issuers.get(issuer).map(|keys| keys.report(issuer))
    }

    /// Notes that reports have arrived. What has changed meanwhile is due again.
    pub fn reported(&mut self, receipts: &[Receipt], now: Timestamp) {
        for Receipt { issuer, revision } in receipts {
            let Some(keys) = self.issuers.get_mut(issuer) else { continue };
            let reporting = &mut keys.reporting;
            reporting.reported_at = Some(now);
            let wait = if reporting.revision == *revision { AGAIN_MS } else { CHANGE_MS };
            reporting.next_at = now.plus_millis(wait);
        }
    }
}

impl IssuerKeys {
    fn report(&self, id: &str) -> wire::IssuerKeys {
        let (source, url) = match &self.source {
            Source::Fixed(rule) => (*rule, None),
            Source::Jwks(rule, endpoint) => (*rule, Some(endpoint.url())),
            Source::Discovery(document) => (KeyRule::Discovery, Some(document.url())),
        };
        let keys = self.set.as_ref().map(|good| &*good.keys);
        let fetches = !self.is_fixed();
        let set = self.set.as_ref().filter(|_| fetches);
        wire::IssuerKeys {
            issuer: id.to_owned(),
            source,
            url,
            keys: keys.map(|keys| used(keys, &Alg::ALL)).unwrap_or_default(),
            skipped: keys.map(unused).unwrap_or_default(),
            fetched_at: set.map(|good| good.began.millis()),
            next_fetch_at: fetches.then_some(self.next_at.millis()),
            usable_until: set.and_then(|_| self.usable_until()).map(Timestamp::millis),
            last_error: self.last_failure.map(|failure| failure.to_string()),
        }
    }
}
