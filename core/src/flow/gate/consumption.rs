//! Consumption: under its issuer's replay policy a token counts once, or once for each target.
//!
//! A use is written down at the control plane, for all gateways, before anything comes of it; a token whose access token
//! lies in a cache is presented anew like any other.

use alloc::string::String;

use serde_json::Value;

use super::super::{
    Call, Remote,
    grant::{Desk, Granted},
    halt::Halt,
    shadow::Rule,
    visit::{Errand, Visit},
};
use crate::{
    denial::Denial,
    digest::Digest,
    json,
    token_cache::Verified,
    wire::snapshot::{Enforcement, Replay},
};

/// A use of a token that its issuer's replay policy is about.
#[derive(Clone, Debug)]
pub(in super::super) struct Use {
    /// The issuer's id.
    issuer: String,
    /// What tells the token apart.
    token: Digest,
    /// Whether it counts once for each target.
    per_target: bool,
    /// Unix seconds until which the token may be taken.
    exp: i64,
    /// Whether the policy is on trial.
    is_tried: bool,
}

impl Desk<'_> {
    /// What using this token means under its issuer's replay policy; `None` where it may be used at will.
    pub(in super::super) fn use_of(self, verified: &Verified, granted: &Granted<'_>) -> Option<Use> {
        let issuer = granted.issuer;
        let per_target = match issuer.replay {
            Replay::Off => return None,
            Replay::Once => false,
            Replay::OncePerTarget => true,
        };
        let jti = self.claims().get("jti").and_then(Value::as_str).filter(|jti| !jti.is_empty());
        // Never the text of the whole token: an ECDSA signature has a second form that verifies, too (attack A12).
        let (kind, name): (&[u8], &[u8]) = match jti {
            Some(jti) => (b"jti", jti.as_bytes()),
            None => (b"input", signing_input(self.token)),
        };
        Some(Use {
            issuer: (*issuer.id).into(),
            token: Digest::of_parts([issuer.id.as_bytes(), kind, name]),
            per_target,
            is_tried: issuer.replay_enforcement == Enforcement::Audit,
            exp: verified.times.exp.saturating_add(issuer.times.exp_leeway.into()),
        })
    }
}

/// What the control plane says; `None` if it says nothing that can be relied on.
fn is_first(remote: &Remote) -> Option<bool> {
    if remote.status != 200 {
        return None;
    }
    json::parse_object(&remote.body).ok()?.get("first")?.as_bool()
}

/// What a JWS signs (RFC 7515 §5.1): all before the last dot.
fn signing_input(token: &[u8]) -> &[u8] {
    token.rsplitn(2, |byte| *byte == b'.').nth(1).unwrap_or(token)
}

// === impl Use ===

impl Use {
    /// Passes what is used for the first time, or asks whether it is. A rule on trial asks and writes down all the same,
    /// and passes everything.
    pub(in super::super) fn pass(
        &self,
        desk: Desk<'_>,
        aims: &[&str],
        visit: &mut Visit<'_>,
    ) -> Result<(), Halt> {
        let key = self.key(aims);
        let said = if let Some(said) = visit.passed.consumed(&key) {
            said
        } else {
            let said = match self.ask(&key, visit) {
                Err(Halt::Denied { denial, .. }) if self.is_tried => Err(denial),
                passed => Ok(passed?),
            };
            visit.passed.consume(key, said);
            said
        };
        if self.is_tried {
            desk.note(Rule::Replay(&self.issuer), said.err(), visit);
        }
        Ok(())
    }

    fn ask(&self, key: &Digest, visit: &Visit<'_>) -> Result<(), Halt> {
        let hex = key.hex();
        match visit.errand {
            Errand::Answered(Call::ConsumeReplay { issuer, key: asked, .. }, remote)
                if *issuer == self.issuer && *asked == hex =>
            {
                match is_first(remote) {
                    Some(true) => Ok(()),
                    // The one place where a token is found to be used up.
                    Some(false) => Err(Denial::TokenReplayed.into()),
                    None => Err(Denial::UpstreamStsUnavailable.into()),
                }
            }
            Errand::InVain => Err(Denial::UpstreamStsUnavailable.into()),
            // An answer to another question is not about this.
            Errand::Open | Errand::Answered(..) => {
                Err(Halt::Wait(Call::ConsumeReplay { issuer: self.issuer.clone(), key: hex, exp: self.exp }))
            }
        }
    }

    fn key(&self, aims: &[&str]) -> Digest {
        let aims = aims.iter().filter(|_| self.per_target).map(|aim| aim.as_bytes());
        Digest::of_parts(core::iter::once(self.token.as_bytes().as_slice()).chain(aims))
    }
}
