//! The authority's endpoints: the token endpoint in its two forms, and the documents that describe it.
//!
//! Deliberately absent: anything that differs between a gateway and the control plane but the venue.

mod acting;
mod credentials;
mod document;
mod granting;
mod remote;

use alloc::boxed::Box;

use super::{
    Ambient, Call, Head, Report, Response, State, Step, halt::Halt, report::Subject, request::Place,
    visit::Visit,
};
use crate::{
    denial::Denial,
    exchange::{
        form::{MAX_BODY_BYTES, is_content_type},
        metadata,
        request::{Grant, TokenRequest},
    },
    wire::snapshot::GrantType,
};

/// One of the authority's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// RFC 6749 §3.2.
    Token,
    /// The token endpoint's JSON form.
    Exchange,
    /// Discovery and authorization server metadata.
    Metadata,
    /// The published keys.
    Keys,
}

/// What the token endpoint answers, and what is recorded of it.
pub(super) struct GrantAnswer {
    pub(super) response: Response,
    pub(super) report: Report,
}

/// The endpoint that a request is for, if this is the place where it is answered.
pub(super) fn find(state: &State, head: &Head<'_>) -> Option<Endpoint> {
    if state.endpoints.is_empty() {
        return None;
    }
    let path = head.path.split(|byte| *byte == b'?').next()?;
    let endpoint = Endpoint::at(path).or_else(|| {
        let policy = state.policy()?;
        let prefix = metadata::path_of(&policy.header.authority);
        Endpoint::below(path, prefix)
    })?;
    let place = Place::of(head).ok()?;
    state.endpoints.holds(&place.host).then_some(endpoint)
}

/// Answers a request for `endpoint`, as far as that is possible at once.
#[cold]
pub(super) fn answer(
    endpoint: Endpoint,
    state: &mut State,
    head: &Head<'_>,
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Step {
    let epoch = state.epoch();
    if head.method != endpoint.method() {
        return refuse(endpoint, head, Denial::MethodNotAllowed, None, None, epoch);
    }
    let body = match (endpoint.content_type(), visit.body) {
        (None, _) => None,
        (Some(wanted), _) if !head.content_type.is_some_and(|sent| is_content_type(sent, wanted)) => {
            return refuse(endpoint, head, Denial::RequestMalformed, None, None, epoch);
        }
        (Some(_), None) => return Step::need_body(head, visit),
        (Some(_), Some(body)) => Some(body),
    };
    let Some(policy) = state.policy() else {
        return Step::call(head, visit, Call::AwaitSnapshot);
    };
    if !state.is_fresh(ambient.now) {
        return refuse(endpoint, head, Denial::ConfigStale, None, None, epoch);
    }
    let Some(body) = body else {
        return document::answer(endpoint, &policy, state.venue);
    };
    let request = match read(endpoint, head, body) {
        Ok(request) => request,
        Err(denial) => return refuse(endpoint, head, denial, None, None, epoch),
    };
    let kind = request.kind();
    match granting::decide(state, &policy, &request, head, visit, ambient) {
        Ok(GrantAnswer { response, report }) => Step::Reply { response, path: None, report },
        Err(Halt::Wait(call)) => Step::call(head, visit, call),
        Err(Halt::Denied { denial, subject }) => refuse(endpoint, head, denial, Some(kind), subject, epoch),
    }
}

/// The answer to a request for `endpoint` that is refused, whatever else it asks for.
#[cold]
pub(super) fn refuse(
    endpoint: Endpoint,
    head: &Head<'_>,
    denial: Denial,
    grant: Option<GrantType>,
    subject: Option<Box<Subject>>,
    epoch: u64,
) -> Step {
    let retry_after = subject.as_ref().and_then(|subject| subject.retry_after);
    let mut response =
        Response::grant_denial(denial.token_endpoint_row(grant), !head.authorization.is_empty())
            .until(retry_after);
    if denial == Denial::MethodNotAllowed {
        let method = if endpoint.method() == b"GET" { "GET" } else { "POST" };
        response.headers.push(("allow", method.into()));
    }
    Step::Reply { response, path: None, report: Report::denied_grant(denial, grant, subject, epoch) }
}

fn read(endpoint: Endpoint, head: &Head<'_>, body: &[u8]) -> Result<TokenRequest, Denial> {
    if body.len() > MAX_BODY_BYTES {
        return Err(Denial::RequestTooLarge);
    }
    if endpoint == Endpoint::Exchange {
        TokenRequest::from_json(head.authorization, body)
    } else {
        TokenRequest::from_form(head.authorization, body)
    }
}

// === impl Endpoint ===

impl Endpoint {
    fn at(path: &[u8]) -> Option<Self> {
        let is = |known: &str| path == known.as_bytes();
        match () {
            () if is(metadata::TOKEN) => Some(Self::Token),
            () if is(metadata::EXCHANGE) => Some(Self::Exchange),
            () if is(metadata::KEYS) => Some(Self::Keys),
            () if is(metadata::OPENID) || is(metadata::OAUTH) => Some(Self::Metadata),
            () => None,
        }
    }

    /// The same where the authority has a path: it stands before all but what RFC 8414 §3.1 puts before it.
    fn below(path: &[u8], prefix: &str) -> Option<Self> {
        if prefix.is_empty() {
            return None;
        }
        let is_metadata = path.strip_prefix(metadata::OAUTH.as_bytes()) == Some(prefix.as_bytes());
        if is_metadata {
            return Some(Self::Metadata);
        }
        path.strip_prefix(prefix.as_bytes()).and_then(Self::at)
    }

    const fn method(self) -> &'static [u8] {
        match self {
            Self::Token | Self::Exchange => b"POST",
            Self::Metadata | Self::Keys => b"GET",
        }
    }

    const fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Token => Some("application/x-www-form-urlencoded"),
            Self::Exchange => Some("application/json"),
            Self::Metadata | Self::Keys => None,
        }
    }
}

// === impl TokenRequest ===

impl TokenRequest {
    /// The grant by its name.
    pub const fn kind(&self) -> GrantType {
        match self.grant {
            Grant::JwtBearer { .. } => GrantType::JwtBearer,
            Grant::TokenExchange { .. } => GrantType::TokenExchange,
            Grant::ClientCredentials { .. } => GrantType::ClientCredentials,
        }
    }
}

/// Finds the endpoint of a request that waited, and refuses it there.
#[cold]
pub(super) fn refuse_waiting(state: &State, head: &Head<'_>, denial: Denial) -> Option<Step> {
    let endpoint = find(state, head)?;
    Some(refuse(endpoint, head, denial, None, None, state.epoch()))
}
