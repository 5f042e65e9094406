//! Clients at the token endpoint: which one it is, what it proves, and what it gets for itself.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec};

use data_encoding::BASE64;
use serde_json::json;

use super::endpoint::{bearer, gateway, opened, wire};
use crate::{
    denial::Denial,
    digest::Digest,
    exchange::Venue,
    fixture::{Ask, Gateway, NOW, Token, Wire},
    flow::Counted,
    identity::identity_id,
    wire::{
        changes::Revoked,
        snapshot::{ClientAuthentication, ClientCredentials, GrantType, Rate},
    },
};

const SECRET: &str = "the+secret";

fn with_secret() -> Wire {
    let mut wire = wire();
    wire.clients[0].secrets = vec![Digest::of(SECRET.as_bytes()).hex()];
    wire
}

fn basic(secret: &str) -> Ask {
    let pair = format!("cl_shop:{}", secret.replace('+', "%2B"));
    let value = format!("Basic {}", BASE64.encode(pair.as_bytes())).into_bytes();
    Ask { authorization: vec![value], ..Ask::form() }
}

#[track_caller]
fn refused(gateway: &mut Gateway, ask: &Ask, body: &str) -> (u16, String, bool, Denial) {
    let (response, report) = gateway.post(ask, body);
    let Counted::Denied(denial) = report.counted else { panic!("not refused") };
    let challenged = response
        .headers
        .iter()
        .any(|(name, value)| *name == "www-authenticate" && value.starts_with("Basic "));
    (response.status, response.body, challenged, denial)
}

#[test]
fn a_secret_that_is_presented_must_be_right_even_where_none_is_needed() {
    let mut gateway = gateway(with_secret());
    let token = Token::valid().sign();
    let invalid = String::from("{\"error\":\"invalid_client\"}\n");
    for (ask, more) in [
        (Ask::form(), "&client_id=cl_shop"),
        (Ask::form(), "&client_id=cl_shop&client_secret=the%2Bsecret"),
        (basic(SECRET), ""),
        (basic(SECRET), "&client_id=cl_shop"),
    ] {
        assert_eq!(gateway.post(&ask, &bearer(&token, more)).0.status, 200, "{more}");
    }
    for (ask, more, challenged) in [
        (Ask::form(), "&client_id=cl_shop&client_secret=wrong", false),
        (Ask::form(), "&client_id=cl_other", false),
        (Ask::form(), "&client_id=cl_other&client_secret=the%2Bsecret", false),
        (Ask::form(), "&client_id=cl_shop&client_assertion=a.b.c&client_assertion_type=x", false),
        (basic("wrong"), "", true),
        (Ask { authorization: vec![b"Bearer x".to_vec()], ..Ask::form() }, "", true),
    ] {
        let (status, body, has_challenge, _) = refused(&mut gateway, &ask, &bearer(&token, more));
        assert_eq!((status, body, has_challenge), (401, invalid.clone(), challenged), "{more}");
    }
    let (status, ..) = refused(&mut gateway, &basic(SECRET), &bearer(&token, "&client_secret=the%2Bsecret"));
    assert_eq!(status, 400);
}

#[test]
fn a_client_that_must_prove_who_it_is_gets_nothing_without() {
    let mut wire = with_secret();
    wire.clients[0].authentication = ClientAuthentication::Secret;
    let mut gateway = gateway(wire);
    let token = Token::valid().sign();
    for more in ["", "&client_id=cl_shop"] {
        let (status, _, _, denial) = refused(&mut gateway, &Ask::form(), &bearer(&token, more));
        assert_eq!((status, denial), (401, Denial::ClientAuthFailed));
    }
    assert_eq!(gateway.post(&basic(SECRET), &bearer(&token, "")).0.status, 200);
}

#[test]
fn a_token_of_another_client_is_no_token_of_this_one() {
    let mut wire = wire();
    wire.add_neighbour("other");
    wire.clients[1].grant_types = vec![GrantType::JwtBearer];
    let mut gateway = gateway(wire);
    let (status, body, _, denial) =
        refused(&mut gateway, &Ask::form(), &bearer(&Token::valid().sign(), "&client_id=cl_other"));
    assert_eq!((status, &*body, denial), (400, "{\"error\":\"invalid_grant\"}\n", Denial::IdentityNotFound));
    let (_, claims) =
        opened(&gateway.post(&Ask::form(), &bearer(&Token::valid().with("sub", "other").sign(), "")).0);
    assert_eq!(claims["client_id"], "cl_other");
}

#[test]
fn a_disabled_client_is_no_client() {
    let mut wire = wire();
    wire.clients[0].enabled = false;
    let mut gateway = gateway(wire);
    let token = Token::valid().sign();
    assert_eq!(refused(&mut gateway, &Ask::form(), &bearer(&token, "&client_id=cl_shop")).0, 401);
    assert_eq!(refused(&mut gateway, &Ask::form(), &bearer(&token, "")).3, Denial::IdentityNotFound);
}

pub(super) fn with_credentials() -> Gateway {
    let mut wire = with_secret();
    wire.clients[0].grant_types.push(GrantType::ClientCredentials);
    wire.clients[0].credentials = Some(ClientCredentials {
        scopes: vec!["a".into(), "b".into()],
        targets: vec!["https://one.example".into(), "https://two.example".into()],
        ttl: 300,
        audience_tenants: Some(vec!["t1".into()]),
        rate: Rate::default(),
    });
    let mut gateway = gateway(wire);
    gateway.state.venue = Venue::ControlPlane;
    gateway
}

pub(super) const CREDENTIALS: &str = "grant_type=client_credentials";

#[test]
fn a_client_gets_a_token_of_its_own_at_the_control_plane() {
    let mut gateway = with_credentials();
    let (response, report) = gateway.post(&basic(SECRET), &format!("{CREDENTIALS}&scope=b&tenant=t1"));
    let (members, claims) = opened(&response);
    assert_eq!((&members["expires_in"], &members["scope"]), (&json!(300), &json!("b")));
    let id = identity_id("default", "cl_shop", "", "https://authority.example", "cl_shop");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(id), &json!("cl_shop")));
    assert_eq!((&claims["aud"], &claims["exp"]), (&json!("https://one.example"), &json!(NOW + 300)));
    assert_eq!(claims["audience_tenant"], "t1");
    let event = report.event();
    let identity = event.identity.as_ref().unwrap();
    assert_eq!((&*identity.id, &*identity.issuer, &*identity.subject), (&*id, "", "cl_shop"));
    assert_eq!((event.grant, &event.token_sha256), (Some(GrantType::ClientCredentials), &None));
}

#[test]
fn nothing_but_the_secret_gets_it() {
    let ask = Ask::form();
    for (ask, more, denial) in [
        (&ask, "", Denial::ClientAuthFailed),
        (&ask, "&client_id=cl_shop", Denial::ClientAuthFailed),
        (&ask, "&client_id=cl_shop&client_secret=wrong", Denial::ClientAuthFailed),
        (&ask, "&client_id=cl_none&client_secret=the%2Bsecret", Denial::ClientUnknown),
        (&basic(SECRET), "&scope=c", Denial::ScopeNotAllowed),
        (&basic(SECRET), "&audience=https://three.example", Denial::TargetNotAllowed),
        (&basic(SECRET), "&tenant=t2", Denial::TargetNotAllowed),
        (&basic(SECRET), "&subject_token=a.b.c", Denial::RequestMalformed),
    ] {
        let (.., reason) = refused(&mut with_credentials(), ask, &format!("{CREDENTIALS}{more}"));
        assert_eq!(reason, denial, "{more}");
    }
    let mut gateway = with_credentials();
    gateway.state.venue = Venue::Gateway;
    assert_eq!(refused(&mut gateway, &basic(SECRET), CREDENTIALS).3, Denial::GrantUnknown);
    gateway.state.venue = Venue::ControlPlane;
    gateway.adopt(|wire| wire.clients[0].credentials = None);
    assert_eq!(refused(&mut gateway, &basic(SECRET), CREDENTIALS).3, Denial::GrantDisabled);
}

#[test]
fn a_revoked_client_gets_none() {
    let id = identity_id("default", "cl_shop", "", "https://authority.example", "cl_shop");
    for revoke in [
        Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() },
        Revoked { identities: vec![id], ..Revoked::default() },
    ] {
        let mut gateway = with_credentials();
        gateway.revoke(revoke);
        assert_eq!(refused(&mut gateway, &basic(SECRET), CREDENTIALS).3, Denial::IdentityRevoked);
    }
}
