//! One row per way to be refused: what is changed, and the exact denial.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use serde_json::json;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, ISS, NOW, SUBJECT, Token, Wire},
    wire::snapshot::{Binding, Mode},
};

#[track_caller]
fn refuses(ask: &Ask, denial: Denial) {
    let mut gateway = Gateway::valid();
    assert_eq!(gateway.denial(ask), denial);
    assert_eq!(gateway.crypto.signed.get(), 0);
}

#[track_caller]
fn refuses_token(token: &Token, denial: Denial) {
    refuses(&Ask::bearing(&token.sign()), denial);
}

#[track_caller]
fn refuses_under(change: impl FnOnce(&mut Wire), denial: Denial) {
    let mut gateway = Gateway::new(Wire::changed(change));
    assert_eq!(gateway.denial(&Ask::bearing(&Token::valid().sign())), denial);
    assert_eq!(gateway.crypto.signed.get(), 0);
}

fn with_values(values: &[&str]) -> Ask {
    let authorization = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    Ask { authorization, ..Ask::bare() }
}

#[test]
fn refuses_a_missing_credential() {
    refuses(&Ask::bare(), Denial::TokenMissing);
    refuses(&with_values(&["Basic dXNlcjpwYXNz"]), Denial::TokenMissing);
}

#[test]
fn refuses_a_malformed_carrier() {
    for value in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", " ", "Bearer\ta"] {
        refuses(&with_values(&[value]), Denial::TokenMalformed);
    }
    let not_utf8 = Ask { authorization: vec![b"Bearer \xff\xfe".to_vec()], ..Ask::bare() };
    refuses(&not_utf8, Denial::TokenMalformed);
}

#[test]
fn refuses_two_credentials() {
    let token = format!("Bearer {}", Token::valid().sign());
    refuses(&with_values(&[&token, &token]), Denial::MultipleTokens);
    refuses(&with_values(&[&token, "Basic dXNlcjpwYXNz"]), Denial::MultipleTokens);
    refuses(&with_values(&["Basic dXNlcjpwYXNz", &token]), Denial::MultipleTokens);
}

#[test]
fn refuses_a_token_that_is_too_large() {
    let padded = |length: usize| {
        let filled = |fill: usize| Token::valid().with("pad", "x".repeat(fill)).sign();
        // Base64url makes four characters of three.
        let near = (length - filled(0).len()) / 4 * 3;
        (near - 4..near + 8).map(filled).find(|token| token.len() == length)
    };
    let exact = padded(16 * 1_024).or_else(|| padded(16 * 1_024 - 1)).unwrap();
    let _ = Gateway::valid().forward(&Ask::bearing(&exact));
    refuses(&Ask::bearing(&format!("{exact}xx")), Denial::TokenTooLarge);
}

#[test]
fn refuses_what_is_no_jws() {
    for token in ["a", "a.b", "a.b.c", "a.b.c.d", "..", "e30.e30.", "e30.e30.AA=="] {
        let denial = Gateway::valid().denial(&Ask::bearing(token));
        assert!(matches!(denial, Denial::JwtMalformed | Denial::AlgNotAllowed), "{token}: {denial:?}");
    }
}

#[test]
fn refuses_another_issuer_text() {
    for iss in
        ["https://other.example", "https://issuer.example/", "HTTPS://issuer.example", "issuer.example", ""]
    {
        refuses_token(&Token::valid().with("iss", iss), Denial::IssuerNotAllowed);
    }
    refuses_token(&Token::valid().without("iss"), Denial::IssuerNotAllowed);
    refuses_token(&Token::valid().with("iss", json!([ISS])), Denial::JwtMalformed);
}

#[test]
fn refuses_a_wrong_signature() {
    refuses(&Ask::bearing(&Token::valid().forged()), Denial::BadSignature);
    refuses(&Ask::bearing(&Token::valid().sign_with(9)), Denial::BadSignature);
    let token = Token::valid().sign();
    let (input, _) = token.rsplit_once('.').unwrap();
    refuses(&Ask::bearing(&format!("{input}.")), Denial::BadSignature);
}

#[test]
fn refuses_claims_that_were_changed_after_signing() {
    let good = Token::valid().sign();
    let bad = Token::valid().with("sub", "stranger").sign();
    let parts: Vec<&str> = good.split('.').collect();
    let other: Vec<&str> = bad.split('.').collect();
    refuses(&Ask::bearing(&[parts[0], other[1], parts[2]].join(".")), Denial::BadSignature);
}

#[test]
fn refuses_an_algorithm_that_the_issuer_or_the_key_does_not_have() {
    for alg in ["none", "None", "HS256", "ES384", "RS256"] {
        refuses_token(&Token::valid().header("alg", alg), Denial::AlgNotAllowed);
    }
    refuses_under(|wire| wire.issuers[0].algorithms = vec!["RS256".into()], Denial::AlgNotAllowed);
}

#[test]
fn refuses_another_type() {
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "application/at+jwt+x"] {
        refuses_token(&Token::valid().header("typ", typ), Denial::TypNotAllowed);
    }
    refuses_token(&Token::valid().with("cnf", json!({"jkt": "x"})), Denial::TypNotAllowed);
}

#[test]
fn refuses_an_unknown_key_of_a_fixed_set() {
    refuses_token(&Token::valid().header("kid", "other"), Denial::UnknownKid);
}

#[test]
fn refuses_a_token_outside_its_time() {
    refuses_token(&Token::valid().with("exp", NOW), Denial::TokenExpired);
    refuses_token(&Token::valid().with("nbf", NOW + 61), Denial::TokenNotYetValid);
    refuses_token(&Token::valid().with("iat", NOW + 61), Denial::TokenNotYetValid);
    refuses_token(&Token::valid().with("exp", NOW - 60 + 86_401), Denial::TokenTooOld);
    refuses_token(&Token::valid().without("exp"), Denial::JwtMalformed);
    let _ = Gateway::valid().exchange(&Token::valid().with("nbf", NOW + 60).with("iat", NOW + 60).sign());
}

#[test]
fn refuses_another_audience() {
    for audience in [json!("other"), json!(["CL_SHOP"]), json!([]), json!(["cl_shop/"])] {
        refuses_token(&Token::valid().with("aud", audience), Denial::AudienceMismatch);
    }
    refuses_token(&Token::valid().without("aud"), Denial::AudienceMismatch);
}

#[test]
fn refuses_another_subject() {
    for subject in
        ["stranger", "system:serviceaccount:shop:cart2", "system:serviceaccount:shop:car", "SYSTEM:x"]
    {
        refuses_token(&Token::valid().with("sub", subject), Denial::IdentityNotFound);
    }
    refuses_token(&Token::valid().without("sub"), Denial::JwtMalformed);
}

#[test]
fn refuses_a_subject_that_is_bound_under_another_audience() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        let mut other = wire.bindings[0].clone();
        other.id = "other".into();
        other.audiences = vec!["other".into()];
        other.subjects = vec!["stranger".into()];
        wire.bindings.push(other);
    }));
    let stranger = Token::valid().with("sub", "stranger");
    assert_eq!(gateway.denial(&Ask::bearing(&stranger.sign())), Denial::IdentityNotFound);
    let _ = gateway.exchange(&stranger.with("aud", "other").sign());
    let crossed = Token::valid().with("aud", "other");
    assert_eq!(gateway.denial(&Ask::bearing(&crossed.sign())), Denial::IdentityNotFound);
}

#[test]
fn refuses_a_client_that_is_not_admitted() {
    refuses_under(
        |wire| {
            wire.add_neighbour("other");
            wire.routes[0].clients.remove(0);
        },
        Denial::ClientUnknown,
    );
    refuses_under(|wire| wire.clients[0].enabled = false, Denial::ClientUnknown);
}

#[test]
fn refuses_what_is_disabled() {
    refuses_under(|wire| wire.issuers[0].enabled = false, Denial::IssuerNotAllowed);
    refuses_under(|wire| wire.bindings[0].enabled = false, Denial::AudienceMismatch);
    refuses_under(|wire| wire.bindings[0].until = Some(NOW), Denial::IdentityNotFound);
}

#[test]
fn refuses_more_than_the_binding_grants() {
    refuses_under(|wire| wire.routes[0].scopes = vec!["orders".into()], Denial::ScopeNotAllowed);
    refuses_under(|wire| wire.bindings[0].scopes.clear(), Denial::ScopeNotAllowed);
    refuses_under(|wire| wire.bindings[0].targets.clear(), Denial::TargetNotAllowed);
    refuses_under(
        |wire| wire.routes[0].target = Some("https://orders.internal/".into()),
        Denial::TargetNotAllowed,
    );
}

#[test]
fn refuses_two_bindings_that_fit() {
    let second = |change: fn(&mut Binding)| {
        move |wire: &mut Wire| {
            wire.add_neighbour("second");
            wire.bindings[1].subjects = wire.bindings[0].subjects.clone();
            change(&mut wire.bindings[1]);
        }
    };
    refuses_under(second(|_| ()), Denial::BindingAmbiguous);
    refuses_under(second(|binding| binding.client_id = "cl_shop".into()), Denial::BindingAmbiguous);
    refuses_under(
        second(|binding| {
            binding.subjects.clear();
            binding.allow_any_subject = true;
        }),
        Denial::BindingAmbiguous,
    );
}

#[test]
fn a_binding_that_does_not_count_makes_nothing_ambiguous() {
    let changes: [fn(&mut Wire); 4] = [
        |wire| wire.bindings[1].enabled = false,
        |wire| wire.bindings[1].until = Some(NOW),
        |wire| wire.clients[1].enabled = false,
        |wire| wire.routes[0].clients.truncate(1),
    ];
    for change in changes {
        let wire = Wire::changed(|wire| {
            wire.add_neighbour("second");
            wire.bindings[1].subjects = wire.bindings[0].subjects.clone();
            change(wire);
        });
        let _ = Gateway::new(wire).exchange(&Token::valid().sign());
    }
}

#[test]
fn a_binding_that_names_an_audience_twice_is_one_binding() {
    let twice = Wire::changed(|wire| {
        wire.bindings[0].audiences = vec!["cl_shop".into(), "cl_shop".into(), "second".into()];
        wire.bindings[0].subjects.push(SUBJECT.to_string());
    });
    let token = Token::valid().with("aud", json!(["second", "cl_shop", "cl_shop"])).sign();
    let _ = Gateway::new(twice).exchange(&token);
}

#[test]
fn refuses_the_exchange_without_a_key_in_its_time() {
    refuses_under(|wire| wire.signing_keys.clear(), Denial::ConfigStale);
    refuses_under(|wire| wire.signing_keys[0].not_after = NOW, Denial::ConfigStale);
    refuses_under(|wire| wire.signing_keys[0].not_before = Some(NOW + 1), Denial::ConfigStale);
}

#[test]
fn a_fault_of_ours_is_internal() {
    let ask = Ask::bearing(&Token::valid().sign());
    let mut gateway = Gateway::valid();
    gateway.crypto.cannot_sign.set(true);
    assert_eq!(gateway.denial(&ask), Denial::Internal);
    gateway.crypto.cannot_sign.set(false);
    gateway.drawn = None;
    assert_eq!(gateway.denial(&ask), Denial::Internal);
    gateway.drawn = Some(0);
    let _ = gateway.forward(&ask);
}

#[test]
fn an_empty_client_list_denies_where_a_token_is_presented() {
    let wire = Wire::changed(|wire| {
        wire.routes[0].mode = Mode::Optional;
        wire.routes[0].clients.clear();
    });
    let denial = Gateway::new(wire).denial(&Ask::bearing(&Token::valid().sign()));
    assert_eq!(denial, Denial::ClientUnknown);
}

#[test]
fn the_reason_is_a_stable_word() {
    for denial in Denial::ALL {
        let reason: String = denial.reason().into();
        assert!(reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason}");
    }
}
