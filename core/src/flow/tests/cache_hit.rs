//! What a cache hit saves, and what it does not change (law 7).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec;

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, Token, Wire},
    flow::{Counted, Credential},
    wire::snapshot::{Exchange, PathMatch},
};

#[test]
fn serves_a_repeated_token_without_cryptography() {
    let mut gateway = Gateway::valid();
    let token = Token::valid().sign();
    let (first, _) = gateway.exchange(&token);
    assert_eq!(gateway.crypto.counts(), (1, 1));
    for _ in 0..3 {
        gateway.pass_secs(1);
        let (again, report) = gateway.exchange(&token);
        assert_eq!(again, first);
        assert_eq!(report.counted, Counted::MintedCached);
        assert!(report.event.is_none());
    }
    assert_eq!(gateway.crypto.counts(), (1, 1));
    assert_eq!(gateway.drawn, Some(1));
}

#[test]
fn serves_a_repeated_token_of_a_verifying_route_without_cryptography() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.routes[0].exchange = Exchange::None));
    let ask = Ask::bearing(&Token::valid().sign());
    assert_eq!(gateway.forward(&ask).report.counted, Counted::Verified);
    let edits = gateway.forward(&ask);
    assert_eq!(edits.report.counted, Counted::VerifiedCached);
    assert_eq!(edits.credential, Credential::Remove);
    assert_eq!(gateway.crypto.counts(), (1, 0));
}

#[test]
fn a_token_that_differs_in_one_bit_is_no_hit() {
    let mut gateway = Gateway::valid();
    let token = Token::valid().sign();
    let _ = gateway.exchange(&token);
    assert_eq!(gateway.denial(&Ask::bearing(&Token::valid().forged())), Denial::BadSignature);
    assert_eq!(gateway.crypto.counts(), (2, 1));
}

#[test]
fn refuses_a_verified_token_again_without_cryptography() {
    let mut gateway = Gateway::valid();
    let ask = Ask::bearing(&Token::valid().with("sub", "stranger").sign());
    let first = gateway.denial(&ask);
    assert_eq!(gateway.denial(&ask), first);
    assert_eq!(gateway.crypto.counts(), (1, 0));
}

#[test]
fn mints_anew_before_the_access_token_ends() {
    let mut gateway = Gateway::valid();
    let token = Token::valid().sign();
    let (first, _) = gateway.exchange(&token);
    gateway.pass_secs(900 - 15);
    gateway.pass_millis(-1);
    assert_eq!(gateway.exchange(&token).0, first);
    gateway.pass_millis(1);
    let (second, report) = gateway.exchange(&token);
    assert_ne!(second, first);
    assert_eq!(report.counted, Counted::Minted);
    assert_eq!(gateway.crypto.counts(), (1, 2));
}

#[test]
fn routes_that_grant_the_same_share_an_access_token_and_others_do_not() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        for (path, scope) in [("/same", "orders.read"), ("/other", "orders.write")] {
            let mut route = wire.routes[0].clone();
            route.id = path.trim_start_matches('/').into();
            route.path = PathMatch::Exact(path.into());
            route.scopes = vec![scope.into()];
            wire.routes.push(route);
        }
    }));
    let ask = Ask::bearing(&Token::valid().sign());
    let counted =
        ["/orders", "/same", "/other"].map(|path| gateway.forward(&ask.clone().to(path)).report.counted);
    assert_eq!(counted, [Counted::Minted, Counted::MintedCached, Counted::Minted]);
    assert_eq!(gateway.crypto.counts(), (1, 2));
}

#[test]
fn each_target_has_an_access_token_of_its_own() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        wire.bindings[0].targets.push("https://billing.internal".into());
        let mut route = wire.routes[0].clone();
        route.id = "billing".into();
        route.path = PathMatch::Exact("/billing".into());
        route.target = Some("https://billing.internal".into());
        wire.routes.push(route);
    }));
    let ask = Ask::bearing(&Token::valid().sign());
    let paths = ["/orders", "/billing", "/orders", "/billing"];
    let counted = paths.map(|path| gateway.forward(&ask.clone().to(path)).report.counted);
    assert_eq!(counted, [Counted::Minted, Counted::Minted, Counted::MintedCached, Counted::MintedCached]);
}

#[test]
fn a_hit_checks_the_route_that_it_is_for() {
    let mut gateway = Gateway::new(Wire::changed(|wire| {
        let mut route = wire.routes[0].clone();
        route.id = "admin".into();
        route.path = PathMatch::Prefix("/admin".into());
        wire.add_neighbour("admin");
        route.clients = vec!["cl_admin".into()];
        wire.routes.push(route);
    }));
    let ask = Ask::bearing(&Token::valid().sign());
    let _ = gateway.forward(&ask);
    assert_eq!(gateway.denial(&ask.to("/admin/users")), Denial::ClientUnknown);
}
