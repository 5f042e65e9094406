//! What the token endpoint grants, and what the authority publishes.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use serde_json::{Value, json};

use crate::{
    exchange::{Venue, form::MAX_BODY_BYTES},
    fixture::{Ask, FLEET_KEY, Gateway, ISSUER_KEY, NOW, SUBJECT, Signer, TARGET, Token, Wire},
    flow::{Answer, Call, Counted, Hosts, Remote, Response, Step},
    keyring::Fetched,
    wire::{
        event::Outcome,
        mint::{EndpointRequest, MintRequest},
        snapshot::{GrantType, KeySource},
    },
};

pub(super) const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A valid snapshot whose client may use both grants.
pub(super) fn wire() -> Wire {
    Wire::changed(|wire| {
        wire.clients[0].grant_types = vec![GrantType::JwtBearer, GrantType::TokenExchange];
    })
}

/// A gateway of `wire` that answers as the authority on every host.
pub(super) fn gateway(wire: Wire) -> Gateway {
    let mut gateway = Gateway::new(wire);
    gateway.state.endpoints = Hosts::every();
    gateway
}

pub(super) fn bearer(token: &str, more: &str) -> String {
    format!("grant_type={BEARER}&assertion={token}{more}")
}

pub(super) fn exchange(token: &str, more: &str) -> String {
    format!("grant_type={EXCHANGE}&subject_token={token}&subject_token_type={JWT}{more}")
}

/// Members of a good answer, and the claims of its token.
pub(super) fn opened(response: &Response) -> (Value, Value) {
    assert_eq!(response.status, 200, "{}", response.body);
    let members: Value = serde_json::from_str(&response.body).unwrap();
    let token = members["access_token"].as_str().expect("an access token");
    let (header, claims) = Signer::numbered(FLEET_KEY).open(token).expect("signed by the fleet key");
    assert_eq!(header["typ"], "at+jwt");
    (members, claims)
}

fn no_store() -> Vec<(&'static str, String)> {
    vec![
        ("cache-control", "no-store".into()),
        ("pragma", "no-cache".into()),
        ("content-type", "application/json".into()),
    ]
}

#[test]
fn an_assertion_becomes_an_access_token() {
    let (response, report) = gateway(wire()).post(&Ask::form(), &bearer(&Token::valid().sign(), ""));
    let (members, claims) = opened(&response);
    assert_eq!(response.headers, no_store());
    let token = members["access_token"].clone();
    assert_eq!(
        members,
        json!({
            "access_token": token, "token_type": "Bearer", "expires_in": 900, "scope": "orders.read orders.write",
        })
    );
    assert_eq!(claims["aud"], TARGET);
    assert_eq!(claims["exp"], NOW + 900);
    assert_eq!(claims["scope"], "orders.read orders.write");
    assert_eq!(claims["client_id"], "cl_shop");
    assert_eq!(claims["workload"]["sub"], SUBJECT);
    assert_eq!(report.counted, Counted::Minted);
    let event = report.event();
    assert_eq!(
        (event.outcome, event.grant, event.route.as_deref()),
        (Outcome::Mint, Some(GrantType::JwtBearer), None)
    );
    assert_eq!(event.identity.as_ref().unwrap().subject, SUBJECT);
}

#[test]
fn an_exchange_says_what_it_issued() {
    for (more, issued) in
        [("", "access_token"), ("&requested_token_type=urn:ietf:params:oauth:token-type:jwt", "jwt")]
    {
        let (response, report) = gateway(wire()).post(&Ask::form(), &exchange(&Token::valid().sign(), more));
        let (members, _) = opened(&response);
        assert_eq!(members["issued_token_type"], format!("urn:ietf:params:oauth:token-type:{issued}"));
        assert_eq!(report.event().grant, Some(GrantType::TokenExchange));
    }
}

#[test]
fn the_json_form_is_answered_in_kind() {
    let ask =
        Ask { content_type: Some(b"application/json".to_vec()), ..Ask::form().to("/v1/auth/oidc/exchange") };
    let body = json!({"token": Token::valid().sign(), "scope": "orders.read"});
    let (members, _) = opened(&gateway(wire()).post(&ask, &body.to_string()).0);
    assert_eq!(members["token"], members["access_token"]);
    assert_eq!(members["scope"], "orders.read");
}

#[test]
fn what_is_asked_for_is_what_is_granted() {
    let mut gateway = gateway(Wire {
        bindings: Wire::changed(|wire| wire.bindings[0].targets.push("https://r.example/".into())).bindings,
        ..wire()
    });
    let token = Token::valid().sign();
    for (more, scope, aud) in [
        ("", "orders.read orders.write", TARGET),
        ("&scope=openid", "orders.read orders.write", TARGET),
        ("&scope=openid+orders.write", "orders.write", TARGET),
        ("&resource=https://r.example/", "orders.read orders.write", "https://r.example/"),
        ("&scope=orders.read&audience=https://orders.internal", "orders.read", TARGET),
    ] {
        let (members, claims) = opened(&gateway.post(&Ask::form(), &bearer(&token, more)).0);
        assert_eq!((&members["scope"], &claims["scope"]), (&json!(scope), &json!(scope)), "{more}");
        assert_eq!(claims["aud"], aud, "{more}");
    }
}

#[test]
fn every_answer_is_a_token_of_its_own_with_all_of_its_life() {
    let mut gateway = gateway(wire());
    let body = bearer(&Token::valid().sign(), "");
    let (_, first) = opened(&gateway.post(&Ask::form(), &body).0);
    gateway.pass_secs(600);
    let (members, second) = opened(&gateway.post(&Ask::form(), &body).0);
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!((&members["expires_in"], &second["exp"]), (&json!(900), &json!(NOW + 1_500)));
    assert_eq!(gateway.crypto.counts().0, 1, "the second time the token is known");
    gateway.pass_millis(2_300_500);
    let (members, last) = opened(&gateway.post(&Ask::form(), &body).0);
    assert_eq!((&members["expires_in"], &last["exp"]), (&json!(699), &json!(NOW + 3_600)));
}

#[test]
fn the_body_comes_first_and_is_kept_while_keys_are_fetched() {
    let mut gateway = gateway(Wire {
        issuers: Wire::changed(|wire| {
            wire.issuers[0].keys = KeySource::JwksUri { uri: "https://k.example/".into() }
        })
        .issuers,
        ..wire()
    });
    let Step::NeedBody { flow } = gateway.start(&Ask::form()) else { panic!("does not want the body") };
    let body = bearer(&Token::valid().sign(), "");
    let weight = flow.weight();
    let (flow, call) = gateway.resume(&flow, &Answer::Body(body.clone().into())).into_call();
    assert_eq!(call, Call::FetchKeys { issuer: "shop-cluster".into() });
    assert!(flow.weight() >= weight + body.len());
    let fetch = gateway.due();
    let keys = json!({"keys": [Signer::numbered(ISSUER_KEY).jwk()]}).to_string();
    gateway.finish(&fetch, Fetched::Answer { status: 200, body: keys.as_bytes(), max_age: None });
    opened(&gateway.resume(&flow, &Answer::Ready).into_reply().0);
}

#[test]
fn without_a_snapshot_the_body_is_read_and_then_it_waits() {
    let mut gateway = Gateway::without_snapshot();
    gateway.state.endpoints = Hosts::every();
    let (flow, call) = gateway.post_step(&Ask::form(), &bearer(&Token::valid().sign(), "")).into_call();
    assert_eq!(call, Call::AwaitSnapshot);
    let (response, _) = gateway.resume(&flow, &Answer::TimedOut(call)).into_reply();
    assert_eq!((response.status, &*response.body), (503, "{\"error\":\"temporarily_unavailable\"}\n"));
    gateway.wire = wire();
    gateway.adopt(|_| ());
    opened(&gateway.resume(&flow, &Answer::Ready).into_reply().0);
}

#[test]
fn without_a_key_the_control_plane_is_asked_for_what_would_be_granted() {
    let mut gateway = gateway(Wire { signing_keys: Vec::new(), ..wire() });
    let ask = Ask { authorization: Vec::new(), ..Ask::form() };
    let body = bearer(&Token::valid().sign(), "&scope=orders.read");
    let (flow, call) = gateway.post_step(&ask, &body).into_call();
    let Call::MintRemotely { body: sent } = &call else { panic!("{call:?}") };
    let Ok(MintRequest::Endpoint(EndpointRequest { path, headers, body: said })) =
        serde_json::from_slice(sent)
    else {
        panic!("no request of the endpoint")
    };
    assert_eq!((&*path, said), ("/oauth2/v1/token", body.clone()));
    assert_eq!(
        headers.into_iter().collect::<Vec<_>>(),
        [("content-type".into(), "application/x-www-form-urlencoded".into())]
    );
    let mut answered = |status: u16, body: &str| {
        let content_type = Some("application/json".into());
        let remote = Remote { status, content_type, body: body.into(), ..Remote::default() };
        let (response, _) = gateway.resume(&flow, &Answer::Remote(call.clone(), remote)).into_reply();
        (response.status, response.body)
    };
    let good = "{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\",\"expires_in\":1}\n";
    assert_eq!(answered(200, good), (200, good.into()));
    assert_eq!(
        answered(400, "{\"error\":\"invalid_scope\"}\n"),
        (400, "{\"error\":\"invalid_scope\"}\n".into())
    );
    let unavailable = (503, String::from("{\"error\":\"temporarily_unavailable\"}\n"));
    for (status, body) in [
        (0, ""),
        (200, "{}"),
        (200, "x"),
        (204, good),
        (401, "{\"title\":\"Unauthorized\"}"),
        (403, "{\"error\":\"invalid_scope\"}"),
        (400, "{\"error\":\"made_up\"}"),
        (503, "{\"error\":\"temporarily_unavailable\"}"),
    ] {
        assert_eq!(answered(status, body), unavailable, "{status} {body}");
    }
    // What is not granted anyway is not asked for.
    let (response, _) = gateway.post(&Ask::form(), &bearer(&Token::valid().sign(), "&scope=admin"));
    assert_eq!(response.status, 400);
}

#[test]
fn the_authority_says_what_it_is_and_which_grants_it_serves() {
    for (venue, grants) in [(Venue::Gateway, 2), (Venue::ControlPlane, 3)] {
        let mut gateway = gateway(wire());
        gateway.state.venue = venue;
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server?x=y"] {
            let (response, report) = gateway.reply(&Ask::bare().to(path));
            let members: Value = serde_json::from_str(&response.body).unwrap();
            assert_eq!(members["issuer"], "https://authority.example");
            assert_eq!(members["token_endpoint"], "https://authority.example/oauth2/v1/token");
            assert_eq!(members["grant_types_supported"].as_array().unwrap().len(), grants);
            assert_eq!(response.headers[0], ("cache-control", "public, max-age=300".into()));
            assert!(report.counted == Counted::Document && report.event.is_none());
        }
    }
}

#[test]
fn an_authority_with_a_path_is_found_below_it() {
    let mut gateway = gateway(Wire::changed(|wire| wire.header.authority = "https://a.example/t/x".into()));
    for (path, status) in [
        ("/t/x/.well-known/openid-configuration", 200),
        ("/.well-known/oauth-authorization-server/t/x", 200),
        ("/t/x/oauth2/v1/keys", 200),
        ("/oauth2/v1/keys", 200),
        ("/t/oauth2/v1/keys", 401),
        ("/.well-known/oauth-authorization-server/t", 401),
        ("/t/x", 401),
    ] {
        assert_eq!(gateway.reply(&Ask::bare().to(path)).0.status, status, "{path}");
    }
}

#[test]
fn other_hosts_and_spellings_are_routes() {
    let mut gateway = gateway(wire());
    gateway.state.endpoints = Hosts::new(vec!["auth.example".into(), "*.auth.example".into()]).unwrap();
    let mut statuses = |host: &str, path: &str| {
        let ask = Ask { authority: host.into(), ..Ask::bare().to(path) };
        gateway.reply(&ask).0.status
    };
    assert_eq!(statuses("auth.example:443", "/oauth2/v1/keys"), 200);
    assert_eq!(statuses("AUTH.example", "/oauth2/v1/keys"), 200);
    assert_eq!(statuses("x.auth.example", "/oauth2/v1/keys"), 200);
    assert_eq!(statuses("api.example", "/oauth2/v1/keys"), 401);
    assert_eq!(statuses("xauth.example", "/oauth2/v1/keys"), 403);
    for path in ["/oauth2/v1/keys/", "/oauth2/v1/Keys", "/oauth2/v1/k%65ys", "/x/oauth2/v1/keys"] {
        assert_eq!(statuses("auth.example", path), 403, "{path}");
    }
    assert!(Hosts::new(vec!["*".into(), "A.example".into()]) == Err("A.example".into()));
    let mut closed = Gateway::new(wire());
    assert_eq!(closed.reply(&Ask::bare().to("/oauth2/v1/keys")).0.status, 401);
}

#[test]
fn a_body_that_is_too_long_is_not_read() {
    let mut gateway = gateway(wire());
    let (response, _) = gateway.post(&Ask::form(), &"x".repeat(MAX_BODY_BYTES + 1));
    assert_eq!((response.status, &*response.body), (413, "{\"error\":\"invalid_request\"}\n"));
}

/// Its head is gone on already, so the request cannot become one of a route, whatever it presents.
#[test]
fn a_request_whose_body_was_read_is_never_forwarded() {
    let mut gateway = gateway(wire());
    let token = Token::valid().sign();
    let ask = Ask { authorization: vec![format!("Bearer {token}").into_bytes()], ..Ask::form() };
    let Step::NeedBody { flow } = gateway.start(&ask) else { panic!("does not want the body") };
    gateway.state.endpoints = Hosts::default();
    let (response, _) = gateway.resume(&flow, &Answer::Body(bearer(&token, "").into())).into_reply();
    assert_eq!(response.status, 503);
    gateway.state.endpoints = Hosts::every();
    assert_eq!(gateway.resume(&flow, &Answer::Body(Vec::new())).into_reply().0.status, 400);
}
