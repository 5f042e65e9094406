//! The table of a gateway: 4,096 slots that its VMs share, so that several workers count as one.
//!
//! It is the first defence, no ledger: what another plugin put there, or two workers at once, at worst lets one more
//! through, and the control plane counts what it mints itself. An identity has one slot; one that falls into the slot of
//! another displaces it, so that nobody is ever refused for what a neighbour did.

use alloc::{format, string::String, vec::Vec};

use super::{Limiter, OrderTag, Tally, Tat};
use crate::{
    digest::Digest,
    encoding,
    keyring::{Board, UNWRITTEN},
    seal::Seal,
    time::Timestamp,
    wire::snapshot::Rate,
};

/// Slots of a table, a power of two.
pub const SLOTS: u16 = 4_096;
/// How often a count is tried while other VMs write the same slot. After that it is let through.
const ATTEMPTS: u8 = 8;
const VERSION: u8 = 1;
/// What the seal's key is for.
const PURPOSE: &[u8] = b"cambist shared rates 1";

/// The table of one gateway.
#[derive(Debug, Default)]
pub struct Table {
    /// Seal and prefix of the names on the board; `None` where nothing is shared.
    shared: Option<(Seal, String)>,
    /// The slots where nothing is shared; empty until the first count.
    own: Vec<Record>,
    stats: Stats,
}

/// What happened to a table that an operator may want to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records that no VM of this gateway wrote.
    pub invalid: u64,
    /// Identities that had to make room for another.
    pub displaced: u64,
    /// Exchanges that were let through uncounted, because other VMs wrote the slot all the time.
    pub uncounted: u64,
}

/// A table with the board that its slots stand on.
pub struct OnBoard<'a> {
    table: &'a mut Table,
    board: &'a dyn Board,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// Half of the SHA-256 of the identity's id.
    who: [u8; 16],
    tally: Tally,
}

// === impl Table ===

impl Table {
    /// Shares with all VMs of `gateway` that know `gateway_token`, or with none.
    pub fn share(&mut self, gateway_token: Option<&[u8]>, gateway: &str) {
        self.shared = gateway_token.map(|token| {
            let digest = Digest::of(gateway.as_bytes());
            let half = digest.as_bytes().first_chunk::<16>();
            let short = half.map(|half| encoding::hex(half)).unwrap_or_default();
            (Seal::new(token, PURPOSE), format!("cambist/1/{short}/rate/"))
        });
    }

    /// The table on `board`, to count with.
    pub fn on<'a>(&'a mut self, board: &'a dyn Board) -> OnBoard<'a> {
        OnBoard { table: self, board }
    }

    /// What happened since this was asked last.
    pub fn take_stats(&mut self) -> Stats {
        core::mem::take(&mut self.stats)
    }
}

// === impl OnBoard ===

impl Limiter for OnBoard<'_> {
    fn count(
        &mut self,
        identity: &str,
        order: Option<OrderTag>,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), u32> {
        let Self { table: Table { shared, own, stats }, board } = self;
        let (who, slot) = place(identity);
        let Some((seal, prefix)) = shared else {
            if own.is_empty() {
                own.resize(SLOTS.into(), Record::EMPTY);
            }
            return own
                .get_mut(usize::from(slot))
                .map_or(Ok(()), |record| record.count(who, order, rate, now, stats));
        };
        let name = format!("{prefix}{slot}");
        for _ in 0..ATTEMPTS {
            let (bytes, seen) = board.read(&name).unwrap_or((Vec::new(), UNWRITTEN));
            let known = seal.open(&name, &bytes).and_then(Record::read);
            if known.is_none() && !bytes.is_empty() {
                stats.invalid = stats.invalid.saturating_add(1);
            }
            let known = known.unwrap_or(Record::EMPTY);
            let mut record = known;
            let outcome = record.count(who, order, rate, now, stats);
            if record == known || board.write(&name, &seal.close(&name, record.write()), seen) {
                return outcome;
            }
        }
        stats.uncounted = stats.uncounted.saturating_add(1);
        Ok(())
    }
}

/// What tells an identity apart in its slot, and the slot.
fn place(identity: &str) -> ([u8; 16], u16) {
    let digest = Digest::of(identity.as_bytes());
    let (who, rest) = digest.as_bytes().split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    let slot = rest.first_chunk::<2>().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    (*who, slot & SLOTS.saturating_sub(1))
}

// === impl Record ===

impl Record {
    const EMPTY: Self = Self { who: [0; 16], tally: Tally::NOTHING };

    /// Counts one exchange of `who`, whose slot it becomes.
    fn count(
        &mut self,
        who: [u8; 16],
        order: Option<OrderTag>,
        rate: Rate,
        now: Timestamp,
        stats: &mut Stats,
    ) -> Result<(), u32> {
        if self.who != who {
            if self.who != Self::EMPTY.who {
                stats.displaced = stats.displaced.saturating_add(1);
            }
            *self = Self { who, ..Self::EMPTY };
        }
        self.tally.count(order, rate, now)
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    fn read(bytes: &[u8]) -> Option<Self> {
        let ([VERSION], rest) = bytes.split_first_chunk::<1>()? else { return None };
        let (who, rest) = rest.split_first_chunk::<16>()?;
        let (tat, rest) = rest.split_first_chunk::<8>()?;
        let tat = Tat::from_nanos(i64::from_be_bytes(*tat));
        let mut tally = Tally { tat, ..Tally::NOTHING };
        let mut orders = rest.chunks_exact(8);
        for order in &mut tally.orders {
            *order = orders.next()?.try_into().ok()?;
        }
        (orders.next().is_none() && orders.remainder().is_empty()).then_some(Self { who: *who, tally })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::from([VERSION]);
        bytes.extend_from_slice(&self.who);
        bytes.extend_from_slice(&self.tally.tat.nanos().to_be_bytes());
        for order in &self.tally.orders {
            bytes.extend_from_slice(order);
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
