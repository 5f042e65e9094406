//! What the upstream gets in place of a good subject token.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec, vec::Vec};

use serde_json::{Value, json};

use crate::{
    fixture::{Ask, FLEET_KEY, Gateway, ISS, NOW, SUBJECT, Signer, TARGET, Token, Wire},
    flow::{Counted, Credential},
    identity::identity_id,
    jose::key_set::KeySet,
    wire::snapshot::{Exchange, KeySource, SigningKey},
};

const IDENTITY: &str = "idn_hbuk7xktlysbc72uzh4bipdysmhrxzimpvfdnro6tqunpbquznfa";

fn opened(token: &str) -> (Value, Value) {
    Signer::numbered(FLEET_KEY).open(token).expect("signed by the fleet key")
}

#[test]
fn exchanges_a_good_token_for_one_of_ours() {
    let (token, report) = Gateway::valid().exchange(&Token::valid().sign());
    let (header, claims) = opened(&token);
    assert_eq!(header, json!({"alg": "ES256", "typ": "at+jwt", "kid": "fleet-1"}));
    assert_eq!(
        claims,
        json!({
            "iss": "https://authority.example",
            "sub": IDENTITY,
            "aud": TARGET,
            "client_id": "cl_shop",
            "scope": "orders.read",
            "jti": "AQEBAQEBAQEBAQEBAQEBAQ",
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 900,
            "workload": {"iss": ISS, "issuer": "shop-cluster", "sub": SUBJECT, "cluster": "shop-eu"},
        })
    );
    assert_eq!(report.counted, Counted::Minted);
}

#[test]
fn names_the_identity_by_its_tuple() {
    assert_eq!(identity_id("default", "cl_shop", "shop-cluster", "cl_shop", SUBJECT), IDENTITY);
}

#[test]
fn the_published_half_of_the_fleet_key_verifies_what_it_signs() {
    let mut gateway = Gateway::valid();
    let (token, _) = gateway.exchange(&Token::valid().sign());
    let policy = gateway.state.policy().unwrap();
    let published = policy.minting_key(gateway.now, crate::jose::alg::Alg::Es256).unwrap().key.public_jwk();
    let keys = KeySet::from_value(&json!({"keys": [published]})).unwrap();
    let ours = Wire::changed(|wire| {
        wire.issuers[0].iss = "https://authority.example".into();
        wire.issuers[0].keys = KeySource::Inline { jwks: json!({"keys": [published]}) };
        wire.bindings[0].audiences = vec![TARGET.into()];
        wire.bindings[0].subjects = vec![IDENTITY.into()];
        wire.routes[0].exchange = Exchange::None;
    });
    assert_eq!(keys.keys().len(), 1);
    assert_eq!(Gateway::new(ours).forward(&Ask::bearing(&token)).credential, Credential::Remove);
}

#[test]
fn replaces_the_credential_and_nothing_else() {
    let edits = Gateway::valid().forward(&Ask::bearing(&Token::valid().sign()));
    assert!(matches!(edits.credential, Credential::Replace(value) if value.starts_with("Bearer eyJ")));
    assert!(edits.removed.is_empty() && edits.rewritten.is_empty());
}

#[test]
fn leaves_out_what_there_is_not() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        wire.routes[0].scopes.clear();
        wire.issuers[0].cluster = None;
    }));
    let (token, _) = gateway.exchange(&Token::valid().sign());
    let (_, claims) = opened(&token);
    assert_eq!(claims.get("scope"), None);
    assert_eq!(claims["workload"], json!({"iss": ISS, "issuer": "shop-cluster", "sub": SUBJECT}));
}

#[test]
fn grants_the_scopes_of_the_route_in_its_order() {
    let mut gateway =
        Gateway::new(Wire::changed(|wire| wire.routes[0].scopes.insert(0, "orders.write".into())));
    let (token, _) = gateway.exchange(&Token::valid().sign());
    assert_eq!(opened(&token).1["scope"], "orders.write orders.read");
}

#[test]
fn names_the_target_that_the_route_asks_for() {
    let other = "https://billing.internal";
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        wire.bindings[0].targets.push(other.into());
        wire.routes[0].target = Some(other.into());
    }));
    let (token, _) = gateway.exchange(&Token::valid().sign());
    assert_eq!(opened(&token).1["aud"], other);
}

#[test]
fn verifies_only_where_the_route_does_not_exchange() {
    let verify_only = |forward| {
        let wire = Wire::changed(|wire| {
            wire.routes[0].exchange = Exchange::None;
            wire.routes[0].forward = forward;
            wire.signing_keys.clear();
        });
        let edits = Gateway::new(wire).forward(&Ask::bearing(&Token::valid().sign()));
        assert_eq!(edits.report.counted, Counted::Verified);
        assert!(edits.report.event.is_none());
        edits.credential
    };
    assert_eq!(verify_only(false), Credential::Remove);
    assert_eq!(verify_only(true), Credential::Keep);
}

#[test]
fn draws_a_new_jti_for_each_token() {
    let mut gateway = Gateway::valid();
    let jti = |token: &str| opened(token).1["jti"].clone();
    let (first, _) = gateway.exchange(&Token::valid().sign());
    let (second, _) = gateway.exchange(&Token::valid().with("n", 1).sign());
    assert_ne!(jti(&first), jti(&second));
}

#[test]
fn chooses_the_first_audience_in_byte_order_for_the_identity() {
    let mut gateway =
        Gateway::new(Wire::changed(|wire| wire.bindings[0].audiences = vec!["b".into(), "a".into()]));
    let audiences: Vec<Value> = vec!["b".into(), "A".into(), "a".into()];
    let (token, report) = gateway.exchange(&Token::valid().with("aud", audiences).sign());
    assert_eq!(opened(&token).1["sub"], identity_id("default", "cl_shop", "shop-cluster", "a", SUBJECT));
    assert_eq!(report.event().identity.as_ref().unwrap().audience, String::from("a"));
}

#[test]
fn signs_with_the_key_in_its_time_that_lasts_longest() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        let key = wire.signing_keys[0].clone();
        let mut add = |kid: &str, not_before, not_after| {
            wire.signing_keys.push(SigningKey {
                kid: Some(kid.into()),
                not_before,
                not_after,
                ..key.clone()
            });
        };
        add("longer", Some(NOW), NOW + 86_401);
        add("future", Some(NOW + 1), NOW + 90_000);
        add("past", None, NOW);
    }));
    let (token, _) = gateway.exchange(&Token::valid().sign());
    assert_eq!(opened(&token).0["kid"], "longer");
}
