//! An access token that somebody else makes: the control plane, or a token endpoint that is not ours.
//!
//! One way for both: what was made before, what was refused a moment ago, then the call, and what its answer means.
//! Deliberately absent: making the call once for all who wait for it, which is the shell's part.

use alloc::{boxed::Box, format, string::String, sync::Arc};

use super::{
    super::{
        Ambient, Call, Counted, Remote,
        grant::{Desk, Granted},
        halt::Halt,
        order::{Issued, Order},
        visit::{Errand, Visit},
    },
    access_key,
};
use crate::{
    denial::Denial,
    exchange::{
        external::{self, Asked, answer::Failure},
        lifetime, remote,
    },
    jose::compact::UntrustedToken,
    policy::ExternalEndpoint,
    time::Timestamp,
    token_cache::{Access, AccessKey, Verified},
    userinfo::UserInfo,
    wire::event::Minted,
};

/// For how long what was refused is not asked for again.
const REFUSED_MS: i64 = 5_000;
/// For how long what could not be had is not asked for again: no longer than `Retry-After` says.
const UNAVAILABLE_MS: i64 = 1_000;

/// Who makes the access token.
#[derive(Clone, Copy)]
pub(in super::super) enum Way<'p> {
    /// The control plane, as its own copy of the route with this id says.
    ControlPlane { route: &'p str },
    /// A token endpoint that is not ours.
    External(&'p ExternalEndpoint),
}

/// What came of a call.
struct Made {
    access: Access,
    /// Whether it may be served again.
    is_kept: bool,
    /// What is to be recorded of it, unless whoever made it does that.
    minted: Option<Minted>,
    counted: Counted,
}

impl<'p> Desk<'p> {
    /// An access token that somebody else makes, or made for the same order before. The subject token has not expired.
    pub(in super::super) fn exchange_elsewhere(
        self,
        way: Way<'_>,
        verified: &mut Verified,
        granted: &Granted<'_>,
        order: &Order<'_>,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Issued, Halt> {
        let now = ambient.now;
        let login = verified.userinfo().and_then(UserInfo::login).map(Arc::clone);
        let strict = self.is_strict() && matches!(way, Way::External(_));
        let key = AccessKey { strict, ..access_key(granted, order, login.as_deref(), way.minter()) };
        if let Some(known) = self.known(verified, &key, ambient)? {
            return Ok(known);
        }
        if strict && !ambient.audit.has_room() {
            return Err(Denial::Overloaded.into());
        }
        let asked = self.asked(order)?;
        let result = match visit.errand {
            Errand::Answered(call, remote) if way.is_about(call, &asked) => {
                let made = read(way, remote, verified, granted, order, now);
                if let Err(failure) = &made {
                    remember(verified, &key, *failure, now);
                }
                made
            }
            Errand::InVain => Err(Failure::NoAnswer),
            // Otherwise the configuration changed meanwhile, or which of the request's tokens counts.
            Errand::Open | Errand::Answered(..) => {
                if let Some((denial, until)) = verified.access.refusal(&key, now) {
                    let left = || seconds(until.millis_since(now));
                    let seconds = (denial == Denial::RateLimited).then(left);
                    return Err(Halt::from(denial).until(seconds));
                }
                // What is made anew for each request counts each time.
                let tag =
                    if verified.access.is_fleeting(&key) { None } else { Some(self.tag(verified, order)) };
                self.count(verified, granted, tag, ambient)?;
                return Err(Halt::Wait(way.call(&asked, ambient)?));
            }
        };
        let Made { access, is_kept, minted, counted } = result.map_err(|failure| {
            visit.exchange_failure = Some(failure);
            Halt::from(failure.denial()).until(failure.retry_after())
        })?;
        // Whoever makes tokens may give the same one twice, and it may be revoked.
        if self.denylist.revokes_jti(&access.jti) {
            return Err(Denial::IdentityRevoked.into());
        }
        let fresh = minted.map(|minted| (minted, self.fields(granted.issuer)));
        match fresh {
            Some(fresh) if strict => {
                let made = (access, fresh, counted, !is_kept);
                Err(self.keep_pending(verified, granted, &key, made, ambient))
            }
            fresh => {
                let authorization = Arc::clone(&access.authorization);
                verified.access.put(&key, if is_kept { access } else { Access::fleeting() });
                Ok(Issued { authorization, fresh: fresh.map(Box::new), counted })
            }
        }
    }

    fn asked<'o>(self, order: &Order<'o>) -> Result<Asked<'o>, Denial>
    where
        'p: 'o,
    {
        let target = order.targets.first().copied().ok_or(Denial::TargetNotAllowed)?;
        // A verified token is ASCII.
        let token = core::str::from_utf8(self.token).map_err(|_| Denial::Internal)?;
        Ok(Asked { token, target, scope: order.scope })
    }
}

fn read(
    way: Way<'_>,
    answer: &Remote,
    verified: &Verified,
    granted: &Granted<'_>,
    order: &Order<'_>,
    now: Timestamp,
) -> Result<Made, Failure> {
    let Remote { status, content_type, body, retry_after: _ } = answer;
    let content_type = content_type.as_deref();
    let subject_exp = order.actor.map_or(i64::MAX, |actor| actor.exp).min(verified.times.exp);
    match way {
        Way::ControlPlane { .. } => {
            let remote::Minted { token, jti, exp } = remote::read(*status, content_type, body)?;
            let exp = exp.min(subject_exp);
            if exp <= now.secs() {
                return Err(Failure::Malformed);
            }
            let kid =
                UntrustedToken::parse(token.as_bytes()).ok().and_then(|jws| jws.kid().map(String::from));
            let access = access(&token, jti, exp, now, kid);
            Ok(Made { access, is_kept: true, minted: None, counted: Counted::MintedRemote })
        }
        Way::External(endpoint) => {
            let obtained = external::answer::read(*status, content_type, body, endpoint.grant, order.scope)?;
            let external::answer::Obtained { token, expires_in, scope } = obtained;
            let ends = expires_in.map_or(i64::MAX, |seconds| now.secs().saturating_add(seconds.into()));
            let binding = granted.binding;
            let exp = lifetime::expiry(now, binding.ttl, subject_exp, binding.until, ends)
                .ok_or(Failure::Refused(Denial::TokenExpired))?;
            let jti = external::name_of(&token);
            let minted = Minted {
                jti: jti.clone(),
                kid: format!("external:{}", endpoint.id),
                target: order.targets.join(" "),
                scope: scope.unwrap_or_else(|| order.scope.into()),
                exp,
            };
            let access = access(&token, jti, exp, now, None);
            let (is_kept, counted) = (expires_in.is_some(), Counted::MintedExternal);
            Ok(Made { access, is_kept, minted: Some(minted), counted })
        }
    }
}

fn access(token: &str, jti: String, exp: i64, now: Timestamp, kid: Option<String>) -> Access {
    Access {
        authorization: format!("Bearer {token}").into(),
        exp,
        usable_until: lifetime::usable_until(now, exp),
        jti,
        kid,
        pending: None,
    }
}

fn remember(verified: &mut Verified, key: &AccessKey<'_>, failure: Failure, now: Timestamp) {
    let denial = failure.denial();
    let lasts = match failure.retry_after() {
        // No longer than it takes until there is room.
        Some(seconds) => i64::from(seconds).saturating_mul(1_000),
        None if denial.row().status >= 500 => UNAVAILABLE_MS,
        None => REFUSED_MS,
    };
    verified.access.refuse(key, denial, now.plus_millis(lasts));
}

/// Whole seconds, rounded up, at least one.
fn seconds(millis: i64) -> u32 {
    u32::try_from(millis.saturating_add(999).div_euclid(1_000).max(1)).unwrap_or(u32::MAX)
}

// === impl Way ===

impl<'p> Way<'p> {
    /// What makes the access token, for the caches.
    fn minter(self) -> &'p [u8] {
        match self {
            Self::ControlPlane { .. } => b"control-plane",
            Self::External(endpoint) => endpoint.digest.as_bytes(),
        }
    }

    fn call(self, asked: &Asked<'_>, ambient: &mut Ambient<'_>) -> Result<Call, Denial> {
        match self {
            Self::ControlPlane { route } => {
                Ok(Call::MintRemotely { body: remote::request(route, asked.token) })
            }
            Self::External(endpoint) => {
                let jti = (ambient.random)().ok_or(Denial::Internal)?;
                external::request(endpoint, asked, ambient.crypto, ambient.now, &jti)
                    .map(|request| Call::ExchangeExternally(Box::new(request)))
                    .map_err(|_| Denial::Internal)
            }
        }
    }

    /// Whether `call` asked for what is asked for now.
    fn is_about(self, call: &Call, asked: &Asked<'_>) -> bool {
        match (self, call) {
            (Self::ControlPlane { route }, Call::MintRemotely { body }) => {
                *body == remote::request(route, asked.token)
            }
            (Self::External(endpoint), Call::ExchangeExternally(request)) => {
                request.key == external::key(endpoint, asked)
            }
            _ => false,
        }
    }
}
