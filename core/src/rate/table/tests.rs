//! A gateway's table: several VMs count as one, and what nobody of them wrote is nothing.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};
use core::cell::{Cell, RefCell};

use hashbrown::HashMap;

use super::{Record, Stats, Table, place};
use crate::{
    fixture::NOW,
    keyring::{Board, UNWRITTEN},
    rate::{Limiter as _, ORDERS, Tally, Tat},
    time::Timestamp,
    wire::snapshot::Rate,
};

const TOKEN: &[u8] = b"gateway token";
const TEN: Rate = Rate { per_minute: 10, burst: 10 };

/// A host's shared data.
#[derive(Default)]
struct Shared {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    /// Writes that fail from now on, because another VM was faster.
    collisions: Cell<u32>,
}

impl Board for Shared {
    fn read(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.values.borrow().get(name).cloned()
    }

    fn write(&self, name: &str, value: &[u8], seen: u32) -> bool {
        if let Some(left) = self.collisions.get().checked_sub(1) {
            self.collisions.set(left);
            return false;
        }
        let mut values = self.values.borrow_mut();
        let last = values.get(name).map_or(UNWRITTEN, |(_, number)| *number);
        let next = if last == UNWRITTEN { 1 } else { last.saturating_add(1) };
        let is_next = seen == last;
        if is_next {
            values.insert(name.into(), (value.to_vec(), next));
        }
        is_next
    }
}

impl Shared {
    /// Changes the one value that stands there.
    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut values = self.values.borrow_mut();
        assert_eq!(values.len(), 1);
        let (value, _) = values.values_mut().next().unwrap();
        change(value);
    }
}

fn table(token: &[u8]) -> Table {
    let mut table = Table::default();
    table.share(Some(token), "edge");
    table
}

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

/// Counts `who` so often, and says how many were let through.
fn count(table: &mut Table, board: &Shared, who: &str, tries: usize) -> usize {
    (0..tries).filter(|_| table.on(board).count(who, None, TEN, now()).is_ok()).count()
}

#[test]
fn four_vms_count_as_one() {
    let board = Shared::default();
    let mut tables = [(); 4].map(|()| table(TOKEN));
    let admitted: usize =
        (0..20).map(|_| tables.iter_mut().map(|table| count(table, &board, "idn_a", 1)).sum::<usize>()).sum();
    assert_eq!(admitted, 10);
    assert_eq!(tables.map(|mut table| table.take_stats()), [Stats::default(); 4]);
}

#[test]
fn a_vm_that_shares_nothing_counts_by_itself() {
    let board = Shared::default();
    let mut table = Table::default();
    assert_eq!(count(&mut table, &board, "idn_a", 20), 10);
    assert_eq!(count(&mut table, &board, "idn_b", 20), 10);
    assert_eq!(board.values.borrow().len(), 0);
}

#[test]
fn one_order_counts_once_whoever_fills_it() {
    let board = Shared::default();
    let rate = Rate { per_minute: 1, burst: 20 };
    let mut tables = [(); 4].map(|()| table(TOKEN));
    let mut order = |order: u8| {
        let count =
            |table: &mut Table| table.on(&board).count("idn_a", Some([order; 8]), rate, now()).is_ok();
        tables.iter_mut().map(count).filter(|admitted| *admitted).count()
    };
    let admitted: usize = (1..=40).map(&mut order).sum();
    assert_eq!(admitted, 80, "twenty orders, four VMs each");
    // The last of them are known still, the others would have to be counted.
    let oldest = 20 - u8::try_from(ORDERS).unwrap() + 1;
    assert_eq!((order(20), order(oldest), order(oldest - 1)), (4, 4, 0));
}

#[test]
fn an_identity_in_the_slot_of_another_displaces_it() {
    let (_, slot) = place("idn_a");
    let other = (0..1_000_000).map(|n| format!("idn_{n}")).find(|other| place(other).1 == slot).unwrap();
    let board = Shared::default();
    let mut table = table(TOKEN);
    assert_eq!(count(&mut table, &board, "idn_a", 20), 10);
    assert_eq!(count(&mut table, &board, &other, 10), 10, "a neighbour's calls are not its own");
    assert_eq!(table.take_stats(), Stats { displaced: 1, ..Stats::default() });
}

#[test]
fn what_no_vm_of_the_gateway_wrote_is_empty() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 6] = [
        ("another time", |value| value[17] ^= 1),
        ("another identity", |value| value[1] ^= 1),
        ("cut", |value| {
            value.pop();
        }),
        ("without its seal", |value| value.truncate(value.len() - 32)),
        ("another seal", |value| *value.last_mut().unwrap() ^= 1),
        ("something else", |value| *value = b"{}".to_vec()),
    ];
    for (what, change) in changes {
        let board = Shared::default();
        let mut table = table(TOKEN);
        assert_eq!(count(&mut table, &board, "idn_a", 20), 10);
        board.change(change);
        assert_eq!(count(&mut table, &board, "idn_a", 20), 10, "{what}");
        assert_eq!(table.take_stats(), Stats { invalid: 1, ..Stats::default() }, "{what}");
    }
}

#[test]
fn another_token_and_another_slot_are_foreign() {
    let board = Shared::default();
    assert_eq!(count(&mut table(TOKEN), &board, "idn_a", 20), 10);
    let mut other = table(b"another token");
    assert_eq!(count(&mut other, &board, "idn_a", 1), 1);
    assert_eq!(other.take_stats().invalid, 1);
    // A good record put elsewhere is none.
    let moved = board.values.borrow().values().next().cloned().unwrap();
    let mut table = table(b"another token");
    let name = board.values.borrow().keys().next().cloned().unwrap();
    let (prefix, _) = name.rsplit_once('/').unwrap();
    let elsewhere = format!("{prefix}/{}", place("idn_c").1);
    board.values.borrow_mut().insert(elsewhere, moved);
    assert_eq!(count(&mut table, &board, "idn_c", 20), 10);
    assert_eq!(table.take_stats().invalid, 1);
}

#[test]
fn a_slot_that_others_write_all_the_time_lets_through() {
    let board = Shared::default();
    let mut table = table(TOKEN);
    assert_eq!(count(&mut table, &board, "idn_a", 10), 10);
    board.collisions.set(7);
    assert_eq!(count(&mut table, &board, "idn_a", 1), 0, "refusing needs no write");
    assert_eq!(count(&mut table, &board, "idn_b", 1), 1, "seven collisions are tried again");
    assert_eq!(table.take_stats().uncounted, 0);
    board.collisions.set(8);
    assert_eq!(count(&mut table, &board, "idn_b", 1), 1);
    assert_eq!(table.take_stats().uncounted, 1);
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let mut tally = Tally { tat: Tat::from_nanos(-1), ..Tally::NOTHING };
    tally.orders[3] = [9; 8];
    let record = Record { who: [7; 16], tally };
    let bytes = record.write();
    assert_eq!(Record::read(&bytes), Some(record));
    for length in 0..bytes.len() {
        assert_eq!(Record::read(&bytes[..length]), None, "{length} bytes");
    }
    assert_eq!(Record::read(&[&*bytes, &[0]].concat()), None);
    assert_eq!(Record::read(&[&[2], &bytes[1..]].concat()), None, "another version");
}
