//! A fault on purpose, for the test-only feature `planted-panic`: whoever watches for dead VMs must notice it.

use crate::host::HeaderMap;

/// Panics when a header value begins with the byte 0xFF, as one does that a hostile client makes up.
#[expect(clippy::panic, reason = "the module with this in it exists to fail")]
pub(crate) fn look(headers: &HeaderMap) {
    if headers.headers().any(|(_, value)| value.starts_with(b"\xff")) {
        panic!("planted");
    }
}
