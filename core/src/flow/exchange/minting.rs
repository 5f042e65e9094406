//! Minting with a key of the policy.

use alloc::string::String;

use super::super::{
    Ambient,
    grant::{Desk, Granted},
    order::Order,
};
use crate::{
    denial::Denial,
    exchange::{
        lifetime,
        mint::{self, AccessToken, Workload},
    },
    policy::{FieldValues, MintingKey},
    token_cache::{Access, Verified},
    userinfo::UserInfo,
    wire::event::Minted,
};

impl Desk<'_> {
    /// Mints what `order` says, with what is to be recorded of it.
    pub(in super::super) fn mint(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        order: &Order<'_>,
        minting: &MintingKey,
        ambient: &mut Ambient<'_>,
    ) -> Result<(Access, (Minted, FieldValues)), Denial> {
        let Granted { issuer, binding } = granted;
        let Order { targets, scope, actor } = *order;
        let now = ambient.now;
        // Who acts may do so no longer than its own token lasts.
        let subject_exp = actor.map_or(i64::MAX, |actor| actor.exp).min(verified.times.exp);
        let exp = lifetime::expiry(now, binding.ttl, subject_exp, binding.until, minting.not_after)
            .ok_or(Denial::TokenExpired)?;
        let jti = (ambient.random)().ok_or(Denial::Internal)?;
        let fields = self.fields(issuer);
        let identity = self.identity(granted, verified);
        let shape = self.shape(granted, verified, &identity)?;
        let authority = &*self.policy.header.authority;
        let token = AccessToken {
            profile: binding.profile,
            iss: authority,
            sub: shape.sub.as_deref().unwrap_or(&identity),
            aud: targets,
            client_id: &binding.client_id,
            scope: Some(scope).filter(|scope| !scope.is_empty()),
            jti,
            iat: now.secs(),
            exp,
            act: actor.map(|actor| mint::Actor {
                iss: authority,
                sub: &actor.identity.id,
                act: actor.before.as_ref(),
            }),
            identity: shape.sub.is_some().then_some(&*identity),
            workload: Some(Workload {
                iss: &issuer.iss,
                sub: &verified.subject,
                cluster: issuer.cluster.as_deref(),
                issuer: Some(&issuer.id),
                login_id: verified.userinfo().and_then(UserInfo::login).map(|login| &**login),
                fields: &fields.identity,
            }),
            claims: shape.claims.as_ref(),
        };
        let text = mint::mint(ambient.crypto, &minting.key, &token).map_err(|_| Denial::Internal)?;
        let jti = mint::jti_text(&jti);
        let access = Access {
            authorization: ["Bearer ", &text].concat().into(),
            exp,
            usable_until: lifetime::usable_until(now, exp),
            jti: jti.clone(),
            kid: None,
            pending: None,
        };
        let kid = String::from(minting.key.kid());
        let target = targets.join(" ");
        Ok((access, (Minted { jti, kid, target, scope: scope.into(), exp }, fields)))
    }
}
