#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{MAX_KID_BYTES, UntrustedToken};
use crate::{
    bearer::MAX_TOKEN_BYTES,
    denial::Denial,
    jose::{
        alg::Alg,
        sample::{claims, header, sign, token},
    },
};

/// What becomes of a token with the sample header in which one parameter is replaced.
fn with(name: &str, value: Value) -> Result<(), Denial> {
    let mut header = header();
    header.as_object_mut().unwrap().insert(name.into(), value);
    UntrustedToken::parse(token(&header, &claims()).as_bytes()).map(drop)
}

fn of(text: &str) -> Result<(), Denial> {
    UntrustedToken::parse(text.as_bytes()).map(drop)
}

#[test]
fn takes_a_token_apart() {
    let text = token(&header(), &claims());
    let token = UntrustedToken::parse(text.as_bytes()).unwrap();
    assert_eq!((token.alg(), token.kid(), token.typ()), (Alg::Es256, Some("k1"), Some("JWT")));
    assert_eq!(serde_json::from_slice::<Value>(token.payload()).unwrap(), claims());
    assert_eq!(token.signature().len(), 64);
    assert_eq!(token.signing_input(), text.rsplit_once('.').unwrap().0.as_bytes());
}

#[test]
fn refuses_algorithms_that_are_not_ours() {
    for alg in [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!(""),
        json!("HS256"),
        json!("es256"),
        json!("ES256 "),
        json!("ES512"),
        json!("ES256K"),
        json!("HS512"),
        json!(null),
        json!(256),
        json!(["ES256"]),
    ] {
        assert_eq!(with("alg", alg.clone()), Err(Denial::AlgNotAllowed), "{alg}");
    }
    assert_eq!(of(&token(&json!({"kid": "k1"}), &claims())), Err(Denial::AlgNotAllowed));
}

#[test]
fn refuses_parameters_that_change_the_meaning() {
    for value in [json!([]), json!(["exp"]), json!("exp"), json!(null), json!(["b64"]), json!(["alg"])] {
        assert_eq!(with("crit", value), Err(Denial::JwtMalformed));
    }
    for value in [json!(false), json!(true)] {
        assert_eq!(with("b64", value), Err(Denial::JwtMalformed));
    }
    assert_eq!(with("zip", json!("DEF")), Err(Denial::JwtMalformed));
}

#[test]
fn ignores_keys_in_the_header() {
    for name in ["jwk", "jku", "x5u", "x5c", "x5t", "cty"] {
        assert_eq!(with(name, json!({"kty": "oct"})), Ok(()), "{name}");
    }
}

#[test]
fn bounds_the_kid_and_knows_its_type() {
    assert_eq!(with("kid", json!("k".repeat(MAX_KID_BYTES))), Ok(()));
    assert_eq!(with("kid", json!("../../etc/passwd\0\r\n' OR 1=1")), Ok(()));
    assert_eq!(with("kid", json!("k".repeat(MAX_KID_BYTES + 1))), Err(Denial::JwtMalformed));
    for value in [json!(null), json!(1), json!(["k1"]), json!({})] {
        assert_eq!(with("kid", value.clone()), Err(Denial::JwtMalformed));
        assert_eq!(with("typ", value), Err(Denial::JwtMalformed));
    }
}

#[test]
fn refuses_anything_but_three_segments() {
    let text = token(&header(), &claims());
    let (input, signature) = text.rsplit_once('.').unwrap();
    for text in [
        String::new(),
        String::from("."),
        input.into(),
        format!("{text}."),
        format!(".{text}"),
        format!("{text}.a"),
        format!("{text}.a.b"),
        format!("..{signature}"),
        ".".repeat(10_000),
        String::from(r#"{"payload":"e30","signatures":[]}"#),
    ] {
        assert_eq!(of(&text), Err(Denial::JwtMalformed));
    }
}

#[test]
fn refuses_base64_that_is_not_canonical() {
    let text = token(&header(), &claims());
    let (input, signature) = text.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    // 64 bytes end in a character of which four bits are unused: any other than A, Q, g, w has some of them set.
    let (kept, _) = signature.split_at(signature.len() - 1);
    for text in [
        format!("{header}.{payload}.{kept}B"),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}.{payload}=.{signature}"),
        format!("{header} .{payload}.{signature}"),
        format!("{header}.{payload}\n.{signature}"),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}.+{payload}.{signature}"),
        format!("{header}./{payload}.{signature}"),
        format!("{header}.{payload}\0.{signature}"),
        format!("{header}.{payload}.{signature}é"),
    ] {
        assert_eq!(of(&text), Err(Denial::JwtMalformed), "{text}");
    }
}

#[test]
fn refuses_headers_that_are_no_strict_object() {
    for header in [
        &b"[]"[..],
        b"\"ES256\"",
        b"null",
        b"",
        b"{}{}",
        br#"{"alg":"ES256","alg":"ES256"}"#,
        br#"{"alg":"none","\u0061lg":"ES256"}"#,
        b"\xef\xbb\xbf{\"alg\":\"ES256\"}",
        b"{\"alg\":\"ES256\",\"x\":\"\xff\"}",
    ] {
        assert_eq!(of(&sign(header, b"{}")), Err(Denial::JwtMalformed));
    }
}

#[test]
fn looks_at_the_size_first() {
    let header = BASE64URL_NOPAD.encode(br#"{"alg":"ES256"}"#);
    let mut text = format!("{header}..").into_bytes();
    let start = text.len() - 1;
    text.splice(start..start, vec![b'A'; MAX_TOKEN_BYTES - text.len()]);
    assert_eq!(text.len(), MAX_TOKEN_BYTES);
    assert_ne!(UntrustedToken::parse(&text).map(drop), Err(Denial::TokenTooLarge));
    text.push(b'.');
    assert_eq!(UntrustedToken::parse(&text).map(drop), Err(Denial::TokenTooLarge));
}

#[test]
fn debug_shows_no_part_of_the_token() {
    let text = token(&header(), &claims());
    let token = UntrustedToken::parse(text.as_bytes()).unwrap();
    assert_eq!(format!("{token:?}"), "UntrustedToken { alg: Es256, .. }");
}
