//! Minting for a request that stands at another VM, which has no key: all that it told is looked at anew.
//!
//! Deliberately absent: whether the one who asks may ask, which the shell knows.

use super::{
    Ambient, Answer, Call, Credential, Flow, Head, State, Step, denial_of,
    grant::{self, Served},
    halt::Halt,
    refuse, refuse_unrouted,
    terms::Terms,
    visit::Visit,
};
use crate::{
    bearer,
    denial::Denial,
    wire::snapshot::{Exchange, Mode},
};

/// What a gateway asks the control plane for. It holds a credential, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    /// The id of a route with `exchange: control-plane`.
    pub route: &'a str,
    /// The subject token.
    pub token: &'a [u8],
}

/// Mints for `errand`, or goes on with that after an answer to a call.
///
/// [`Step::Forward`] carries the access token, `Bearer ` before it; [`Step::Reply`] says in its report why there is none.
pub fn mint_for(
    state: &mut State,
    errand: Errand<'_>,
    past: Option<(&Flow, &Answer)>,
    ambient: &mut Ambient<'_>,
) -> Step {
    let nothing = Head::default();
    let epoch = state.epoch();
    let visit = match past {
        None => Some(Visit::first(ambient.now)),
        Some((flow, answer)) => Visit::again(flow, answer),
    };
    let Some(mut visit) = visit else {
        return refuse_unrouted(past.map_or(Denial::Internal, |(_, answer)| denial_of(answer)), epoch);
    };
    let Some(policy) = state.policy() else {
        return Step::call(&nothing, &visit, Call::AwaitSnapshot);
    };
    let route = policy.route(errand.route);
    let Some(route) =
        route.filter(|route| route.exchange == Exchange::ControlPlane && route.mode != Mode::Observe)
    else {
        return refuse_unrouted(Denial::RouteUnknown, epoch);
    };
    let terms = Terms::Route(route);
    let outcome = match bearer::bare(errand.token) {
        Ok(_) if !state.is_fresh(ambient.now) => Err(Denial::ConfigStale.into()),
        Ok(token) => grant::grant(state, &policy, terms, token, &mut visit, ambient),
        Err(denial) => Err(denial.into()),
    };
    match outcome {
        Ok(Served::Edits(edits)) if matches!(edits.credential, Credential::Replace(_)) => {
            Step::Forward(edits)
        }
        // What needs no exchange was not to be sent here.
        Ok(_) => refuse(Denial::RouteUnknown, &nothing, route, None, epoch),
        Err(Halt::Wait(call)) => Step::call(&nothing, &visit, call),
        Err(Halt::Denied { denial, subject }) => refuse(denial, &nothing, route, subject, epoch),
    }
}
