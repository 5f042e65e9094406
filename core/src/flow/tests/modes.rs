//! `require`, `optional`, `observe`, foreign tokens and preflights.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec};

use data_encoding::BASE64URL_NOPAD;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, NOW, Token, Wire},
    flow::{Counted, Credential},
    wire::{
        event::Outcome,
        snapshot::{ForeignToken, KeySource, Mode, PathMatch},
    },
};

fn in_mode(mode: Mode) -> Wire {
    Wire::changed(|wire| wire.routes[0].mode = mode)
}

fn good() -> Ask {
    Ask::bearing(&Token::valid().sign())
}

fn expired() -> Ask {
    Ask::bearing(&Token::valid().with("exp", NOW).sign())
}

#[test]
fn optional_lets_requests_without_a_token_pass_untouched() {
    for authorization in [vec![], vec![b"Basic dXNlcjpwYXNz".to_vec()]] {
        let ask = Ask { authorization, ..Ask::bare() };
        let edits = Gateway::new(in_mode(Mode::Optional)).forward(&ask);
        assert_eq!(edits.credential, Credential::Keep);
        assert_eq!(edits.report.counted, Counted::Unauthenticated);
        assert!(edits.report.event.is_none());
    }
}

#[test]
fn optional_exchanges_a_good_token_and_refuses_a_bad_one() {
    let mut gateway = Gateway::new(in_mode(Mode::Optional));
    assert_eq!(gateway.forward(&good()).report.counted, Counted::Minted);
    assert_eq!(gateway.denial(&expired()), Denial::TokenExpired);
    let twice = Ask { authorization: vec![b"Bearer a".to_vec(); 2], ..Ask::bare() };
    assert_eq!(gateway.denial(&twice), Denial::MultipleTokens);
}

#[test]
fn observe_forwards_everything_untouched() {
    let twice = Ask { authorization: vec![b"Bearer a".to_vec(); 2], ..Ask::bare() };
    for (ask, denial) in [
        (good(), None),
        (Ask::bare(), Some(Denial::TokenMissing)),
        (expired(), Some(Denial::TokenExpired)),
        (twice, Some(Denial::MultipleTokens)),
        (Ask::bearing(&Token::valid().forged()), Some(Denial::BadSignature)),
    ] {
        let edits = Gateway::new(in_mode(Mode::Observe)).forward(&ask);
        assert_eq!(edits.credential, Credential::Keep);
        assert!(edits.removed.is_empty() && edits.rewritten.is_empty());
        assert_eq!(edits.report.counted, Counted::Observed(denial));
        let reason = edits.report.event.and_then(|event| event.reason);
        assert_eq!(reason.as_deref(), denial.map(Denial::reason));
    }
}

#[test]
fn observe_mints_nothing() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        let mut observing = wire.routes[0].clone();
        observing.id = "watched".into();
        observing.mode = Mode::Observe;
        observing.path = PathMatch::Exact("/watched".into());
        wire.routes.push(observing);
    }));
    let _ = gateway.forward(&good().to("/watched"));
    assert_eq!(gateway.crypto.signed.get(), 0);
    // Otherwise a token that no event names would be served from here on.
    assert_eq!(gateway.forward(&good()).report.event().outcome, Outcome::Mint);
}

#[test]
fn observe_tells_what_an_exchange_would_have_failed_for() {
    let observed = |change: fn(&mut Wire)| {
        let mut wire = in_mode(Mode::Observe);
        change(&mut wire);
        Gateway::new(wire).forward(&good()).report.counted
    };
    let target = observed(|wire| wire.bindings[0].targets.clear());
    assert_eq!(target, Counted::Observed(Some(Denial::TargetNotAllowed)));
    let key = observed(|wire| wire.signing_keys.clear());
    assert_eq!(key, Counted::Observed(Some(Denial::ConfigStale)));
    let mut lenient = in_mode(Mode::Observe);
    lenient.issuers[0].exp_leeway = 60;
    let expired = Gateway::new(lenient).forward(&expired()).report.counted;
    assert_eq!(expired, Counted::Observed(Some(Denial::TokenExpired)));
}

#[test]
fn observe_names_whose_token_it_was() {
    let edits = Gateway::new(in_mode(Mode::Observe)).forward(&expired());
    assert!(edits.report.event().token_sha256.is_some());
    let mut wire = in_mode(Mode::Observe);
    wire.routes[0].scopes = vec!["admin".into()];
    let edits = Gateway::new(wire).forward(&good());
    assert!(edits.report.event().identity.is_some());
}

#[test]
fn observe_never_holds_a_request_up() {
    let mut wire = in_mode(Mode::Observe);
    wire.issuers[0].keys = KeySource::Discovery;
    let mut gateway = Gateway::new(wire);
    let edits = gateway.forward(&good());
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::KeysUnavailable)));
    assert!(gateway.state.keyring.is_fetch_wanted());
    gateway.pass_secs(3_601);
    assert_eq!(gateway.forward(&good()).report.counted, Counted::Observed(Some(Denial::ConfigStale)));
}

fn passing_foreign() -> Wire {
    Wire::changed(|wire| {
        wire.routes[0].mode = Mode::Optional;
        wire.routes[0].foreign_token = ForeignToken::Pass;
    })
}

#[test]
fn a_foreign_token_passes_where_the_route_says_so() {
    let of_others = Token::valid().with("iss", "https://other.example");
    let unsigned =
        format!("{}.{}.", BASE64URL_NOPAD.encode(b"{\"alg\":\"none\"}"), BASE64URL_NOPAD.encode(b"{}"));
    for token in [
        "opaque".into(),
        "two.parts".into(),
        "f.o.u.r".into(),
        "j.w.e.five.parts".into(),
        of_others.sign(),
        of_others.clone().header("alg", "EdDSA").sign(),
        of_others.clone().header("alg", "HS256").sign(),
        of_others.with("aud", 7).sign(),
        Token::valid().without("iss").sign(),
        unsigned,
    ] {
        let edits = Gateway::new(passing_foreign()).forward(&Ask::bearing(&token));
        assert_eq!(edits.report.counted, Counted::Foreign, "{token}");
        assert_eq!(edits.credential, Credential::Keep);
    }
}

#[test]
fn a_bad_token_of_a_listed_issuer_is_not_foreign() {
    for (token, denial) in [
        (Token::valid().forged(), Denial::BadSignature),
        (Token::valid().with("exp", NOW).sign(), Denial::TokenExpired),
        (Token::valid().with("aud", "other").sign(), Denial::AudienceMismatch),
        (Token::valid().header("alg", "none").sign(), Denial::AlgNotAllowed),
        (Token::valid().header("alg", "EdDSA").sign(), Denial::AlgNotAllowed),
        (Token::valid().header("crit", vec!["x"]).sign(), Denial::JwtMalformed),
        ("a.b.c".into(), Denial::JwtMalformed),
    ] {
        assert_eq!(Gateway::new(passing_foreign()).denial(&Ask::bearing(&token)), denial);
    }
    let duplicate = format!(
        "{}.{}.AA",
        BASE64URL_NOPAD.encode(b"{\"alg\":\"ES256\"}"),
        BASE64URL_NOPAD.encode(b"{\"iss\":\"https://other.example\",\"iss\":\"https://issuer.example\"}")
    );
    assert_eq!(Gateway::new(passing_foreign()).denial(&Ask::bearing(&duplicate)), Denial::JwtMalformed);
}

#[test]
fn a_foreign_token_is_refused_by_default() {
    for (token, denial) in [
        ("opaque".into(), Denial::JwtMalformed),
        (Token::valid().with("iss", "https://other.example").sign(), Denial::IssuerNotAllowed),
    ] {
        assert_eq!(Gateway::new(in_mode(Mode::Optional)).denial(&Ask::bearing(&token)), denial);
    }
}

fn preflight() -> Ask {
    Ask { method: b"OPTIONS".to_vec(), has_origin: true, has_request_method: true, ..Ask::bare() }
}

#[test]
fn a_preflight_passes_where_the_route_admits_it() {
    let admitting = Wire::changed(|wire| wire.routes[0].cors_preflight = true);
    let edits = Gateway::new(admitting.clone()).forward(&preflight());
    assert_eq!(edits.report.counted, Counted::Preflight);
    assert_eq!(edits.credential, Credential::Keep);
    assert_eq!(Gateway::valid().denial(&preflight()), Denial::TokenMissing);
    for ask in [
        Ask { method: b"GET".to_vec(), ..preflight() },
        Ask { method: b"options".to_vec(), ..preflight() },
        Ask { has_origin: false, ..preflight() },
        Ask { has_request_method: false, ..preflight() },
    ] {
        assert_eq!(Gateway::new(admitting.clone()).denial(&ask), Denial::TokenMissing);
    }
}

#[test]
fn a_preflight_takes_no_credential_along() {
    let admitting = Wire::changed(|wire| wire.routes[0].cors_preflight = true);
    let ask = Ask { authorization: vec![b"Bearer forged".to_vec()], ..preflight() };
    assert_eq!(Gateway::new(admitting).forward(&ask).credential, Credential::Remove);
}

#[test]
fn a_preflight_is_refused_under_a_stale_snapshot() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].cors_preflight = true));
    gateway.pass_secs(3_601);
    assert_eq!(gateway.denial(&preflight()), Denial::ConfigStale);
}
