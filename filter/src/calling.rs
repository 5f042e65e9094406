//! The callouts that a request makes for itself: from a call of core to Envoy, and the answer back.
//!
//! Deliberately absent: what is shared, which the root context fetches, and what an answer means.

use cambist_core::flow::{Answer, Call, Remote};

use crate::{
    driver::{self, Executing},
    fetching::USER_AGENT,
    gateway::Gateway,
    host::{Callout, CalloutHead, Host},
    waiters::Waiter,
};

/// Milliseconds until the control plane must have said whether a request passes a gate.
const GATE_TIMEOUT_MS: u32 = 4_500;

/// Starts the callout of `call`; its number, or `None` if it failed at once.
pub fn dispatch(gateway: &mut Gateway, host: &dyn Host, call: &Call) -> Option<u32> {
    match call {
        Call::UserInfo { issuer, endpoint, authorization, timeout_ms } => {
            gateway.telemetry.count_plain("userinfo", 1);
            let cluster = gateway.cluster(host, "issuer", issuer, endpoint)?;
            host.dispatch(&Callout {
                cluster: &cluster,
                method: "GET",
                https: endpoint.is_https(),
                authority: &endpoint.authority(),
                path: endpoint.path(),
                headers: &[
                    ("accept", "application/json"),
                    ("user-agent", USER_AGENT),
                    ("authorization", authorization.expose()),
                ],
                body: None,
                timeout_ms: *timeout_ms,
            })
        }
        Call::ConsumeReplay { .. } | Call::AdmitIdentity(_) => {
            let name = if matches!(call, Call::AdmitIdentity(_)) { "admit" } else { "consume" };
            gateway.telemetry.count_plain(name, 1);
            let (path, body) = call.question()?;
            gateway.synchronizer.as_ref()?.post(host, path, &body, GATE_TIMEOUT_MS)
        }
        // Core of this version asks for no other, or they are shared.
        Call::AwaitSnapshot
        | Call::FetchKeys { .. }
        | Call::MintRemotely { .. }
        | Call::ExchangeExternally(_)
        | Call::AwaitAudit { .. } => None,
    }
}

/// Takes the answer to the callout with this number, inside its callback, if a request still waits for it.
pub fn answered(gateway: &mut Gateway, host: &dyn Host, executing: Executing, token: u32, body_size: usize) {
    let Some(waiter) = gateway.waiters.take_called(token) else { return };
    let Waiter { stream, flow, call, .. } = *waiter;
    // Before another context is selected, whose answers are others.
    let remote = read(host, &call, body_size);
    // Those who wait for the same look on the next tick, into the cache.
    if gateway.waiters.ripen_like(&call) {
        gateway.hurry(host);
    }
    driver::go_on(gateway, host, executing, stream, flow, &Answer::Remote(call, remote));
}

/// The answer to `call`, inside its callback.
pub(crate) fn read(host: &dyn Host, call: &Call, body_size: usize) -> Remote {
    let CalloutHead { status, content_type, retry_after, .. } = host.callout_head();
    // One byte more than is allowed, so that core sees that it is too much.
    let most = body_size.min(call.most_bytes().saturating_add(1));
    let body = if status == 0 || most == 0 { None } else { host.callout_body(most) };
    let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
    Remote { status, content_type, retry_after, body: body.unwrap_or_default() }
}
