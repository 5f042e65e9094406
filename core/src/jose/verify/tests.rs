//! For every algorithm: one token and its key, then either with one field changed.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use data_encoding::BASE64URL_NOPAD;
use p384::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

use super::verify;
use crate::{
    crypto::RustCrypto,
    denial::Denial,
    jose::{
        alg::{Alg, Family},
        compact::UntrustedToken,
        key_set::KeySet,
    },
};

const ANSWERS: &str = include_str!("../../../tests/fixtures/algorithms/answers.json");

struct Case {
    alg: Alg,
    token: String,
    jwk: Value,
    allowed: Vec<Alg>,
}

impl Case {
    /// A token of each algorithm, some published, some made here.
    fn valid() -> Vec<Self> {
        let document: Value = serde_json::from_str(ANSWERS).unwrap();
        let mut cases: Vec<_> = document["accepted"]
            .as_array()
            .unwrap()
            .iter()
            // The text of RFC 6979 is no JWS.
            .filter(|row| row["alg"] != "ES384")
            .map(|row| {
                let octets = BASE64URL_NOPAD.decode(row["input"].as_str().unwrap().as_bytes()).unwrap();
                let input = String::from_utf8(octets).unwrap();
                let token = format!("{input}.{}", row["signature"].as_str().unwrap());
                Self::of(Alg::from_name(row["alg"].as_str().unwrap()).unwrap(), token, row["jwk"].clone())
            })
            .collect();
        cases.push(Self::p384());
        cases.push(Self::ed25519("EdDSA"));
        cases.push(Self::ed25519("Ed25519"));
        cases
    }

    fn of(alg: Alg, token: String, jwk: Value) -> Self {
        Self { alg, token, jwk, allowed: vec![alg] }
    }

    fn p384() -> Self {
        let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let jwk = json!({
            "kty": "EC", "crv": "P-384",
            "x": BASE64URL_NOPAD.encode(point.x().unwrap()), "y": BASE64URL_NOPAD.encode(point.y().unwrap()),
        });
        let input = input("ES384");
        let signature: p384::ecdsa::Signature = key.sign(input.as_bytes());
        Self::of(Alg::Es384, format!("{input}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes())), jwk)
    }

    fn ed25519(name: &str) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let x = BASE64URL_NOPAD.encode(key.verifying_key().as_bytes());
        let input = input(name);
        let signature = key.sign(input.as_bytes()).to_bytes();
        let token = format!("{input}.{}", BASE64URL_NOPAD.encode(&signature));
        Self::of(Alg::EdDsa, token, json!({"kty": "OKP", "crv": "Ed25519", "x": x}))
    }

    fn outcome(&self) -> Result<Alg, Denial> {
        let keys = KeySet::from_value(&json!({"keys": [self.jwk]})).unwrap();
        let token = UntrustedToken::parse(self.token.as_bytes())?;
        verify(&token, &self.allowed, None, &keys, &RustCrypto).map(|verified| verified.alg())
    }

    /// Checks the denial after a member of the JWK was set.
    fn refuses(&self, member: &str, value: impl Into<Value>, denial: Denial) {
        let mut jwk = self.jwk.clone();
        jwk[member] = value.into();
        let case = Self { alg: self.alg, token: self.token.clone(), jwk, allowed: self.allowed.clone() };
        assert_eq!(case.outcome(), Err(denial), "{:?} and {}", case.alg, case.jwk);
    }
}

fn input(alg: &str) -> String {
    let header = json!({"alg": alg, "kid": "k"});
    format!("{}.e30", BASE64URL_NOPAD.encode(header.to_string().as_bytes()))
}

/// The case with the token's own `kid` in the key, as issuers publish it.
fn with_kid(mut case: Case) -> Case {
    let token = UntrustedToken::parse(case.token.as_bytes()).unwrap();
    if let Some(kid) = token.kid() {
        case.jwk["kid"] = kid.into();
    }
    case
}

fn cases() -> Vec<Case> {
    Case::valid().into_iter().map(with_kid).collect()
}

#[test]
fn accepts_each_algorithm_where_everything_agrees() {
    let cases = cases();
    for alg in Alg::ALL {
        assert!(cases.iter().any(|case| case.alg == alg), "no token of {alg:?}");
    }
    for mut case in cases {
        assert_eq!(case.outcome(), Ok(case.alg));
        for (member, value) in
            [("alg", json!(case.alg.name())), ("use", json!("sig")), ("key_ops", json!(["verify"]))]
        {
            case.jwk[member] = value;
            assert_eq!(case.outcome(), Ok(case.alg), "{}", case.jwk);
        }
        case.allowed = Alg::ALL.to_vec();
        assert_eq!(case.outcome(), Ok(case.alg));
    }
}

#[test]
fn the_issuers_list_decides() {
    for mut case in cases() {
        case.allowed = Alg::ALL.into_iter().filter(|alg| *alg != case.alg).collect();
        assert_eq!(case.outcome(), Err(Denial::AlgNotAllowed), "{:?}", case.alg);
        case.allowed.clear();
        assert_eq!(case.outcome(), Err(Denial::AlgNotAllowed), "{:?}", case.alg);
    }
}

#[test]
fn every_member_of_the_key_must_agree_with_the_token() {
    for case in cases() {
        // A key of this kid for another algorithm is told apart from a key that is not there.
        let named = case.jwk.get("kid").is_some();
        let other = if named { Denial::AlgNotAllowed } else { Denial::UnknownKid };
        for alg in Alg::ALL.into_iter().filter(|alg| *alg != case.alg) {
            let denial = if alg.family() == case.alg.family() { other } else { Denial::UnknownKid };
            case.refuses("alg", alg.name(), denial);
        }
        for (member, value) in [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("ES512")),
            ("alg", json!("RSA-OAEP")),
            ("alg", json!(null)),
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!([])),
            ("kty", json!("oct")),
            ("kty", json!("AKP")),
            ("d", json!("AQ")),
            ("k", json!("AQ")),
        ] {
            case.refuses(member, value, Denial::UnknownKid);
        }
        for kty in ["RSA", "EC", "OKP"].into_iter().filter(|kty| case.jwk["kty"] != *kty) {
            case.refuses("kty", kty, Denial::UnknownKid);
        }
        if case.alg.family() != Family::Rsa {
            for crv in ["P-256", "P-384", "P-521", "Ed25519", "X25519", "Ed448", "secp256k1"] {
                if case.jwk["crv"] != crv {
                    case.refuses("crv", crv, Denial::UnknownKid);
                }
            }
        }
        if named {
            case.refuses("kid", "another", Denial::UnknownKid);
        }
    }
}

#[test]
fn a_token_of_another_algorithm_does_not_move_the_key() {
    // The same signature under another header, with keys that leave the algorithm open.
    for case in Case::valid() {
        let (_, rest) = case.token.split_once('.').unwrap();
        for alg in Alg::ALL.into_iter().filter(|alg| *alg != case.alg) {
            let header = BASE64URL_NOPAD.encode(json!({"alg": alg.name()}).to_string().as_bytes());
            let token = format!("{header}.{rest}");
            let changed = Case { alg, token, jwk: case.jwk.clone(), allowed: Alg::ALL.to_vec() };
            let same_kind = alg.family() == case.alg.family();
            let denial = if same_kind { Denial::BadSignature } else { Denial::UnknownKid };
            assert_eq!(changed.outcome(), Err(denial), "{:?} as {alg:?}", case.alg);
        }
    }
}
