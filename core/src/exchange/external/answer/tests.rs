#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::ToString as _, vec::Vec};

use serde_json::{Value, json};

use super::{Failure, MAX_TOKEN_BYTES, Obtained, read};
use crate::{denial::Denial, userinfo::MAX_BODY_BYTES, wire::snapshot::ExternalGrant};

const JSON: Option<&str> = Some("application/json;charset=UTF-8");
const SCOPE: &str = "orders.read orders.write";

fn good() -> Value {
    json!({
        "access_token": "obtained.token",
        "token_type": "bearer",
        "expires_in": 300,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "refresh_token": "unread",
    })
}

fn exchanged(status: u16, body: &Value) -> Result<Obtained, Failure> {
    read(status, JSON, body.to_string().as_bytes(), ExternalGrant::TokenExchange, SCOPE)
}

fn changed(member: &str, value: Value) -> Result<Obtained, Failure> {
    let mut body = good();
    body[member] = value;
    exchanged(200, &body)
}

fn without(member: &str) -> Result<Obtained, Failure> {
    let mut body = good();
    body.as_object_mut().unwrap().remove(member);
    exchanged(200, &body)
}

#[test]
fn reads_a_good_answer() {
    let Obtained { token, expires_in, scope } = exchanged(200, &good()).ok().unwrap();
    assert_eq!((&*token, expires_in, scope), ("obtained.token", Some(300), None));
    let narrowed = changed("scope", "orders.read".into()).ok().unwrap();
    assert_eq!(narrowed.scope.as_deref(), Some("orders.read"));
    let as_asked = changed("scope", "orders.write orders.read".into()).ok().unwrap();
    assert_eq!(as_asked.scope.as_deref(), Some("orders.write orders.read"));
    assert_eq!(changed("token_type", "BEARER".into()).ok().unwrap().token, "obtained.token");
    let jwt = changed("issued_token_type", "urn:ietf:params:oauth:token-type:jwt".into());
    assert!(jwt.is_ok());
}

#[test]
fn an_assertion_grant_names_no_issued_type() {
    let mut body = good();
    body.as_object_mut().unwrap().remove("issued_token_type");
    let body = body.to_string();
    assert!(read(200, JSON, body.as_bytes(), ExternalGrant::JwtBearer, SCOPE).is_ok());
    let exchanged = read(200, JSON, body.as_bytes(), ExternalGrant::TokenExchange, SCOPE);
    assert_eq!(exchanged.err(), Some(Failure::Malformed));
}

#[test]
fn what_does_not_say_when_it_ends_is_good_and_not_kept() {
    assert_eq!(without("expires_in").ok().unwrap().expires_in, None);
    assert_eq!(changed("expires_in", u64::MAX.into()).ok().unwrap().expires_in, Some(u32::MAX));
}

#[test]
fn one_thing_wrong_is_no_answer() {
    let long = "x".repeat(MAX_TOKEN_BYTES + 1);
    for (member, value, failure) in [
        ("access_token", json!(""), Failure::Malformed),
        ("access_token", json!(7), Failure::Malformed),
        ("access_token", json!("a b"), Failure::Malformed),
        ("access_token", json!("a\r\nx: y"), Failure::Malformed),
        ("access_token", json!("é"), Failure::Malformed),
        ("access_token", json!(long), Failure::Malformed),
        ("token_type", json!("DPoP"), Failure::TokenType),
        ("token_type", json!("N_A"), Failure::TokenType),
        ("token_type", json!(null), Failure::Malformed),
        ("expires_in", json!(0), Failure::Malformed),
        ("expires_in", json!(-5), Failure::Malformed),
        ("expires_in", json!(1.5), Failure::Malformed),
        ("expires_in", json!("300"), Failure::Malformed),
        ("expires_in", json!(null), Failure::Malformed),
        ("issued_token_type", json!("urn:ietf:params:oauth:token-type:refresh_token"), Failure::IssuedType),
        ("issued_token_type", json!("access_token"), Failure::IssuedType),
        ("scope", json!("orders.read admin"), Failure::WiderScope),
        ("scope", json!(["orders.read"]), Failure::Malformed),
    ] {
        assert_eq!(changed(member, value.clone()).err(), Some(failure), "{member}: {value}");
        assert_eq!(failure.denial(), Denial::UpstreamStsUnavailable);
    }
    for member in ["access_token", "token_type", "issued_token_type"] {
        assert_eq!(without(member).err(), Some(Failure::Malformed), "{member}");
    }
}

#[test]
fn where_no_scope_was_asked_for_the_endpoint_chooses() {
    let mut body = good();
    body["scope"] = "email profile".into();
    let body = body.to_string();
    let obtained = read(200, JSON, body.as_bytes(), ExternalGrant::TokenExchange, "").ok().unwrap();
    assert_eq!(obtained.scope.as_deref(), Some("email profile"));
}

#[test]
fn a_form_that_is_no_strict_json_is_no_answer() {
    let good = good().to_string();
    let repeated = good.replacen('{', "{\"access_token\":\"other\",", 1);
    let padded: Vec<u8> = [good.as_bytes(), &b" ".repeat(MAX_BODY_BYTES)].concat();
    for (content_type, body, failure) in [
        (JSON, repeated.as_bytes(), Failure::Malformed),
        (JSON, &padded, Failure::TooLarge),
        (JSON, b"<html>", Failure::Malformed),
        (JSON, b"[]", Failure::Malformed),
        (JSON, b"", Failure::Malformed),
        (Some("text/html"), good.as_bytes(), Failure::ContentType),
        (None, good.as_bytes(), Failure::ContentType),
    ] {
        assert_eq!(read(200, content_type, body, ExternalGrant::TokenExchange, SCOPE).err(), Some(failure));
    }
}

#[test]
fn an_error_is_the_callers_only_where_it_says_so() {
    for status in [400, 401, 403] {
        for (error, failure, denial) in [
            ("invalid_grant", Failure::Refused(Denial::IdentityNotFound), Denial::IdentityNotFound),
            ("invalid_scope", Failure::Refused(Denial::ScopeNotAllowed), Denial::ScopeNotAllowed),
            ("invalid_target", Failure::Refused(Denial::TargetNotAllowed), Denial::TargetNotAllowed),
            ("invalid_request", Failure::Error, Denial::UpstreamStsUnavailable),
            ("invalid_client", Failure::Error, Denial::UpstreamStsUnavailable),
            ("unauthorized_client", Failure::Error, Denial::UpstreamStsUnavailable),
            ("unsupported_grant_type", Failure::Error, Denial::UpstreamStsUnavailable),
            ("temporarily_unavailable", Failure::Error, Denial::UpstreamStsUnavailable),
        ] {
            let found = exchanged(status, &json!({ "error": error })).err().unwrap();
            assert_eq!((found, found.denial()), (failure, denial), "{status} {error}");
        }
    }
}

#[test]
fn any_other_status_says_nothing() {
    for status in [201, 204, 301, 302, 307, 404, 405, 429, 500, 502, 503, 504] {
        let found = exchanged(status, &json!({ "error": "invalid_grant" })).err();
        assert_eq!(found, Some(Failure::Status(status)));
    }
    assert_eq!(exchanged(0, &good()).err(), Some(Failure::NoAnswer));
    assert_eq!(exchanged(400, &json!({})).err(), Some(Failure::Status(400)));
    let html = read(400, Some("text/html"), b"<html>", ExternalGrant::JwtBearer, SCOPE);
    assert_eq!(html.err(), Some(Failure::Status(400)));
}

#[test]
fn a_good_body_under_a_bad_status_gives_no_token() {
    for status in [400, 401, 403, 500] {
        assert_eq!(exchanged(status, &good()).err(), Some(Failure::Status(status)));
    }
}

#[test]
fn what_is_told_of_a_failure_quotes_nothing_of_the_answer() {
    let found = exchanged(400, &json!({ "error": "s3cret" })).err().unwrap();
    assert!(!format!("{found} {found:?}").contains("s3cret"));
}
