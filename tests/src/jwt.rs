//! Keys that sign tokens, and tokens taken apart. It signs whatever it is told, also what no issuer should.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ED25519,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key pair with its `kid`.
#[derive(Clone, Debug)]
pub struct Key {
    kid: String,
    pair: Pair,
}

#[derive(Clone, Debug)]
enum Pair {
    Rsa { pair: Arc<RsaKeyPair>, alg: &'static str },
    P256(Arc<EcdsaKeyPair>),
    P384(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

/// What an RSA key can do.
static RSA: [(&str, &dyn RsaEncoding); 6] = [
    ("RS256", &RSA_PKCS1_SHA256),
    ("RS384", &RSA_PKCS1_SHA384),
    ("RS512", &RSA_PKCS1_SHA512),
    ("PS256", &RSA_PSS_SHA256),
    ("PS384", &RSA_PSS_SHA384),
    ("PS512", &RSA_PSS_SHA512),
];

/// A compact JWS taken apart; nothing about it is verified.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    signed: String,
    signature: Vec<u8>,
}

// === impl Key ===

impl Key {
    /// A new key for `alg`, the name of any algorithm that an issuer may use.
    pub fn of(alg: &str, kid: &str) -> Self {
        match alg {
            "ES256" => Self::p256(kid),
            "ES384" => Self::p384(kid),
            "EdDSA" => Self::ed25519(kid),
            rsa => Self::rsa(kid).signing(rsa),
        }
    }

    /// A new RSA key of 2048 bits, for RS256.
    pub fn rsa(kid: &str) -> Self {
        let pair = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made"));
        Self { kid: kid.to_owned(), pair: Pair::Rsa { pair, alg: "RS256" } }
    }

    /// A new P-256 key, for ES256.
    pub fn p256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key can be made");
        Self { kid: kid.to_owned(), pair: Pair::P256(Arc::new(pair)) }
    }

    /// A new P-384 key, for ES384.
    pub fn p384(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a P-384 key can be made");
        Self { kid: kid.to_owned(), pair: Pair::P384(Arc::new(pair)) }
    }

    /// A new Ed25519 key, for `EdDSA`.
    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("an Ed25519 key can be made");
        Self { kid: kid.to_owned(), pair: Pair::Ed25519(Arc::new(pair)) }
    }

    /// The same RSA key for another algorithm: RS256, RS384, RS512, PS256, PS384 or PS512.
    pub fn signing(&self, alg: &str) -> Self {
        let Pair::Rsa { pair, .. } = &self.pair else { panic!("only RSA keys have a choice") };
        let (alg, _) = *RSA.iter().find(|(name, _)| *name == alg).expect("an algorithm of RSA");
        Self { kid: self.kid.clone(), pair: Pair::Rsa { pair: Arc::clone(pair), alg } }
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs with.
    pub const fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Rsa { alg, .. } => alg,
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// The same key under another name.
    pub fn named(&self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: self.pair.clone() }
    }

    /// The public half as a JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa { pair, .. } => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..65]) })
            }
            Pair::P384(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-384", "x": encode(&point[1..49]), "y": encode(&point[49..97]) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.alg());
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with exactly this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token with `alg`, `typ` and `kid` as this key has them.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": self.alg(), "typ": "JWT", "kid": self.kid }), claims)
    }

    /// A token with exactly these bytes as header and payload.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        format!("{signed}.{}", encode(&self.signature(signed.as_bytes())))
    }

    /// The signature of `input`, as JWS writes it.
    pub fn signature(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa { pair, alg } => {
                let (_, encoding) = *RSA.iter().find(|(name, _)| name == alg).expect("an algorithm of RSA");
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, input, &mut signature).expect("RSA signs");
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, input).expect("a curve signs").as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
        }
    }

    /// Whether `signature` over `input` is this key's, as aws-lc sees it. RS256, ES256 and `EdDSA` only.
    pub fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        let (algorithm, public): (&'static dyn VerificationAlgorithm, &[u8]) = match &self.pair {
            Pair::Rsa { pair, alg: "RS256" } => (&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref()),
            Pair::P256(pair) => (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => (&ED25519, pair.public_key().as_ref()),
            Pair::Rsa { alg, .. } => panic!("{alg} is not verified here"),
            Pair::P384(_) => panic!("ES384 is not verified here"),
        };
        UnparsedPublicKey::new(algorithm, public).verify(input, signature).is_ok()
    }

    /// The private half as base64 of PKCS#8 DER, the form of a signing key in the environment. P-256 only.
    pub fn pkcs8(&self) -> String {
        match &self.pair {
            Pair::P256(pair) => STANDARD.encode(pair.to_pkcs8v1().expect("a key has a private half")),
            Pair::Rsa { .. } | Pair::P384(_) | Pair::Ed25519(_) => {
                panic!("only P-256 keys sign access tokens here")
            }
        }
    }
}

// === impl Parts ===

impl Parts {
    /// Takes a token apart.
    pub fn of(token: &str) -> Self {
        let parts: Vec<_> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!("not three parts: {token}") };
        Self {
            header: serde_json::from_slice(&decode(header)).expect("a header is JSON"),
            claims: serde_json::from_slice(&decode(claims)).expect("claims are JSON"),
            signed: format!("{header}.{claims}"),
            signature: decode(signature),
        }
    }

    /// Whether the key with this token's `kid` in the JWK set `jwks` signed it with ES256.
    pub fn is_signed_by(&self, jwks: &Value) -> bool {
        let keys = jwks["keys"].as_array().expect("a JWK set");
        keys.iter().filter(|key| key["kid"] == self.header["kid"] && key["crv"] == "P-256").any(|key| {
            let coordinate = |name: &str| decode(key[name].as_str().expect("a coordinate"));
            let point = [vec![4], coordinate("x"), coordinate("y")].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.verify(self.signed.as_bytes(), &self.signature).is_ok()
        })
    }
}

/// Unix time in seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("the time fits")
}

/// base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}
