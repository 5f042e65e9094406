//! Reading the files of Wycheproof, and what this project expects of them.

use alloc::{format, string::String, vec::Vec};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use super::tally::Explained;

/// One test of a file, with the group whose key it uses.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) id: u64,
    pub(super) valid: bool,
    pub(super) group: &'a Value,
    pub(super) test: &'a Value,
}

pub(super) fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Every test of `document`, in order; their number is the file's own.
pub(super) fn cases(document: &Value) -> Vec<Case<'_>> {
    let groups = document["testGroups"].as_array().unwrap();
    let cases: Vec<_> = groups
        .iter()
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| case(group, test)))
        .collect();
    assert_eq!(Some(cases.len()), document["numberOfTests"].as_u64().and_then(|n| usize::try_from(n).ok()));
    cases
}

fn case<'a>(group: &'a Value, test: &'a Value) -> Case<'a> {
    let id = test["tcId"].as_u64().unwrap();
    let valid = match test["result"].as_str().unwrap() {
        "valid" => true,
        "invalid" => false,
        // PKCS#1 signatures whose DigestInfo lacks the NULL of its algorithm (RFC 8017 §A.2.4 lets verifiers take
        // them, RFC 7518 §3.3 does not ask for it): one form is enough, so they count as invalid.
        "acceptable" => {
            assert_eq!(test["flags"], json!(["MissingNull"]), "{id}");
            false
        }
        other => panic!("{id}: {other}"),
    };
    Case { id, valid, group, test }
}

/// The cases of `file` that are valid and refused here all the same, with the reasons.
pub(super) fn overrides(file: &str) -> Explained {
    let document = document(fixture!("wycheproof/project_expectations.json"));
    let overrides = document[file]["overrides"].as_array().unwrap();
    overrides
        .iter()
        .map(|entry| {
            assert_eq!((&entry["wycheproof"], &entry["expected"]), (&json!("valid"), &json!("reject")));
            (entry["tcId"].as_u64().unwrap(), entry["why"].as_str().unwrap().into())
        })
        .collect()
}

impl Case<'_> {
    /// A member of the test that holds bytes as hex.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        hex(&self.test[name])
    }
}

/// The JWK of an RSA group, for `alg` alone.
pub(super) fn rsa_jwk(group: &Value, alg: &str) -> Value {
    let number = |name| BASE64URL_NOPAD.encode(significant(&hex(&group["publicKey"][name])));
    json!({ "kty": "RSA", "alg": alg, "n": number("modulus"), "e": number("publicExponent") })
}

/// The JWK of an ECDSA group.
pub(super) fn ec_jwk(group: &Value, alg: &str) -> Value {
    let (crv, length) = match alg {
        "ES256" => ("P-256", 32),
        "ES384" => ("P-384", 48),
        "ES512" => ("P-521", 66),
        other => panic!("{other}"),
    };
    let coordinate = |name| {
        let bytes = hex(&group["publicKey"][name]);
        let number = significant(&bytes);
        let mut padded = alloc::vec![0; length - number.len()];
        padded.extend_from_slice(number);
        BASE64URL_NOPAD.encode(&padded)
    };
    json!({ "kty": "EC", "crv": crv, "x": coordinate("wx"), "y": coordinate("wy") })
}

/// The JWK of an Ed25519 group.
pub(super) fn okp_jwk(group: &Value, alg: &str) -> Value {
    let point = BASE64URL_NOPAD.encode(&hex(&group["publicKey"]["pk"]));
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": alg, "x": point })
}

fn hex(value: &Value) -> Vec<u8> {
    let text: String = value.as_str().unwrap().into();
    let even = if text.len().is_multiple_of(2) { text } else { format!("0{text}") };
    HEXLOWER.decode(even.as_bytes()).unwrap()
}

/// Without leading zeros.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}
