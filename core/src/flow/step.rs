//! What the shell is to do next. Everything in a step is owned, so it can be kept while the host works.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde_json::json;

use super::{
    Head, Report, Request, Response,
    gate::Passed,
    parts::{without_cookies, without_parameters},
    report::{Counted, ExchangeFailure, Subject, UserInfoFailure},
    source::Carrier,
    visit::{Question, Visit},
};
use crate::{
    claims_out::Values,
    denial::Denial,
    endpoint::Endpoint,
    exchange::external::{self, answer},
    policy::{Route, TokenSources},
    secret::Secret,
    time::Timestamp,
    userinfo::{self, Failure},
    wire::admission::AdmissionRequest,
};

/// Most bytes of the control plane's answer to a question with few answers.
const MAX_VERDICT_BYTES: usize = 1_024;

/// The next thing to do with a request.
#[must_use]
pub enum Step {
    /// Let it go on, changed.
    Forward(Edits),
    /// Answer it.
    Reply {
        /// The answer.
        response: Response,
        /// What `:path` becomes before that, where logs must not show the token in it.
        path: Option<Vec<u8>>,
        /// What to count and record.
        report: Report,
    },
    /// Let the body come, then go on with [`super::resume`] and [`Answer::Body`]. No part of the request may reach
    /// anybody before that.
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
    /// Where it stands with its question to a UserInfo endpoint.
    pub(super) question: Question,
    /// Its body, once it was read.
    pub(super) body: Option<Vec<u8>>,
    /// What its gates have let through.
    pub(super) passed: Passed,
}

/// How a request is changed before it goes on.
pub struct Edits {
    /// What happens to the `authorization` header.
    pub credential: Credential,
    /// Headers to remove, every copy of each.
    pub removed: Vec<Arc<str>>,
    /// Headers to set, `:path` and `cookie`, each in place of every copy of it.
    pub rewritten: Vec<(&'static str, Vec<u8>)>,
    /// What is told of the verified token.
    pub told: Option<Arc<Values>>,
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
    /// An access token from the control plane. Shared; belongs to the root context.
    MintRemotely {
        /// Body of the request.
        body: Vec<u8>,
    },
    /// An access token from an external token endpoint. Shared; belongs to the root context.
    ExchangeExternally(Box<external::Request>),
    /// What the issuer's UserInfo endpoint says of the subject: a GET (OIDC Core §5.3.1).
    UserInfo {
        /// The issuer's id.
        issuer: String,
        /// The endpoint.
        endpoint: Endpoint,
        /// `authorization` of the request: the subject token.
        authorization: Secret<String>,
        /// Milliseconds until the answer must be there.
        timeout_ms: u32,
    },
    /// One use of a token under a replay policy, of the control plane. Each request makes its own, whatever others ask
    /// for: of two that ask the same only one is answered that it was first.
    ConsumeReplay {
        /// The issuer's id.
        issuer: String,
        /// What tells the token, and under `once-per-target` its use, apart: hex SHA-256.
        key: String,
        /// Unix seconds after which the entry is not needed.
        exp: i64,
    },
    /// Acknowledgement of the audit batch that holds this sequence. Shared; belongs to the root context.
    AwaitAudit {
        /// The event's sequence.
        sequence: u64,
    },
    /// Admission of an identity that enrolment does not let in by itself. Nothing of its token.
    AdmitIdentity(Box<AdmissionRequest>),
}

/// What became of a [`Call`], or of waiting for the body. `Debug` hides bodies.
pub enum Answer {
    /// What was waited for may be there: decide again.
    Ready,
    /// Too many requests wait already.
    Overloaded,
    /// It did not come in time.
    TimedOut(Call),
    /// A per-request call was answered, or could not be made.
    Remote(Call, Remote),
    /// The whole body, or one byte more of it than [`crate::exchange::form::MAX_BODY_BYTES`].
    Body(Vec<u8>),
}

/// An HTTP answer to a call. `Debug` hides the body, which holds a token or claims.
#[derive(Clone, Default)]
pub struct Remote {
    /// Its status; 0 where there was no answer.
    pub status: u16,
    /// Its `content-type`.
    pub content_type: Option<String>,
    /// Seconds of its `retry-after`.
    pub retry_after: Option<u32>,
    /// Its body. The shell reads no more than one byte beyond [`Call::most_bytes`].
    pub body: Vec<u8>,
}

// === impl Step ===

impl Step {
    pub(super) fn call(head: &Head<'_>, visit: &Visit<'_>, call: Call) -> Self {
        let question = visit.question(&call);
        let body = visit.body.map(<[u8]>::to_vec);
        let passed = visit.passed.clone();
        let flow = Flow { request: head.to_request(), arrived: visit.arrived, question, body, passed };
        Self::Call { flow, call }
    }

    /// The body has to come first.
    pub(super) fn need_body(head: &Head<'_>, visit: &Visit<'_>) -> Self {
        let (request, arrived, question) = (head.to_request(), visit.arrived, Question::Open);
        let passed = Passed::NOTHING;
        Self::NeedBody { flow: Flow { request, arrived, question, body: None, passed } }
    }

    /// Tells the operator why a UserInfo endpoint gave no good answer.
    pub(super) fn with_userinfo_failure(mut self, call: &Call, failure: Failure) -> Self {
        if let Self::Forward(Edits { report, .. }) | Self::Reply { report, .. } = &mut self
            && let Call::UserInfo { issuer, .. } = call
        {
            report.userinfo = Some(Box::new(UserInfoFailure { issuer: issuer.clone(), failure }));
        }
        self
    }

    /// Tells the operator why whoever makes access tokens made none.
    pub(super) fn with_exchange_failure(mut self, call: &Call, failure: answer::Failure) -> Self {
        if let Self::Forward(Edits { report, .. }) | Self::Reply { report, .. } = &mut self {
            let external =
                if let Call::ExchangeExternally(request) = call { Some(request.id.clone()) } else { None };
            report.exchange = Some(Box::new(ExchangeFailure { external, failure }));
        }
        self
    }

    pub(super) fn observed(
        denial: Option<Denial>,
        route: &Route,
        subject: Option<Box<Subject>>,
        epoch: u64,
    ) -> Self {
        Self::Forward(Edits::new(Credential::Keep, Report::observed(denial, route, subject, epoch)))
    }
}

// === impl Flow ===

impl Flow {
    /// When the request came.
    pub const fn arrived(&self) -> Timestamp {
        self.arrived
    }

    /// Takes the request as it is now: the policy in force may look at more headers than the one it came under.
    pub fn refresh(&mut self, head: &Head<'_>) {
        self.request = head.to_request();
    }

    /// Whether its body was read: then its head is gone on, and no shell can look at it again.
    pub const fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// About how many bytes it keeps, so that a shell can bound what waits.
    pub fn weight(&self) -> usize {
        self.request.weight().saturating_add(self.body.as_ref().map_or(0, Vec::len))
    }
}

// === impl Edits ===

impl Edits {
    pub(super) fn untouched(counted: Counted) -> Self {
        Self::new(Credential::Keep, Report::counted(counted))
    }

    pub(super) const fn new(credential: Credential, report: Report) -> Self {
        Self { credential, removed: Vec::new(), rewritten: Vec::new(), told: None, report }
    }

    /// The token of this request stood in `carrier`, not necessarily in `authorization`.
    pub(super) fn of(mut self, carrier: Carrier<'_>, route: &Route) -> Self {
        if carrier != Carrier::Authorization && self.credential == Credential::Remove {
            // What stands there is no token of ours.
            self.credential = Credential::Keep;
        }
        if let Carrier::Header(name) = carrier
            && !route.forward
        {
            self.removed.push(Arc::clone(name));
        }
        self
    }

    /// Cuts out the query parameters and cookies in which the route allows tokens, whatever stands there.
    pub(super) fn without_parts(mut self, head: &Head<'_>, sources: &TokenSources) -> Self {
        self.rewritten.extend(scrubbed(head, sources).map(|path| (":path", path)));
        match without_cookies(head.values("cookie"), &sources.cookies) {
            Some(value) if value.is_empty() => self.removed.push("cookie".into()),
            Some(value) => self.rewritten.push(("cookie", value)),
            None => {}
        }
        self
    }

    /// A browser's preflight carries no credential; one that does must not take it past the check.
    pub(super) fn preflight(head: &Head<'_>, sources: &TokenSources) -> Self {
        let credential = if head.authorization.is_empty() { Credential::Keep } else { Credential::Remove };
        let mut edits = Self::new(credential, Report::counted(Counted::Preflight));
        let sent = sources.headers.iter().filter(|source| head.values(&source.name).next().is_some());
        edits.removed.extend(sent.map(|source| Arc::clone(&source.name)));
        edits
    }
}

/// `:path` without the tokens in it, or `None` where the route allows none there or none is there.
pub(super) fn scrubbed(head: &Head<'_>, sources: &TokenSources) -> Option<Vec<u8>> {
    without_parameters(head.path, &sources.queries)
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

impl Call {
    /// Whether the root context makes it, once for all who wait, rather than each request for itself.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::AwaitSnapshot | Self::FetchKeys { .. } | Self::AwaitAudit { .. })
            || self.is_mint()
    }

    /// Whether it is for an access token. All who wait for it get its answer, which is for them alone.
    pub const fn is_mint(&self) -> bool {
        matches!(self, Self::MintRemotely { .. } | Self::ExchangeExternally(_))
    }

    /// Whether it is one of a request's errands: to a gate, or for its access token.
    pub const fn is_errand(&self) -> bool {
        self.is_mint() || matches!(self, Self::ConsumeReplay { .. } | Self::AdmitIdentity(_))
    }

    /// Whether its answer serves others that wait for an equal call, if they look again.
    pub const fn serves_others(&self) -> bool {
        !matches!(self, Self::ConsumeReplay { .. })
    }

    /// Path and body of the `POST` to the control plane by which a request asks this for itself; `None` where it is
    /// another kind of call.
    pub fn question(&self) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::ConsumeReplay { issuer, key, exp } => {
                let body = json!({ "issuer": issuer, "key": key, "exp": exp });
                Some(("/gateway/v1/consume", serde_json::to_vec(&body).unwrap_or_default()))
            }
            Self::AdmitIdentity(request) => {
                Some(("/gateway/v1/admit", serde_json::to_vec(request).unwrap_or_default()))
            }
            Self::AwaitSnapshot
            | Self::FetchKeys { .. }
            | Self::MintRemotely { .. }
            | Self::ExchangeExternally(_)
            | Self::UserInfo { .. }
            | Self::AwaitAudit { .. } => None,
        }
    }

    /// Most bytes of a good answer.
    pub const fn most_bytes(&self) -> usize {
        match self {
            Self::AwaitSnapshot | Self::FetchKeys { .. } | Self::AwaitAudit { .. } => 0,
            Self::ConsumeReplay { .. } | Self::AdmitIdentity(_) => MAX_VERDICT_BYTES,
            Self::UserInfo { .. } | Self::MintRemotely { .. } | Self::ExchangeExternally(_) => {
                userinfo::MAX_BODY_BYTES
            }
        }
    }

    /// Whether both ask the same party, which can bear only so many at once.
    pub fn same_party(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UserInfo { issuer, .. }, Self::UserInfo { issuer: other, .. }) => issuer == other,
            (Self::ExchangeExternally(request), Self::ExchangeExternally(other)) => request.id == other.id,
            (Self::MintRemotely { .. }, Self::MintRemotely { .. })
            | (Self::AwaitAudit { .. }, Self::AwaitAudit { .. })
            | (Self::ConsumeReplay { .. }, Self::ConsumeReplay { .. })
            | (Self::AdmitIdentity(_), Self::AdmitIdentity(_)) => true,
            _ => self == other,
        }
    }

    /// About how many bytes it keeps beside a [`Flow`].
    pub fn weight(&self) -> usize {
        match self {
            Self::UserInfo { authorization, .. } => authorization.expose().len(),
            Self::MintRemotely { body } => body.len(),
            Self::ExchangeExternally(request) => request.body.expose().len(),
            Self::ConsumeReplay { issuer, key, .. } => issuer.len().saturating_add(key.len()),
            Self::AwaitSnapshot
            | Self::FetchKeys { .. }
            | Self::AwaitAudit { .. }
            | Self::AdmitIdentity(_) => 0,
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwaitSnapshot => f.write_str("AwaitSnapshot"),
            Self::FetchKeys { issuer } => f.debug_struct("FetchKeys").field("issuer", issuer).finish(),
            Self::MintRemotely { body: _ } => f.debug_struct("MintRemotely").finish_non_exhaustive(),
            Self::ExchangeExternally(request) => f.debug_tuple("ExchangeExternally").field(request).finish(),
            Self::UserInfo { issuer, endpoint: _, authorization: _, timeout_ms: _ } => {
                f.debug_struct("UserInfo").field("issuer", issuer).finish_non_exhaustive()
            }
            Self::ConsumeReplay { issuer, key, exp } => f
                .debug_struct("ConsumeReplay")
                .field("issuer", issuer)
                .field("key", key)
                .field("exp", exp)
                .finish(),
            Self::AwaitAudit { sequence } => {
                f.debug_struct("AwaitAudit").field("sequence", sequence).finish()
            }
            Self::AdmitIdentity(request) => f
                .debug_struct("AdmitIdentity")
                .field("identity", &request.identity.id)
                .finish_non_exhaustive(),
        }
    }
}

// === impl Answer ===

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("Ready"),
            Self::Overloaded => f.write_str("Overloaded"),
            Self::TimedOut(call) => f.debug_tuple("TimedOut").field(call).finish(),
            Self::Remote(call, remote) => f.debug_tuple("Remote").field(call).field(remote).finish(),
            Self::Body(_) => f.write_str("Body"),
        }
    }
}

// === impl Remote ===

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("status", &self.status).finish_non_exhaustive()
    }
}
