//! Talking to the control plane: snapshot and changes by long poll, events in batches.
//!
//! A policy comes into force only together with the revocations that hold for it.

mod adoption;
mod poll;

use cambist_core::{
    policy::Faults,
    secret::Secret,
    time::Timestamp,
    wire::{
        changes::Changes,
        event::{Acknowledgement, Batch},
    },
};

use self::{adoption::Adoption, poll::Poll};
use crate::{
    config::ControlPlane,
    fetching::random,
    gateway::Gateway,
    host::{Callout, CalloutHead, Host, Level},
    root::{InFlight, Purpose},
};

/// Seconds for which the control plane may hold a long poll.
const WAIT_SECS: u32 = 30;
/// Milliseconds after which a long poll counts as failed.
const LONG_POLL_TIMEOUT_MS: u32 = 40_000;
/// Milliseconds after which a short request counts as failed.
const SHORT_TIMEOUT_MS: u32 = 10_000;
/// Largest snapshot that is read; Envoy itself stops at 32 MiB.
const MAX_SNAPSHOT_BYTES: usize = 32 * 1_048_576;
/// Milliseconds that events wait for company.
const BATCH_DELAY_MS: i64 = 200;

/// The state of the talk with the control plane.
pub struct Synchronizer {
    control_plane: ControlPlane,
    authorization: Secret<String>,
    /// Envoy node id and random boot id of this VM.
    pub instance: String,
    snapshot: Poll,
    changes: Poll,
    events: Poll,
    etag: Option<String>,
    adoption: Adoption,
    revocations_known: bool,
    last_error: Option<String>,
}

/// One of the requests to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// `GET /gateway/v1/snapshot`.
    Snapshot,
    /// `GET /gateway/v1/changes`.
    Changes,
    /// `POST /gateway/v1/events`.
    Events,
}

// === impl Synchronizer ===

impl Synchronizer {
    /// Prepares the talk; needs the gateway token in the environment.
    pub fn new(control_plane: ControlPlane, gateway: &str, host: &dyn Host) -> Result<Self, Faults> {
        let authorization = authorization(&control_plane, host)?;
        let node = host.property(&["node", "id"]).and_then(|id| String::from_utf8(id).ok());
        let mut boot = [0; 8];
        host.random(&mut boot);
        let node = node.filter(|id| !id.is_empty()).unwrap_or_else(|| gateway.into());
        let node: String = node.chars().filter(char::is_ascii_graphic).take(128).collect();
        Ok(Self {
            control_plane,
            authorization,
            instance: format!("{node}/{:016x}", u64::from_le_bytes(boot)),
            snapshot: Poll::default(),
            changes: Poll::default(),
            events: Poll::default(),
            etag: None,
            adoption: Adoption::default(),
            revocations_known: false,
            last_error: None,
        })
    }

    /// Takes a new configuration of the same control plane.
    pub fn configure(&mut self, control_plane: &ControlPlane, host: &dyn Host) -> Result<(), Faults> {
        self.authorization = authorization(control_plane, host)?;
        self.control_plane = control_plane.clone();
        Ok(())
    }

    /// Takes back a request whose root context is gone.
    pub fn abandon(&mut self, exchange: Exchange) {
        self.poll(exchange).abandon();
    }

    fn poll(&mut self, exchange: Exchange) -> &mut Poll {
        match exchange {
            Exchange::Snapshot => &mut self.snapshot,
            Exchange::Changes => &mut self.changes,
            Exchange::Events => &mut self.events,
        }
    }

    fn dispatch(
        &mut self,
        host: &dyn Host,
        in_flight: &mut InFlight,
        exchange: Exchange,
        path: &str,
        extra: &[(&str, &str)],
        body: Option<&[u8]>,
    ) {
        let timeout_ms = if exchange == Exchange::Events { SHORT_TIMEOUT_MS } else { LONG_POLL_TIMEOUT_MS };
        let ControlPlane { cluster, authority, https, .. } = &self.control_plane;
        let mut headers = vec![
            ("authorization", self.authorization.expose().as_str()),
            ("cambist-instance", self.instance.as_str()),
        ];
        headers.extend_from_slice(extra);
        let method = if body.is_some() { "POST" } else { "GET" };
        let callout =
            Callout { cluster, method, https: *https, authority, path, headers: &headers, body, timeout_ms };
        let token = host.dispatch(&callout);
        let (now, random) = (host.now(), random(host));
        let poll = self.poll(exchange);
        if let Some(token) = token {
            poll.begin(now, timeout_ms);
            in_flight.insert(token, Purpose::ControlPlane(exchange));
        } else {
            poll.fail(now, random);
        }
    }
}

/// Starts what is due, goes on compiling, and puts a finished policy into force.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    let Gateway { synchronizer: Some(synchronizer), state, audit, .. } = gateway else { return };
    let now = host.now();
    for poll in [&mut synchronizer.snapshot, &mut synchronizer.changes, &mut synchronizer.events] {
        poll.expire(now, random(host));
    }
    if synchronizer.snapshot.is_due(now) && !synchronizer.adoption.is_running() {
        let epoch = state.epoch().to_string();
        let path = format!("/gateway/v1/snapshot?wait={WAIT_SECS}s");
        let (etag, error) = (synchronizer.etag.clone(), synchronizer.last_error.clone());
        let mut extra = vec![("cambist-running-epoch", epoch.as_str())];
        extra.extend(etag.as_deref().map(|etag| ("if-none-match", etag)));
        extra.extend(error.as_deref().map(|error| ("cambist-last-error", error)));
        synchronizer.dispatch(host, in_flight, Exchange::Snapshot, &path, &extra, None);
    }
    if synchronizer.changes.is_due(now) {
        let since = if synchronizer.revocations_known { state.denylist.epoch() } else { 0 };
        let path = format!("/gateway/v1/changes?since={since}&wait={WAIT_SECS}s");
        synchronizer.dispatch(host, in_flight, Exchange::Changes, &path, &[], None);
    }
    if synchronizer.events.is_due(now) && !audit.is_empty() {
        let batch = Batch {
            instance: synchronizer.instance.clone(),
            epoch: state.epoch(),
            last_error: synchronizer.last_error.clone(),
            dropped: audit.dropped(),
            events: audit.batch(),
        };
        let body = serde_json::to_vec(&batch).unwrap_or_default();
        let extra = [("content-type", "application/json")];
        synchronizer.dispatch(host, in_flight, Exchange::Events, "/gateway/v1/events", &extra, Some(&body));
    }
    adoption::go_on(gateway, host);
}

/// Takes the answer to a request.
pub fn answered(gateway: &mut Gateway, host: &dyn Host, exchange: Exchange, body_size: usize) {
    let head = host.callout_head();
    let now = host.now();
    let Gateway { synchronizer: Some(synchronizer), .. } = gateway else { return };
    let done = match exchange {
        Exchange::Snapshot => synchronizer.snapshot_answered(host, &head, body_size),
        Exchange::Changes | Exchange::Events if head.status != 200 => Err(format!("status {}", head.status)),
        Exchange::Changes => changes_answered(gateway, host, body_size, now),
        Exchange::Events => events_answered(gateway, host, body_size),
    };
    let Gateway { synchronizer: Some(synchronizer), telemetry, state, .. } = gateway else { return };
    match done {
        Ok(()) => {
            let pause = if exchange == Exchange::Events { BATCH_DELAY_MS } else { 0 };
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
    let changes: Changes = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let Gateway { synchronizer: Some(synchronizer), state, .. } = gateway else { return Ok(()) };
    if !synchronizer.revocations_known && !changes.full {
        return Err("the first answer is not the full list".into());
    }
    state.denylist.apply(changes, now);
    synchronizer.revocations_known = true;
    Ok(())
}

fn events_answered(gateway: &mut Gateway, host: &dyn Host, body_size: usize) -> Result<(), String> {
    let body = host.callout_body(body_size).unwrap_or_default();
    let Acknowledgement { sequence } = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    gateway.audit.acknowledge(sequence);
    Ok(())
}

fn authorization(control_plane: &ControlPlane, host: &dyn Host) -> Result<Secret<String>, Faults> {
    let token = host.env(&control_plane.token_env).filter(|token| !token.is_empty());
    let printable = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    printable.map(|token| Secret::new(format!("Bearer {token}"))).ok_or_else(|| {
        let mut faults = Faults::default();
        let detail = format!(
            "environment variable {} holds no gateway token; set it for Envoy and name it in the VM's host_env_keys",
            control_plane.token_env
        );
        faults.add("control_plane/token_env", detail);
        faults
    })
}
