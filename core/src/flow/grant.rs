//! From a presented token to edits: verify or find it verified, authorise, exchange or find it exchanged.

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};

use super::{Ambient, Call, Counted, Credential, Edits, Report, State, report::Subject};
use crate::{
    denial::Denial,
    denylist::Denylist,
    digest::Digest,
    exchange::{
        lifetime,
        mint::{self, AccessToken, Workload},
    },
    identity::{identity_audience, identity_id},
    jose::jwt::UntrustedJwt,
    keyring::{Keyring, Lookup},
    policy::{Binding, Issuer, MintingKey, Policy, Route},
    time::Timestamp,
    token_cache::{Access, AccessKey, AccessTokens, Verified},
    wire::{
        event::{IdentityTuple, Minted},
        snapshot::Exchange,
    },
};

/// Why a decision stops here.
#[derive(Debug)]
pub(super) enum Halt {
    /// The request is refused.
    Denied { denial: Denial, subject: Option<Box<Subject>> },
    /// Something has to be fetched first.
    Wait(Call),
}

/// What every decision about a token looks at.
#[derive(Clone, Copy)]
struct Desk<'p> {
    policy: &'p Policy,
    route: &'p Route,
    denylist: &'p Denylist,
}

/// A token that may act for a client on a route: the permit to forward. Only [`Desk::authorize`] makes one.
struct Granted<'p> {
    issuer: &'p Issuer,
    binding: &'p Arc<Binding>,
    identity: Arc<str>,
}

pub(super) fn grant(
    state: &mut State,
    policy: &Policy,
    route: &Route,
    token: &[u8],
    arrived: Timestamp,
    ambient: &mut Ambient<'_>,
) -> Result<Edits, Halt> {
    let State { keyring, verified, access, denylist, .. } = state;
    let desk = Desk { policy, route, denylist };
    if let Some(known) = verified.get(token)
        && let Some(issuer) = desk.still_trusted(known, keyring, ambient.now)
    {
        return desk.serve(access, issuer, known, Counted::VerifiedCached, ambient);
    }
    let (issuer, mut fresh) =
        desk.verify(keyring, token, arrived, ambient).map_err(|halt| halt.of_token(token))?;
    let outcome = desk.serve(access, issuer, &mut fresh, Counted::Verified, ambient);
    // A refused token is kept too: refusing it again must not cost a signature.
    verified.put(token, fresh);
    outcome
}

impl<'p> Desk<'p> {
    /// The issuer of a token that was verified before, if its configuration and its key are still the same.
    ///
    /// Where the key is gone, the long way finds out whether another one verifies the token.
    fn still_trusted(self, known: &Verified, keyring: &Keyring, now: Timestamp) -> Option<&'p Arc<Issuer>> {
        let issuer =
            self.policy.issuer(&known.issuer).filter(|issuer| issuer.digest == known.issuer_digest)?;
        keyring.current(&issuer.id, now)?.contains_thumbprint(&known.thumbprint).then_some(issuer)
    }

    fn verify(
        self,
        keyring: &mut Keyring,
        token: &[u8],
        arrived: Timestamp,
        ambient: &Ambient<'_>,
    ) -> Result<(&'p Arc<Issuer>, Verified), Halt> {
        let jwt = UntrustedJwt::parse(token)?;
        let iss = jwt.iss().filter(|iss| self.policy.lists_iss(iss)).ok_or(Denial::IssuerNotAllowed)?;
        let claims = jwt.claims()?;
        let issuer = self.policy.issuer_of(iss, claims.audiences())?;
        claims.check_times(&issuer.times, ambient.now)?;
        if !issuer.algorithms.contains(&jwt.alg()) {
            return Err(Denial::AlgNotAllowed.into());
        }
        let keys = match keyring.lookup(issuer, jwt.kid(), jwt.alg(), arrived, ambient.now) {
            Lookup::Keys(keys) => keys,
            Lookup::Wait => return Err(Halt::Wait(Call::FetchKeys { issuer: issuer.id.clone() })),
            Lookup::UnknownKid => return Err(Denial::UnknownKid.into()),
            Lookup::Unavailable => return Err(Denial::KeysUnavailable.into()),
        };
        let verified = jwt.verify(&issuer.algorithms, issuer.typ.as_deref(), &keys, ambient.crypto)?;
        Ok((issuer, Verified::new(issuer, Digest::of(token), &verified)))
    }

    /// What follows for a verified token, cached or not.
    fn serve(
        self,
        cache: &mut AccessTokens,
        issuer: &'p Issuer,
        verified: &mut Verified,
        counted: Counted,
        ambient: &mut Ambient<'_>,
    ) -> Result<Edits, Halt> {
        let known = |denial| Halt::denied(denial, verified.sha256, None);
        verified.times.check(&issuer.times, ambient.now).map_err(known)?;
        let granted = self.authorize(issuer, verified, ambient.now)?;
        match self.route.exchange {
            Exchange::None => {
                let credential = if self.route.forward { Credential::Keep } else { Credential::Remove };
                Ok(Edits { credential, headers: Vec::new(), report: Report::counted(counted) })
            }
            Exchange::Gateway => self
                .exchange(cache, verified, &granted, ambient)
                .map_err(|denial| Halt::denied(denial, verified.sha256, Some(granted.tuple(verified)))),
            // The compiler refuses routes that ask for these.
            Exchange::ControlPlane | Exchange::External => Err(Denial::Internal.into()),
        }
    }

    /// The laws that hold for every request.
    fn authorize(
        self,
        issuer: &'p Issuer,
        verified: &mut Verified,
        now: Timestamp,
    ) -> Result<Granted<'p>, Halt> {
        let Self { policy, route, denylist } = self;
        let admits = |client: &str| route.clients.contains(client) && policy.client_enabled(client);
        let binding = issuer
            .binding_for(&verified.audiences, &verified.subject, now.secs(), admits)
            .map_err(|denial| Halt::denied(denial, verified.sha256, None))?
            .binding();
        let identity = self.identity(issuer, binding, verified);
        let granted = Granted { issuer, binding, identity };
        let revoked = denylist.revokes_issuer(&issuer.id)
            || denylist.revokes_client(&binding.client_id)
            || denylist.revokes_identity(&granted.identity);
        let decision =
            if revoked { Err(Denial::IdentityRevoked) } else { binding.allows_scopes(&route.scopes) };
        match decision {
            Ok(()) => Ok(granted),
            Err(denial) => Err(Halt::denied(denial, verified.sha256, Some(granted.tuple(verified)))),
        }
    }

    /// The identity's id; hashing it again for every request would cost as much as the rest of a cache hit.
    fn identity(self, issuer: &Issuer, binding: &Binding, verified: &mut Verified) -> Arc<str> {
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

    fn exchange(
        self,
        cache: &mut AccessTokens,
        verified: &Verified,
        granted: &Granted<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Edits, Denial> {
        let Self { policy, route, denylist } = self;
        let Granted { issuer, binding, .. } = granted;
        let now = ambient.now;
        let target = binding.target(route.target.as_deref())?;
        // An expired token is never exchanged, whatever the leeway for verifying (law 6).
        if now.secs() >= verified.times.exp {
            return Err(Denial::TokenExpired);
        }
        let minting = policy.minting_key(now).ok_or(Denial::ConfigStale)?;
        let key = AccessKey {
            token: &verified.sha256,
            actor: None,
            issuer: &issuer.digest,
            binding: &binding.digest,
            target,
            scope: &route.scope,
            minter: minting.key.kid().as_bytes(),
        };
        if let Some(access) = cache.get(&key, now).filter(|access| !denylist.revokes_jti(&access.jti)) {
            let credential = Credential::Replace(Arc::clone(&access.authorization));
            let report = Report::counted(Counted::MintedCached);
            return Ok(Edits { credential, headers: Vec::new(), report });
        }
        let (access, record) = self.mint(verified, granted, target, minting, ambient)?;
        let credential = Credential::Replace(Arc::clone(&access.authorization));
        cache.put(&key, access);
        let identity = granted.tuple(verified);
        let report = Report::minted(route, &verified.sha256, identity, record, policy.header.epoch);
        Ok(Edits { credential, headers: Vec::new(), report })
    }

    fn mint(
        self,
        verified: &Verified,
        granted: &Granted<'_>,
        target: &str,
        minting: &MintingKey,
        ambient: &mut Ambient<'_>,
    ) -> Result<(Access, Minted), Denial> {
        let Granted { issuer, binding, identity } = granted;
        let now = ambient.now;
        let exp = lifetime::expiry(now, binding.ttl, verified.times.exp, binding.until, minting.not_after)
            .ok_or(Denial::TokenExpired)?;
        let jti = (ambient.random)().ok_or(Denial::Internal)?;
        let scope = self.route.scope.as_str();
        let token = AccessToken {
            iss: &self.policy.header.authority,
            sub: identity,
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

// === impl Granted ===

impl Granted<'_> {
    fn tuple(&self, verified: &Verified) -> IdentityTuple {
        let Self { issuer, binding, identity } = self;
        IdentityTuple {
            id: String::from(&**identity),
            client_id: binding.client_id.clone(),
            issuer: issuer.id.clone(),
            audience: audience_of(binding, verified).into(),
            subject: verified.subject.clone(),
        }
    }
}

fn audience_of<'v>(binding: &Binding, verified: &'v Verified) -> &'v str {
    // The binding was found by one of these audiences, so there is one.
    identity_audience(&verified.audiences, |audience| binding.accepts(audience)).unwrap_or_default()
}

// === impl Halt ===

impl Halt {
    fn denied(denial: Denial, token: Digest, identity: Option<IdentityTuple>) -> Self {
        Self::Denied { denial, subject: Some(Box::new(Subject { token: Some(token), identity })) }
    }

    /// Adds the token's digest to a denial that knows nothing of it.
    fn of_token(self, token: &[u8]) -> Self {
        match self {
            Self::Denied { denial, subject: None } => Self::denied(denial, Digest::of(token), None),
            other @ (Self::Denied { .. } | Self::Wait(_)) => other,
        }
    }
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Denied { denial, subject: None }
    }
}
