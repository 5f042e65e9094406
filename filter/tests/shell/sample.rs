//! Valid parts, of which a test changes one: an issuer and its tokens, configurations, snapshots.

use std::sync::LazyLock;

use cambist_core::{
    crypto::{Crypto as _, RustCrypto, SigningKey},
    jose::{alg::Alg, jwk::VerificationKey},
};
use data_encoding::BASE64URL_NOPAD;
use p256::{SecretKey, pkcs8::EncodePrivateKey as _};
use serde_json::{Value, json};

use super::stage::START_MS;

pub(super) const ISS: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "https://gateway.example";
pub(super) const TARGET: &str = "https://api.example";
pub(super) const SUBJECT: &str = "system:serviceaccount:shop:checkout";
pub(super) const AUTHORITY: &str = "https://authority.example";
pub(super) const TOKEN_VARIABLE: &str = "CAMBIST_GATEWAY_TOKEN";
pub(super) const GATEWAY_TOKEN: &str = "gw_0123456789abcdef";
pub(super) const KEY_VARIABLE: &str = "FLEET_KEY";
/// Where the issuer's keys are.
pub(super) const KEYS_URL: &str = "https://issuer.example/keys";
pub(super) const DISCOVERY_URL: &str = "https://issuer.example/.well-known/openid-configuration";
const NOW: i64 = START_MS / 1_000;

/// A key that signs; `number` says which.
pub(super) fn key(number: u8) -> SigningKey {
    let kid = format!("k{number}");
    SigningKey::from_pkcs8(secret(number).to_pkcs8_der().unwrap().as_bytes(), Some(&kid)).unwrap()
}

/// The key that mints, as a PEM document.
pub(super) fn fleet_key_pem() -> String {
    secret(99).to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap().to_string()
}

/// The same as base64 of its DER, as a control plane sends it.
pub(super) fn fleet_key_base64() -> String {
    data_encoding::BASE64.encode(secret(99).to_pkcs8_der().unwrap().as_bytes())
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_slice(&[number; 32]).unwrap()
}

/// The JWK set of these keys.
pub(super) fn jwks(numbers: &[u8]) -> Value {
    json!({ "keys": numbers.iter().map(|number| key(*number).public_jwk()).collect::<Vec<_>>() })
}

/// The claims of a token that is good for an hour.
pub(super) fn claims() -> Value {
    json!({ "iss": ISS, "sub": SUBJECT, "aud": AUDIENCE, "exp": NOW + 3_600, "iat": NOW - 10 })
}

/// A token with these claims, signed by key `number`.
pub(super) fn token(number: u8, claims: &Value) -> String {
    let key = key(number);
    let header = json!({ "alg": "ES256", "kid": key.kid(), "typ": "JWT" });
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(&header), part(claims));
    let signature = RustCrypto.sign(&key, input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// A good token, the same at every call.
pub(super) fn good_token() -> String {
    static TOKEN: LazyLock<String> = LazyLock::new(|| token(1, &claims()));
    TOKEN.clone()
}

/// The claims of an access token after its signature was checked against the fleet key.
pub(super) fn access_claims(authorization: &str) -> Value {
    let token = authorization.strip_prefix("Bearer ").unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let fleet = SigningKey::from_pkcs8(fleet_key_pem().as_bytes(), None).unwrap();
    let jwk = fleet.public_jwk().as_object().unwrap().clone();
    let public = VerificationKey::from_jwk(&jwk).unwrap();
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    assert!(RustCrypto.verify(Alg::Es256, &public, input.as_bytes(), &decode(signature)));
    serde_json::from_slice(&decode(input.split_once('.').unwrap().1)).unwrap()
}

/// A snapshot document: one issuer with inline keys, one binding, one route that mints.
pub(super) fn document() -> Value {
    json!({
        "authority": AUTHORITY,
        "issuers": [issuer("main", &json!({ "source": "inline", "jwks": jwks(&[1]) }))],
        "clients": [{ "client_id": "cl_shop", "name": "Shop" }],
        "bindings": [binding("main")],
        "routes": [route("all", "/")],
        "signing_keys": [{
            "alg": "ES256", "private_key": { "env": KEY_VARIABLE }, "not_after": NOW + 86_400,
        }],
    })
}

/// The same with keys that have to be fetched.
pub(super) fn document_with(keys: &Value) -> Value {
    let mut document = document();
    document["issuers"][0]["keys"] = keys.clone();
    document
}

pub(super) fn jwks_uri() -> Value {
    json!({ "source": "jwks_uri", "uri": KEYS_URL })
}

pub(super) fn issuer(id: &str, keys: &Value) -> Value {
    json!({ "id": id, "iss": ISS, "keys": keys, "max_stale": 600, "refetch_floor_ms": 30_000 })
}

pub(super) fn binding(issuer: &str) -> Value {
    json!({
        "id": format!("binding-{issuer}"), "client_id": "cl_shop", "issuer": issuer, "audiences": [AUDIENCE],
        "subjects": [SUBJECT], "scopes": ["orders"], "targets": [TARGET], "ttl": 600,
    })
}

pub(super) fn route(id: &str, prefix: &str) -> Value {
    json!({
        "id": id, "host": "*", "path": { "prefix": prefix }, "mode": "require", "clients": ["cl_shop"],
        "scopes": ["orders"], "exchange": "gateway",
    })
}

/// A plugin configuration with an inline snapshot.
pub(super) fn inline_config(gateway: &str, snapshot: &Value) -> Value {
    json!({
        "schema": "cambist.plugin/v1", "gateway": gateway, "snapshot": snapshot,
        "clusters": { "hosts": { "issuer.example:443": "issuer" } }, "readiness_path": "/ready",
    })
}

/// A plugin configuration with a control plane.
pub(super) fn control_plane_config(gateway: &str) -> Value {
    json!({
        "schema": "cambist.plugin/v1", "gateway": gateway,
        "control_plane": { "cluster": "control_plane", "authority": "control-plane.example" },
        "clusters": { "default": "any" }, "readiness_path": "/ready",
    })
}

/// The body of a snapshot for `gateway`: the records of `document`, which mints with a key of the control plane's.
pub(super) fn snapshot(gateway: &str, epoch: u64, document: &Value) -> String {
    let header = json!({ "header": {
        "schema": "cambist.snapshot/v1", "gateway": gateway, "tenant": "default",
        "authority": AUTHORITY, "epoch": epoch, "max_staleness": 60,
    } });
    let mut lines = vec![header];
    for (list, record) in
        [("issuers", "issuer"), ("clients", "client"), ("bindings", "binding"), ("routes", "route")]
    {
        for item in document[list].as_array().unwrap() {
            lines.push(json!({ record: item }));
        }
    }
    lines.push(json!({ "signing_key": {
        "alg": "ES256", "private_key": { "pkcs8": fleet_key_base64() },
        "not_after": NOW + 86_400,
    } }));
    lines.push(json!({ "end": { "records": lines.len() } }));
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.join("\n")
}

/// `GET path` with these headers besides.
pub(super) fn get<'a>(path: &'a str, more: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":authority", b"shop.example"),
        (":path", path.as_bytes()),
        (":method", b"GET"),
        (":scheme", b"https"),
    ];
    headers.extend_from_slice(more);
    headers
}
