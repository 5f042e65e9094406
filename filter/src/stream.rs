//! One request.

use cambist_core::{
    denial::Denial,
    exchange::form::MAX_BODY_BYTES,
    flow::{Answer, Flow, Response},
};

use crate::{
    calling,
    driver::{self, Executing, Outcome},
    gateway::Gateway,
    head::Parts,
    host::{HeaderMap, Host},
    identity_headers, readiness,
    registry::SharedGateway,
};

/// One request of a gateway.
pub struct Stream {
    id: u32,
    gateway: Option<SharedGateway>,
    waiting: bool,
    body: Body,
}

/// Whether the request's body is read.
enum Body {
    /// It is none of our business.
    Unread,
    /// The decision goes on when all of it is there.
    Awaited(Box<Flow>),
    /// It was read, and nothing of it goes on.
    Taken,
}

/// Whether the request goes on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It does.
    Continue,
    /// It is answered or waits.
    Pause,
}

// === impl Stream ===

impl Stream {
    /// A request; without a gateway it is refused.
    pub const fn new(id: u32, gateway: Option<SharedGateway>) -> Self {
        Self { id, gateway, waiting: false, body: Body::Unread }
    }

    /// Takes the request's headers; `ended` where there is no body.
    pub fn on_request_headers(&mut self, host: &dyn Host, ended: bool) -> Next {
        let headers = host.request_headers();
        #[cfg(feature = "planted-panic")]
        crate::planted::look(&headers);
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok());
        let Some(mut gateway) = gateway else {
            driver::respond(host, &Response::denial(Denial::Internal, None));
            return Next::Pause;
        };
        let mut outcome = decide(&mut gateway, host, self.id, &headers);
        if let (Outcome::Reading(flow), true) = (&outcome, ended) {
            self.body = Body::Taken;
            let step = gateway.resume(host, flow, &Answer::Body(Vec::new()));
            outcome = driver::carry_out(&mut gateway, host, Executing::Stream, self.id, step);
        }
        match outcome {
            Outcome::Forwarded => Next::Continue,
            Outcome::Answered => Next::Pause,
            Outcome::Waiting => {
                self.waiting = true;
                Next::Pause
            }
            // A request that is held here never gets its body: the filter behind us holds it.
            Outcome::Reading(flow) => {
                self.body = Body::Awaited(flow);
                Next::Continue
            }
        }
    }

    /// Takes what there is of the request's body: `size` bytes, all of it when it has `ended`.
    pub fn on_request_body(&mut self, host: &dyn Host, size: usize, ended: bool) -> Next {
        match &self.body {
            Body::Unread => return Next::Continue,
            Body::Awaited(_) if ended || size > MAX_BODY_BYTES => {}
            Body::Awaited(_) | Body::Taken => return Next::Pause,
        }
        let Body::Awaited(flow) = core::mem::replace(&mut self.body, Body::Taken) else { return Next::Pause };
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok());
        let Some(mut gateway) = gateway else {
            driver::respond(host, &Response::denial(Denial::Internal, None));
            return Next::Pause;
        };
        // One byte more than is allowed, so that core sees that it is too much.
        let body = host.request_body(size.min(MAX_BODY_BYTES.saturating_add(1)));
        let step = gateway.resume(host, &flow, &Answer::Body(body));
        let outcome = driver::carry_out(&mut gateway, host, Executing::Stream, self.id, step);
        self.waiting = matches!(outcome, Outcome::Waiting);
        if let Outcome::Forwarded | Outcome::Reading(_) = outcome {
            // Core lets no request go on whose body it has read.
            driver::respond(host, &Response::denial(Denial::Internal, None));
        }
        Next::Pause
    }

    /// Takes the request's trailers. Some servers read them as headers, so neither an identity nor a credential may
    /// come that way (RFC 9110 §6.5.1); a credential was not looked at here, so nobody verified it.
    pub fn on_request_trailers(&self, host: &dyn Host) -> Next {
        if !matches!(self.body, Body::Unread) {
            // No form has trailers; the body would not end before them.
            driver::respond(host, &Response::denial(Denial::TokenMalformed, None));
            return Next::Pause;
        }
        let trailers = host.request_trailers();
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow().ok());
        let stripped = gateway.is_some_and(|gateway| {
            let state = &gateway.state;
            for (name, _) in trailers.headers().filter(|(name, _)| state.is_credential_header(name)) {
                // Names of credentials are text: they stand in a policy.
                host.remove_request_trailer(&String::from_utf8_lossy(name));
            }
            identity_headers::strip_trailers(host, &trailers, state)
        });
        if stripped {
            return Next::Continue;
        }
        driver::respond(host, &Response::denial(Denial::TokenMalformed, None));
        Next::Pause
    }

    /// Takes the answer to a callout that the request made.
    pub fn callout_answered(&self, host: &dyn Host, token: u32, body_size: usize) {
        if let Some(mut gateway) = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok()) {
            calling::answered(&mut gateway, host, Executing::Stream, token, body_size);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.waiting
            && let Some(mut gateway) = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok())
        {
            let left = gateway.waiters.remove(self.id);
            if let Some(waiter) = left.filter(|waiter| waiter.call.is_mint()) {
                gateway.minting.left(*waiter);
            }
        }
    }
}

fn decide(gateway: &mut Gateway, host: &dyn Host, id: u32, headers: &HeaderMap) -> Outcome {
    if !identity_headers::strip(host, headers, &gateway.state) {
        driver::respond(host, &Response::denial(Denial::TokenMalformed, None));
        return Outcome::Answered;
    }
    let parts = Parts::of(headers, &gateway.state);
    let head = parts.head();
    if let Some(response) = readiness::answer(gateway, head.method, head.path) {
        driver::respond(host, &response);
        return Outcome::Answered;
    }
    let step = gateway.start(host, &head);
    driver::carry_out(gateway, host, Executing::Stream, id, step)
}
