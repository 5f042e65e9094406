//! The swap: an access token for a granted subject token, from the cache or made now.

mod elsewhere;
mod minting;
mod pending;
mod shape;
mod swap;

use alloc::{boxed::Box, sync::Arc};

use self::{elsewhere::Way, pending::acknowledged};
use super::{
    Ambient, Counted, Venue,
    grant::{Desk, Granted},
    halt::Halt,
    order::{Issued, Order},
};
use crate::{
    denial::Denial,
    policy::MintingKey,
    time::Timestamp,
    token_cache::{Access, AccessKey, Verified},
    userinfo::UserInfo,
};

impl<'p> Desk<'p> {
    /// An access token that this VM mints, or minted for the same order before. The subject token has not expired.
    pub(super) fn exchange(
        self,
        minting: &MintingKey,
        verified: &mut Verified,
        granted: &Granted<'_>,
        order: &Order<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Issued, Halt> {
        let login = verified.userinfo().and_then(UserInfo::login).map(Arc::clone);
        let strict = self.is_strict();
        let key =
            AccessKey { strict, ..access_key(granted, order, login.as_deref(), minting.digest.as_bytes()) };
        if let Some(known) = self.known(verified, &key, ambient)? {
            return Ok(known);
        }
        if strict && !ambient.audit.has_room() {
            return Err(Denial::Overloaded.into());
        }
        if self.is_errand() {
            let tag = self.tag(verified, order);
            self.count(verified, granted, Some(tag), ambient)?;
        }
        let (access, minted) = self.mint(verified, granted, order, minting, ambient)?;
        if strict {
            let made = (access, minted, Counted::Minted, false);
            return Err(self.keep_pending(verified, granted, &key, made, ambient));
        }
        let issued = Issued {
            authorization: Arc::clone(&access.authorization),
            fresh: Some(Box::new(minted)),
            counted: Counted::Minted,
        };
        if self.venue == Venue::Gateway {
            verified.access.put(&key, access);
        }
        Ok(issued)
    }

    /// The key that mints now for this token, if anything may be minted for it at all.
    pub(super) fn minter(
        self,
        granted: &Granted<'_>,
        verified: &Verified,
        now: Timestamp,
    ) -> Result<&'p MintingKey, Denial> {
        unexpired(verified, now)?;
        self.policy.minting_key(now, granted.binding.alg).ok_or(Denial::ConfigStale)
    }

    /// What was made for the same order before and may still be served; it waits for its record where that is awaited.
    fn known(
        self,
        verified: &mut Verified,
        key: &AccessKey<'_>,
        ambient: &Ambient<'_>,
    ) -> Result<Option<Issued>, Halt> {
        let Some(access) = verified.access.get(key, ambient.now) else { return Ok(None) };
        let Access { authorization, jti, kid, pending, exp: _, usable_until: _ } = &*access;
        let stands =
            !self.denylist.revokes_jti(jti) && kid.as_deref().is_none_or(|kid| self.policy.publishes(kid));
        if !stands {
            return Ok(None);
        }
        let authorization = Arc::clone(authorization);
        let mut counted = Counted::MintedCached;
        if let Some(pending) = *pending {
            counted = acknowledged(pending, ambient)?;
            access.pending = None;
            if pending.is_once {
                *access = Access::fleeting();
            }
        }
        Ok(Some(Issued { authorization, fresh: None, counted }))
    }
}

/// An expired token is never exchanged, whatever the leeway for verifying (law 6).
pub(super) fn unexpired(verified: &Verified, now: Timestamp) -> Result<(), Denial> {
    if now.secs() >= verified.times.exp { Err(Denial::TokenExpired) } else { Ok(()) }
}

/// Everything that what is made for `order` depends on. `minter` is the digest of what makes it.
fn access_key<'k>(
    granted: &Granted<'_>,
    order: &Order<'k>,
    login: Option<&'k str>,
    minter: &'k [u8],
) -> AccessKey<'k> {
    let Granted { issuer, binding } = granted;
    AccessKey {
        actor: order.actor.map(|actor| actor.token),
        issuer: issuer.digest,
        binding: binding.digest,
        targets: order.targets,
        scope: order.scope,
        login,
        // The fields of the workload need no part: they come from the subject token, which the entry belongs to,
        // by the issuer's rules, which its digest covers.
        minter,
        strict: false,
    }
}
