#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, sync::Arc, vec, vec::Vec};

use serde_json::{Map, Value, json};

use super::{ClaimsOut, MAX_VALUE_BYTES, Output};
use crate::{
    attribute::{Attribute, Facts},
    denial::Denial,
    digest::Digest,
};

fn output(attribute: &str) -> Output {
    Output {
        attribute: Attribute::parse(attribute).unwrap(),
        header: Some(Arc::from("x-a")),
        filter_state: Some(Arc::from("a")),
    }
}

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop",
        issuer_cluster: None,
    }
}

/// The text of this attribute, the same in the header and in the filter state.
#[track_caller]
fn told(attribute: &str, claims: &Value) -> Result<Option<String>, Denial> {
    let claims_out = ClaimsOut { digest: Digest::of(b""), outputs: vec![output(attribute)] };
    let values = claims_out.values(&facts(claims.as_object().unwrap()))?;
    let texts = |told: &[(Arc<str>, Arc<str>)]| told.iter().map(|(_, text)| String::from(&**text)).collect();
    let (headers, state): (Vec<String>, Vec<String>) = (texts(&values.headers), texts(&values.filter_state));
    assert_eq!(headers, state);
    Ok(headers.into_iter().next())
}

#[test]
fn every_kind_of_value_has_one_text() {
    for (value, expected) in [
        (json!("ada"), Some("ada")),
        (json!(""), Some("")),
        (json!("system:serviceaccount:shop:cart"), Some("system:serviceaccount:shop:cart")),
        (json!("a, b; c=\"d\""), Some("a, b; c=\"d\"")),
        (json!(7), Some("7")),
        (json!(-1.5), Some("-1.5")),
        (json!(18_446_744_073_709_551_615_u64), Some("18446744073709551615")),
        (json!(true), Some("true")),
        (json!(["a", 1, null]), Some(r#"["a",1,null]"#)),
        (json!([]), Some("[]")),
        (json!({ "a": { "b": "c d" } }), Some(r#"{"a":{"b":"c d"}}"#)),
        (json!(null), None),
    ] {
        assert_eq!(told("jwt.claim.a", &json!({ "a": value })), Ok(expected.map(String::from)), "{value}");
    }
}

#[test]
fn a_text_that_could_be_read_as_something_else_is_percent_encoded() {
    for (value, expected) in [
        ("100%", "100%25"),
        ("%0D%0A", "%250D%250A"),
        ("a\r\nx-admin: 1", "a%0D%0Ax-admin: 1"),
        ("a\tb", "a%09b"),
        ("a\u{0}", "a%00"),
        ("a\u{7f}", "a%7F"),
        ("\u{e9}\u{20ac}", "%C3%A9%E2%82%AC"),
        (" admin", "%20admin"),
        ("admin ", "admin%20"),
        (" ", "%20"),
        ("  ", "%20%20"),
        ("a b", "a b"),
    ] {
        assert_eq!(told("jwt.claim.a", &json!({ "a": value })), Ok(Some(expected.into())), "{value:?}");
    }
    let list = json!({ "a": ["\u{e9}", "\n"] });
    assert_eq!(told("jwt.claim.a", &list), Ok(Some(String::from(r#"["%C3%A9","\n"]"#))));
}

#[test]
fn nested_names_reach_nested_values() {
    let claims =
        json!({ "kubernetes.io": { "namespace": "shop" }, "groups": ["a"], "kubernetes": { "io": 1 } });
    for attribute in [r"jwt.claim.kubernetes\.io.namespace", "jwt.claim/kubernetes.io/namespace"] {
        assert_eq!(told(attribute, &claims), Ok(Some("shop".into())));
    }
    assert_eq!(told("jwt.claim.groups", &claims), Ok(Some(r#"["a"]"#.into())));
    assert_eq!(told("jwt.claim.groups.0", &claims), Ok(None));
    assert_eq!(told("jwt.claim.none", &claims), Ok(None));
}

#[test]
fn what_we_know_ourselves_is_told_too() {
    for (attribute, expected) in [
        ("identity.id", Some("idn_a")),
        ("client.id", Some("cl_shop")),
        ("issuer.id", Some("shop")),
        ("issuer.cluster", None),
        ("identity.login", None),
        ("userinfo.email", None),
    ] {
        assert_eq!(told(attribute, &json!({})), Ok(expected.map(String::from)), "{attribute}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let told = |text: &str| told("jwt.claim.a", &json!({ "a": text }));
    assert!(told(&"a".repeat(MAX_VALUE_BYTES)).unwrap().is_some());
    assert_eq!(told(&"a".repeat(MAX_VALUE_BYTES + 1)), Err(Denial::TokenTooLarge));
    assert_eq!(told(&"%".repeat(MAX_VALUE_BYTES / 3 + 1)), Err(Denial::TokenTooLarge));
}

#[test]
fn debug_shows_no_value() {
    let claims_out = ClaimsOut { digest: Digest::of(b""), outputs: vec![output("jwt.claim.a")] };
    let claims = json!({ "a": "secret" });
    let values = claims_out.values(&facts(claims.as_object().unwrap())).unwrap();
    assert_eq!(format!("{values:?}"), r#"["x-a", "a"]"#);
}
