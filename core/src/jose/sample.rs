//! A token that verifies, in parts, so that a test can change one of them. For tests only.

use alloc::string::String;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::{
    claims::TimeRules,
    crypto::{Crypto as _, RustCrypto, SigningKey},
    jose::key_set::KeySet,
    time::Timestamp,
};

/// The key of RFC 7515 appendix A.3, as PKCS#8 without the public key.
pub(crate) const PKCS8: &str =
    "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCCOmxCecZCYv5gEh98fXXfpyylgbr7SJjtfV8IT34T0sg==";

/// The time at which the token is looked at, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

/// The rules that an issuer has by default.
pub(crate) const RULES: TimeRules =
    TimeRules { clock_skew: 60, exp_leeway: 0, max_lifetime: 86_400, max_age: None };

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_pkcs8(PKCS8.as_bytes(), Some("k1")).unwrap()
}

/// The issuer's keys: that of [`signing_key`].
pub(crate) fn key_set() -> KeySet {
    KeySet::from_value(&json!({"keys": [signing_key().public_jwk()]})).unwrap()
}

pub(crate) fn header() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "JWT"})
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://issuer.example",
        "sub": "system:serviceaccount:shop:checkout",
        "aud": ["cambist"],
        "exp": NOW + 600,
        "nbf": NOW - 10,
        "iat": NOW - 10,
        "jti": "c5a16007",
    })
}

/// A token of these parts, signed by [`signing_key`] whatever they say.
pub(crate) fn token(header: &Value, claims: &Value) -> String {
    sign(&serde_json::to_vec(header).unwrap(), &serde_json::to_vec(claims).unwrap())
}

/// A token of this text, signed by [`signing_key`].
pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    let mut token = BASE64URL_NOPAD.encode(header);
    token.push('.');
    token.push_str(&BASE64URL_NOPAD.encode(payload));
    let signature = RustCrypto.sign(&signing_key(), token.as_bytes()).unwrap();
    token.push('.');
    token.push_str(&BASE64URL_NOPAD.encode(&signature));
    token
}
