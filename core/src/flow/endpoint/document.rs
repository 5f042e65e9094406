//! What the authority publishes, from the policy.

use alloc::string::{String, ToString};

use super::Endpoint;
use crate::{
    exchange::{Venue, metadata},
    flow::{Counted, Report, Response, Step},
    policy::Policy,
};

#[cold]
pub(super) fn answer(endpoint: Endpoint, policy: &Policy, venue: Venue) -> Step {
    let jwks = policy.authority_jwks();
    let (content_type, body) = match endpoint {
        Endpoint::Keys => {
            let empty = || String::from("{\"keys\":[]}");
            ("application/jwk-set+json", jwks.map_or_else(empty, ToString::to_string))
        }
        Endpoint::Metadata | Endpoint::Token | Endpoint::Exchange => {
            ("application/json", metadata::document(&policy.header.authority, venue, jwks))
        }
    };
    let response = Response::document(content_type, body);
    Step::Reply { response, path: None, report: Report::counted(Counted::Document) }
}
