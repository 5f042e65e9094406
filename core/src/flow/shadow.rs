//! Shadow mode: rules that are tried out. They are followed, counted and recorded; the request is decided as if they were
//! absent.
//!
//! A rule is tried alone, beside all that is in force. Deliberately absent: waiting. Nothing that is only tried out holds a
//! request up, so what is not known yet counts as unavailable.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    Ambient, State, Step,
    grant::{Desk, Granted, verify_by},
    halt::Halt,
    report::{Subject, denial_event},
    terms::Terms,
    verdict::Judge,
    visit::Visit,
};
use crate::{
    denial::Denial,
    digest::Digest,
    jose::jwt::UntrustedJwt,
    keyring::Keyring,
    policy::Issuer,
    time::Timestamp,
    token_cache::{Verified, VerifiedTokens},
    wire::{
        event::{Event, Outcome, Shadow},
        snapshot::{Enforcement, GrantType},
    },
};

/// What a rule that is not in force would have decided about a request.
#[derive(Debug)]
pub struct Shadowed {
    /// Why it would have refused the request; `None`: it would have let it pass.
    pub denial: Option<Denial>,
    /// What to record beside the decision; absent where the decision's own event says it, or it was recorded before.
    pub event: Option<Box<Event>>,
}

/// A rule that is tried out, by the id of whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule<'a> {
    /// An issuer.
    Issuer(&'a str),
    /// The replay rule of an issuer.
    Replay(&'a str),
    /// A binding.
    Binding(&'a str),
    /// The condition of a binding.
    Condition(&'a str),
    /// The condition of a route.
    Route(&'a str),
}

/// What a rule would have decided, while the decision is made.
#[derive(Debug)]
pub(super) struct Note {
    rule: String,
    denial: Option<Denial>,
    /// Whether a good end is worth a record: an issuer's or a binding's would have been another end.
    tells_all: bool,
    route: Option<String>,
    grant: Option<GrantType>,
    /// Whom it is about, where it is to be recorded.
    news: Option<Box<Subject>>,
}

// === impl Rule ===

impl Rule<'_> {
    fn name(self) -> String {
        match self {
            Self::Issuer(id) => format!("issuer/{id}"),
            Self::Replay(id) => format!("issuer/{id}/replay"),
            Self::Binding(id) => format!("binding/{id}"),
            Self::Condition(id) => format!("binding/{id}/condition"),
            Self::Route(id) => format!("route/{id}/condition"),
        }
    }
}

impl Desk<'_> {
    /// Notes what `rule` would have decided. [`Self::settle`] says later whether that is news.
    #[cold]
    pub(super) fn note(self, rule: Rule<'_>, denial: Option<Denial>, visit: &mut Visit<'_>) {
        let grant = match self.terms {
            Terms::Grant(application) => Some(application.kind),
            Terms::Route(_) | Terms::Actor => None,
        };
        visit.notes.push(Note {
            rule: rule.name(),
            denial,
            tells_all: matches!(rule, Rule::Issuer(_) | Rule::Binding(_)),
            route: self.terms.route().map(|route| route.id.clone()),
            grant,
            news: None,
        });
    }

    /// Finds out which of the notes are news of this token on this route, and whom they are about.
    #[cold]
    pub(super) fn settle(
        self,
        granted: Option<&Granted<'_>>,
        verified: &mut Verified,
        visit: &mut Visit<'_>,
    ) {
        for note in &mut visit.notes {
            let reason = note.denial.map_or("", Denial::reason);
            let route = note.route.as_deref().unwrap_or_default();
            let what = Digest::of_parts([note.rule.as_bytes(), reason.as_bytes(), route.as_bytes()]);
            if note.news.is_none() && (note.denial.is_some() || note.tells_all) && verified.is_news(what) {
                note.news = Some(Box::new(self.subject(granted, verified)));
            }
        }
    }

    /// Whether something is tried out on a request of `granted`.
    pub(super) fn has_trials(self, granted: &Granted<'_>, visit: &Visit<'_>) -> bool {
        granted.issuer.has_trials()
            || granted.binding.condition_on_trial().is_some()
            || self.terms.route().is_some_and(|route| route.condition_on_trial().is_some())
            || !visit.notes.is_empty()
    }

    /// Follows the rules that are tried out on a verified token, of which all else is decided.
    #[cold]
    pub(super) fn try_rules(
        self,
        issuer: &Issuer,
        granted: Option<&Granted<'_>>,
        verified: &mut Verified,
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) {
        self.try_bindings(issuer, granted.is_some(), verified, visit, now);
        if let Some(Granted { binding, .. }) = granted {
            let Verified { audiences, subject, userinfo, verdicts, .. } = &mut *verified;
            let mut judge = Judge::new(self, issuer, audiences, subject, userinfo.as_ref(), verdicts);
            let of_binding = binding.condition_on_trial().map(|on| (Rule::Condition(&binding.id), on));
            let route = self.terms.route();
            let of_route =
                route.and_then(|route| Some((Rule::Route(&route.id), route.condition_on_trial()?)));
            for (rule, condition) in of_binding.into_iter().chain(of_route) {
                let denial = (!judge.holds(binding, condition)).then_some(Denial::ConditionFalse);
                self.note(rule, denial, visit);
            }
        }
        self.settle(granted, verified, visit);
    }

    /// Follows an issuer that is tried out, or bindings with audiences to themselves, on a token that nobody in force takes.
    /// Says whom it is about, if the token is good.
    #[cold]
    pub(super) fn try_issuer(
        self,
        keyring: &mut Keyring,
        tokens: &mut VerifiedTokens,
        visit: &mut Visit<'_>,
        ambient: &Ambient<'_>,
    ) -> Option<Subject> {
        let jwt = UntrustedJwt::parse(self.token).ok()?;
        let iss = jwt.iss().filter(|iss| self.is_foreign(iss))?;
        let issuer = self.policy.issuer_on_trial(iss, jwt.claims().ok()?.audiences())?;
        let is_tried = issuer.enforcement == Enforcement::Audit;
        let is_known = tokens.get(self.token).is_some_and(|known| {
            known.issuer == issuer.id
                && known.issuer_digest == issuer.digest
                && keyring
                    .current(&issuer.id, ambient.now)
                    .is_some_and(|keys| keys.contains_thumbprint(&known.thumbprint))
        });
        if !is_known {
            match verify_by(issuer, jwt, keyring, visit.arrived, ambient) {
                Ok(fresh) => tokens.put(self.token, fresh),
                Err(halt) => {
                    // What an issuer in force would say of it is the same whatever its bindings are.
                    let rule = Rule::Issuer(&issuer.id);
                    if is_tried {
                        self.note(rule, Some(denial_of(&halt)), visit);
                    }
                    return None;
                }
            }
        }
        let verified = tokens.get(self.token)?;
        let mut about = None;
        if let Err(denial) = verified.times.check(&issuer.times, ambient.now) {
            if is_tried {
                self.note(Rule::Issuer(&issuer.id), Some(denial), visit);
            }
        } else if is_tried {
            let granted = self.authorize(issuer, verified, ambient.now);
            self.note(Rule::Issuer(&issuer.id), granted.as_ref().err().map(denial_of), visit);
            self.settle(granted.as_ref().ok(), verified, visit);
            about = Some(self.subject(granted.as_ref().ok(), verified));
        } else {
            self.try_bindings(issuer, false, verified, visit, ambient.now);
            self.settle(None, verified, visit);
        }
        tokens.reweigh(self.token);
        about
    }

    /// Follows the bindings of an issuer in force that are tried out; `is_found`: one that is in force fits.
    fn try_bindings(
        self,
        issuer: &Issuer,
        is_found: bool,
        verified: &mut Verified,
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) {
        if !issuer.has_trials() {
            return;
        }
        let Verified { audiences, subject, userinfo, verdicts, .. } = &mut *verified;
        let mut judge = Judge::new(self, issuer, audiences, subject, userinfo.as_ref(), verdicts);
        let trial = issuer.trial_for(
            audiences,
            subject,
            now.secs(),
            is_found,
            &|client| self.admits(client),
            &mut |binding, condition| judge.holds(binding, condition),
        );
        let Some((binding, outcome)) = trial else { return };
        // The route's own condition is in force, and so are revocations and scopes.
        let admitted = self.terms.condition().is_none_or(|condition| judge.holds(binding, condition));
        let outcome = outcome.and_then(|()| {
            self.may(&Granted { issuer, binding }, verified)?;
            if admitted { Ok(()) } else { Err(Denial::ConditionFalse) }
        });
        self.note(Rule::Binding(&binding.id), outcome.err(), visit);
    }
}

impl Step {
    /// Adds what is to be counted and recorded of rules that are tried out.
    pub(super) fn with_notes(self, notes: Vec<Note>, state: &State) -> Self {
        if notes.is_empty() { self } else { self.noting(notes, state) }
    }

    #[cold]
    #[inline(never)]
    fn noting(mut self, notes: Vec<Note>, state: &State) -> Self {
        let (Self::Forward(super::Edits { report, .. }) | Self::Reply { report, .. }) = &mut self else {
            return self;
        };
        let mut own = report.event.as_deref_mut().filter(|event| event.outcome == Outcome::Denial);
        for note in notes {
            let Note { rule, denial, tells_all: _, route, grant, news } = note;
            let shadow = Shadow { rule, reason: denial.map(|denial| denial.reason().to_string()) };
            let event = match (own.take(), news) {
                // A refusal is recorded each time, and says what would have been.
                (Some(event), _) => {
                    event.shadow = Some(shadow);
                    None
                }
                (None, Some(subject)) => Some(Box::new(Event {
                    outcome: Outcome::Shadow,
                    reason: None,
                    route,
                    grant,
                    shadow: Some(shadow),
                    ..denial_event(Denial::Internal, None, Some(subject), state.epoch())
                })),
                (None, None) => None,
            };
            report.shadows.push(Shadowed { denial, event });
        }
        self
    }
}

/// Why a decision that is only tried out stops.
const fn denial_of(halt: &Halt) -> Denial {
    match halt {
        Halt::Denied { denial, .. } => *denial,
        Halt::Wait(_) => Denial::KeysUnavailable,
    }
}
