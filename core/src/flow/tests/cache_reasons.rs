//! A cached answer never outlives its reasons (law 7): each reason is taken away after a hit was possible.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{vec, vec::Vec};

use serde_json::json;

use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, ISSUER_KEY, NOW, SUBJECT, Signer, Token, Wire, host_issuer},
    flow::Counted,
    identity::identity_id,
    wire::{
        changes::{Changes, Revoked, RevokedJti},
        snapshot::{Exchange, Issuer, KeySource, PrivateKey},
    },
};

type Change = fn(&mut Wire);

/// A gateway that has just exchanged the token and would serve it from its caches.
fn warmed(wire: Wire) -> (Gateway, Ask) {
    let mut gateway = Gateway::new(wire);
    let ask = Ask::bearing(&Token::valid().sign());
    let _ = gateway.forward(&ask);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    (gateway, ask)
}

/// Why the warmed token is refused after `change`.
fn refused_after(change: impl FnOnce(&mut Wire)) -> Denial {
    let (mut gateway, ask) = warmed(Wire::valid());
    gateway.adopt(change);
    gateway.denial(&ask)
}

/// How often the warmed token is verified and an access token signed after `change`.
fn cryptography_after(change: impl FnOnce(&mut Wire)) -> (u32, u32) {
    let (mut gateway, ask) = warmed(Wire::valid());
    let (verified, signed) = gateway.crypto.counts();
    gateway.adopt(change);
    let _ = gateway.forward(&ask);
    let (verified_now, signed_now) = gateway.crypto.counts();
    (verified_now - verified, signed_now - signed)
}

fn inline(signers: &[u8]) -> KeySource {
    let keys: Vec<_> = signers.iter().map(|number| Signer::numbered(*number).jwk()).collect();
    KeySource::Inline { jwks: json!({"keys": keys}) }
}

#[test]
fn a_snapshot_that_changes_nothing_keeps_the_caches() {
    assert_eq!(cryptography_after(|wire| wire.header.epoch += 1), (0, 0));
}

#[test]
fn a_changed_neighbour_keeps_the_caches() {
    let neighboured = || Wire::changed(|wire| wire.add_neighbour("other"));
    let changes: [(&str, Change); 5] = [
        ("binding", |wire| wire.bindings[1].ttl = 60),
        ("removed binding", |wire| wire.bindings.truncate(1)),
        ("client", |wire| wire.clients[1].enabled = false),
        ("issuer", |wire| wire.issuers.push(host_issuer("new"))),
        ("route", |wire| wire.routes[0].clients.truncate(1)),
    ];
    for (name, change) in changes {
        let (mut gateway, ask) = warmed(neighboured());
        gateway.adopt(change);
        assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached, "{name}");
    }
}

#[test]
fn the_verifying_key_is_gone_from_the_snapshot() {
    assert_eq!(refused_after(|wire| wire.issuers[0].keys = inline(&[9])), Denial::UnknownKid);
}

#[test]
fn the_issuer_is_configured_differently() {
    let stricter = refused_after(|wire| wire.issuers[0].algorithms = vec!["RS256".into()]);
    assert_eq!(stricter, Denial::AlgNotAllowed);
    assert_eq!(
        refused_after(|wire| wire.issuers[0].typ = Some(vec!["at+jwt".into()])),
        Denial::TypNotAllowed
    );
    assert_eq!(cryptography_after(|wire| wire.issuers[0].clock_skew = 30), (1, 1));
    assert_eq!(cryptography_after(|wire| wire.issuers[0].keys = inline(&[ISSUER_KEY, 9])), (1, 1));
}

#[test]
fn the_issuer_is_disabled_or_gone() {
    assert_eq!(refused_after(|wire| wire.issuers[0].enabled = false), Denial::IssuerNotAllowed);
    let gone = refused_after(|wire| {
        wire.issuers[0] = host_issuer("other");
        wire.bindings[0].issuer = "other".into();
    });
    assert_eq!(gone, Denial::IssuerNotAllowed);
}

#[test]
fn the_binding_is_changed() {
    assert_eq!(cryptography_after(|wire| wire.bindings[0].ttl = 60), (0, 1));
    assert_eq!(
        refused_after(|wire| wire.bindings[0].subjects = vec!["other".into()]),
        Denial::IdentityNotFound
    );
    assert_eq!(refused_after(|wire| wire.bindings[0].targets.clear()), Denial::TargetNotAllowed);
    assert_eq!(refused_after(|wire| wire.bindings[0].scopes.clear()), Denial::ScopeNotAllowed);
    assert_eq!(refused_after(|wire| wire.bindings[0].until = Some(NOW)), Denial::IdentityNotFound);
}

#[test]
fn the_binding_is_disabled_or_gone() {
    assert_eq!(refused_after(|wire| wire.bindings[0].enabled = false), Denial::AudienceMismatch);
    assert_eq!(refused_after(|wire| wire.bindings.clear()), Denial::AudienceMismatch);
}

#[test]
fn the_binding_ends() {
    let (mut gateway, ask) = warmed(Wire::changed(|wire| wire.bindings[0].until = Some(NOW + 100)));
    gateway.pass_secs(100);
    assert_eq!(gateway.denial(&ask), Denial::IdentityNotFound);
}

#[test]
fn the_route_admits_other_clients_or_wants_more() {
    let other = refused_after(|wire| {
        wire.add_neighbour("other");
        wire.routes[0].clients.remove(0);
    });
    assert_eq!(other, Denial::ClientUnknown);
    assert_eq!(refused_after(|wire| wire.routes[0].scopes.push("admin".into())), Denial::ScopeNotAllowed);
    assert_eq!(refused_after(|wire| wire.routes[0].target = Some("other".into())), Denial::TargetNotAllowed);
    assert_eq!(cryptography_after(|wire| wire.routes[0].scopes = vec!["orders.write".into()]), (0, 1));
}

#[test]
fn the_client_is_disabled() {
    assert_eq!(refused_after(|wire| wire.clients[0].enabled = false), Denial::ClientUnknown);
}

#[test]
fn a_second_binding_fits_now() {
    let ambiguous = refused_after(|wire| {
        wire.add_neighbour("other");
        wire.bindings[1].allow_any_subject = true;
        wire.bindings[1].subjects.clear();
    });
    assert_eq!(ambiguous, Denial::BindingAmbiguous);
}

#[test]
fn the_identity_the_client_or_the_issuer_is_revoked() {
    let identity = identity_id("default", "cl_shop", "shop-cluster", "cl_shop", SUBJECT);
    for revoked in [
        Revoked { identities: vec![identity], ..Revoked::default() },
        Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() },
        Revoked { issuers: vec!["shop-cluster".into()], ..Revoked::default() },
    ] {
        let (mut gateway, ask) = warmed(Wire::valid());
        gateway.revoke(revoked.clone());
        assert_eq!(gateway.denial(&ask), Denial::IdentityRevoked, "{revoked:?}");
        let reinstate = Changes { epoch: 9, reinstate: revoked, ..Changes::default() };
        gateway.state.denylist.apply(reinstate, gateway.now);
        assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    }
}

#[test]
fn a_neighbour_is_revoked_and_nothing_happens() {
    let (mut gateway, ask) = warmed(Wire::valid());
    gateway.revoke(Revoked {
        identities: vec!["idn_other".into()],
        clients: vec!["cl_other".into()],
        issuers: vec!["other".into()],
    });
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
}

#[test]
fn the_access_token_is_revoked_and_minted_anew() {
    let (mut gateway, ask) = warmed(Wire::valid());
    let jtis = vec![RevokedJti { jti: "AQEBAQEBAQEBAQEBAQEBAQ".into(), exp: NOW + 900 }];
    gateway.state.denylist.apply(Changes { epoch: 8, jtis, ..Changes::default() }, gateway.now);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::Minted);
    assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached);
    assert_eq!(gateway.crypto.counts(), (1, 2));
}

#[test]
fn the_subject_token_expires() {
    let mut gateway = Gateway::valid();
    let ask = Ask::bearing(&Token::valid().with("exp", NOW + 100).sign());
    let _ = gateway.forward(&ask);
    gateway.pass_secs(100);
    assert_eq!(gateway.denial(&ask), Denial::TokenExpired);
    assert_eq!(gateway.crypto.counts(), (1, 1));
}

#[test]
fn the_subject_token_leaves_its_time_on_a_verifying_route() {
    let wire = Wire::changed(|wire| wire.routes[0].exchange = Exchange::None);
    let mut gateway = Gateway::new(wire);
    let ask = Ask::bearing(&Token::valid().with("nbf", NOW).with("exp", NOW + 100).sign());
    let _ = gateway.forward(&ask);
    gateway.pass_secs(-61);
    assert_eq!(gateway.denial(&ask), Denial::TokenNotYetValid);
    gateway.pass_secs(161);
    assert_eq!(gateway.denial(&ask), Denial::TokenExpired);
}

#[test]
fn the_minting_key_is_replaced() {
    let replaced = cryptography_after(|wire| wire.signing_keys[0].kid = Some("fleet-2".into()));
    assert_eq!(replaced, (0, 1));
    assert_eq!(refused_after(|wire| wire.signing_keys.clear()), Denial::ConfigStale);
}

#[test]
fn the_minting_key_is_another_of_the_same_name() {
    let other = Signer::numbered(FLEET_KEY + 1).pkcs8();
    let replaced = cryptography_after(|wire| {
        wire.signing_keys[0].private_key = PrivateKey::Pkcs8(other);
    });
    assert_eq!(replaced, (0, 1));
}

#[test]
fn the_authority_is_another() {
    assert_eq!(cryptography_after(|wire| wire.header.authority = "https://new.example".into()), (0, 1));
}

#[test]
fn the_tenant_is_another() {
    let (mut gateway, ask) = warmed(Wire::valid());
    gateway.adopt(|wire| wire.header.tenant = "other".into());
    let identity = identity_id("other", "cl_shop", "shop-cluster", "cl_shop", SUBJECT);
    let report = gateway.forward(&ask).report;
    assert_eq!(report.event().identity.as_ref().unwrap().id, identity);
}

#[test]
fn another_issuer_of_the_same_iss_text_claims_an_audience_of_the_token() {
    let audiences = json!(["cl_shop", "second"]);
    let mut gateway = Gateway::valid();
    let ask = Ask::bearing(&Token::valid().with("aud", audiences).sign());
    let _ = gateway.forward(&ask);
    gateway.adopt(|wire| {
        let second = Issuer { id: "second".into(), ..wire.issuers[0].clone() };
        wire.issuers.push(second);
        wire.add_neighbour("second");
        wire.bindings[1].issuer = "second".into();
        wire.bindings[1].audiences = vec!["second".into()];
    });
    assert_eq!(gateway.denial(&ask), Denial::IssuerAmbiguous);
}

#[test]
fn a_verifying_route_rechecks_as_well() {
    let verify_only = || Wire::changed(|wire| wire.routes[0].exchange = Exchange::None);
    let changes: [(Change, Denial); 4] = [
        (|wire| wire.issuers[0].keys = inline(&[9]), Denial::UnknownKid),
        (|wire| wire.bindings.clear(), Denial::AudienceMismatch),
        (|wire| wire.clients[0].enabled = false, Denial::ClientUnknown),
        (|wire| wire.routes[0].scopes.push("admin".into()), Denial::ScopeNotAllowed),
    ];
    for (change, denial) in changes {
        let mut gateway = Gateway::new(verify_only());
        let ask = Ask::bearing(&Token::valid().sign());
        let _ = gateway.forward(&ask);
        gateway.adopt(change);
        assert_eq!(gateway.denial(&ask), denial);
    }
}
