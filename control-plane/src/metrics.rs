//! What `/metrics` tells: counts since the service started, and what the store and the instances say now.
//!
//! No client library: there are few metrics, all of one place, and their text is simple. Every label has few values, none
//! of which a caller chooses. Deliberately absent: identities, paths and anything of a token.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cambist_core::{
    denial::Denial,
    flow::Counted,
    wire::{event::Outcome, snapshot::GrantType},
};

mod families;
mod gathered;
mod histogram;
mod text;

pub use self::{
    families::{FAMILIES, Family, Form},
    gathered::render,
    histogram::{Histogram, Stopwatch},
};

/// What was counted since the service started.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
    requests: Mutex<BTreeMap<&'static str, Histogram>>,
    writes: Mutex<BTreeMap<&'static str, Histogram>>,
}

/// Counts by the values of their labels.
#[derive(Clone, Debug, Default)]
struct Counts {
    decisions: BTreeMap<&'static str, u64>,
    shadows: BTreeMap<&'static str, u64>,
    /// By way and grant.
    mints: BTreeMap<(&'static str, &'static str), u64>,
    /// By gateway and outcome.
    events: BTreeMap<(String, &'static str), u64>,
    /// By gateway.
    duplicates: BTreeMap<String, u64>,
    /// Of gateways, by reason.
    refusals: BTreeMap<&'static str, u64>,
}

// === impl Metrics ===

impl Metrics {
    /// Counts a decision of the control plane.
    pub fn decided(&self, counted: Counted) {
        add(&mut self.counts().decisions, counted.name(), 1);
    }

    /// Counts what a rule that is not in force would have decided here.
    pub fn shadowed(&self, denial: Option<Denial>) {
        add(&mut self.counts().shadows, denial.map_or(PASSED, Denial::reason), 1);
    }

    /// Counts a mint of the control plane, for one of its own callers or for a gateway's route.
    pub fn minted(&self, grant: Option<GrantType>) {
        let way = if grant.is_some() { "token_endpoint" } else { "control_plane" };
        add(&mut self.counts().mints, (way, name(grant)), 1);
    }

    /// Counts the events of a batch that a gateway sent; those up to `known` came before.
    pub fn reported(&self, gateway: &str, told: &[Reported], known: u64) {
        let mut counts = self.counts();
        add(&mut counts.duplicates, gateway.to_owned(), 0);
        for Reported { sequence, outcome, reason, grant, count } in told {
            if *sequence <= known {
                add(&mut counts.duplicates, gateway.to_owned(), 1);
                continue;
            }
            add(&mut counts.events, (gateway.to_owned(), outcome), *count);
            if let Some(reason) = reason {
                add(&mut counts.refusals, reason, *count);
            } else if *outcome == MINT {
                add(&mut counts.mints, ("gateway", grant), *count);
            }
        }
    }

    /// Notes how long a request took. `path` decides its surface; those that are held open are not measured.
    pub fn answered(&self, path: &str, took: core::time::Duration) {
        if let Some(surface) = surface(path) {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.entry(surface).or_default().note(took);
        }
    }

    /// Notes how long it took until `what` was on disk.
    pub fn written(&self, what: &'static str, took: core::time::Duration) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.entry(what).or_default().note(took);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The surfaces whose requests are measured.
const SURFACES: [&str; 3] = ["admin", "events", "token"];
/// What is written and measured.
const WRITES: [&str; 3] = ["events", "mint", "sightings"];
const PASSED: &str = "passed";
const MINT: &str = "mint";
const OUTCOMES: [&str; 3] = [MINT, "denial", "shadow"];
/// Every way of a mint with a grant of its.
const MINTS: [(&str, &str); 5] = [
    ("control_plane", "none"),
    ("gateway", "none"),
    ("token_endpoint", "client_credentials"),
    ("token_endpoint", "jwt_bearer"),
    ("token_endpoint", "token_exchange"),
];

/// What is counted of an event of a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Reported {
    sequence: u64,
    outcome: &'static str,
    reason: Option<&'static str>,
    grant: &'static str,
    count: u64,
}

// === impl Reported ===

impl Reported {
    /// What is counted of the event with this sequence, outcome, reason and grant that stands for `count` of its kind.
    pub fn new(
        sequence: u64,
        outcome: Outcome,
        reason: Option<&str>,
        grant: Option<GrantType>,
        count: u64,
    ) -> Self {
        let reason = reason.map(|reason| {
            // A gateway of another version may know other reasons.
            Denial::ALL.into_iter().map(Denial::reason).find(|known| *known == reason).unwrap_or("other")
        });
        let outcome = match outcome {
            Outcome::Mint => MINT,
            Outcome::Denial => "denial",
            Outcome::Shadow => "shadow",
        };
        Self { sequence, outcome, reason, grant: name(grant), count }
    }

    /// Its position in the instance's stream.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }
}

const fn name(grant: Option<GrantType>) -> &'static str {
    match grant {
        Some(GrantType::JwtBearer) => "jwt_bearer",
        Some(GrantType::TokenExchange) => "token_exchange",
        Some(GrantType::ClientCredentials) => "client_credentials",
        None => "none",
    }
}

fn surface(path: &str) -> Option<&'static str> {
    match path {
        "/gateway/v1/events" => Some("events"),
        "/gateway/v1/mint" => Some("token"),
        path if path.starts_with("/v1/auth/") || path.ends_with("/oauth2/v1/token") => Some("token"),
        path if path.starts_with("/v1/") => Some("admin"),
        _ => None,
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, amount: u64) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(amount);
}

#[cfg(test)]
mod tests;
