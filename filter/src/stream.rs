//! One request.

use cambist_core::{
    denial::Denial,
    flow::{Head, Response},
};

use crate::{
    driver::{self, Outcome},
    gateway::Gateway,
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
        if !identity_headers::strip(host, &headers) {
            driver::respond(host, &Response::denial(Denial::TokenMalformed, None));
            return Next::Pause;
        }
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
        if !identity_headers::strip_trailers(host, &trailers) {
            driver::respond(host, &Response::denial(Denial::TokenMalformed, None));
            return Next::Pause;
        }
        if trailers.headers().any(|(name, _)| name.eq_ignore_ascii_case(b"authorization")) {
            host.remove_request_trailer("authorization");
        }
        Next::Continue
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
    let mut head = Head::default();
    let mut authorization: Vec<&[u8]> = Vec::new();
    let mut repeated = false;
    let mut headers = headers.headers();
    for (name, value) in headers.by_ref() {
        let slot = match name {
            b":method" => &mut head.method,
            b":authority" => &mut head.authority,
            b":path" => &mut head.path,
            b"origin" => {
                head.has_origin = true;
                continue;
            }
            b"access-control-request-method" => {
                head.has_request_method = true;
                continue;
            }
            // Envoy's names are lower case already; a credential must not depend on it.
            name if name.eq_ignore_ascii_case(b"authorization") => {
                authorization.push(value);
                continue;
            }
            _ => continue,
        };
        repeated |= !slot.is_empty();
        *slot = value;
    }
    if repeated || !headers.is_complete() {
        // The router may act on the other one, or on what is missing here: such a request is malformed.
        head = Head::default();
    }
    head.authorization = &authorization;
    if let Some(response) = readiness::answer(gateway, head.method, head.path) {
        driver::respond(host, &response);
        return Outcome::Answered;
    }
    let step = gateway.start(host, &head);
    driver::carry_out(gateway, host, id, step)
}
