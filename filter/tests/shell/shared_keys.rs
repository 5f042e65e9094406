//! Several VMs of one gateway: one fetches, the others take what it brought.

use super::{
    control_plane::{CHANGES, SNAPSHOT, full, snapshot},
    sample::{self, KEYS_URL},
    stage::Reply,
    vm::Vm,
};

/// Short of the time after which a snapshot is stale.
const REFRESH_MS: i64 = 20_000;

/// Gives a VM its snapshot; its talk with the control plane is under a name of its own, or it would be the same VM.
fn run(mut vm: Vm, name: &str) -> Vm {
    let mut config = sample::control_plane_config(&vm.gateway);
    config["control_plane"]["cluster"] = name.into();
    vm.configure(&config);
    let mut document = sample::document_with(&sample::jwks_uri());
    document["issuers"][0]["refresh_least_ms"] = REFRESH_MS.into();
    document["issuers"][0]["refresh_most_ms"] = REFRESH_MS.into();
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm
}

/// Two VMs that have fetched nothing yet.
fn cold() -> (Vm, Vm) {
    let first = run(Vm::new(), "one");
    let second = run(first.beside(), "two");
    (first, second)
}

fn pass(vms: &mut [&mut Vm], millis: i64) {
    for _ in 0..millis / 50 {
        for vm in &mut *vms {
            vm.pass(50);
        }
    }
}

#[test]
fn a_request_at_one_vm_waits_for_the_fetch_of_another() {
    let (mut first, mut second) = cold();
    first.tick();
    let fetch = first.callout(KEYS_URL);
    second.tick();
    let request = second.get(&sample::good_token());
    second.tick();
    let periods = second.stage(|stage| stage.periods.values().copied().collect::<Vec<_>>());
    assert_eq!(periods, [5], "it looks again soon, and not at once");
    assert!(second.is_paused(request));
    first.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    second.tick();
    assert!(second.is_forwarded(request));
    assert_eq!(second.asked(KEYS_URL), 0);
    second.tick();
    let periods = second.stage(|stage| stage.periods.values().copied().collect::<Vec<_>>());
    assert_eq!(periods, [50]);
}

#[test]
fn refreshes_and_unknown_kids_are_one_fetch_for_both() {
    let (mut first, mut second) = cold();
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    pass(&mut [&mut first, &mut second], 1_000);
    let rotated = sample::token(2, &sample::claims());
    let (here, there) = (first.get(&rotated), second.get(&rotated));
    second.serve(KEYS_URL, Reply::json(&sample::jwks(&[1, 2])));
    first.tick();
    assert!(first.is_forwarded(here) && second.is_forwarded(there));
    let unknown = first.get(&sample::token(3, &sample::claims()));
    first.tick();
    assert_eq!(first.status(unknown), 401, "the floor of one is that of the other");
    for vm in [&first, &second] {
        vm.stage(|stage| stage.now_ms += REFRESH_MS);
    }
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[2])));
    second.tick();
    let gone = second.get(&sample::good_token());
    second.tick();
    assert_eq!(second.status(gone), 401, "a key that is gone is gone for the other too");
    assert_eq!((first.asked(KEYS_URL), second.asked(KEYS_URL)), (2, 1));
}

#[test]
fn a_vm_that_starts_again_fetches_nothing() {
    let (mut first, mut second) = cold();
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    second.tick();
    drop(second);
    let mut third = run(first.beside(), "three");
    let request = third.get(&sample::good_token());
    third.tick();
    assert!(third.is_forwarded(request));
    assert_eq!(third.asked(KEYS_URL), 0);
}

#[test]
fn a_vm_that_died_while_it_fetched_is_replaced() {
    let (mut first, mut second) = cold();
    first.tick();
    drop(first);
    let early = second.get(&sample::good_token());
    second.pass(11_900);
    assert_eq!(second.status(early), 503, "gives up after its own time");
    assert_eq!(second.asked(KEYS_URL), 0);
    let late = second.get(&sample::good_token());
    second.pass(150);
    let fetch = second.callout(KEYS_URL);
    second.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    assert!(second.is_forwarded(late));
}

#[test]
fn a_root_context_that_goes_while_it_fetches_is_replaced_at_once() {
    let (mut first, mut second) = cold();
    first.tick();
    let mut config = sample::control_plane_config(&first.gateway);
    config["control_plane"]["cluster"] = "one".into();
    let next = first.configure(&config);
    first.delete_root(next - 1);
    second.tick();
    assert_eq!(second.asked(KEYS_URL), 0);
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    let request = second.get(&sample::good_token());
    second.tick();
    assert!(second.is_forwarded(request));
}

#[test]
fn a_failure_of_one_is_the_answer_of_the_other() {
    let (mut first, mut second) = cold();
    let request = second.get(&sample::good_token());
    first.serve(KEYS_URL, Reply::status(500));
    second.tick();
    assert_eq!(second.status(request), 503);
    assert_eq!(second.asked(KEYS_URL), 0);
}

#[test]
fn what_another_plugin_wrote_is_ignored_counted_and_fetched() {
    let (mut first, mut second) = cold();
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    first.stage(|stage| {
        let mut shared = stage.shared.borrow_mut();
        let (name, (value, seen)) = shared
            .values
            .iter()
            .find(|(name, _)| name.ends_with("/keys"))
            .map(|(n, v)| (n.clone(), v.clone()))
            .unwrap();
        let forged = String::from_utf8_lossy(&value).replace("k1", "k2").into_bytes();
        assert!(shared.write(&name, &forged, seen));
    });
    second.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert_eq!(second.counter("cambist.keys_shared_invalid"), 1);
    let request = second.get(&sample::good_token());
    assert!(second.is_forwarded(request));
}

#[test]
fn a_client_that_goes_away_leaves_the_keys_to_the_next() {
    let (mut first, mut second) = cold();
    first.tick();
    let gone = second.get(&sample::good_token());
    second.tick();
    second.end(gone);
    let fetch = first.callout(KEYS_URL);
    first.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    second.tick();
    let next = second.get(&sample::good_token());
    assert!(second.is_forwarded(next));
}

#[test]
fn no_secret_is_shared_and_nothing_without_a_gateway_token() {
    let (mut first, _second) = cold();
    first.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    first.stage(|stage| {
        let shared = stage.shared.borrow();
        assert_eq!(shared.values.len(), 2);
        for (name, (value, _)) in &shared.values {
            assert!(!name.contains(sample::GATEWAY_TOKEN));
            assert!(!String::from_utf8_lossy(value).contains(sample::GATEWAY_TOKEN));
        }
    });
    let mut inline = Vm::inline(&sample::document_with(&sample::jwks_uri()));
    inline.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(inline.stage(|stage| stage.shared.borrow().values.is_empty()));
}
