//! Tokens and keys that are printed in RFCs, come with Istio, or were issued by a Kubernetes API server or a provider.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec::Vec};

use serde_json::{Value, json};

use super::{
    alg,
    flips::Accepted,
    judge,
    tally::{Explained, Tally, Verdict},
};
use crate::{
    claims::TimeRules,
    crypto::RustCrypto,
    denial::Denial,
    jose::{
        alg::Alg,
        jwk::InvalidKey,
        jwt::{UntrustedJwt, VerifiedToken},
        key_set::KeySet,
    },
    time::Timestamp,
};

const KUBERNETES_TOKENS: &str = fixture!("kubernetes/tokens.json");
const KUBERNETES_KEYS: &str = fixture!("kubernetes/jwks.json");
const ISTIO_CASES: &str = fixture!("istio/cases.json");
const ISTIO_KEYS: &str = fixture!("istio/jwks.json");
const RFC_CASES: &str = fixture!("rfc7520/cases.json");

const RULES: TimeRules = TimeRules { clock_skew: 60, exp_leeway: 0, max_lifetime: 86_400, max_age: None };

fn list(document: &str, name: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap();
    document[name].as_array().unwrap().clone()
}

/// The key of an RFC's case, alone in a set; an empty set where the case has none.
fn keys_of(case: &Value) -> KeySet {
    let keys = case["jwk"].as_object().map(|_| case["jwk"].clone());
    KeySet::from_value(&json!({ "keys": keys.into_iter().collect::<Vec<_>>() })).unwrap()
}

/// Every token here that is accepted.
pub(super) fn accepted() -> Vec<Accepted> {
    let with = |keys: &'static str| {
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        move |entry: Value| Accepted { token: text(&entry), keys: keys.clone() }
    };
    let rfc = list(RFC_CASES, "cases").into_iter();
    let rfc = rfc.map(|case| Accepted { token: text(&case), keys: keys_of(&case) });
    let istio = list(ISTIO_CASES, "cases").into_iter().map(with(ISTIO_KEYS));
    let kubernetes = list(KUBERNETES_TOKENS, "tokens").into_iter().map(with(KUBERNETES_KEYS));
    let all = rfc.chain(istio).chain(kubernetes);
    all.filter(|accepted| judge(&accepted.token, &accepted.keys).is_ok()).collect()
}

fn text(entry: &Value) -> String {
    entry["token"].as_str().unwrap().into()
}

fn verify(token: &str, keys: &KeySet) -> Result<VerifiedToken, Denial> {
    UntrustedJwt::parse(token.as_bytes())?.verify(&Alg::ALL, None, keys, &RustCrypto)
}

#[test]
fn tokens_of_rfcs_are_judged_as_expected() {
    let cases = list(RFC_CASES, "cases");
    let verdicts = (1..).zip(&cases).map(|(id, case)| Verdict {
        id,
        valid: case["jws_layer_expected"] == "accept",
        accepted: judge(case["token"].as_str().unwrap(), &keys_of(case)).is_ok(),
    });
    let tally = Tally::of("rfc7515, rfc7520, rfc7797, rfc8037", verdicts, &Explained::new());
    assert_eq!(tally, Tally { cases: 15, accepted: 5, refused: 10, explained: 0 });
}

#[test]
fn texts_that_are_signed_are_no_jwts() {
    for case in list(RFC_CASES, "cases") {
        let outcome = verify(case["token"].as_str().unwrap(), &keys_of(&case)).map(|_| ());
        let expected = match case["id"].as_str().unwrap() {
            "rfc7515-a1-hs256"
            | "rfc7515-a5-none"
            | "rfc7520-4.3"
            | "rfc7520-4.4"
            | "rfc7520-4.5-detached" => Denial::AlgNotAllowed,
            // Text and no claims, no claim `sub`, or no compact JWS at all.
            _ => Denial::JwtMalformed,
        };
        assert_eq!(outcome, Err(expected), "{}", case["id"]);
    }
}

#[test]
fn tokens_of_istio_are_signed_and_lack_an_audience() {
    let keys = KeySet::parse(ISTIO_KEYS.as_bytes()).unwrap();
    let cases = list(ISTIO_CASES, "cases");
    let verdicts = (1..).zip(&cases).map(|(id, case)| {
        let token = case["token"].as_str().unwrap();
        let jwt = UntrustedJwt::parse(token.as_bytes()).unwrap();
        assert_eq!(jwt.iss(), case["claims"]["iss"].as_str());
        assert_eq!(jwt.claims().err(), Some(Denial::AudienceMismatch));
        Verdict { id, valid: case["signature_valid"] == true, accepted: judge(token, &keys).is_ok() }
    });
    let tally = Tally::of("istio", verdicts, &Explained::new());
    assert_eq!(tally, Tally { cases: 2, accepted: 2, refused: 0, explained: 0 });
}

#[test]
fn tokens_of_kubernetes_are_good_while_they_live() {
    let keys = KeySet::parse(KUBERNETES_KEYS.as_bytes()).unwrap();
    assert_eq!((keys.keys().len(), keys.skipped().len()), (2, 0));
    let tokens = list(KUBERNETES_TOKENS, "tokens");
    let verdicts = (1..).zip(&tokens).map(|(id, entry)| {
        let token = entry["token"].as_str().unwrap();
        let verified = verify(token, &keys).unwrap();
        let claims = verified.claims();
        assert_eq!(Value::Object(claims.members()), entry["claims"]);
        assert_eq!(verified.alg(), alg(entry["header"]["alg"].as_str().unwrap()));
        let at = |seconds| claims.check_times(&RULES, Timestamp::from_secs(seconds));
        assert_eq!(at(claims.exp()), Err(Denial::TokenExpired));
        assert_eq!(at(claims.exp() - 1), Ok(()));
        assert_eq!(at(claims.iat().unwrap() - 60), Ok(()));
        assert_eq!(at(claims.iat().unwrap() - 61), Err(Denial::TokenNotYetValid));
        Verdict { id, valid: true, accepted: at(claims.iat().unwrap()).is_ok() }
    });
    let tally = Tally::of("kubernetes", verdicts, &Explained::new());
    assert_eq!(tally, Tally { cases: 3, accepted: 3, refused: 0, explained: 0 });
}

/// A published JWK set: the algorithms that each usable key may be used with, and why the others are not used.
fn check_keys(set: &Value, usable: &[&[&str]], skipped: &[InvalidKey]) {
    let keys = KeySet::from_value(set).unwrap();
    let reasons: Vec<_> = keys.skipped().iter().map(|key| key.reason).collect();
    assert_eq!(reasons, skipped);
    let algorithms = keys
        .keys()
        .iter()
        .map(|key| -> Vec<_> { Alg::ALL.into_iter().filter(|alg| key.fits(*alg)).map(Alg::name).collect() });
    assert_eq!(algorithms.collect::<Vec<_>>(), usable);
    for key in keys.keys() {
        let kid = key.kid().unwrap();
        assert!(set["keys"].as_array().unwrap().iter().any(|jwk| jwk["kid"] == kid), "{kid}");
    }
}

#[test]
fn keys_of_real_providers_are_read() {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let any_rsa: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let rs256: &[&str] = &["RS256"];
    check_keys(&read(fixture!("real_jwks/azure_ad.json"))["jwks"], &[any_rsa; 2], &[]);
    check_keys(&read(fixture!("real_jwks/github_actions.json"))["jwks"], &[rs256; 4], &[]);
    check_keys(&read(fixture!("real_jwks/kubernetes.json"))["jwks"], &[rs256], &[]);
    let google = read(fixture!("real_jwks/google.json"));
    let snapshots = google["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 2);
    for snapshot in snapshots {
        check_keys(&snapshot["jwks"], &[rs256; 2], &[]);
    }
    let mixed = read(fixture!("real_jwks/fapi_mixed_enc_sig.json"));
    check_keys(&mixed["jwks"], &[&["PS256"]], &[InvalidKey::WrongUse]);
}
