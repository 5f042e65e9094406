//! JWK sets and single keys.

use cambist_core::{
    jose::{
        alg::Alg,
        compact::MAX_KID_BYTES,
        jwk::{MAX_RSA_BITS, MIN_RSA_BITS, VerificationKey},
        key_set::{KeySet, MAX_KEYS, MAX_SAME_KID, MAX_WITHOUT_KID},
    },
    json,
};
use serde_json::{Map, Value};

/// The input is a JWK set, or a key.
///
/// Every entry is used or skipped for a reason; nothing private or symmetric is used; keys stay within their bounds, and
/// a token has few of them to be tried with.
pub fn jwk(data: &[u8]) {
    if let Ok(set) = KeySet::parse(data) {
        assert!(set.keys().len() + set.skipped().len() <= MAX_KEYS, "too many keys were read");
        let value: Value = serde_json::from_slice(data).expect("a set that was read is JSON");
        let entries = value["keys"].as_array().expect("a set that was read has keys");
        assert_eq!(entries.len(), set.keys().len() + set.skipped().len(), "keys were lost");
        assert!(set.skipped().iter().all(|skipped| skipped.index < entries.len()));
        let kids = set.keys().iter().map(|key| key.kid()).chain([None, Some("")]);
        for (kid, alg) in kids.flat_map(|kid| Alg::ALL.map(|alg| (kid, alg))) {
            let most = if kid.is_some() { MAX_SAME_KID } else { MAX_WITHOUT_KID };
            let candidates: Vec<_> = set.candidates(kid, alg).collect();
            assert!(candidates.len() <= most, "too many keys would be tried");
            assert!(candidates.iter().all(|key| key.fits(alg)), "a key would be tried for another algorithm");
            assert!(kid.is_none() || candidates.iter().all(|key| key.kid() == kid));
        }
        for key in set.keys() {
            assert!(set.contains_thumbprint(key.thumbprint()));
            sane(key);
        }
    }
    if let Ok(object) = json::parse_object(data)
        && let Ok(key) = VerificationKey::from_jwk(&object)
    {
        public(&object);
        sane(&key);
        assert_eq!(key.kid(), object.get("kid").and_then(Value::as_str), "another kid was read");
        if let Some(alg) = object.get("alg").and_then(Value::as_str) {
            assert_eq!(key.alg().map(Alg::name), Some(alg), "another algorithm was read");
        }
    }
}

/// The key was read from members of a public key only.
fn public(object: &Map<String, Value>) {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(!object.contains_key(name), "{name} was overlooked");
    }
    let usage = object.get("use").and_then(Value::as_str).unwrap_or("sig");
    assert!(["sig", "jwt-svid"].contains(&usage), "a key for another use was read");
}

fn sane(key: &VerificationKey) {
    assert!(key.kid().is_none_or(|kid| kid.len() <= MAX_KID_BYTES), "too long a kid was read");
    assert!(key.rsa_bits().is_none_or(|bits| (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits)));
    assert_eq!(key.spki().first(), Some(&0x30), "the key has no DER form");
    let fitting = Alg::ALL.iter().filter(|alg| key.fits(**alg)).count();
    assert!(fitting > 0, "a key was read that is good for nothing");
}
