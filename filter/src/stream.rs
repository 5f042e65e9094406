//! One request.

use cambist_core::{
    denial::Denial,
    flow::{Head, Response},
};

use crate::{
    driver::{self, Outcome},
    gateway::Gateway,
    host::Host,
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
        identity_headers::strip(host, &headers);
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

fn decide(gateway: &mut Gateway, host: &dyn Host, id: u32, headers: &[(String, Vec<u8>)]) -> Outcome {
    let mut head = Head::default();
    let mut authorization: Vec<&[u8]> = Vec::new();
    for (name, value) in headers {
        match name.as_str() {
            ":method" => head.method = value,
            ":authority" => head.authority = value,
            ":path" => head.path = value,
            "authorization" => authorization.push(value),
            "origin" => head.has_origin = true,
            "access-control-request-method" => head.has_request_method = true,
            _ => {}
        }
    }
    head.authorization = &authorization;
    if let Some(response) = readiness::answer(gateway, head.method, head.path) {
        driver::respond(host, &response);
        return Outcome::Answered;
    }
    let step = gateway.start(host, &head);
    driver::carry_out(gateway, host, id, step)
}
