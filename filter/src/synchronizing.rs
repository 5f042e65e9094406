//! Talking to the control plane: snapshot and changes by long poll, events and the state of keys in batches.
//!
//! A policy comes into force only together with the revocations that hold for it.

mod adoption;
mod answers;
mod batch;
mod poll;

use cambist_core::{
    policy::{Faults, is_variable},
    secret::Secret,
};

pub use self::answers::answered;
use self::{adoption::Adoption, batch::Told, poll::Poll};
use crate::{
    config::ControlPlane,
    fetching::random,
    gateway::Gateway,
    host::{Callout, Host, Level},
    root::{InFlight, Purpose},
};

/// Seconds for which the control plane may hold a long poll.
const WAIT_SECS: u32 = 30;
/// Milliseconds after which a long poll counts as failed.
const LONG_POLL_TIMEOUT_MS: u32 = 40_000;
/// Milliseconds after which a short request counts as failed.
const SHORT_TIMEOUT_MS: u32 = 10_000;

/// The state of the talk with the control plane.
pub struct Synchronizer {
    control_plane: ControlPlane,
    authorization: Authorization,
    /// Envoy node id and random boot id of this VM.
    pub instance: String,
    snapshot: Poll,
    changes: Poll,
    events: Poll,
    etag: Option<String>,
    adoption: Adoption,
    revocations_known: bool,
    last_error: Option<String>,
    /// What the batch that is out tells.
    told: Told,
}

/// The gateway token as an `authorization` value.
pub type Authorization = Secret<String>;

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
    /// Prepares the talk.
    pub fn new(
        control_plane: ControlPlane,
        authorization: Authorization,
        gateway: &str,
        host: &dyn Host,
    ) -> Self {
        let node = host.property(&["node", "id"]).and_then(|id| String::from_utf8(id).ok());
        let mut boot = [0; 8];
        if !host.random(&mut boot) {
            // Two boots under one name would have the second one's events taken for the first one's.
            boot = host.now().millis().to_le_bytes();
        }
        let node = node.filter(|id| !id.is_empty()).unwrap_or_else(|| gateway.into());
        let node: String = node.chars().filter(char::is_ascii_graphic).take(128).collect();
        Self {
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
            told: Told::default(),
        }
    }

    /// Takes a new configuration of the same control plane.
    pub fn configure(&mut self, control_plane: ControlPlane, authorization: Authorization) {
        self.authorization = authorization;
        self.control_plane = control_plane;
    }

    /// Whether it talks under this authorization.
    pub fn is_authorized_by(&self, authorization: &Authorization) -> bool {
        self.authorization == *authorization
    }

    /// Posts something that is for one request, or for those who wait for the same access token; the number of the callout.
    pub fn post(&self, host: &dyn Host, path: &str, body: &[u8], timeout_ms: u32) -> Option<u32> {
        let ControlPlane { cluster, authority, https, .. } = &self.control_plane;
        host.dispatch(&Callout {
            cluster,
            method: "POST",
            https: *https,
            authority,
            path,
            headers: &[
                ("authorization", self.authorization.expose().as_str()),
                ("cambist-instance", self.instance.as_str()),
                ("content-type", "application/json"),
            ],
            body: Some(body),
            timeout_ms,
        })
    }

    /// Takes back a request whose root context is gone.
    pub fn abandon(&mut self, exchange: Exchange, ticket: u32) {
        self.poll(exchange).abandon(ticket);
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
            let ticket = poll.begin(now, timeout_ms);
            in_flight.insert(token, Purpose::ControlPlane { exchange, ticket });
        } else if poll.fail(now, random) {
            let line = format!(
                "control plane: cluster {} takes no request; check its name",
                self.control_plane.cluster
            );
            host.log(Level::Warn, &line);
        }
    }
}

/// Starts what is due, goes on compiling, and puts a finished policy into force.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    let Gateway { synchronizer: Some(synchronizer), state, audit, .. } = gateway else { return };
    let now = host.now();
    for exchange in [Exchange::Snapshot, Exchange::Changes, Exchange::Events] {
        let poll = synchronizer.poll(exchange);
        if poll.is_overdue(now) && poll.fail(now, random(host)) {
            host.log(Level::Warn, &format!("control plane: {exchange:?} failed: no answer in time"));
        }
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
    if batch::is_due(&synchronizer.events, audit, &state.keyring, now) {
        let body = batch::body(synchronizer, state, audit, now);
        let extra = [("content-type", "application/json")];
        synchronizer.dispatch(host, in_flight, Exchange::Events, "/gateway/v1/events", &extra, Some(&body));
    }
    adoption::go_on(gateway, host);
}

/// The gateway token, which must be in the environment.
pub fn authorization(control_plane: &ControlPlane, host: &dyn Host) -> Result<Authorization, Faults> {
    let variable = Some(&control_plane.token_env).filter(|name| is_variable(name));
    let token = variable.and_then(|name| host.env(name)).filter(|token| !token.is_empty());
    let printable = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    printable.map(|token| Secret::new(format!("Bearer {token}"))).ok_or_else(|| {
        let mut faults = Faults::default();
        // A name that is none is a fault already, and may be the token itself: it is not quoted.
        if let Some(name) = variable {
            let detail = format!(
                "environment variable {name} holds no gateway token; set it for Envoy and name it in the VM's host_env_keys"
            );
            faults.add("control_plane/token_env", detail);
        }
        faults
    })
}
