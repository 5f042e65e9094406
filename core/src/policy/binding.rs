//! A compiled binding: which tokens act for a client, and what they get.

use alloc::{string::String, sync::Arc, vec::Vec};

use crate::{
    condition::Condition,
    denial::Denial,
    digest::Digest,
    exchange::{claim_templates::ClaimTemplates, subject::SubjectTemplate},
    jose::alg::Alg,
    wire::snapshot::{ActorRule, Enforcement, Enrolment, Profile, Rate},
};

/// Which tokens act for a client, and what they get.
#[derive(Debug)]
pub struct Binding {
    /// Its id.
    pub id: String,
    /// The client it belongs to.
    pub client_id: String,
    /// Accepted audiences.
    pub audiences: Vec<String>,
    /// What else must be true of a token.
    pub condition: Option<Condition>,
    /// Whether that decides.
    pub condition_enforcement: Enforcement,
    /// Scopes that may be granted.
    pub scopes: Vec<String>,
    /// Audiences an access token may name; the first is the default.
    pub targets: Vec<String>,
    /// Access token lifetime in seconds.
    pub ttl: u32,
    /// Shape of the access token.
    pub profile: Profile,
    /// Its `sub`; `None`: the identity's `id`. A `jwt-svid` always has one.
    pub subject: Option<SubjectTemplate>,
    /// More claims of it.
    pub claims: ClaimTemplates,
    /// Whether somebody may act for the subject.
    pub actor: ActorRule,
    /// What signs the access token.
    pub alg: Alg,
    /// Whom it lets in of those that fit it.
    pub enrolment: Enrolment,
    /// How often each of its identities may exchange.
    pub rate: Rate,
    /// Whether it gives anything.
    pub enforcement: Enforcement,
    /// Unix seconds at which it ends.
    pub until: Option<i64>,
    /// Digest of the wire object, the tenant and the authority, for the caches.
    pub digest: Digest,
}

/// A binding that fits a token: the permit to act for its client.
#[derive(Clone, Copy, Debug)]
pub struct BindingMatch<'a> {
    pub(super) binding: &'a Arc<Binding>,
}

/// Why no binding fits a token.
#[derive(Clone, Copy, Debug)]
pub struct Unfit<'a> {
    /// The reason.
    pub denial: Denial,
    /// The binding that would fit if its condition were true, where there is just one.
    pub binding: Option<&'a Arc<Binding>>,
}

// === impl Binding ===

impl Binding {
    /// What else must be true of a token, unless that is only tried out.
    pub fn condition_in_force(&self) -> Option<&Condition> {
        self.condition.as_ref().filter(|_| self.condition_enforcement == Enforcement::Enforce)
    }

    /// The condition that is only tried out.
    pub fn condition_on_trial(&self) -> Option<&Condition> {
        self.condition.as_ref().filter(|_| self.condition_enforcement == Enforcement::Audit)
    }

    /// Whether it has not ended.
    pub fn in_force(&self, now_secs: i64) -> bool {
        self.until.is_none_or(|until| now_secs < until)
    }

    /// Whether `audience` is one of those it accepts.
    pub fn accepts(&self, audience: &str) -> bool {
        self.audiences.iter().any(|own| own == audience)
    }

    /// Refuses scopes that it may not grant.
    pub fn allows_scopes(&self, scopes: &[String]) -> Result<(), Denial> {
        let all = scopes.iter().all(|scope| self.scopes.contains(scope));
        if all { Ok(()) } else { Err(Denial::ScopeNotAllowed) }
    }

    /// The requested target if it may be named, or the default.
    pub fn target(&self, requested: Option<&str>) -> Result<&str, Denial> {
        match requested {
            None => self.targets.first(),
            Some(requested) => self.targets.iter().find(|target| *target == requested),
        }
        .map(String::as_str)
        .ok_or(Denial::TargetNotAllowed)
    }
}

// === impl BindingMatch ===

impl<'a> BindingMatch<'a> {
    /// The binding.
    pub const fn binding(self) -> &'a Arc<Binding> {
        self.binding
    }
}

// === impl Unfit ===

impl From<Denial> for Unfit<'_> {
    fn from(denial: Denial) -> Self {
        Self { denial, binding: None }
    }
}
