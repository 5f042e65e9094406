//! Issuers that share something: the `iss` text, a `kid`, a subject.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec;

use serde_json::json;

use crate::{
    denial::Denial,
    fixture::{AUDIENCE, Ask, Gateway, ISS, Signer, Token, Wire},
    flow::Report,
    wire::{
        changes::Revoked,
        snapshot::{Issuer, KeySource},
    },
};

const OTHER_KEY: u8 = 5;

/// A second issuer with a key of its own under the same `kid`, its own audience and a client `cl_second`.
fn with_second(iss: &str) -> Wire {
    Wire::changed(|wire| {
        let mut jwk = Signer::numbered(OTHER_KEY).jwk();
        jwk["kid"] = "key-1".into();
        let second = Issuer {
            id: "second".into(),
            iss: iss.into(),
            cluster: Some("shop-us".into()),
            keys: KeySource::Inline { jwks: json!({"keys": [jwk]}) },
            ..wire.issuers[0].clone()
        };
        wire.issuers.push(second);
        wire.add_neighbour("second");
        wire.bindings[1].issuer = "second".into();
        wire.bindings[1].audiences = vec!["second".into()];
        wire.bindings[1].subjects = wire.bindings[0].subjects.clone();
    })
}

fn of_second(iss: &str) -> Token {
    Token::valid().with("iss", iss).with("aud", "second")
}

#[test]
fn the_audience_tells_two_issuers_of_one_text_apart() {
    let mut gateway = Gateway::new(with_second(ISS));
    let (_, first) = gateway.exchange(&Token::valid().sign());
    let (_, second) = gateway.exchange(&of_second(ISS).sign_with(OTHER_KEY));
    assert_eq!(first.event().identity.as_ref().unwrap().issuer, "shop-cluster");
    assert_eq!(second.event().identity.as_ref().unwrap().issuer, "second");
    assert_eq!(
        gateway.denial(&Ask::bearing(&of_second(ISS).with("aud", "third").sign())),
        Denial::AudienceMismatch
    );
}

#[test]
fn a_key_belongs_to_one_issuer() {
    let other = "https://second.example";
    for iss in [ISS, other] {
        let mut gateway = Gateway::new(with_second(iss));
        let crossed = Ask::bearing(&of_second(iss).sign());
        assert_eq!(gateway.denial(&crossed), Denial::BadSignature);
        let crossed = Ask::bearing(&Token::valid().sign_with(OTHER_KEY));
        assert_eq!(gateway.denial(&crossed), Denial::BadSignature);
    }
}

#[test]
fn a_token_that_fits_two_issuers_is_refused() {
    let token = Token::valid().with("aud", json!([AUDIENCE, "second"]));
    for signer in [1, OTHER_KEY] {
        let mut gateway = Gateway::new(with_second(ISS));
        let ask = Ask::bearing(&token.sign_with(signer));
        let (response, _) = gateway.reply(&ask);
        assert_eq!(response.status, 401);
        assert_eq!(gateway.denial(&ask), Denial::IssuerAmbiguous);
    }
}

#[test]
fn the_audience_of_another_issuer_does_not_help() {
    let mut gateway = Gateway::new(with_second("https://second.example"));
    let ask = Ask::bearing(&Token::valid().with("aud", "second").sign());
    assert_eq!(gateway.denial(&ask), Denial::AudienceMismatch);
}

#[test]
fn one_subject_of_two_clusters_is_two_identities() {
    let iss = "https://second.example";
    let mut wire = with_second(iss);
    wire.bindings[1].client_id = "cl_shop".into();
    wire.bindings[1].audiences = vec![AUDIENCE.into()];
    let mut gateway = Gateway::new(wire);
    let (_, first) = gateway.exchange(&Token::valid().sign());
    let (_, second) = gateway.exchange(&Token::valid().with("iss", iss).sign_with(OTHER_KEY));
    let identity = |report: Report| report.event().identity.clone().unwrap();
    let (first, second) = (identity(first), identity(second));
    assert_eq!((&first.subject, &first.client_id), (&second.subject, &second.client_id));
    assert_ne!(first.id, second.id);
    gateway.revoke(Revoked { identities: vec![first.id], ..Default::default() });
    assert_eq!(gateway.denial(&Ask::bearing(&Token::valid().sign())), Denial::IdentityRevoked);
    let _ = gateway.exchange(&Token::valid().with("iss", iss).sign_with(OTHER_KEY));
}

#[test]
fn a_token_without_kid_tries_the_keys_of_its_issuer_only() {
    let mut gateway = Gateway::new(with_second("https://second.example"));
    let anonymous = Token::valid().without_header("kid");
    let _ = gateway.exchange(&anonymous.sign());
    assert_eq!(gateway.denial(&Ask::bearing(&anonymous.sign_with(OTHER_KEY))), Denial::BadSignature);
}
