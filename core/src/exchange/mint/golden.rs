//! The golden tokens of `tests/fixtures/golden`: what is minted is what verifiers elsewhere were shown, to the byte.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, string::String};

use serde_json::{Map, Value, json};

use super::{AccessToken, Actor, Workload, mint};
use crate::{
    crypto::{RustCrypto, SigningKey},
    jose::{
        alg::Alg,
        jwt::UntrustedJwt,
        key_set::KeySet,
        sample::{NOW, PKCS8, RULES},
    },
    time::Timestamp,
    wire::snapshot::Profile,
};

const TOKENS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/golden/tokens.json"));
const JWKS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/golden/jwks.json"));

const AUTHORITY: &str = "https://authority.example";
const IDENTITY: &str = "idn_hbuk7xktlysbc72uzh4bipdysmhrxzimpvfdnro6tqunpbquznfa";

/// The key of RFC 7515 appendix A.3 under its thumbprint.
fn key() -> SigningKey {
    SigningKey::from_pkcs8(PKCS8.as_bytes(), None).unwrap()
}

fn golden() -> Value {
    serde_json::from_str(TOKENS).unwrap()
}

fn token_named(name: &str) -> String {
    let golden = golden();
    let tokens = golden["tokens"].as_array().unwrap();
    let token =
        tokens.iter().find(|token| token["name"] == name).unwrap_or_else(|| panic!("no token {name}"));
    token["token"].as_str().unwrap().into()
}

#[track_caller]
fn is_golden(name: &str, token: &AccessToken<'_>) {
    assert_eq!(mint(&RustCrypto, &key(), token).unwrap(), token_named(name), "{name}");
}

fn contents<'a>(fields: &'a BTreeMap<String, String>, aud: &'a [&'a str]) -> AccessToken<'a> {
    AccessToken {
        profile: Profile::AtJwt,
        iss: AUTHORITY,
        sub: IDENTITY,
        aud,
        client_id: "cl_shop",
        scope: Some("orders.read"),
        jti: [1; 16],
        iat: NOW,
        exp: NOW + 900,
        act: None,
        identity: None,
        workload: Some(Workload {
            iss: "https://issuer.example",
            sub: "system:serviceaccount:shop:cart",
            cluster: Some("shop-eu"),
            issuer: None,
            login_id: None,
            fields,
        }),
        claims: None,
    }
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object") };
    members
}

#[test]
fn an_access_token_is_golden() {
    let fields =
        BTreeMap::from([("namespace".into(), "shop".into()), ("service_account".into(), "cart".into())]);
    is_golden("at+jwt-es256", &contents(&fields, &["https://orders.internal"]));
}

#[test]
fn a_delegated_access_token_with_templates_is_golden() {
    let fields = BTreeMap::new();
    let more =
        members(json!({ "env": "prod", "groups": ["cart", "shop"], "where": { "namespace": "shop" } }));
    let before = members(json!({ "iss": AUTHORITY, "sub": "idn_before" }));
    let token = AccessToken {
        sub: "k8s:shop-eu:system:serviceaccount:shop:cart",
        identity: Some(IDENTITY),
        act: Some(Actor { iss: AUTHORITY, sub: "idn_actor", act: Some(&before) }),
        claims: Some(&more),
        ..contents(&fields, &["https://orders.internal", "https://stock.internal"])
    };
    is_golden("at+jwt-delegated-es256", &token);
}

#[test]
fn a_jwt_svid_is_golden() {
    let fields = BTreeMap::new();
    let more = members(json!({ "team": "cart" }));
    let token = AccessToken {
        profile: Profile::JwtSvid,
        sub: "spiffe://td.example/ns/shop/sa/cart",
        identity: Some(IDENTITY),
        claims: Some(&more),
        ..contents(&fields, &["https://orders.internal"])
    };
    is_golden("jwt-svid-es256", &token);
}

#[test]
fn every_golden_token_verifies_with_the_published_keys() {
    let keys = KeySet::parse(JWKS.as_bytes()).unwrap();
    let golden = golden();
    let now = Timestamp::from_secs(golden["now"].as_i64().unwrap());
    let mut seen = 0;
    for token in golden["tokens"].as_array().unwrap() {
        let text = token["token"].as_str().unwrap();
        let jwt = UntrustedJwt::parse(text.as_bytes()).unwrap();
        let verified = jwt.verify(&[Alg::Es256, Alg::Rs256], None, &keys, &RustCrypto).unwrap();
        assert_eq!(verified.claims().check_times(&RULES, now), Ok(()));
        assert_eq!(Value::Object(verified.claims().members()), token["claims"], "{}", token["name"]);
        seen += 1;
    }
    assert_eq!(seen, 6);
}
