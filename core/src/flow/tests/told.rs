//! What those behind the gateway are told of a token, and when nothing is.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, sync::Arc, vec::Vec};

use serde_json::{Value, json};

use super::userinfo::{about, asking, good, ignoring, rules, serve};
use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, SUBJECT, Token, Wire},
    flow::{Counted, Edits, Remote},
    wire::snapshot::{Exchange, ForeignToken, Mode, PathMatch, Route},
};

/// A route that tells the subject in `x-user`, the team in filter state.
fn telling() -> Wire {
    Wire::changed(|wire| {
        tell(
            &mut wire.routes[0],
            &json!([
                { "attribute": "jwt.claim.sub", "header": "x-user" },
                { "attribute": "jwt.claim.team", "filter_state": "team" },
            ]),
        );
    })
}

fn tell(route: &mut Route, claims_out: &Value) {
    route.claims_out = serde_json::from_value(claims_out.clone()).unwrap();
}

fn bearing(team: &str) -> Ask {
    Ask::bearing(&Token::valid().with("team", team).sign())
}

/// Names and values, headers first.
fn told(edits: &Edits) -> Vec<(&str, &str)> {
    let values = edits.told.iter().flat_map(|values| values.headers.iter().chain(&values.filter_state));
    values.map(|(name, value)| (&**name, &**value)).collect()
}

#[test]
fn a_verified_token_is_told_whether_it_is_exchanged_or_not() {
    for exchange in [Exchange::Gateway, Exchange::None] {
        for mode in [Mode::Require, Mode::Optional] {
            let mut wire = telling();
            wire.routes[0].exchange = exchange;
            wire.routes[0].mode = mode;
            let edits = Gateway::new(wire).forward(&bearing("shop"));
            assert_eq!(told(&edits), [("x-user", SUBJECT), ("team", "shop")]);
        }
    }
}

#[test]
fn a_claim_that_is_missing_or_null_is_not_told() {
    for token in [Token::valid(), Token::valid().with("team", Value::Null)] {
        let edits = Gateway::new(telling()).forward(&Ask::bearing(&token.sign()));
        assert_eq!(told(&edits), [("x-user", SUBJECT)]);
    }
}

#[test]
fn what_we_know_of_the_request_is_told_too() {
    let mut wire = telling();
    tell(
        &mut wire.routes[0],
        &json!([
            { "attribute": "identity.id", "header": "x-cambist-identity" },
            { "attribute": "client.id", "header": "x-client" },
            { "attribute": "issuer.id", "header": "x-issuer" },
            { "attribute": "issuer.cluster", "header": "x-cluster", "filter_state": "cluster" },
            { "attribute": "userinfo.email", "header": "x-email" },
        ]),
    );
    let edits = Gateway::new(wire).forward(&bearing("shop"));
    let told = told(&edits);
    assert!(told[0].1.starts_with("idn_"));
    assert_eq!(
        told[1..],
        [
            ("x-client", "cl_shop"),
            ("x-issuer", "shop-cluster"),
            ("x-cluster", "shop-eu"),
            ("cluster", "shop-eu"),
        ]
    );
}

#[test]
fn nothing_is_told_without_a_verified_token() {
    let mut optional = telling();
    optional.routes[0].mode = Mode::Optional;
    optional.routes[0].foreign_token = ForeignToken::Pass;
    optional.routes[0].cors_preflight = true;
    let preflight =
        Ask { method: b"OPTIONS".to_vec(), has_origin: true, has_request_method: true, ..bearing("shop") };
    for (ask, counted) in [
        (Ask::bare(), Counted::Unauthenticated),
        (Ask::bearing("opaque"), Counted::Foreign),
        (preflight, Counted::Preflight),
    ] {
        let edits = Gateway::new(optional.clone()).forward(&ask);
        assert_eq!(edits.report.counted, counted);
        assert!(edits.told.is_none(), "{counted:?}");
    }
    let mut observe = telling();
    observe.routes[0].mode = Mode::Observe;
    let edits = Gateway::new(observe).forward(&bearing("shop"));
    assert_eq!(edits.report.counted, Counted::Observed(None));
    assert!(edits.told.is_none());
}

#[test]
fn a_claim_that_is_too_long_to_be_told_is_refused_before_anything_is_minted() {
    let mut gateway = Gateway::new(telling());
    let long = bearing(&"a".repeat(4_097));
    for _ in 0..2 {
        assert_eq!(gateway.denial(&long), Denial::TokenTooLarge);
    }
    assert_eq!(gateway.crypto.counts(), (1, 0));
    let mut observe = telling();
    observe.routes[0].mode = Mode::Observe;
    let edits = Gateway::new(observe).forward(&long);
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::TokenTooLarge)));
}

/// The list itself, to see whether it was made again.
fn list(gateway: &mut Gateway, ask: &Ask) -> Arc<crate::claims_out::Values> {
    gateway.forward(ask).told.unwrap()
}

#[test]
fn a_hit_is_told_the_same_list_without_making_it_again() {
    let mut gateway = Gateway::new(telling());
    let first = list(&mut gateway, &bearing("shop"));
    assert!(Arc::ptr_eq(&first, &list(&mut gateway, &bearing("shop"))));
    assert!(!Arc::ptr_eq(&first, &list(&mut gateway, &bearing("other"))));
    gateway.adopt(|wire| wire.add_neighbour("neighbour"));
    assert!(Arc::ptr_eq(&first, &list(&mut gateway, &bearing("shop"))), "a neighbour changes nothing");
}

#[test]
fn a_changed_configuration_makes_the_list_anew() {
    let mut gateway = Gateway::new(telling());
    let ask = bearing("shop");
    let first = list(&mut gateway, &ask);
    gateway.adopt(|wire| {
        tell(&mut wire.routes[0], &json!([{ "attribute": "jwt.claim.team", "header": "x-user" }]));
    });
    assert_eq!(told(&gateway.forward(&ask)), [("x-user", "shop")]);
    gateway
        .adopt(|wire| tell(&mut wire.routes[0], &json!([{ "attribute": "client.id", "header": "x-user" }])));
    assert_eq!(told(&gateway.forward(&ask)), [("x-user", "cl_shop")]);
    gateway.adopt(|wire| {
        wire.add_neighbour("other");
        wire.bindings[0].client_id = "cl_other".into();
    });
    assert_eq!(told(&gateway.forward(&ask)), [("x-user", "cl_other")]);
    gateway.adopt(|wire| wire.routes[0].claims_out.clear());
    assert!(gateway.forward(&ask).told.is_none());
    gateway.adopt(|wire| *wire = telling());
    assert_eq!(*list(&mut gateway, &ask), *first);
    assert_eq!(gateway.crypto.counts().0, 1, "nothing of this is a reason to verify again");
}

#[test]
fn a_changed_issuer_is_told_at_once() {
    let mut gateway = Gateway::new(telling());
    gateway.adopt(|wire| {
        tell(&mut wire.routes[0], &json!([{ "attribute": "issuer.cluster", "header": "x-cluster" }]));
    });
    let ask = bearing("shop");
    assert_eq!(told(&gateway.forward(&ask)), [("x-cluster", "shop-eu")]);
    gateway.adopt(|wire| wire.issuers[0].cluster = Some("shop-us".into()));
    assert_eq!(told(&gateway.forward(&ask)), [("x-cluster", "shop-us")]);
}

#[test]
fn what_userinfo_says_is_told_and_told_anew_when_it_was_asked_again() {
    let outputs = json!([
        { "attribute": "userinfo.email", "header": "x-email" },
        { "attribute": "identity.login", "filter_state": "login" },
    ]);
    let mut gateway = asking(|wire| tell(&mut wire.routes[0], &outputs));
    let edits = serve(&mut gateway, about("ada@example.org")).into_edits();
    assert_eq!(told(&edits), [("x-email", "ada@example.org"), ("login", "ada@example.org")]);
    assert_eq!(told(&gateway.forward(&good())), told(&edits));
    gateway.pass_secs(i64::from(rules().cache_seconds));
    let edits = serve(&mut gateway, about("ada@example.net")).into_edits();
    assert_eq!(told(&edits), [("x-email", "ada@example.net"), ("login", "ada@example.net")]);
    let mut gateway = ignoring();
    gateway.adopt(|wire| tell(&mut wire.routes[0], &outputs));
    assert_eq!(told(&serve(&mut gateway, Remote::default()).into_edits()), []);
}

#[test]
fn each_route_tells_its_own() {
    let mut wire = telling();
    let mut silent = wire.routes[0].clone();
    silent.id = "silent".into();
    silent.path = PathMatch::Exact("/silent".into());
    silent.claims_out.clear();
    wire.routes.push(silent);
    let mut gateway = Gateway::new(wire);
    assert_eq!(told(&gateway.forward(&bearing("shop"))).len(), 2);
    assert!(gateway.forward(&bearing("shop").to("/silent")).told.is_none());
    // But what one route tells, no client may send on any.
    assert!(gateway.state.is_identity_header(b"X_User"));
    assert!(!gateway.state.is_identity_header(b"team"));
}

#[test]
fn what_is_told_is_weighed() {
    let mut gateway = Gateway::new(telling());
    let ask = bearing(&"a".repeat(1_000));
    gateway.adopt(|wire| wire.routes[0].claims_out.clear());
    let _ = gateway.forward(&ask);
    let before = gateway.state.verified.bytes();
    gateway.adopt(|wire| *wire = telling());
    let _ = gateway.forward(&ask);
    assert!(gateway.state.verified.bytes() > before + 1_000);
    let after = gateway.state.verified.bytes();
    let _ = gateway.forward(&ask);
    assert_eq!(gateway.state.verified.bytes(), after);
}

#[test]
fn neither_values_nor_state_show_a_claim() {
    let mut gateway = Gateway::new(telling());
    let edits = gateway.forward(&bearing("classified"));
    let shown: String = alloc::format!("{:?} {:?} {:?}", edits.told, edits.report, gateway.state);
    assert!(!shown.contains("classified"), "{shown}");
    let verified = alloc::format!("{:?}", gateway.state.verified.get(b"none"));
    assert_eq!(verified, "None");
}
