//! What a binding's templates make of a token. Deliberately absent: reading its claims where there is no template.

use alloc::string::String;

use serde_json::{Map, Value};

use super::super::grant::{Desk, Granted};
use crate::{attribute::Facts, denial::Denial, token_cache::Verified, userinfo::UserInfo};

/// What is the binding's own in an access token.
pub(super) struct Shape {
    /// Its `sub`; `None`: the identity's id.
    pub(super) sub: Option<String>,
    /// More claims of it.
    pub(super) claims: Option<Map<String, Value>>,
}

impl Desk<'_> {
    /// Fills the templates of the granted binding.
    ///
    /// What they look at comes from the token, or from what the cache's key names (issuer, binding and login), so that
    /// none of it changes while the access token lies in the cache. A token that does not say enough is refused like one
    /// for which a condition does not hold.
    pub(super) fn shape(
        self,
        granted: &Granted<'_>,
        verified: &Verified,
        identity: &str,
    ) -> Result<Shape, Denial> {
        let Granted { issuer, binding } = granted;
        if binding.subject.is_none() && binding.claims.is_empty() {
            return Ok(Shape { sub: None, claims: None });
        }
        let facts = Facts {
            claims: self.claims(),
            userinfo: None,
            identity_id: Some(identity),
            identity_login: verified.userinfo().and_then(UserInfo::login).map(|login| &**login),
            client_id: &binding.client_id,
            issuer_id: &issuer.id,
            issuer_cluster: issuer.cluster.as_deref(),
        };
        let sub = binding.subject.as_ref().map(|subject| subject.fill(&facts)).transpose();
        let claims = binding.claims.fill(&facts);
        match (sub, claims) {
            (Ok(sub), Ok(claims)) => Ok(Shape { sub, claims: Some(claims) }),
            _ => Err(Denial::ConditionFalse),
        }
    }
}
