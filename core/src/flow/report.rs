//! What the operator learns of a decision: one count, and an event for a mint or a denial.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};

use super::shadow::Shadowed;
use crate::{
    denial::Denial,
    digest::Digest,
    exchange::external::answer,
    policy::{FieldValues, Route},
    time::Timestamp,
    userinfo::Failure,
    wire::{
        event::{Event, IdentityTuple, Minted, Outcome},
        snapshot::GrantType,
    },
};

/// What to count and record.
#[derive(Debug)]
pub struct Report {
    /// What to count.
    pub counted: Counted,
    /// What to record.
    pub event: Option<Box<Event>>,
    /// Why a UserInfo endpoint gave no good answer, once per question.
    pub userinfo: Option<Box<UserInfoFailure>>,
    /// Why whoever makes access tokens made none for this request.
    pub exchange: Option<Box<ExchangeFailure>>,
    /// What rules that are not in force would have decided.
    pub shadows: Vec<Shadowed>,
}

/// Why whoever makes access tokens made none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeFailure {
    /// The external endpoint's id; `None`: the control plane.
    pub external: Option<String>,
    /// The reason.
    pub failure: answer::Failure,
}

/// Why an issuer's UserInfo endpoint gave no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfoFailure {
    /// The issuer's id.
    pub issuer: String,
    /// The reason.
    pub failure: Failure,
}

/// How a decision came about; one counter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Verified now.
    Verified,
    /// Verified earlier; found in the cache.
    VerifiedCached,
    /// An access token was minted.
    Minted,
    /// The control plane minted one.
    MintedRemote,
    /// An external token endpoint gave one.
    MintedExternal,
    /// An access token was found in the cache.
    MintedCached,
    /// An `optional` route without a token.
    Unauthenticated,
    /// A foreign token that the route lets pass.
    Foreign,
    /// A CORS preflight.
    Preflight,
    /// A document of the authority or of a protected resource.
    Document,
    /// An `observe` route; with what it would have been refused for.
    Observed(Option<Denial>),
    /// Refused.
    Denied(Denial),
}

/// What is known about who was refused.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub(super) token: Option<Digest>,
    pub(super) identity: Option<IdentityTuple>,
    /// What is told of a workload whose token was verified.
    pub(super) fields: FieldValues,
    /// Seconds after which asking again makes sense, where that is known better than the denial's row says.
    pub(super) retry_after: Option<u32>,
}

/// What was minted, and for whom.
pub(super) struct Mint<'m> {
    /// SHA-256 of the subject token, if there was one.
    pub(super) token: Option<&'m Digest>,
    pub(super) identity: IdentityTuple,
    pub(super) fresh: (Minted, FieldValues),
    /// The grant, at a token endpoint.
    pub(super) grant: Option<GrantType>,
    pub(super) actor: Option<IdentityTuple>,
}

// === impl Report ===

impl Report {
    pub(super) const fn counted(counted: Counted) -> Self {
        Self { counted, event: None, userinfo: None, exchange: None, shadows: Vec::new() }
    }

    pub(super) fn denied(
        denial: Denial,
        route: Option<&Route>,
        subject: Option<Box<Subject>>,
        epoch: u64,
    ) -> Self {
        let event = denial_event(denial, route, subject, epoch);
        Self {
            counted: Counted::Denied(denial),
            event: Some(Box::new(event)),
            userinfo: None,
            exchange: None,
            shadows: Vec::new(),
        }
    }

    /// A refusal at the token endpoint.
    pub(super) fn denied_grant(
        denial: Denial,
        grant: Option<GrantType>,
        subject: Option<Box<Subject>>,
        epoch: u64,
    ) -> Self {
        let event = Event { grant, ..denial_event(denial, None, subject, epoch) };
        Self {
            counted: Counted::Denied(denial),
            event: Some(Box::new(event)),
            userinfo: None,
            exchange: None,
            shadows: Vec::new(),
        }
    }

    pub(super) fn observed(
        denial: Option<Denial>,
        route: &Route,
        subject: Option<Box<Subject>>,
        epoch: u64,
    ) -> Self {
        let event = denial.map(|denial| Box::new(denial_event(denial, Some(route), subject, epoch)));
        Self {
            counted: Counted::Observed(denial),
            event,
            userinfo: None,
            exchange: None,
            shadows: Vec::new(),
        }
    }

    pub(super) fn minted(route: Option<&Route>, mint: Mint<'_>, epoch: u64) -> Self {
        let Mint { token, identity, fresh: (minted, fields), grant, actor } = mint;
        let event = Event {
            sequence: 0,
            at_ms: 0,
            outcome: Outcome::Mint,
            reason: None,
            epoch,
            route: route.map(|route| route.id.clone()),
            token_sha256: token.map(Digest::hex),
            identity: Some(identity),
            minted: Some(minted),
            grant,
            actor,
            fields: fields.identity,
            audit_fields: fields.audit,
            shadow: None,
            count: 1,
            strict: false,
        };
        Self {
            counted: Counted::Minted,
            event: Some(Box::new(event)),
            userinfo: None,
            exchange: None,
            shadows: Vec::new(),
        }
    }
}

// === impl Counted ===

impl Counted {
    /// The names of all that is neither refused nor observed.
    pub const GOOD: [&str; 10] = [
        "verified",
        "verified_cached",
        "minted",
        "minted_remote",
        "minted_external",
        "minted_cached",
        "unauthenticated",
        "foreign",
        "preflight",
        "document",
    ];
    /// The name of an observed request that would not have been refused.
    pub const OBSERVED: &str = "observed";

    /// The outcome's stable name, for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::VerifiedCached => "verified_cached",
            Self::Minted => "minted",
            Self::MintedRemote => "minted_remote",
            Self::MintedExternal => "minted_external",
            Self::MintedCached => "minted_cached",
            Self::Unauthenticated => "unauthenticated",
            Self::Foreign => "foreign",
            Self::Preflight => "preflight",
            Self::Document => "document",
            Self::Observed(None) => Self::OBSERVED,
            Self::Observed(Some(denial)) | Self::Denied(denial) => denial.reason(),
        }
    }
}

/// The event of a denial; sequence and time are filled in by the queue that takes it.
pub(super) fn denial_event(
    denial: Denial,
    route: Option<&Route>,
    subject: Option<Box<Subject>>,
    epoch: u64,
) -> Event {
    let Subject { token, identity, fields, retry_after: _ } =
        subject.map(|subject| *subject).unwrap_or_default();
    Event {
        sequence: 0,
        at_ms: Timestamp::default().millis(),
        outcome: Outcome::Denial,
        reason: Some(denial.reason().to_string()),
        epoch,
        route: route.map(|route| route.id.clone()),
        token_sha256: token.map(|token| -> String { token.hex() }),
        identity,
        minted: None,
        grant: None,
        actor: None,
        fields: fields.identity,
        audit_fields: fields.audit,
        shadow: None,
        count: 1,
        strict: false,
    }
}
