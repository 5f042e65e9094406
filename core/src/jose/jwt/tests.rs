#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{UntrustedJwt, VerifiedToken};
use crate::{
    crypto::RustCrypto,
    denial::Denial,
    jose::{
        alg::Alg,
        key_set::KeySet,
        sample::{RULES, claims, header, key_set, now, signing_key, token},
    },
};

/// Everything that decides about a token.
struct Case {
    header: Value,
    claims: Value,
    allowed: Vec<Alg>,
    typ: Option<Vec<String>>,
    keys: KeySet,
}

impl Case {
    fn valid() -> Self {
        let allowed = Alg::ALL.to_vec();
        Self { header: header(), claims: claims(), allowed, typ: None, keys: key_set() }
    }

    fn outcome(&self) -> Result<VerifiedToken, Denial> {
        self.outcome_of(&token(&self.header, &self.claims))
    }

    fn outcome_of(&self, token: &str) -> Result<VerifiedToken, Denial> {
        let jwt = UntrustedJwt::parse(token.as_bytes())?;
        jwt.claims()?.check_times(&RULES, now())?;
        jwt.verify(&self.allowed, self.typ.as_deref(), &self.keys, &RustCrypto)
    }
}

/// Checks the denial of the valid case after one change.
fn refuses(denial: Denial, change: impl FnOnce(&mut Case)) {
    let mut case = Case::valid();
    change(&mut case);
    assert_eq!(case.outcome().map(drop), Err(denial));
}

fn accepts(change: impl FnOnce(&mut Case)) {
    let mut case = Case::valid();
    change(&mut case);
    assert_eq!(case.outcome().map(drop), Ok(()));
}

fn keys(jwks: &[Value]) -> KeySet {
    KeySet::from_value(&json!({"keys": jwks})).unwrap()
}

/// The sample's public key with one member replaced.
fn jwk_with(name: &str, value: &str) -> Value {
    let mut jwk = signing_key().public_jwk();
    jwk[name] = json!(value);
    jwk
}

/// A key of the sample's `kid` that did not sign the sample: the point of a Kubernetes fixture.
fn stranger() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": "k1",
        "x": "fgFx7ld5j0iT3wyJo68I1X74i3_JsX3T6UGDz27R9TY", "y": "VZ5Q79dFaO-tdZpSdV-kE7pUwtXD3hCpAeZTGsNLEbM",
    })
}

fn rsa() -> Value {
    json!({"kty": "RSA", "kid": "k1", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&[0xff; 256])})
}

#[test]
fn verifies_a_valid_token() {
    let verified = Case::valid().outcome().unwrap();
    assert_eq!(verified.thumbprint(), signing_key().thumbprint());
    assert_eq!(verified.alg(), Alg::Es256);
    assert_eq!(verified.claims().jti(), Some("c5a16007"));
    assert_eq!(verified.into_claims().sub(), "system:serviceaccount:shop:checkout");
}

#[test]
fn tells_the_issuer_before_anything_else() {
    let mut foreign = claims();
    foreign.as_object_mut().unwrap().remove("exp");
    let text = token(&header(), &foreign);
    let jwt = UntrustedJwt::parse(text.as_bytes()).unwrap();
    assert_eq!(jwt.iss(), Some("https://issuer.example"));
    assert_eq!(jwt.claims().err(), Some(Denial::JwtMalformed));
}

#[test]
fn refuses_every_changed_claim() {
    refuses(Denial::JwtMalformed, |case| case.claims["iss"] = json!(["https://issuer.example"]));
    refuses(Denial::JwtMalformed, |case| case.claims["sub"] = json!(""));
    refuses(Denial::AudienceMismatch, |case| case.claims["aud"] = json!([]));
    refuses(Denial::TokenExpired, |case| case.claims["exp"] = json!(1));
    refuses(Denial::TokenNotYetValid, |case| case.claims["nbf"] = json!(2_000_000_000));
    refuses(Denial::TokenNotYetValid, |case| case.claims["iat"] = json!(2_000_000_000));
    refuses(Denial::TokenTooOld, |case| case.claims["iat"] = json!(1));
    refuses(Denial::TokenTooOld, |case| case.claims["exp"] = json!(1_u64 << 52));
    refuses(Denial::TypNotAllowed, |case| case.claims["cnf"] = json!({}));
    refuses(Denial::JwtMalformed, |case| case.claims = json!([]));
}

#[test]
fn refuses_algorithms_off_the_list() {
    refuses(Denial::AlgNotAllowed, |case| case.header["alg"] = json!("none"));
    refuses(Denial::AlgNotAllowed, |case| case.header["alg"] = json!("HS256"));
    refuses(Denial::AlgNotAllowed, |case| case.allowed = [Alg::Rs256].into());
    refuses(Denial::AlgNotAllowed, |case| case.allowed.clear());
}

#[test]
fn refuses_algorithms_that_the_key_is_not_for() {
    refuses(Denial::AlgNotAllowed, |case| case.header["alg"] = json!("RS256"));
    refuses(Denial::AlgNotAllowed, |case| case.keys = keys(&[rsa()]));
}

#[test]
fn refuses_unknown_keys() {
    refuses(Denial::UnknownKid, |case| case.header["kid"] = json!("k2"));
    refuses(Denial::UnknownKid, |case| case.header["kid"] = json!("K1"));
    refuses(Denial::UnknownKid, |case| case.header["kid"] = json!(""));
    refuses(Denial::UnknownKid, |case| case.keys = KeySet::default());
    refuses(Denial::UnknownKid, |case| case.keys = keys(&[jwk_with("use", "enc")]));
    refuses(Denial::UnknownKid, |case| {
        case.header = json!({"alg": "ES256"});
        case.keys = keys(&[rsa()]);
    });
}

#[test]
fn refuses_signatures_of_other_keys() {
    refuses(Denial::BadSignature, |case| case.keys = keys(&[stranger()]));
    refuses(Denial::BadSignature, |case| {
        case.header = json!({"alg": "ES256"});
        case.keys = keys(&[stranger()]);
    });
}

#[test]
fn tries_the_right_keys_and_not_too_many() {
    accepts(|case| case.header = json!({"alg": "ES256"}));
    let own = || signing_key().public_jwk();
    accepts(|case| case.keys = keys(&[stranger(), rsa(), stranger(), stranger(), own()]));
    refuses(Denial::BadSignature, |case| {
        case.keys = keys(&[stranger(), stranger(), stranger(), stranger(), own()]);
    });
    let crowd = |strangers: usize| {
        let mut jwks = alloc::vec![stranger(); strangers];
        jwks.push(own());
        keys(&jwks)
    };
    accepts(|case| (case.header, case.keys) = (json!({"alg": "ES256"}), crowd(7)));
    refuses(Denial::BadSignature, |case| (case.header, case.keys) = (json!({"alg": "ES256"}), crowd(8)));
}

#[test]
fn reads_types_without_case_and_prefix() {
    let list = |values: &[&str]| Some(values.iter().copied().map(String::from).collect::<Vec<_>>());
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+jwt"] {
        accepts(|case| case.header["typ"] = json!(typ));
    }
    accepts(|case| (case.header["typ"], case.typ) = (json!("wimse+jwt"), list(&["application/WIMSE+jwt"])));
    for typ in ["", "jose", "JWT ", "application/", "application/application/jwt", "text/jwt", "id+jwt"] {
        refuses(Denial::TypNotAllowed, |case| case.header["typ"] = json!(typ));
    }
    refuses(Denial::TypNotAllowed, |case| case.typ = list(&["at+jwt"]));
    refuses(Denial::TypNotAllowed, |case| case.typ = list(&[]));
}

#[test]
fn accepts_an_absent_type_unless_the_list_is_empty() {
    accepts(|case| case.header = json!({"alg": "ES256", "kid": "k1"}));
    refuses(Denial::TypNotAllowed, |case| {
        (case.header, case.typ) = (json!({"alg": "ES256", "kid": "k1"}), Some(Vec::new()));
    });
}

#[test]
fn refuses_tokens_for_other_purposes_even_when_listed() {
    for typ in ["logout+jwt", "dpop+jwt", "application/secevent+jwt", "LOGOUT+JWT"] {
        refuses(Denial::TypNotAllowed, |case| {
            (case.header["typ"], case.typ) = (json!(typ), Some(alloc::vec![String::from(typ)]));
        });
    }
}

#[test]
fn refuses_every_flipped_bit_of_the_signature() {
    let case = Case::valid();
    let text = token(&case.header, &case.claims);
    let (input, signature) = text.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1 << (at % 8);
        let text = format!("{input}.{}", BASE64URL_NOPAD.encode(&changed));
        assert_eq!(case.outcome_of(&text).map(drop), Err(Denial::BadSignature));
    }
    for length in [0, 1, 63] {
        let text = format!("{input}.{}", BASE64URL_NOPAD.encode(&signature[..length]));
        assert_eq!(case.outcome_of(&text).map(drop), Err(Denial::BadSignature));
    }
}

#[test]
fn refuses_the_signature_of_another_token() {
    let case = Case::valid();
    let mut other = Case::valid();
    other.claims["sub"] = json!("system:serviceaccount:shop:admin");
    let (text, other) = (token(&case.header, &case.claims), token(&other.header, &other.claims));
    let (input, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = text.rsplit_once('.').unwrap();
    assert_eq!(case.outcome_of(&format!("{input}.{signature}")).map(drop), Err(Denial::BadSignature));
}
