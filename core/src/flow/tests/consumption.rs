//! Replay policy: a use is written down before anything comes of it, and what cannot be told is 503.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};

use serde_json::json;

use super::{
    endpoint::{self, JWT, bearer, exchange},
    ways::{OBTAINED, Way, json_answer},
};
use crate::{
    denial::Denial,
    exchange::Venue,
    fixture::{Ask, Gateway, NOW, TARGET, Token, Wire, twin},
    flow::{Answer, Call, Counted, Edits, Remote, Step},
    wire::{
        changes::Revoked,
        consumption::{Consumption, ConsumptionRequest},
        snapshot::{ActorRule, Enforcement, Exchange, Mode, Replay},
    },
};

/// Who writes uses down: the control plane.
#[derive(Default)]
struct Book(BTreeSet<(String, String)>);

impl Book {
    fn told(&mut self, call: &Call) -> Remote {
        let Call::ConsumeReplay { issuer, key, exp } = call else { panic!("asks for {call:?}") };
        assert_eq!((key.len(), *exp), (64, NOW + 3_600));
        first(self.0.insert((issuer.clone(), key.clone())))
    }

    /// Goes on with `step` until something is decided.
    fn settle(&mut self, gateway: &mut Gateway, mut step: Step) -> Step {
        while let Step::Call { flow, call } = step {
            let remote = self.told(&call);
            step = gateway.resume(&flow, &Answer::Remote(call, remote));
        }
        step
    }

    fn serve(&mut self, gateway: &mut Gateway, ask: &Ask) -> Step {
        let step = gateway.start(ask);
        self.settle(gateway, step)
    }

    fn post(&mut self, gateway: &mut Gateway, body: &str) -> Step {
        let step = gateway.post_step(&Ask::form(), body);
        self.settle(gateway, step)
    }
}

fn first(first: bool) -> Remote {
    json_answer(200, &serde_json::to_value(Consumption { first }).unwrap())
}

fn gateway(replay: Replay, change: impl FnOnce(&mut Wire)) -> Gateway {
    Gateway::new(Wire::changed(|wire| {
        wire.issuers[0].replay = replay;
        change(wire);
    }))
}

fn ask() -> Ask {
    Ask::bearing(&Token::valid().with("jti", "one").sign())
}

/// The key that a request of this token consumes.
fn key(gateway: &mut Gateway, ask: &Ask) -> String {
    let (_, call) = gateway.call(ask);
    let Call::ConsumeReplay { key, .. } = call else { panic!("asks for {call:?}") };
    key
}

#[test]
fn a_token_passes_once() {
    for way in [Exchange::None, Exchange::Gateway] {
        let (mut gateway, mut book) =
            (gateway(Replay::Once, |wire| wire.routes[0].exchange = way), Book::default());
        let _ = book.serve(&mut gateway, &ask()).into_edits();
        for _ in 0..2 {
            let (response, report) = book.serve(&mut gateway, &ask()).into_reply();
            assert_eq!((response.status, report.counted), (401, Counted::Denied(Denial::TokenReplayed)));
            assert!(report.event().identity.is_some(), "the record says who");
        }
        let other = Ask::bearing(&Token::valid().with("jti", "two").sign());
        let _ = book.serve(&mut gateway, &other).into_edits();
    }
}

#[test]
fn without_a_policy_nothing_is_asked() {
    let mut gateway = gateway(Replay::Off, |_| ());
    for _ in 0..2 {
        let _ = gateway.forward(&ask());
    }
}

#[test]
fn what_tells_a_token_apart_is_its_name_or_what_it_signs() {
    let mut gateway = gateway(Replay::Once, |_| ());
    let mut key = |token: &Token| key(&mut gateway, &Ask::bearing(&token.sign()));
    let named = Token::valid().with("jti", "one");
    assert_eq!(key(&named), key(&named.clone().with("nonce", 1)), "the same name");
    assert_ne!(key(&named), key(&named.clone().with("jti", "two")));
    let unnamed = Token::valid();
    assert_eq!(key(&unnamed), key(&unnamed));
    assert_ne!(key(&unnamed), key(&unnamed.clone().with("nonce", 1)));
    assert_ne!(
        key(&unnamed.clone().with("jti", "")),
        key(&unnamed.with("jti", "").with("nonce", 1)),
        "no name"
    );
}

#[test]
fn a_second_signature_of_the_same_token_is_the_same_token() {
    let mut gateway = gateway(Replay::Once, |_| ());
    let token = Token::valid().sign();
    let twin = twin(&token);
    assert_ne!(token, twin);
    assert_eq!(key(&mut gateway, &Ask::bearing(&token)), key(&mut gateway, &Ask::bearing(&twin)));
}

#[test]
fn two_issuers_may_use_one_name() {
    let keys = ["shop-cluster", "other"].map(|id| {
        let mut gateway = gateway(Replay::Once, |wire| {
            wire.issuers[0].id = id.into();
            wire.bindings[0].issuer = id.into();
        });
        key(&mut gateway, &ask())
    });
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn once_for_each_target_means_targets_or_routes() {
    let (mut gateway, mut book) = (
        gateway(Replay::OncePerTarget, |wire| {
            wire.bindings[0].targets.push("https://second.example".into());
            let mut second = wire.routes[0].clone();
            second.id = "second".into();
            second.path = crate::wire::snapshot::PathMatch::Prefix("/second".into());
            second.target = Some("https://second.example".into());
            let mut third = second.clone();
            third.id = "third".into();
            third.path = crate::wire::snapshot::PathMatch::Prefix("/third".into());
            third.exchange = Exchange::None;
            wire.routes.extend([second, third]);
        }),
        Book::default(),
    );
    for path in ["/orders", "/second", "/third"] {
        let _ = book.serve(&mut gateway, &ask().to(path)).into_edits();
        let denial = book.serve(&mut gateway, &ask().to(path)).into_denial();
        assert_eq!(denial, Denial::TokenReplayed, "{path}");
    }
}

#[test]
fn what_cannot_be_told_is_503() {
    let wrong = [
        Remote::default(),
        Remote { status: 503, ..first(true) },
        Remote { status: 401, ..first(true) },
        json_answer(200, &json!({})),
        json_answer(200, &json!({ "first": "true" })),
        json_answer(200, &json!([true])),
        Remote { body: b"{\"first\":true,\"first\":true}".to_vec(), ..first(true) },
    ];
    for remote in wrong {
        let mut gateway = gateway(Replay::Once, |_| ());
        let (flow, call) = gateway.call(&ask());
        let body = String::from_utf8_lossy(&remote.body).into_owned();
        let (response, report) = gateway.resume(&flow, &Answer::Remote(call, remote)).into_reply();
        assert_eq!(report.counted, Counted::Denied(Denial::UpstreamStsUnavailable), "{body}");
        assert_eq!((response.status, response.retry_after()), (503, Some(1)));
    }
    let mut gateway = gateway(Replay::Once, |_| ());
    let (flow, call) = gateway.call(&ask());
    let late = gateway.resume(&flow, &Answer::TimedOut(call)).into_denial();
    assert_eq!(late, Denial::UpstreamStsUnavailable);
}

#[test]
fn what_would_not_pass_uses_nothing_up() {
    type Change = fn(&mut Wire);
    let changes: [(Denial, Change); 4] = [
        (Denial::ScopeNotAllowed, |wire| wire.routes[0].scopes = vec!["admin".into()]),
        (Denial::TargetNotAllowed, |wire| wire.routes[0].target = Some("https://other.example".into())),
        (Denial::ConfigStale, |wire| wire.signing_keys.clear()),
        (Denial::IdentityNotFound, |wire| wire.bindings[0].subjects = vec!["other".into()]),
    ];
    for (denial, change) in changes {
        let mut gateway = gateway(Replay::Once, change);
        assert_eq!(gateway.denial(&ask()), denial);
    }
}

#[test]
fn a_change_while_it_is_asked_is_not_missed() {
    let mut gateway = gateway(Replay::Once, |_| ());
    let (flow, call) = gateway.call(&ask());
    gateway.revoke(Revoked { issuers: vec!["shop-cluster".into()], ..Revoked::default() });
    let denial = gateway.resume(&flow, &Answer::Remote(call, first(true))).into_denial();
    assert_eq!(denial, Denial::IdentityRevoked);
}

#[test]
fn an_answer_about_another_use_is_asked_for_again() {
    let mut gateway = gateway(Replay::OncePerTarget, |wire| {
        wire.bindings[0].targets.push("https://second.example".into());
    });
    let (flow, call) = gateway.call(&ask());
    gateway.adopt(|wire| wire.routes[0].target = Some("https://second.example".into()));
    let (_, again) = gateway.resume(&flow, &Answer::Remote(call.clone(), first(true))).into_call();
    assert_ne!(call, again);
}

#[test]
fn a_request_that_goes_on_to_a_mint_is_consumed_once() {
    let mut gateway = Gateway::new(Way::ControlPlane.wire(|wire| wire.issuers[0].replay = Replay::Once));
    let (flow, call) = gateway.call(&ask());
    let (flow, call) = gateway.resume(&flow, &Answer::Remote(call, first(true))).into_call();
    assert!(matches!(call, Call::MintRemotely { .. }), "{call:?}");
    let made = gateway.resume(&flow, &Answer::Remote(call, Way::ControlPlane.good(OBTAINED, 600)));
    assert_eq!(made.into_edits().report.counted, Counted::MintedRemote);
    // What lies in the cache now is another presentation.
    let (flow, call) = gateway.call(&ask());
    let denial = gateway.resume(&flow, &Answer::Remote(call, first(false))).into_denial();
    assert_eq!(denial, Denial::TokenReplayed);
}

#[test]
fn an_observed_request_uses_nothing_up() {
    for way in [Exchange::None, Exchange::Gateway] {
        let mut gateway = gateway(Replay::Once, |wire| {
            wire.routes[0].mode = Mode::Observe;
            wire.routes[0].exchange = way;
        });
        for _ in 0..2 {
            let _ = gateway.forward(&ask());
        }
    }
}

#[test]
fn the_control_plane_leaves_the_errands_of_gateways_to_their_gates() {
    let mut gateway = gateway(Replay::Once, |wire| wire.routes[0].exchange = Exchange::ControlPlane);
    gateway.state.venue = Venue::ControlPlane;
    for _ in 0..2 {
        let _ = gateway.errand("api", &Token::valid().sign(), None).into_edits();
    }
}

#[test]
fn the_token_endpoint_consumes_where_it_mints() {
    let mut wire = endpoint::wire();
    wire.issuers[0].replay = Replay::OncePerTarget;
    wire.bindings[0].targets.push("https://second.example".into());
    for venue in [Venue::Gateway, Venue::ControlPlane] {
        let (mut gateway, mut book) = (endpoint::gateway(wire.clone()), Book::default());
        gateway.state.venue = venue;
        let token = Token::valid().sign();
        for resource in [TARGET, "https://second.example"] {
            let body = bearer(&token, &format!("&resource={resource}"));
            assert_eq!(book.post(&mut gateway, &body).into_reply().0.status, 200);
            let (response, report) = book.post(&mut gateway, &body).into_reply();
            assert_eq!(report.counted, Counted::Denied(Denial::TokenReplayed));
            assert_eq!((response.status, &*response.body), (400, "{\"error\":\"invalid_grant\"}\n"));
        }
    }
    // A gateway without a key has the control plane decide, and write down.
    wire.signing_keys.clear();
    let step = endpoint::gateway(wire).post_step(&Ask::form(), &bearer(&Token::valid().sign(), ""));
    assert!(matches!(step.into_call().1, Call::MintRemotely { .. }));
}

#[test]
fn who_acts_uses_its_token_up_too() {
    let mut wire = endpoint::wire();
    wire.issuers[0].replay = Replay::Once;
    wire.bindings[0].actor = ActorRule::Allow;
    wire.add_neighbour("helper");
    let (mut gateway, mut book) = (endpoint::gateway(wire), Book::default());
    let actor = Token::valid().with("sub", "helper").sign();
    let body = |n: u8| {
        let subject = Token::valid().with("jti", format!("name {n}")).sign();
        exchange(&subject, &format!("&actor_token={actor}&actor_token_type={JWT}"))
    };
    assert_eq!(book.post(&mut gateway, &body(1)).into_reply().0.status, 200);
    assert_eq!(book.0.len(), 2);
    assert_eq!(book.post(&mut gateway, &body(2)).into_denial(), Denial::TokenReplayed);
}

#[test]
fn the_question_is_what_the_wire_type_reads() {
    let (path, body) = gateway(Replay::Once, |_| ()).call(&ask()).1.question().unwrap();
    assert_eq!(path, "/gateway/v1/consume");
    let read: ConsumptionRequest = serde_json::from_slice(&body).unwrap();
    assert_eq!((&*read.issuer, read.key.len(), read.exp), ("shop-cluster", 64, NOW + 3_600));
}

#[test]
fn each_request_asks_for_itself() {
    let mut gateway = gateway(Replay::Once, |_| ());
    let calls: Vec<_> = (0..2).map(|_| gateway.call(&ask()).1).collect();
    assert_eq!(calls[0], calls[1]);
    assert!(!calls[0].serves_others() && !calls[0].is_shared() && calls[0].same_party(&calls[1]));
}

#[test]
fn a_policy_on_trial_writes_uses_down_and_refuses_nothing() {
    let (mut gateway, mut book) = (
        gateway(Replay::Once, |wire| wire.issuers[0].replay_enforcement = Enforcement::Audit),
        Book::default(),
    );
    let told = |edits: Edits| {
        let [shadowed] = edits.report.shadows.as_slice() else { panic!("{:?}", edits.report.shadows) };
        let shadow = shadowed.event.as_ref().and_then(|event| event.shadow.clone());
        (shadowed.denial, shadow.map(|shadow| shadow.rule))
    };
    assert_eq!(told(book.serve(&mut gateway, &ask()).into_edits()), (None, None), "the first use");
    let replayed = Some(Denial::TokenReplayed);
    let rule = Some(String::from("issuer/shop-cluster/replay"));
    assert_eq!(told(book.serve(&mut gateway, &ask()).into_edits()), (replayed, rule));
    assert_eq!(told(book.serve(&mut gateway, &ask()).into_edits()), (replayed, None), "recorded once");
    // Nobody can tell: what would be refused in force passes.
    for answer in [None, Some(Remote { status: 503, ..Remote::default() })] {
        let (flow, call) = gateway.call(&ask());
        let answer = match answer {
            None => Answer::TimedOut(call),
            Some(remote) => Answer::Remote(call, remote),
        };
        let (denial, _) = told(gateway.resume(&flow, &answer).into_edits());
        assert_eq!(denial, Some(Denial::UpstreamStsUnavailable));
    }
    gateway.adopt(|wire| wire.issuers[0].replay_enforcement = Enforcement::Enforce);
    let (response, _) = book.serve(&mut gateway, &ask()).into_reply();
    assert_eq!(response.status, 401, "what was written down counts");
}

#[test]
fn what_a_policy_on_trial_said_is_remembered_while_the_request_waits_for_more() {
    let mut gateway = Way::ControlPlane.gateway();
    gateway.adopt(|wire| {
        wire.issuers[0].replay = Replay::Once;
        wire.issuers[0].replay_enforcement = Enforcement::Audit;
    });
    let (flow, call) = gateway.call(&ask());
    let (flow, call) = gateway.resume(&flow, &Answer::Remote(call, first(false))).into_call();
    let edits =
        gateway.resume(&flow, &Answer::Remote(call, Way::ControlPlane.good(OBTAINED, 300))).into_edits();
    assert_eq!(edits.report.shadows[0].denial, Some(Denial::TokenReplayed));
    assert!(edits.report.shadows[0].event.is_some());
}
