//! What the token endpoint refuses, and how it says so.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use super::endpoint::{self, BEARER, bearer, exchange, gateway, wire};
use crate::{
    bearer::MAX_TOKEN_BYTES,
    denial::Denial,
    fixture::{Ask, FLEET_KEY, Gateway, Token, Wire},
    flow::{Counted, Response},
    wire::{changes::Revoked, snapshot::GrantType},
};

/// Answer and reason of a request that must be refused.
fn refused(gateway: &mut Gateway, ask: &Ask, body: &str) -> (Response, Denial) {
    let (response, report) = gateway.post(ask, body);
    let Counted::Denied(denial) = report.counted else { panic!("not refused: {}", response.body) };
    assert_eq!(report.event().reason.as_deref(), Some(denial.reason()));
    (response, denial)
}

#[track_caller]
fn assert_error(response: &Response, status: u16, error: &str) {
    assert_eq!((response.status, &*response.body), (status, &*format!("{{\"error\":\"{error}\"}}\n")));
    assert!(response.headers.contains(&("cache-control", "no-store".into())));
    assert!(response.headers.contains(&("content-type", "application/json".into())));
}

#[test]
fn a_bad_token_is_invalid_grant_or_for_an_exchange_invalid_request() {
    let long = "x".repeat(MAX_TOKEN_BYTES + 1);
    let revoked = Revoked { clients: vec!["cl_shop".into()], ..Revoked::default() };
    let rows: Vec<(String, Denial)> = vec![
        ("x".into(), Denial::JwtMalformed),
        ("a.b.c".into(), Denial::JwtMalformed),
        (Token::valid().with("iss", "https://other.example").sign(), Denial::IssuerNotAllowed),
        (
            Token::valid().with("iss", "https://authority.example").sign_with(FLEET_KEY),
            Denial::IssuerNotAllowed,
        ),
        (Token::valid().forged(), Denial::BadSignature),
        (Token::valid().header("typ", "dpop+jwt").sign(), Denial::TypNotAllowed),
        (Token::valid().header("kid", "other").sign(), Denial::UnknownKid),
        (Token::valid().with("exp", crate::fixture::NOW).sign(), Denial::TokenExpired),
        (Token::valid().with("nbf", crate::fixture::NOW + 61).sign(), Denial::TokenNotYetValid),
        (Token::valid().with("aud", "other").sign(), Denial::AudienceMismatch),
        (Token::valid().with("sub", "other").sign(), Denial::IdentityNotFound),
    ];
    for (token, denial) in rows {
        let mut gateway = gateway(wire());
        let (response, reason) = refused(&mut gateway, &Ask::form(), &bearer(&token, ""));
        assert_eq!(reason, denial);
        assert_error(&response, 400, "invalid_grant");
        let (response, reason) = refused(&mut gateway, &Ask::form(), &exchange(&token, ""));
        assert_eq!(reason, denial);
        assert_error(&response, 400, "invalid_request");
    }
    let mut gateway = gateway(wire());
    gateway.revoke(revoked);
    let (response, reason) = refused(&mut gateway, &Ask::form(), &bearer(&Token::valid().sign(), ""));
    assert_eq!(reason, Denial::IdentityRevoked);
    assert_error(&response, 400, "invalid_grant");
    let (response, _) = refused(&mut gateway, &Ask::form(), &bearer(&long, ""));
    assert_error(&response, 400, "invalid_request");
}

#[test]
fn what_we_issued_ourselves_is_not_exchanged_even_where_an_issuer_says_it_is_trusted() {
    let mut wire = wire();
    wire.issuers[0].iss = wire.header.authority.clone();
    let mut gateway = gateway(wire);
    let token = Token::valid().with("iss", "https://authority.example").sign();
    for body in [bearer(&token, ""), exchange(&token, "")] {
        assert_eq!(refused(&mut gateway, &Ask::form(), &body).1, Denial::IssuerNotAllowed);
    }
    // The route takes it, and so it is known; the endpoint still does not.
    gateway.exchange(&token);
    assert_eq!(refused(&mut gateway, &Ask::form(), &bearer(&token, "")).1, Denial::IssuerNotAllowed);
}

#[test]
fn scopes_and_targets_are_never_wider_than_the_binding() {
    let token = Token::valid().sign();
    let mut gateway = gateway(wire());
    for (more, error) in [
        ("&scope=admin", "invalid_scope"),
        ("&scope=orders.read+admin", "invalid_scope"),
        ("&audience=other", "invalid_target"),
        ("&audience=https://orders.internal&audience=other", "invalid_target"),
        ("&resource=https://other.example", "invalid_target"),
        ("&resource=other", "invalid_target"),
        ("&resource=https://orders.internal%23x", "invalid_target"),
    ] {
        for body in [bearer(&token, more), exchange(&token, more)] {
            assert_error(&refused(&mut gateway, &Ask::form(), &body).0, 400, error);
        }
    }
    let mut gateway = endpoint::gateway(Wire {
        bindings: Wire::changed(|wire| wire.bindings[0].targets.clear()).bindings,
        ..wire()
    });
    assert_error(&refused(&mut gateway, &Ask::form(), &bearer(&token, "")).0, 400, "invalid_target");
}

#[test]
fn a_request_that_is_no_form_post_is_refused() {
    let body = bearer(&Token::valid().sign(), "");
    let mut gateway = gateway(wire());
    for method in ["GET", "PUT", "HEAD", "OPTIONS", "post"] {
        let ask = Ask { method: method.into(), ..Ask::form() };
        let (response, reason) = refused(&mut gateway, &ask, &body);
        assert_eq!(reason, Denial::MethodNotAllowed);
        assert_error(&response, 405, "invalid_request");
        assert!(response.headers.contains(&("allow", "POST".into())));
    }
    let json = Some(b"application/json".to_vec());
    for content_type in [None, Some(Vec::new()), json] {
        let ask = Ask { content_type, ..Ask::form() };
        assert_error(&refused(&mut gateway, &ask, &body).0, 400, "invalid_request");
    }
    let ask = Ask { method: b"POST".to_vec(), ..Ask::bare().to("/oauth2/v1/keys") };
    let (response, _) = refused(&mut gateway, &ask, "");
    assert!(response.status == 405 && response.headers.contains(&("allow", "GET".into())));
}

#[test]
fn the_query_is_never_read() {
    let token = Token::valid().sign();
    let mut gateway = gateway(wire());
    let ask = Ask::form().to(&format!("/oauth2/v1/token?{}", bearer(&token, "")));
    assert_error(&refused(&mut gateway, &ask, "").0, 400, "invalid_request");
    let ask = Ask::form().to("/oauth2/v1/token?scope=admin&grant_type=x");
    assert_eq!(gateway.post(&ask, &bearer(&token, "")).0.status, 200);
}

#[test]
fn each_fault_of_the_form_has_its_error() {
    let token = Token::valid().sign();
    let mut gateway = gateway(wire());
    for (body, error, reason) in [
        (String::new(), "invalid_request", Denial::RequestMalformed),
        (
            bearer(&token, "&scope=orders.read&scope=orders.read"),
            "invalid_request",
            Denial::DuplicateParameter,
        ),
        (bearer(&token, &format!("&grant_type={BEARER}")), "invalid_request", Denial::DuplicateParameter),
        (bearer("", ""), "invalid_request", Denial::RequestMalformed),
        ("grant_type=password".into(), "unsupported_grant_type", Denial::GrantUnknown),
        (
            "grant_type=client_credentials&client_id=cl_shop".into(),
            "unsupported_grant_type",
            Denial::GrantUnknown,
        ),
    ] {
        let (response, denial) = refused(&mut gateway, &Ask::form(), &body);
        assert_eq!(denial, reason, "{body}");
        assert_error(&response, 400, error);
    }
}

#[test]
fn what_we_cannot_tell_asks_to_come_back() {
    let mut gateway = gateway(wire());
    gateway.pass_secs(3_601);
    let (response, reason) = refused(&mut gateway, &Ask::form(), &bearer(&Token::valid().sign(), ""));
    assert_eq!(reason, Denial::ConfigStale);
    assert_error(&response, 503, "temporarily_unavailable");
    assert!(response.headers.contains(&("retry-after", "1".into())));
}

#[test]
fn a_grant_that_is_off_or_a_binding_too_many_is_refused() {
    let token = Token::valid().sign();
    let mut gateway = gateway(Wire::valid());
    for more in ["", "&client_id=cl_shop"] {
        let (response, reason) = refused(&mut gateway, &Ask::form(), &bearer(&token, more));
        assert_eq!(reason, Denial::GrantDisabled);
        assert_error(&response, 400, "unauthorized_client");
    }
    gateway.adopt(|wire| wire.clients[0].grant_types = vec![GrantType::TokenExchange]);
    assert_error(&refused(&mut gateway, &Ask::form(), &bearer(&token, "")).0, 400, "unauthorized_client");
    gateway.adopt(|wire| {
        wire.add_neighbour("other");
        wire.bindings[1].subjects = wire.bindings[0].subjects.clone();
    });
    let (response, reason) = refused(&mut gateway, &Ask::form(), &exchange(&token, ""));
    assert_eq!(reason, Denial::BindingAmbiguous);
    assert_error(&response, 400, "invalid_request");
    assert_eq!(gateway.post(&Ask::form(), &exchange(&token, "&client_id=cl_shop")).0.status, 200);
}

#[test]
fn every_denial_has_an_error_that_fits_its_status() {
    let known = [
        (400, "invalid_request"),
        (400, "invalid_grant"),
        (400, "invalid_scope"),
        (400, "invalid_target"),
        (400, "unauthorized_client"),
        (400, "unsupported_grant_type"),
        (401, "invalid_client"),
        (405, "invalid_request"),
        (413, "invalid_request"),
        (429, "temporarily_unavailable"),
        (500, "server_error"),
        (503, "temporarily_unavailable"),
    ];
    for denial in Denial::ALL {
        for grant in [None, Some(GrantType::JwtBearer), Some(GrantType::TokenExchange)] {
            let row = denial.token_endpoint_row(grant);
            assert!(known.contains(&(row.status, row.error.unwrap())), "{denial:?}");
            assert_eq!(row.retry_after.is_some(), matches!(row.status, 429 | 503));
            assert_eq!(row.reason, denial.reason());
            // RFC 8693 has no invalid_grant.
            assert!(grant != Some(GrantType::TokenExchange) || row.error != Some("invalid_grant"));
        }
    }
}
