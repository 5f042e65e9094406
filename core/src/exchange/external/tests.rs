#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Asked, Request, form_encoded, key, name_of, request};
use crate::{
    crypto::{RustCrypto, SigningKey},
    endpoint::Endpoint,
    fixture::{NOW, Signer, Wire},
    policy::ExternalEndpoint,
    time::Timestamp,
    wire::snapshot,
};

const JTI: [u8; 16] = [7; 16];
const ASKED: Asked<'static> =
    Asked { token: "a.b-c_d.e", target: "https://api.example/a b", scope: "orders:read orders.write" };

/// The endpoint after `change`, as the only route's.
fn compiled(change: impl FnOnce(&mut Value)) -> alloc::sync::Arc<ExternalEndpoint> {
    let mut endpoint = json!({
        "id": "partner",
        "uri": "https://sts.example:8443/token?tenant=7",
        "grant": "token-exchange",
    });
    change(&mut endpoint);
    let endpoint: snapshot::ExternalEndpoint = serde_json::from_value(endpoint).unwrap();
    let wire = Wire::changed(|wire| {
        wire.external_endpoints.push(endpoint);
        wire.routes[0].exchange = snapshot::Exchange::External;
        wire.routes[0].external = Some("partner".into());
    });
    let policy = wire.compile().unwrap_or_else(|faults| panic!("{faults}"));
    let route = policy.routes().find("api.example", "/", "GET").unwrap();
    route.external.clone().unwrap()
}

fn asked(endpoint: &ExternalEndpoint) -> Request {
    request(endpoint, &ASKED, &RustCrypto, Timestamp::from_secs(NOW), &JTI).unwrap()
}

/// The form as another reader understands it; a repeated name fails.
fn form(request: &Request) -> BTreeMap<String, String> {
    let mut form = BTreeMap::new();
    let body = core::str::from_utf8(request.body.expose()).unwrap();
    for pair in body.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        let mut bytes = value.bytes();
        let mut decoded = Vec::new();
        while let Some(byte) = bytes.next() {
            decoded.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(core::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        assert!(form.insert(name.into(), String::from_utf8(decoded).unwrap()).is_none(), "{name} twice");
    }
    form
}

fn pairs(form: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (&**name, &**value)).collect()
}

#[test]
fn asks_for_a_token_exchange() {
    let request = asked(&compiled(|_| ()));
    assert_eq!(
        pairs(&form(&request)),
        [
            ("audience", ASKED.target),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("scope", ASKED.scope),
            ("subject_token", ASKED.token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ]
    );
    assert_eq!(request.authorization, None);
    assert_eq!((&*request.id, request.timeout_ms), ("partner", 2_000));
    assert_eq!(request.endpoint, Endpoint::parse("https://sts.example:8443/token?tenant=7", false).unwrap());
}

#[test]
fn asks_with_the_token_as_an_assertion() {
    let endpoint = compiled(|endpoint| {
        endpoint["grant"] = "jwt-bearer".into();
        endpoint["target_parameter"] = "resource".into();
    });
    assert_eq!(
        pairs(&form(&asked(&endpoint))),
        [
            ("assertion", ASKED.token),
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("resource", ASKED.target),
            ("scope", ASKED.scope),
        ]
    );
}

#[test]
fn leaves_out_what_is_not_to_be_asked_for() {
    let endpoint = compiled(|endpoint| endpoint["target_parameter"] = "none".into());
    let asked = Asked { scope: "", ..ASKED };
    let request = request(&endpoint, &asked, &RustCrypto, Timestamp::from_secs(NOW), &JTI).unwrap();
    let names: Vec<String> = form(&request).into_keys().collect();
    assert_eq!(names, ["grant_type", "requested_token_type", "subject_token", "subject_token_type"]);
}

#[test]
fn a_basic_login_is_form_encoded_before_base64() {
    let login = json!({
        "method": "client_secret_basic", "client_id": "edge:1", "secret": { "value": "p%+ :~" },
    });
    let request = asked(&compiled(|endpoint| endpoint["login"] = login));
    let pair = format!("{}:{}", "edge%3A1", "p%25%2B+%3A%7E");
    let expected = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    assert_eq!(request.authorization.as_ref().unwrap().expose(), &expected);
    assert!(!form(&request).contains_key("client_id") && !form(&request).contains_key("client_secret"));
}

#[test]
fn a_post_login_stands_in_the_body_alone() {
    let login = json!({
        "method": "client_secret_post", "client_id": "edge", "secret": { "value": "s&c=t +" },
    });
    let request = asked(&compiled(|endpoint| endpoint["login"] = login));
    let form = form(&request);
    assert_eq!((&*form["client_id"], &*form["client_secret"]), ("edge", "s&c=t +"));
    assert_eq!(request.authorization, None);
}

#[test]
fn an_assertion_is_for_the_issuer_alone_and_for_a_minute() {
    let signer = Signer::numbered(9);
    let login = json!({
        "method": "private_key_jwt", "client_id": "edge", "audience": "https://sts.example", "kid": "edge-1",
        "private_key": { "pkcs8": signer.pkcs8() },
    });
    let endpoint = compiled(|endpoint| endpoint["login"] = login);
    let form = form(&asked(&endpoint));
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(form["client_id"], "edge");
    let (header, claims) = signer.open(&form["client_assertion"]).expect("signed by our key");
    assert_eq!(header, json!({ "alg": "ES256", "kid": "edge-1", "typ": "client-authentication+jwt" }));
    assert_eq!(
        claims,
        json!({
            "iss": "edge", "sub": "edge", "aud": "https://sts.example", "jti": "BwcHBwcHBwcHBwcHBwcHBw",
            "iat": NOW, "exp": NOW + 60,
        })
    );
}

#[test]
fn an_assertion_key_without_a_name_has_its_thumbprint() {
    let signer = Signer::numbered(9);
    let login = json!({
        "method": "private_key_jwt", "client_id": "edge", "audience": "https://sts.example",
        "private_key": { "pkcs8": signer.pkcs8() },
    });
    let form = form(&asked(&compiled(|endpoint| endpoint["login"] = login)));
    let (header, _) = signer.open(&form["client_assertion"]).unwrap();
    let key = SigningKey::from_pkcs8(signer.pkcs8().as_bytes(), None).unwrap();
    assert_eq!(header["kid"], key.kid());
}

#[test]
fn requests_are_the_same_by_what_they_ask_for_and_not_by_their_proof() {
    let endpoint = compiled(|_| ());
    let now = Timestamp::from_secs(NOW);
    let one = request(&endpoint, &ASKED, &RustCrypto, now, &JTI).unwrap();
    let again = request(&endpoint, &ASKED, &RustCrypto, now.plus_secs(1), &[8; 16]).unwrap();
    assert_eq!(one, again);
    for other in [
        Asked { token: "x.y.z", ..ASKED },
        Asked { target: "https://api.example", ..ASKED },
        Asked { scope: "orders:read", ..ASKED },
    ] {
        assert_ne!(key(&endpoint, &other), one.key);
    }
}

#[test]
fn every_part_of_the_configuration_that_an_answer_depends_on_changes_the_digest() {
    let base = |method: &str| {
        compiled(|endpoint| {
            endpoint["login"] = json!({ "method": method, "client_id": "edge", "secret": { "value": "s" } });
        })
    };
    let first = base("client_secret_basic");
    assert_eq!(first.digest, base("client_secret_basic").digest);
    let change = |change: fn(&mut Value)| {
        compiled(|endpoint| {
            endpoint["login"] =
                json!({ "method": "client_secret_basic", "client_id": "edge", "secret": { "value": "s" } });
            change(endpoint);
        })
    };
    for other in [
        base("client_secret_post"),
        change(|endpoint| endpoint["uri"] = "https://sts.example/other".into()),
        change(|endpoint| endpoint["grant"] = "jwt-bearer".into()),
        change(|endpoint| endpoint["target_parameter"] = "resource".into()),
        change(|endpoint| endpoint["login"]["client_id"] = "edge2".into()),
        change(|endpoint| endpoint["login"]["secret"] = json!({ "value": "t" })),
        change(|endpoint| endpoint["login"] = json!({ "method": "none" })),
    ] {
        assert_ne!(other.digest, first.digest);
    }
    assert_eq!(change(|endpoint| endpoint["timeout_ms"] = 300.into()).digest, first.digest);
}

#[test]
fn a_form_value_holds_nothing_that_separates() {
    let all: Vec<u8> = (0..=255).collect();
    let text = form_encoded(&all);
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*%+".contains(&byte)));
    assert_eq!(form_encoded("a b&c=d/é".as_bytes()), "a+b%26c%3Dd%2F%C3%A9");
}

#[test]
fn a_token_of_others_has_a_short_name_that_is_no_part_of_it() {
    // SHA-256 of "abc".
    assert_eq!(name_of("abc"), "ungWv48Bz-pBQUDeXa4iI7".to_string());
}
