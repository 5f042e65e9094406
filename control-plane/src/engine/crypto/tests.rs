use aws_lc_rs::{encoding::AsDer as _, rsa::KeySize, signature::RsaKeyPair};
use cambist_core::{
    crypto::{Crypto as _, RustCrypto, SigningKey, Support, self_test},
    jose::{alg::Alg, jwk::VerificationKey},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use super::NativeCrypto;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/wycheproof/", $name))
    };
}

/// Files, and the algorithm of each.
const SUITES: [(&str, Alg); 10] = [
    (fixture!("rsa_signature_2048_sha256_test.json"), Alg::Rs256),
    (fixture!("rsa_signature_2048_sha384_test.json"), Alg::Rs384),
    (fixture!("rsa_signature_2048_sha512_test.json"), Alg::Rs512),
    (fixture!("rsa_signature_4096_sha256_test.json"), Alg::Rs256),
    (fixture!("rsa_pss_2048_sha256_mgf1_32_test.json"), Alg::Ps256),
    (fixture!("rsa_pss_2048_sha256_mgf1_0_test.json"), Alg::Ps256),
    (fixture!("rsa_pss_2048_sha384_mgf1_48_test.json"), Alg::Ps384),
    (fixture!("rsa_pss_4096_sha512_mgf1_64_test.json"), Alg::Ps512),
    (fixture!("ecdsa_secp256r1_sha256_p1363_test.json"), Alg::Es256),
    (fixture!("ecdsa_secp384r1_sha384_p1363_test.json"), Alg::Es384),
];

pub(super) fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The group's key, written of the vector's numbers.
pub(super) fn key(group: &Value, alg: Alg) -> VerificationKey {
    let public = &group["publicKey"];
    let number = |name: &str| {
        let bytes = hex(&public[name]);
        let bytes = bytes.strip_prefix(&[0]).unwrap_or(&bytes);
        BASE64URL_NOPAD.encode(bytes)
    };
    let coordinate = |name: &str, length: usize| {
        let bytes = hex(&public[name]);
        let digits = &bytes[bytes.len().saturating_sub(length)..];
        let mut padded = vec![0; length.saturating_sub(digits.len())];
        padded.extend(digits);
        BASE64URL_NOPAD.encode(&padded)
    };
    let jwk = match alg.name() {
        "ES256" => {
            json!({ "kty": "EC", "crv": "P-256", "x": coordinate("wx", 32), "y": coordinate("wy", 32) })
        }
        "ES384" => {
            json!({ "kty": "EC", "crv": "P-384", "x": coordinate("wx", 48), "y": coordinate("wy", 48) })
        }
        _ => json!({ "kty": "RSA", "n": number("modulus"), "e": number("publicExponent") }),
    };
    VerificationKey::from_jwk(jwk.as_object().unwrap()).unwrap()
}

#[test]
fn judges_published_signatures_as_gateways_do() {
    let (mut judged, mut good) = (0_u32, 0_u32);
    for (text, alg) in SUITES {
        let document: Value = serde_json::from_str(text).unwrap();
        for group in document["testGroups"].as_array().unwrap() {
            let key = key(group, alg);
            for test in group["tests"].as_array().unwrap() {
                let (input, signature) = (hex(&test["msg"]), hex(&test["sig"]));
                let native = NativeCrypto::default().verify(alg, &key, &input, &signature);
                assert_eq!(native, RustCrypto.verify(alg, &key, &input, &signature), "{alg:?} {test}");
                judged = judged.saturating_add(1);
                good = good.saturating_add(u32::from(native));
            }
        }
    }
    // A look that judges nothing finds nothing.
    assert!(judged > 1500 && good > 400, "{judged} {good}");
}

#[test]
fn does_all_that_a_host_may_offer() {
    let Support { verify, es256_sign } = self_test(&NativeCrypto::default());
    assert_eq!((verify.len(), es256_sign), (5, true));
}

#[test]
fn signs_with_rsa_what_others_verify() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let document = pair.as_der().unwrap();
    let key = SigningKey::from_pkcs8(document.as_ref(), None).unwrap();
    let crypto = NativeCrypto::default();
    for input in [&b"input"[..], b""] {
        let signature = crypto.sign(&key, input).unwrap();
        assert!(RustCrypto.verify(Alg::Rs256, key.rsa_public().unwrap(), input, &signature));
        assert!(!RustCrypto.verify(Alg::Rs256, key.rsa_public().unwrap(), b"other", &signature));
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", NativeCrypto::default()), "NativeCrypto");
}
