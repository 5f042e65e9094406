//! Calls for access tokens that somebody else makes: what goes out, who is served by the answer, and what else may happen.

use serde_json::{Value, json};

use super::{
    control_plane::{CHANGES, SNAPSHOT, cold, full, snapshot},
    sample::{self, KEYS_URL},
    stage::{Reply, START_MS},
    vm::Vm,
};

const STS: &str = "https://issuer.example/token";
const MINT: &str = "/gateway/v1/mint";
const OBTAINED: &str = "obtained.from-others";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ControlPlane,
    External,
}

const WAYS: [Way; 2] = [Way::ControlPlane, Way::External];

fn external() -> Value {
    let mut document = sample::document();
    document["signing_keys"] = json!([]);
    unlimited(&mut document);
    document["external_endpoints"] = json!([{
        "id": "partner", "uri": STS, "grant": "jwt-bearer", "timeout_ms": 800,
        "login": { "method": "client_secret_basic", "client_id": "edge", "secret": { "env": sample::KEY_VARIABLE } },
    }]);
    document["routes"][0]["exchange"] = "external".into();
    document["routes"][0]["external"] = "partner".into();
    document
}

/// No rate is in the way.
fn unlimited(document: &mut Value) {
    document["bindings"][0]["rate"] = json!({ "per_minute": 1_000_000, "burst": 1_000_000 });
}

impl Way {
    fn vm(self) -> Vm {
        match self {
            Self::External => {
                let mut vm = Vm::new();
                set_secret(&vm, "s3cret");
                let config = sample::inline_config(&vm.gateway, &external());
                vm.configure(&config);
                vm
            }
            Self::ControlPlane => {
                let mut document = sample::document();
                document["routes"][0]["exchange"] = "control-plane".into();
                unlimited(&mut document);
                let mut vm = cold();
                let snapshot = snapshot(&vm, 10, &document);
                vm.serve(SNAPSHOT, snapshot);
                vm.serve(CHANGES, Reply::json(&full(10)));
                vm.tick();
                vm
            }
        }
    }

    fn url(self) -> &'static str {
        match self {
            Self::ControlPlane => MINT,
            Self::External => STS,
        }
    }

    fn timeout_ms(self) -> u32 {
        match self {
            Self::ControlPlane => 5_000,
            Self::External => 800,
        }
    }

    fn good(self) -> Reply {
        Reply::json(&match self {
            Self::ControlPlane => {
                json!({ "access_token": OBTAINED, "jti": "j", "exp": START_MS / 1_000 + 600 })
            }
            Self::External => {
                json!({ "access_token": OBTAINED, "token_type": "Bearer", "expires_in": 600 })
            }
        })
    }

    fn counter(self) -> &'static str {
        match self {
            Self::ControlPlane => "cambist.decision.minted_remote",
            Self::External => "cambist.decision.minted_external",
        }
    }
}

fn set_secret(vm: &Vm, secret: &str) {
    vm.stage(|stage| stage.env.insert(sample::KEY_VARIABLE.into(), secret.into()));
}

fn is_served(vm: &Vm, request: u32) -> bool {
    vm.upstream(request, "authorization") == [format!("Bearer {OBTAINED}")]
}

fn other_token(name: &str) -> String {
    let mut claims = sample::claims();
    claims["jti"] = name.into();
    sample::token(1, &claims)
}

#[test]
fn asks_the_control_plane_under_the_gateway_token() {
    let mut vm = Way::ControlPlane.vm();
    let token = sample::good_token();
    let request = vm.get(&token);
    assert!(vm.is_paused(request));
    vm.tick();
    let sent = vm.callout(MINT);
    assert_eq!((&*sent.cluster, &*sent.method), ("control_plane", "POST"));
    assert_eq!(sent.url, "http://control-plane.example/gateway/v1/mint");
    assert_eq!(sent.headers["authorization"], format!("Bearer {}", sample::GATEWAY_TOKEN));
    assert_eq!(sent.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, json!({ "route": { "route": "all", "subject_token": token } }));
    assert_eq!(sent.owner, sent.root, "the call is the root context's");
    vm.answer(&sent, Way::ControlPlane.good());
    assert!(is_served(&vm, request));
    // The control plane wrote it down: there is nothing to report.
    vm.pass(1_000);
    for sent in vm.callouts("/gateway/v1/events") {
        let batch: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(batch["events"], json!([]));
    }
}

#[test]
fn asks_an_external_endpoint_through_the_mapped_cluster() {
    let mut vm = Way::External.vm();
    let request = vm.get(&sample::good_token());
    vm.tick();
    let sent = vm.callout(STS);
    assert_eq!((&*sent.cluster, &*sent.method, sent.timeout_ms), ("issuer", "POST", 800));
    assert_eq!(sent.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(sent.headers["accept"], "application/json");
    assert!(sent.headers["authorization"].starts_with("Basic "));
    assert!(String::from_utf8(sent.body.clone()).unwrap().contains(&sample::good_token()));
    vm.answer(&sent, Way::External.good());
    assert!(is_served(&vm, request));
    assert_eq!(vm.counter("cambist.external"), 1);
}

#[test]
fn all_who_wait_share_one_call_and_those_after_them_the_cache() {
    for way in WAYS {
        let mut vm = way.vm();
        let first = vm.get(&sample::good_token());
        vm.tick();
        let late: Vec<u32> = (0..4).map(|_| vm.get(&sample::good_token())).collect();
        vm.tick();
        let sent = vm.callout(way.url());
        vm.answer(&sent, way.good());
        assert!(late.iter().chain([&first]).all(|request| is_served(&vm, *request)), "{way:?}");
        let next = vm.get(&sample::good_token());
        assert!(is_served(&vm, next));
        assert_eq!(vm.asked(way.url()), 1);
        assert_eq!((vm.counter(way.counter()), vm.counter("cambist.decision.minted_cached")), (1, 5));
    }
}

#[test]
fn different_tokens_are_asked_for_apart() {
    for way in WAYS {
        let mut vm = way.vm();
        let (first, second) = (vm.get(&sample::good_token()), vm.get(&other_token("b")));
        vm.tick();
        let sent = vm.callouts(way.url());
        assert_eq!(sent.len(), 2);
        let refusal = match way {
            Way::ControlPlane => {
                Reply::status(401).content_type("application/json").body(r#"{"reason":"identity_revoked"}"#)
            }
            Way::External => {
                Reply::status(400).content_type("application/json").body(r#"{"error":"invalid_grant"}"#)
            }
        };
        vm.answer(&sent[1], refusal);
        vm.answer(&sent[0], way.good());
        let statuses: Vec<u16> = [first, second]
            .iter()
            .filter(|request| !vm.is_forwarded(**request))
            .map(|request| vm.status(*request))
            .collect();
        assert_eq!(statuses, [401], "{way:?}");
    }
}

#[test]
fn a_client_that_leaves_takes_no_call_along_and_its_answer_fills_the_cache() {
    for way in WAYS {
        let mut vm = way.vm();
        let gone = vm.get(&sample::good_token());
        vm.tick();
        vm.end(gone);
        let sent = vm.callout(way.url());
        vm.answer(&sent, way.good());
        let next = vm.get(&sample::good_token());
        assert!(is_served(&vm, next), "{way:?}");
        assert_eq!((vm.asked(way.url()), vm.counter(way.counter())), (1, 1));
    }
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_not_made() {
    for way in WAYS {
        let mut vm = way.vm();
        let gone = vm.get(&sample::good_token());
        vm.end(gone);
        vm.tick();
        assert_eq!(vm.asked(way.url()), 0, "{way:?}");
    }
}

#[test]
fn whatever_is_no_answer_is_unavailable_and_said_once() {
    let large = "x".repeat(70_000);
    for way in WAYS {
        for (reply, told) in [
            (Reply::reset(), "no answer"),
            (Reply::status(504), "status 504"),
            (Reply::status(302), "status 302"),
            (way.good().content_type("text/html"), "not application/json"),
            (way.good().body("{}"), "no strict JSON"),
            (way.good().body(large.clone()), "more than 65536 bytes"),
        ] {
            let mut vm = way.vm();
            let request = vm.get(&sample::good_token());
            vm.serve(way.url(), reply);
            assert_eq!((vm.status(request), vm.reply(request).headers["retry-after"].as_str()), (503, "1"));
            assert!(vm.logged(": no access token: ") && vm.logged(told), "{way:?}: {told}");
            assert_eq!(vm.counter("cambist.exchange_failed"), 1);
            // Not again at once, but soon.
            let at_once = vm.get(&sample::good_token());
            assert_eq!((vm.status(at_once), vm.asked(way.url())), (503, 1));
            vm.pass(1_000);
            let later = vm.get(&sample::good_token());
            vm.serve(way.url(), way.good());
            assert!(is_served(&vm, later), "{way:?}: {told}");
        }
    }
}

#[test]
fn every_request_has_its_own_deadline() {
    for way in WAYS {
        let mut vm = way.vm();
        let first = vm.get(&sample::good_token());
        vm.tick();
        let timeout = i64::from(way.timeout_ms());
        vm.pass(timeout - 100);
        let second = vm.get(&sample::good_token());
        vm.pass(150);
        assert!(vm.is_paused(first), "{way:?}: the callout has its time and a little more");
        vm.pass(100);
        assert_eq!(vm.status(first), 503);
        assert!(vm.is_paused(second));
        let sent = vm.callout(way.url());
        assert_eq!(sent.timeout_ms, way.timeout_ms());
        vm.answer(&sent, way.good());
        assert!(is_served(&vm, second));
    }
}

#[test]
fn a_call_that_fails_at_once_is_made_again_a_few_times() {
    for way in WAYS {
        let mut vm = way.vm();
        let breaks = |vm: &Vm| {
            vm.stage(|stage| stage.broken_clusters.extend(["issuer".into(), "control_plane".into()]));
        };
        breaks(&vm);
        let request = vm.get(&sample::good_token());
        vm.pass(200);
        assert!(vm.is_paused(request), "{way:?}");
        vm.stage(|stage| stage.broken_clusters.clear());
        vm.serve(way.url(), way.good());
        assert!(is_served(&vm, request), "{way:?}");
        breaks(&vm);
        let request = vm.get(&other_token("b"));
        vm.pass(350);
        assert_eq!(vm.status(request), 503, "{way:?}");
    }
}

#[test]
fn an_endpoint_that_no_cluster_reaches_is_named() {
    let mut vm = Vm::new();
    set_secret(&vm, "s3cret");
    let mut document = external();
    document["external_endpoints"][0]["uri"] = "https://elsewhere.example/token".into();
    let config = sample::inline_config(&vm.gateway, &document);
    vm.configure(&config);
    let request = vm.get(&sample::good_token());
    vm.tick();
    assert_eq!(vm.status(request), 503);
    assert!(vm.logged("external endpoint partner: no Envoy cluster reaches elsewhere.example:443"));
}

#[test]
fn a_call_whose_root_context_goes_is_made_again_by_another() {
    let mut vm = Vm::new();
    set_secret(&vm, "s3cret");
    let config = sample::inline_config(&vm.gateway, &external());
    let old = vm.configure(&config);
    let new = vm.configure(&config);
    let token = format!("Bearer {}", sample::good_token());
    let request = vm.request_to(new, &sample::get("/", &[("authorization", token.as_bytes())]));
    vm.tick_root(old);
    assert_eq!(vm.callout(STS).root, old);
    vm.delete_root(old);
    vm.tick_root(new);
    let sent = vm.callout(STS);
    assert_eq!((sent.root, vm.asked(STS)), (new, 2));
    vm.answer(&sent, Way::External.good());
    assert!(is_served(&vm, request));
}

#[test]
fn calls_to_one_party_are_bounded_also_when_their_clients_leave() {
    let mut vm = Way::External.vm();
    let most = cambist_filter::waiters::MAX_PER_CALL;
    for number in 0..most {
        let request = vm.get(&other_token(&number.to_string()));
        vm.tick();
        vm.end(request);
    }
    assert_eq!(vm.asked(STS), most);
    let next = vm.get(&sample::good_token());
    assert_eq!(vm.status(next), 503);
    assert_eq!(vm.counter("cambist.decision.overloaded"), 1);
    // One that is out anyway can be waited for, and an answer makes room.
    let joins = vm.get(&other_token("0"));
    assert!(vm.is_paused(joins));
    let sent = vm.callouts(STS).remove(0);
    vm.answer(&sent, Way::External.good());
    let next = vm.get(&sample::good_token());
    assert!(vm.is_paused(next));
}

#[test]
fn a_request_that_waited_for_keys_goes_on_to_ask() {
    let mut vm = Vm::new();
    set_secret(&vm, "s3cret");
    let mut document = external();
    document["issuers"][0]["keys"] = sample::jwks_uri();
    let config = sample::inline_config(&vm.gateway, &document);
    vm.configure(&config);
    let request = vm.get(&sample::good_token());
    vm.serve(KEYS_URL, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_paused(request));
    vm.serve(STS, Way::External.good());
    assert!(is_served(&vm, request));
}

#[test]
fn a_request_that_asked_userinfo_asks_it_once_and_goes_on_to_ask() {
    let mut vm = Vm::new();
    set_secret(&vm, "s3cret");
    let mut document = external();
    document["issuers"][0]["userinfo"] = json!({ "uri": "https://issuer.example/userinfo" });
    let config = sample::inline_config(&vm.gateway, &document);
    vm.configure(&config);
    let request = vm.get(&sample::good_token());
    let question = vm.callout("/userinfo");
    vm.answer(&question, Reply::json(&json!({ "sub": sample::SUBJECT })));
    vm.serve(STS, Way::External.good());
    assert!(is_served(&vm, request));
    assert_eq!(vm.asked("/userinfo"), 1);
}

#[test]
fn a_rotated_secret_drops_what_the_old_one_brought() {
    let mut vm = Way::External.vm();
    let first = vm.get(&sample::good_token());
    vm.serve(STS, Way::External.good());
    assert!(is_served(&vm, first));
    set_secret(&vm, "rotated");
    let config = sample::inline_config(&vm.gateway, &external());
    vm.configure(&config);
    let second = vm.get(&sample::good_token());
    assert!(vm.is_paused(second));
    vm.tick();
    let sent = vm.callout(STS);
    let pair = sent.headers["authorization"].strip_prefix("Basic ").unwrap();
    assert_eq!(data_encoding::BASE64.decode(pair.as_bytes()).unwrap(), b"edge:rotated");
    vm.answer(&sent, Way::External.good());
}

#[test]
fn no_secret_and_no_token_is_logged() {
    let mut vm = Way::External.vm();
    let request = vm.get(&sample::good_token());
    vm.serve(STS, Reply::status(400).content_type("application/json").body(r#"{"error":"s3cret"}"#));
    assert_eq!(vm.status(request), 503);
    assert!(!vm.logged("s3cret") && !vm.logged(&sample::good_token()));
    let mut vm = Vm::new();
    let mut document = external();
    document["external_endpoints"][0]["login"]["secret"] = "s3cret".into();
    let config = sample::inline_config(&vm.gateway, &document);
    let refused = vm.try_configure(config.to_string().as_bytes()).unwrap_err();
    assert!(!refused.contains("s3cret"), "{refused}");
}
