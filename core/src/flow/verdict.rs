//! Whether the conditions of bindings and routes hold for a token: judged once per token and remembered with it.
//!
//! Deliberately absent: claims of tokens that nobody verified. A desk sees only tokens that its issuer signed.

use alloc::string::String;

use super::grant::Desk;
use crate::{
    attribute::Facts,
    condition::Condition,
    identity::{identity_audience, identity_id},
    policy::{Binding, Issuer},
    token_cache::{VerdictKey, Verdicts},
    userinfo::{Remembered, UserInfo},
};

/// Judges conditions for one token during one decision. On a hit its claims are not read.
pub(super) struct Judge<'d> {
    desk: Desk<'d>,
    issuer: &'d Issuer,
    audiences: &'d [String],
    subject: &'d str,
    userinfo: Option<&'d UserInfo>,
    verdicts: &'d mut Verdicts,
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
        Self { desk, issuer, audiences, subject, userinfo, verdicts }
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

    fn judge(&self, binding: &Binding, condition: &Condition) -> bool {
        let Self { desk, issuer, audiences, subject, userinfo, .. } = self;
        let identity = condition.reads_identity().then(|| {
            let audience = identity_audience(audiences, |audience| binding.accepts(audience));
            let tenant = &desk.policy.header.tenant;
            identity_id(tenant, &binding.client_id, &issuer.id, audience.unwrap_or_default(), subject)
        });
        let facts = Facts {
            claims: desk.claims(),
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
