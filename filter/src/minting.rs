//! Calls for access tokens that somebody else makes, once for all who wait: from the root context, so that a client that
//! leaves takes no call along and its answer still fills the cache.
//!
//! Deliberately absent: what an answer means, and how long anybody waits.

use std::rc::Rc;

use cambist_core::flow::{Answer, Call, Flow, Remote, Step};
use hashbrown::HashMap;

use crate::{
    calling::read,
    fetching::USER_AGENT,
    gateway::Gateway,
    host::{Callout, Host},
    root::{InFlight, Purpose},
    waiters::{MAX_PER_CALL, Waiter},
};

/// Milliseconds until the control plane must have answered.
pub const CONTROL_PLANE_TIMEOUT_MS: u32 = 5_000;
/// Most requests of clients that left whose call is out.
const MAX_LEFT: usize = 256;
/// Most bytes that such a request keeps.
const MAX_LEFT_BYTES: usize = 16_384;

/// The calls of a gateway.
#[derive(Default)]
pub struct Minting {
    /// To be made on the next tick.
    queued: Vec<Call>,
    out: HashMap<u32, Out>,
    last: u32,
}

struct Out {
    call: Call,
    /// A request that waited for it and whose client left: what its answer is taken in with.
    left: Option<Box<Flow>>,
}

// === impl Minting ===

impl Minting {
    /// Notes that a request waits for `call`; false if so many calls to that party are out that it cannot be made.
    pub fn want(&mut self, call: &Call) -> bool {
        let calls = || self.queued.iter().chain(self.out.values().map(|out| &out.call));
        if calls().any(|known| known == call) {
            return true;
        }
        // Beside those who wait, clients that left count.
        if calls().filter(|known| known.same_party(call)).count() >= MAX_PER_CALL {
            return false;
        }
        self.queued.push(call.clone());
        true
    }

    /// Keeps a request whose client left while its call is out.
    pub fn left(&mut self, waiter: Waiter) {
        let Waiter { call, flow, .. } = waiter;
        let kept = self.out.values().filter(|out| out.left.is_some()).count();
        if kept < MAX_LEFT
            && flow.weight() <= MAX_LEFT_BYTES
            && let Some(out) = self.out.values_mut().find(|out| out.call == call)
        {
            out.left = Some(Box::new(flow));
        }
    }

    /// Takes back a call whose root context is gone; another one makes it again.
    pub fn abandon(&mut self, number: u32) {
        if let Some(Out { call, .. }) = self.out.remove(&number) {
            self.queued.push(call);
        }
    }
}

/// Makes the calls that somebody still waits for.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    for call in core::mem::take(&mut gateway.minting.queued) {
        if !gateway.waiters.any(|known| *known == call) {
            continue;
        }
        if let Some(token) = dispatch(gateway, host, &call) {
            let minting = &mut gateway.minting;
            minting.last = minting.last.wrapping_add(1);
            in_flight.insert(token, Purpose::Mint { number: minting.last });
            minting.out.insert(minting.last, Out { call, left: None });
        } else {
            gateway.waiters.answer(&call, &Rc::new(Remote::default()));
        }
    }
}

/// Takes the answer to a call, inside its callback.
pub fn answered(gateway: &mut Gateway, host: &dyn Host, number: u32, body_size: usize) {
    let Some(Out { call, left }) = gateway.minting.out.remove(&number) else { return };
    let remote = read(host, &call, body_size);
    match left {
        // Nobody else takes it in.
        Some(flow) if !gateway.waiters.any(|known| *known == call) => {
            let step = gateway.resume(host, &flow, &Answer::Remote(call, remote));
            if let Step::Forward(edits) = step {
                let now = host.now();
                gateway.record(host, edits.report, now);
            }
        }
        _ => gateway.waiters.answer(&call, &Rc::new(remote)),
    }
}

fn dispatch(gateway: &mut Gateway, host: &dyn Host, call: &Call) -> Option<u32> {
    match call {
        Call::ExchangeExternally(request) => {
            gateway.telemetry.count_plain("external", 1);
            let endpoint = &request.endpoint;
            let cluster = gateway.cluster(host, "external endpoint", &request.id, endpoint)?;
            let mut headers = vec![
                ("accept", "application/json"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("user-agent", USER_AGENT),
            ];
            headers
                .extend(request.authorization.iter().map(|value| ("authorization", value.expose().as_str())));
            host.dispatch(&Callout {
                cluster: &cluster,
                method: "POST",
                https: endpoint.is_https(),
                authority: &endpoint.authority(),
                path: endpoint.path(),
                headers: &headers,
                body: Some(request.body.expose()),
                timeout_ms: request.timeout_ms,
            })
        }
        Call::MintRemotely { body } => {
            gateway.telemetry.count_plain("mint_remotely", 1);
            gateway.synchronizer.as_ref()?.mint(host, body, CONTROL_PLANE_TIMEOUT_MS)
        }
        // Requests make these for themselves, or the root context does elsewhere.
        Call::AwaitSnapshot
        | Call::FetchKeys { .. }
        | Call::UserInfo { .. }
        | Call::ConsumeReplay { .. }
        | Call::AwaitAudit { .. }
        | Call::AdmitIdentity { .. } => None,
    }
}
