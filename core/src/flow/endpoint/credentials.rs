//! The grant `client_credentials` (RFC 6749 §4.4): a client that proves who it is gets a token of its own.

use alloc::{collections::BTreeMap, format, string::String};

use serde_json::Map;

use super::{GrantAnswer, granting};
use crate::{
    denial::Denial,
    exchange::{
        lifetime,
        mint::{self, AccessToken, Workload},
    },
    flow::{
        Ambient, Counted, Report, State,
        halt::Halt,
        report::{Mint, Subject},
        terms::Application,
    },
    identity::identity_id,
    jose::alg::Alg,
    policy::{FieldValues, Policy},
    token_cache::Access,
    wire::{
        event::{IdentityTuple, Minted},
        snapshot::{Client, ClientCredentials, Profile},
    },
};

/// Why there is no token.
struct Refusal {
    denial: Denial,
    /// Seconds after which there may be one.
    retry_after: Option<u32>,
}

#[cold]
pub(super) fn grant(
    state: &State,
    policy: &Policy,
    application: &Application<'_>,
    tenant: Option<&str>,
    ambient: &mut Ambient<'_>,
) -> Result<GrantAnswer, Halt> {
    // Nothing but its secret says who asks.
    let Some(client) = application.client.filter(|_| application.is_proved) else {
        return Err(Denial::ClientAuthFailed.into());
    };
    let identity = tuple(policy, client);
    let about = |refusal: Refusal| {
        let Refusal { denial, retry_after } = refusal;
        Halt::denied(denial, Subject { identity: Some(identity.clone()), retry_after, ..Subject::default() })
    };
    let denylist = &state.denylist;
    if denylist.revokes_client(&client.client_id) || denylist.revokes_identity(&identity.id) {
        return Err(about(Denial::IdentityRevoked.into()));
    }
    let credentials = client.credentials.as_ref().ok_or_else(|| about(Denial::GrantDisabled.into()))?;
    let (access, scope, minted) =
        mint(policy, application, client, credentials, &identity.id, tenant, ambient).map_err(about)?;
    let report = if state.audited {
        let fresh = (minted, FieldValues::default());
        let mint = Mint { token: None, identity, fresh, grant: Some(application.kind), actor: None };
        Report::minted(None, mint, policy.header.epoch)
    } else {
        Report::counted(Counted::Minted)
    };
    Ok(granting::answer(application.request, &access, &scope, ambient.now, report))
}

fn mint(
    policy: &Policy,
    application: &Application<'_>,
    client: &Client,
    credentials: &ClientCredentials,
    identity: &str,
    tenant: Option<&str>,
    ambient: &mut Ambient<'_>,
) -> Result<(Access, String, Minted), Refusal> {
    let ClientCredentials { scopes, targets, ttl, audience_tenants, rate } = credentials;
    let is_outside = |tenant: &str| {
        audience_tenants.as_ref().is_some_and(|known| !known.iter().any(|known| known == tenant))
    };
    if tenant.is_some_and(is_outside) {
        return Err(Denial::TargetNotAllowed.into());
    }
    let scope = granting::granted_scope(scopes, &application.request.scopes)?;
    let targets = granting::granted_targets(targets, &application.request.targets)?;
    let now = ambient.now;
    let minting = policy.minting_key(now, Alg::Es256).ok_or(Denial::ConfigStale)?;
    let exp = lifetime::expiry(now, *ttl, i64::MAX, None, minting.not_after).ok_or(Denial::ConfigStale)?;
    let counted = ambient.limiter.count(identity, None, *rate, now);
    counted.map_err(|seconds| Refusal { denial: Denial::RateLimited, retry_after: Some(seconds) })?;
    let jti = (ambient.random)().ok_or(Denial::Internal)?;
    let authority = policy.header.authority.as_str();
    let claims = tenant.map(|tenant| Map::from_iter([("audience_tenant".into(), tenant.into())]));
    let token = AccessToken {
        profile: Profile::AtJwt,
        iss: authority,
        sub: identity,
        aud: &targets,
        client_id: &client.client_id,
        scope: Some(scope.as_str()).filter(|scope| !scope.is_empty()),
        jti,
        iat: now.secs(),
        exp,
        act: None,
        identity: None,
        workload: Some(Workload {
            iss: authority,
            sub: &client.client_id,
            cluster: None,
            issuer: None,
            login_id: None,
            fields: &BTreeMap::new(),
        }),
        claims: claims.as_ref(),
    };
    let text = mint::mint(ambient.crypto, &minting.key, &token).map_err(|_| Denial::Internal)?;
    let jti = mint::jti_text(&jti);
    let authorization = format!("Bearer {text}").into();
    let access = Access {
        authorization,
        exp,
        usable_until: lifetime::usable_until(now, exp),
        jti: jti.clone(),
        kid: None,
        pending: None,
    };
    let kid = String::from(minting.key.kid());
    let minted = Minted { jti, kid, target: targets.join(" "), scope: scope.clone(), exp };
    Ok((access, scope, minted))
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { denial, retry_after: None }
    }
}

/// The client's own identity: of the authority, in the authority's name.
fn tuple(policy: &Policy, client: &Client) -> IdentityTuple {
    let (tenant, authority, id) = (&policy.header.tenant, &policy.header.authority, &client.client_id);
    IdentityTuple {
        id: identity_id(tenant, id, "", authority, id),
        client_id: id.clone(),
        issuer: String::new(),
        audience: authority.clone(),
        subject: id.clone(),
    }
}
