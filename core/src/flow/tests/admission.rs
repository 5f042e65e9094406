//! Enrolment: who is not let in by itself is asked about, and what is said stands for a while.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::boxed::Box;

use serde_json::json;

use super::ways::json_answer;
use crate::{
    denial::Denial,
    exchange::Venue,
    fixture::{AUDIENCE, Ask, Gateway, SUBJECT, Token, Wire},
    flow::{Answer, Call, Counted, Flow, Remote, Step},
    identity::identity_id,
    wire::{
        admission::AdmissionRequest,
        changes::Revoked,
        snapshot::{Enrolment, Exchange, Mode},
    },
};

fn asking(wire: &mut Wire) {
    wire.bindings[0].enrolment = Enrolment::Approve;
}

fn gateway() -> Gateway {
    Gateway::new(Wire::changed(asking))
}

fn ask() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

fn says(verdict: &str) -> Remote {
    json_answer(200, &json!({ "verdict": verdict }))
}

/// The request that asks to be let in, and with what.
fn asks(step: Step) -> (Flow, Box<AdmissionRequest>) {
    let Step::Call { flow, call: Call::AdmitIdentity(request) } = step else { panic!("does not ask") };
    (flow, request)
}

fn told(gateway: &mut Gateway, verdict: &str) -> Step {
    let (flow, request) = asks(gateway.start(&ask()));
    gateway.resume(&flow, &Answer::Remote(Call::AdmitIdentity(request), says(verdict)))
}

#[test]
fn names_who_asks_and_under_which_binding() {
    for enrolment in [Enrolment::Approve, Enrolment::Preregistered] {
        let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].enrolment = enrolment));
        let (_, request) = asks(gateway.start(&ask()));
        let AdmissionRequest { binding, identity, fields } = *request;
        assert_eq!((binding, &*identity.subject), (gateway.wire.bindings[0].id.clone(), SUBJECT));
        assert_eq!(identity.id, identity_id("default", "cl_shop", "shop-cluster", AUDIENCE, SUBJECT));
        assert!(fields.is_empty());
    }
    assert!(matches!(Gateway::valid().start(&ask()), Step::Forward(_)));
}

#[test]
fn who_is_let_in_is_asked_about_again_after_a_minute() {
    let mut gateway = gateway();
    assert_eq!(told(&mut gateway, "admitted").into_edits().report.counted, Counted::Minted);
    gateway.pass_millis(59_999);
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::MintedCached);
    gateway.pass_millis(1);
    asks(gateway.start(&ask()));
}

#[test]
fn who_is_not_let_in_is_refused_and_asked_about_again_after_five_seconds() {
    for (verdict, denial) in [
        ("unknown", Denial::IdentityNotFound),
        ("pending", Denial::IdentityPending),
        ("revoked", Denial::IdentityRevoked),
    ] {
        let mut gateway = gateway();
        let (response, report) = told(&mut gateway, verdict).into_reply();
        assert_eq!((response.status, report.counted), (401, Counted::Denied(denial)));
        assert_eq!(report.event().identity.as_ref().unwrap().subject, SUBJECT);
        gateway.pass_millis(4_999);
        assert_eq!(gateway.denial(&ask()), denial);
        gateway.pass_millis(1);
        told(&mut gateway, "admitted").into_edits();
    }
}

#[test]
fn nothing_but_a_verdict_lets_anybody_in() {
    for remote in [
        Remote::default(),
        says("maybe"),
        says("Admitted"),
        json_answer(503, &json!({ "verdict": "admitted" })),
        json_answer(200, &json!({ "verdict": true })),
        json_answer(200, &json!(["admitted"])),
        json_answer(200, &json!({})),
    ] {
        let mut gateway = gateway();
        let (flow, request) = asks(gateway.start(&ask()));
        let answer = Answer::Remote(Call::AdmitIdentity(request), remote);
        assert_eq!(gateway.resume(&flow, &answer).into_denial(), Denial::UpstreamStsUnavailable);
        asks(gateway.start(&ask()));
    }
    let mut gateway = gateway();
    let (flow, request) = asks(gateway.start(&ask()));
    let late = Answer::TimedOut(Call::AdmitIdentity(request));
    assert_eq!(gateway.resume(&flow, &late).into_denial(), Denial::UpstreamStsUnavailable);
}

#[test]
fn an_answer_about_another_identity_or_binding_is_none() {
    let mut gateway = gateway();
    let (flow, request) = asks(gateway.start(&ask()));
    let mut other = request.clone();
    other.identity.id = "idn_other".into();
    let another = AdmissionRequest { binding: "other".into(), ..*request };
    for request in [other, Box::new(another)] {
        let answer = Answer::Remote(Call::AdmitIdentity(request), says("admitted"));
        asks(gateway.resume(&flow, &answer));
    }
}

#[test]
fn what_was_said_under_one_binding_says_nothing_under_another() {
    let mut gateway = gateway();
    told(&mut gateway, "admitted").into_edits();
    gateway.adopt(|wire| wire.bindings[0].ttl += 1);
    asks(gateway.start(&ask()));
}

#[test]
fn who_is_revoked_is_refused_whatever_was_said() {
    let mut gateway = gateway();
    told(&mut gateway, "admitted").into_edits();
    let identity = identity_id("default", "cl_shop", "shop-cluster", AUDIENCE, SUBJECT);
    gateway.revoke(Revoked { identities: [identity].into(), ..Revoked::default() });
    assert_eq!(gateway.denial(&ask()), Denial::IdentityRevoked);
}

#[test]
fn a_route_that_exchanges_nothing_asks_too_and_one_that_observes_does_not() {
    let with = |change: fn(&mut Wire)| {
        let wire = Wire::changed(|wire| {
            asking(wire);
            change(wire);
        });
        Gateway::new(wire).start(&ask())
    };
    asks(with(|wire| wire.routes[0].exchange = Exchange::None));
    asks(with(|wire| wire.routes[0].exchange = Exchange::ControlPlane));
    assert!(matches!(with(|wire| wire.routes[0].mode = Mode::Observe), Step::Forward(_)));
}

#[test]
fn an_errand_of_a_gateway_was_let_in_there() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        asking(wire);
        wire.routes[0].exchange = Exchange::ControlPlane;
    }));
    gateway.state.venue = Venue::ControlPlane;
    let token = Token::valid().sign();
    assert!(matches!(gateway.errand("api", &token, None), Step::Forward(_)));
}
