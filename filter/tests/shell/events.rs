//! Events: numbered, kept until acknowledged, sent again after a failure.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, answer_next, cold, full, running, snapshot},
    sample,
    stage::Reply,
    vm::Vm,
};

const EVENTS: &str = "/gateway/v1/events";

fn batch(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn sequences(body: &[u8]) -> Vec<u64> {
    let batch = batch(body);
    batch["events"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn a_mint_and_a_denial_are_reported_and_a_cache_hit_is_not() {
    let mut vm = running();
    vm.get(&sample::good_token());
    vm.get(&sample::good_token());
    vm.get("a.b.c");
    vm.pass(300);
    let sent = vm.callout(EVENTS);
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.headers["content-type"], "application/json");
    let batch = batch(&sent.body);
    assert_eq!(batch["epoch"], 10);
    assert_eq!(batch["dropped"], 0);
    assert_eq!(batch["instance"], sent.headers["cambist-instance"].as_str());
    let events = batch["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((&events[0]["outcome"], &events[1]["outcome"]), (&json!("mint"), &json!("denial")));
    assert_eq!(events[1]["reason"], "token_malformed");
    let text = String::from_utf8(sent.body.clone()).unwrap();
    assert!(!text.contains(&sample::good_token()) && !text.contains("a.b.c"));
}

#[test]
fn events_are_sent_again_until_they_are_acknowledged() {
    let mut vm = running();
    vm.get("a.b.c");
    vm.pass(100);
    let first = vm.callout(EVENTS);
    vm.get("d.e.f");
    vm.answer(&first, Reply::status(503));
    vm.pass(1_200);
    let second = vm.callout(EVENTS);
    assert_eq!((sequences(&first.body), sequences(&second.body)), (vec![1], vec![1, 2]));
    vm.answer(&second, Reply::json(&json!({ "sequence": 1 })));
    vm.pass(300);
    let third = vm.callout(EVENTS);
    assert_eq!(sequences(&third.body), [2]);
    vm.answer(&third, Reply::json(&json!({ "sequence": 2 })));
    vm.pass(5_000);
    assert_eq!(vm.asked(EVENTS), 3);
}

/// Requests with as many tokens, each minted for.
fn mint(vm: &mut Vm, count: u64) {
    for number in 0..count {
        let mut claims = sample::claims();
        claims["nonce"] = number.into();
        let request = vm.get(&sample::token(1, &claims));
        assert!(vm.is_forwarded(request));
    }
}

#[test]
fn an_answer_that_acknowledges_nothing_is_a_failure() {
    let mut vm = running();
    mint(&mut vm, 600);
    let before = vm.asked(EVENTS);
    for _ in 0..20 {
        vm.pass(50);
        for sent in vm.callouts(EVENTS) {
            vm.answer(&sent, Reply::json(&json!({ "sequence": 0 })));
        }
    }
    assert!(vm.asked(EVENTS) - before <= 2);
}

#[test]
fn a_full_batch_does_not_wait_for_company() {
    let mut vm = running();
    mint(&mut vm, 1_100);
    for last in [512, 1_024] {
        vm.serve(EVENTS, Reply::json(&json!({ "sequence": last })));
    }
    vm.tick();
    assert_eq!(vm.callouts(EVENTS).len(), 0, "the rest waits for company");
    vm.pass(250);
    assert_eq!(sequences(&vm.callout(EVENTS).body).len(), 1_100 - 1_024);
}

#[test]
fn a_flood_of_unverified_tokens_is_one_event() {
    let mut vm = running();
    for number in 0..600 {
        vm.get(&format!("a.b.{number}"));
    }
    vm.pass(300);
    let batch = batch(&vm.callout(EVENTS).body);
    assert_eq!(batch["events"].as_array().unwrap().len(), 1);
    assert_eq!((&batch["events"][0]["count"], &batch["dropped"]), (&json!(600), &json!(0)));
}

#[test]
fn a_batch_of_long_subjects_fits_what_the_control_plane_reads() {
    let mut document = sample::document();
    document["bindings"][0]["subjects"] = json!([]);
    document["bindings"][0]["allow_any_subject"] = true.into();
    let mut vm = cold();
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    for number in 0..520 {
        let mut claims = sample::claims();
        claims["sub"] = format!("{number}{}", "s".repeat(2_040)).into();
        let request = vm.get(&sample::token(1, &claims));
        assert!(vm.is_forwarded(request));
    }
    vm.tick();
    let sent = vm.callout(EVENTS);
    assert!(sent.body.len() <= 1_048_576, "{}", sent.body.len());
    let count = sequences(&sent.body).len();
    assert!(count >= 128, "{count}");
    let last = u64::try_from(count).unwrap();
    vm.answer(&sent, Reply::json(&json!({ "sequence": last })));
    let next = next_batch(&mut vm);
    assert_eq!(sequences(&next)[0], last + 1);
}

fn next_batch(vm: &mut Vm) -> Vec<u8> {
    answer_next(vm, EVENTS, Reply::status(503)).body
}

#[test]
fn a_gateway_without_a_control_plane_keeps_no_events() {
    let mut vm = Vm::inline(&sample::document());
    vm.get("a.b.c");
    vm.pass(1_000);
    assert_eq!(vm.asked(""), 0);
}
