//! A snapshot that stands inline in the plugin configuration.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use serde_json::{Value, json};

use super::secrets::{KEY, OneSecret};
use crate::{
    fixture::{Ask, FLEET_KEY, Gateway, Signer, Token, Wire},
    flow::Counted,
    policy::{Faults, Policy, compile_document},
    wire::snapshot::{Document, Exchange, PrivateKey},
};

fn valid() -> Document {
    let Wire { header, issuers, clients, bindings, external_endpoints, routes, mut signing_keys, .. } =
        Wire::valid();
    signing_keys[0].private_key = PrivateKey::Env(KEY.into());
    Document {
        authority: Some(header.authority),
        tenant: header.tenant,
        issuers,
        clients,
        bindings,
        external_endpoints,
        routes,
        signing_keys,
        authority_keys: None,
    }
}

fn compiled(change: impl FnOnce(&mut Document)) -> Result<Policy, Faults> {
    let mut document = valid();
    change(&mut document);
    compile_document(document, "edge", &OneSecret::fleet_key())
}

#[track_caller]
fn has_faults(paths: &[&str], change: impl FnOnce(&mut Document)) {
    let faults = compiled(change).expect_err("faults");
    assert_eq!(faults.listed().iter().map(|fault| &*fault.path).collect::<Vec<_>>(), paths);
}

#[test]
fn exchanges_and_never_goes_stale() {
    let mut gateway = Gateway::without_snapshot();
    gateway.state.adopt(compiled(|_| ()).unwrap(), gateway.now);
    let (token, _) = gateway.exchange(&Token::valid().sign());
    assert!(Signer::numbered(FLEET_KEY).open(&token).is_some());
    assert_eq!(gateway.state.epoch(), 0);
    gateway.pass_secs(10 * 365 * 86_400);
    assert!(gateway.state.is_fresh(gateway.now));
}

#[test]
fn verifies_without_authority_or_key() {
    let policy = compiled(|document| {
        document.authority = None;
        document.signing_keys.clear();
        document.routes[0].exchange = Exchange::None;
    });
    let mut gateway = Gateway::without_snapshot();
    gateway.state.adopt(policy.unwrap(), gateway.now);
    let edits = gateway.forward(&Ask::bearing(&Token::valid().sign()));
    assert_eq!(edits.report.counted, Counted::Verified);
}

#[test]
fn refuses_a_private_key_in_the_open() {
    let key = Signer::numbered(FLEET_KEY).pkcs8();
    let faults = compiled(|document| document.signing_keys[0].private_key = PrivateKey::Pkcs8(key.clone()));
    let text = format!("{}", faults.unwrap_err());
    assert!(text.starts_with("signing_keys/private_key: ") && text.contains("host_env_keys"), "{text}");
    assert!(!text.contains(&key));
}

#[test]
fn refuses_an_exchange_that_cannot_work() {
    has_faults(&["signing_keys"], |document| document.signing_keys.clear());
    for authority in [None, Some(String::new()), Some("http://authority.example".into())] {
        has_faults(&["authority"], |document| document.authority = authority);
    }
}

#[test]
fn tells_all_faults_at_once() {
    has_faults(&["signing_keys", "authority", "binding/cart/ttl", "route/api/host"], |document| {
        document.signing_keys.clear();
        document.authority = None;
        document.bindings[0].ttl = 0;
        document.routes[0].host = "X".into();
    });
}

#[test]
fn an_unset_variable_is_a_fault_that_names_it() {
    let faults = compiled(|document| document.signing_keys[0].private_key = PrivateKey::Env("OTHER".into()));
    assert!(format!("{}", faults.unwrap_err()).contains("OTHER is not set"));
}

#[test]
fn an_unknown_field_is_refused() {
    let mut document = serde_json::to_value(valid()).unwrap();
    document["surprise"] = json!(1);
    assert!(serde_json::from_value::<Document>(document).is_err());
}

#[test]
fn the_least_document_needs_four_lists() {
    let lists: Vec<(&str, Value)> = vec![
        ("issuers", json!([{"id": "a", "iss": "https://a.example"}])),
        ("clients", json!([{"client_id": "cl_a", "name": "A"}])),
        (
            "bindings",
            json!([{"id": "b", "client_id": "cl_a", "issuer": "a", "audiences": ["cl_a"], "subjects": ["s"]}]),
        ),
        ("routes", json!([{"id": "r", "host": "*", "path": {"prefix": "/"}, "clients": ["cl_a"]}])),
    ];
    let whole: Value = lists.iter().cloned().map(|(name, list)| (String::from(name), list)).collect();
    let document: Document = serde_json::from_value(whole.clone()).unwrap();
    assert_eq!(document.tenant, "default");
    assert!(compile_document(document, "edge", &OneSecret::fleet_key()).is_ok());
    for (name, _) in lists {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert!(serde_json::from_value::<Document>(without).is_err(), "{name}");
    }
}
