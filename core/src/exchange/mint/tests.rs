#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::{AccessToken, Actor, Workload, mint};
use crate::{
    crypto::{Crypto, RustCrypto, SignError, SigningKey},
    jose::{
        alg::Alg,
        compact::UntrustedToken,
        jwk::VerificationKey,
        jwt::UntrustedJwt,
        sample::{NOW, RULES, key_set, now, signing_key},
    },
    wire::snapshot::Profile,
};

static NO_FIELDS: BTreeMap<String, String> = BTreeMap::new();

fn contents() -> AccessToken<'static> {
    AccessToken {
        profile: Profile::AtJwt,
        iss: "https://authority.example",
        sub: "idn_abc",
        aud: &["https://orders.example"],
        client_id: "cl_abc",
        scope: Some("orders:read orders:write"),
        jti: [7; 16],
        iat: NOW,
        exp: NOW + 900,
        act: None,
        identity: None,
        workload: Some(WORKLOAD),
        claims: None,
    }
}

const WORKLOAD: Workload<'static> = Workload {
    iss: "https://issuer.example",
    sub: "system:a\"b",
    cluster: Some("eu-1"),
    issuer: Some("eks"),
    login_id: Some("ada@example.org"),
    fields: &NO_FIELDS,
};

/// Header and claims of the token of these contents.
fn minted(contents: &AccessToken<'_>) -> (Value, Value) {
    let token = mint(&RustCrypto, &signing_key(), contents).unwrap();
    let mut parts = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn holds_every_claim_of_rfc_9068() {
    let fields = BTreeMap::from([("namespace".into(), "shop".into())]);
    let mut contents = contents();
    contents.workload = Some(Workload { fields: &fields, ..WORKLOAD });
    let token = mint(&RustCrypto, &signing_key(), &contents).unwrap();
    let parsed = UntrustedToken::parse(token.as_bytes()).unwrap();
    assert_eq!((parsed.alg(), parsed.typ(), parsed.kid()), (Alg::Es256, Some("at+jwt"), Some("k1")));
    let claims: Value = serde_json::from_slice(parsed.payload()).unwrap();
    let expected = json!({
        "iss": "https://authority.example",
        "sub": "idn_abc",
        "aud": "https://orders.example",
        "client_id": "cl_abc",
        "scope": "orders:read orders:write",
        "jti": BASE64URL_NOPAD.encode(&[7; 16]),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 900,
        "workload": {
            "iss": "https://issuer.example", "sub": "system:a\"b", "cluster": "eu-1", "issuer": "eks",
            "login_id": "ada@example.org", "namespace": "shop",
        },
    });
    assert_eq!(claims, expected);
}

#[test]
fn leaves_out_what_is_absent() {
    let mut contents = contents();
    contents.scope = None;
    contents.workload = Some(Workload { cluster: None, issuer: None, login_id: None, ..WORKLOAD });
    let token = mint(&RustCrypto, &signing_key(), &contents).unwrap();
    let parsed = UntrustedToken::parse(token.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(parsed.payload()).unwrap();
    let workload = &claims["workload"];
    assert!(claims.get("scope").is_none());
    assert!(
        workload.get("cluster").or_else(|| workload.get("issuer")).is_none()
            && workload.get("login_id").is_none()
    );
    contents.workload = None;
    assert!(minted(&contents).1.get("workload").is_none());
}

#[test]
fn a_jwt_svid_is_what_spiffe_says_and_what_a_sidecar_reads() {
    let claims = Map::from_iter([("team".into(), json!(["a"]))]);
    let contents = AccessToken {
        profile: Profile::JwtSvid,
        sub: "spiffe://td.example/ns/shop",
        identity: Some("idn_abc"),
        claims: Some(&claims),
        ..contents()
    };
    let (header, claims) = minted(&contents);
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
    let expected = json!({
        "iss": "https://authority.example",
        "sub": "spiffe://td.example/ns/shop",
        "aud": "https://orders.example",
        "client_id": "cl_abc",
        "scope": "orders:read orders:write",
        "jti": BASE64URL_NOPAD.encode(&[7; 16]),
        "iat": NOW,
        "exp": NOW + 900,
        "cambist_identity": "idn_abc",
        "cambist_issuer": "eks",
        "team": ["a"],
    });
    assert_eq!(claims, expected);
}

#[test]
fn several_audiences_are_a_list() {
    let audiences = ["https://orders.example", "https://stock.example"];
    let contents = AccessToken { aud: &audiences, ..contents() };
    assert_eq!(minted(&contents).1["aud"], json!(audiences));
}

/// RFC 8693 §4.1, figure 6 with our names.
#[test]
fn who_acts_stands_outside_who_acted_before() {
    let before = json!({ "sub": "idn_c", "act": { "sub": "idn_d" } });
    let act = Actor { iss: "https://authority.example", sub: "idn_b", act: before.as_object() };
    let with = |act| minted(&AccessToken { act: Some(act), ..contents() }).1["act"].clone();
    assert_eq!(
        with(act),
        json!({ "iss": "https://authority.example", "sub": "idn_b", "act": { "sub": "idn_c", "act": { "sub": "idn_d" } } })
    );
    assert_eq!(
        with(Actor { act: None, ..act }),
        json!({ "iss": "https://authority.example", "sub": "idn_b" })
    );
}

#[test]
fn verifies_with_the_published_key() {
    let token = mint(&RustCrypto, &signing_key(), &contents()).unwrap();
    let jwt = UntrustedJwt::parse(token.as_bytes()).unwrap();
    let verified = jwt.verify(&[Alg::Es256], None, &key_set(), &RustCrypto).unwrap();
    assert_eq!(verified.claims().check_times(&RULES, now()), Ok(()));
    assert_eq!(verified.thumbprint(), signing_key().thumbprint());
}

#[test]
fn reports_a_failure_to_sign() {
    struct Broken;
    impl Crypto for Broken {
        fn verify(&self, _: Alg, _: &VerificationKey, _: &[u8], _: &[u8]) -> bool {
            false
        }
        fn sign(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError)
        }
    }
    assert_eq!(mint(&Broken, &signing_key(), &contents()), Err(SignError));
}
