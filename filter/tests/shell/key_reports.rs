//! What the operator gets to know of keys: reports with the events, alarms and counters.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, answer_next, cold, full, running, snapshot},
    sample::{self, KEYS_URL},
    stage::Reply,
    vm::Vm,
};

const EVENTS: &str = "/gateway/v1/events";

fn reports(body: &[u8]) -> Vec<Value> {
    let batch: Value = serde_json::from_slice(body).unwrap();
    batch["keys"].as_array().cloned().unwrap_or_default()
}

#[test]
fn keys_are_reported_without_events_and_until_they_have_arrived() {
    let mut vm = running();
    vm.pass(900);
    assert_eq!(vm.asked(EVENTS), 0, "waits for company");
    let first = answer_next(&mut vm, EVENTS, Reply::status(503));
    let second = answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 0 })));
    assert_eq!(reports(&first.body), reports(&second.body));
    let told = &reports(&second.body)[0];
    assert_eq!((&told["issuer"], &told["source"]), (&json!("main"), &json!("inline")));
    assert_eq!(told["keys"], json!([{ "kid": "k1", "algorithms": ["ES256"] }]));
    vm.pass(10_000);
    assert_eq!(vm.asked(EVENTS), 2);
    assert_eq!(vm.counter("cambist.control_plane_failed"), 1, "an empty acknowledgement is none");
    // Everything again every five minutes.
    vm.stage(|stage| stage.now_ms += 300_000);
    vm.pass(100);
    assert_eq!(reports(&vm.callout(EVENTS).body).len(), 1);
}

#[test]
fn a_failed_fetch_and_the_keys_that_come_later_are_reported() {
    let mut vm = cold();
    let first = snapshot(&vm, 10, &sample::document_with(&sample::jwks_uri()));
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.serve(KEYS_URL, Reply::status(404));
    let sent = answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 0 })));
    let told = &reports(&sent.body)[0];
    assert_eq!(told["last_error"], "the answer had status 404");
    assert_eq!((&told["url"], &told["keys"]), (&json!(KEYS_URL), &json!([])));
    answer_next(&mut vm, KEYS_URL, Reply::json(&sample::jwks(&[1])));
    let sent = answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 0 })));
    let told = &reports(&sent.body)[0];
    assert_eq!(told.get("last_error"), None);
    assert_eq!(told["keys"][0]["kid"], "k1");
}

#[test]
fn a_batch_tells_of_fifty_issuers_and_the_next_one_of_the_rest() {
    let mut document = sample::document();
    for number in 0..60 {
        let inline = json!({ "source": "inline", "jwks": sample::jwks(&[1]) });
        let mut issuer = sample::issuer(&format!("more-{number}"), &inline);
        issuer["iss"] = format!("https://more-{number}.example").into();
        document["issuers"].as_array_mut().unwrap().push(issuer);
    }
    let mut vm = cold();
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    let first = answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 0 })));
    let second = answer_next(&mut vm, EVENTS, Reply::json(&json!({ "sequence": 0 })));
    assert_eq!((reports(&first.body).len(), reports(&second.body).len()), (50, 11));
    vm.pass(5_000);
    assert_eq!(vm.asked(EVENTS), 2);
}

#[test]
fn a_published_private_key_is_an_alarm_and_never_shown() {
    let mut vm = Vm::inline(&sample::document_with(&sample::jwks_uri()));
    let mut jwks = sample::jwks(&[1]);
    let secret = json!({ "kty": "oct", "kid": "oops\n", "k": "dGhlLXNlY3JldA" });
    jwks["keys"].as_array_mut().unwrap().push(secret);
    vm.serve(KEYS_URL, Reply::json(&jwks));
    assert_eq!(vm.counter("cambist.keys_private_published"), 1);
    assert!(vm.logged("issuer main: publishes 1 private or symmetric keys"));
    assert!(vm.logged("oops") && !vm.logged("oops\n") && !vm.logged("dGhlLXNlY3JldA"));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    // The same set again is no second alarm.
    vm.stage(|stage| stage.now_ms += 400_000);
    vm.serve(KEYS_URL, Reply::json(&jwks));
    assert_eq!(vm.counter("cambist.keys_private_published"), 1);
}

#[test]
fn that_no_cluster_reaches_an_issuer_is_said_once_for_each_policy() {
    let mut vm = Vm::new();
    let mut config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    config["clusters"] = json!({});
    vm.configure(&config);
    vm.pass(20_000);
    let said = |vm: &Vm| {
        vm.stage(|stage| {
            stage.logs.iter().filter(|(_, line)| line.contains("no Envoy cluster reaches")).count()
        })
    };
    assert_eq!(said(&vm), 1);
    assert!(vm.counter("cambist.keys_fetch_failed") > 4);
    vm.configure(&config);
    vm.pass(20_000);
    assert_eq!(said(&vm), 2);
}
