//! Who is calling: an administrator or a gateway, by bearer token. Tokens are compared by their SHA-256 and never kept.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use cambist_core::secret::Secret;
use serde::Deserialize as _;

use crate::{
    app::App,
    documents::GatewayDocument,
    problem::Problem,
    request::RequestId,
    store::records::{Author, Digest, GatewayToken},
    text::{self, NoRandomness},
};

const ADMIN: &str = "adm_";
const GATEWAY: &str = "gw_";
const CLIENT: &str = "cs_";

/// An administrator.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The tenant it administers.
    pub tenant: String,
    actor: String,
    request: String,
}

/// A gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// What the store knows of it.
    pub token: GatewayToken,
    /// Id of the request.
    pub request: String,
}

/// A new admin token.
pub fn admin_token() -> Result<Secret<String>, NoRandomness> {
    token(ADMIN)
}

/// A new gateway token.
pub fn gateway_token() -> Result<Secret<String>, NoRandomness> {
    token(GATEWAY)
}

/// A new secret of a client.
pub fn client_secret() -> Result<Secret<String>, NoRandomness> {
    token(CLIENT)
}

/// What is stored of a token.
pub fn digest(token: &Secret<String>) -> Digest {
    text::sha256(token.expose().as_bytes())
}

/// 256 random bits behind a prefix that says what it is.
fn token(prefix: &str) -> Result<Secret<String>, NoRandomness> {
    let secret = Secret::new(text::random::<32>()?);
    Ok(Secret::new(format!("{prefix}{}", text::base32(secret.expose()))))
}

/// The SHA-256 of the one bearer token, if it has `prefix`.
fn bearer(headers: &HeaderMap, prefix: &str) -> Result<Digest, Problem> {
    let missing = || {
        Problem::unauthorized(format!(
            "Send `authorization: Bearer {prefix}…` with a token of this deployment."
        ))
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || !token.starts_with(prefix) {
        return Err(missing());
    }
    Ok(text::sha256(token.as_bytes()))
}

fn same(a: Digest, b: Digest) -> bool {
    constant_time::verify_slices_are_equal(&a, &b).is_ok()
}

fn refused() -> Problem {
    Problem::unauthorized("The token is unknown; it may have been replaced.")
}

// === impl Admin ===

impl Admin {
    /// The author of what this request changes.
    pub fn author(&self, app: &App) -> Author {
        Author { actor: self.actor.clone(), request: self.request.clone(), at: app.clock.now() }
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let digest = bearer(&parts.headers, ADMIN)?;
        let token = app.store.admin_token(digest).await?;
        let token = token.filter(|token| same(token.token_sha256, digest)).ok_or_else(refused)?;
        let actor = format!("admin:{}", token.name);
        Ok(Self { tenant: token.tenant, actor, request: RequestId::of(parts) })
    }
}

// === impl Gateway ===

impl Gateway {
    /// The author of what this request changes.
    pub fn author(&self, app: &App) -> Author {
        let actor = format!("gateway:{}", self.token.gateway);
        Author { actor, request: self.request.clone(), at: app.clock.now() }
    }

    /// What the administrator wrote of it.
    pub fn document(&self) -> Result<GatewayDocument, Problem> {
        GatewayDocument::deserialize(&self.token.doc).map_err(|error| {
            tracing::error!(%error, "a stored gateway cannot be read");
            Problem::internal()
        })
    }

    /// Looks the token up again, for requests that were held a while.
    pub async fn renew(&mut self, app: &App) -> Result<(), Problem> {
        self.token = app.store.gateway_token(self.token.token_sha256).await?.ok_or_else(refused)?;
        Ok(())
    }
}

impl FromRequestParts<Arc<App>> for Gateway {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let digest = bearer(&parts.headers, GATEWAY)?;
        let token = app.store.gateway_token(digest).await?;
        let token = token.filter(|token| same(token.token_sha256, digest)).ok_or_else(refused)?;
        Ok(Self { token, request: RequestId::of(parts) })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{ADMIN, admin_token, bearer};

    fn mk_headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn tokens_hold_256_bits_and_differ() {
        let (a, b) = (admin_token().unwrap(), admin_token().unwrap());
        assert_eq!(a.expose().len(), ADMIN.len() + 52);
        assert_ne!(a.expose(), b.expose());
    }

    #[test]
    fn takes_exactly_one_bearer_token_of_its_kind() {
        assert!(bearer(&mk_headers(&["Bearer adm_x"]), ADMIN).is_ok());
        assert!(bearer(&mk_headers(&["bearer  adm_x"]), ADMIN).is_ok());
        for values in
            [&[][..], &["adm_x"], &["Basic adm_x"], &["Bearer gw_x"], &["Bearer adm_x", "Bearer adm_x"]]
        {
            assert!(bearer(&mk_headers(values), ADMIN).is_err(), "{values:?}");
        }
    }
}
