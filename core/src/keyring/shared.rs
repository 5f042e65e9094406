//! One fetch for all VMs of a gateway process: what one of them fetched lies where the others look before they ask.
//!
//! That place belongs to the host and may be written by any plugin, so everything there is sealed under the gateway
//! token, and what is not is nothing. It holds public keys, times and counts, never a secret.

mod lease;
mod record;
mod turn;

use alloc::{format, string::String, sync::Arc, vec::Vec};

use hashbrown::HashSet;

pub(super) use self::turn::Companions;
pub use self::{
    lease::{Holder, LEASE_MS},
    record::{MAX_RECORD_BYTES, Record, SharedSet},
};
use super::issuer_keys::{IssuerKeys, Source};
use crate::{digest::Digest, encoding, seal::Seal, time::Timestamp};

/// What the seal's key is for.
const PURPOSE: &[u8] = b"cambist shared keys 1";

/// What [`Board::write`] takes as the last write of a name that nothing was written under: no write has this number.
pub const UNWRITTEN: u32 = u32::MAX;

/// Most names that a VM uses; a host never forgets one.
const MAX_NAMES: usize = 4_096;
const NAMES_PER_ISSUER: usize = 2;

/// Where the VMs of a process put what all of them may read and write.
pub trait Board {
    /// What is under `name`, and the number of the write that put it there.
    fn read(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Writes under `name` if the last write there has still number `seen`, or if there was none; false if not.
    fn write(&self, name: &str, value: &[u8], seen: u32) -> bool;
}

/// How this VM shares keys with the others of its gateway.
#[derive(Debug)]
pub struct Sharing {
    seal: Seal,
    gateway: String,
    holder: Holder,
    places: HashSet<Digest>,
    /// Records and leases that were none.
    invalid: u64,
}

/// The names of one issuer.
#[derive(Debug)]
pub(super) struct Place {
    keys: String,
    lease: String,
}

/// What came of looking at the board before a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another VM fetches.
    Follow,
    /// Another VM has fetched, or tried to.
    Learned,
    /// It is on this VM to fetch.
    Fetch,
}

// === impl Board ===

/// Where nothing is shared.
impl Board for () {
    fn read(&self, _name: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn write(&self, _name: &str, _value: &[u8], _seen: u32) -> bool {
        false
    }
}

// === impl Sharing ===

impl Sharing {
    /// Shares with all VMs of `gateway` that know `gateway_token`; `holder` tells this VM from them.
    pub fn new(gateway_token: &[u8], gateway: &str, holder: Holder) -> Self {
        Self {
            seal: Seal::new(gateway_token, PURPOSE),
            gateway: gateway.into(),
            holder,
            places: HashSet::default(),
            invalid: 0,
        }
    }

    /// Records and leases that were no valid ones since the last call.
    pub(super) fn take_invalid(&mut self) -> u64 {
        core::mem::take(&mut self.invalid)
    }

    /// The names of an issuer; `None` where there are too many already.
    fn place(&mut self, id: &str, keys: &IssuerKeys) -> Option<Arc<Place>> {
        let (kind, url) = match &keys.source {
            Source::Fixed(_) => return None,
            Source::Jwks(_, endpoint) => ("jwks", endpoint.url()),
            Source::Discovery(document) => ("discovery", document.url()),
        };
        let http = if keys.allow_http { "http" } else { "https" };
        let parts = [&self.gateway, id, &keys.iss, kind, &url, http];
        let source = Digest::of_parts(parts.map(str::as_bytes));
        let is_full = self.places.len().saturating_mul(NAMES_PER_ISSUER) >= MAX_NAMES;
        if is_full && !self.places.contains(&source) {
            return None;
        }
        self.places.insert(source);
        let gateway = short(&Digest::of(self.gateway.as_bytes()));
        let prefix = format!("cambist/1/{gateway}/{}", short(&source));
        Some(Arc::new(Place { keys: format!("{prefix}/keys"), lease: format!("{prefix}/lease") }))
    }

    /// Reads a record; `None` if it is none. One whose times lie ahead is from before the clock was set back.
    fn open<'a>(&self, name: &str, bytes: &'a [u8], now: Timestamp) -> Option<Record<'a>> {
        self.seal.open(name, bytes).and_then(Record::read).filter(|record| record.is_sane(now))
    }

    const fn count_invalid(&mut self) {
        self.invalid = self.invalid.saturating_add(1);
    }
}

/// Half of a digest, which is enough where nobody else chooses what goes in.
fn short(digest: &Digest) -> String {
    let half = digest.as_bytes().first_chunk::<16>();
    half.map(|half| encoding::hex(half)).unwrap_or_default()
}
