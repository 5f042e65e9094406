//! What those behind the gateway are told, and that nobody else can tell it.

use std::collections::BTreeMap;

use cambist_core::wire::snapshot::Document;
use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample::{self, get},
    stage::{Reply, State},
    vm::Vm,
};

/// Spellings of `x-auth-user` that servers may take for it.
const SPELLINGS: [&str; 12] = [
    "x-auth-user",
    "X-Auth-User",
    "X-AUTH-USER",
    "x_auth_user",
    "X_Auth_User",
    "X_AUTH_USER",
    "x-auth_user",
    "x_auth-user",
    "x.auth.user",
    "X.Auth-User",
    "x_auth.user",
    "x~auth~user",
];

/// A document whose first route tells things, with routes of every mode beside it.
fn telling() -> Value {
    let mut document = sample::document();
    document["routes"][0]["claims_out"] = json!([
        { "attribute": "jwt.claim.sub", "header": "x-auth-user", "filter_state": "user" },
        { "attribute": "jwt.claim.groups", "header": "x-auth-groups" },
        { "attribute": "identity.id", "filter_state": "identity.id" },
    ]);
    for mode in ["optional", "observe"] {
        let mut route = sample::route(mode, &format!("/{mode}"));
        route["mode"] = mode.into();
        route["cors_preflight"] = true.into();
        document["routes"].as_array_mut().unwrap().push(route);
    }
    document
}

fn token_of(groups: &Value) -> String {
    let mut claims = sample::claims();
    claims["groups"] = groups.clone();
    sample::token(1, &claims)
}

fn filter_state(vm: &Vm, request: u32) -> BTreeMap<String, String> {
    let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
    vm.stage(|stage| {
        let state = stage.streams[&request].filter_state.iter();
        state.map(|(name, value)| (name.clone(), text(value))).collect()
    })
}

/// Names of the request's headers that could be read as one that is told.
fn told_names(vm: &Vm, request: u32) -> Vec<String> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    vm.stage(|stage| {
        let names = stage.streams[&request].headers.iter().map(|(name, _)| name.clone());
        names.filter(|name| plain(name).starts_with("x-auth-")).collect()
    })
}

#[test]
fn claims_go_into_headers_and_filter_state() {
    let mut vm = Vm::inline(&telling());
    let token = token_of(&json!(["a", "b"]));
    for _ in 0..2 {
        let request = vm.get(&token);
        assert_eq!(vm.upstream(request, "x-auth-user"), [sample::SUBJECT]);
        assert_eq!(vm.upstream(request, "x-auth-groups"), [r#"["a","b"]"#]);
        let state = filter_state(&vm, request);
        assert_eq!(state["user"], sample::SUBJECT);
        assert!(state["identity.id"].starts_with("idn_"));
    }
    assert_eq!(vm.counter("cambist.decision.minted_cached"), 1);
}

#[test]
fn a_request_that_waited_for_keys_is_told_too() {
    let mut document = telling();
    document["issuers"][0]["keys"] = sample::jwks_uri();
    let mut vm = Vm::inline(&document);
    let request = vm.get(&token_of(&json!("a")));
    vm.serve("/keys", Reply::json(&sample::jwks(&[1])));
    assert_eq!(vm.upstream(request, "x-auth-groups"), ["a"]);
    assert_eq!(filter_state(&vm, request)["user"], sample::SUBJECT);
}

#[test]
fn nobody_sends_what_only_we_tell_in_twelve_spellings() {
    let token = sample::good_token();
    let bearer = format!("Bearer {token}");
    let good: (&str, &[u8]) = ("authorization", bearer.as_bytes());
    let preflight: [(&str, &[u8]); 2] =
        [("origin", b"https://a.example"), ("access-control-request-method", b"PUT")];
    for name in SPELLINGS {
        let forged: [(&str, &[u8]); 2] = [(name, b"admin"), (name, b"root")];
        let mut vm = Vm::inline(&telling());
        for (path, more, expected) in [
            ("/", vec![good], vec!["x-auth-user"]),
            ("/optional", vec![], vec![]),
            ("/optional", vec![good], vec![]),
            ("/observe", vec![good], vec![]),
            ("/optional/preflight", preflight.to_vec(), vec![]),
        ] {
            let mut headers = get(path, &more);
            if path.ends_with("preflight") {
                headers[2].1 = b"OPTIONS";
            }
            headers.extend_from_slice(&forged);
            let request = vm.request(&headers);
            assert!(vm.is_forwarded(request), "{path}");
            assert_eq!(told_names(&vm, request), expected, "{name} on {path}");
            assert!(!vm.upstream(request, "x-auth-user").contains(&"admin".into()), "{name} on {path}");
        }
        for path in ["/", "/nowhere/./at-all", "/ready"] {
            let request = vm.request(&get(path, &forged));
            assert!(matches!(vm.state(request), State::Answered(_)), "{path}");
            assert_eq!(told_names(&vm, request), Vec::<String>::new(), "{name} on {path}");
        }
    }
}

#[test]
fn a_header_that_is_told_is_kept_out_also_from_requests_that_came_before_the_policy() {
    let mut vm = cold();
    let headers = get("/observe", &[("X_Auth_User", b"admin"), ("x-other", b"1")]);
    let request = vm.request(&headers);
    assert!(vm.is_paused(request));
    let policy = snapshot(&vm, 1, &telling());
    vm.serve(SNAPSHOT, policy);
    vm.serve(CHANGES, Reply::json(&full(1)));
    vm.tick();
    assert!(vm.is_forwarded(request));
    assert_eq!(told_names(&vm, request), Vec::<String>::new());
    assert_eq!(vm.upstream(request, "x-other"), ["1"]);
}

#[test]
fn a_name_that_cannot_be_removed_refuses_the_request() {
    let pairs: [(&[u8], &[u8]); 4] = [
        (b":authority", b"a.example"),
        (b":path", b"/observe"),
        (b":method", b"GET"),
        (b"x\xffauth-user", b"a"),
    ];
    let map = cambist_filter::host::HeaderMap::from_pairs(pairs);
    let mut vm = Vm::inline(&telling());
    vm.stage(|stage| stage.raw_headers = Some(map));
    let request = vm.request(&[]);
    assert_eq!(vm.status(request), 400);
}

#[test]
fn a_policy_without_claims_out_removes_only_our_own() {
    let mut vm = Vm::inline(&sample::document());
    let token = format!("Bearer {}", sample::good_token());
    let more: [(&str, &[u8]); 2] = [("authorization", token.as_bytes()), ("x-auth-user", b"theirs")];
    let request = vm.request(&get("/", &more));
    assert_eq!(vm.upstream(request, "x-auth-user"), ["theirs"]);
    assert_eq!(filter_state(&vm, request), BTreeMap::new());
}

#[test]
fn filter_state_that_envoy_does_not_take_refuses_the_request() {
    let mut vm = Vm::inline(&telling());
    vm.stage(|stage| stage.taken_filter_state.insert("user".into()));
    for _ in 0..2 {
        let request = vm.get(&sample::good_token());
        assert_eq!(vm.status(request), 500);
    }
    assert_eq!(vm.counter("cambist.untold"), 2);
}

#[test]
fn a_claim_of_many_lines_stays_one_header() {
    let mut vm = Vm::inline(&telling());
    let request = vm.get(&token_of(&json!("a\r\nx-auth-user: admin")));
    assert_eq!(vm.upstream(request, "x-auth-groups"), ["a%0D%0Ax-auth-user: admin"]);
    let request = vm.get(&token_of(&json!("a".repeat(4_097))));
    assert_eq!(vm.status(request), 400);
}

/// The examples of the documentation are routes that compile.
#[test]
fn every_example_of_the_claims_page_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/claims.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> =
        text.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let mut document = sample::document();
        document["routes"] = json!([serde_json::from_str::<Value>(block).unwrap()]);
        serde_json::from_value::<Document>(document.clone()).unwrap();
        let _vm = Vm::inline(&document);
    }
}
