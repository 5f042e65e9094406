//! From a presented token to edits: verify or find it verified, then authorise.

use alloc::{boxed::Box, string::String, sync::Arc};
use core::cell::OnceCell;

use serde_json::{Map, Value};

use super::{
    Ambient, Call, Counted, Credential, Edits, Report, State, Venue,
    endpoint::GrantAnswer,
    halt::Halt,
    order::Actor,
    own,
    report::Subject,
    terms::Terms,
    verdict::Judge,
    visit::{Inquiry, Visit},
};
use crate::{
    denial::Denial,
    denylist::Denylist,
    jose::jwt::UntrustedJwt,
    keyring::{Keyring, Lookup},
    policy::{Binding, Issuer, Policy, Route, Unfit},
    time::Timestamp,
    token_cache::Verified,
    wire::snapshot::Exchange,
};

/// What every decision about a token looks at.
#[derive(Clone, Copy)]
pub(super) struct Desk<'p> {
    pub(super) policy: &'p Policy,
    pub(super) terms: Terms<'p>,
    pub(super) denylist: &'p Denylist,
    pub(super) venue: Venue,
    pub(super) audited: bool,
    /// The whole subject token.
    pub(super) token: &'p [u8],
    /// Its claims, once something asked for them: they are read at most once per decision, and for most hits never.
    pub(super) claims: &'p OnceCell<Map<String, Value>>,
}

/// What came of serving a token.
pub(super) enum Served {
    /// How the request goes on along its route.
    Edits(Edits),
    /// What the token endpoint answers.
    Answer(Box<GrantAnswer>),
    /// Who may act for another.
    Actor(Box<Actor>),
}

/// A token that may act for a client: the permit to forward or to exchange. Only [`Desk::authorize`] gives one away.
pub(super) struct Granted<'p> {
    pub(super) issuer: &'p Issuer,
    pub(super) binding: &'p Arc<Binding>,
}

/// Serves a token: from what is known of it, or by verifying it.
pub(super) fn grant(
    state: &mut State,
    policy: &Policy,
    terms: Terms<'_>,
    token: &[u8],
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Result<Served, Halt> {
    match grant_known(state, policy, terms, token, visit, ambient) {
        Some(outcome) => outcome,
        None => grant_new(state, policy, terms, token, visit, ambient),
    }
}

/// Serves a token that was verified before, if its issuer still is the only one it can be of, and the issuer's
/// configuration and its key are still the same.
///
/// `None` where they are not: the long way finds out what that means for the token.
pub(super) fn grant_known(
    state: &mut State,
    policy: &Policy,
    terms: Terms<'_>,
    token: &[u8],
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Option<Result<Served, Halt>> {
    let State { keyring, verified, denylist, audited, venue, .. } = state;
    let known = verified.get(token)?;
    let issuer = if known.own.is_some() {
        is_still_ours(policy, terms, known).then_some(None)?
    } else {
        Some(issuer_still(policy, terms, known, keyring, ambient.now)?)
    };
    let (audited, venue) = (*audited, *venue);
    let desk = Desk { policy, terms, denylist, audited, venue, token, claims: &OnceCell::new() };
    let (verdicts, tried) = (known.verdicts.len(), known.tried.len());
    let outcome = desk.go_on(issuer, known, Counted::VerifiedCached, visit, ambient);
    let has_grown = known.told.take_grown()
        || known.access.take_grown()
        || known.verdicts.len() != verdicts
        || known.tried.len() != tried
        || !matches!(visit.inquiry, Inquiry::Open);
    if has_grown {
        verified.reweigh(token);
    }
    Some(outcome)
}

/// The issuer of a token that was verified before, if it is as it was then, and so is its key.
fn issuer_still<'p>(
    policy: &'p Policy,
    terms: Terms<'_>,
    known: &Verified,
    keyring: &Keyring,
    now: Timestamp,
) -> Option<&'p Arc<Issuer>> {
    let issuer = policy.issuer(&known.issuer).filter(|issuer| issuer.digest == known.issuer_digest)?;
    if terms.route().is_none() && issuer.iss == policy.header.authority {
        return None;
    }
    // The digest covers no bindings, and another issuer of this text may claim one of the audiences by now.
    policy.issuer_of(&issuer.iss, &known.audiences).ok().filter(|chosen| Arc::ptr_eq(chosen, issuer))?;
    keyring.current(&issuer.id, now)?.contains_thumbprint(&known.thumbprint).then_some(issuer)
}

/// Whether the key of a token of ours still is one of the authority's. Only routes take one.
fn is_still_ours(policy: &Policy, terms: Terms<'_>, known: &Verified) -> bool {
    terms.route().is_some()
        && policy.own_keys(&policy.header.authority).is_some_and(|keys| {
            keys.digest == known.issuer_digest && keys.set.contains_thumbprint(&known.thumbprint)
        })
}

/// Verifies a token and serves it.
pub(super) fn grant_new(
    state: &mut State,
    policy: &Policy,
    terms: Terms<'_>,
    token: &[u8],
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Result<Served, Halt> {
    let State { keyring, verified, denylist, audited, venue, .. } = state;
    let (audited, venue) = (*audited, *venue);
    let desk = Desk { policy, terms, denylist, audited, venue, token, claims: &OnceCell::new() };
    let (issuer, mut fresh) = match desk.verify(keyring, visit.arrived, ambient) {
        Ok(known) => known,
        Err(halt) if policy.has_trials() && halt.leaves_room_for_trials() => {
            let subject = desk.try_issuer(keyring, verified, visit, ambient);
            return Err(halt.about(subject).of_token(token));
        }
        Err(halt) => return Err(halt.of_token(token)),
    };
    let outcome = desk.go_on(issuer, &mut fresh, Counted::Verified, visit, ambient);
    // A refused token is kept too: refusing it again must not cost a signature.
    verified.put(token, fresh);
    outcome
}

/// Follows what is tried out for a token that the route lets pass unread.
#[cold]
pub(super) fn try_foreign(
    state: &mut State,
    policy: &Policy,
    terms: Terms<'_>,
    token: &[u8],
    visit: &mut Visit<'_>,
    ambient: &Ambient<'_>,
) {
    let State { keyring, verified, denylist, audited, venue, .. } = state;
    let (audited, venue) = (*audited, *venue);
    let desk = Desk { policy, terms, denylist, audited, venue, token, claims: &OnceCell::new() };
    desk.try_issuer(keyring, verified, visit, ambient);
}

impl<'p> Desk<'p> {
    fn verify(
        self,
        keyring: &mut Keyring,
        arrived: Timestamp,
        ambient: &Ambient<'_>,
    ) -> Result<(Option<&'p Arc<Issuer>>, Box<Verified>), Halt> {
        let jwt = UntrustedJwt::parse(self.token)?;
        let of_ours = jwt.iss().and_then(|iss| self.policy.own_keys(iss));
        if let (Some(keys), Some(_)) = (of_ours, self.terms.route()) {
            return Ok((None, own::verify(jwt, keys, ambient)?));
        }
        let iss = jwt
            .iss()
            .filter(|iss| self.policy.lists_iss(iss) && self.is_foreign(iss))
            .ok_or(Denial::IssuerNotAllowed)?;
        let claims = jwt.claims()?;
        let issuer = self.policy.issuer_of(iss, claims.audiences())?;
        Ok((Some(issuer), verify_by(issuer, jwt, keyring, arrived, ambient)?))
    }

    /// Whether a token of `iss` may be exchanged: not what we issued ourselves, however often (attack X4).
    pub(super) fn is_foreign(self, iss: &str) -> bool {
        self.terms.route().is_some() || iss != self.policy.header.authority
    }

    /// What follows for a verified token of `issuer`, or of ours where there is none.
    fn go_on(
        self,
        issuer: Option<&'p Arc<Issuer>>,
        verified: &mut Verified,
        counted: Counted,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Served, Halt> {
        match issuer {
            Some(issuer) => self.serve(issuer, verified, counted, visit, ambient),
            None => self.pass(verified, counted, visit, ambient.now),
        }
    }

    /// What follows for a verified token of an issuer, cached or not.
    fn serve(
        self,
        issuer: &'p Issuer,
        verified: &mut Verified,
        counted: Counted,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Served, Halt> {
        if let Err(denial) = verified.times.check(&issuer.times, ambient.now) {
            return Err(self.denied(denial, verified, None));
        }
        let granted = self
            .inform(issuer, verified, visit, ambient.now)
            .and_then(|()| self.authorize(issuer, verified, ambient.now));
        let granted = match granted {
            Ok(granted) => granted,
            Err(halt) => {
                if issuer.has_trials() && !matches!(halt, Halt::Wait(_)) {
                    self.try_rules(issuer, None, verified, visit, ambient.now);
                }
                return Err(halt);
            }
        };
        let served = match self.terms {
            Terms::Route(route) => {
                self.forward(route, verified, &granted, counted, visit, ambient).map(Served::Edits)
            }
            Terms::Grant(application) => {
                self.answer(application, verified, &granted, visit, ambient).map(Served::Answer)
            }
            Terms::Actor => self.actor(verified, &granted, visit, ambient.now).map(Served::Actor),
        };
        let served = served.map_err(|halt| self.explain(halt, verified, &granted));
        if self.has_trials(&granted, visit) && !matches!(served, Err(Halt::Wait(_))) {
            self.try_rules(issuer, Some(&granted), verified, visit, ambient.now);
        }
        served
    }

    /// How a request goes on along its route.
    fn forward(
        self,
        route: &Route,
        verified: &mut Verified,
        granted: &Granted<'_>,
        counted: Counted,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Edits, Halt> {
        let told = self.tell(granted, verified)?;
        let edits = match route.exchange {
            Exchange::None => {
                self.pass_gates(verified, granted, &[&route.id], visit, ambient.now)?;
                let credential = if route.forward { Credential::Keep } else { Credential::Remove };
                Edits::new(credential, Report::counted(counted))
            }
            Exchange::Gateway | Exchange::ControlPlane | Exchange::External => {
                self.swap(route, verified, granted, visit, ambient)?
            }
        };
        Ok(Edits { told, ..edits })
    }

    /// The laws that hold for every request.
    pub(super) fn authorize(
        self,
        issuer: &'p Issuer,
        verified: &mut Verified,
        now: Timestamp,
    ) -> Result<Granted<'p>, Halt> {
        let Verified { audiences, subject, userinfo, verdicts, .. } = &mut *verified;
        let mut judge = Judge::new(self, issuer, audiences, subject, userinfo.as_ref(), verdicts);
        let found = issuer.binding_for(
            audiences,
            subject,
            now.secs(),
            |client| self.admits(client),
            |binding, condition| judge.holds(binding, condition),
        );
        let binding = match found {
            Ok(found) => found.binding(),
            Err(Unfit { denial, binding }) => {
                let granted = binding.map(|binding| Granted { issuer, binding });
                return Err(self.denied(self.terms.unfit(denial), verified, granted.as_ref()));
            }
        };
        let condition = self.terms.condition();
        let admitted = condition.is_none_or(|condition| judge.holds(binding, condition));
        let granted = Granted { issuer, binding };
        self.permit(&granted, verified)?;
        if admitted {
            Ok(granted)
        } else {
            Err(self.denied(Denial::ConditionFalse, verified, Some(&granted)))
        }
    }

    /// Refuses what nothing that its issuer may add could help.
    pub(super) fn refuse_unasked(
        self,
        issuer: &Issuer,
        verified: &mut Verified,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let candidate = issuer
            .candidate(&verified.audiences, &verified.subject, now.secs(), |client| self.admits(client));
        match candidate {
            Ok(Some(binding)) => self.permit(&Granted { issuer, binding }, verified),
            Ok(None) if self.denylist.revokes_issuer(&issuer.id) => {
                Err(self.denied(Denial::IdentityRevoked, verified, None))
            }
            Ok(None) => Ok(()),
            Err(denial) => Err(self.denied(self.terms.unfit(denial), verified, None)),
        }
    }

    /// Whether an enabled client of this id may be acted for.
    pub(super) fn admits(self, client: &str) -> bool {
        self.terms.admits(self.policy, client)
    }

    /// What holds for a binding whatever it was found by: revocations and scopes.
    fn permit(self, granted: &Granted<'_>, verified: &mut Verified) -> Result<(), Halt> {
        self.may(granted, verified).map_err(|denial| self.denied(denial, verified, Some(granted)))
    }

    /// The same without whom it is about.
    pub(super) fn may(self, granted: &Granted<'_>, verified: &mut Verified) -> Result<(), Denial> {
        let Self { denylist, .. } = self;
        let Granted { issuer, binding } = granted;
        let revoked = denylist.revokes_issuer(&issuer.id)
            || denylist.revokes_client(&binding.client_id)
            || (denylist.revokes_identities()
                && denylist.revokes_identity(&self.identity(granted, verified)));
        match self.terms {
            _ if revoked => Err(Denial::IdentityRevoked),
            Terms::Route(route) => binding.allows_scopes(&route.scopes),
            // What a grant asks for is compared when it is known whether it may ask at all.
            Terms::Grant(_) | Terms::Actor => Ok(()),
        }
    }

    /// Adds to a denial that says nothing of it whom it is about.
    fn explain(self, halt: Halt, verified: &mut Verified, granted: &Granted<'_>) -> Halt {
        match halt {
            Halt::Denied { denial, subject: None } => self.denied(denial, verified, Some(granted)),
            Halt::Denied { denial, subject: Some(subject) } if subject.token.is_none() => {
                self.denied(denial, verified, Some(granted)).until(subject.retry_after)
            }
            other @ (Halt::Denied { .. } | Halt::Wait(_)) => other,
        }
    }

    pub(super) fn denied(
        self,
        denial: Denial,
        verified: &mut Verified,
        granted: Option<&Granted<'_>>,
    ) -> Halt {
        Halt::denied(denial, self.subject(granted, verified))
    }

    /// What is known of whom a decision is about.
    pub(super) fn subject(self, granted: Option<&Granted<'_>>, verified: &mut Verified) -> Subject {
        let identity = granted.map(|granted| self.tuple(granted, verified));
        let fields =
            self.policy.issuer(&verified.issuer).map(|issuer| self.fields(issuer)).unwrap_or_default();
        Subject { token: Some(self.sha256(verified)), identity, fields, retry_after: None }
    }
}

/// Verifies a token that names `issuer`.
pub(super) fn verify_by(
    issuer: &Issuer,
    jwt: UntrustedJwt<'_>,
    keyring: &mut Keyring,
    arrived: Timestamp,
    ambient: &Ambient<'_>,
) -> Result<Box<Verified>, Halt> {
    let claims = jwt.claims()?;
    if !issuer.audience.admits(claims.audiences()) {
        return Err(Denial::AudienceMismatch.into());
    }
    claims.check_times(&issuer.times, ambient.now)?;
    if !issuer.algorithms.contains(&jwt.alg()) {
        return Err(Denial::AlgNotAllowed.into());
    }
    let keys = match keyring.lookup(issuer, jwt.kid(), jwt.alg(), arrived, ambient.now) {
        Lookup::Keys(keys) => keys,
        Lookup::Wait => return Err(Halt::Wait(Call::FetchKeys { issuer: (*issuer.id).into() })),
        Lookup::UnknownKid => return Err(Denial::UnknownKid.into()),
        Lookup::Unavailable => return Err(Denial::KeysUnavailable.into()),
    };
    let verified = jwt.verify(&issuer.algorithms, issuer.typ.as_deref(), &keys, ambient.crypto)?;
    Ok(Verified::new(issuer, verified))
}

// === impl Served ===

impl Served {
    /// How the request goes on. A route is served nothing else.
    pub(super) fn into_edits(self) -> Result<Edits, Halt> {
        match self {
            Self::Edits(edits) => Ok(edits),
            Self::Answer(_) | Self::Actor(_) => Err(Denial::Internal.into()),
        }
    }
}
