//! Bindings that do not let everybody in: the request asks the control plane, and nothing but its word lets it pass.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample,
    stage::Reply,
    vm::Vm,
};

const ADMIT: &str = "/gateway/v1/admit";

fn approving() -> Vm {
    let mut document = sample::document();
    document["bindings"][0]["enrolment"] = "approve".into();
    let mut vm = cold();
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    vm
}

fn says(verdict: &str) -> Reply {
    Reply::json(&json!({ "verdict": verdict }))
}

#[test]
fn the_control_plane_is_asked_who_may_come_in() {
    let mut vm = approving();
    let request = vm.get(&sample::good_token());
    let same = vm.get(&sample::good_token());
    let sent = vm.callout(ADMIT);
    assert_eq!((&*sent.method, &*sent.cluster), ("POST", "control_plane"));
    assert_eq!(sent.headers["authorization"], format!("Bearer {}", sample::GATEWAY_TOKEN));
    let asked: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(
        (&asked["binding"], &asked["identity"]["subject"]),
        (&json!("binding-main"), &json!(sample::SUBJECT))
    );
    vm.answer(&sent, says("admitted"));
    vm.tick();
    assert!(vm.is_forwarded(request) && vm.is_forwarded(same));
    let later = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(later));
    assert_eq!(vm.asked(ADMIT), 1);
}

#[test]
fn who_is_not_let_in_is_asked_about_again_after_a_while() {
    let mut vm = approving();
    let request = vm.get(&sample::good_token());
    let sent = vm.callout(ADMIT);
    vm.answer(&sent, says("pending"));
    assert_eq!(vm.status(request), 401);
    let again = vm.get(&sample::good_token());
    assert_eq!((vm.status(again), vm.asked(ADMIT)), (401, 1));
    vm.pass(5_000);
    let approved = vm.get(&sample::good_token());
    let sent = vm.callout(ADMIT);
    vm.answer(&sent, says("admitted"));
    assert!(vm.is_forwarded(approved));
}

#[test]
fn silence_lets_nobody_in() {
    for reply in [Reply::reset(), Reply::status(200), Reply::status(500), says("perhaps")] {
        let mut vm = approving();
        let request = vm.get(&sample::good_token());
        let sent = vm.callout(ADMIT);
        vm.answer(&sent, reply);
        assert_eq!(vm.status(request), 503);
    }
    let mut vm = approving();
    let request = vm.get(&sample::good_token());
    vm.pass(5_100);
    assert_eq!(vm.status(request), 503);
    vm.stage(|stage| stage.broken_clusters.insert("control_plane".into()));
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503);
}
