//! What Envoy is told to count, that the page on metrics says the same, and what is told of rules on trial.

use std::collections::BTreeSet;

use cambist_core::{denial::Denial, flow::Counted};
use cambist_filter::telemetry::OTHERS;
use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample::{self, get},
    stage::Reply,
    vm::Vm,
};

fn on_trial() -> Value {
    let mut document = sample::document();
    document["bindings"][0]["condition"] = json!({ "attribute": "jwt.claim.team", "equals": "red" });
    document["bindings"][0]["condition_enforcement"] = "audit".into();
    document
}

#[test]
fn every_counter_is_there_from_the_first_tick() {
    let mut vm = Vm::new();
    vm.configure(&sample::inline_config(&vm.gateway.clone(), &sample::document()));
    vm.tick();
    let known: BTreeSet<String> =
        vm.stage(|stage| stage.counters.iter().map(|(name, _)| name.clone()).collect());
    let denials = Denial::ALL.map(Denial::reason);
    let mut expected: BTreeSet<String> = OTHERS.iter().map(|name| format!("cambist.{name}")).collect();
    let decisions = denials.iter().chain(&Counted::GOOD).chain([&Counted::OBSERVED]);
    expected.extend(decisions.map(|name| format!("cambist.decision.{name}")));
    expected.extend(denials.iter().map(|name| format!("cambist.observed.{name}")));
    expected.extend(denials.iter().chain([&"passed"]).map(|name| format!("cambist.shadow.{name}")));
    assert_eq!(known, expected);
    // What is counted is nothing else.
    vm.get(&sample::good_token());
    vm.get("a.b.c");
    vm.tick();
    assert_eq!(vm.stage(|stage| stage.counters.len()), expected.len());
}

#[test]
fn the_page_on_metrics_has_exactly_these() {
    let page = include_str!("../../../docs/metrics.md");
    let section = page.split("## In Envoy").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| !name.ends_with("<reason>") && *name != "cambist_decision_observed")
        .collect();
    assert_eq!(rows, OTHERS.map(|name| format!("cambist_{name}")));
    // And what the code counts stands in the list.
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        let files = if path.is_dir() {
            std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            for name in text.split("count_plain(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(OTHERS.contains(&name), "{name} in {}", file.display());
            }
        }
    }
}

#[test]
fn a_rule_on_trial_is_counted_each_time_and_reported_once() {
    let mut vm = cold();
    let snapshot = snapshot(&vm, 10, &on_trial());
    vm.serve(SNAPSHOT, snapshot);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    for _ in 0..3 {
        let stream = vm.get(&sample::good_token());
        assert!(vm.is_forwarded(stream));
    }
    assert_eq!(vm.counter("cambist.shadow.condition_false"), 3);
    assert_eq!(vm.counter("cambist.decision.condition_false"), 0);
    vm.pass(300);
    let batch: Value = serde_json::from_slice(&vm.callout("/gateway/v1/events").body).unwrap();
    let [first, second] = batch["events"].as_array().unwrap().as_slice() else { panic!("{batch}") };
    assert_eq!((&first["outcome"], &second["outcome"]), (&json!("shadow"), &json!("mint")));
    assert_eq!(
        first["shadow"],
        json!({ "rule": "binding/binding-main/condition", "reason": "condition_false" })
    );
    assert_eq!((&first["identity"], &first["route"]), (&second["identity"], &second["route"]));
    assert!(first["at_ms"].as_i64().unwrap() > 0 && second.get("shadow").is_none());
}

#[test]
fn a_refused_token_request_is_logged_with_the_status_it_got() {
    let mut vm = Vm::new();
    let mut document = sample::document();
    document["clients"][0]["grant_types"] = json!(["urn:ietf:params:oauth:grant-type:jwt-bearer"]);
    document["bindings"][0]["condition"] = json!({ "attribute": "jwt.claim.team", "equals": "red" });
    let mut config = sample::inline_config(&vm.gateway, &document);
    config["endpoints"] = json!({ "hosts": ["*"] });
    vm.configure(&config);
    let mut headers = get("/oauth2/v1/token", &[("content-type", b"application/x-www-form-urlencoded")]);
    headers[2] = (":method", b"POST");
    let stream = vm.request(&headers);
    let form =
        format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={}", sample::good_token());
    vm.body(stream, form.as_bytes(), true);
    assert_eq!(vm.status(stream), 400);
    assert!(vm.logged("reason=condition_false status=400"));
    let stream = vm.get(&sample::good_token());
    assert_eq!(vm.status(stream), 403);
    assert!(vm.logged("reason=condition_false status=403"));
}
