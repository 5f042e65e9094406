//! Whether the conditions of bindings and routes hold for a token: judged once per token and remembered with it.
//!
//! Deliberately absent: claims of tokens that nobody verified. A desk sees only tokens that its issuer signed.

use alloc::string::String;

use serde_json::{Map, Value};

use super::{grant::Desk, told::claims_of};
use crate::{
    attribute::Facts,
    condition::Condition,
    identity::{identity_audience, identity_id},
    policy::{Binding, Issuer},
    token_cache::{VerdictKey, Verdicts},
    userinfo::{Remembered, UserInfo},
};

/// Judges conditions for one token during one decision. The claims are read at most once, and on a hit not at all.
pub(super) struct Judge<'d> {
    desk: Desk<'d>,
    issuer: &'d Issuer,
    audiences: &'d [String],
    subject: &'d str,
    userinfo: Option<&'d UserInfo>,
    verdicts: &'d mut Verdicts,
    claims: Option<Map<String, Value>>,
}

impl<'d> Judge<'d> {
    pub(super) fn new(
        desk: Desk<'d>,
        issuer: &'d Issuer,
        audiences: &'d [String],
        subject: &'d str,
        userinfo: Option<&'d Remembered>,
        verdicts: &'d mut Verdicts,
    ) -> Self {
        let userinfo = userinfo.and_then(|known| known.result.as_ref().ok());
        Self { desk, issuer, audiences, subject, userinfo, verdicts, claims: None }
    }

    /// Whether `condition` is true of the token if it acts under `binding`.
    pub(super) fn holds(&mut self, binding: &Binding, condition: &Condition) -> bool {
        let key = VerdictKey { condition: condition.digest(), binding: binding.digest };
        if let Some(known) = self.verdicts.get(&key) {
            return known;
        }
        let holds = self.judge(binding, condition);
        self.verdicts.put(key, holds);
        holds
    }

    fn judge(&mut self, binding: &Binding, condition: &Condition) -> bool {
        let Self { desk, issuer, audiences, subject, userinfo, claims, .. } = self;
        let identity = condition.reads_identity().then(|| {
            let audience = identity_audience(audiences, |audience| binding.accepts(audience));
            let tenant = &desk.policy.header.tenant;
            identity_id(tenant, &binding.client_id, &issuer.id, audience.unwrap_or_default(), subject)
        });
        let facts = Facts {
            claims: claims.get_or_insert_with(|| claims_of(desk.token)),
            userinfo: userinfo.map(UserInfo::members),
            identity_id: identity.as_deref(),
            identity_login: userinfo.and_then(UserInfo::login).map(|login| &**login),
            client_id: &binding.client_id,
            issuer_id: &issuer.id,
            issuer_cluster: issuer.cluster.as_deref(),
        };
        condition.holds(&facts)
    }
}
