//! What the shell is to do next. Everything in a step is owned, so it can be kept while the host works.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use super::{
    Head, Report, Request, Response,
    report::{Counted, Subject},
};
use crate::{denial::Denial, policy::Route, time::Timestamp, wire::event::IdentityTuple};

/// The next thing to do with a request.
#[must_use]
pub enum Step {
    /// Let it go on, changed.
    Forward(Edits),
    /// Answer it.
    Reply {
        /// The answer.
        response: Response,
        /// What to count and record.
        report: Report,
    },
    /// Let the body come, then go on with [`super::resume`].
    NeedBody {
        /// Where to go on.
        flow: Flow,
    },
    /// Hold it until the call is answered, then go on with [`super::resume`].
    Call {
        /// Where to go on.
        flow: Flow,
        /// What is needed.
        call: Call,
    },
}

/// A decision that waits for something.
pub struct Flow {
    pub(super) request: Request,
    /// When the request came; a key set fetched later than this is recent enough to refuse a `kid`.
    pub(super) arrived: Timestamp,
}

/// How a request is changed before it goes on.
pub struct Edits {
    /// What happens to the `authorization` header.
    pub credential: Credential,
    /// Headers to set, each after every copy of it was removed.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// What to count and record.
    pub report: Report,
}

/// What happens to the `authorization` header. `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// It stays.
    Keep,
    /// It is removed.
    Remove,
    /// It is replaced by this value.
    Replace(Arc<str>),
}

/// Something only the shell can get. `Debug` hides bodies, which hold tokens.
#[derive(Clone, PartialEq, Eq)]
pub enum Call {
    /// The first snapshot. Shared; belongs to the root context.
    AwaitSnapshot,
    /// An issuer's keys. Shared; belongs to the root context.
    FetchKeys {
        /// The issuer's id.
        issuer: String,
    },
    /// An access token from the control plane.
    MintRemotely {
        /// Body of the request.
        body: Vec<u8>,
    },
    /// An access token from an external token endpoint.
    ExchangeExternally {
        /// Digest of the endpoint's configuration.
        endpoint: String,
        /// Body of the request.
        body: Vec<u8>,
    },
    /// Claims from the issuer's UserInfo endpoint.
    UserInfo {
        /// The issuer's id.
        issuer: String,
    },
    /// One use of a token under a replay policy.
    ConsumeReplay {
        /// The issuer's id.
        issuer: String,
        /// `jti` or digest of the signing input.
        key: String,
        /// Unix seconds after which the entry is not needed.
        exp: i64,
    },
    /// Acknowledgement of the audit batch that holds this sequence.
    AwaitAudit {
        /// The event's sequence.
        sequence: u64,
    },
    /// Admission of an identity that enrolment does not let in by itself.
    AdmitIdentity {
        /// Who asks.
        identity: IdentityTuple,
    },
}

/// What became of a [`Call`].
#[derive(Debug)]
pub enum Answer {
    /// What was waited for may be there: decide again.
    Ready,
    /// Too many requests wait already.
    Overloaded,
    /// It did not come in time.
    TimedOut(Call),
    /// A per-request call was answered.
    Remote(Remote),
}

/// An HTTP answer to a per-request call. `Debug` hides the body, which holds a token.
pub struct Remote {
    /// Its status.
    pub status: u16,
    /// Its body, bounded by the shell.
    pub body: Vec<u8>,
}

// === impl Step ===

impl Step {
    pub(super) fn call(head: &Head<'_>, arrived: Timestamp, call: Call) -> Self {
        Self::Call { flow: Flow { request: head.to_request(), arrived }, call }
    }

    pub(super) fn observed(
        denial: Option<Denial>,
        route: &Route,
        subject: Option<Box<Subject>>,
        epoch: u64,
    ) -> Self {
        Self::Forward(Edits {
            credential: Credential::Keep,
            headers: Vec::new(),
            report: Report::observed(denial, route, subject, epoch),
        })
    }
}

// === impl Flow ===

impl Flow {
    /// When the request came.
    pub const fn arrived(&self) -> Timestamp {
        self.arrived
    }

    /// About how many bytes it keeps, so that a shell can bound what waits.
    pub fn weight(&self) -> usize {
        self.request.weight()
    }
}

// === impl Edits ===

impl Edits {
    pub(super) fn untouched(counted: Counted) -> Self {
        Self { credential: Credential::Keep, headers: Vec::new(), report: Report::counted(counted) }
    }

    /// A browser's preflight carries no credential; one that does must not take it past the check.
    pub(super) fn preflight(head: &Head<'_>) -> Self {
        let credential = if head.authorization.is_empty() { Credential::Keep } else { Credential::Remove };
        Self { credential, headers: Vec::new(), report: Report::counted(Counted::Preflight) }
    }
}

// === impl Credential ===

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Remove => "Remove",
            Self::Replace(_) => "Replace([secret])",
        })
    }
}

// === impl Call ===

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwaitSnapshot => f.write_str("AwaitSnapshot"),
            Self::FetchKeys { issuer } => f.debug_struct("FetchKeys").field("issuer", issuer).finish(),
            Self::MintRemotely { body: _ } => f.debug_struct("MintRemotely").finish_non_exhaustive(),
            Self::ExchangeExternally { endpoint, body: _ } => {
                f.debug_struct("ExchangeExternally").field("endpoint", endpoint).finish_non_exhaustive()
            }
            Self::UserInfo { issuer } => f.debug_struct("UserInfo").field("issuer", issuer).finish(),
            Self::ConsumeReplay { issuer, key, exp } => f
                .debug_struct("ConsumeReplay")
                .field("issuer", issuer)
                .field("key", key)
                .field("exp", exp)
                .finish(),
            Self::AwaitAudit { sequence } => {
                f.debug_struct("AwaitAudit").field("sequence", sequence).finish()
            }
            Self::AdmitIdentity { identity } => {
                f.debug_struct("AdmitIdentity").field("identity", identity).finish()
            }
        }
    }
}

// === impl Remote ===

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("status", &self.status).finish_non_exhaustive()
    }
}
