#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::json;

use super::{InvalidSigningKey, SigningKey};
use crate::{
    crypto::{Crypto as _, RustCrypto},
    jose::{alg::Alg, jwk::VerificationKey, sample::PKCS8},
};

/// The sample key with its public key, as PEM.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----
";

/// An RSA key that signs nothing but these tests.
const RSA: &str = include_str!("tests/rsa2048.pem");
/// One of 1024 bits.
const SHORT_RSA: &str = include_str!("tests/rsa1024.txt");

#[test]
fn reads_an_rsa_key_and_leaves_signing_with_it_to_others() {
    let key = SigningKey::from_pkcs8(RSA.as_bytes(), None).unwrap();
    assert_eq!(key.alg(), Alg::Rs256);
    let jwk = key.public_jwk();
    assert_eq!((&jwk["kty"], &jwk["alg"], &jwk["e"]), (&json!("RSA"), &json!("RS256"), &json!("AQAB")));
    let public = VerificationKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!((public.thumbprint(), public.rsa_bits()), (key.thumbprint(), Some(2048)));
    assert_eq!(key.rsa_public().unwrap().spki(), public.spki());
    assert!(RustCrypto.sign(&key, b"input").is_err());
    let body: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(SigningKey::from_pkcs8(body.as_bytes(), None).unwrap().public_jwk(), jwk);
    let der = BASE64.decode(body.as_bytes()).unwrap();
    assert_eq!(key.pkcs8().expose(), &der);
    let longer = [&der[..], &[0]].concat();
    for document in [&der[..der.len() - 1], &longer, SHORT_RSA.as_bytes()] {
        let refused = SigningKey::from_pkcs8(document, None).map(drop);
        assert_eq!(refused, Err(InvalidSigningKey::Unsupported));
    }
}

#[test]
fn reads_every_form_of_the_same_key() {
    let der = BASE64.decode(PKCS8.as_bytes()).unwrap();
    let from_der = SigningKey::from_pkcs8(&der, None).unwrap();
    for document in [PKCS8.as_bytes(), format!("{PKCS8}\n").as_bytes(), PEM.as_bytes()] {
        let key = SigningKey::from_pkcs8(document, None).unwrap();
        assert_eq!(key.public_jwk(), from_der.public_jwk());
        assert_eq!(key.pkcs8(), from_der.pkcs8());
    }
}

#[test]
fn adds_the_public_key() {
    let key = SigningKey::from_pkcs8(PKCS8.as_bytes(), None).unwrap();
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(BASE64.encode(key.pkcs8().expose()), body);
}

#[test]
fn is_named_by_its_thumbprint_unless_told_otherwise() {
    let key = SigningKey::from_pkcs8(PKCS8.as_bytes(), None).unwrap();
    assert_eq!(key.kid(), BASE64URL_NOPAD.encode(key.thumbprint()));
    assert_eq!(SigningKey::from_pkcs8(PKCS8.as_bytes(), Some("k")).unwrap().kid(), "k");
    for kid in ["", &"k".repeat(257)] {
        let refused = SigningKey::from_pkcs8(PKCS8.as_bytes(), Some(kid)).map(drop);
        assert_eq!(refused, Err(InvalidSigningKey::BadKid));
    }
}

#[test]
fn publishes_what_verifies_its_signatures() {
    let key = SigningKey::from_pkcs8(PKCS8.as_bytes(), None).unwrap();
    let jwk = key.public_jwk();
    assert_eq!((&jwk["alg"], &jwk["use"], &jwk["kid"]), (&json!("ES256"), &json!("sig"), &json!(key.kid())));
    let public = VerificationKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    let signature = RustCrypto.sign(&key, b"input").unwrap();
    assert!(RustCrypto.verify(Alg::Es256, &public, b"input", &signature));
    assert!(!RustCrypto.verify(Alg::Es256, &public, b"Input", &signature));
}

#[test]
fn debug_shows_the_name_only() {
    let key = SigningKey::from_pkcs8(PKCS8.as_bytes(), Some("k")).unwrap();
    assert_eq!(format!("{key:?}"), r#"SigningKey { kid: "k", .. }"#);
}

#[test]
fn refuses_what_is_no_such_key() {
    let der = BASE64.decode(PKCS8.as_bytes()).unwrap();
    let mut zero = der.clone();
    let start = zero.len() - 32;
    zero[start..].fill(0);
    for document in [&der[..der.len() - 1], &der[..1], &zero, b"0"] {
        assert_eq!(SigningKey::from_pkcs8(document, None).map(drop), Err(InvalidSigningKey::Unsupported));
    }
    for document in [&b""[..], b"secret", b"\xff", b"-----BEGIN EC PRIVATE KEY-----\nAA==\n"] {
        let refused = SigningKey::from_pkcs8(document, None).map(drop);
        assert!(refused.is_err(), "{document:?}");
    }
}
