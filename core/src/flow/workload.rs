//! The workload that a granted token is for: its identity, and the digest of the token.

use alloc::sync::Arc;

use super::grant::{Desk, Granted};
use crate::{
    digest::Digest,
    identity::{identity_audience, identity_id},
    policy::Binding,
    token_cache::Verified,
    wire::event::IdentityTuple,
};

impl Desk<'_> {
    /// The identity's id, kept with the token: hashing it for every request would cost as much as the rest of a hit.
    pub(super) fn identity(self, granted: &Granted<'_>, verified: &mut Verified) -> Arc<str> {
        let Granted { issuer, binding } = granted;
        if let Some((digest, identity)) = &verified.identity
            && *digest == binding.digest
        {
            return Arc::clone(identity);
        }
        let audience = audience_of(binding, verified);
        let tenant = &self.policy.header.tenant;
        let id = identity_id(tenant, &binding.client_id, &issuer.id, audience, &verified.subject);
        let identity: Arc<str> = id.into();
        verified.identity = Some((binding.digest, Arc::clone(&identity)));
        identity
    }

    /// SHA-256 of the subject token, for the operator; computed once per token.
    pub(super) fn sha256(self, verified: &mut Verified) -> Digest {
        *verified.sha256.get_or_insert_with(|| Digest::of(self.token))
    }

    pub(super) fn tuple(self, granted: &Granted<'_>, verified: &mut Verified) -> IdentityTuple {
        let Granted { issuer, binding } = granted;
        IdentityTuple {
            id: (*self.identity(granted, verified)).into(),
            client_id: binding.client_id.clone(),
            issuer: (*issuer.id).into(),
            audience: audience_of(binding, verified).into(),
            subject: verified.subject.clone(),
        }
    }
}

fn audience_of<'v>(binding: &Binding, verified: &'v Verified) -> &'v str {
    // The binding was found by one of these audiences, so there is one.
    identity_audience(&verified.audiences, |audience| binding.accepts(audience)).unwrap_or_default()
}
