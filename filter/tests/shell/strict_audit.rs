//! Routes with `audit: strict`: nothing that was minted goes on before its record is acknowledged.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample,
    stage::{Reply, Sent},
    vm::Vm,
};

const EVENTS: &str = "/gateway/v1/events";

fn strict() -> Vm {
    let mut document = sample::document();
    document["routes"][0]["audit"] = "strict".into();
    let mut vm = cold();
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    vm
}

/// A request with a token of its own for each `number`.
fn get(vm: &mut Vm, number: u32) -> u32 {
    let mut claims = sample::claims();
    claims["nonce"] = number.into();
    vm.get(&sample::token(1, &claims))
}

fn acknowledgement(sent: &Sent) -> Reply {
    let batch: Value = serde_json::from_slice(&sent.body).unwrap();
    let last = batch["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["strict"], true);
    Reply::json(&json!({ "sequence": last["sequence"] }))
}

#[test]
fn a_mint_is_sent_at_once_and_goes_on_when_it_is_acknowledged() {
    let mut vm = strict();
    let request = get(&mut vm, 1);
    let same = get(&mut vm, 1);
    assert!(vm.is_paused(request) && vm.is_paused(same));
    vm.tick();
    let sent = vm.callout(EVENTS);
    // In the callback itself: no tick comes between.
    vm.answer(&sent, acknowledgement(&sent));
    assert!(vm.is_forwarded(request) && vm.is_forwarded(same));
    let tokens = [request, same].map(|stream| vm.upstream(stream, "authorization"));
    assert_eq!(tokens[0], tokens[1]);
    let later = get(&mut vm, 1);
    assert!(vm.is_forwarded(later));
    assert_eq!((vm.counter("cambist.decision.minted"), vm.counter("cambist.decision.minted_cached")), (1, 2));
}

#[test]
fn those_who_come_while_a_batch_is_out_share_the_next() {
    let mut vm = strict();
    let first = get(&mut vm, 0);
    vm.tick();
    let sent = vm.callout(EVENTS);
    let rest: Vec<u32> = (1..=20).map(|number| get(&mut vm, number)).collect();
    vm.tick();
    assert_eq!(vm.callouts(EVENTS).len(), 1);
    vm.answer(&sent, acknowledgement(&sent));
    assert!(vm.is_forwarded(first) && rest.iter().all(|stream| vm.is_paused(*stream)));
    vm.tick();
    let next = vm.callout(EVENTS);
    vm.answer(&next, acknowledgement(&next));
    assert!(rest.iter().all(|stream| vm.is_forwarded(*stream)));
    assert_eq!(vm.asked(EVENTS), 2);
}

#[test]
fn a_control_plane_that_takes_no_record_is_an_outage_and_no_pass() {
    let mut vm = strict();
    let passed = get(&mut vm, 0);
    vm.tick();
    let sent = vm.callout(EVENTS);
    vm.answer(&sent, acknowledgement(&sent));
    assert!(vm.is_forwarded(passed));

    let request = get(&mut vm, 1);
    for _ in 0..90 {
        vm.pass(50);
        for sent in vm.callouts(EVENTS) {
            vm.answer(&sent, Reply::reset());
        }
    }
    assert!(vm.is_paused(request));
    for _ in 0..12 {
        vm.pass(50);
        for sent in vm.callouts(EVENTS) {
            vm.answer(&sent, Reply::status(503));
        }
    }
    let answer = vm.reply(request);
    assert_eq!((answer.status, &*answer.headers["retry-after"]), (503, "1"));
    // What was recorded before goes on.
    let known = get(&mut vm, 0);
    assert!(vm.is_forwarded(known));
    // And so does the other once its record is there; nothing is minted again.
    let again = get(&mut vm, 1);
    assert!(vm.is_paused(again));
    let sent = super::control_plane::answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 2 })));
    assert!(vm.is_forwarded(again));
    let batch: Value = serde_json::from_slice(&sent.body).unwrap();
    let mints = batch["events"].as_array().unwrap().iter().filter(|event| event["outcome"] == "mint").count();
    assert_eq!(mints, 1);
}

#[test]
fn who_leaves_takes_nothing_along() {
    let mut vm = strict();
    let request = get(&mut vm, 1);
    vm.end(request);
    vm.tick();
    let sent = vm.callout(EVENTS);
    vm.answer(&sent, acknowledgement(&sent));
    let next = get(&mut vm, 1);
    assert!(vm.is_forwarded(next));
    assert_eq!(vm.asked(EVENTS), 1);
}
