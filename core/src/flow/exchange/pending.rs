//! Strict audit: what is minted for a route goes on only when its record is on disk at the control plane.
//!
//! Deliberately absent: mints of the control plane itself, which are on disk before they are answered.

use super::super::{
    Ambient, Call, Counted, Venue,
    grant::{Desk, Granted},
    halt::Halt,
    report::{Mint, Report},
    terms::Terms,
};
use crate::{
    denial::Denial,
    policy::FieldValues,
    token_cache::{Access, AccessKey, Pending, Verified},
    wire::{
        event::{Event, Minted},
        snapshot::AuditMode,
    },
};

/// For how long an access token that one request only may carry waits for that.
const ONCE_MS: i64 = 10_000;

impl Desk<'_> {
    /// Whether what is minted here waits for its record.
    pub(super) fn is_strict(self) -> bool {
        matches!(self.terms, Terms::Route(route) if route.audit == AuditMode::Strict)
            && self.venue == Venue::Gateway
    }

    /// Records what was made, with how it counts and whether only one request may carry it, keeps it until the record
    /// is on disk, and says what to wait for. Nothing is kept unrecorded.
    #[cold]
    pub(super) fn keep_pending(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        key: &AccessKey<'_>,
        (mut access, fresh, counted, is_once): (Access, (Minted, FieldValues), Counted, bool),
        ambient: &mut Ambient<'_>,
    ) -> Halt {
        if !self.audited {
            return Denial::UpstreamStsUnavailable.into();
        }
        let (token, identity) = (self.sha256(verified), self.tuple(granted, verified));
        let mint = Mint { token: Some(&token), identity, fresh, grant: None, actor: None };
        let Some(event) = Report::minted(self.terms.route(), mint, self.policy.header.epoch).event else {
            return Denial::Internal.into();
        };
        let Some(sequence) = ambient.audit.push_awaited(Event { strict: true, ..*event }, ambient.now) else {
            return Denial::Overloaded.into();
        };
        if is_once {
            access.usable_until = access.usable_until.min(ambient.now.plus_millis(ONCE_MS));
        }
        access.pending = Some(Pending { sequence, counted, is_once });
        verified.access.put(key, access);
        Halt::Wait(Call::AwaitAudit { sequence })
    }
}

/// What the request that carries a recorded access token counts as, if the record is on disk.
#[cold]
pub(super) fn acknowledged(pending: Pending, ambient: &Ambient<'_>) -> Result<Counted, Halt> {
    let Pending { sequence, counted, is_once: _ } = pending;
    if ambient.audit.is_acknowledged(sequence) {
        Ok(counted)
    } else {
        Err(Halt::Wait(Call::AwaitAudit { sequence }))
    }
}
