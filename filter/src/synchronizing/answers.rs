//! What the control plane's answers mean.

use cambist_core::{
    flow::Call,
    time::Timestamp,
    wire::{changes::Changes, event::Acknowledgement, reading},
};

use super::{
    Exchange, Synchronizer,
    batch::{self, Told},
};
use crate::{
    fetching::random,
    gateway::Gateway,
    host::{CalloutHead, Host, Level},
};

/// Largest snapshot that is read; Envoy itself stops at 32 MiB.
const MAX_SNAPSHOT_BYTES: usize = 32 * 1_048_576;

/// Takes the answer to a request.
pub fn answered(gateway: &mut Gateway, host: &dyn Host, exchange: Exchange, ticket: u32, body_size: usize) {
    let Gateway { synchronizer: Some(synchronizer), .. } = gateway else { return };
    if !synchronizer.poll(exchange).expects(ticket) {
        return;
    }
    let head = host.callout_head();
    let now = host.now();
    let done = match exchange {
        Exchange::Snapshot => synchronizer.snapshot_answered(host, &head, body_size),
        Exchange::Changes | Exchange::Events if head.status != 200 => Err(format!("status {}", head.status)),
        Exchange::Changes => changes_answered(gateway, host, body_size, now),
        Exchange::Events => events_answered(gateway, host, body_size, now),
    };
    let Gateway { synchronizer: Some(synchronizer), telemetry, state, .. } = gateway else { return };
    match done {
        Ok(()) => {
            let pause = if exchange == Exchange::Events { batch::DELAY_MS } else { 0 };
            synchronizer.poll(exchange).succeed(now.plus_millis(pause));
            if synchronizer.is_confirmed() {
                state.confirm(now);
            }
        }
        Err(reason) => {
            telemetry.count_plain("control_plane_failed", 1);
            if synchronizer.poll(exchange).fail(now, random(host)) {
                host.log(Level::Warn, &format!("control plane: {exchange:?} failed: {reason}"));
            }
        }
    }
}

impl Synchronizer {
    /// Whether the policy in force is the one that the control plane stands by, revocations included.
    const fn is_confirmed(&self) -> bool {
        self.last_error.is_none()
            && self.revocations_known
            && !self.changes.is_failing()
            && !self.snapshot.is_failing()
    }

    fn snapshot_answered(
        &mut self,
        host: &dyn Host,
        head: &CalloutHead,
        body_size: usize,
    ) -> Result<(), String> {
        match head.status {
            304 => Ok(()),
            200 if body_size > MAX_SNAPSHOT_BYTES => Err("the snapshot is too large".into()),
            200 => {
                let body = host.callout_body(body_size).unwrap_or_default();
                self.etag.clone_from(&head.etag);
                self.adoption.begin(body);
                Ok(())
            }
            401 => Err("status 401; check that the gateway token is this gateway's".into()),
            status => Err(format!("status {status}")),
        }
    }
}

fn changes_answered(
    gateway: &mut Gateway,
    host: &dyn Host,
    body_size: usize,
    now: Timestamp,
) -> Result<(), String> {
    let body = host.callout_body(body_size).unwrap_or_default();
    let changes: Changes = reading::read(&body).map_err(|error| error.to_string())?;
    let Gateway { synchronizer: Some(synchronizer), state, .. } = gateway else { return Ok(()) };
    if !synchronizer.revocations_known && !changes.full {
        return Err("the first answer is not the full list".into());
    }
    state.denylist.apply(changes, now);
    synchronizer.revocations_known = true;
    Ok(())
}

fn events_answered(
    gateway: &mut Gateway,
    host: &dyn Host,
    body_size: usize,
    now: Timestamp,
) -> Result<(), String> {
    let body = host.callout_body(body_size).unwrap_or_default();
    let Acknowledgement { sequence } = reading::read(&body).map_err(|error| error.to_string())?;
    let Gateway { synchronizer: Some(synchronizer), state, audit, waiters, .. } = gateway else {
        return Ok(());
    };
    let Told { events, keys } = core::mem::take(&mut synchronizer.told);
    state.keyring.reported(&keys, now);
    let before = audit.len();
    audit.acknowledge(sequence);
    waiters.ripen(|call| matches!(call, Call::AwaitAudit { sequence } if audit.is_acknowledged(*sequence)));
    // Otherwise the same batch would go out again at once, and again.
    if events && audit.len() >= before { Err("no event was acknowledged".into()) } else { Ok(()) }
}
