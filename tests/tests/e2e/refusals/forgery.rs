//! What an attacker, or a careless issuer, makes: signatures of the wrong kind, keys that nobody should use.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cambist_tests::jwt::{self, Key, encode};
use serde_json::{Value, json};

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A public key of the library that made breakable ones (Project Wycheproof, `json_web_key_test.json`, test 7).
const ROCA: &str = "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09\
    yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuT\
    EtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-\
    QYyE";

/// A key set with one of everything that an issuer might publish by mistake.
pub(super) struct OddKeys {
    /// The key behind every P-256 entry that stands alone.
    p256: Key,
    rsa: RsaKeyPair,
    /// A P-256 and an RSA key of one name.
    pub(super) twins: [Key; 2],
    /// Two P-256 keys of one name.
    pub(super) pair: [Key; 2],
    /// More P-256 keys of one name than are tried.
    pub(super) crowd: Vec<Key>,
}

// === impl OddKeys ===

impl OddKeys {
    pub(super) fn new() -> Self {
        Self {
            p256: Key::p256("good"),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made"),
            twins: [Key::p256("twin"), Key::rsa("twin")],
            pair: [Key::p256("pair"), Key::p256("pair")],
            crowd: (0..6).map(|_| Key::p256("crowd")).collect(),
        }
    }

    pub(super) fn jwks(&self) -> Value {
        let mut keys = vec![self.p256.jwk(), rsa_jwk("rsa", &self.modulus(), &[1, 0, 1])];
        keys.extend(self.unusable().into_iter().map(|(_, jwk)| jwk));
        keys.extend(self.twins.iter().chain(&self.pair).chain(&self.crowd).map(Key::jwk));
        json!({ "keys": keys })
    }

    /// The keys that must not be used, with their names.
    pub(super) fn unusable(&self) -> Vec<(&'static str, Value)> {
        let n = self.modulus();
        let ending = |length: usize, last: u8| [&n[..length - 1], &[last]].concat();
        let rsa = |kid: &'static str, n: &[u8], e: &[u8]| (kid, rsa_jwk(kid, n, e));
        let p256 = |kid: &'static str, name: &str, value: Value| {
            let mut jwk = self.p256.named(kid).jwk();
            jwk[name] = value;
            (kid, jwk)
        };
        let mut mislabelled = rsa("rsa-as-es256", &n, &[1, 0, 1]);
        mislabelled.1["alg"] = json!("ES256");
        let mut roca = rsa("roca", &n, &[1, 0, 1]);
        roca.1["n"] = json!(ROCA);
        vec![
            rsa("n-512", &ending(64, 1), &[1, 0, 1]),
            rsa("n-1024", &ending(128, 1), &[1, 0, 1]),
            rsa("n-2040", &ending(255, 1), &[1, 0, 1]),
            rsa("n-8200", &[0xff; 1_025], &[1, 0, 1]),
            rsa("n-even", &ending(256, 2), &[1, 0, 1]),
            rsa("e-0", &n, &[0]),
            rsa("e-1", &n, &[1]),
            rsa("e-2", &n, &[2]),
            rsa("e-even", &n, &[1, 0, 0]),
            rsa("e-huge", &n, &[0xff; 64]),
            mislabelled,
            roca,
            p256("p256-as-rs256", "alg", json!("RS256")),
            p256("off-curve", "y", json!(encode(&[7; 32]))),
            p256("for-encryption", "use", json!("enc")),
            p256("for-signing", "key_ops", json!(["sign"])),
            p256("private", "d", json!(encode(&[7; 32]))),
            ("symmetric", json!({ "kty": "oct", "kid": "symmetric", "alg": "HS256", "k": encode(&[7; 32]) })),
        ]
    }

    /// The key that stands in the set under `kid`, where that is a P-256 key.
    pub(super) fn p256(&self, kid: &str) -> Key {
        self.p256.named(kid)
    }

    /// A token that claims to be signed with the RSA key `kid`; valid where its exponent is 1.
    pub(super) fn rsa_token(kid: &str, claims: &Value) -> String {
        let input = unsigned(&json!({ "alg": "RS256", "kid": kid }), claims);
        // RFC 8017 §9.2, with the DigestInfo of SHA-256.
        let info = [
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
            0, 0x04, 0x20,
        ];
        let hash = digest(&SHA256, input.as_bytes());
        let fill = vec![0xff; 256 - 3 - info.len() - hash.as_ref().len()];
        let message = [&[0, 1][..], &fill, &[0], &info, hash.as_ref()].concat();
        format!("{input}.{}", encode(&message))
    }

    /// A token that says RS256 and has a PSS signature.
    pub(super) fn pss_token(&self, claims: &Value) -> String {
        self.sign(&RSA_PSS_SHA256, &json!({ "alg": "RS256", "kid": "rsa" }), claims)
    }

    /// A token that says RS256 and has a signature over another hash.
    pub(super) fn sha512_token(&self, claims: &Value) -> String {
        self.sign(&RSA_PKCS1_SHA512, &json!({ "alg": "RS256", "kid": "rsa" }), claims)
    }

    fn sign(&self, padding: &'static dyn RsaEncoding, header: &Value, claims: &Value) -> String {
        let input = unsigned(header, claims);
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(padding, &SystemRandom::new(), input.as_bytes(), &mut signature).expect("RSA signs");
        format!("{input}.{}", encode(&signature))
    }

    fn modulus(&self) -> Vec<u8> {
        self.rsa.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }
}

fn rsa_jwk(kid: &str, n: &[u8], e: &[u8]) -> Value {
    json!({ "kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": encode(n), "e": encode(e) })
}

/// Header and payload of a token.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

/// A token under an HMAC with `secret`.
pub(super) fn hmac_token(alg: &str, kid: &str, claims: &Value, secret: &[u8]) -> String {
    let hash = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let input = unsigned(&json!({ "alg": alg, "typ": "JWT", "kid": kid }), claims);
    let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
    format!("{input}.{}", encode(tag.as_ref()))
}

/// A P-256 public key as `SubjectPublicKeyInfo`.
pub(super) fn spki(jwk: &Value) -> Vec<u8> {
    const HEAD: [u8; 27] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    [&HEAD[..], &coordinate(jwk, "x"), &coordinate(jwk, "y")].concat()
}

/// The same as PEM.
pub(super) fn pem(jwk: &Value) -> String {
    let text = STANDARD.encode(spki(jwk));
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// A coordinate's bytes.
pub(super) fn coordinate(jwk: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().expect("a coordinate")).expect("base64url")
}

/// The ES256 signature of a token.
pub(super) fn signature(token: &str) -> Vec<u8> {
    let (_, signature) = token.rsplit_once('.').expect("segments");
    URL_SAFE_NO_PAD.decode(signature).expect("base64url")
}

/// The token with another signature.
pub(super) fn resigned(token: &str, signature: &[u8]) -> String {
    let (input, _) = token.rsplit_once('.').expect("segments");
    format!("{input}.{}", encode(signature))
}

/// The order of P-256, which neither half of a signature may reach.
pub(super) const fn order() -> [u8; 32] {
    ORDER
}

/// The other `s` that verifies with the same `r`.
pub(super) fn other_s(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let mut difference = [0_u8; 32];
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    [r, &difference].concat()
}

/// An ES256 signature as ASN.1 DER.
pub(super) fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        let mut body = bytes[start..].to_vec();
        if body[0] >= 0x80 {
            body.insert(0, 0);
        }
        [&[2, u8::try_from(body.len()).expect("short")], &body[..]].concat()
    };
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [&[0x30, u8::try_from(body.len()).expect("short")], &body[..]].concat()
}

/// Claims of a good token of `iss`.
pub(super) fn claims_of(iss: &str, audience: &str) -> Value {
    let now = jwt::now();
    json!({ "iss": iss, "sub": "job", "aud": audience, "iat": now, "nbf": now, "exp": now + 600 })
}
