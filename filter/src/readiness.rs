//! The readiness path: red until the first snapshot.

use cambist_core::flow::Response;

use crate::gateway::Gateway;

/// The answer to a request for the readiness path, whatever its query; `None` for any other request.
pub fn answer(gateway: &Gateway, method: &[u8], path: &[u8]) -> Option<Response> {
    let readiness_path = gateway.config.readiness_path.as_deref()?;
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    if path != readiness_path.as_bytes() || !(method == b"GET" || method == b"HEAD") {
        return None;
    }
    let (status, body) = match gateway.state.policy() {
        Some(policy) => (200, format!("ready epoch={}\n", policy.header.epoch)),
        None => (503, String::from("no snapshot yet\n")),
    };
    let headers =
        vec![("cache-control", String::from("no-store")), ("content-type", String::from("text/plain"))];
    Some(Response { status, headers, body })
}
