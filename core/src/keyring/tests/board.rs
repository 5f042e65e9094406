//! What stands on the board and was not written by a VM of ours: ignored, counted, and written over.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec::Vec;

use super::{
    process::{Process, TOKEN},
    ring::{issuer_with, jwks},
};
use crate::{
    fixture::host_issuer,
    keyring::{FetchFailure, Keyring, MAX_RECORD_BYTES, Record, SharedSet, Sharing},
    time::Timestamp,
};

const FAILURES: [FetchFailure; 12] = [
    FetchFailure::NoCluster,
    FetchFailure::Unreachable,
    FetchFailure::Status(404),
    FetchFailure::Redirect(302),
    FetchFailure::TooLarge,
    FetchFailure::InvalidDiscovery,
    FetchFailure::IssuerMismatch,
    FetchFailure::ForeignJwksUri,
    FetchFailure::NotJson,
    FetchFailure::NoKeyArray,
    FetchFailure::TooManyKeys,
    FetchFailure::NoUsableKey,
];

fn record() -> Record<'static> {
    let at = Timestamp::from_millis;
    Record {
        ended_at: at(30),
        next_at: at(40),
        refetched_at: Some(at(10)),
        failures: 3,
        failure: None,
        set: Some(SharedSet { began: at(20), fresh_until: at(40), body: b"{}" }),
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let mut records = Vec::from([record()]);
    records.push(Record { refetched_at: None, ..record() });
    records.push(Record { set: None, ..record() });
    records.extend(FAILURES.map(|failure| Record { failure: Some(failure), ..record() }));
    for record in records {
        assert_eq!(Record::read(&record.write()), Some(record));
    }
}

#[test]
fn what_is_no_record_is_not_read() {
    let good = Record { set: None, ..record() }.write();
    for length in 0..good.len() {
        assert_eq!(Record::read(&good[..length]), None, "{length} bytes");
    }
    let changed = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        bytes
    };
    for (what, bytes) in [
        ("another version", changed(0, 2)),
        ("an unknown failure", changed(29, 13)),
        ("a status of no failure", changed(31, 1)),
        ("a time of no set", changed(39, 1)),
        ("a body of no set and no time", [good.clone(), alloc::vec![b' '; MAX_RECORD_BYTES]].concat()),
    ] {
        assert_eq!(Record::read(&bytes), None, "{what}");
    }
}

type Change = fn(&mut Vec<u8>);

/// A process whose record was changed while its one VM was away, and one more VM that starts then.
fn meets(change: impl Fn(&mut Vec<u8>)) -> (u64, usize) {
    let mut process = Process::warm(1, issuer_with(|_| ()));
    process.table.forge("/keys", change);
    let vm = process.start();
    let fetches = process.tick(vm);
    let invalid = process.invalid();
    for fetch in &fetches {
        let _ = process.answer(vm, fetch, &jwks(&[1]));
    }
    // What it has written in its place is good again.
    let next = process.start();
    assert!(process.tick(next).is_empty());
    assert!(process.holds(next, 1));
    (invalid, fetches.len())
}

#[test]
fn a_record_with_any_byte_changed_is_ignored_counted_and_fetched_anew() {
    assert_eq!(meets(|_| ()), (0, 0), "written again as it was");
    let length = Process::warm(1, issuer_with(|_| ())).table.value("/keys").len();
    for place in (0..length).step_by(7) {
        assert_eq!(meets(|value| value[place] ^= 1), (1, 1), "byte {place}");
    }
    let changes: [(&str, Change); 5] = [
        ("emptied", Vec::clear),
        ("cut", |value| value.truncate(40)),
        ("without its seal", |value| value.truncate(value.len() - 32)),
        ("longer", |value| value.push(0)),
        ("something else", |value| *value = b"{\"keys\":[]}".to_vec()),
    ];
    for (what, change) in changes {
        assert_eq!(meets(change), (1, 1), "{what}");
    }
}

#[test]
fn a_record_that_is_none_is_counted_once_while_it_is_there() {
    let mut process = Process::warm(1, issuer_with(|_| ()));
    process.pass_millis(300_000);
    process.table.forge("/keys", |value| value[0] ^= 1);
    let fetch = process.tick(0).remove(0);
    process.vms[0].abandon(&fetch.issuer, fetch.ticket);
    let _ = process.tick(0);
    assert_eq!(process.invalid(), 1);
}

/// A VM that shares under another token or gateway name.
fn stranger(process: &Process, token: &[u8], gateway: &str) -> Keyring {
    let mut keyring = Keyring::default();
    keyring.share(Some(Sharing::new(token, gateway, [99; 16])));
    keyring.adopt(&process.policy, process.now);
    keyring
}

#[test]
fn the_token_and_the_gateway_seal() {
    let process = Process::warm(1, issuer_with(|_| ()));
    let mut other = stranger(&process, b"gw_another", "edge");
    assert_eq!(other.attend(&process.table, process.now).fetches.len(), 1);
    assert_eq!(other.take_invalid(), 2, "a record and a lease under another seal");
    let mut other = stranger(&process, TOKEN, "edge-2");
    assert_eq!(other.attend(&process.table, process.now).fetches.len(), 1);
    assert_eq!(other.take_invalid(), 0, "it looks elsewhere");
    let mut same = stranger(&process, TOKEN, "edge");
    assert!(same.attend(&process.table, process.now).fetches.is_empty());
}

#[test]
fn the_record_of_one_issuer_is_not_that_of_another() {
    let mut process = Process::with(1, ["a", "b"].map(host_issuer).into());
    for (vm, fetch) in process.tick_all() {
        let number = if fetch.issuer == "a" { 1 } else { 2 };
        let _ = process.answer(vm, &fetch, &jwks(&[number]));
    }
    let values: Vec<_> = process
        .table
        .values
        .borrow()
        .iter()
        .filter(|(name, _)| name.ends_with("/keys"))
        .map(|(name, (value, _))| (name.clone(), value.clone()))
        .collect();
    for (place, (name, _)) in values.iter().enumerate() {
        process.table.forge(name, |value| value.clone_from(&values[1 - place].1));
    }
    let vm = process.start();
    assert_eq!(process.tick(vm).len(), 2);
    assert_eq!(process.invalid(), 2);
}

#[test]
fn a_record_from_before_the_clock_was_set_back_is_none() {
    let mut process = Process::warm(1, issuer_with(|_| ()));
    process.pass_millis(-3_600_000);
    let vm = process.start();
    assert_eq!(process.tick(vm).len(), 1);
    assert_eq!(process.invalid(), 1);
}

#[test]
fn a_lease_that_is_none_keeps_nobody_from_fetching() {
    for change in [|value: &mut Vec<u8>| value[3] ^= 1, Vec::clear, |value: &mut Vec<u8>| value.truncate(9)] {
        let mut process = Process::new(2, issuer_with(|_| ()));
        let (leader, _) = process.one_fetch();
        process.table.forge("/lease", change);
        assert_eq!(process.tick(1 - leader).len(), 1);
    }
}

#[test]
fn an_old_lease_or_record_put_back_harms_nothing() {
    let mut process = Process::new(2, issuer_with(|_| ()));
    let (leader, fetch) = process.one_fetch();
    let lease = process.table.value("/lease");
    let _ = process.answer(leader, &fetch, &jwks(&[1]));
    let record = process.table.value("/keys");
    let _ = process.tick_all();
    process.pass_millis(300_000);
    process.fetch(&[2]);
    process.table.forge("/keys", |value| value.clone_from(&record));
    process.table.forge("/lease", |value| value.clone_from(&lease));
    process.pass_millis(300_000);
    process.fetch(&[2]);
    assert!((0..2).all(|vm| process.holds(vm, 2) && !process.holds(vm, 1)));
}
