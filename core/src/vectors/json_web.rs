//! Wycheproof's vectors of JOSE: signatures, keys, both together, and encryption, which is never accepted.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use serde_json::{Value, json};

use super::{
    flips::Accepted,
    judge,
    tally::{Explained, Tally, Verdict},
    wycheproof::{self, Case},
};
use crate::{denial::Denial, jose::key_set::KeySet};

/// The group's public keys; of symmetric groups the private ones, which are no keys here.
fn keys(group: &Value) -> KeySet {
    let key = group.get("public").filter(|key| key.is_object()).unwrap_or(&group["private"]);
    let set = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
    KeySet::from_value(&set).unwrap()
}

/// The token of a case: compact, or the text of a JSON serialisation.
fn token(case: &Case<'_>) -> String {
    let token = case.test.get("jws").unwrap_or_else(|| &case.test["jwe"]);
    token.as_str().map_or_else(|| token.to_string(), String::from)
}

fn tally(file: &str, text: &str, explained: &Explained) -> Tally {
    let document = wycheproof::document(text);
    let verdicts = wycheproof::cases(&document).into_iter().map(|case| {
        let accepted = judge(&token(&case), &keys(case.group)).is_ok();
        Verdict { id: case.id, valid: case.valid, accepted }
    });
    Tally::of(file, verdicts, explained)
}

/// Every token of the files that is accepted.
pub(super) fn accepted() -> Vec<Accepted> {
    let files = [
        fixture!("wycheproof/json_web_signature_test.json"),
        fixture!("wycheproof/json_web_key_test.json"),
        fixture!("wycheproof/json_web_crypto_test.json"),
    ];
    let documents = files.map(wycheproof::document);
    let cases = documents.iter().flat_map(wycheproof::cases);
    let tokens = cases.map(|case| Accepted { token: token(&case), keys: keys(case.group) });
    tokens.filter(|accepted| judge(&accepted.token, &accepted.keys).is_ok()).collect()
}

#[test]
fn signatures_are_judged_as_wycheproof_says() {
    let file = "json_web_signature_test";
    let tally =
        tally(file, fixture!("wycheproof/json_web_signature_test.json"), &wycheproof::overrides(file));
    assert_eq!(tally, Tally { cases: 401, accepted: 32, refused: 369, explained: 14 });
}

#[test]
fn keys_are_judged_as_wycheproof_says() {
    let file = "json_web_key_test";
    let tally = tally(file, fixture!("wycheproof/json_web_key_test.json"), &wycheproof::overrides(file));
    assert_eq!(tally, Tally { cases: 26, accepted: 1, refused: 25, explained: 4 });
}

#[test]
fn keys_and_signatures_together_are_judged_as_wycheproof_says() {
    let file = "json_web_crypto_test";
    let tally = tally(file, fixture!("wycheproof/json_web_crypto_test.json"), &wycheproof::overrides(file));
    assert_eq!(tally, Tally { cases: 83, accepted: 2, refused: 81, explained: 4 });
}

#[test]
fn encrypted_tokens_are_refused() {
    let file = "json_web_encryption_test";
    let text = fixture!("wycheproof/json_web_encryption_test.json");
    let document = wycheproof::document(text);
    let valid = wycheproof::cases(&document).into_iter().filter(|case| case.valid);
    let explained: Explained = valid.map(|case| (case.id, "JWE is not supported".into())).collect();
    let tally = tally(file, text, &explained);
    assert_eq!(tally, Tally { cases: 139, accepted: 0, refused: 139, explained: 65 });
    for case in wycheproof::cases(&document) {
        // For their form: no key was looked for.
        assert_eq!(judge(&token(&case), &keys(case.group)), Err(Denial::JwtMalformed), "{}", case.id);
    }
}
