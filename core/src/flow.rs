//! The request state machine: from a request head to an owned [`Step`], and on from every answer.
//!
//! Deliberately absent: hostcalls, waiting, counting. The shell carries a step out; what it means is decided here.

mod credential;
mod endpoint;
mod errand;
mod exchange;
mod gate;
mod grant;
mod halt;
mod hosts;
mod order;
mod own;
mod parts;
mod report;
mod request;
mod resource;
mod response;
mod revocation;
mod shadow;
mod source;
mod state;
mod step;
mod terms;
mod told;
mod userinfo;
mod verdict;
mod visit;
mod workload;

use alloc::{boxed::Box, sync::Arc};

use self::{
    credential::{Presented, presented},
    grant::Served,
    halt::Halt,
    request::Place,
    terms::Terms,
    visit::Visit,
};
pub use self::{
    errand::{Errand, mint_for},
    hosts::Hosts,
    report::{Counted, ExchangeFailure, Report, UserInfoFailure},
    request::{Head, Request},
    response::Response,
    revocation::{RevokedToken, revoke},
    shadow::Shadowed,
    state::State,
    step::{Answer, Call, Credential, Edits, Flow, Remote, Step},
};
pub use crate::exchange::Venue;
use crate::{
    audit_queue::AuditQueue,
    bearer,
    crypto::Crypto,
    denial::Denial,
    policy::{Policy, Route},
    rate::Limiter,
    time::Timestamp,
    wire::snapshot::Mode,
};

/// What a decision needs from outside.
pub struct Ambient<'a> {
    /// The time.
    pub now: Timestamp,
    /// Signatures.
    pub crypto: &'a dyn Crypto,
    /// 16 random bytes for a `jti`, or `None` if there are none to be had.
    pub random: &'a mut dyn FnMut() -> Option<[u8; 16]>,
    /// Who counts exchanges.
    pub limiter: &'a mut dyn Limiter,
    /// Events on their way to the control plane. Only what a decision waits to see acknowledged is put there by it.
    pub audit: &'a mut AuditQueue,
}

/// Decides about a request as far as that is possible at once.
pub fn start(state: &mut State, head: &Head<'_>, ambient: &mut Ambient<'_>) -> Step {
    let mut visit = Visit::first(ambient.now);
    let step = decide(state, head, &mut visit, ambient);
    step.with_notes(visit.notes, state)
}

/// Goes on after `answer` to the call that [`start`] or an earlier `resume` asked for.
///
/// The whole decision is made again with what is known now, so nothing that changed while waiting is missed.
pub fn resume(state: &mut State, flow: &Flow, answer: &Answer, ambient: &mut Ambient<'_>) -> Step {
    if let Some(mut visit) = Visit::again(flow, answer) {
        let step = flow.request.with_head(|head| decide(state, head, &mut visit, ambient));
        let step = step.with_notes(core::mem::take(&mut visit.notes), state);
        let (Answer::TimedOut(call) | Answer::Remote(call, _)) = answer else { return step };
        return match (visit.failure, visit.exchange_failure) {
            (Some(failure), _) => step.with_userinfo_failure(call, failure),
            (None, Some(failure)) => step.with_exchange_failure(call, failure),
            (None, None) => step,
        };
    }
    let denial = denial_of(answer);
    if let Some(step) = flow.request.with_head(|head| endpoint::refuse_waiting(state, head, denial)) {
        return step;
    }
    let route =
        state.policy().and_then(|policy| flow.request.with_head(|head| find_route(&policy, head).ok()));
    match route {
        Some(route) if route.mode == Mode::Observe => {
            Step::observed(Some(denial), &route, None, state.epoch())
        }
        Some(route) => flow.request.with_head(|head| refuse(denial, head, &route, None, state.epoch())),
        None => refuse_unrouted(denial, state.epoch()),
    }
}

/// Why an answer that a decision cannot go on with refuses the request.
const fn denial_of(answer: &Answer) -> Denial {
    match answer {
        Answer::TimedOut(Call::FetchKeys { .. }) => Denial::KeysUnavailable,
        Answer::TimedOut(Call::AwaitSnapshot) => Denial::ConfigStale,
        Answer::TimedOut(_) => Denial::UpstreamStsUnavailable,
        Answer::Overloaded => Denial::Overloaded,
        // No other call of this version is answered remotely.
        Answer::Ready | Answer::Remote(..) | Answer::Body(_) => Denial::Internal,
    }
}

fn decide(state: &mut State, head: &Head<'_>, visit: &mut Visit<'_>, ambient: &mut Ambient<'_>) -> Step {
    if let Some(endpoint) = endpoint::find(state, head) {
        return endpoint::answer(endpoint, state, head, visit, ambient);
    }
    if resource::may_be(head)
        && let Some(step) = resource::answer(state, head, ambient.now)
    {
        return step;
    }
    if visit.body.is_some() {
        // Its head is gone on already: it cannot become the request of a route.
        return refuse_unrouted(Denial::ConfigStale, state.epoch());
    }
    let Some(policy) = state.policy() else {
        return Step::call(head, visit, Call::AwaitSnapshot);
    };
    let route = match find_route(&policy, head) {
        Ok(route) => route,
        Err(denial) => return refuse_unrouted(denial, policy.header.epoch),
    };
    let fresh = state.is_fresh(ambient.now);
    let outcome = match () {
        () if !fresh => Err(Halt::from(Denial::ConfigStale)),
        () if route.cors_preflight && head.is_cors_preflight() => Ok(Edits::preflight(head, &route.sources)),
        () => answer_credential(state, &policy, &route, head, visit, ambient),
    };
    let epoch = policy.header.epoch;
    match (outcome, route.mode) {
        (Ok(_), Mode::Observe) => Step::observed(None, &route, None, epoch),
        (Err(Halt::Denied { denial, subject }), Mode::Observe) => {
            Step::observed(Some(denial), &route, subject, epoch)
        }
        // An observed request is never held up: the keys come for those after it.
        (Err(Halt::Wait(_)), Mode::Observe) => {
            Step::observed(Some(Denial::KeysUnavailable), &route, None, epoch)
        }
        (Ok(edits), _) if route.sources.is_plain() => Step::Forward(edits),
        (Ok(edits), _) => Step::Forward(edits.without_parts(head, &route.sources)),
        (Err(Halt::Wait(call)), _) => Step::call(head, visit, call),
        (Err(Halt::Denied { denial, subject }), _) => refuse(denial, head, &route, subject, epoch),
    }
}

fn answer_credential(
    state: &mut State,
    policy: &Policy,
    route: &Route,
    head: &Head<'_>,
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Result<Edits, Halt> {
    let terms = Terms::Route(route);
    // The form of a token that was verified before needs no second look.
    if route.sources.is_plain()
        && let Some(token) = bearer::sole(head.authorization)
        && let Some(outcome) = grant::grant_known(state, policy, terms, token, visit, ambient)
    {
        return outcome.and_then(Served::into_edits);
    }
    match presented(head, policy, route)? {
        Presented::Nothing if route.mode == Mode::Optional => Ok(Edits::untouched(Counted::Unauthenticated)),
        // What an observed request lacks is told as if the route required it.
        Presented::Nothing => Err(Denial::TokenMissing.into()),
        Presented::Foreign(token) => {
            if policy.has_trials() {
                grant::try_foreign(state, policy, terms, token, visit, ambient);
            }
            Ok(Edits::untouched(Counted::Foreign))
        }
        Presented::Token(token, carrier) => {
            // Where it can stand in one place only it was looked for above.
            let serve = if route.sources.is_plain() { grant::grant_new } else { grant::grant };
            serve(state, policy, terms, token, visit, ambient)
                .and_then(Served::into_edits)
                .map(|edits| edits.of(carrier, route))
        }
    }
}

fn find_route(policy: &Policy, head: &Head<'_>) -> Result<Arc<Route>, Denial> {
    let place = Place::of(head)?;
    policy.routes().find(&place.host, place.path, place.method).map(Arc::clone)
}

fn refuse(
    denial: Denial,
    head: &Head<'_>,
    route: &Route,
    subject: Option<Box<report::Subject>>,
    epoch: u64,
) -> Step {
    let retry_after = subject.as_ref().and_then(|subject| subject.retry_after);
    let response = Response::denial(denial, Some(route)).until(retry_after);
    let path = step::scrubbed(head, &route.sources);
    Step::Reply { response, path, report: Report::denied(denial, Some(route), subject, epoch) }
}

/// Where no route is known, neither is where a token may stand.
fn refuse_unrouted(denial: Denial, epoch: u64) -> Step {
    let response = Response::denial(denial, None);
    Step::Reply { response, path: None, report: Report::denied(denial, None, None, epoch) }
}

#[cfg(test)]
mod tests;
