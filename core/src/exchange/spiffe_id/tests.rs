#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String};

use serde_json::{Map, Value, json};

use super::{InvalidSpiffeTemplate, MAX_BYTES, SpiffeTemplate};
use crate::{
    attribute::Facts,
    exchange::template::{InvalidTemplate, Unfilled},
};

const KUBERNETES: &str = r"spiffe://td.example/ns/${jwt.claim.kubernetes\.io.namespace}/sa/${jwt.claim.kubernetes\.io.serviceaccount.name}";

fn fill(text: &str, claims: &Value) -> Result<String, Unfilled> {
    SpiffeTemplate::parse(text).unwrap().fill(&Facts {
        claims: claims.as_object().unwrap_or(&Map::new()),
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: Some("eu"),
    })
}

#[test]
fn names_a_workload() {
    let claims =
        json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "cart" } }, "id": 42 });
    for (text, id) in [
        (KUBERNETES, "spiffe://td.example/ns/shop/sa/cart"),
        ("spiffe://td.example/${issuer.cluster}/${identity.id}", "spiffe://td.example/eu/idn_a"),
        ("spiffe://td.example/repo-${jwt.claim.id}.x", "spiffe://td.example/repo-42.x"),
        ("spiffe://a_b-c.1/gateway", "spiffe://a_b-c.1/gateway"),
    ] {
        assert_eq!(fill(text, &claims).as_deref(), Ok(id), "{text}");
    }
}

/// What each kind of value becomes as the only thing in a segment, and as a part of one.
#[test]
fn a_value_must_fit_its_segment() {
    let whole = |value: Value| fill("spiffe://td/a/${jwt.claim.v}", &json!({ "v": value }));
    let part = |value: Value| fill("spiffe://td/x-${jwt.claim.v}/b", &json!({ "v": value }));
    for fits in ["a", "A", "Z9", "-", "_", "a.b", "...", ".a", "a.", &"a".repeat(500)] {
        assert_eq!(whole(json!(fits)), Ok(format!("spiffe://td/a/{fits}")));
        assert_eq!(part(json!(fits)), Ok(format!("spiffe://td/x-{fits}/b")));
    }
    for foreign in [
        "", "/", "a/b", "a/", "/a", "../admin", "%2e%2e", "%2F", "a b", "a\n", "\0", "é", "a?b", "a#b",
        "a@b", "a:b", "~", "a\\b", "${x}", "*",
    ] {
        assert_eq!(whole(json!(foreign)), Err(Unfilled), "{foreign:?}");
        assert_eq!(part(json!(foreign)), Err(Unfilled), "{foreign:?}");
    }
    for dots in [".", ".."] {
        assert_eq!(whole(json!(dots)), Err(Unfilled), "{dots:?}");
        assert!(part(json!(dots)).is_ok(), "x-{dots} is a name like any other");
    }
    for other in [json!(null), json!(["a"]), json!({ "a": 1 }), json!(1.5e300), json!(-0.5)] {
        // Numbers are what JSON makes of them, and `1.5e+300` is no segment.
        let fits = matches!(&other, Value::Number(number) if number.as_f64() == Some(-0.5));
        assert_eq!(whole(other).is_ok(), fits);
    }
    assert_eq!(fill("spiffe://td/a/${jwt.claim.v}", &json!({})), Err(Unfilled));
}

#[test]
fn dots_that_only_a_value_completes_are_no_segment() {
    let fill = |text: &str| fill(text, &json!({ "dot": "." }));
    assert_eq!(fill("spiffe://td/a/.${jwt.claim.dot}"), Err(Unfilled));
    assert_eq!(fill("spiffe://td/a/${jwt.claim.dot}."), Err(Unfilled));
    assert_eq!(fill("spiffe://td/a/.${jwt.claim.dot}."), Ok("spiffe://td/a/...".into()));
}

#[test]
fn is_never_longer_than_spiffe_allows() {
    let start = "spiffe://td/";
    let with = |length: usize| fill("spiffe://td/${jwt.claim.v}", &json!({ "v": "a".repeat(length) }));
    assert_eq!(with(MAX_BYTES - start.len()).unwrap().len(), MAX_BYTES);
    assert_eq!(with(MAX_BYTES - start.len() + 1), Err(Unfilled));
}

#[test]
fn refuses_what_could_never_be_an_id() {
    use InvalidSpiffeTemplate::{NoPath, Scheme, Segment, TrustDomain, TwoGaps};
    let domain = "a".repeat(255);
    assert!(SpiffeTemplate::parse(&format!("spiffe://{domain}/a")).is_ok());
    let long = format!("spiffe://{domain}a/a");
    for (text, expected) in [
        ("", Scheme),
        ("https://td/a", Scheme),
        ("SPIFFE://td/a", Scheme),
        ("${jwt.claim.sub}", Scheme),
        ("spiffe:/td/a", Scheme),
        ("spiffe:///a", TrustDomain),
        ("spiffe://TD/a", TrustDomain),
        ("spiffe://td:8443/a", TrustDomain),
        ("spiffe://user@td/a", TrustDomain),
        ("spiffe://tdé/a", TrustDomain),
        ("spiffe://${jwt.claim.td}/a", TrustDomain),
        ("spiffe://td-${jwt.claim.td}/a", TrustDomain),
        ("spiffe://${jwt.claim.td}", TrustDomain),
        (long.as_str(), TrustDomain),
        ("spiffe://td", NoPath),
        ("spiffe://td/", Segment),
        ("spiffe://td/a/", Segment),
        ("spiffe://td//a", Segment),
        ("spiffe://td/./a", Segment),
        ("spiffe://td/../a", Segment),
        ("spiffe://td/a b", Segment),
        ("spiffe://td/a%20b", Segment),
        ("spiffe://td/a?b=${jwt.claim.sub}", Segment),
        ("spiffe://td/${jwt.claim.sub}/", Segment),
        ("spiffe://td/$${x}", Segment),
        ("spiffe://td/${jwt.claim.a}${jwt.claim.b}", TwoGaps),
        ("spiffe://td/${jwt.claim.a}-${jwt.claim.b}", TwoGaps),
    ] {
        assert_eq!(SpiffeTemplate::parse(text), Err(expected), "{text}");
    }
    assert_eq!(
        SpiffeTemplate::parse("spiffe://td/${jwt.claim.a"),
        Err(InvalidSpiffeTemplate::Template(InvalidTemplate::Unclosed))
    );
    assert!(SpiffeTemplate::parse("spiffe://td/${jwt.claim.a}/${jwt.claim.b}").is_ok());
}
