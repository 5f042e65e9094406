//! VMs that start, die, are late or have a bad host: the others go on, and no order of things makes two fetches.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use super::{
    process::{Process, TOKEN},
    ring::{EVEN, ISSUER, Said, issuer_with, jwks, settled},
};
use crate::{
    fixture::host_issuer,
    keyring::{Fetch, Fetched, LEASE_MS, Progress, Sharing},
    wire::snapshot::{Issuer, KeySource},
};

fn issuer() -> Issuer {
    issuer_with(|issuer| issuer.refetch_floor_ms = 5_000)
}

#[test]
fn a_vm_that_starts_takes_what_is_there() {
    let mut process = Process::warm(1, issuer());
    for _ in 0..20 {
        process.pass_millis(1_000);
        let vm = process.start();
        assert!(process.tick(vm).is_empty());
        assert_eq!(process.look_up(vm, 1), Said::Keys);
    }
    process.pass_millis(280_000);
    process.fetch(&[1]);
}

#[test]
fn a_dead_leader_is_replaced_when_its_lease_ends() {
    let mut process = Process::new(3, issuer());
    let (leader, _) = process.one_fetch();
    process.vms.remove(leader);
    process.pass_millis(LEASE_MS - 1);
    assert!(process.tick_all().is_empty());
    process.pass_millis(1);
    process.fetch(&[1]);
}

#[test]
fn a_leader_that_lost_its_root_context_asks_again_at_once() {
    let mut process = Process::new(3, issuer());
    let (leader, fetch) = process.one_fetch();
    process.vms[leader].abandon(ISSUER, fetch.ticket);
    let (again, _) = process.one_fetch();
    assert_eq!(again, leader);
}

#[test]
fn a_leader_that_is_overtaken_overwrites_nothing() {
    let mut process = Process::new(2, issuer());
    let (late, old) = process.one_fetch();
    let other = 1 - late;
    process.pass_millis(LEASE_MS);
    // Its own timer did not come in time, the other's did.
    let new = process.tick(other).remove(0);
    process.pass_millis(1);
    let _ = process.answer(other, &new, &jwks(&[2]));
    let record = process.table.value("/keys");
    // As if it had ended before the other one.
    let now = process.now;
    process.now = now.plus_millis(-1);
    let _ = process.answer(late, &old, &jwks(&[1]));
    process.now = now;
    assert_eq!(process.table.value("/keys"), record);
    let vm = process.start();
    assert!(process.tick(vm).is_empty());
    assert!(process.holds(vm, 2) && !process.holds(vm, 1));
}

#[test]
fn a_fetch_that_ended_between_two_looks_is_not_repeated() {
    let mut process = Process::new(2, issuer());
    let (leader, fetch) = process.one_fetch();
    let other = 1 - leader;
    let _ = process.answer(leader, &fetch, &jwks(&[1]));
    process.table.stale_reads.set(1);
    assert!(process.tick(other).is_empty());
    assert!(process.holds(other, 1));
    // The lease that it had won meanwhile is free.
    process.pass_millis(300_000);
    assert_eq!(process.tick(leader).len(), 1);
}

#[test]
fn both_steps_of_a_discovery_are_under_one_lease() {
    let discovery = issuer_with(|issuer| issuer.keys = KeySource::Discovery);
    let document = format!(r#"{{"issuer":"{0}","jwks_uri":"{0}/jwks"}}"#, discovery.iss);
    let mut process = Process::new(3, discovery);
    let (leader, fetch) = process.one_fetch();
    process.pass_millis(9_000);
    let Progress::Next(next) = process.answer(leader, &fetch, &document) else { panic!("does not go on") };
    process.pass_millis(9_000);
    assert!(process.tick_all().is_empty());
    let _ = process.answer(leader, &next, &jwks(&[1]));
    assert!(process.tick_all().is_empty());
    assert!((0..3).all(|vm| process.holds(vm, 1)));
}

#[test]
fn a_set_too_large_to_share_is_fetched_by_each_vm() {
    let mut process = Process::warm(3, issuer());
    process.pass_millis(300_000);
    let large = format!("{}{}", jwks(&[2]), " ".repeat(65_536));
    for _ in 0..3 {
        let mut fetches = process.tick_all();
        fetches.extend(process.tick_all());
        assert_eq!(fetches.len(), 1, "one at a time");
        let (vm, fetch) = &fetches[0];
        assert_eq!(process.answer(*vm, fetch, &large), settled(None));
    }
    let _ = process.tick_all();
    assert!((0..3).all(|vm| process.holds(vm, 2) && !process.holds(vm, 1)));
    // And nobody takes the set of before.
    let vm = process.start();
    let _ = process.tick(vm);
    assert!(!process.holds(vm, 1));
}

#[test]
fn a_host_that_takes_no_write_keeps_nobody_from_fetching() {
    let mut process = Process::new(2, issuer());
    process.table.is_stuck.set(true);
    let fetches: Vec<_> = (0..3).flat_map(|_| process.tick_all()).collect();
    assert_eq!(fetches.len(), 2, "each for itself, after three attempts");
}

#[test]
fn a_clock_set_back_is_one_fetch() {
    let mut process = Process::warm(5, issuer());
    process.pass_millis(-86_400_000_000);
    process.fetch(&[1, 2]);
    process.pass_millis(299_999);
    assert!(process.tick_all().is_empty());
    process.pass_millis(1);
    process.fetch(&[1]);
}

#[test]
fn a_clock_set_far_ahead_is_one_fetch() {
    let mut process = Process::warm(5, issuer());
    process.pass_millis(86_400_000_000);
    assert!((0..5).all(|vm| process.look_up(vm, 1) == Said::Wait));
    process.fetch(&[1]);
}

#[test]
fn only_so_many_names_are_used() {
    let issuers = (0..2_100).map(|number| host_issuer(&format!("issuer-{number}"))).collect();
    let mut process = Process::with(1, issuers);
    assert_eq!(process.tick_all().len(), 2_100, "who shares nothing fetches all the same");
    assert_eq!(process.table.values.borrow().len(), 2_048);
}

#[test]
fn there_is_no_secret_on_the_board() {
    let process = Process::warm(2, issuer());
    let text = String::from_utf8_lossy(TOKEN).into_owned();
    for (name, (value, _)) in process.table.values.borrow().iter() {
        assert!(name.starts_with("cambist/1/") && name.is_ascii());
        assert!(!String::from_utf8_lossy(value).contains(&text));
    }
    let shown = format!("{:?}", Sharing::new(TOKEN, "edge", [1; 16]));
    assert!(shown.contains("[secret]") && !shown.contains(&text), "{shown}");
}

/// Ticks, answers, failures, deaths and starts in any order.
#[test]
fn no_order_of_things_makes_two_fetches_at_a_time() {
    let body = jwks(&[1, 2]);
    for seed in 0..40_u64 {
        let mut chance = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |most: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            usize::try_from(chance % most).unwrap()
        };
        let mut process = Process::new(4, issuer());
        let mut out: Vec<(usize, Fetch)> = Vec::new();
        for _ in 0..400 {
            process.pass_millis(i64::try_from(next(700)).unwrap());
            let vm = next(4);
            match next(6) {
                0 | 1 => {
                    let fetches = process.tick(vm);
                    out.extend(fetches.into_iter().map(|fetch| (vm, fetch)));
                }
                2 => {
                    let number = u8::try_from(1 + next(3)).unwrap();
                    let _ = process.look_up(vm, number);
                }
                3 | 4 => {
                    for (vm, fetch) in out.drain(..) {
                        let good = Fetched::Answer { status: 200, body: body.as_bytes(), max_age: Some(60) };
                        let fetched = if next(4) == 0 { Fetched::Failed } else { good };
                        let now = process.now;
                        let _ = process.vms[vm].conclude(
                            &process.table,
                            ISSUER,
                            fetch.ticket,
                            fetched,
                            now,
                            EVEN,
                        );
                    }
                }
                _ => {}
            }
            assert!(out.len() <= 1, "seed {seed}: {} at a time", out.len());
        }
        for (vm, fetch) in out.drain(..) {
            let _ = process.answer(vm, &fetch, &jwks(&[1]));
        }
        process.pass_millis(400_000);
        process.fetch(&[1]);
    }
}
