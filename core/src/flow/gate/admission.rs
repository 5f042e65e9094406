//! Admission: an identity that its binding does not let in by itself acts when an administrator has said so.
//!
//! The control plane is asked, and what it says is remembered with the token for a while. Deliberately absent: revoking,
//! which comes by the denylist and at once.

use alloc::boxed::Box;

use serde_json::Value;

use super::super::{
    Call, Remote,
    grant::{Desk, Granted},
    halt::Halt,
    visit::{Errand, Visit},
};
use crate::{
    denial::Denial,
    json,
    time::Timestamp,
    token_cache::{Admitted, Verified},
    wire::{admission::AdmissionRequest, snapshot::Enrolment},
};

/// For how long who is let in is not asked about again.
const ADMITTED_MS: i64 = 60_000;
/// For how long who is not let in is not asked about again.
const REFUSED_MS: i64 = 5_000;

impl Desk<'_> {
    /// Lets in who may act under the granted binding, or says that it has to be asked.
    pub(in super::super) fn admit(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        visit: &Visit<'_>,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let binding = granted.binding;
        if binding.enrolment == Enrolment::Auto {
            return Ok(());
        }
        let known = verified.admission.filter(|known| known.binding == binding.digest && now < known.until);
        if let Some(Admitted { verdict, .. }) = known {
            return verdict.map_err(Halt::from);
        }
        let identity = self.identity(granted, verified);
        match visit.errand {
            Errand::Answered(Call::AdmitIdentity(asked), remote)
                if asked.binding == binding.id && asked.identity.id == *identity =>
            {
                let verdict = read(remote).ok_or(Denial::UpstreamStsUnavailable)?;
                let lasts = if verdict.is_ok() { ADMITTED_MS } else { REFUSED_MS };
                let until = now.plus_millis(lasts);
                verified.admission = Some(Admitted { binding: binding.digest, verdict, until });
                verdict.map_err(Halt::from)
            }
            Errand::InVain => Err(Denial::UpstreamStsUnavailable.into()),
            // An answer to another question is not about this.
            Errand::Open | Errand::Answered(..) => {
                let identity = self.tuple(granted, verified);
                let fields = self.fields(granted.issuer).identity;
                let request = AdmissionRequest { binding: binding.id.clone(), identity, fields };
                Err(Halt::Wait(Call::AdmitIdentity(Box::new(request))))
            }
        }
    }
}

/// What the control plane says: let in, or why not; `None` if it says nothing that can be relied on.
fn read(remote: &Remote) -> Option<Result<(), Denial>> {
    if remote.status != 200 {
        return None;
    }
    let members = json::parse_object(&remote.body).ok()?;
    match members.get("verdict").and_then(Value::as_str)? {
        "admitted" => Some(Ok(())),
        "unknown" => Some(Err(Denial::IdentityNotFound)),
        "pending" => Some(Err(Denial::IdentityPending)),
        "revoked" => Some(Err(Denial::IdentityRevoked)),
        _ => None,
    }
}
