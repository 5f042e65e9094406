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
/// How often a call that fails at once is made again, on the next tick: a `dynamic_forward_proxy` cluster takes no call
/// to a host whose name it has not resolved yet.
const MOST_FAILURES: u8 = 5;
/// Most requests of clients that left whose call is out.
const MAX_LEFT: usize = 256;
/// Most bytes that such a request keeps.
const MAX_LEFT_BYTES: usize = 16_384;

/// The calls of a gateway.
#[derive(Default)]
pub struct Minting {
    /// To be made on the next tick, and how often that failed at once.
    queued: Vec<(Call, u8)>,
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
        let calls = || self.queued.iter().map(|(call, _)| call).chain(self.out.values().map(|out| &out.call));
        if calls().any(|known| known == call) {
            return true;
        }
        // Beside those who wait, clients that left count.
        if calls().filter(|known| known.same_party(call)).count() >= MAX_PER_CALL {
            return false;
        }
        self.queued.push((call.clone(), 0));
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
            self.queued.push((call, 0));
        }
    }
}

/// Makes the calls that somebody still waits for.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    for (call, failures) in core::mem::take(&mut gateway.minting.queued) {
        if !gateway.waiters.any(|known| *known == call) {
            continue;
        }
        match dispatch(gateway, host, &call) {
            Dispatch::Out(token) => {
                let minting = &mut gateway.minting;
                minting.last = minting.last.wrapping_add(1);
                in_flight.insert(token, Purpose::Mint { number: minting.last });
                minting.out.insert(minting.last, Out { call, left: None });
            }
            Dispatch::Failed if failures < MOST_FAILURES => {
                gateway.minting.queued.push((call, failures.saturating_add(1)));
            }
            Dispatch::Failed | Dispatch::Nowhere => {
                gateway.waiters.answer(&call, &Rc::new(Remote::default()));
            }
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

/// What became of making a call.
enum Dispatch {
    /// It is out, under this number.
    Out(u32),
    /// It failed at once.
    Failed,
    /// There is nobody to ask.
    Nowhere,
}

fn dispatch(gateway: &mut Gateway, host: &dyn Host, call: &Call) -> Dispatch {
    match call {
        Call::ExchangeExternally(request) => {
            gateway.telemetry.count_plain("external", 1);
            let endpoint = &request.endpoint;
            let Some(cluster) = gateway.cluster(host, "external endpoint", &request.id, endpoint) else {
                return Dispatch::Nowhere;
            };
            let mut headers = vec![
                ("accept", "application/json"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("user-agent", USER_AGENT),
            ];
            headers
                .extend(request.authorization.iter().map(|value| ("authorization", value.expose().as_str())));
            Dispatch::of(host.dispatch(&Callout {
                cluster: &cluster,
                method: "POST",
                https: endpoint.is_https(),
                authority: &endpoint.authority(),
                path: endpoint.path(),
                headers: &headers,
                body: Some(request.body.expose()),
                timeout_ms: request.timeout_ms,
            }))
        }
        Call::MintRemotely { body } => {
            gateway.telemetry.count_plain("mint_remotely", 1);
            let Some(synchronizer) = &gateway.synchronizer else { return Dispatch::Nowhere };
            Dispatch::of(synchronizer.post(host, "/gateway/v1/mint", body, CONTROL_PLANE_TIMEOUT_MS))
        }
        // Requests make these for themselves, or the root context does elsewhere.
        Call::AwaitSnapshot
        | Call::FetchKeys { .. }
        | Call::UserInfo { .. }
        | Call::ConsumeReplay { .. }
        | Call::AwaitAudit { .. }
        | Call::AdmitIdentity(_) => Dispatch::Nowhere,
    }
}

// === impl Dispatch ===

impl Dispatch {
    fn of(token: Option<u32>) -> Self {
        token.map_or(Self::Failed, Self::Out)
    }
}
