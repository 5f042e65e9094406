//! Which credential a request presents, and whether it is any of our business.

use super::{
    Head,
    source::{self, Carrier},
};
use crate::{
    denial::Denial,
    encoding, json,
    policy::{Policy, Route},
    wire::snapshot::ForeignToken,
};

/// What a request presents.
pub(super) enum Presented<'a, 'p> {
    /// No token.
    Nothing,
    /// A token that the route lets pass unread.
    Foreign(&'a [u8]),
    /// A token to verify.
    Token(&'a [u8], Carrier<'p>),
}

pub(super) fn presented<'a, 'p>(
    head: &Head<'a>,
    policy: &Policy,
    route: &'p Route,
) -> Result<Presented<'a, 'p>, Denial> {
    match source::find(head, &route.sources)? {
        None => Ok(Presented::Nothing),
        Some((token, carrier)) => match route.foreign_token {
            ForeignToken::Pass if is_foreign(token, policy) => Ok(Presented::Foreign(token)),
            ForeignToken::Pass | ForeignToken::Reject => Ok(Presented::Token(token, carrier)),
        },
    }
}

/// No JWT at all, or one whose issuer nobody listed, whatever its algorithm.
fn is_foreign(token: &[u8], policy: &Policy) -> bool {
    let mut segments = token.split(|byte| *byte == b'.');
    let segments = [segments.next(), segments.next(), segments.next(), segments.next()];
    let [Some(_), Some(payload), Some(_), None] = segments else { return true };
    // What has the three segments of a JWS claims to be one, and is held to it.
    let payload = encoding::from_base64url(payload);
    let Some(claims) = payload.and_then(|payload| json::parse_object(&payload).ok()) else { return false };
    match claims.get("iss") {
        None => true,
        Some(iss) => iss.as_str().is_some_and(|iss| !policy.lists_iss(iss) && policy.own_keys(iss).is_none()),
    }
}
