//! Published test vectors, and tokens of a real Kubernetes issuer. Their sources stand beside the files.

use serde_json::Value;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    claims::TimeRules,
    crypto::RustCrypto,
    denial::Denial,
    jose::{alg::Alg, compact::UntrustedToken, jwt::UntrustedJwt, key_set::KeySet, verify::verify},
    time::Timestamp,
};

const KUBERNETES_TOKENS: &str = include_str!("../../tests/fixtures/kubernetes/tokens.json");
const KUBERNETES_KEYS: &[u8] = include_bytes!("../../tests/fixtures/kubernetes/jwks.json");
const WYCHEPROOF: &str = include_str!("../../tests/fixtures/wycheproof/json_web_signature.json");

#[test]
fn accepts_kubernetes_tokens_while_they_live() {
    let document: Value = serde_json::from_str(KUBERNETES_TOKENS).unwrap();
    let keys = KeySet::parse(KUBERNETES_KEYS).unwrap();
    assert_eq!((keys.keys().len(), keys.skipped().len()), (2, 0));
    let rules = TimeRules { clock_skew: 60, exp_leeway: 0, max_lifetime: 86_400, max_age: None };
    let tokens = document["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 3);
    for entry in tokens {
        let text = entry["token"].as_str().unwrap();
        let jwt = UntrustedJwt::parse(text.as_bytes()).unwrap();
        assert_eq!(jwt.iss(), entry["claims"]["iss"].as_str());
        let verified = jwt.verify(&Alg::ALL, None, &keys, &RustCrypto).unwrap();
        let claims = verified.claims();
        assert_eq!(Value::Object(claims.members()), entry["claims"]);
        let at = |seconds| claims.check_times(&rules, Timestamp::from_secs(seconds));
        assert_eq!(at(claims.iat().unwrap()), Ok(()));
        assert_eq!(at(claims.exp()), Err(Denial::TokenExpired));
        assert_eq!(at(claims.iat().unwrap() - 61), Err(Denial::TokenNotYetValid));
    }
}

#[test]
fn agrees_with_wycheproof() {
    let document: Value = serde_json::from_str(WYCHEPROOF).unwrap();
    let mut count = 0;
    for group in document["groups"].as_array().unwrap() {
        let keys = KeySet::from_value(&serde_json::json!({"keys": [group["public"]]})).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let jws = test["jws"].as_str().unwrap();
            let outcome = UntrustedToken::parse(jws.as_bytes())
                .and_then(|token| verify(&token, &Alg::ALL, None, &keys, &RustCrypto));
            assert_eq!(outcome.is_ok(), test["result"] == "valid", "{}: {outcome:?}", test["tcId"]);
            count += 1;
        }
    }
    assert_eq!(count, 76);
}
