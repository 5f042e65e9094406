//! Tokens of ours on a route: in place of an exchange, and at a sidecar that trusts nobody else.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec};

use serde_json::json;

use super::ways::Way;
use crate::{
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, NOW, Signer, TARGET, Token, Wire},
    flow::{Counted, Credential},
    wire::{
        changes::{Changes, Revoked, RevokedJti},
        snapshot::{Condition, Enforcement, Exchange, Mode, Place, Profile},
    },
};

const AUTHORITY: &str = "https://authority.example";
const IDENTITY: &str = "idn_hbuk7xktlysbc72uzh4bipdysmhrxzimpvfdnro6tqunpbquznfa";

/// The access token that the valid gateway mints.
fn minted() -> String {
    Gateway::valid().exchange(&Token::valid().sign()).0
}

/// A token as the authority would write it, and as only its key can sign it.
fn ours() -> Token {
    Token::valid()
        .header("typ", "at+jwt")
        .header("kid", "fleet-1")
        .with("iss", AUTHORITY)
        .with("sub", IDENTITY)
        .with("aud", TARGET)
        .with("client_id", "cl_shop")
        .with("scope", "orders.read orders.write")
        .with("jti", "one")
        .with("iat", NOW)
        .with("exp", NOW + 900)
}

/// A sidecar: one route that takes access tokens for the target, and nothing that could exchange.
fn sidecar() -> Wire {
    Wire::changed(|wire| {
        let published = json!({ "keys": [Signer::numbered(FLEET_KEY).jwk()] });
        let mut key = published.clone();
        key["keys"][0]["kid"] = "fleet-1".into();
        wire.authority_jwks = Some(key);
        wire.issuers.clear();
        wire.bindings.clear();
        wire.signing_keys.clear();
        wire.routes[0].place = Place::Sidecar;
        wire.routes[0].exchange = Exchange::None;
        wire.routes[0].target = Some(TARGET.into());
    })
}

fn denial(gateway: &mut Gateway, token: &str) -> Denial {
    gateway.denial(&Ask::bearing(token))
}

#[test]
fn a_sidecar_takes_what_the_gateway_minted() {
    let token = minted();
    for (forward, expected) in [(false, Credential::Remove), (true, Credential::Keep)] {
        let mut gateway = Gateway::new(sidecar());
        gateway.adopt(|wire| wire.routes[0].forward = forward);
        let edits = gateway.forward(&Ask::bearing(&token));
        assert_eq!((edits.report.counted, edits.credential), (Counted::Verified, expected.clone()));
        let edits = gateway.forward(&Ask::bearing(&token));
        assert_eq!((edits.report.counted, edits.credential), (Counted::VerifiedCached, expected));
        assert_eq!(gateway.crypto.counts(), (1, 0));
    }
}

#[test]
fn a_route_that_exchanges_lets_it_on_as_it_is() {
    let mut gateway = Gateway::valid();
    gateway.adopt(|wire| wire.routes[0].target = Some(TARGET.into()));
    let token = minted();
    for counted in [Counted::Verified, Counted::VerifiedCached] {
        let edits = gateway.forward(&Ask::bearing(&token));
        assert_eq!((edits.report.counted, edits.credential), (counted, Credential::Keep));
    }
    // Without a target nobody said that it is meant for what is behind the route.
    gateway.adopt(|wire| wire.routes[0].target = None);
    assert_eq!(denial(&mut gateway, &token), Denial::AudienceMismatch);
}

#[test]
fn each_claim_must_fit() {
    let rows = [
        (ours().with("aud", "https://other.example"), Denial::AudienceMismatch),
        (ours().with("client_id", "cl_other"), Denial::ClientUnknown),
        (ours().with("scope", "orders.write"), Denial::ScopeNotAllowed),
        (ours().without("scope"), Denial::ScopeNotAllowed),
        (ours().with("exp", NOW), Denial::TokenExpired),
        (ours().with("nbf", NOW + 61), Denial::TokenNotYetValid),
        (ours().with("exp", NOW + 3_661), Denial::TokenTooOld),
        (ours().without("client_id"), Denial::TypNotAllowed),
        (ours().without("jti"), Denial::TypNotAllowed),
        (ours().header("kid", "other"), Denial::UnknownKid),
        (ours().header("typ", "JWT"), Denial::TypNotAllowed),
        (ours().header("typ", "id+jwt"), Denial::TypNotAllowed),
        (ours().header("typ", "id+jwt").with("cambist_identity", IDENTITY), Denial::TypNotAllowed),
        (ours().without_header("typ").with("cambist_identity", IDENTITY), Denial::TypNotAllowed),
        (ours().without_header("typ"), Denial::TypNotAllowed),
    ];
    for (token, expected) in rows {
        assert_eq!(denial(&mut Gateway::new(sidecar()), &token.sign_with(FLEET_KEY)), expected);
    }
    let good = ours().header("typ", "application/AT+JWT").with("aud", vec!["x", TARGET]).sign_with(FLEET_KEY);
    let mut gateway = Gateway::new(sidecar());
    gateway.forward(&Ask::bearing(&good));
    assert_eq!(denial(&mut gateway, &ours().sign()), Denial::BadSignature);
    // Nobody else is trusted.
    assert_eq!(denial(&mut gateway, &Token::valid().sign()), Denial::IssuerNotAllowed);
}

/// Whatever a binding makes of the subject, a sidecar knows whose token it is.
#[test]
fn a_sidecar_knows_the_identity_behind_every_shape() {
    for (profile, template) in
        [(Profile::AtJwt, "k8s:${jwt.claim.sub}"), (Profile::JwtSvid, "spiffe://td.example/${issuer.id}")]
    {
        let wire = Wire::changed(|wire| {
            wire.bindings[0].profile = profile;
            wire.bindings[0].subject_template = Some(template.into());
        });
        let issuer = wire.issuers[0].id.clone();
        let (token, _) = Gateway::new(wire).exchange(&Token::valid().sign());
        for revoked in [
            Revoked { identities: vec![IDENTITY.into()], ..Revoked::default() },
            // What was issued for the workloads of an issuer goes with it.
            Revoked { issuers: vec![issuer.clone()], ..Revoked::default() },
        ] {
            let mut gateway = Gateway::new(sidecar());
            gateway.forward(&Ask::bearing(&token));
            gateway.revoke(Revoked { issuers: vec!["other".into()], ..Revoked::default() });
            gateway.forward(&Ask::bearing(&token));
            gateway.revoke(revoked);
            assert_eq!(denial(&mut gateway, &token), Denial::IdentityRevoked, "{profile:?}");
        }
    }
}

#[test]
fn a_jwt_svid_names_its_identity_in_a_claim() {
    let svid =
        ours().header("typ", "JWT").with("sub", "spiffe://td.example/x").with("cambist_identity", IDENTITY);
    let mut gateway = Gateway::new(sidecar());
    gateway.forward(&Ask::bearing(&svid.sign_with(FLEET_KEY)));
    gateway.revoke(Revoked { identities: vec![IDENTITY.into()], ..Revoked::default() });
    assert_eq!(denial(&mut gateway, &svid.sign_with(FLEET_KEY)), Denial::IdentityRevoked);
}

#[test]
fn what_is_revoked_is_refused_though_it_is_known() {
    let token = ours().with("workload", json!({ "issuer": "eks" })).sign_with(FLEET_KEY);
    let revoked = |revoke, jtis| Changes { epoch: 8, revoke, jtis, ..Changes::default() };
    let jti = vec![RevokedJti { jti: "one".into(), exp: NOW + 900 }];
    for changes in [
        revoked(Revoked { identities: vec![IDENTITY.into()], ..Revoked::default() }, vec![]),
        revoked(Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() }, vec![]),
        revoked(Revoked { issuers: vec!["eks".into()], ..Revoked::default() }, vec![]),
        revoked(Revoked::default(), jti),
    ] {
        let mut gateway = Gateway::new(sidecar());
        gateway.forward(&Ask::bearing(&token));
        gateway.state.denylist.apply(changes, gateway.now);
        assert_eq!(denial(&mut gateway, &token), Denial::IdentityRevoked);
    }
}

#[test]
fn every_reason_is_asked_again_for_a_known_token() {
    let token = ours().sign_with(FLEET_KEY);
    let mut gateway = Gateway::new(sidecar());
    gateway.forward(&Ask::bearing(&token));
    gateway.adopt(|wire| wire.routes[0].scopes = vec!["admin".into()]);
    assert_eq!(denial(&mut gateway, &token), Denial::ScopeNotAllowed);
    gateway.adopt(|wire| {
        wire.routes[0].scopes.clear();
        wire.clients[0].enabled = false;
    });
    assert_eq!(denial(&mut gateway, &token), Denial::ClientUnknown);
    gateway.adopt(|wire| {
        wire.clients[0].enabled = true;
        wire.routes[0].target = Some("https://other.example".into());
    });
    assert_eq!(denial(&mut gateway, &token), Denial::AudienceMismatch);
    gateway.adopt(|wire| wire.routes[0].target = Some(TARGET.into()));
    gateway.forward(&Ask::bearing(&token));
    gateway.adopt(|wire| wire.authority_jwks = Some(json!({ "keys": [Signer::numbered(9).jwk()] })));
    assert_eq!(denial(&mut gateway, &token), Denial::UnknownKid);
    gateway.adopt(|wire| *wire = sidecar());
    gateway.pass_secs(900);
    assert_eq!(denial(&mut gateway, &token), Denial::TokenExpired);
}

#[test]
fn conditions_see_its_claims() {
    let condition = |value: &str| {
        let text = json!({ "attribute": "jwt.claim.team", "equals": value });
        serde_json::from_value::<Condition>(text).expect("a condition")
    };
    let token = ours().with("team", "a").sign_with(FLEET_KEY);
    for _ in 0..2 {
        let mut gateway = Gateway::new(sidecar());
        gateway.adopt(|wire| wire.routes[0].condition = Some(condition("a")));
        gateway.forward(&Ask::bearing(&token));
        gateway.adopt(|wire| wire.routes[0].condition = Some(condition("b")));
        assert_eq!(denial(&mut gateway, &token), Denial::ConditionFalse);
    }
}

#[test]
fn an_observed_route_says_what_it_would_do() {
    let mut gateway = Gateway::new(sidecar());
    gateway.adopt(|wire| wire.routes[0].mode = Mode::Observe);
    let edits = gateway.forward(&Ask::bearing(&ours().with("scope", "x").sign_with(FLEET_KEY)));
    assert_eq!(edits.report.counted, Counted::Observed(Some(Denial::ScopeNotAllowed)));
    assert_eq!(edits.credential, Credential::Keep);
}

#[test]
fn where_another_issuer_mints_ours_is_not_wanted() {
    let mut gateway = Way::External.gateway();
    let published = sidecar().authority_jwks;
    gateway.adopt(|wire| {
        wire.authority_jwks = published;
        wire.routes[0].target = Some(TARGET.into());
    });
    assert_eq!(denial(&mut gateway, &ours().sign_with(FLEET_KEY)), Denial::IssuerNotAllowed);
}

#[test]
fn a_condition_on_trial_is_followed_for_a_token_of_ours_too() {
    let mut wire = sidecar();
    wire.routes[0].condition =
        serde_json::from_value(json!({ "attribute": "jwt.claim.scope", "equals": "nothing" })).unwrap();
    let ask = Ask::bearing(&ours().sign_with(FLEET_KEY));
    let mut gateway = Gateway::new(wire);
    assert_eq!(gateway.denial(&ask), Denial::ConditionFalse);
    gateway.adopt(|wire| wire.routes[0].condition_enforcement = Enforcement::Audit);
    let report = gateway.forward(&ask).report;
    assert_eq!(report.shadows.len(), 1);
    assert_eq!(report.shadows[0].denial, Some(Denial::ConditionFalse));
    let event = report.shadows[0].event.as_deref().unwrap();
    assert_eq!(event.shadow.as_ref().unwrap().rule, "route/api/condition");
    assert!(gateway.forward(&ask).report.shadows[0].event.is_none(), "recorded once");
}
