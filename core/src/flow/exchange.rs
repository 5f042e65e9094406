//! The swap: an access token for a granted subject token, from the cache or minted now.

use alloc::{format, string::String, sync::Arc};

use super::{
    Ambient, Counted, Credential, Edits, Report,
    grant::{Desk, Granted},
};
use crate::{
    denial::Denial,
    exchange::{
        lifetime,
        mint::{self, AccessToken, Workload},
    },
    policy::{FieldValues, MintingKey},
    token_cache::{Access, AccessKey, Verified},
    userinfo::UserInfo,
    wire::{event::Minted, snapshot::Mode},
};

impl Desk<'_> {
    pub(super) fn exchange(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Edits, Denial> {
        let Self { policy, route, denylist, .. } = self;
        let Granted { issuer, binding } = granted;
        let now = ambient.now;
        let target = binding.target(route.target.as_deref())?;
        // An expired token is never exchanged, whatever the leeway for verifying (law 6).
        if now.secs() >= verified.times.exp {
            return Err(Denial::TokenExpired);
        }
        let minting = policy.minting_key(now).ok_or(Denial::ConfigStale)?;
        if route.mode == Mode::Observe {
            // Nothing is minted for a request that goes on as it came: the token would lie in the cache unrecorded.
            return Ok(Edits::untouched(Counted::Observed(None)));
        }
        let login = verified.userinfo().and_then(UserInfo::login).map(Arc::clone);
        let key = AccessKey {
            actor: None,
            issuer: issuer.digest,
            binding: binding.digest,
            target,
            scope: &route.scope,
            login: login.as_deref(),
            // The fields of the workload need no part: they come from the subject token, which the entry belongs to,
            // by the issuer's rules, which its digest covers.
            minter: minting.digest.as_bytes(),
        };
        let known = verified.access.get(&key, now).filter(|access| !denylist.revokes_jti(&access.jti));
        if let Some(access) = known {
            let credential = Credential::Replace(Arc::clone(&access.authorization));
            let report = Report::counted(Counted::MintedCached);
            return Ok(Edits::new(credential, report));
        }
        let fields = self.fields(issuer);
        let (access, record) = self.mint(verified, granted, &fields, target, minting, ambient)?;
        let credential = Credential::Replace(Arc::clone(&access.authorization));
        verified.access.put(&key, access);
        let report = if self.audited {
            let (token, identity) = (self.sha256(verified), self.tuple(granted, verified));
            Report::minted(route, &token, identity, fields, record, policy.header.epoch)
        } else {
            Report::counted(Counted::Minted)
        };
        Ok(Edits::new(credential, report))
    }

    fn mint(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        fields: &FieldValues,
        target: &str,
        minting: &MintingKey,
        ambient: &mut Ambient<'_>,
    ) -> Result<(Access, Minted), Denial> {
        let Granted { issuer, binding } = granted;
        let now = ambient.now;
        let exp = lifetime::expiry(now, binding.ttl, verified.times.exp, binding.until, minting.not_after)
            .ok_or(Denial::TokenExpired)?;
        let jti = (ambient.random)().ok_or(Denial::Internal)?;
        let scope = self.route.scope.as_str();
        let identity = self.identity(granted, verified);
        let token = AccessToken {
            iss: &self.policy.header.authority,
            sub: &identity,
            aud: target,
            client_id: &binding.client_id,
            scope: Some(scope).filter(|scope| !scope.is_empty()),
            jti,
            iat: now.secs(),
            exp,
            workload: Workload {
                iss: &issuer.iss,
                sub: &verified.subject,
                cluster: issuer.cluster.as_deref(),
                login_id: verified.userinfo().and_then(UserInfo::login).map(|login| &**login),
                fields: &fields.identity,
            },
        };
        let text = mint::mint(ambient.crypto, &minting.key, &token).map_err(|_| Denial::Internal)?;
        let jti = mint::jti_text(&jti);
        let access = Access {
            authorization: format!("Bearer {text}").into(),
            usable_until: lifetime::usable_until(now, exp),
            jti: jti.clone(),
        };
        let kid = String::from(minting.key.kid());
        Ok((access, Minted { jti, kid, target: target.into(), scope: scope.into(), exp }))
    }
}
