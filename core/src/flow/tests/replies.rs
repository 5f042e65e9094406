//! What a refused caller sees: status, headers and body, byte for byte.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    denial::Denial,
    fixture::{Ask, Gateway, NOW, Token, Wire},
    flow::Response,
    wire::{changes::Revoked, snapshot::Route},
};

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
    let mut all = vec![("cache-control", "no-store")];
    all.extend_from_slice(headers);
    let headers = all.into_iter().map(|(name, value)| (name, String::from(value))).collect();
    Response { status, headers, body: body.into() }
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn invalid_token() -> Response {
    let challenge = ("www-authenticate", "Bearer error=\"invalid_token\"");
    answer(401, &[challenge, JSON], "{\"error\":\"invalid_token\"}\n")
}

fn unavailable() -> Response {
    answer(503, &[("retry-after", "1"), JSON], "{\"error\":\"temporarily_unavailable\"}\n")
}

#[test]
fn a_missing_token_gets_a_challenge_without_an_error() {
    let (response, _) = Gateway::valid().reply(&Ask::bare());
    assert_eq!(response, answer(401, &[("www-authenticate", "Bearer")], ""));
}

#[test]
fn all_that_is_wrong_with_a_token_looks_alike() {
    let valid = Token::valid;
    let tokens: Vec<String> = vec![
        "a.b.c".into(),
        valid().forged(),
        valid().sign_with(9),
        valid().with("iss", "https://other.example").sign(),
        valid().header("alg", "none").sign(),
        valid().header("alg", "HS256").sign(),
        valid().header("typ", "logout+jwt").sign(),
        valid().header("kid", "other").sign(),
        valid().with("exp", NOW).sign(),
        valid().with("nbf", NOW + 61).sign(),
        valid().with("exp", NOW + 1_000_000).sign(),
        valid().with("aud", "other").sign(),
        valid().with("sub", "stranger").sign(),
    ];
    for token in tokens {
        assert_eq!(Gateway::valid().reply(&Ask::bearing(&token)).0, invalid_token());
    }
    let mut gateway = Gateway::valid();
    gateway.revoke(Revoked { clients: vec!["cl_shop".into()], ..Default::default() });
    assert_eq!(gateway.reply(&Ask::bearing(&Token::valid().sign())).0, invalid_token());
}

#[test]
fn a_malformed_carrier_is_a_bad_request() {
    let bad = answer(400, &[JSON], "{\"error\":\"invalid_request\"}\n");
    let no_path = Ask { path: Vec::new(), ..Ask::bare() };
    let twice = Ask { authorization: vec![b"Bearer a".to_vec(); 2], ..Ask::bare() };
    let broken = Ask { authorization: vec![b"Bearer a b".to_vec()], ..Ask::bare() };
    for ask in [no_path, twice, broken, Ask::bearing(&"x".repeat(16_385))] {
        assert_eq!(Gateway::valid().reply(&ask).0, bad);
    }
}

#[test]
fn a_refused_scope_names_the_scopes_that_are_needed() {
    let wire = Wire::changed(|wire| wire.routes[0].scopes = vec!["orders.read".into(), "admin".into()]);
    let (response, _) = Gateway::new(wire).reply(&Ask::bearing(&Token::valid().sign()));
    let challenge = ("www-authenticate", "Bearer error=\"insufficient_scope\", scope=\"orders.read admin\"");
    assert_eq!(response, answer(403, &[challenge, JSON], "{\"error\":\"insufficient_scope\"}\n"));
}

#[test]
fn a_request_of_no_route_is_forbidden() {
    let (response, _) = Gateway::valid().reply(&Ask { authority: b"other.example".to_vec(), ..Ask::bare() });
    let challenge = ("www-authenticate", "Bearer error=\"insufficient_scope\"");
    assert_eq!(response, answer(403, &[challenge, JSON], "{\"error\":\"insufficient_scope\"}\n"));
}

#[test]
fn what_we_cannot_tell_asks_to_come_back() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.signing_keys.clear()));
    let ask = Ask::bearing(&Token::valid().sign());
    assert_eq!(gateway.reply(&ask).0, unavailable());
    gateway.pass_secs(3_601);
    assert_eq!(gateway.reply(&ask).0, unavailable());
}

#[test]
fn every_denial_has_the_status_of_its_kind() {
    use Denial as D;
    for denial in Denial::ALL {
        let (status, error, retry_after) = match denial {
            D::TokenMissing => (401, None, None),
            D::TokenMalformed
            | D::TokenTooLarge
            | D::MultipleTokens
            | D::DuplicateParameter
            | D::RequestMalformed => (400, Some("invalid_request"), None),
            D::RequestTooLarge => (413, Some("invalid_request"), None),
            D::MethodNotAllowed => (405, Some("invalid_request"), None),
            D::GrantUnknown => (400, Some("unsupported_grant_type"), None),
            D::JwtMalformed
            | D::IssuerNotAllowed
            | D::IssuerAmbiguous
            | D::BadSignature
            | D::AlgNotAllowed
            | D::TypNotAllowed
            | D::UnknownKid
            | D::TokenExpired
            | D::TokenNotYetValid
            | D::TokenTooOld
            | D::TokenReplayed
            | D::AudienceMismatch
            | D::IdentityNotFound
            | D::IdentityPending
            | D::IdentityRevoked => (401, Some("invalid_token"), None),
            D::ConditionFalse
            | D::TargetNotAllowed
            | D::ScopeNotAllowed
            | D::ActorNotAllowed
            | D::ClientUnknown
            | D::ClientAuthFailed
            | D::GrantDisabled
            | D::RouteUnknown
            | D::BindingAmbiguous => (403, Some("insufficient_scope"), None),
            D::RateLimited => (429, Some("temporarily_unavailable"), Some("6")),
            D::Overloaded | D::KeysUnavailable | D::ConfigStale | D::UpstreamStsUnavailable => {
                (503, Some("temporarily_unavailable"), Some("1"))
            }
            D::Internal => (500, Some("server_error"), None),
        };
        let response = Response::denial(denial, None);
        let header =
            |name: &str| response.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| &**value);
        assert_eq!(response.status, status, "{denial:?}");
        assert_eq!(
            response.body,
            error.map_or_else(String::new, |error| format!("{{\"error\":\"{error}\"}}\n"))
        );
        assert_eq!(header("retry-after"), retry_after, "{denial:?}");
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("www-authenticate").is_some(), matches!(status, 401 | 403), "{denial:?}");
        assert!(!response.body.contains(denial.reason()) || denial.reason() == "internal");
    }
}

#[test]
fn a_challenge_holds_nothing_that_the_caller_sent() {
    let marker = "INJECTED";
    let asks = [
        Ask::bearing(&Token::valid().with("iss", marker).sign()),
        Ask::bearing(&Token::valid().header("kid", marker).sign()),
        Ask::bearing(marker),
        Ask::bare().to("/INJECTED/../x"),
        Ask { authority: b"INJECTED.example".to_vec(), ..Ask::bare() },
    ];
    for ask in asks {
        let (Response { headers, body, .. }, _) = Gateway::valid().reply(&ask);
        assert!(!body.contains(marker) && headers.iter().all(|(_, value)| !value.contains(marker)));
    }
}

#[test]
fn a_verified_caller_learns_nothing_of_other_routes() {
    let mut wire = Wire::valid();
    let second = Route { id: "second".into(), host: "other.example".into(), ..wire.routes[0].clone() };
    wire.routes.push(second);
    let mut gateway = Gateway::new(wire);
    let unknown = gateway.reply(&Ask { authority: b"nowhere.example".to_vec(), ..Ask::bare() }).0;
    let twisted = gateway.reply(&Ask::bare().to("/a/../b")).0;
    assert_eq!(unknown, twisted);
}
