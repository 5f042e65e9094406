//! Denials of tokens that nobody verified: anyone can cause as many as they like, so that of each kind one is written at
//! once, and those that follow within a while as one row with their number.

use core::mem;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use cambist_core::{
    time::Timestamp,
    wire::{event::Event, snapshot::GrantType},
};

use super::Caller;

/// How long denials are gathered, in milliseconds.
const WINDOW_MS: i64 = 10_000;
/// Kinds that are told apart at once; what comes on top goes with the others of its caller.
const MOST_KINDS: usize = 256;

/// What makes denials one kind: tenant, who asked, reason and grant.
type Kind = (String, String, Option<String>, Option<GrantType>);

/// Denials that are gathered.
#[derive(Debug, Default)]
pub(super) struct Denials(Mutex<HashMap<Kind, Gathered>>);

#[derive(Debug)]
struct Gathered {
    since: Timestamp,
    /// The last one that came after the first, which was written, and how many they were.
    later: Option<(Caller, Event, u64)>,
}

// === impl Denials ===

impl Denials {
    /// Takes a denial. It is to be written when it is given back.
    pub(super) fn note(
        &self,
        tenant: &str,
        caller: Caller,
        event: Event,
        now: Timestamp,
    ) -> Option<(Caller, Event)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (tenant.to_owned(), caller.actor.clone(), event.reason.clone(), event.grant);
        if all.len() >= MOST_KINDS && !all.contains_key(&kind) {
            kind = (tenant.to_owned(), String::new(), None, None);
        }
        let Some(gathered) = all.get_mut(&kind) else {
            all.insert(kind, Gathered { since: now, later: None });
            return Some((caller, event));
        };
        let before = gathered.later.take().map_or(0, |(_, _, count)| count);
        gathered.later = Some((caller, event, before.saturating_add(1)));
        None
    }

    /// What is to be written of windows that are over at `now`, or of all of them.
    pub(super) fn due(&self, now: Option<Timestamp>) -> Vec<(String, Caller, Event)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Timestamp| now.is_none_or(|now| now.millis_since(since) >= WINDOW_MS);
        let (over, open) =
            mem::take(&mut *all).into_iter().partition(|(_, gathered)| is_over(gathered.since));
        *all = open;
        let over: HashMap<Kind, Gathered> = over;
        let row = |((tenant, ..), Gathered { later, .. }): (Kind, Gathered)| {
            later.map(|(caller, event, count)| (tenant, caller, Event { count, ..event }))
        };
        over.into_iter().filter_map(row).collect()
    }
}
