//! Tokens in other places than `authorization`: what the shell picks, and what is left of them.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample::{self, get},
    stage::{Reply, State},
    vm::Vm,
};

/// A document whose route reads tokens from these places.
fn reading(sources: &Value) -> Value {
    let mut document = sample::document();
    document["routes"][0]["token_sources"] = sources.clone();
    document
}

fn everywhere() -> Value {
    json!([
        "authorization",
        { "header": { "name": "identity-exchange-token" } },
        { "query": "access_token" },
        { "cookie": "session" },
    ])
}

/// All headers, as an access log would show them.
fn shown(vm: &Vm, request: u32) -> String {
    vm.stage(|stage| {
        let headers = stage.streams[&request].headers.iter();
        let lines = headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        lines.collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn a_token_of_each_place_is_swapped_and_goes_no_further() {
    let token = sample::good_token();
    let (query, cookie) =
        (format!("/a?b=1&access_token={token}&c=%2f"), format!("a=1; session={token}; b=2"));
    let mut vm = Vm::inline(&reading(&everywhere()));
    for (path, name, value) in [
        ("/a", "identity-exchange-token", token.as_str()),
        ("/a", "Identity-Exchange-Token", token.as_str()),
        (query.as_str(), "x-other", "1"),
        ("/a", "cookie", cookie.as_str()),
    ] {
        let request = vm.request(&get(path, &[(name, value.as_bytes())]));
        let authorization = vm.upstream(request, "authorization");
        assert_eq!(authorization.len(), 1, "{name}");
        assert_eq!(sample::access_claims(&authorization[0])["workload"]["sub"], sample::SUBJECT);
        assert!(!shown(&vm, request).contains(&token), "{name}");
        let expected = if path == "/a" { "/a" } else { "/a?b=1&c=%2f" };
        assert_eq!(vm.upstream(request, ":path"), [expected]);
        let cookies = if name == "cookie" { vec!["a=1; b=2"] } else { vec![] };
        assert_eq!(vm.upstream(request, "cookie"), cookies);
    }
    assert_eq!(vm.counter("cambist.host_verify"), 1);
}

#[test]
fn only_what_a_route_lists_is_looked_at_and_taken_away() {
    let token = sample::good_token();
    let mut document = reading(&everywhere());
    let mut plain = sample::route("plain", "/plain");
    plain["mode"] = "optional".into();
    document["routes"].as_array_mut().unwrap().push(plain);
    let mut vm = Vm::inline(&document);
    let path = format!("/plain?access_token={token}");
    let cookie = format!("session={token}");
    let more: [(&str, &[u8]); 2] =
        [("identity-exchange-token", token.as_bytes()), ("cookie", cookie.as_bytes())];
    let request = vm.request(&get(&path, &more));
    assert_eq!(vm.upstream(request, ":path"), [path]);
    assert_eq!(vm.upstream(request, "cookie"), [cookie]);
    assert_eq!(vm.upstream(request, "identity-exchange-token"), [token]);
    assert_eq!(vm.upstream(request, "authorization"), Vec::<String>::new());
}

#[test]
fn two_tokens_are_refused_wherever_they_stand() {
    let token = sample::good_token();
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    let twice = format!("session={token}; session={token}");
    let (path, path_twice) =
        (format!("/?access_token={token}"), format!("/?access_token={token}&access_token={token}"));
    let header: (&str, &[u8]) = ("identity-exchange-token", token.as_bytes());
    let authorization: (&str, &[u8]) = ("authorization", bearer.as_bytes());
    let cookie: (&str, &[u8]) = ("cookie", cookie.as_bytes());
    let mut vm = Vm::inline(&reading(&everywhere()));
    for (path, more) in [
        ("/", vec![authorization, header]),
        ("/", vec![header, header]),
        ("/", vec![header, cookie]),
        ("/", vec![cookie, cookie]),
        ("/", vec![("cookie", twice.as_bytes())]),
        (path.as_str(), vec![authorization]),
        (path.as_str(), vec![cookie]),
        (path_twice.as_str(), vec![]),
    ] {
        let request = vm.request(&get(path, &more));
        assert_eq!(vm.status(request), 400, "{path} {more:?}");
        assert!(shown(&vm, request).lines().any(|line| line == ":path: /"), "{path}");
    }
    assert_eq!(vm.counter("cambist.decision.multiple_tokens"), 8);
}

#[test]
fn a_refused_token_stands_in_no_path() {
    let mut vm = Vm::inline(&reading(&everywhere()));
    let request = vm.request(&get("/a?access_token=x.y.z&b", &[]));
    assert_eq!(vm.status(request), 401);
    assert!(shown(&vm, request).lines().any(|line| line == ":path: /a?b"), "{}", shown(&vm, request));
}

#[test]
fn a_request_that_came_before_the_policy_is_read_as_the_policy_says() {
    let token = sample::good_token();
    let mut vm = cold();
    let request = vm.request(&get("/", &[("identity-exchange-token", token.as_bytes())]));
    assert!(vm.is_paused(request));
    let snapshot = snapshot(&vm, 1, &reading(&everywhere()));
    vm.serve(SNAPSHOT, snapshot);
    vm.serve(CHANGES, Reply::json(&full(1)));
    vm.tick();
    assert_eq!(vm.state(request), State::Forwarded);
    assert_eq!(vm.upstream(request, "authorization").len(), 1);
    assert_eq!(vm.upstream(request, "identity-exchange-token"), Vec::<String>::new());
}
