//! The right to fetch an issuer's keys: of one VM at a time, and for a while that ends by itself.

use alloc::vec::Vec;

use super::{Board, Sharing, UNWRITTEN};
use crate::{keyring::FETCH_TIMEOUT_MS, time::Timestamp};

/// Milliseconds of a lease: one request and two seconds more. A fetch of two steps renews it.
pub const LEASE_MS: i64 = FETCH_TIMEOUT_MS.saturating_add(2_000);

const VERSION: u8 = 1;
const KIND: u8 = b'L';

/// The random name of a VM.
pub type Holder = [u8; 16];

/// What came of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is this VM's.
    Won,
    /// Another VM has it.
    Held,
    /// Somebody else wrote there, and it was no VM of ours.
    Disturbed,
}

struct Lease {
    holder: Holder,
    until: Timestamp,
}

// === impl Sharing ===

impl Sharing {
    /// Asks for the lease under `name`, or for more of it.
    pub(super) fn take_lease(&mut self, board: &dyn Board, name: &str, now: Timestamp) -> Taken {
        let (value, seen) = board.read(name).unwrap_or((Vec::new(), UNWRITTEN));
        if self.is_foreign(name, &value, now) {
            return Taken::Held;
        }
        if board.write(name, &self.lease(name, now.plus_millis(LEASE_MS)), seen) {
            return Taken::Won;
        }
        // Somebody was quicker.
        let value = board.read(name).map(|(value, _)| value).unwrap_or_default();
        if self.is_foreign(name, &value, now) { Taken::Held } else { Taken::Disturbed }
    }

    /// Gives the lease back if it is still this VM's.
    pub(super) fn release(&self, board: &dyn Board, name: &str) {
        let Some((value, seen)) = board.read(name) else { return };
        if self.seal.open(name, &value).and_then(Lease::read).is_some_and(|lease| lease.holder == self.holder)
        {
            board.write(name, &self.lease(name, Timestamp::from_millis(i64::MIN)), seen);
        }
    }

    /// Whether `value` is the running lease of another VM. What is no lease, or runs for longer than one can, is none.
    fn is_foreign(&mut self, name: &str, value: &[u8], now: Timestamp) -> bool {
        let lease = self.seal.open(name, value).and_then(Lease::read);
        if lease.is_none() && !value.is_empty() {
            self.count_invalid();
        }
        lease.is_some_and(|lease| {
            lease.holder != self.holder && now < lease.until && lease.until <= now.plus_millis(LEASE_MS)
        })
    }

    fn lease(&self, name: &str, until: Timestamp) -> Vec<u8> {
        let mut bytes = Vec::from([VERSION, KIND]);
        bytes.extend_from_slice(&self.holder);
        bytes.extend_from_slice(&until.millis().to_be_bytes());
        self.seal.close(name, bytes)
    }
}

// === impl Lease ===

impl Lease {
    fn read(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, KIND], rest) = bytes.split_first_chunk::<2>()? else { return None };
        let (holder, rest) = rest.split_first_chunk::<16>()?;
        let until = i64::from_be_bytes(rest.try_into().ok()?);
        Some(Self { holder: *holder, until: Timestamp::from_millis(until) })
    }
}
