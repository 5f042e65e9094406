//! What the control plane mints for a gateway's route, and what it refuses.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec;

use crate::{
    denial::Denial,
    exchange::Venue,
    fixture::{FLEET_KEY, Gateway, Signer, TARGET, Token, Wire, host_issuer},
    flow::{Answer, Call, Counted, Credential, Step},
    keyring::Fetched,
    wire::{
        changes::Revoked,
        snapshot::{Exchange, Mode, SigningAlg},
    },
};

/// The control plane with a route that exchanges there.
fn control_plane(change: impl FnOnce(&mut Wire)) -> Gateway {
    let mut wire = Wire::valid();
    wire.routes[0].exchange = Exchange::ControlPlane;
    change(&mut wire);
    let mut gateway = Gateway::new(wire);
    gateway.state.venue = Venue::ControlPlane;
    gateway
}

fn minted(step: Step) -> (alloc::string::String, alloc::string::String) {
    let edits = step.into_edits();
    let Credential::Replace(value) = edits.credential else { panic!("nothing was minted") };
    assert_eq!(edits.report.counted, Counted::Minted);
    let event = edits.report.event.expect("each mint is recorded");
    (value.strip_prefix("Bearer ").unwrap().into(), event.minted.unwrap().jti)
}

#[test]
fn mints_anew_each_time_and_keeps_nothing() {
    let mut gateway = control_plane(|_| ());
    let token = Token::valid().sign();
    let (first, first_jti) = minted(gateway.errand("api", &token, None));
    let (second, second_jti) = minted(gateway.errand("api", &token, None));
    let (_, claims) = Signer::numbered(FLEET_KEY).open(&first).unwrap();
    assert_eq!((&claims["aud"], &claims["scope"]), (&TARGET.into(), &"orders.read".into()));
    assert!(first != second && first_jti != second_jti);
}

#[test]
fn decides_as_for_a_request_at_the_route() {
    let mut gateway = control_plane(|_| ());
    for (route, token, denial) in [
        ("other", Token::valid().sign(), Denial::RouteUnknown),
        ("api", Token::valid().forged(), Denial::BadSignature),
        ("api", Token::valid().with("sub", "other").sign(), Denial::IdentityNotFound),
        ("api", Token::valid().with("aud", "other").sign(), Denial::AudienceMismatch),
        ("api", "a b".into(), Denial::TokenMalformed),
        ("api", alloc::string::String::new(), Denial::TokenMalformed),
        ("api", "a".repeat(20_000), Denial::TokenTooLarge),
    ] {
        assert_eq!(gateway.errand(route, &token, None).into_denial(), denial);
    }
    gateway.revoke(Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() });
    let token = Token::valid().sign();
    assert_eq!(gateway.errand("api", &token, None).into_denial(), Denial::IdentityRevoked);
}

#[test]
fn serves_no_route_that_exchanges_elsewhere_or_not() {
    for exchange in [Exchange::None, Exchange::Gateway] {
        let mut gateway = control_plane(|wire| wire.routes[0].exchange = exchange);
        let step = gateway.errand("api", &Token::valid().sign(), None);
        assert_eq!(step.into_denial(), Denial::RouteUnknown);
    }
    let mut gateway = control_plane(|wire| wire.routes[0].mode = Mode::Observe);
    assert_eq!(gateway.errand("api", &Token::valid().sign(), None).into_denial(), Denial::RouteUnknown);
}

#[test]
fn waits_for_keys_and_looks_at_everything_again() {
    let mut gateway = control_plane(|wire| {
        wire.issuers = vec![host_issuer("shop-cluster")];
    });
    let token = Token::valid().with("iss", "https://shop-cluster.example").sign();
    let (flow, call) = gateway.errand("api", &token, None).into_call();
    assert_eq!(call, Call::FetchKeys { issuer: "shop-cluster".into() });
    let timed_out = gateway.errand("api", &token, Some((&flow, &Answer::TimedOut(call))));
    assert_eq!(timed_out.into_denial(), Denial::KeysUnavailable);
    let crowded = gateway.errand("api", &token, Some((&flow, &Answer::Overloaded)));
    assert_eq!(crowded.into_denial(), Denial::Overloaded);
    let fetch = gateway.due();
    gateway.finish(&fetch, Fetched::Failed);
    gateway.adopt(|wire| wire.bindings[0].subjects = vec!["other".into()]);
    let step = gateway.errand("api", &token, Some((&flow, &Answer::Ready)));
    assert_eq!(step.into_denial(), Denial::KeysUnavailable);
}

#[test]
fn says_what_it_cannot_tell() {
    let mut gateway = control_plane(|_| ());
    gateway.pass_secs(3_601);
    let token = Token::valid().sign();
    assert_eq!(gateway.errand("api", &token, None).into_denial(), Denial::ConfigStale);
    let mut gateway = control_plane(|wire| wire.bindings[0].alg = SigningAlg::Rs256);
    let step = gateway.errand("api", &Token::valid().sign(), None);
    assert_eq!(step.into_denial(), Denial::ConfigStale, "there is no key of that algorithm");
}
