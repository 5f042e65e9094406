//! Fetching issuers' keys: who asks, how often, and what an answer is worth.

use serde_json::{Value, json};

use super::{
    control_plane::answer_next,
    sample::{self, DISCOVERY_URL, KEYS_URL},
    stage::{Reply, START_MS},
    vm::Vm,
};

/// A VM whose issuer's keys are at [`KEYS_URL`]; nothing was fetched yet.
fn vm() -> Vm {
    Vm::inline(&sample::document_with(&sample::jwks_uri()))
}

/// The same, with key 1 fetched.
fn warm() -> Vm {
    let mut vm = vm();
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    vm.pass(1_000);
    vm
}

fn discovery_document() -> Value {
    json!({ "issuer": sample::ISS, "jwks_uri": KEYS_URL })
}

#[test]
fn prefetches_through_the_mapped_cluster() {
    let mut vm = vm();
    vm.tick();
    let fetch = vm.callout(KEYS_URL);
    assert_eq!((fetch.cluster.as_str(), fetch.method.as_str()), ("issuer", "GET"));
    assert_eq!(fetch.timeout_ms, 10_000);
    assert!(!fetch.headers.contains_key("authorization"));
    // Kubernetes answers 406 to whoever names only one of them.
    assert_eq!(fetch.headers["accept"], "application/json, application/jwk-set+json");
    vm.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn two_requests_wait_for_one_fetch() {
    let mut vm = vm();
    let (first, second) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    assert!(vm.is_paused(first) && vm.is_paused(second));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(first) && vm.is_forwarded(second));
    vm.pass(1_000);
    assert_eq!(vm.asked(KEYS_URL), 1);
}

#[test]
fn discovery_leads_to_the_keys() {
    let mut vm = Vm::inline(&sample::document_with(&json!({ "source": "discovery" })));
    let request = vm.get(&sample::good_token());
    vm.serve(DISCOVERY_URL, Reply::json(&discovery_document()));
    assert!(vm.is_paused(request));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(request));
    assert_eq!((vm.asked(DISCOVERY_URL), vm.asked(KEYS_URL)), (1, 1));
}

#[test]
fn a_discovery_document_of_another_issuer_or_host_is_not_followed() {
    for (field, value, reason) in [
        ("issuer", "https://issuer.example/", "compare every byte"),
        ("jwks_uri", "https://elsewhere.example/keys", "another host"),
    ] {
        let mut vm = Vm::inline(&sample::document_with(&json!({ "source": "discovery" })));
        let request = vm.get(&sample::good_token());
        let mut document = discovery_document();
        document[field] = value.into();
        vm.serve(DISCOVERY_URL, Reply::json(&document));
        assert_eq!(vm.status(request), 503);
        assert!(vm.logged(reason), "{field}");
        assert_eq!(vm.callouts("/keys").len(), 0);
    }
}

#[test]
fn an_unknown_kid_causes_one_refetch() {
    let mut vm = warm();
    let rotated = sample::token(2, &sample::claims());
    let first = vm.get(&rotated);
    assert!(vm.is_paused(first));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1, 2])));
    assert!(vm.is_forwarded(first));
    // Another unknown one within the floor is refused without a fetch.
    let second = vm.get(&sample::token(3, &sample::claims()));
    assert_eq!(vm.status(second), 401);
    vm.pass(1_000);
    assert_eq!(vm.asked(KEYS_URL), 2);
}

#[test]
fn a_kid_that_the_refetch_does_not_bring_is_refused() {
    let mut vm = warm();
    let request = vm.get(&sample::token(2, &sample::claims()));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert_eq!(vm.status(request), 401);
}

#[test]
fn a_key_that_is_gone_is_gone_for_cached_tokens_too() {
    let mut vm = warm();
    let before = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(before));
    vm.get(&sample::token(2, &sample::claims()));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[2])));
    let after = vm.get(&sample::good_token());
    assert_eq!(vm.status(after), 401);
}

#[test]
fn whatever_is_no_answer_is_503_while_there_are_no_keys() {
    let too_large = "x".repeat(cambist_core::keyring::MAX_BODY_BYTES + 1);
    for (name, reply) in [
        ("reset", Reply::reset()),
        ("connection refused", Reply::status(503)),
        ("timeout", Reply::status(504)),
        ("not found", Reply::status(404)),
        ("redirect", Reply::status(302)),
        ("no JSON", Reply::status(200).body("<html>")),
        ("no body", Reply::status(200)),
        ("no usable key", Reply::json(&json!({ "keys": [] }))),
        ("too large", Reply::status(200).body(too_large)),
    ] {
        let mut vm = vm();
        let request = vm.get(&sample::good_token());
        vm.serve(KEYS_URL, reply);
        let answer = vm.reply(request);
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.headers.contains_key("retry-after"), "{name}");
        let next = vm.get(&sample::good_token());
        assert_eq!(vm.status(next), 503, "{name}: refused at once until the next try");
        assert_eq!(vm.counter("cambist.keys_fetch_failed"), 1, "{name}");
    }
}

#[test]
fn a_failed_refresh_keeps_the_last_good_set() {
    let mut vm = warm();
    vm.stage(|stage| stage.now_ms += 400_000);
    vm.serve(KEYS_URL, Reply::status(500));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn refreshes_when_the_answer_says_so() {
    let mut vm = vm();
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])).cache_control("public, max-age=120"));
    vm.pass(100_000);
    assert_eq!(vm.asked(KEYS_URL), 1);
    answer_next(&mut vm, KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert_eq!(vm.asked(KEYS_URL), 2);
    let seconds = vm.stage(|stage| stage.now_ms - START_MS) / 1_000;
    assert!((108..=133).contains(&seconds), "after {seconds} s");
}

#[test]
fn a_dispatch_that_fails_at_once_is_made_again_on_the_next_ticks() {
    let mut vm = vm();
    vm.stage(|stage| stage.broken_clusters.insert("issuer".into()));
    let request = vm.get(&sample::good_token());
    vm.pass(400);
    assert!(vm.is_paused(request));
    vm.stage(|stage| stage.broken_clusters.clear());
    vm.tick();
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(request));
}

#[test]
fn a_dispatch_that_keeps_failing_is_a_failed_fetch_and_tried_again_later() {
    let mut vm = vm();
    vm.stage(|stage| stage.broken_clusters.insert("issuer".into()));
    let request = vm.get(&sample::good_token());
    vm.pass(600);
    assert_eq!(vm.status(request), 503);
    assert!(vm.logged("check the cluster"));
    vm.stage(|stage| stage.broken_clusters.clear());
    vm.pass(2_000);
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn an_issuer_that_no_cluster_reaches_is_named_in_the_log() {
    let mut vm = Vm::new();
    let mut config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    config["clusters"] = json!({});
    vm.configure(&config);
    let request = vm.get(&sample::good_token());
    vm.tick();
    assert_eq!(vm.status(request), 503);
    assert!(vm.logged("issuer main: no Envoy cluster reaches issuer.example:443"));
}

#[test]
fn an_answer_that_never_comes_ends_the_fetch() {
    let mut vm = vm();
    vm.tick();
    let lost = vm.callout(KEYS_URL);
    vm.pass(14_000);
    assert_eq!(vm.asked(KEYS_URL), 2, "asked again after the first was given up");
    // The late answer to the first is not taken for one to the second.
    vm.answer(&lost, Reply::json(&sample::jwks(&[2])));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_paused(request));
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(request));
}

#[test]
fn issuers_with_one_kid_do_not_share_keys() {
    let mut document = sample::document_with(&sample::jwks_uri());
    let mut other = sample::issuer("other", &json!({ "source": "inline", "jwks": sample::jwks(&[1]) }));
    other["iss"] = "https://other.example".into();
    document["issuers"].as_array_mut().unwrap().push(other);
    document["bindings"].as_array_mut().unwrap().push(sample::binding("other"));
    let mut vm = Vm::inline(&document);
    // The main issuer's key of that name is another one.
    let mut jwk = sample::jwks(&[2]);
    jwk["keys"][0]["kid"] = "k1".into();
    vm.serve(KEYS_URL, Reply::json(&jwk));
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 401);
    let mut claims = sample::claims();
    claims["iss"] = "https://other.example".into();
    let request = vm.get(&sample::token(1, &claims));
    assert!(vm.is_forwarded(request));
}
