//! Several VMs and one fetch: who makes it, and what the others learn.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec::Vec};

use super::{
    process::Process,
    ring::{ISSUER, Said, issuer_with, jwks, settled},
};
use crate::{
    fixture::host_issuer,
    keyring::{FetchFailure, Fetched},
    wire::snapshot::{Issuer, KeySource},
};

fn named(id: &str) -> Issuer {
    let uri = format!("{}/jwks", host_issuer(id).iss);
    Issuer { keys: KeySource::JwksUri { uri }, ..host_issuer(id) }
}

fn issuer() -> Issuer {
    issuer_with(|issuer| issuer.refetch_floor_ms = 5_000)
}

#[test]
fn a_set_is_fetched_once_and_every_vm_has_it() {
    let mut process = Process::new(5, issuer());
    let (leader, fetch) = process.one_fetch();
    for _ in 0..10 {
        process.pass_millis(50);
        assert!(process.tick_all().is_empty(), "the others wait for the first");
    }
    assert_eq!(process.answer(leader, &fetch, &jwks(&[1])), settled(None));
    let learned: Vec<_> = (0..5).map(|vm| process.vms[vm].attend(&process.table, process.now)).collect();
    let count = learned.iter().filter(|attended| attended.learned == [ISSUER]).count();
    assert_eq!(count, 4);
    assert!((0..5).all(|vm| process.holds(vm, 1)));
}

#[test]
fn every_refresh_is_one_fetch() {
    let mut process = Process::warm(5, issuer());
    for _ in 0..10 {
        process.pass_millis(299_999);
        assert!(process.tick_all().is_empty());
        process.pass_millis(1);
        process.fetch(&[1]);
    }
}

#[test]
fn a_vm_that_comes_late_to_its_refresh_takes_what_is_there() {
    let mut process = Process::warm(2, issuer());
    process.pass_millis(300_000);
    let fetch = process.tick(0).remove(0);
    let _ = process.answer(0, &fetch, &jwks(&[2]));
    process.pass_millis(49);
    assert!(process.tick(1).is_empty());
    assert!(process.holds(1, 2) && !process.holds(1, 1));
}

#[test]
fn issuers_are_fetched_apart() {
    let mut process = Process::with(5, ["a", "b", "c"].map(named).into());
    let fetches = process.tick_all();
    assert_eq!(fetches.len(), 3);
    for (vm, fetch) in &fetches {
        let _ = process.answer(*vm, fetch, &jwks(&[1]));
    }
    assert!(process.tick_all().is_empty());
    for vm in &process.vms {
        assert!(["a", "b", "c"].iter().all(|issuer| vm.current(issuer, process.now).is_some()));
    }
}

#[test]
fn an_unknown_kid_at_every_vm_is_one_fetch() {
    let mut process = Process::warm(5, issuer());
    process.pass_millis(1);
    let arrived = process.now;
    assert!((0..5).all(|vm| process.look_up(vm, 2) == Said::Wait));
    let (leader, fetch) = process.one_fetch();
    process.pass_millis(10);
    assert!(process.tick_all().is_empty());
    assert!((0..5).all(|vm| process.look_up_from(vm, 2, arrived) == Said::Wait));
    let _ = process.answer(leader, &fetch, &jwks(&[1]));
    let _ = process.tick_all();
    assert!((0..5).all(|vm| process.look_up_from(vm, 2, arrived) == Said::UnknownKid));
    assert!(process.tick_all().is_empty());
}

#[test]
fn the_floor_of_one_vm_is_that_of_all() {
    let mut process = Process::warm(2, issuer());
    process.pass_millis(1);
    assert_eq!(process.look_up(0, 2), Said::Wait);
    let fetch = process.tick(0).remove(0);
    let _ = process.answer(0, &fetch, &jwks(&[1]));
    process.pass_millis(4_998);
    let arrived = process.now;
    assert_eq!(process.look_up(1, 2), Said::Wait, "it has to look first");
    assert!(process.tick(1).is_empty());
    assert_eq!(process.look_up_from(1, 2, arrived), Said::UnknownKid);
    assert!(process.tick(1).is_empty());
    process.pass_millis(2);
    assert_eq!(process.look_up(1, 2), Said::Wait);
    assert_eq!(process.tick(1).len(), 1);
}

#[test]
fn a_refresh_elsewhere_does_not_stand_for_the_refetch_of_a_later_request() {
    let mut process = Process::warm(2, issuer());
    process.pass_millis(300_000);
    let refresh = process.tick(0).remove(0);
    let _ = process.answer(0, &refresh, &jwks(&[1]));
    process.pass_millis(10);
    let arrived = process.now;
    assert_eq!(process.look_up(1, 2), Said::Wait);
    assert!(process.tick(1).is_empty(), "learns of the refresh first");
    assert_eq!(process.look_up_from(1, 2, arrived), Said::Wait);
    let refetch = process.tick(1).remove(0);
    let _ = process.answer(1, &refetch, &jwks(&[1, 2]));
    assert_eq!(process.look_up_from(1, 2, arrived), Said::Keys);
}

#[test]
fn a_request_waits_for_the_fetch_of_another_vm_whatever_the_floor() {
    let mut process = Process::warm(2, issuer_with(|issuer| issuer.refetch_floor_ms = 600_000));
    process.pass_millis(299_000);
    assert_eq!(process.look_up(1, 2), Said::Wait);
    process.fetch(&[1]);
    process.pass_millis(300_000);
    let (leader, fetch) = process.one_fetch();
    let follower = 1 - leader;
    process.pass_millis(50);
    assert!(process.tick(follower).is_empty());
    assert_eq!(process.look_up(follower, 2), Said::Wait);
    let _ = process.answer(leader, &fetch, &jwks(&[1, 2]));
    let _ = process.tick(follower);
    assert_eq!(process.look_up(follower, 2), Said::Keys);
}

#[test]
fn a_failure_is_one_fetch_and_backs_all_off() {
    let mut process = Process::new(5, issuer());
    for wait in [1_000, 2_000, 4_000, 4_000] {
        assert!((0..5).all(|vm| process.look_up(vm, 1) == Said::Wait));
        let (leader, fetch) = process.one_fetch();
        assert_eq!(
            process.conclude(leader, &fetch, Fetched::Answer { status: 404, body: b"", max_age: None }),
            settled(Some(FetchFailure::Status(404)))
        );
        assert!(process.tick_all().is_empty());
        assert!((0..5).all(|vm| process.look_up(vm, 1) == Said::Unavailable));
        process.pass_millis(wait - 1);
        assert!(process.tick_all().is_empty());
        process.pass_millis(1);
    }
    process.fetch(&[1]);
}

#[test]
fn a_failure_keeps_the_set_for_those_who_come_later() {
    let mut process = Process::warm(2, issuer());
    process.pass_millis(300_000);
    let (leader, fetch) = process.one_fetch();
    let _ = process.conclude(leader, &fetch, Fetched::Failed);
    let late = process.start();
    assert!(process.tick_all().is_empty());
    assert_eq!(process.look_up(late, 1), Said::Keys);
    assert_eq!(process.look_up(late, 2), Said::Unavailable, "nobody can tell");
}
