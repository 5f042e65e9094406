//! Replay policy: each request asks the control plane for itself, and without an answer nothing passes.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample,
    stage::Reply,
    vm::Vm,
};

const CONSUME: &str = "/gateway/v1/consume";

fn vm() -> Vm {
    let mut document = sample::document();
    document["issuers"][0]["replay"] = "once".into();
    let mut vm = cold();
    let snapshot = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, snapshot);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    vm
}

fn first(first: bool) -> Reply {
    Reply::json(&json!({ "first": first }))
}

#[test]
fn requests_with_one_token_ask_each_for_itself() {
    let mut vm = vm();
    let requests: Vec<u32> = (0..3).map(|_| vm.get(&sample::good_token())).collect();
    let sent = vm.callouts(CONSUME);
    assert_eq!(sent.len(), 3);
    let asked: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!((&asked["issuer"], asked["key"].as_str().unwrap().len()), (&json!("main"), 64));
    assert!(sent.iter().all(|one| one.body == sent[0].body && one.timeout_ms == 4_500));
    assert_eq!(sent[0].headers["authorization"], format!("Bearer {}", sample::GATEWAY_TOKEN));
    vm.answer(&sent[1], first(true));
    assert!(vm.is_forwarded(requests[1]) && vm.is_paused(requests[0]) && vm.is_paused(requests[2]));
    vm.tick();
    vm.answer(&sent[2], first(false));
    vm.answer(&sent[0], first(false));
    assert_eq!((vm.status(requests[0]), vm.status(requests[2])), (401, 401));
    assert_eq!(vm.asked(CONSUME), 3, "nobody asked again");
}

#[test]
fn a_client_that_leaves_takes_its_question_along_and_nobody_elses() {
    let mut vm = vm();
    let (gone, stays) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    vm.end(gone);
    vm.tick();
    assert_eq!(vm.asked(CONSUME), 2);
    assert!(vm.is_paused(stays));
    let sent = vm.callouts(CONSUME);
    vm.answer(&sent[sent.len() - 1], first(true));
    assert!(vm.is_forwarded(stays));
}

#[test]
fn whatever_is_no_answer_is_503() {
    for (name, reply) in [
        ("reset", Reply::reset()),
        ("no control plane", Reply::status(503)),
        ("not authorised", Reply::status(401)),
        ("no JSON", first(true).body("<html>")),
        ("nothing said", first(true).body("{}")),
        ("too large", first(true).body(format!("{{\"first\":true,\"more\":\"{}\"}}", "x".repeat(2_000)))),
    ] {
        let mut vm = vm();
        let request = vm.get(&sample::good_token());
        let sent = vm.callout(CONSUME);
        vm.answer(&sent, reply);
        assert_eq!(vm.status(request), 503, "{name}");
    }
}

#[test]
fn a_request_gives_up_in_time() {
    let mut vm = vm();
    let request = vm.get(&sample::good_token());
    vm.pass(4_900);
    assert!(vm.is_paused(request));
    vm.pass(200);
    assert_eq!(vm.status(request), 503);
}

#[test]
fn without_a_control_plane_it_is_a_fault() {
    let mut document = sample::document();
    document["issuers"][0]["replay"] = "once-per-target".into();
    let vm = Vm::new();
    let config = sample::inline_config(&vm.gateway, &document);
    let faults =
        cambist_filter::config::PluginConfig::parse(&serde_json::to_vec(&config).unwrap()).unwrap_err();
    assert!(faults.to_string().contains("snapshot/issuers/0/replay"), "{faults}");
}
