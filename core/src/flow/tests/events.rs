//! What the operator learns: one count per decision, and an event for a mint or a denial.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, string::String, vec};

use crate::{
    denial::Denial,
    digest::Digest,
    fixture::{AUDIENCE, Ask, Gateway, NOW, SUBJECT, TARGET, Token, Wire},
    flow::Counted,
    identity::identity_id,
    wire::{
        changes::Revoked,
        event::{Event, IdentityTuple, Minted, Outcome},
    },
};

fn tuple() -> IdentityTuple {
    IdentityTuple {
        id: identity_id("default", "cl_shop", "shop-cluster", AUDIENCE, SUBJECT),
        client_id: "cl_shop".into(),
        issuer: "shop-cluster".into(),
        audience: AUDIENCE.into(),
        subject: SUBJECT.into(),
    }
}

fn denial_of(denial: Denial) -> Event {
    Event {
        sequence: 0,
        at_ms: 0,
        outcome: Outcome::Denial,
        reason: Some(denial.reason().into()),
        epoch: 7,
        route: Some("api".into()),
        token_sha256: None,
        identity: None,
        minted: None,
        grant: None,
        actor: None,
        fields: BTreeMap::new(),
        audit_fields: BTreeMap::new(),
        shadow: None,
        count: 1,
        strict: false,
    }
}

fn sha256(token: &str) -> String {
    Digest::of(token.as_bytes()).hex()
}

#[test]
fn a_mint_names_who_got_what_and_why() {
    let token = Token::valid().sign();
    let (_, report) = Gateway::valid().exchange(&token);
    let minted = Minted {
        jti: "AQEBAQEBAQEBAQEBAQEBAQ".into(),
        kid: "fleet-1".into(),
        target: TARGET.into(),
        scope: "orders.read".into(),
        exp: NOW + 900,
    };
    let expected = Event {
        outcome: Outcome::Mint,
        reason: None,
        token_sha256: Some(sha256(&token)),
        identity: Some(tuple()),
        minted: Some(minted),
        grant: None,
        actor: None,
        fields: BTreeMap::new(),
        audit_fields: BTreeMap::new(),
        ..denial_of(Denial::Internal)
    };
    assert_eq!(*report.event(), expected);
}

#[test]
fn a_denial_before_a_token_was_read_names_the_route_only() {
    let (_, report) = Gateway::valid().reply(&Ask::bare());
    assert_eq!(*report.event(), denial_of(Denial::TokenMissing));
    assert_eq!(report.counted, Counted::Denied(Denial::TokenMissing));
}

#[test]
fn a_denial_without_a_route_names_none() {
    let (_, report) = Gateway::valid().reply(&Ask::bare().to("//"));
    assert_eq!(*report.event(), Event { route: None, ..denial_of(Denial::RouteUnknown) });
}

#[test]
fn a_denial_of_an_unverified_token_names_no_identity() {
    for (token, denial) in [
        (Token::valid().forged(), Denial::BadSignature),
        (Token::valid().with("exp", NOW).sign(), Denial::TokenExpired),
        (Token::valid().with("sub", "stranger").sign(), Denial::IdentityNotFound),
    ] {
        let (_, report) = Gateway::valid().reply(&Ask::bearing(&token));
        assert_eq!(*report.event(), Event { token_sha256: Some(sha256(&token)), ..denial_of(denial) });
    }
}

#[test]
fn a_denial_of_a_known_identity_names_it() {
    let token = Token::valid().sign();
    let expected =
        |denial| Event { token_sha256: Some(sha256(&token)), identity: Some(tuple()), ..denial_of(denial) };
    let ask = Ask::bearing(&token);
    let mut gateway = Gateway::valid();
    gateway.revoke(Revoked { issuers: vec!["shop-cluster".into()], ..Default::default() });
    assert_eq!(*gateway.reply(&ask).1.event(), expected(Denial::IdentityRevoked));
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].scopes = vec!["admin".into()]));
    assert_eq!(*gateway.reply(&ask).1.event(), expected(Denial::ScopeNotAllowed));
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.bindings[0].targets.clear()));
    assert_eq!(*gateway.reply(&ask).1.event(), expected(Denial::TargetNotAllowed));
}

#[test]
fn a_cached_denial_has_the_same_event() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].scopes = vec!["admin".into()]));
    let ask = Ask::bearing(&Token::valid().sign());
    let (_, first) = gateway.reply(&ask);
    let (_, second) = gateway.reply(&ask);
    assert_eq!(first.event, second.event);
}

#[test]
fn every_outcome_has_its_own_name() {
    let names = [
        Counted::Verified,
        Counted::VerifiedCached,
        Counted::Minted,
        Counted::MintedCached,
        Counted::Unauthenticated,
        Counted::Foreign,
        Counted::Preflight,
        Counted::Observed(None),
    ]
    .map(Counted::name);
    for (index, name) in names.iter().enumerate() {
        assert!(!names[index + 1..].contains(name));
        assert!(Denial::ALL.iter().all(|denial| denial.reason() != *name));
    }
}

#[test]
fn nothing_is_recorded_of_a_mint_that_nobody_asks_for() {
    let mut gateway = Gateway::valid();
    gateway.state.audited = false;
    let (_, report) = gateway.exchange(&Token::valid().sign());
    assert_eq!(report.counted, Counted::Minted);
    assert!(report.event.is_none());
    assert!(gateway.reply(&Ask::bare()).1.event.is_some());
}
