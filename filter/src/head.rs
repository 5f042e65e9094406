//! What core reads of a request, picked from its headers without copying. Deliberately absent: what it means.

use cambist_core::flow::{Head, State};

use crate::host::HeaderMap;

/// The parts of a request that a decision looks at.
pub struct Parts<'a> {
    head: Head<'a>,
    authorization: Vec<&'a [u8]>,
    others: Vec<(&'a [u8], &'a [u8])>,
}

// === impl Parts ===

impl<'a> Parts<'a> {
    /// Picks what a decision by `state` looks at. Nothing of a request that is not well-formed but its credentials.
    pub fn of(headers: &'a HeaderMap, state: &State) -> Self {
        // Usually there are none, and a header that nobody knows costs one comparison more.
        let wanted = state.token_headers();
        let mut head = Head::default();
        let (mut authorization, mut others) = (Vec::new(), Vec::new());
        let mut repeated = false;
        let mut headers = headers.headers();
        for (name, value) in headers.by_ref() {
            let slot = match name {
                b":method" => &mut head.method,
                b":authority" => &mut head.authority,
                b":path" => &mut head.path,
                b"content-type" => {
                    head.content_type = Some(if head.content_type.is_none() { value } else { b"" });
                    continue;
                }
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
                name => {
                    if wanted.is_some_and(|wanted| wanted.contains(name)) {
                        others.push((name, value));
                    }
                    continue;
                }
            };
            repeated |= !slot.is_empty();
            *slot = value;
        }
        if repeated || !headers.is_complete() {
            // The router may act on the other one, or on what is missing here: such a request is malformed.
            head = Head::default();
        }
        Self { head, authorization, others }
    }

    /// The head of the request.
    pub fn head(&self) -> Head<'_> {
        Head { authorization: &self.authorization, others: &self.others, ..self.head }
    }
}
