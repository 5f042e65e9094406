//! Tokens of ours: verified with the authority's published keys, and let on as they are where they fit.
//!
//! They need no issuer and no binding: what those decided stands in the token. Deliberately absent: exchange; what fits
//! is the access token already, and what does not fit is refused.

use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};

use serde_json::{Map, Value};

use super::{
    Ambient, Counted, Credential, Edits, Report,
    grant::{Desk, Served},
    halt::Halt,
    shadow::Rule,
    visit::Visit,
};
use crate::{
    attribute::Facts,
    claims::TimeRules,
    claims_out::Values,
    condition::Condition,
    denial::Denial,
    exchange::mint::TYP,
    jose::{alg::Alg, jwt::UntrustedJwt, verify::is_typ},
    policy::{AuthorityKeys, Route},
    time::Timestamp,
    token_cache::{Own, ToldKey, VerdictKey, Verified},
    wire::snapshot::Exchange,
};

/// What signs our tokens.
const ALGORITHMS: [Alg; 2] = [Alg::Es256, Alg::Rs256];
/// No token of ours lives longer than an hour, and clocks of ours differ little.
const TIMES: TimeRules = TimeRules { clock_skew: 60, exp_leeway: 0, max_lifetime: 3_600 + 60, max_age: None };
/// Claim of a token without a `workload`, for what that says of the issuer.
const ISSUER_CLAIM: &str = "cambist_issuer";
/// Claim of a token whose `sub` is not the identity's id.
const IDENTITY_CLAIM: &str = "cambist_identity";

/// Verifies a token that names the authority as its issuer.
pub(super) fn verify(
    jwt: UntrustedJwt<'_>,
    keys: &AuthorityKeys,
    ambient: &Ambient<'_>,
) -> Result<Box<Verified>, Denial> {
    // An ID token or anything else that a key of ours might sign is no access token (RFC 9068 §4).
    let typ = jwt.typ().ok_or(Denial::TypNotAllowed)?.to_string();
    let is_access = is_typ(&typ, TYP);
    if !is_access && !is_typ(&typ, "JWT") {
        return Err(Denial::TypNotAllowed);
    }
    jwt.claims()?.check_times(&TIMES, ambient.now)?;
    let token = jwt.verify(&ALGORITHMS, Some(&[typ]), &keys.set, ambient.crypto)?;
    let own = own(&token.claims().members(), is_access).ok_or(Denial::TypNotAllowed)?;
    Ok(Verified::of_ours(keys.digest, token, own))
}

/// What a route asks of a token of ours; `None` where it is none.
fn own(claims: &Map<String, Value>, is_access: bool) -> Option<Own> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let identity = match (text(IDENTITY_CLAIM), text("sub")) {
        (Some(identity), _) => identity,
        (None, Some(subject)) if is_access => subject,
        (None, _) => return None,
    };
    let scopes = text("scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty());
    // A JWT-SVID names no client, and need not have a `jti`.
    let (client_id, jti) = match (text("client_id"), text("jti")) {
        (Some(client_id), Some(jti)) => (client_id, jti),
        (client_id, jti) if !is_access => (client_id.unwrap_or_default(), jti.unwrap_or_default()),
        _ => return None,
    };
    let issuer = text(ISSUER_CLAIM).or_else(|| workload(claims, "issuer")).unwrap_or_default();
    Some(Own {
        identity: identity.into(),
        issuer: issuer.into(),
        client_id: client_id.into(),
        jti: jti.into(),
        scopes: scopes.map(String::from).collect::<Vec<_>>(),
    })
}

/// What a token says of the workload behind it.
fn workload<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get("workload").and_then(|of| of.get(name)).and_then(Value::as_str)
}

impl Desk<'_> {
    /// Lets a verified token of ours on along a route that it fits.
    pub(super) fn pass(
        self,
        verified: &mut Verified,
        counted: Counted,
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) -> Result<Served, Halt> {
        let Some(route) = self.terms.route() else { return Err(Denial::IssuerNotAllowed.into()) };
        let told = self.fit(route, verified, now).map_err(|denial| self.denied(denial, verified, None))?;
        if let (Some(condition), Some(own)) = (route.condition_on_trial(), verified.own.clone()) {
            let denial = (!self.judges(condition, &own, verified)).then_some(Denial::ConditionFalse);
            self.note(Rule::Route(&route.id), denial, visit);
            self.settle(None, verified, visit);
        }
        let keeps = route.forward || route.exchange != Exchange::None;
        let credential = if keeps { Credential::Keep } else { Credential::Remove };
        Ok(Served::Edits(Edits { told, ..Edits::new(credential, Report::counted(counted)) }))
    }

    fn fit(
        self,
        route: &Route,
        verified: &mut Verified,
        now: Timestamp,
    ) -> Result<Option<Arc<Values>>, Denial> {
        verified.times.check(&TIMES, now)?;
        let own = verified.own.clone().ok_or(Denial::Internal)?;
        let Own { identity, issuer, client_id, jti, scopes } = &*own;
        // Whose audience a token names is who may take it.
        let is_meant = route.target.as_ref().is_some_and(|target| verified.audiences.contains(target));
        let is_revoked = self.denylist.revokes_jti(jti)
            || self.denylist.revokes_client(client_id)
            || self.denylist.revokes_issuer(issuer)
            || self.denylist.revokes_identity(identity);
        match () {
            // What is behind it takes tokens of somebody else.
            () if route.exchange == Exchange::External => Err(Denial::IssuerNotAllowed),
            () if !is_meant => Err(Denial::AudienceMismatch),
            () if is_revoked => Err(Denial::IdentityRevoked),
            () if !self.admits(client_id) => Err(Denial::ClientUnknown),
            () if !route.scopes.iter().all(|scope| scopes.contains(scope)) => Err(Denial::ScopeNotAllowed),
            () if !self.is_true(route, &own, verified) => Err(Denial::ConditionFalse),
            () => self.tell_of(route, &own, verified),
        }
    }

    fn is_true(self, route: &Route, own: &Own, verified: &mut Verified) -> bool {
        route.condition_in_force().is_none_or(|condition| self.judges(condition, own, verified))
    }

    fn judges(self, condition: &Condition, own: &Own, verified: &mut Verified) -> bool {
        // Nothing but the token decides, and what verified it.
        let key = VerdictKey { condition: condition.digest(), binding: verified.issuer_digest };
        if let Some(known) = verified.verdicts.get(&key) {
            return known;
        }
        let holds = condition.holds(&self.facts(own));
        verified.verdicts.put(key, holds);
        holds
    }

    fn tell_of(
        self,
        route: &Route,
        own: &Own,
        verified: &mut Verified,
    ) -> Result<Option<Arc<Values>>, Denial> {
        let Some(claims_out) = &route.claims_out else { return Ok(None) };
        let key = ToldKey { claims_out: claims_out.digest, binding: verified.issuer_digest };
        if let Some(values) = verified.told.get(&key) {
            return Ok(Some(Arc::clone(values)));
        }
        let values = Arc::new(claims_out.values(&self.facts(own))?);
        verified.told.put(key, Arc::clone(&values));
        Ok(Some(values))
    }

    fn facts<'f>(self, own: &'f Own) -> Facts<'f>
    where
        Self: 'f,
    {
        let claims = self.claims();
        Facts {
            claims,
            userinfo: None,
            identity_id: Some(&own.identity),
            identity_login: workload(claims, "login_id"),
            client_id: &own.client_id,
            // It comes from the authority, which is no issuer of the policy.
            issuer_id: "",
            issuer_cluster: workload(claims, "cluster"),
        }
    }
}
