#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{AccessToken, Workload, mint};
use crate::{
    crypto::{Crypto, RustCrypto, SignError, SigningKey},
    jose::{
        alg::Alg,
        compact::UntrustedToken,
        jwk::VerificationKey,
        jwt::UntrustedJwt,
        sample::{NOW, RULES, key_set, now, signing_key},
    },
};

static NO_FIELDS: BTreeMap<String, String> = BTreeMap::new();

fn contents() -> AccessToken<'static> {
    AccessToken {
        iss: "https://authority.example",
        sub: "idn_abc",
        aud: "https://orders.example",
        client_id: "cl_abc",
        scope: Some("orders:read orders:write"),
        jti: [7; 16],
        iat: NOW,
        exp: NOW + 900,
        workload: Workload {
            iss: "https://issuer.example",
            sub: "system:a\"b",
            cluster: Some("eu-1"),
            login_id: Some("ada@example.org"),
            fields: &NO_FIELDS,
        },
        audience_tenant: None,
    }
}

#[test]
fn holds_every_claim_of_rfc_9068() {
    let fields = BTreeMap::from([("namespace".into(), "shop".into())]);
    let mut contents = contents();
    contents.workload.fields = &fields;
    let token = mint(&RustCrypto, &signing_key(), &contents).unwrap();
    let parsed = UntrustedToken::parse(token.as_bytes()).unwrap();
    assert_eq!((parsed.alg(), parsed.typ(), parsed.kid()), (Alg::Es256, Some("at+jwt"), Some("k1")));
    let claims: Value = serde_json::from_slice(parsed.payload()).unwrap();
    let expected = json!({
        "iss": "https://authority.example",
        "sub": "idn_abc",
        "aud": "https://orders.example",
        "client_id": "cl_abc",
        "scope": "orders:read orders:write",
        "jti": BASE64URL_NOPAD.encode(&[7; 16]),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 900,
        "workload": {
            "iss": "https://issuer.example", "sub": "system:a\"b", "cluster": "eu-1", "login_id": "ada@example.org",
            "namespace": "shop",
        },
    });
    assert_eq!(claims, expected);
}

#[test]
fn leaves_out_what_is_absent() {
    let mut contents = contents();
    contents.scope = None;
    contents.workload.cluster = None;
    contents.workload.login_id = None;
    let token = mint(&RustCrypto, &signing_key(), &contents).unwrap();
    let parsed = UntrustedToken::parse(token.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(parsed.payload()).unwrap();
    let workload = &claims["workload"];
    assert!(claims.get("scope").is_none());
    assert!(workload.get("cluster").is_none() && workload.get("login_id").is_none());
}

#[test]
fn verifies_with_the_published_key() {
    let token = mint(&RustCrypto, &signing_key(), &contents()).unwrap();
    let jwt = UntrustedJwt::parse(token.as_bytes()).unwrap();
    let verified = jwt.verify(&[Alg::Es256], None, &key_set(), &RustCrypto).unwrap();
    assert_eq!(verified.claims().check_times(&RULES, now()), Ok(()));
    assert_eq!(verified.thumbprint(), signing_key().thumbprint());
}

#[test]
fn reports_a_failure_to_sign() {
    struct Broken;
    impl Crypto for Broken {
        fn verify(&self, _: Alg, _: &VerificationKey, _: &[u8], _: &[u8]) -> bool {
            false
        }
        fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError)
        }
    }
    assert_eq!(mint(&Broken, &signing_key(), &contents()), Err(SignError));
}
