//! What those behind the gateway are told of a granted token.

use alloc::{string::String, sync::Arc};

use serde_json::{Map, Value};

use super::grant::{Desk, Granted};
use crate::{
    attribute::Facts,
    claims_out::Values,
    denial::Denial,
    encoding, json,
    policy::{FieldValues, Issuer},
    token_cache::{ToldKey, Verified},
    userinfo::UserInfo,
};

impl Desk<'_> {
    /// The route's values for this token, from the cache or made now; `None` where the route tells nothing.
    pub(super) fn tell(
        self,
        granted: &Granted<'_>,
        verified: &mut Verified,
    ) -> Result<Option<Arc<Values>>, Denial> {
        let claims_out = self.terms.route().and_then(|route| route.claims_out.as_ref());
        let Some(claims_out) = claims_out else { return Ok(None) };
        let Granted { issuer, binding } = granted;
        let key = ToldKey { claims_out: claims_out.digest, binding: binding.digest };
        if let Some(values) = verified.told.get(&key) {
            return Ok(Some(Arc::clone(values)));
        }
        let identity = self.identity(granted, verified);
        let values = claims_out.values(&Facts {
            claims: self.claims(),
            userinfo: verified.userinfo().map(UserInfo::members),
            identity_id: Some(&identity),
            identity_login: verified.userinfo().and_then(UserInfo::login).map(|login| &**login),
            client_id: &binding.client_id,
            issuer_id: &issuer.id,
            issuer_cluster: issuer.cluster.as_deref(),
        })?;
        let values = Arc::new(values);
        verified.told.put(key, Arc::clone(&values));
        Ok(Some(values))
    }

    /// What is told of the workload beside its subject. Costs reading the claims: not for a hit.
    pub(super) fn fields(self, issuer: &Issuer) -> FieldValues {
        let Issuer { fields, .. } = issuer;
        if fields.is_empty() { FieldValues::default() } else { fields.of(self.claims()) }
    }
}

impl<'p> Desk<'p> {
    /// All claims of the token, which was verified, or is the same to the byte as one that was.
    pub(super) fn claims(self) -> &'p Map<String, Value> {
        self.claims.get_or_init(|| claims_of(self.token))
    }
}

fn claims_of(token: &[u8]) -> Map<String, Value> {
    let payload = token.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    encoding::from_base64url(payload)
        .and_then(|payload| json::parse_object(&payload).ok())
        .unwrap_or_default()
}
