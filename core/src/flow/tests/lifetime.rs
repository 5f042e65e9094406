//! When an access token ends, and that an expired token is never exchanged (law 6).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, NOW, Numbers, Signer, Token, Wire},
    flow::{Counted, Credential, Step},
    time::Timestamp,
    wire::snapshot::Exchange,
};

fn minted_exp(token: &str) -> i64 {
    Signer::numbered(FLEET_KEY).open(token).unwrap().1["exp"].as_i64().unwrap()
}

#[test]
fn ends_with_the_least_of_its_limits() {
    let minted = |change: fn(&mut Wire), token: Token| {
        let (token, report) = Gateway::new(Wire::changed(change)).exchange(&token.sign());
        let exp = minted_exp(&token);
        assert_eq!(report.event().minted.as_ref().unwrap().exp, exp);
        exp
    };
    assert_eq!(minted(|wire| wire.bindings[0].ttl = 60, Token::valid()), NOW + 60);
    assert_eq!(minted(|_| (), Token::valid().with("exp", NOW + 61)), NOW + 61);
    assert_eq!(minted(|wire| wire.bindings[0].until = Some(NOW + 62), Token::valid()), NOW + 62);
    assert_eq!(minted(|wire| wire.signing_keys[0].not_after = NOW + 63, Token::valid()), NOW + 63);
}

#[test]
fn an_expired_token_is_verified_within_the_leeway_and_never_exchanged() {
    let lenient = |exchange| {
        Gateway::new(Wire::changed(|wire| {
            wire.issuers[0].exp_leeway = 60;
            wire.routes[0].exchange = exchange;
        }))
    };
    for exp in [NOW, NOW - 1, NOW - 59] {
        let ask = Ask::bearing(&Token::valid().with("exp", exp).sign());
        assert_eq!(lenient(Exchange::None).forward(&ask).report.counted, Counted::Verified);
        assert_eq!(lenient(Exchange::Gateway).denial(&ask), Denial::TokenExpired);
    }
    let ask = Ask::bearing(&Token::valid().with("exp", NOW - 60).sign());
    assert_eq!(lenient(Exchange::None).denial(&ask), Denial::TokenExpired);
}

#[test]
fn a_cached_access_token_is_not_served_within_the_leeway() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.issuers[0].exp_leeway = 60));
    let ask = Ask::bearing(&Token::valid().with("exp", NOW + 100).sign());
    let _ = gateway.forward(&ask);
    gateway.pass_secs(100);
    assert_eq!(gateway.denial(&ask), Denial::TokenExpired);
}

#[test]
fn no_random_configuration_breaks_the_law() {
    let mut numbers = Numbers::seeded(6);
    let (mut minted, mut refused) = (0, 0);
    for _ in 0..150 {
        let now = Timestamp::from_millis(NOW * 1_000 + numbers.between(0, 999));
        let ttl = numbers.between(60, 3_600);
        let subject_exp = NOW + numbers.between(-70, 2_000);
        let until = (numbers.below(2) == 0).then(|| NOW + numbers.between(-100, 2_000));
        let not_after = NOW + numbers.between(-100, 4_000);
        let mut gateway = Gateway::new(Wire::changed(|wire| {
            wire.issuers[0].exp_leeway = u32::try_from(numbers.below(61)).unwrap();
            wire.bindings[0].ttl = u32::try_from(ttl).unwrap();
            wire.bindings[0].until = until;
            wire.signing_keys[0].not_after = not_after;
        }));
        gateway.now = now;
        gateway.state.confirm(now);
        let ask = Ask::bearing(&Token::valid().with("exp", subject_exp).sign());
        // Twice: what holds for a fresh token holds for a cached one.
        for _ in 0..2 {
            match gateway.start(&ask) {
                Step::Forward(edits) => {
                    let Credential::Replace(value) = edits.credential else { panic!("not exchanged") };
                    let exp = minted_exp(value.strip_prefix("Bearer ").unwrap());
                    let limits = [NOW + ttl, subject_exp, until.unwrap_or(i64::MAX), not_after];
                    assert_eq!(Some(exp), limits.into_iter().min());
                    assert!(Timestamp::from_secs(exp) > now);
                    minted += 1;
                }
                other @ (Step::Reply { .. } | Step::Call { .. } | Step::NeedBody { .. }) => {
                    let limits = [subject_exp, until.unwrap_or(i64::MAX), not_after];
                    assert!(limits.into_iter().any(|limit| limit <= NOW), "{}", other.kind());
                    refused += 1;
                }
            }
        }
    }
    assert!(minted > 50 && refused > 10, "{minted} {refused}");
}
