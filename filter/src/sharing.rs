//! What the VMs of a gateway share, keys and counts: the host's shared data as core's board.
//!
//! Deliberately absent: what stands there and who fetches, which core decides.

use cambist_core::{
    keyring::{Board, Sharing},
    secret::Secret,
};

use crate::{host::Host, synchronizing::Authorization};

/// The host's shared data.
pub struct HostBoard<'a>(pub &'a dyn Host);

/// How a gateway shares keys: under its token, and not at all where there are no random bytes to name this VM by.
pub fn sharing(authorization: &Authorization, gateway: &str, host: &dyn Host) -> Option<Sharing> {
    let token = token(authorization)?;
    let mut holder = [0; 16];
    host.random(&mut holder).then(|| Sharing::new(token, gateway, holder))
}

/// The gateway token, under which all that is shared is sealed.
pub fn token(authorization: &Authorization) -> Option<&[u8]> {
    Secret::expose(authorization).strip_prefix("Bearer ").map(str::as_bytes)
}

// === impl HostBoard ===

impl Board for HostBoard<'_> {
    fn read(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.0.shared_data(name)
    }

    fn write(&self, name: &str, value: &[u8], seen: u32) -> bool {
        self.0.set_shared_data(name, value, seen)
    }
}
