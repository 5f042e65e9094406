//! The authority's endpoints at a gateway: the body is read behind headers that go on, and nothing else does.

use cambist_core::exchange::form::MAX_BODY_BYTES;
use cambist_filter::stream::Next;
use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, full, snapshot},
    sample::{self, get},
    stage::{Reply, State},
    vm::Vm,
};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A VM that answers as the authority; its client may use the grant, the keys of its issuer are there or not.
fn vm(keys: &Value) -> Vm {
    let mut vm = Vm::new();
    let mut document = sample::document_with(keys);
    document["clients"][0]["grant_types"] = json!([BEARER]);
    let mut config = sample::inline_config(&vm.gateway, &document);
    config["endpoints"] = json!({ "hosts": ["*"] });
    vm.configure(&config);
    vm
}

fn inline() -> Value {
    json!({ "source": "inline", "jwks": sample::jwks(&[1]) })
}

fn post(path: &str) -> Vec<(&str, &[u8])> {
    let mut headers = get(path, &[("content-type", b"application/x-www-form-urlencoded")]);
    headers[2] = (":method", b"POST");
    headers
}

fn form() -> String {
    format!("grant_type={BEARER}&assertion={}", sample::good_token())
}

/// Asserts that a request was granted.
#[track_caller]
fn assert_granted(vm: &Vm, stream: u32) {
    let reply = vm.reply(stream);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let members: Value = serde_json::from_str(&reply.body).unwrap();
    let claims = sample::access_claims(&format!("Bearer {}", members["access_token"].as_str().unwrap()));
    assert_eq!(claims["client_id"], "cl_shop");
    assert_eq!(reply.headers["cache-control"], "no-store");
}

#[test]
fn a_body_in_parts_is_answered_at_its_end() {
    let mut vm = vm(&inline());
    let stream = vm.request(&post("/oauth2/v1/token"));
    assert_eq!(vm.state(stream), State::Forwarded, "held on its headers it would never get its body");
    let form = form();
    let (first, rest) = form.as_bytes().split_at(20);
    assert_eq!(vm.body(stream, first, false), Next::Pause);
    assert_eq!(vm.body(stream, b"", false), Next::Pause);
    assert_eq!(vm.body(stream, rest, true), Next::Pause);
    assert_granted(&vm, stream);
    assert_eq!(vm.counter("cambist.decision.minted"), 1);
}

#[test]
fn a_request_without_a_body_is_answered_at_once() {
    let mut vm = vm(&inline());
    vm.stage(|stage| stage.is_bodiless = true);
    let stream = vm.request(&post("/oauth2/v1/token"));
    assert_eq!((vm.status(stream), &*vm.reply(stream).body), (400, "{\"error\":\"invalid_request\"}\n"));
    let stream = vm.request(&get("/.well-known/openid-configuration", &[]));
    assert_eq!(vm.status(stream), 200);
    let stream = vm.request(&get("/oauth2/v1/token", &[]));
    assert_eq!(vm.status(stream), 405);
}

#[test]
fn a_body_that_is_too_long_is_refused_before_its_end() {
    let mut vm = vm(&inline());
    let stream = vm.request(&post("/oauth2/v1/token"));
    assert_eq!(vm.body(stream, &vec![b'x'; MAX_BODY_BYTES], false), Next::Pause);
    assert_eq!(vm.state(stream), State::Paused);
    assert_eq!(vm.body(stream, b"x", false), Next::Pause);
    assert_eq!((vm.status(stream), &*vm.reply(stream).body), (413, "{\"error\":\"invalid_request\"}\n"));
}

#[test]
fn what_comes_after_the_answer_goes_nowhere() {
    let mut vm = vm(&inline());
    let stream = vm.request(&post("/oauth2/v1/token"));
    vm.body(stream, &vec![b'x'; MAX_BODY_BYTES + 1], false);
    assert_eq!(vm.body(stream, b"x", true), Next::Pause);
}

#[test]
fn a_request_waits_for_keys_with_its_body() {
    let mut vm = vm(&sample::jwks_uri());
    let stream = vm.request(&post("/oauth2/v1/token"));
    assert_eq!(vm.body(stream, form().as_bytes(), true), Next::Pause);
    assert!(vm.is_paused(stream));
    vm.serve(sample::KEYS_URL, Reply::json(&sample::jwks(&[1])));
    vm.tick();
    assert_granted(&vm, stream);
}

#[test]
fn keys_that_do_not_come_are_told_in_the_words_of_the_endpoint() {
    let mut vm = vm(&sample::jwks_uri());
    let stream = vm.request(&post("/oauth2/v1/token"));
    vm.body(stream, form().as_bytes(), true);
    vm.pass(6_000);
    let reply = vm.reply(stream);
    assert_eq!((reply.status, &*reply.body), (503, "{\"error\":\"temporarily_unavailable\"}\n"));
    assert_eq!(reply.headers["retry-after"], "1");
}

#[test]
fn a_form_has_no_trailers() {
    let mut vm = vm(&inline());
    let stream = vm.request(&post("/oauth2/v1/token"));
    vm.body(stream, form().as_bytes(), false);
    assert_eq!(vm.trailers_of(stream), Next::Pause);
    assert_eq!(vm.status(stream), 400);
}

#[test]
fn other_bodies_are_not_looked_at() {
    let mut vm = vm(&inline());
    let token = format!("Bearer {}", sample::good_token());
    let mut headers = post("/orders");
    headers.push(("authorization", token.as_bytes()));
    let stream = vm.request(&headers);
    assert!(vm.is_forwarded(stream));
    assert_eq!(vm.body(stream, b"anything", false), Next::Continue);
    assert_eq!(vm.body(stream, b"", true), Next::Continue);
}

#[test]
fn two_content_types_are_none() {
    let mut vm = vm(&inline());
    let mut headers = post("/oauth2/v1/token");
    headers.push(("content-type", b"application/x-www-form-urlencoded"));
    let stream = vm.request(&headers);
    assert_eq!(vm.status(stream), 400);
}

#[test]
fn without_endpoints_in_the_configuration_the_paths_are_routes() {
    let mut vm = Vm::inline(&sample::document());
    for path in ["/oauth2/v1/token", "/oauth2/v1/keys", "/.well-known/openid-configuration"] {
        let stream = vm.request(&get(path, &[]));
        assert_eq!(vm.status(stream), 401, "{path}");
    }
}

#[test]
fn hosts_are_checked() {
    let mut vm = Vm::new();
    let mut config = sample::inline_config(&vm.gateway, &sample::document());
    config["endpoints"] = json!({ "hosts": ["auth.example", "Auth.example"] });
    let reason = vm.try_configure(config.to_string().as_bytes()).unwrap_err();
    assert!(reason.contains("endpoints/hosts") && reason.contains("Auth.example"), "{reason}");
}

/// A gateway that has not heard from its control plane yet.
fn cold() -> Vm {
    let mut vm = Vm::new();
    let mut config = sample::control_plane_config(&vm.gateway);
    config["endpoints"] = json!({ "hosts": ["*"] });
    vm.configure(&config);
    vm
}

#[test]
fn a_body_that_comes_before_the_first_snapshot_waits_for_it() {
    let mut vm = cold();
    let stream = vm.request(&post("/oauth2/v1/token"));
    vm.body(stream, form().as_bytes(), true);
    assert!(vm.is_paused(stream));
    let mut document = sample::document();
    document["clients"][0]["grant_types"] = json!([BEARER]);
    let first = snapshot(&vm, 10, &document);
    vm.serve(SNAPSHOT, first);
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    assert_granted(&vm, stream);
}

#[test]
fn a_path_that_only_the_snapshot_says_is_an_endpoint_asks_to_come_back() {
    let mut vm = cold();
    let stream = vm.request(&post("/tenants/a/oauth2/v1/token"));
    assert!(vm.is_paused(stream), "nobody knows yet what it is");
    let first = snapshot(&vm, 10, &sample::document());
    let body = String::from_utf8(first.body).unwrap();
    let below = body.replace("https://authority.example", "https://authority.example/tenants/a");
    vm.serve(SNAPSHOT, Reply::status(200).body(below));
    vm.serve(CHANGES, Reply::json(&full(10)));
    vm.tick();
    let reply = vm.reply(stream);
    assert_eq!((reply.status, &*reply.body), (503, "{\"error\":\"temporarily_unavailable\"}\n"));
    let stream = vm.request(&post("/tenants/a/oauth2/v1/token"));
    vm.body(stream, b"", true);
    assert_eq!(vm.status(stream), 400);
}
