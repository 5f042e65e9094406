//! One request.

use cambist_core::{denial::Denial, flow::Response};

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
        Self { id, gateway, waiting: false }
    }

    /// Takes the request's headers.
    pub fn on_request_headers(&mut self, host: &dyn Host) -> Next {
        let headers = host.request_headers();
        #[cfg(feature = "planted-panic")]
        crate::planted::look(&headers);
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.try_borrow_mut().ok());
        let Some(mut gateway) = gateway else {
            driver::respond(host, &Response::denial(Denial::Internal, None));
            return Next::Pause;
        };
        match decide(&mut gateway, host, self.id, &headers) {
            Outcome::Forwarded => Next::Continue,
            Outcome::Answered => Next::Pause,
            Outcome::Waiting => {
                self.waiting = true;
                Next::Pause
            }
        }
    }

    /// Takes the request's trailers. Some servers read them as headers, so neither an identity nor a credential may
    /// come that way (RFC 9110 §6.5.1); a credential was not looked at here, so nobody verified it.
    pub fn on_request_trailers(&self, host: &dyn Host) -> Next {
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
            gateway.waiters.remove(self.id);
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
