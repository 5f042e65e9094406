//! Root contexts come and go; the gateway with its policy, keys and caches stays.

use serde_json::json;

use super::{
    sample::{self, KEYS_URL, get},
    stage::Reply,
    vm::Vm,
};

/// A VM with one root context and key 1 fetched, and the root's id.
fn warm() -> (Vm, u32) {
    let mut vm = Vm::new();
    let config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    let root = vm.configure(&config);
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    vm.pass(1_000);
    (vm, root)
}

#[test]
fn an_update_keeps_keys_and_caches() {
    let (mut vm, old) = warm();
    let before = vm.get(&sample::good_token());
    let mut config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    config["readiness_path"] = "/healthy".into();
    vm.configure(&config);
    let after = vm.get(&sample::good_token());
    assert_eq!(vm.upstream(before, "authorization"), vm.upstream(after, "authorization"));
    vm.delete_root(old);
    let later = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(later));
    assert_eq!(vm.counter("cambist.host_verify"), 1);
    assert_eq!(vm.asked(KEYS_URL), 1);
    let ready = vm.request(&get("/healthy", &[]));
    assert_eq!(vm.status(ready), 200);
}

#[test]
fn a_refused_update_changes_nothing_and_names_every_fault() {
    let (mut vm, _) = warm();
    let mut document = sample::document();
    document["bindings"][0]["ttl"] = 5.into();
    document["routes"][0]["clients"] = json!(["cl_nobody"]);
    document["signing_keys"][0]["private_key"] = json!({ "env": "NOT_SET" });
    let mut config = sample::inline_config(&vm.gateway, &document);
    config["readiness_path"] = "healthy".into();
    config["clusters"]["template"] = "outbound".into();
    let reason = vm.try_configure(config.to_string().as_bytes()).unwrap_err();
    for part in ["readiness_path", "clusters/template", "ttl", "cl_nobody", "NOT_SET"] {
        assert!(reason.contains(part), "{part} is missing in {reason}");
    }
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    let ready = vm.request(&get("/ready", &[]));
    assert_eq!(vm.status(ready), 200);
}

#[test]
fn a_fetch_of_a_deleted_root_context_is_made_again() {
    let mut vm = Vm::new();
    let config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    let old = vm.configure(&config);
    vm.tick();
    let new = vm.configure(&config);
    let request = vm.request_to(new, &get("/", &[("authorization", bearer().as_bytes())]));
    assert!(vm.is_paused(request));
    vm.delete_root(old);
    vm.tick();
    let again = vm.callout(KEYS_URL);
    assert_eq!(again.root, new);
    vm.answer(&again, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(request));
}

#[test]
fn long_polls_of_a_deleted_root_context_are_made_again() {
    let mut vm = Vm::new();
    let config = sample::control_plane_config(&vm.gateway);
    let old = vm.configure(&config);
    vm.tick();
    let new = vm.configure(&config);
    vm.tick();
    assert_eq!(vm.asked("/gateway/v1/snapshot"), 1, "one poll for both root contexts");
    vm.delete_root(old);
    vm.tick();
    assert_eq!(vm.callout("/gateway/v1/snapshot").root, new);
    assert_eq!(vm.callout("/gateway/v1/changes").root, new);
}

#[test]
fn requests_of_the_old_root_context_are_served_by_the_new_ones_fetch() {
    let mut vm = Vm::new();
    let mut document = sample::document_with(&sample::jwks_uri());
    // More issuers, so that some keys come due after requests for the first one's have become ripe.
    for number in 0..20 {
        let id = format!("other-{number}");
        let mut other = sample::issuer(&id, &json!({ "source": "jwks_uri", "uri": "https://b.example/k" }));
        other["iss"] = id.into();
        document["issuers"].as_array_mut().unwrap().push(other);
    }
    let mut config = sample::inline_config(&vm.gateway, &document);
    config["clusters"] = json!({ "default": "any" });
    let old = vm.configure(&config);
    let request = vm.request_to(old, &get("/", &[("authorization", bearer().as_bytes())]));
    let new = vm.configure(&config);
    // Only the new one ticks; the first issuer's dispatch fails for the last time, so its request is answered in that tick.
    vm.stage(|stage| stage.broken_clusters.insert("any".into()));
    for _ in 0..10 {
        vm.tick_root(new);
        assert!(vm.is_paused(request));
    }
    vm.tick_root(new);
    assert_eq!(vm.status(request), 503);
    vm.stage(|stage| stage.broken_clusters.clear());
    vm.stage(|stage| stage.now_ms += 3_000);
    let request = vm.request_to(old, &get("/", &[("authorization", bearer().as_bytes())]));
    vm.tick_root(new);
    assert!(vm.callouts("https://").iter().all(|sent| sent.root == new));
    let keys = vm.callout(KEYS_URL);
    vm.answer(&keys, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(request));
}

#[test]
fn gateways_of_one_plugin_name_do_not_share_a_policy() {
    let mut vm = Vm::new();
    let strict = vm.configure(&sample::inline_config("strict", &sample::document()));
    let mut document = sample::document();
    document["routes"][0]["mode"] = "observe".into();
    let lax = vm.configure(&sample::inline_config("lax", &document));
    let refused = vm.request_to(strict, &get("/", &[]));
    assert_eq!(vm.status(refused), 401);
    let observed = vm.request_to(lax, &get("/", &[]));
    assert!(vm.is_forwarded(observed));
}

#[test]
fn each_root_context_has_a_period_of_its_own() {
    let (mut vm, old) = warm();
    let config = sample::inline_config(&vm.gateway, &sample::document_with(&sample::jwks_uri()));
    let new = vm.configure(&config);
    vm.tick();
    let periods = vm.stage(|stage| stage.periods.clone());
    assert_eq!((periods[&old], periods[&new]), (50, 50));
    let header = format!("Bearer {}", sample::token(2, &sample::claims()));
    let request = vm.request_to(old, &get("/", &[("authorization", header.as_bytes())]));
    assert!(vm.is_paused(request));
    assert_eq!(vm.stage(|stage| stage.periods.clone())[&old], 1);
    // The one that was hurried goes before it ticks; the other one's next tick does the work.
    vm.end(request);
    vm.delete_root(old);
    let request = vm.request_to(new, &get("/", &[("authorization", header.as_bytes())]));
    assert_eq!(vm.stage(|stage| stage.periods.clone())[&new], 1);
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1, 2])));
    assert!(vm.is_forwarded(request));
}

fn bearer() -> String {
    format!("Bearer {}", sample::good_token())
}
