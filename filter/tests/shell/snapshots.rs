//! A snapshot on its way into force: after the revocations, in slices, or not at all.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, answer_next, cold, full, running, snapshot},
    sample::{self, get},
    stage::Reply,
    vm::Vm,
};

fn epoch(vm: &mut Vm) -> String {
    let ready = vm.request(&get("/ready", &[]));
    vm.reply(ready).body
}

#[test]
fn a_request_waits_two_seconds_for_the_first_snapshot() {
    let mut vm = cold();
    let request = vm.get(&sample::good_token());
    let ready = vm.request(&get("/ready", &[]));
    assert_eq!(vm.status(ready), 503);
    vm.tick();
    vm.pass(1_900);
    assert!(vm.is_paused(request));
    vm.pass(200);
    assert_eq!(vm.status(request), 503);
}

#[test]
fn the_first_snapshot_comes_into_force_with_the_revocations() {
    let mut vm = cold();
    let request = vm.get(&sample::good_token());
    let first = snapshot(&vm, 10, &sample::document());
    vm.serve(SNAPSHOT, first);
    vm.pass(100);
    assert!(vm.is_paused(request), "a revoked identity must not slip through");
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    assert!(vm.is_forwarded(request));
    assert_eq!(epoch(&mut vm), "ready epoch=10\n");
}

#[test]
fn revocations_may_come_before_the_snapshot_but_must_be_complete() {
    let mut vm = cold();
    vm.serve(CHANGES, Reply::json(&json!({ "epoch": 10, "full": false })));
    assert!(vm.logged("not the full list"));
    let first = snapshot(&vm, 10, &sample::document());
    vm.serve(SNAPSHOT, first);
    vm.pass(100);
    assert!(epoch(&mut vm).contains("no snapshot yet"));
    let mut revoked = full(10);
    revoked["revoke"] = json!({ "clients": ["cl_shop"] });
    answer_next(&mut vm, CHANGES, Reply::json(&revoked));
    vm.tick();
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 401);
}

#[test]
fn a_revocation_holds_for_cached_tokens_at_once() {
    let mut vm = running();
    let request = vm.get(&sample::good_token());
    let identity = sample::access_claims(&vm.upstream(request, "authorization")[0])["sub"].clone();
    let delta = json!({ "epoch": 11, "full": false, "revoke": { "identities": [identity] } });
    answer_next(&mut vm, CHANGES, Reply::json(&delta));
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 401);
    let delta = json!({ "epoch": 12, "full": false, "reinstate": { "identities": [identity] } });
    let poll = answer_next(&mut vm, CHANGES, Reply::json(&delta));
    assert!(poll.url.contains("since=11"));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn a_large_snapshot_is_compiled_in_slices_while_requests_go_on() {
    let mut vm = running();
    let mut document = sample::document();
    let clients = document["clients"].as_array_mut().unwrap();
    clients.extend((0..1_000).map(|n| json!({ "client_id": format!("cl_{n}"), "name": "n" })));
    let large = snapshot(&vm, 11, &document);
    answer_next(&mut vm, SNAPSHOT, large);
    vm.stage(|stage| stage.pace_ms = 1);
    let mut ticks = 0;
    while epoch(&mut vm).contains("epoch=10") {
        let request = vm.get(&sample::good_token());
        assert!(vm.is_forwarded(request));
        vm.tick();
        ticks += 1;
        assert!(ticks < 100);
    }
    assert!(ticks > 3, "{ticks} slices");
}

#[test]
fn a_refused_snapshot_leaves_the_last_good_one_and_is_reported() {
    let mut vm = running();
    let mut document = sample::document();
    document["bindings"][0]["ttl"] = 5.into();
    let bad = snapshot(&vm, 11, &document).etag("\"bad\"");
    answer_next(&mut vm, SNAPSHOT, bad);
    vm.pass(200);
    assert!(vm.logged("snapshot refused, the last good one stays"));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    assert!(epoch(&mut vm).contains("epoch=10"));
    let poll = vm.callout(SNAPSHOT);
    assert_eq!(poll.headers["if-none-match"], "\"bad\"", "not the same bad one again and again");
    assert!(poll.headers["cambist-last-error"].contains("ttl"));
    assert_eq!(poll.headers["cambist-running-epoch"], "10");
    // What the control plane stands by is not what is in force, so nothing confirms it.
    for _ in 0..13 {
        vm.pass(5_000);
        for (part, reply) in
            [(SNAPSHOT, Reply::status(304)), (CHANGES, Reply::json(&json!({ "epoch": 11, "full": false })))]
        {
            vm.callouts(part).iter().for_each(|sent| vm.answer(sent, reply.clone()));
        }
    }
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503);
    let good = snapshot(&vm, 12, &sample::document());
    answer_next(&mut vm, SNAPSHOT, good);
    vm.pass(200);
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    assert!(!vm.callout(SNAPSHOT).headers.contains_key("cambist-last-error"));
}

#[test]
fn a_snapshot_that_is_cut_short_older_or_for_another_gateway_is_refused() {
    type Body = fn(&Vm) -> String;
    let cases: [(&str, Body); 4] = [
        ("cut short", |vm| {
            let whole = sample::snapshot(&vm.gateway, 11, &sample::document());
            whole[..whole.rfind("{\"record\":\"end\"").or_else(|| whole.trim_end().rfind('\n')).unwrap()]
                .into()
        }),
        ("older than the running 10", |vm| sample::snapshot(&vm.gateway, 9, &sample::document())),
        ("check which gateway the token belongs to", |_| sample::snapshot("other", 11, &sample::document())),
        ("line 1", |_| "<html>".into()),
    ];
    for (reason, body) in cases {
        let mut vm = running();
        let reply = Reply::status(200).body(body(&vm));
        answer_next(&mut vm, SNAPSHOT, reply);
        vm.pass(200);
        assert!(vm.logged(reason), "{reason}");
        assert!(epoch(&mut vm).contains("epoch=10"), "{reason}");
    }
}

#[test]
fn one_change_keeps_the_keys_of_its_neighbours() {
    let mut vm = running();
    let mut document: Value = sample::document_with(&sample::jwks_uri());
    let first = snapshot(&vm, 11, &document);
    answer_next(&mut vm, SNAPSHOT, first);
    vm.pass(100);
    answer_next(&mut vm, sample::KEYS_URL, Reply::json(&sample::jwks(&[1])));
    let before = vm.get(&sample::good_token());
    document["clients"].as_array_mut().unwrap().push(json!({ "client_id": "cl_new", "name": "New" }));
    let second = snapshot(&vm, 12, &document);
    answer_next(&mut vm, SNAPSHOT, second);
    vm.pass(100);
    assert!(epoch(&mut vm).contains("epoch=12"));
    let after = vm.get(&sample::good_token());
    assert_eq!(vm.upstream(before, "authorization"), vm.upstream(after, "authorization"));
    assert_eq!(vm.asked(sample::KEYS_URL), 1);
}
