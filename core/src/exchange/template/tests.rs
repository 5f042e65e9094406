#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::string::String;

use serde_json::{Map, Value, json};

use super::{InvalidTemplate, MAX_BYTES, MAX_FILLED_BYTES, MAX_PARTS, Template, Unfilled};
use crate::attribute::{Facts, InvalidAttribute};

fn claims() -> Map<String, Value> {
    let claims = json!({
        "sub": "cart", "n": 7, "f": 1.5, "yes": true, "no": false, "null": null, "empty": "",
        "list": ["a", 1], "object": { "a": { "b": [1] } }, "kubernetes.io": { "namespace": "shop" },
        "tricky": "${jwt.claim.sub}",
    });
    claims.as_object().unwrap().clone()
}

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: Some("eu"),
    }
}

fn fill(text: &str) -> Result<String, Unfilled> {
    Template::parse(text).unwrap().fill(&facts(&claims()))
}

fn value(text: &str) -> Result<Value, Unfilled> {
    Template::parse(text).unwrap().value(&facts(&claims())).map(alloc::borrow::Cow::into_owned)
}

#[test]
fn fills_every_gap() {
    for (text, filled) in [
        ("", ""),
        ("plain", "plain"),
        ("${jwt.claim.sub}", "cart"),
        ("a-${jwt.claim.sub}-b", "a-cart-b"),
        ("${jwt.claim.sub}${jwt.claim.n}", "cart7"),
        ("ns/${jwt.claim.kubernetes\\.io.namespace}", "ns/shop"),
        ("ns/${jwt.claim/kubernetes.io/namespace}", "ns/shop"),
        ("${jwt.claim.n} ${jwt.claim.f} ${jwt.claim.yes} ${jwt.claim.no}", "7 1.5 true false"),
        ("${issuer.cluster}/${issuer.id}/${client.id}/${identity.id}", "eu/shop-cluster/cl_shop/idn_a"),
    ] {
        assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
    }
}

#[test]
fn knows_a_dollar_from_a_gap() {
    for (text, filled) in [
        ("$", "$"),
        ("$5 {x} }", "$5 {x} }"),
        ("$${jwt.claim.sub}", "${jwt.claim.sub}"),
        ("a$${b", "a${b"),
        ("$$${x", "$${x"),
        ("$$", "$$"),
        ("${jwt.claim.sub}$", "cart$"),
        ("${jwt.claim.sub}}", "cart}"),
        // What a claim says is text, not a template.
        ("${jwt.claim.tricky}", "${jwt.claim.sub}"),
    ] {
        assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
    }
}

#[test]
fn is_not_filled_where_the_token_says_nothing() {
    for name in ["none", "null", "empty", "list", "object", "sub.deeper"] {
        let text = ["x", "${jwt.claim.", name, "}"].concat();
        assert_eq!(fill(&text), Err(Unfilled), "{name}");
        assert_eq!(value(&text), Err(Unfilled), "{name}");
    }
    assert_eq!(fill("${identity.login}"), Err(Unfilled));
    assert_eq!(fill("${jwt.claim.list}"), Err(Unfilled), "a list is no text, even alone");
}

#[test]
fn a_lone_gap_is_the_value_itself() {
    for (name, expected) in [
        ("sub", json!("cart")),
        ("n", json!(7)),
        ("yes", json!(true)),
        ("empty", json!("")),
        ("list", json!(["a", 1])),
        ("object.a", json!({ "b": [1] })),
    ] {
        let text = ["${jwt.claim.", name, "}"].concat();
        assert_eq!(value(&text), Ok(expected), "{name}");
    }
    assert_eq!(value("n=${jwt.claim.n}"), Ok(json!("n=7")));
    assert_eq!(value("${jwt.claim.null}"), Err(Unfilled));
    assert_eq!(value("${jwt.claim.none}"), Err(Unfilled));
}

#[test]
fn refuses_what_is_no_template() {
    let long = "a".repeat(MAX_BYTES + 1);
    let many = "${client.id}-".repeat(MAX_PARTS / 2) + "${client.id}";
    for (text, expected) in [
        ("${", InvalidTemplate::Unclosed),
        ("a${jwt.claim.sub", InvalidTemplate::Unclosed),
        ("${}", InvalidTemplate::Attribute(InvalidAttribute::Length)),
        ("${sub}", InvalidTemplate::Attribute(InvalidAttribute::Unknown)),
        ("${ jwt.claim.sub }", InvalidTemplate::Attribute(InvalidAttribute::Unknown)),
        ("${jwt.claim.a..b}", InvalidTemplate::Attribute(InvalidAttribute::EmptyStep)),
        ("${${jwt.claim.sub}}", InvalidTemplate::Attribute(InvalidAttribute::Unknown)),
        ("${userinfo.email}", InvalidTemplate::UserInfo),
        (long.as_str(), InvalidTemplate::TooLong),
        (many.as_str(), InvalidTemplate::TooManyParts),
    ] {
        assert_eq!(Template::parse(text), Err(expected), "{text}");
    }
    let at_most = "${client.id}-".repeat(MAX_PARTS / 2);
    assert_eq!(Template::parse(&at_most).unwrap().parts().len(), MAX_PARTS);
    assert!(Template::parse(&long[1..]).is_ok());
}

#[test]
fn what_comes_out_is_bounded() {
    let fill = |claims: Value, text: &str| {
        Template::parse(text).unwrap().fill(&facts(claims.as_object().unwrap())).map(|text| text.len())
    };
    let with = |length: usize| json!({ "a": "a".repeat(length) });
    assert_eq!(fill(with(MAX_FILLED_BYTES), "${jwt.claim.a}"), Ok(MAX_FILLED_BYTES));
    assert_eq!(fill(with(MAX_FILLED_BYTES), "${jwt.claim.a}b"), Err(Unfilled));
    assert_eq!(fill(with(MAX_FILLED_BYTES / 2 + 1), "${jwt.claim.a}${jwt.claim.a}"), Err(Unfilled));
}
