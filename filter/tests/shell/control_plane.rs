//! The talk with the control plane: what is sent, how often, and what silence means.

use serde_json::{Value, json};

use super::{
    sample::{self, get},
    stage::{Reply, Sent},
    vm::Vm,
};

pub(super) const SNAPSHOT: &str = "/gateway/v1/snapshot";
pub(super) const CHANGES: &str = "/gateway/v1/changes";

/// A VM with a control plane that has answered nothing yet.
pub(super) fn cold() -> Vm {
    let mut vm = Vm::new();
    let config = sample::control_plane_config(&vm.gateway);
    vm.configure(&config);
    vm
}

/// The same with a snapshot of epoch 10 in force.
pub(super) fn running() -> Vm {
    let mut vm = cold();
    let snapshot = snapshot(&vm, 10, &sample::document());
    vm.serve(SNAPSHOT, snapshot);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    vm
}

pub(super) fn snapshot(vm: &Vm, epoch: u64, document: &Value) -> Reply {
    Reply::status(200).body(sample::snapshot(&vm.gateway, epoch, document)).etag("\"etag\"")
}

/// The full list of revocations, which is empty.
pub(super) fn full(epoch: u64) -> Value {
    json!({ "epoch": epoch, "full": true })
}

/// Answers the poll that is out or comes next.
pub(super) fn answer_next(vm: &mut Vm, part: &str, reply: Reply) -> Sent {
    for _ in 0..400 {
        if let Some(sent) = vm.callouts(part).pop() {
            vm.answer(&sent, reply);
            return sent;
        }
        vm.pass(50);
    }
    panic!("{part} was not asked for");
}

#[test]
fn says_who_it_is_and_what_it_runs() {
    let mut vm = running();
    vm.pass(100);
    let poll = vm.callout(SNAPSHOT);
    assert_eq!(poll.url, "http://control-plane.example/gateway/v1/snapshot?wait=30s");
    assert_eq!(poll.cluster, "control_plane");
    assert_eq!(poll.headers["authorization"], format!("Bearer {}", sample::GATEWAY_TOKEN));
    assert_eq!(poll.headers["if-none-match"], "\"etag\"");
    assert_eq!(poll.headers["cambist-running-epoch"], "10");
    let (node, boot) = poll.headers["cambist-instance"].split_once('/').unwrap();
    assert_eq!((node, boot.len()), ("node-1", 16));
    assert_eq!(vm.callout(CHANGES).url, "http://control-plane.example/gateway/v1/changes?since=10&wait=30s");
    assert!(poll.timeout_ms > 30_000);
}

#[test]
fn the_boot_is_named_even_without_random_bytes() {
    let mut names = Vec::new();
    for later in [0, 1] {
        let mut vm = Vm::new();
        vm.stage(|stage| {
            stage.has_random = false;
            stage.now_ms += later;
        });
        let config = sample::control_plane_config(&vm.gateway);
        vm.configure(&config);
        vm.tick();
        names.push(vm.callout(SNAPSHOT).headers["cambist-instance"].clone());
    }
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_snapshot_that_is_confirmed_stays_in_force_and_an_unconfirmed_one_does_not() {
    let mut vm = running();
    for _ in 0..4 {
        vm.pass(25_000);
        answer_next(&mut vm, SNAPSHOT, Reply::status(304));
        answer_next(&mut vm, CHANGES, Reply::json(&json!({ "epoch": 10, "full": false })));
    }
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request), "confirmed by 304 all the time");
    for _ in 0..70 {
        vm.pass(1_000);
        for sent in vm.callouts("/gateway/") {
            vm.answer(&sent, Reply::status(503));
        }
    }
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503, "older than max_staleness");
    answer_next(&mut vm, SNAPSHOT, Reply::status(304));
    answer_next(&mut vm, CHANGES, Reply::json(&json!({ "epoch": 10, "full": false })));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request), "confirmed again");
}

#[test]
fn a_snapshot_without_news_of_revocations_is_not_confirmed() {
    let mut vm = running();
    for _ in 0..14 {
        vm.pass(5_000);
        for sent in vm.callouts(SNAPSHOT) {
            vm.answer(&sent, Reply::status(304));
        }
        for sent in vm.callouts(CHANGES) {
            vm.answer(&sent, Reply::reset());
        }
    }
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503);
}

#[test]
fn a_refused_gateway_token_is_explained_and_requests_go_on() {
    let mut vm = running();
    answer_next(&mut vm, SNAPSHOT, Reply::status(401));
    assert!(vm.logged("check that the gateway token is this gateway's"));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    assert_eq!(vm.callouts(SNAPSHOT).len(), 0, "not again at once");
    vm.pass(1_200);
    assert_eq!(vm.callouts(SNAPSHOT).len(), 1);
}

#[test]
fn a_control_plane_that_does_not_hold_polls_is_not_flooded() {
    let mut vm = running();
    let before = vm.asked("/gateway/");
    for _ in 0..200 {
        vm.stage(|stage| stage.now_ms += 5);
        vm.tick();
        for sent in vm.callouts(SNAPSHOT) {
            vm.answer(&sent, Reply::status(304));
        }
        for sent in vm.callouts(CHANGES) {
            vm.answer(&sent, Reply::json(&json!({ "epoch": 10, "full": false })));
        }
    }
    let polls = vm.asked("/gateway/") - before;
    assert!(polls <= 22, "{polls} in one second");
}

#[test]
fn a_cluster_that_takes_no_request_is_tried_again_later() {
    let mut vm = cold();
    vm.stage(|stage| stage.broken_clusters.insert("control_plane".into()));
    vm.tick();
    assert!(vm.logged("cluster control_plane takes no request"));
    vm.stage(|stage| stage.broken_clusters.clear());
    vm.pass(100);
    assert_eq!(vm.asked(SNAPSHOT), 0);
    vm.pass(1_100);
    assert_eq!(vm.asked(SNAPSHOT), 1);
}

#[test]
fn a_late_answer_to_a_poll_that_was_given_up_is_ignored() {
    let mut vm = running();
    vm.pass(100);
    let lost = vm.callout(SNAPSHOT);
    vm.pass(45_000);
    assert_eq!(vm.callouts(SNAPSHOT).len(), 2, "given up and asked again");
    let late = snapshot(&vm, 11, &sample::document());
    vm.answer(&lost, late);
    vm.pass(200);
    assert_eq!(vm.callouts(SNAPSHOT).len(), 1, "the second one is still waited for");
    let ready = vm.request(&get("/ready", &[]));
    assert!(vm.reply(ready).body.contains("epoch=10"));
}

#[test]
fn a_configuration_without_the_gateway_token_is_refused() {
    let mut vm = Vm::new();
    vm.stage(|stage| stage.env.clear());
    let config = sample::control_plane_config(&vm.gateway);
    let reason = vm.try_configure(config.to_string().as_bytes()).unwrap_err();
    assert!(reason.contains("CAMBIST_GATEWAY_TOKEN holds no gateway token"), "{reason}");
    assert!(reason.contains("host_env_keys"), "{reason}");
}
