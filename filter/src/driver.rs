//! Carrying out steps. The only place where a request is resumed or answered.

use cambist_core::{
    claims_out::Values,
    denial::Denial,
    flow::{Answer, Call, Credential, Edits, Flow, Remote, Response, Step},
    time::Timestamp,
};

use crate::{
    calling,
    gateway::Gateway,
    head::Parts,
    host::Host,
    identity_headers,
    minting::CONTROL_PLANE_TIMEOUT_MS,
    waiters::{Over, Ripe, Waiter},
};

/// How long a request waits for the first snapshot.
const SNAPSHOT_WAIT_MS: i64 = 2_000;
/// How long a request waits for an issuer's keys.
const KEYS_WAIT_MS: i64 = 5_000;
/// How much longer a request waits than the callout that is made for it.
const MINT_GRACE_MS: i64 = 100;
/// How long a request waits in all, whatever it waits for.
const TOTAL_WAIT_MS: i64 = 10_000;

/// The context whose callback runs: callouts made in it are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executing {
    /// The stream that is gone on with.
    Stream,
    /// The root context with this id.
    Root(u32),
}

/// What became of a step.
pub enum Outcome {
    /// The request may go on.
    Forwarded,
    /// The request was answered.
    Answered,
    /// The request waits; it will be resumed or answered later.
    Waiting,
    /// The request is to go on until its body is there, which this decision waits for.
    Reading(Box<Flow>),
}

/// Carries out `step` for the selected stream, whose context id is `stream`.
pub fn carry_out(
    gateway: &mut Gateway,
    host: &dyn Host,
    executing: Executing,
    stream: u32,
    step: Step,
) -> Outcome {
    let mut step = step;
    loop {
        let (flow, call) = match step {
            Step::Forward(edits) => return forward(gateway, host, edits),
            Step::Reply { response, path, report } => {
                gateway.record(host, report, host.now());
                if let Some(path) = path {
                    host.set_request_header(":path", &path);
                }
                respond(host, &response);
                return Outcome::Answered;
            }
            Step::NeedBody { flow } => return Outcome::Reading(Box::new(flow)),
            Step::Call { flow, call } => (flow, call),
        };
        let Some(answered) = wait(gateway, host, executing, stream, flow, call) else {
            return Outcome::Waiting;
        };
        let (flow, answer) = *answered;
        step = gateway.resume(host, &flow, &answer);
    }
}

/// Goes on with requests whose waiting is over, from a root context.
///
/// This is the last thing root context `root` does before it returns: from the first selected stream on the host takes
/// callouts for those of that stream's root context, which may be another one and about to go.
pub fn resume_ripe(gateway: &mut Gateway, host: &dyn Host, root: u32) {
    for Ripe { waiter, over } in gateway.waiters.take_ripe() {
        let Waiter { stream, flow, call, callout, .. } = *waiter;
        if callout.is_some() {
            gateway.waiters.ripen_like(&call);
        }
        let answer = match over {
            Over::Ready => Answer::Ready,
            Over::Expired => Answer::TimedOut(call),
            Over::Answered(remote) => Answer::Remote(call, (*remote).clone()),
        };
        go_on(gateway, host, Executing::Root(root), stream, flow, &answer);
    }
}

/// Goes on with a paused request after `answer`.
pub fn go_on(
    gateway: &mut Gateway,
    host: &dyn Host,
    executing: Executing,
    stream: u32,
    mut flow: Flow,
    answer: &Answer,
) {
    // Where the stream is gone the one before stays selected: nothing may be done to it.
    if !host.select_context(stream) {
        return;
    }
    // Another policy may be in force than when the request came, with other headers that count. The host shows none of
    // a request whose body it gave already.
    if !flow.has_body() {
        let headers = host.request_headers();
        if !identity_headers::strip(host, &headers, &gateway.state) {
            respond(host, &Response::denial(Denial::TokenMalformed, None));
            return;
        }
        flow.refresh(&Parts::of(&headers, &gateway.state).head());
    }
    let step = gateway.resume(host, &flow, answer);
    match carry_out(gateway, host, executing, stream, step) {
        Outcome::Forwarded => host.resume_request(),
        Outcome::Answered | Outcome::Waiting => {}
        // It was held on its headers, and whether a body follows is not known any more.
        Outcome::Reading(flow) => {
            let step = gateway.resume(host, &flow, &Answer::Overloaded);
            carry_out(gateway, host, executing, stream, step);
        }
    }
}

/// Answers the selected stream.
pub fn respond(host: &dyn Host, response: &Response) {
    let Response { status, headers, body } = response;
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    host.send_response(*status, &headers, body.as_bytes());
}

fn forward(gateway: &mut Gateway, host: &dyn Host, edits: Edits) -> Outcome {
    let Edits { credential, removed, rewritten, told, report } = edits;
    let is_told = told.is_none_or(|values| tell(host, &values));
    match credential {
        Credential::Keep => {}
        Credential::Remove => host.remove_request_header("authorization"),
        // Setting removes every copy first.
        Credential::Replace(value) => host.set_request_header("authorization", value.as_bytes()),
    }
    for name in removed {
        host.remove_request_header(&name);
    }
    for (name, value) in rewritten {
        host.set_request_header(name, &value);
    }
    let is_timed = report.event.is_some()
        || report.userinfo.is_some()
        || report.exchange.is_some()
        || !report.shadows.is_empty();
    let now = if is_timed { host.now() } else { Timestamp::default() };
    gateway.record(host, report, now);
    if is_told {
        return Outcome::Forwarded;
    }
    // Policy behind us must not see the request without what it is to decide on.
    gateway.telemetry.count_plain("untold", 1);
    respond(host, &Response::denial(Denial::Internal, None));
    Outcome::Answered
}

/// Tells those behind us what core says of the token. False if Envoy takes some of it not.
fn tell(host: &dyn Host, values: &Values) -> bool {
    let Values { headers, filter_state } = values;
    for (name, value) in headers {
        host.set_request_header(name, value.as_bytes());
    }
    filter_state.iter().all(|(name, value)| host.set_filter_state(name, value.as_bytes()))
}

/// Parks a request until its call is answered, or gives it back with the answer that there is at once.
fn wait(
    gateway: &mut Gateway,
    host: &dyn Host,
    executing: Executing,
    stream: u32,
    flow: Flow,
    call: Call,
) -> Option<Box<(Flow, Answer)>> {
    let is_shared = call.is_shared();
    let deadline = host.now().plus_millis(wait_ms(&call)).min(flow.arrived().plus_millis(TOTAL_WAIT_MS));
    if call.is_mint() && !gateway.minting.want(&call) {
        return Some(Box::new((flow, Answer::Overloaded)));
    }
    let waiter = Box::new(Waiter { stream, flow, call, callout: None, deadline });
    if let Err(waiter) = gateway.waiters.park(waiter) {
        return Some(Box::new((waiter.flow, Answer::Overloaded)));
    }
    if is_shared {
        // Shared calls belong to the root context, which acts on its next tick: make that soon.
        gateway.hurry(host);
        return None;
    }
    let call = gateway.waiters.call_to_make(stream)?;
    let callout = dispatch(gateway, host, executing, stream, &call);
    let Waiter { flow, call, .. } = *gateway.waiters.called(stream, callout)?;
    Some(Box::new((flow, Answer::Remote(call, Remote::default()))))
}

/// Makes a callout of the context that executes, and selects the stream again.
fn dispatch(
    gateway: &mut Gateway,
    host: &dyn Host,
    executing: Executing,
    stream: u32,
    call: &Call,
) -> Option<u32> {
    match executing {
        Executing::Stream => calling::dispatch(gateway, host, call),
        // The host would take it for a callout of the stream's root context, the SDK for one of this.
        Executing::Root(root) if host.select_context(root) => {
            let token = calling::dispatch(gateway, host, call);
            host.select_context(stream);
            token
        }
        Executing::Root(_) => None,
    }
}

fn wait_ms(call: &Call) -> i64 {
    match call {
        Call::AwaitSnapshot => SNAPSHOT_WAIT_MS,
        Call::UserInfo { timeout_ms, .. } => (*timeout_ms).into(),
        // The callout begins with the next tick, and its end says more than that of the waiting.
        Call::ExchangeExternally(request) => i64::from(request.timeout_ms).saturating_add(MINT_GRACE_MS),
        Call::MintRemotely { .. } => i64::from(CONTROL_PLANE_TIMEOUT_MS).saturating_add(MINT_GRACE_MS),
        Call::FetchKeys { .. }
        | Call::ConsumeReplay { .. }
        | Call::AwaitAudit { .. }
        | Call::AdmitIdentity(_) => KEYS_WAIT_MS,
    }
}
