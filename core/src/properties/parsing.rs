//! Whatever comes in, parsing ends with a value or a refusal (law 9), and two readers of one form agree.

use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{hold, nearly};
use crate::{
    attribute::{Attribute, ClaimPath},
    bearer,
    claims::Claims,
    jose::{compact::UntrustedToken, jwk::VerificationKey, jwt::UntrustedJwt, key_set::KeySet, sample},
    json::{self, Shallow},
    policy::canonical_path,
};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Eighths are exact in decimal: how text becomes the nearest float is not the question here.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn claims_texts() -> Vec<Vec<u8>> {
    let extended = json!({ "iss": "i", "sub": "s", "aud": ["a", "b"], "exp": 1.5e9, "nbf": 0, "iat": 1, "jti": "j",
        "kubernetes.io": { "namespace": "shop", "list": [1, null, true, { "a": "\u{e9}\n" }] } });
    vec![serde_json::to_vec(&sample::claims()).unwrap(), serde_json::to_vec(&extended).unwrap()]
}

fn rsa_jwk() -> Value {
    let keys = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/kubernetes/jwks.json"));
    serde_json::from_str::<Value>(keys).unwrap()["keys"][0].clone()
}

fn token_is_taken_apart_or_refused(token: &[u8]) {
    if let Ok(parsed) = UntrustedToken::parse(token) {
        assert!(token.starts_with(parsed.signing_input()));
    }
    if let Ok(jwt) = UntrustedJwt::parse(token) {
        let _ = (jwt.iss(), jwt.kid(), jwt.claims().map(|claims| claims.audiences().len()));
    }
    let _ = bearer::extract(&[token]);
    let _ = bearer::extract(&[&[b"Bearer ", token].concat()]);
}

#[test]
fn any_bytes_are_a_token_or_refused() {
    hold(bytes(), |bytes| {
        token_is_taken_apart_or_refused(&bytes);
        Ok(())
    });
}

#[test]
fn nearly_valid_tokens_are_taken_apart_or_refused() {
    let valid = vec![
        sample::token(&sample::header(), &sample::claims()).into_bytes(),
        sample::token(&json!({ "alg": "RS256" }), &json!({ "aud": [] })).into_bytes(),
        b"e30.e30.e30".to_vec(),
    ];
    hold(nearly(valid), |bytes| {
        token_is_taken_apart_or_refused(&bytes);
        Ok(())
    });
    // The text below the base64, signed again.
    let headers = vec![serde_json::to_vec(&sample::header()).unwrap(), br#"{"alg":"ES256"}"#.to_vec()];
    hold((nearly(headers), nearly(claims_texts())), |(header, claims)| {
        token_is_taken_apart_or_refused(sample::sign(&header, &claims).as_bytes());
        Ok(())
    });
}

#[test]
fn any_claims_are_read_or_refused() {
    hold(prop_oneof![bytes(), nearly(claims_texts())], |bytes| {
        if let Ok(claims) = Claims::parse(&bytes) {
            prop_assert!(!claims.sub().is_empty() && !claims.audiences().is_empty());
            let all = [Some(claims.exp()), claims.nbf(), claims.iat()];
            prop_assert!(all.into_iter().flatten().all(|time| (0..=1 << 53).contains(&time)));
            let members = claims.members();
            prop_assert_eq!(members.get("iss").and_then(Value::as_str), Some(claims.iss()));
        }
        Ok(())
    });
}

#[test]
fn any_json_is_read_as_it_was_written() {
    hold(any_json(), |value| {
        let text = serde_json::to_vec(&value).unwrap();
        prop_assert_eq!(json::parse(&text), Ok(value));
        Ok(())
    });
}

#[test]
fn both_readers_of_json_take_the_same_objects() {
    let written = any_json().prop_map(|value| serde_json::to_vec(&value).unwrap());
    let mutated = written.prop_flat_map(|text| nearly(vec![text]));
    hold(prop_oneof![bytes(), nearly(claims_texts()), mutated], |bytes| {
        let mut scanned = Vec::new();
        let outcome = json::scan_object(&bytes, |name, value| scanned.push((String::from(name), value)));
        let built = json::parse_object(&bytes);
        prop_assert_eq!(outcome.is_ok(), built.is_ok());
        if let Ok(built) = built {
            prop_assert_eq!(scanned.len(), built.len());
            for (name, shallow) in scanned {
                let same = match (&shallow, &built[&name]) {
                    (Shallow::Text(text), Value::String(other)) => text == other,
                    (Shallow::Number(number), Value::Number(other)) => number == other,
                    (Shallow::Texts(texts), other) => json!(texts) == *other,
                    (Shallow::Other, other) => !other.is_string() && !other.is_number(),
                    _ => false,
                };
                prop_assert!(same, "{}: {:?}", name, shallow);
            }
        }
        Ok(())
    });
}

#[test]
fn any_key_set_is_read_key_by_key_or_refused() {
    let p256 = sample::signing_key().public_jwk();
    let set = json!({ "keys": [p256, rsa_jwk(), { "kty": "oct", "k": "AAAA" }, { "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }, 1] });
    hold(prop_oneof![bytes(), nearly(vec![serde_json::to_vec(&set).unwrap()])], |bytes| {
        if let Ok(keys) = KeySet::parse(&bytes) {
            let document: Value = serde_json::from_slice(&bytes).unwrap();
            let entries = document["keys"].as_array().unwrap().len();
            prop_assert_eq!(keys.keys().len() + keys.skipped().len(), entries);
        }
        Ok(())
    });
}

#[test]
fn any_object_is_a_key_or_refused() {
    const MEMBERS: &[&str] = &["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid", "d", "k"];
    let change = (prop::sample::select(MEMBERS), any_json());
    let base = prop::sample::select(vec![sample::signing_key().public_jwk(), rsa_jwk()]);
    hold((base, prop::collection::vec(change, 0..3)), |(mut jwk, changes)| {
        for (name, value) in changes {
            jwk[name] = value;
        }
        if let Ok(key) = VerificationKey::from_jwk(jwk.as_object().unwrap()) {
            prop_assert!(!key.spki().is_empty());
            prop_assert!(key.alg().is_none_or(|alg| key.fits(alg)));
        }
        Ok(())
    });
}

#[test]
fn any_text_is_a_path_or_a_name_or_refused() {
    hold(bytes(), |bytes| {
        let _ = canonical_path(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = (Attribute::parse(&text), ClaimPath::parse(&text));
        Ok(())
    });
}
