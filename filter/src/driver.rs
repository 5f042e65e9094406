//! Carrying out steps. The only place where a request is resumed or answered.

use cambist_core::{
    denial::Denial,
    flow::{Answer, Call, Credential, Edits, Flow, Response, Step},
    time::Timestamp,
};

use crate::{
    gateway::Gateway,
    head::Parts,
    host::Host,
    identity_headers,
    waiters::{Ripe, Waiter},
};

/// How long a request waits for the first snapshot.
const SNAPSHOT_WAIT_MS: i64 = 2_000;
/// How long a request waits for an issuer's keys.
const KEYS_WAIT_MS: i64 = 5_000;
/// How long a request waits in all, whatever it waits for.
const TOTAL_WAIT_MS: i64 = 10_000;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request may go on.
    Forwarded,
    /// The request was answered.
    Answered,
    /// The request waits; it will be resumed or answered later.
    Waiting,
}

/// Carries out `step` for the selected stream, whose context id is `stream`.
pub fn carry_out(gateway: &mut Gateway, host: &dyn Host, stream: u32, step: Step) -> Outcome {
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
            // No path of this version reads a body, and holding a request for one would hang it.
            Step::NeedBody { flow } => {
                step = gateway.resume(host, &flow, &Answer::Overloaded);
                continue;
            }
            Step::Call { flow, call } => (flow, call),
        };
        match park(gateway, host, stream, flow, call) {
            Ok(()) => return Outcome::Waiting,
            Err(waiter) => step = gateway.resume(host, &waiter.flow, &Answer::Overloaded),
        }
    }
}

/// Goes on with requests whose waiting is over, from a root context.
///
/// This is the last thing a root context does before it returns: from the first selected stream on the host takes
/// callouts for those of that stream's root context, which may be another one and about to go.
pub fn resume_ripe(gateway: &mut Gateway, host: &dyn Host) {
    for Ripe { waiter, expired } in gateway.waiters.take_ripe() {
        let Waiter { stream, mut flow, call, .. } = *waiter;
        // Where the stream is gone the one before stays selected: nothing may be done to it.
        if !host.select_stream(stream) {
            continue;
        }
        // Another policy may be in force than when the request came, with other headers that count.
        let headers = host.request_headers();
        if !identity_headers::strip(host, &headers, &gateway.state) {
            respond(host, &Response::denial(Denial::TokenMalformed, None));
            continue;
        }
        flow.refresh(&Parts::of(&headers, &gateway.state).head());
        let answer = if expired { Answer::TimedOut(call) } else { Answer::Ready };
        let step = gateway.resume(host, &flow, &answer);
        if carry_out(gateway, host, stream, step) == Outcome::Forwarded {
            host.resume_request();
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
    let Edits { credential, removed, rewritten, report } = edits;
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
    let now = if report.event.is_some() { host.now() } else { Timestamp::default() };
    gateway.record(host, report, now);
    Outcome::Forwarded
}

fn park(
    gateway: &mut Gateway,
    host: &dyn Host,
    stream: u32,
    flow: Flow,
    call: Call,
) -> Result<(), Box<Waiter>> {
    let wait = if call == Call::AwaitSnapshot { SNAPSHOT_WAIT_MS } else { KEYS_WAIT_MS };
    let deadline = host.now().plus_millis(wait).min(flow.arrived().plus_millis(TOTAL_WAIT_MS));
    gateway.waiters.park(Box::new(Waiter { stream, flow, call, deadline }))?;
    // Shared fetches belong to the root context, which acts on its next tick: make that soon.
    gateway.hurry(host);
    Ok(())
}
