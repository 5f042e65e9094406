//! A request's own callout, here to a UserInfo endpoint: whose it is, and what may go wrong with it.

use serde_json::{Value, json};

use super::{
    sample::{self, KEYS_URL},
    stage::Reply,
    vm::Vm,
};

const URL: &str = "https://issuer.example/userinfo";

/// A policy whose issuer is asked, its keys inline, with this member of `userinfo` changed.
fn document(member: &str, value: &Value) -> Value {
    let mut document = sample::document();
    document["issuers"][0]["userinfo"] = json!({ "uri": URL, "login_id": "email" });
    document["issuers"][0]["userinfo"][member] = value.clone();
    document
}

fn denying() -> Vm {
    Vm::inline(&document("on_error", &json!("deny")))
}

fn ignoring() -> Vm {
    Vm::inline(&document("on_error", &json!("ignore")))
}

fn about_ada() -> Reply {
    Reply::json(&json!({ "sub": sample::SUBJECT, "email": "ada@example.org" }))
}

/// The login id that the upstream sees.
fn login(vm: &Vm, request: u32) -> Value {
    let claims = sample::access_claims(&vm.upstream(request, "authorization")[0]);
    claims["workload"]["login_id"].clone()
}

fn answer(vm: &mut Vm, reply: Reply) {
    let sent = vm.callout(URL);
    vm.answer(&sent, reply);
}

#[test]
fn asks_through_the_mapped_cluster_with_the_token() {
    let mut vm = denying();
    let token = sample::good_token();
    let request = vm.get(&token);
    assert!(vm.is_paused(request));
    let sent = vm.callout(URL);
    assert_eq!((sent.cluster.as_str(), sent.method.as_str(), sent.timeout_ms), ("issuer", "GET", 2_000));
    assert_eq!(sent.headers["authorization"], format!("Bearer {token}"));
    assert_eq!(sent.headers["accept"], "application/json");
    assert_eq!(sent.owner, request, "the callout belongs to the stream");
    vm.answer(&sent, about_ada());
    assert_eq!(login(&vm, request), "ada@example.org");
    assert_eq!(vm.counter("cambist.userinfo"), 1);
    assert_eq!(vm.counter("cambist.userinfo_failed"), 0);
}

#[test]
fn a_repeated_token_is_asked_about_once() {
    let mut vm = denying();
    let first = vm.get(&sample::good_token());
    answer(&mut vm, about_ada());
    let second = vm.get(&sample::good_token());
    assert_eq!(vm.upstream(first, "authorization"), vm.upstream(second, "authorization"));
    assert_eq!(vm.asked(URL), 1);
}

#[test]
fn requests_with_one_token_share_a_question() {
    let mut vm = denying();
    let requests: Vec<u32> = (0..5).map(|_| vm.get(&sample::good_token())).collect();
    assert_eq!(vm.asked(URL), 1);
    answer(&mut vm, about_ada());
    assert!(vm.is_forwarded(requests[0]) && vm.is_paused(requests[1]));
    vm.tick();
    for request in requests {
        assert_eq!(login(&vm, request), "ada@example.org");
    }
    assert_eq!(vm.asked(URL), 1);
}

#[test]
fn requests_with_different_tokens_ask_each_for_itself() {
    let mut vm = denying();
    let mut claims = sample::claims();
    claims["jti"] = "other".into();
    let (first, second) = (vm.get(&sample::good_token()), vm.get(&sample::token(1, &claims)));
    let sent = vm.callouts(URL);
    assert_eq!(sent.len(), 2);
    vm.answer(&sent[1], about_ada());
    assert!(vm.is_paused(first) && vm.is_forwarded(second));
    vm.answer(&sent[0], Reply::status(401));
    assert_eq!(vm.status(first), 401);
}

#[test]
fn whatever_is_no_answer_is_refused_or_ignored() {
    let too_large = "x".repeat(cambist_core::userinfo::MAX_BODY_BYTES + 1);
    let other = json!({ "sub": "eve" });
    for (name, reply, status, reason) in [
        ("reset", Reply::reset(), 503, "no answer"),
        ("timeout", Reply::status(504), 503, "status 504"),
        ("error", Reply::status(500), 503, "status 500"),
        ("refused", Reply::status(403), 401, "refused the token with status 403"),
        ("no type", Reply::status(200).body("{}"), 503, "not application/json"),
        ("signed", about_ada().content_type("application/jwt"), 503, "not application/json"),
        ("no JSON", about_ada().body("<html>"), 503, "no strict JSON"),
        ("no body", about_ada().body(""), 503, "no strict JSON"),
        ("too large", about_ada().body(too_large), 503, "more than 65536 bytes"),
        ("another subject", Reply::json(&other), 401, "another subject"),
    ] {
        let mut vm = denying();
        let request = vm.get(&sample::good_token());
        answer(&mut vm, reply.clone());
        assert_eq!(vm.status(request), status, "{name}");
        assert!(vm.logged("issuer main: no UserInfo: ") && vm.logged(reason), "{name}");
        assert_eq!(vm.counter("cambist.userinfo_failed"), 1, "{name}");
        let next = vm.get(&sample::good_token());
        assert_eq!(vm.status(next), status, "{name}: remembered");
        assert_eq!(vm.asked(URL), 1, "{name}");

        let mut vm = ignoring();
        let request = vm.get(&sample::good_token());
        answer(&mut vm, reply);
        assert_eq!(login(&vm, request), Value::Null, "{name}");
        assert!(vm.logged(reason), "{name}");
    }
}

#[test]
fn a_dispatch_that_fails_at_once_is_a_failure_at_once() {
    let mut vm = denying();
    vm.stage(|stage| stage.broken_clusters.insert("issuer".into()));
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503);
    assert!(vm.logged("check the cluster"));
    let mut vm = ignoring();
    vm.stage(|stage| stage.broken_clusters.insert("issuer".into()));
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn an_endpoint_that_no_cluster_reaches_is_named_in_the_log() {
    let mut vm = Vm::new();
    let mut config = sample::inline_config(&vm.gateway, &document("on_error", &json!("deny")));
    config["clusters"] = json!({});
    vm.configure(&config);
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.status(request), 503);
    assert!(vm.logged("issuer main: no Envoy cluster reaches issuer.example:443"));
}

#[test]
fn a_request_gives_up_in_time_and_a_late_answer_is_nobodys() {
    let mut vm = denying();
    let (first, second) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    vm.pass(1_950);
    assert!(vm.is_paused(first) && vm.is_paused(second));
    vm.pass(100);
    assert_eq!((vm.status(first), vm.status(second)), (503, 503));
    answer(&mut vm, about_ada());
    let next = vm.get(&sample::good_token());
    assert_eq!(vm.status(next), 503, "remembered for a few seconds");
    vm.pass(3_000);
    let later = vm.get(&sample::good_token());
    answer(&mut vm, about_ada());
    assert!(vm.is_forwarded(later));
    assert_eq!(vm.asked(URL), 2);
}

#[test]
fn the_time_to_answer_is_the_issuers() {
    let mut vm = Vm::inline(&document("timeout_ms", &json!(100)));
    let request = vm.get(&sample::good_token());
    assert_eq!(vm.callout(URL).timeout_ms, 100);
    vm.pass(150);
    assert_eq!(vm.status(request), 503);
}

#[test]
fn a_client_that_leaves_takes_its_callout_along_and_the_next_one_asks_again() {
    let mut vm = denying();
    let (gone, stays) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    let lost = vm.callout(URL);
    vm.end(gone);
    vm.tick();
    assert_eq!(vm.asked(URL), 2);
    vm.answer(&lost, about_ada());
    assert!(vm.is_paused(stays));
    answer(&mut vm, about_ada());
    assert_eq!(login(&vm, stays), "ada@example.org");
}

#[test]
fn a_stream_that_cannot_be_selected_is_left_alone() {
    let mut vm = denying();
    let (first, second) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    let sent = vm.callout(URL);
    vm.vanish(first);
    vm.answer(&sent, about_ada());
    vm.tick();
    answer(&mut vm, about_ada());
    assert!(vm.is_forwarded(second));
}

#[test]
fn a_request_that_waited_for_keys_asks_from_the_root_context() {
    let mut document = document("on_error", &json!("deny"));
    document["issuers"][0]["keys"] = sample::jwks_uri();
    let mut vm = Vm::inline(&document);
    let request = vm.get(&sample::good_token());
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_paused(request));
    let sent = vm.callout(URL);
    assert_eq!(sent.owner, sent.root);
    vm.answer(&sent, about_ada());
    assert_eq!(login(&vm, request), "ada@example.org");
}

#[test]
fn a_request_of_another_root_context_asks_from_the_one_that_goes_on_with_it() {
    let mut document = document("on_error", &json!("deny"));
    document["issuers"][0]["keys"] = sample::jwks_uri();
    let mut vm = Vm::new();
    let config = sample::inline_config(&vm.gateway, &document);
    let old = vm.configure(&config);
    let request = vm.request_to(old, &sample::get("/", &[("authorization", bearer().as_bytes())]));
    let new = vm.configure(&config);
    vm.tick_root(new);
    let fetch = vm.callout(KEYS_URL);
    vm.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    let sent = vm.callout(URL);
    assert_eq!((sent.owner, sent.root), (new, new));
    vm.answer(&sent, about_ada());
    assert_eq!(login(&vm, request), "ada@example.org");
}

fn bearer() -> String {
    format!("Bearer {}", sample::good_token())
}

#[test]
fn a_question_whose_root_context_goes_is_given_up() {
    let mut document = document("on_error", &json!("deny"));
    document["issuers"][0]["keys"] = sample::jwks_uri();
    let mut vm = Vm::new();
    let config = sample::inline_config(&vm.gateway, &document);
    let asking = vm.configure(&config);
    let staying = vm.configure(&config);
    let request = vm.request_to(staying, &sample::get("/", &[("authorization", bearer().as_bytes())]));
    vm.tick_root(asking);
    let fetch = vm.callout(KEYS_URL);
    vm.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    assert_eq!(vm.callout(URL).root, asking);
    vm.delete_root(asking);
    vm.pass(2_050);
    assert_eq!(vm.status(request), 503);
}

#[test]
fn questions_to_one_issuer_are_bounded() {
    let mut vm = denying();
    let most = cambist_filter::waiters::MAX_PER_CALL;
    let tokens: Vec<String> = (0..=most)
        .map(|number| {
            let mut claims = sample::claims();
            claims["jti"] = number.to_string().into();
            sample::token(1, &claims)
        })
        .collect();
    let requests: Vec<u32> = tokens.iter().map(|token| vm.get(token)).collect();
    let (last, waiting) = requests.split_last().unwrap();
    assert!(waiting.iter().all(|request| vm.is_paused(*request)));
    assert_eq!((vm.status(*last), vm.asked(URL)), (503, most));
    assert_eq!(vm.counter("cambist.decision.overloaded"), 1);
}

#[test]
fn an_observed_request_goes_on_at_once_without_a_question() {
    let mut document = document("on_error", &json!("deny"));
    document["routes"][0]["mode"] = "observe".into();
    let mut vm = Vm::inline(&document);
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
    assert_eq!(vm.asked(URL), 0);
}
