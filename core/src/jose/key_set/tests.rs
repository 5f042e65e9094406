#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, sync::Arc, vec, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{InvalidKeySet, KeySet, MAX_KEY_SET_BYTES, MAX_KEYS, SkippedKey};
use crate::jose::{alg::Alg, jwk::InvalidKey, sample::signing_key};

fn jwk(kid: &str) -> Value {
    let mut jwk = signing_key().public_jwk();
    jwk["kid"] = json!(kid);
    jwk
}

fn parse(document: &Value) -> Result<KeySet, InvalidKeySet> {
    KeySet::parse(&serde_json::to_vec(document).unwrap())
}

#[test]
fn keeps_the_good_keys_when_others_are_unusable() {
    let document = json!({"keys": [
        {"kty": "oct", "k": "AQ", "kid": "mac"}, jwk("a"), "x", {"kty": "OKP", "kid": 1}, jwk("b"),
    ]});
    let set = parse(&document).unwrap();
    let kids: Vec<_> = set.keys().iter().map(|key| key.kid()).collect();
    assert_eq!(kids, [Some("a"), Some("b")]);
    let skipped = |index, kid: Option<&str>, reason| SkippedKey { index, kid: kid.map(String::from), reason };
    assert_eq!(
        set.skipped(),
        [
            skipped(0, Some("mac"), InvalidKey::Symmetric),
            skipped(2, None, InvalidKey::NotAnObject),
            skipped(3, None, InvalidKey::WrongType("kid")),
        ]
    );
}

#[test]
fn refuses_what_is_no_key_set() {
    for document in [json!([]), json!({}), json!({"keys": {}}), json!({"keys": null}), json!("keys")] {
        assert_eq!(parse(&document).map(drop), Err(InvalidKeySet::NoKeyArray));
    }
    for text in [&b""[..], b"<html>", br#"{"keys":[],"keys":[]}"#, br#"{"keys":[{"kid":"a","kid":"b"}]}"#] {
        assert_eq!(KeySet::parse(text).map(drop), Err(InvalidKeySet::NotJson));
    }
    assert!(parse(&json!({"keys": []})).unwrap().is_empty());
}

#[test]
fn bounds_bytes_and_keys() {
    assert_eq!(KeySet::parse(&vec![b' '; MAX_KEY_SET_BYTES + 1]).map(drop), Err(InvalidKeySet::TooLarge));
    assert_eq!(parse(&json!({"keys": vec![jwk("a"); MAX_KEYS]})).unwrap().keys().len(), MAX_KEYS);
    let many = json!({"keys": vec![Value::Null; MAX_KEYS + 1]});
    assert_eq!(parse(&many).map(drop), Err(InvalidKeySet::TooManyKeys));
}

#[test]
fn chooses_candidates_by_kid_and_kind() {
    let mut nameless = jwk("x");
    nameless.as_object_mut().unwrap().remove("kid");
    let set = parse(&json!({"keys": [jwk("a"), jwk("b"), nameless, jwk("a")]})).unwrap();
    let count = |kid, alg| set.candidates(kid, alg).count();
    assert_eq!(count(Some("a"), Alg::Es256), 2);
    assert_eq!(count(Some("b"), Alg::Es256), 1);
    assert_eq!(count(Some("c"), Alg::Es256), 0);
    assert_eq!(count(None, Alg::Es256), 4);
    assert_eq!(count(None, Alg::Rs256), 0);
    assert!(set.has_kid("a") && !set.has_kid("c"));
    assert!(set.contains_thumbprint(signing_key().thumbprint()));
    assert!(!set.contains_thumbprint(&[0; 32]));
}

#[test]
fn one_kid_of_several_kinds_is_decided_by_the_algorithm() {
    let rsa = json!({"kty": "RSA", "kid": "a", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&[0xff; 256])});
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let mut pss = rsa.clone();
    pss["alg"] = json!("PS256");
    let set = parse(&json!({"keys": [rsa, jwk("a"), ed25519, pss]})).unwrap();
    let places = |alg| -> Vec<_> {
        let candidates: Vec<_> = set.candidates(Some("a"), alg).collect();
        (0..4).filter(|place| candidates.iter().any(|key| Arc::ptr_eq(key, &set.keys()[*place]))).collect()
    };
    assert_eq!(places(Alg::Rs256), [0]);
    assert_eq!(places(Alg::Rs512), [0]);
    assert_eq!(places(Alg::Ps256), [0, 3]);
    assert_eq!(places(Alg::Es256), [1]);
    assert_eq!(places(Alg::EdDsa), [2]);
    assert!(places(Alg::Es384).is_empty());
}

#[test]
fn bounds_how_many_keys_are_tried() {
    let set = parse(&json!({"keys": vec![jwk("a"); MAX_KEYS]})).unwrap();
    assert_eq!(set.candidates(Some("a"), Alg::Es256).count(), 4);
    assert_eq!(set.candidates(None, Alg::Es256).count(), 8);
}
