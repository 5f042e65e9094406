//! Token revocation (RFC 7009): which access token of ours a request asks to be revoked, and whether it may.
//!
//! Deliberately absent: revoking it, which needs a store; so only the control plane has this endpoint.

use alloc::string::String;

use super::{Ambient, Head, State, own};
use crate::{
    denial::Denial,
    exchange::{
        client_login::ClaimedClient,
        form::{Form, MAX_BODY_BYTES, is_content_type},
    },
    jose::jwt::UntrustedJwt,
    wire::snapshot::{Client, ClientAuthentication},
};

/// An access token that is to be refused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its name.
    pub jti: String,
    /// Its end in Unix seconds.
    pub exp: i64,
    /// Whom it was issued for.
    pub identity: String,
    /// By which client.
    pub client_id: String,
}

/// What a request to revoke a token names; `None` where that is nothing that anybody would take, which is as good.
///
/// Whoever holds a token of a public client may revoke it; a client with a secret must prove who it is, and whoever names
/// a client must name the token's. The refusals are those of the token endpoint.
#[cold]
pub fn revoke(
    state: &State,
    head: &Head<'_>,
    body: &[u8],
    ambient: &Ambient<'_>,
) -> Result<Option<RevokedToken>, Denial> {
    let is_form = |sent| is_content_type(sent, "application/x-www-form-urlencoded");
    if head.method != b"POST" {
        return Err(Denial::MethodNotAllowed);
    }
    if !head.content_type.is_some_and(is_form) {
        return Err(Denial::RequestMalformed);
    }
    if body.len() > MAX_BODY_BYTES {
        return Err(Denial::RequestTooLarge);
    }
    let mut form = Form::parse(body)?;
    let token = form.take("token").ok_or(Denial::RequestMalformed)?;
    let claimed = ClaimedClient::of(head.authorization, form.take("client_id"), form.take("client_secret"))?;
    let policy = state.policy().filter(|_| state.is_fresh(ambient.now)).ok_or(Denial::ConfigStale)?;
    if let Some(claimed) = &claimed {
        claimed.authenticate(policy.client(&claimed.id))?;
    }
    let Ok(jwt) = UntrustedJwt::parse(token.as_bytes()) else { return Ok(None) };
    let Some(keys) = jwt.iss().and_then(|iss| policy.own_keys(iss)) else { return Ok(None) };
    let Ok(verified) = own::verify(jwt, keys, ambient) else { return Ok(None) };
    let Some(own) = verified.own.as_deref().filter(|own| !own.jti.is_empty()) else { return Ok(None) };
    let is_proved = claimed.as_ref().is_some_and(|claimed| claimed.secret.is_some());
    let demands_proof = |client: &Client| client.authentication == ClientAuthentication::Secret;
    match &claimed {
        // Somebody else's token: no word on whether there is such a one.
        Some(claimed) if claimed.id != own.client_id => return Err(Denial::IdentityNotFound),
        _ if !is_proved && policy.client(&own.client_id).is_some_and(demands_proof) => {
            return Err(Denial::ClientAuthFailed);
        }
        _ => {}
    }
    Ok(Some(RevokedToken {
        jti: own.jti.clone(),
        exp: verified.times.exp,
        identity: own.identity.clone(),
        client_id: own.client_id.clone(),
    }))
}
