//! A compiled issuer with the bindings that name it, indexed by audience and subject.

use alloc::{string::String, sync::Arc, vec::Vec};

use hashbrown::HashMap;

use super::{
    binding::{Binding, BindingMatch, Unfit},
    fields::Fields,
    userinfo::UserInfoRules,
};
use crate::{
    claims::TimeRules,
    condition::Condition,
    denial::Denial,
    digest::Digest,
    endpoint::Endpoint,
    jose::{alg::Alg, key_set::KeySet},
    wire::{
        keys::KeyRule,
        snapshot::{AudienceRule, Carrier, Enforcement, Replay},
    },
};

/// An external party whose tokens are trusted.
#[derive(Debug)]
pub struct Issuer {
    /// Our name for it.
    pub id: Arc<str>,
    /// The exact `iss` text.
    pub iss: String,
    /// Cluster name.
    pub cluster: Option<String>,
    /// Algorithms it may use.
    pub algorithms: Vec<Alg>,
    /// Accepted `typ` values; `None`: the default list.
    pub typ: Option<Vec<String>>,
    /// How many audiences its tokens may name.
    pub audience: AudienceRule,
    /// How far its times are trusted.
    pub times: TimeRules,
    /// Where its keys are.
    pub keys: Keys,
    /// Seconds for which keys are used after fetches began to fail.
    pub max_stale: u32,
    /// Least milliseconds between two fetches caused by unknown `kid`s.
    pub refetch_floor_ms: u32,
    /// Least and most milliseconds between two refreshes.
    pub refresh_ms: (u32, u32),
    /// What is told of a workload beside its subject.
    pub fields: Fields,
    /// How its UserInfo endpoint is asked, if it is.
    pub userinfo: Option<UserInfoRules>,
    /// How often one of its tokens may be presented.
    pub replay: Replay,
    /// Whether that decides.
    pub replay_enforcement: Enforcement,
    /// Whether its tokens count.
    pub enforcement: Enforcement,
    /// Whether `http` URLs are accepted.
    pub allow_http: bool,
    /// Digest of the wire object, for the caches.
    pub digest: Digest,
    pub(crate) by_audience: HashMap<Arc<str>, Audience>,
    /// The bindings that are only tried out. Where the issuer itself is, they stand with the others, which give nothing
    /// either.
    pub(crate) on_trial: HashMap<Arc<str>, Audience>,
}

/// Where an issuer's keys are.
#[derive(Debug)]
pub enum Keys {
    /// Ask the discovery document at this address for the JWKS address.
    Discovery(Endpoint),
    /// Fetch the JWKS from this address, which is explicit or derived from `iss`.
    Jwks(KeyRule, Endpoint),
    /// The configuration holds them.
    Inline(Arc<KeySet>),
    /// The control plane has them; `None` while it has none that may be used.
    Carried(Carrier, Option<Arc<KeySet>>),
}

/// The bindings of one audience.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    pub(crate) by_subject: HashMap<String, Vec<Arc<Binding>>>,
    pub(crate) any_subject: Vec<Arc<Binding>>,
}

// === impl Issuer ===

impl Issuer {
    /// The one binding that fits a verified token among the clients that `admits` lets through.
    ///
    /// `holds` says whether a binding's condition is true; a binding without one is not asked about.
    pub fn binding_for(
        &self,
        audiences: &[String],
        subject: &str,
        now_secs: i64,
        admits: impl Fn(&str) -> bool,
        mut holds: impl FnMut(&Binding, &Condition) -> bool,
    ) -> Result<BindingMatch<'_>, Unfit<'_>> {
        let mut found: Option<&Arc<Binding>> = None;
        let mut failed: Option<&Arc<Binding>> = None;
        let mut several_failed = false;
        let mut known_elsewhere = false;
        for binding in fitting(&self.by_audience, audiences, subject) {
            if !binding.in_force(now_secs) {
                continue;
            }
            if !admits(&binding.client_id) {
                known_elsewhere = true;
                continue;
            }
            if !binding.condition_in_force().is_none_or(|condition| holds(binding, condition)) {
                several_failed |= failed.is_some_and(|other| !Arc::ptr_eq(other, binding));
                failed = Some(binding);
                continue;
            }
            match found {
                Some(other) if !Arc::ptr_eq(other, binding) => {
                    return Err(Denial::BindingAmbiguous.into());
                }
                _ => found = Some(binding),
            }
        }
        match (found, failed) {
            (Some(binding), _) => Ok(BindingMatch { binding }),
            (None, Some(_)) => {
                Err(Unfit { denial: Denial::ConditionFalse, binding: failed.filter(|_| !several_failed) })
            }
            (None, None) if known_elsewhere => Err(Denial::ClientUnknown.into()),
            (None, None) => Err(Denial::IdentityNotFound.into()),
        }
    }

    /// Whether one of its bindings is only tried out.
    pub fn has_trials(&self) -> bool {
        !self.on_trial.is_empty()
    }

    /// The binding that is tried out which would change what becomes of a verified token if it were in force, and what
    /// that would be. `is_found`: a binding in force fits. The other arguments are those of [`Self::binding_for`].
    pub fn trial_for(
        &self,
        audiences: &[String],
        subject: &str,
        now_secs: i64,
        is_found: bool,
        admits: &dyn Fn(&str) -> bool,
        holds: &mut dyn FnMut(&Binding, &Condition) -> bool,
    ) -> Option<(&Arc<Binding>, Result<(), Denial>)> {
        let mut found: Option<&Arc<Binding>> = None;
        let mut failed: Option<&Arc<Binding>> = None;
        for binding in fitting(&self.on_trial, audiences, subject) {
            if !binding.in_force(now_secs) || !admits(&binding.client_id) {
                continue;
            }
            if !binding.condition_in_force().is_none_or(|condition| holds(binding, condition)) {
                failed = Some(binding);
                continue;
            }
            if is_found || found.is_some_and(|other| !Arc::ptr_eq(other, binding)) {
                return Some((binding, Err(Denial::BindingAmbiguous)));
            }
            found = Some(binding);
        }
        match (found, failed) {
            (Some(binding), _) => Some((binding, Ok(()))),
            (None, Some(binding)) if !is_found => Some((binding, Err(Denial::ConditionFalse))),
            (None, _) => None,
        }
    }

    /// The only binding that a verified token can fit, whatever else becomes known of it; `None` if there are several.
    pub fn candidate(
        &self,
        audiences: &[String],
        subject: &str,
        now_secs: i64,
        admits: impl Fn(&str) -> bool,
    ) -> Result<Option<&Arc<Binding>>, Denial> {
        // What becomes known may make any condition true.
        match self.binding_for(audiences, subject, now_secs, admits, |_, _| true) {
            Ok(found) => Ok(Some(found.binding)),
            Err(Unfit { denial: Denial::BindingAmbiguous, .. }) => Ok(None),
            Err(Unfit { denial, .. }) => Err(denial),
        }
    }
}

/// The bindings of `index` for one of the audiences and the subject.
fn fitting<'i>(
    index: &'i HashMap<Arc<str>, Audience>,
    audiences: &[String],
    subject: &str,
) -> impl Iterator<Item = &'i Arc<Binding>> {
    audiences.iter().filter_map(|audience| index.get(audience.as_str())).flat_map(move |entry| {
        let exact = entry.by_subject.get(subject).map(Vec::as_slice).unwrap_or_default();
        exact.iter().chain(&entry.any_subject)
    })
}
