//! How a client proves who it is (RFC 6749 §2.3): a secret in `authorization` or in the body, never in both.

use alloc::string::String;

use subtle::ConstantTimeEq as _;

use super::form::decode;
use crate::{denial::Denial, digest::Digest, encoding, secret::Secret, wire::snapshot::Client};

/// Whom a request says it comes from. Nothing of it is proved.
pub struct ClaimedClient {
    /// Its `client_id`.
    pub id: String,
    /// The secret it presents.
    pub secret: Option<Secret<String>>,
}

// === impl ClaimedClient ===

impl ClaimedClient {
    /// Takes what the request says in its `authorization` values and in the body's `client_id` and `client_secret`.
    ///
    /// Refuses more than one method, two ids or a secret without an id ([`Denial::RequestMalformed`]), more than one
    /// `authorization` ([`Denial::MultipleTokens`]), and a scheme other than `Basic` or one that is malformed
    /// ([`Denial::ClientAuthFailed`]).
    pub fn of(
        authorization: &[&[u8]],
        id: Option<String>,
        secret: Option<String>,
    ) -> Result<Option<Self>, Denial> {
        let basic = match authorization {
            [] => None,
            [value] => Some(basic(value).ok_or(Denial::ClientAuthFailed)?),
            [_, _, ..] => return Err(Denial::MultipleTokens),
        };
        match (basic, id, secret) {
            (None, None, None) => Ok(None),
            (None, Some(id), secret) => Ok(Some(Self { id, secret: secret.map(Secret::new) })),
            (Some(basic), None, None) => Ok(Some(basic)),
            (Some(basic), Some(id), None) if basic.id == id => Ok(Some(basic)),
            (Some(_), ..) | (None, None, Some(_)) => Err(Denial::RequestMalformed),
        }
    }

    /// Checks the secret against `client`, which is the one with this id, if there is one that is enabled.
    ///
    /// A secret that is presented must be right. The work is the same for a client that is not there.
    pub fn authenticate(&self, client: Option<&Client>) -> Result<(), Denial> {
        let presented = self.secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()).hex());
        let known = client.map(|client| client.secrets.as_slice()).unwrap_or_default();
        let is_right = presented.as_ref().is_some_and(|presented| {
            let equal = |known: &String| known.as_bytes().ct_eq(presented.as_bytes());
            known.iter().map(equal).fold(subtle::Choice::from(0), |any, one| any | one).into()
        });
        match (client, presented) {
            (None, _) => Err(Denial::ClientUnknown),
            (Some(_), Some(_)) if !is_right => Err(Denial::ClientAuthFailed),
            (Some(_), _) => Ok(()),
        }
    }
}

/// RFC 7617 with both parts form-encoded first (RFC 6749 §2.3.1).
fn basic(value: &[u8]) -> Option<ClaimedClient> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let pair = Secret::new(encoding::from_base64(rest.trim_ascii())?);
    let colon = pair.expose().iter().position(|byte| *byte == b':')?;
    let (id, secret) = pair.expose().split_at_checked(colon)?;
    let secret = Secret::new(decode(secret.get(1..)?).ok()?);
    Some(ClaimedClient { id: decode(id).ok()?, secret: Some(secret) })
}

#[cfg(test)]
mod tests;
