//! An issuer's key, the tokens it signs, and a deployment that trusts it.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::bench::{Bench, START, mk_binding};

pub(super) const ISS: &str = "https://issuer.example";

/// A key that signs ES256.
pub(super) struct Signer {
    pair: EcdsaKeyPair,
    kid: String,
}

/// The claims of a good token of the workload `cart`.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISS, "sub": "cart", "aud": "api", "iat": START.secs() - 10, "exp": START.secs() + 1200,
    })
}

/// The same with other members.
pub(super) fn claims_with(members: Value) -> Value {
    let mut claims = claims();
    let Value::Object(members) = members else { panic!("no members") };
    claims.as_object_mut().unwrap().extend(members);
    claims
}

/// The payload of a token.
pub(super) fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token.
pub(super) fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let segment = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(segment.as_bytes()).unwrap()).unwrap()
}

// === impl Signer ===

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).unwrap();
        Self { pair, kid: kid.to_owned() }
    }

    pub(super) fn jwks(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "use": "sig",
            "x": encode(&point[1..33]), "y": encode(&point[33..]),
        }] })
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_under(&json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// A token with this header, whatever it says.
    pub(super) fn sign_under(&self, head: &Value, claims: &Value) -> String {
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let input = format!("{}.{}", encode(head), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

impl Bench {
    /// Issuer `eks` with the signer's keys, a client with these members and binding `shop`, and route `all`, which
    /// exchanges in the control plane. Returns the client's id.
    pub(super) async fn exchanging(&self, signer: &Signer, client: Value) -> String {
        self.exchanging_at(signer, client, json!({ "per_minute": 1_000_000, "burst": 1_000_000 })).await
    }

    /// The same at another rate.
    pub(super) async fn exchanging_at(&self, signer: &Signer, client: Value, rate: Value) -> String {
        let keys = json!({ "source": "inline", "jwks": signer.jwks() });
        self.admin.post("/v1/issuers", json!({ "id": "eks", "iss": ISS, "keys": keys })).await.created();
        let mut document = json!({ "name": "shop" });
        document.as_object_mut().unwrap().extend(client.as_object().unwrap().clone());
        let made = self.admin.post("/v1/clients", document).await.created();
        let client = made["client_id"].as_str().unwrap().to_owned();
        let mut binding = mk_binding();
        binding["scopes"] = json!(["read", "write"]);
        binding["rate"] = rate;
        self.admin.post(&format!("/v1/clients/{client}/bindings"), binding).await.created();
        let route = json!({
            "id": "all", "host": "*", "path": { "prefix": "/" }, "clients": [client],
            "scopes": ["read"], "exchange": "control-plane",
        });
        self.admin.post("/v1/routes", route).await.created();
        client
    }
}
