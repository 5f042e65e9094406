//! One request: what is read of it, what becomes of it.

use cambist_filter::host::HeaderMap;
use serde_json::{Value, json};

use super::{
    sample::{self, get},
    stage::{Reply, State},
    vm::Vm,
};

type Headers = Vec<(&'static str, Vec<u8>)>;

/// A document whose one route looks like this.
fn with_route(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = sample::document();
    change(&mut document["routes"][0]);
    document
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn swaps_a_token_that_its_issuer_signed() {
    let mut vm = Vm::inline(&sample::document());
    let request = vm.get(&sample::good_token());
    let authorization = vm.upstream(request, "authorization");
    assert_eq!(authorization.len(), 1);
    let claims = sample::access_claims(&authorization[0]);
    assert_eq!(claims["iss"], sample::AUTHORITY);
    assert_eq!(claims["aud"], sample::TARGET);
    assert_eq!(claims["client_id"], "cl_shop");
    assert_eq!(claims["scope"], "orders");
    assert_eq!(claims["workload"]["sub"], sample::SUBJECT);
    assert!(claims["sub"].as_str().unwrap().starts_with("idn_"));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
}

#[test]
fn serves_the_same_access_token_again_without_a_signature() {
    let mut vm = Vm::inline(&sample::document());
    let first = vm.get(&sample::good_token());
    let again = vm.get(&sample::good_token());
    assert_eq!(vm.upstream(first, "authorization"), vm.upstream(again, "authorization"));
    assert_eq!(vm.counter("cambist.host_verify"), 1);
    assert_eq!(vm.counter("cambist.host_sign"), 1);
    assert_eq!(vm.counter("cambist.decision.minted_cached"), 1);
}

#[test]
fn verify_only_drops_the_credential_unless_told_to_forward_it() {
    let token = sample::good_token();
    for (forward, expected) in [(false, vec![]), (true, vec![bearer(&token)])] {
        let mut vm = Vm::inline(&with_route(|route| {
            route["exchange"] = "none".into();
            route["forward"] = forward.into();
        }));
        let request = vm.get(&token);
        assert_eq!(vm.upstream(request, "authorization"), expected);
    }
}

#[test]
fn refuses_with_the_status_that_the_fault_deserves() {
    let mut wrong_audience = sample::claims();
    wrong_audience["aud"] = "https://elsewhere.example".into();
    let mut expired = sample::claims();
    expired["exp"] = 1_000.into();
    let large = format!("Bearer {}", "a".repeat(16 * 1_024 + 1));
    let good = bearer(&sample::good_token());
    let cases: [(Headers, u16); 7] = [
        (vec![], 401),
        (vec![("authorization", bearer(&sample::token(1, &wrong_audience)).into())], 401),
        (vec![("authorization", bearer(&sample::token(1, &expired)).into())], 401),
        (vec![("authorization", b"Bearer \xff\xfe".to_vec())], 400),
        (vec![("authorization", large.into())], 400),
        (vec![("authorization", good.clone().into()), ("authorization", good.clone().into())], 400),
        (vec![("authorization", good.clone().into()), ("Authorization", good.into())], 400),
    ];
    let mut vm = Vm::inline(&sample::document());
    for (headers, status) in cases {
        let more: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let request = vm.request(&get("/", &more));
        assert_eq!(vm.status(request), status, "{headers:?}");
    }
}

#[test]
fn finds_a_credential_whatever_the_case_of_its_name() {
    let mut vm = Vm::inline(&with_route(|route| route["mode"] = "optional".into()));
    let request = vm.request(&get("/", &[("Authorization", b"Bearer not-a-token")]));
    assert_eq!(vm.status(request), 401);
}

#[test]
fn removes_identity_headers_in_every_spelling_on_every_path() {
    let forged: [(&str, &[u8]); 5] = [
        ("x-cambist-subject", b"admin"),
        ("x-cambist-subject", b"root"),
        ("X-Cambist-Subject", b"admin"),
        ("x_cambist_subject", b"admin"),
        ("x-cambist_scopes", b"all"),
    ];
    for mode in ["optional", "observe"] {
        let mut vm = Vm::inline(&with_route(|route| route["mode"] = mode.into()));
        let mut headers = get("/", &forged);
        headers.push(("x-other", b"stays"));
        let request = vm.request(&headers);
        for (name, _) in forged {
            assert_eq!(vm.upstream(request, name), Vec::<String>::new(), "{mode} {name}");
        }
        assert_eq!(vm.upstream(request, "x-other"), ["stays"]);
    }
}

#[test]
fn removes_identity_and_credential_from_the_trailers() {
    let mut vm = Vm::inline(&sample::document());
    let request = vm.get(&sample::good_token());
    let trailers: [(&str, &[u8]); 5] = [
        ("x-cambist-subject", b"admin"),
        ("X_Cambist_Subject", b"admin"),
        ("Authorization", b"Bearer x"),
        ("authorization", b"Bearer y"),
        ("grpc-checksum", b"1"),
    ];
    assert_eq!(vm.trailers(request, &trailers), ["grpc-checksum"]);
}

#[test]
fn an_observed_request_goes_on_untouched() {
    let mut vm = Vm::inline(&with_route(|route| route["mode"] = "observe".into()));
    let request = vm.request(&get("/", &[("authorization", b"Bearer rubbish")]));
    assert_eq!(vm.upstream(request, "authorization"), ["Bearer rubbish"]);
    assert_eq!(vm.counter("cambist.observed.token_malformed"), 1);
}

#[test]
fn a_request_whose_headers_the_host_keeps_back_is_malformed() {
    let mut vm = Vm::inline(&with_route(|route| route["mode"] = "observe".into()));
    let request = vm.request(&[]);
    assert_eq!(vm.status(request), 400);
}

#[test]
fn a_map_that_ends_early_or_an_identity_header_without_a_name_is_malformed() {
    let mut pairs: Vec<(&[u8], &[u8])> =
        vec![(b":authority", b"shop.example"), (b":path", b"/"), (b":method", b"GET"), (b"x-other", b"1")];
    let whole = HeaderMap::from_pairs(pairs.clone()).into_bytes();
    let cut = HeaderMap::new(whole[..whole.len() - 1].to_vec());
    pairs.push((b"x-cambist-\xff", b"admin"));
    let unnamed = HeaderMap::from_pairs(pairs);
    for (map, status) in [(HeaderMap::new(whole), None), (cut, Some(400)), (unnamed, Some(400))] {
        let mut vm = Vm::inline(&with_route(|route| route["mode"] = "observe".into()));
        vm.stage(|stage| stage.raw_headers = Some(map));
        let request = vm.request(&[]);
        assert_eq!(status, (!vm.is_forwarded(request)).then(|| vm.status(request)));
    }
}

#[test]
fn a_repeated_pseudo_header_is_malformed() {
    let token = bearer(&sample::good_token());
    for (name, value) in [(":path", "/public"), (":authority", "other.example"), (":method", "OPTIONS")] {
        let mut vm = Vm::inline(&with_route(|route| route["mode"] = "optional".into()));
        let more: [(&str, &[u8]); 2] = [(name, value.as_bytes()), ("authorization", token.as_bytes())];
        let request = vm.request(&get("/", &more));
        assert_eq!(vm.status(request), 400, "{name}");
    }
}

#[test]
fn the_readiness_path_answers_whatever_its_query() {
    let mut vm = Vm::inline(&sample::document());
    for (path, method, status) in [
        ("/ready", "GET", 200),
        ("/ready", "HEAD", 200),
        ("/ready?probe=1", "GET", 200),
        ("/ready", "POST", 401),
        ("/ready/more", "GET", 401),
        ("/READY", "GET", 401),
    ] {
        let headers: [(&str, &[u8]); 3] =
            [(":authority", b"shop.example"), (":path", path.as_bytes()), (":method", method.as_bytes())];
        let request = vm.request(&headers);
        assert_eq!(vm.status(request), status, "{method} {path}");
    }
}

#[test]
fn a_root_context_without_a_configuration_refuses() {
    let host = super::host::FakeHost::new();
    let arriving = super::stage::Stream::arriving(9, vec![]);
    host.0.borrow_mut().streams.insert(1, arriving);
    host.enter(1);
    let mut stream = cambist_filter::root::Root::new(9).stream(1);
    assert_eq!(stream.on_request_headers(&host, true), cambist_filter::stream::Next::Pause);
    let state = host.0.borrow().streams[&1].state.clone();
    assert!(matches!(state, State::Answered(answer) if answer.status == 500));
}

#[test]
fn a_request_without_a_route_is_refused_and_a_preflight_is_admitted_where_the_route_says_so() {
    let mut vm = Vm::inline(&with_route(|route| {
        route["path"] = json!({ "prefix": "/shop" });
        route["cors_preflight"] = true.into();
    }));
    let elsewhere = vm.request(&get("/elsewhere", &[]));
    assert_eq!(vm.status(elsewhere), 403);
    let mut preflight =
        get("/shop", &[("origin", b"https://a.example"), ("access-control-request-method", b"PUT")]);
    preflight[2].1 = b"OPTIONS";
    let preflight = vm.request(&preflight);
    assert!(vm.is_forwarded(preflight));
}

#[test]
fn a_refusal_is_logged_with_its_reason_and_at_most_ten_times_a_second() {
    let mut vm = Vm::inline(&sample::document());
    for _ in 0..50 {
        vm.get("a.b.c");
    }
    let refusals = vm
        .stage(|stage| stage.logs.iter().filter(|(_, line)| line.contains("reason=token_malformed")).count());
    assert_eq!(refusals, 10);
    assert_eq!(vm.counter("cambist.decision.token_malformed"), 50);
    assert!(!vm.logged("a.b.c"));
}

#[test]
fn a_reply_says_no_more_than_the_status() {
    let mut vm = Vm::inline(&sample::document_with(&sample::jwks_uri()));
    vm.serve("/keys", Reply::json(&sample::jwks(&[1])));
    let mut bodies = Vec::new();
    let mut stranger = sample::claims();
    stranger["iss"] = "https://stranger.example".into();
    for token in [sample::token(1, &stranger), String::from("a.b.c")] {
        let request = vm.get(&token);
        let answer = vm.reply(request);
        bodies.push((answer.status, answer.headers, answer.body));
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0].1["www-authenticate"], "Bearer error=\"invalid_token\"");
}
