//! Asking an issuer's UserInfo endpoint about a verified token, and what the answer means for the request.

use alloc::{format, string::String};

use super::{
    Call, Remote,
    grant::Desk,
    halt::Halt,
    visit::{Inquiry, Visit},
};
use crate::{
    denial::Denial,
    policy::{Issuer, UserInfoRules},
    secret::Secret,
    time::Timestamp,
    token_cache::Verified,
    userinfo::{self, Failure, Remembered, UserInfo},
    wire::snapshot::OnError,
};

impl Desk<'_> {
    /// Sees to it that what the issuer's UserInfo endpoint says stands with the token, if the issuer has one.
    ///
    /// An observed request never asks: it is decided by what is known without.
    pub(super) fn inform(
        self,
        issuer: &Issuer,
        verified: &mut Verified,
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let Some(rules) = &issuer.userinfo else { return Ok(()) };
        verified.forget(now);
        let result = match visit.inquiry {
            Inquiry::Open if verified.learned().is_some() || self.terms.observes() => None,
            Inquiry::Open => {
                self.refuse_unasked(issuer, verified, now)?;
                return Err(Halt::Wait(self.question(issuer, rules)?));
            }
            // Otherwise the configuration changed meanwhile, or which of the request's tokens counts.
            Inquiry::Answered { issuer: asked, endpoint, authorization, remote }
                if *asked == *issuer.id
                    && *endpoint == rules.endpoint
                    && authorization.as_bytes().strip_prefix(b"Bearer ") == Some(self.token) =>
            {
                Some(read(remote, &verified.subject, rules))
            }
            Inquiry::InVain if verified.learned().is_some() => None,
            Inquiry::Answered { .. } | Inquiry::InVain => Some(Err(Failure::NoAnswer)),
            // Nothing is known of the endpoint, so nothing is remembered.
            Inquiry::Crowded if rules.on_error == OnError::Ignore => None,
            Inquiry::Crowded => return Err(self.denied(Denial::Overloaded, verified, None)),
        };
        if let Some(result) = result {
            visit.failure = result.as_ref().err().copied();
            let token_ends =
                Timestamp::from_secs(verified.times.exp).plus_secs(issuer.times.exp_leeway.into());
            verified.learn(Remembered::new(result, rules, token_ends, now));
        }
        match verified.learned() {
            Some(Err(failure)) if rules.on_error == OnError::Deny => {
                Err(self.denied(failure.denial(), verified, None))
            }
            None | Some(Ok(_) | Err(_)) => Ok(()),
        }
    }

    fn question(self, issuer: &Issuer, rules: &UserInfoRules) -> Result<Call, Denial> {
        // A verified token is ASCII.
        let token = core::str::from_utf8(self.token).map_err(|_| Denial::Internal)?;
        Ok(Call::UserInfo {
            issuer: (*issuer.id).into(),
            endpoint: rules.endpoint.clone(),
            authorization: Secret::<String>::new(format!("Bearer {token}")),
            timeout_ms: rules.timeout_ms,
        })
    }
}

fn read(remote: &Remote, subject: &str, rules: &UserInfoRules) -> Result<UserInfo, Failure> {
    let Remote { status, content_type, body, retry_after: _ } = remote;
    userinfo::read(*status, content_type.as_deref(), body, subject, rules.login_id.as_ref())
}
