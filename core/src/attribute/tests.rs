#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::{Value, json};

use super::*;

fn find(name: &str, claims: &Value) -> Option<Value> {
    let Ok(Attribute::Claim(path)) = Attribute::parse(name) else { panic!("{name}") };
    path.find(claims.as_object().unwrap()).cloned()
}

#[test]
fn finds_nested_and_dotted_claims_in_both_forms() {
    let claims = json!({
        "sub": "s", "aud": ["a", "b"],
        "kubernetes.io": { "namespace": "prod", "pod": { "name": "p" } },
        "a/b": { "~": 1 }, "back\\slash": true,
    });
    for (name, expected) in [
        ("jwt.claim.sub", json!("s")),
        ("jwt.claim.aud", json!(["a", "b"])),
        ("jwt.claim.kubernetes\\.io.namespace", json!("prod")),
        ("jwt.claim/kubernetes.io/namespace", json!("prod")),
        ("jwt.claim.kubernetes\\.io.pod.name", json!("p")),
        ("jwt.claim/a~1b/~0", json!(1)),
        ("jwt.claim.back\\\\slash", json!(true)),
    ] {
        assert_eq!(find(name, &claims), Some(expected), "{name}");
    }
}

#[test]
fn what_is_not_there_is_nothing() {
    let claims = json!({ "sub": "s", "aud": ["a"], "a.b": 1, "a": { "c": null } });
    for name in ["jwt.claim.iss", "jwt.claim.sub.x", "jwt.claim.aud.0", "jwt.claim/aud/0", "jwt.claim.a.b"] {
        assert_eq!(find(name, &claims), None, "{name}");
    }
    assert_eq!(find("jwt.claim.a.c", &claims), Some(Value::Null));
}

#[test]
fn knows_what_is_no_claim() {
    for (name, expected) in [
        ("identity.id", Attribute::IdentityId),
        ("identity.login", Attribute::IdentityLogin),
        ("client.id", Attribute::ClientId),
        ("issuer.id", Attribute::IssuerId),
        ("issuer.cluster", Attribute::IssuerCluster),
        ("userinfo.email", Attribute::UserInfo(ClaimPath::parse("email").unwrap())),
    ] {
        assert_eq!(Attribute::parse(name), Ok(expected));
    }
}

#[test]
fn refuses_every_other_name() {
    use InvalidAttribute::{EmptyStep, Escape, Length, TooDeep, Unknown};
    let deep = ["jwt.claim", &".a".repeat(MAX_STEPS + 1)].concat();
    let long = ["jwt.claim.", &"a".repeat(MAX_NAME_BYTES)].concat();
    for (name, expected) in [
        ("", Length),
        (long.as_str(), Length),
        ("sub", Unknown),
        ("jwt.claims.sub", Unknown),
        ("jwt.claim", Unknown),
        ("jwt.claim./sub", Unknown),
        ("userinfox.a", Unknown),
        ("identity.name", Unknown),
        ("jwt.claim.", Length),
        ("jwt.claim.a..b", EmptyStep),
        ("jwt.claim.a.", EmptyStep),
        ("jwt.claim/", EmptyStep),
        ("jwt.claim/a//b", EmptyStep),
        ("jwt.claim.a\\b", Escape),
        ("jwt.claim.a\\", Escape),
        ("jwt.claim/a~2", Escape),
        ("jwt.claim/a~", Escape),
        (deep.as_str(), TooDeep),
    ] {
        assert_eq!(Attribute::parse(name), Err(expected), "{name}");
    }
}

#[test]
fn every_attribute_has_one_source() {
    let claims = json!({ "sub": "s", "null": null, "client": { "id": "not this one" } });
    let userinfo = json!({ "sub": "u" });
    let known = Facts {
        claims: claims.as_object().unwrap(),
        userinfo: userinfo.as_object(),
        identity_id: Some("idn_a"),
        identity_login: Some("ada"),
        client_id: "cl_shop",
        issuer_id: "shop",
        issuer_cluster: Some("eu"),
    };
    let unknown =
        Facts { userinfo: None, identity_id: None, identity_login: None, issuer_cluster: None, ..known };
    for (name, value, without) in [
        ("jwt.claim.sub", json!("s"), Some(json!("s"))),
        ("jwt.claim.null", json!(null), Some(json!(null))),
        ("userinfo.sub", json!("u"), None),
        ("identity.id", json!("idn_a"), None),
        ("identity.login", json!("ada"), None),
        ("client.id", json!("cl_shop"), Some(json!("cl_shop"))),
        ("issuer.id", json!("shop"), Some(json!("shop"))),
        ("issuer.cluster", json!("eu"), None),
    ] {
        let attribute = Attribute::parse(name).unwrap();
        assert_eq!(attribute.resolve(&known).as_deref(), Some(&value), "{name}");
        assert_eq!(attribute.resolve(&unknown).as_deref(), without.as_ref(), "{name}");
    }
    assert_eq!(Attribute::parse("jwt.claim.none").unwrap().resolve(&known), None);
}
