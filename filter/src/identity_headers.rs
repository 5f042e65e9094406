//! Identity headers from the client: removed before anything else, in every spelling, on every path (law 8).
//!
//! Deliberately absent: which those are. Core says so.

use cambist_core::flow::State;

use crate::host::{HeaderMap, Host};

/// Removes every header that an upstream could take for one of ours. False if one cannot be named and so not removed.
#[must_use]
pub fn strip(host: &dyn Host, headers: &HeaderMap, state: &State) -> bool {
    strip_from(headers, state, |name| host.remove_request_header(name))
}

/// Removes them from the trailers, as [`strip`] does.
#[must_use]
pub fn strip_trailers(host: &dyn Host, trailers: &HeaderMap, state: &State) -> bool {
    strip_from(trailers, state, |name| host.remove_request_trailer(name))
}

fn strip_from(map: &HeaderMap, state: &State, remove: impl Fn(&str)) -> bool {
    let mut all = true;
    for (name, _) in map.headers().filter(|(name, _)| state.is_identity_header(name)) {
        match core::str::from_utf8(name) {
            Ok(name) => remove(name),
            Err(_) => all = false,
        }
    }
    all
}
