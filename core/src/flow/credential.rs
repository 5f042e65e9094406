//! Which credential a request presents, and whether it is any of our business.

use super::Head;
use crate::{
    bearer::{self, Credential},
    denial::Denial,
    jose::jwt::UntrustedJwt,
    policy::{Policy, Route},
    wire::snapshot::ForeignToken,
};

/// What a request presents.
pub(super) enum Presented<'a> {
    /// No bearer token.
    Nothing,
    /// A bearer token that the route lets pass unread.
    Foreign,
    /// A bearer token to verify.
    Token(&'a [u8]),
}

pub(super) fn presented<'a>(
    head: &Head<'a>,
    policy: &Policy,
    route: &Route,
) -> Result<Presented<'a>, Denial> {
    match bearer::extract(head.authorization)? {
        Credential::None | Credential::OtherScheme => Ok(Presented::Nothing),
        Credential::Bearer(token) => match route.foreign_token {
            ForeignToken::Pass if is_foreign(token, policy) => Ok(Presented::Foreign),
            ForeignToken::Pass | ForeignToken::Reject => Ok(Presented::Token(token)),
        },
    }
}

/// No JWT at all, or one whose issuer nobody listed.
fn is_foreign(token: &[u8], policy: &Policy) -> bool {
    match UntrustedJwt::parse(token) {
        Ok(jwt) => jwt.iss().is_none_or(|iss| !policy.lists_iss(iss)),
        // What has the three segments of a JWS claims to be one, and is held to it.
        Err(_) => token.split(|byte| *byte == b'.').take(4).count() != 3,
    }
}
