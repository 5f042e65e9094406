//! Deciding about a request at the token endpoint: client, grant, tokens, actor, scopes, targets, and then the mint.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{GrantAnswer, credentials, remote};
use crate::{
    denial::Denial,
    exchange::{
        Venue, lifetime,
        request::{Grant, TokenRequest},
        response,
    },
    flow::{
        Ambient, Counted, Head, Report, Response, State,
        grant::{self, Desk, Granted, Served},
        halt::Halt,
        order::{Actor, Order},
        report::Mint,
        terms::{Application, Terms},
        visit::Visit,
    },
    policy::{Binding, Policy},
    time::Timestamp,
    token_cache::{Access, Verified},
    wire::snapshot::{Client, ClientAuthentication, GrantType, Profile},
};

/// Decides about a request that was read.
#[cold]
pub(super) fn decide(
    state: &mut State,
    policy: &Policy,
    request: &TokenRequest,
    head: &Head<'_>,
    visit: &mut Visit<'_>,
    ambient: &mut Ambient<'_>,
) -> Result<GrantAnswer, Halt> {
    let kind = request.kind();
    if kind == GrantType::ClientCredentials && state.venue == Venue::Gateway {
        return Err(Denial::GrantUnknown.into());
    }
    let client = named(policy, request)?;
    let is_proved = request.client.as_ref().is_some_and(|client| client.secret.is_some());
    if let Some(client) = client {
        may_use(client, kind, is_proved)?;
    }
    let mut application = Application { request, head, kind, client, is_proved, actor: None };
    let subject_token = match &request.grant {
        Grant::JwtBearer { assertion } => assertion,
        Grant::TokenExchange { subject_token, actor_token } => {
            if let Some(token) = actor_token {
                let served = grant::grant(state, policy, Terms::Actor, token.as_bytes(), visit, ambient)?;
                application.actor = served.into_actor();
            }
            subject_token
        }
        Grant::ClientCredentials { tenant } => {
            return credentials::grant(state, policy, &application, tenant.as_deref(), ambient);
        }
    };
    match grant::grant(state, policy, Terms::Grant(&application), subject_token.as_bytes(), visit, ambient)? {
        Served::Answer(answer) => Ok(*answer),
        Served::Edits(_) | Served::Actor(_) => Err(Denial::Internal.into()),
    }
}

/// The client that the request names, if it is there and its secret, where one was sent, is right.
fn named<'p>(policy: &'p Policy, request: &TokenRequest) -> Result<Option<&'p Client>, Denial> {
    let Some(claimed) = &request.client else { return Ok(None) };
    let client = policy.client(&claimed.id);
    claimed.authenticate(client)?;
    Ok(client)
}

/// Whether a client may use a grant, having proved who it is or not.
fn may_use(client: &Client, kind: GrantType, is_proved: bool) -> Result<(), Denial> {
    if client.authentication == ClientAuthentication::Secret && !is_proved {
        return Err(Denial::ClientAuthFailed);
    }
    if client.grant_types.contains(&kind) { Ok(()) } else { Err(Denial::GrantDisabled) }
}

/// The granted scopes: those that were asked for, or all where none was.
pub(super) fn granted_scope(allowed: &[String], requested: &[String]) -> Result<String, Denial> {
    match requested {
        [] => Ok(allowed.join(" ")),
        requested if requested.iter().all(|scope| allowed.contains(scope)) => Ok(requested.join(" ")),
        _ => Err(Denial::ScopeNotAllowed),
    }
}

/// The access token's audiences: those that were asked for, or the first.
pub(super) fn granted_targets<'t>(
    allowed: &'t [String],
    requested: &'t [String],
) -> Result<Vec<&'t str>, Denial> {
    let targets: Vec<&str> = match requested {
        [] => allowed.iter().map(String::as_str).take(1).collect(),
        requested if requested.iter().all(|target| allowed.contains(target)) => {
            requested.iter().map(String::as_str).collect()
        }
        _ => return Err(Denial::TargetNotAllowed),
    };
    if targets.is_empty() { Err(Denial::TargetNotAllowed) } else { Ok(targets) }
}

/// The answer to a request that is granted.
pub(super) fn answer(
    request: &TokenRequest,
    access: &Access,
    scope: &str,
    now: Timestamp,
    report: Report,
) -> GrantAnswer {
    let access_token = access.authorization.strip_prefix("Bearer ").unwrap_or_default();
    let expires_in = lifetime::expires_in(now, access.exp);
    let granted = response::Granted { access_token, expires_in, scope, form: request.form };
    GrantAnswer { response: Response::granted(granted.body()), report }
}

impl Desk<'_> {
    /// What the token endpoint answers for a verified subject token under its binding.
    ///
    /// The access token is new each time: who asks here keeps it, and wants all of its life.
    #[cold]
    pub(in super::super) fn answer(
        self,
        application: &Application<'_>,
        verified: &mut Verified,
        granted: &Granted<'_>,
        visit: &mut Visit<'_>,
        ambient: &mut Ambient<'_>,
    ) -> Result<Box<GrantAnswer>, Halt> {
        let Application { request, head, kind, is_proved, actor, .. } = application;
        let binding: &Binding = granted.binding;
        let client = self.policy.client(&binding.client_id).ok_or(Denial::IdentityNotFound)?;
        may_use(client, *kind, *is_proved)?;
        let actor = self.acting(binding, actor.as_ref())?;
        let scope = granted_scope(&binding.scopes, &request.scopes)?;
        let targets = granted_targets(&binding.targets, &request.targets)?;
        // A JWT-SVID has one audience.
        if targets.len() > 1 && binding.profile != Profile::AtJwt {
            return Err(Denial::TargetNotAllowed.into());
        }
        let order = Order { targets: &targets, scope: &scope, actor: actor.as_ref() };
        let minting = match self.minter(granted, verified, ambient.now) {
            Err(Denial::ConfigStale) if self.venue == Venue::Gateway => {
                return remote::answer(head, visit).map(Box::new);
            }
            minter => minter?,
        };
        self.pass_gates(verified, granted, &targets, visit, ambient.now)?;
        if let Some(used) = actor.as_ref().and_then(|actor| actor.used.as_ref()) {
            used.pass(self, &targets, visit)?;
        }
        self.count(verified, granted, None, ambient)?;
        let (access, fresh) = self.mint(verified, granted, &order, minting, ambient)?;
        let report = if self.audited {
            let (token, identity) = (self.sha256(verified), self.tuple(granted, verified));
            let actor = actor.map(|Actor { identity, .. }| identity);
            let mint = Mint { token: Some(&token), identity, fresh, grant: Some(*kind), actor };
            Report::minted(None, mint, self.policy.header.epoch)
        } else {
            Report::counted(Counted::Minted)
        };
        Ok(Box::new(answer(request, &access, &scope, ambient.now, report)))
    }
}

// === impl Served ===

impl Served {
    fn into_actor(self) -> Option<Actor> {
        match self {
            Self::Actor(actor) => Some(*actor),
            Self::Edits(_) | Self::Answer(_) => None,
        }
    }
}
