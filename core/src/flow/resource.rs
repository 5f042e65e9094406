//! The metadata of protected resources (RFC 9728), for anyone who asks.

use super::{Counted, Head, Report, Response, State, Step, request::Place};
use crate::{denial::Denial, policy::WELL_KNOWN, time::Timestamp};

/// The answer, if the request is for the metadata of a resource of the policy. Without a policy nothing is known of any.
#[cold]
pub(super) fn answer(state: &State, head: &Head<'_>, now: Timestamp) -> Option<Step> {
    let policy = state.policy()?;
    let path = head.path.split(|byte| *byte == b'?').next()?;
    let place = Place::of(head).ok()?;
    let document = policy.resources().document(&place.host, path, &policy.header.authority)?;
    let denial = match () {
        () if head.method != b"GET" => Some(Denial::MethodNotAllowed),
        () if !state.is_fresh(now) => Some(Denial::ConfigStale),
        () => None,
    };
    let (response, report) = match denial {
        Some(denial) => {
            let mut response = Response::denial(denial, None);
            if denial == Denial::MethodNotAllowed {
                response.headers.push(("allow", "GET".into()));
            }
            (response, Report::denied(denial, None, None, state.epoch()))
        }
        None => (Response::document("application/json", document), Report::counted(Counted::Document)),
    };
    Some(Step::Reply { response, path: None, report })
}

/// Whether a request may be for such metadata: cheap, for every request.
pub(super) fn may_be(head: &Head<'_>) -> bool {
    head.path.starts_with(WELL_KNOWN.as_bytes())
}
