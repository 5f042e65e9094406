//! Who may act for a subject.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec};

use serde_json::{Value, json};

use super::endpoint::{JWT, exchange, gateway, wire};
use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, ISS, NOW, SUBJECT, Token},
    flow::Counted,
    wire::{changes::Revoked, snapshot::ActorRule},
};

const ACTOR: &str = "helper";

/// A gateway whose subject may be acted for, and a second client whose workload is the actor.
fn acting(rule: ActorRule) -> Gateway {
    let mut wire = wire();
    wire.bindings[0].actor = rule;
    wire.add_neighbour(ACTOR);
    gateway(wire)
}

fn actor() -> Token {
    Token::valid().with("sub", ACTOR)
}

fn body(subject: &Token, actor: Option<&str>) -> String {
    let more = actor.map(|actor| format!("&actor_token={actor}&actor_token_type={JWT}"));
    exchange(&subject.sign(), &more.unwrap_or_default())
}

/// Why it is refused, or that it is not.
fn outcome(gateway: &mut Gateway, subject: &Token, actor: Option<&str>) -> Option<Denial> {
    let (response, report) = gateway.post(&Ask::form(), &body(subject, actor));
    let Counted::Denied(denial) = report.counted else { return None };
    assert_eq!((response.status, &*response.body), (400, "{\"error\":\"invalid_request\"}\n"));
    Some(denial)
}

#[test]
fn the_binding_says_whether_somebody_may_act() {
    let subject = Token::valid();
    let actor = actor().sign();
    for (rule, alone, with_actor) in [
        (ActorRule::Refuse, None, Some(Denial::ActorNotAllowed)),
        (ActorRule::Allow, None, None),
        (ActorRule::Require, Some(Denial::ActorNotAllowed), None),
    ] {
        assert_eq!(outcome(&mut acting(rule), &subject, None), alone, "{rule:?}");
        assert_eq!(outcome(&mut acting(rule), &subject, Some(&actor)), with_actor, "{rule:?}");
    }
}

#[test]
fn who_acts_is_recorded() {
    let mut gateway = acting(ActorRule::Allow);
    let (_, report) = gateway.post(&Ask::form(), &body(&Token::valid(), Some(&actor().sign())));
    let event = report.event();
    let acting = event.actor.as_ref().expect("an actor");
    assert_eq!((&*acting.subject, &*acting.client_id), (ACTOR, "cl_helper"));
    assert_eq!(event.identity.as_ref().unwrap().subject, SUBJECT);
}

#[test]
fn an_actor_is_verified_as_a_subject_is() {
    let mut gateway = acting(ActorRule::Allow);
    for (token, denial) in [
        (String::from("x"), Denial::JwtMalformed),
        (actor().forged(), Denial::BadSignature),
        (actor().with("exp", NOW).sign(), Denial::TokenExpired),
        (actor().with("sub", "nobody").sign(), Denial::IdentityNotFound),
        (actor().with("iss", "https://other.example").sign(), Denial::IssuerNotAllowed),
        (actor().with("iss", "https://authority.example").sign_with(2), Denial::IssuerNotAllowed),
    ] {
        assert_eq!(outcome(&mut gateway, &Token::valid(), Some(&token)), Some(denial));
    }
    let actor = actor().sign();
    assert_eq!(outcome(&mut gateway, &Token::valid(), Some(&actor)), None);
    gateway.revoke(Revoked { clients: vec!["cl_helper".into()], ..Revoked::default() });
    assert_eq!(outcome(&mut gateway, &Token::valid(), Some(&actor)), Some(Denial::IdentityRevoked));
}

#[test]
fn a_subject_says_who_may_act_for_it() {
    let mut gateway = acting(ActorRule::Allow);
    let actor = actor().sign();
    let no = Some(Denial::ActorNotAllowed);
    for (may_act, denial) in [
        (json!({"sub": ACTOR}), None),
        (json!({"sub": ACTOR, "iss": ISS}), None),
        (json!({"sub": ACTOR, "iss": "https://other.example"}), no),
        (json!({"sub": "other"}), no),
        (json!({"iss": ISS}), no),
        (json!({"sub": ACTOR, "iss": null}), no),
        (json!({"sub": [ACTOR]}), no),
        (json!(ACTOR), no),
        (Value::Null, no),
    ] {
        let subject = Token::valid().with("may_act", may_act.clone());
        assert_eq!(outcome(&mut gateway, &subject, Some(&actor)), denial, "{may_act}");
    }
}

#[test]
fn no_more_than_four_act_one_for_the_other() {
    let mut gateway = acting(ActorRule::Allow);
    let chain = |length: u32| {
        (0..length).fold(None, |inner: Option<Value>, _| {
            let mut act = json!({"sub": "x"});
            if let Some(inner) = inner {
                act["act"] = inner;
            }
            Some(act)
        })
    };
    for (of_actor, of_subject, granted) in
        [(3, 0, true), (4, 0, false), (0, 3, true), (0, 4, false), (2, 1, true), (2, 2, false)]
    {
        let with = |token: Token, length: u32| match chain(length) {
            Some(act) => token.with("act", act),
            None => token,
        };
        let outcome =
            outcome(&mut gateway, &with(Token::valid(), of_subject), Some(&with(actor(), of_actor).sign()));
        assert_eq!(outcome.is_none(), granted, "{of_actor} {of_subject}: {outcome:?}");
    }
}

#[test]
fn what_is_minted_ends_with_the_first_of_both_tokens() {
    let mut gateway = acting(ActorRule::Allow);
    let (response, _) =
        gateway.post(&Ask::form(), &body(&Token::valid(), Some(&actor().with("exp", NOW + 100).sign())));
    assert!(response.body.contains("\"expires_in\":100"), "{}", response.body);
}
