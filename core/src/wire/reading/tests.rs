//! Reading agrees with serde's derived readers about every document, and tells where a fault is.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec, vec::Vec};
use core::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Readable, Unreadable, read};
use crate::wire::{
    changes::Changes,
    event::Acknowledgement,
    snapshot::{Document, Record},
};

/// A document with every member that there is.
fn everything() -> Value {
    json!({
        "authority": "https://authority.example",
        "tenant": "default",
        "issuers": [
            {
                "id": "a", "iss": "https://a.example", "cluster": "eu", "preset": "eks",
                "keys": {"source": "jwks_uri", "uri": "https://a.example/keys"},
                "algorithms": ["RS256"], "typ": ["JWT"], "audience": "exactly_one", "clock_skew": 1, "exp_leeway": 2,
                "max_lifetime": 3, "max_age": 4, "max_stale": 5, "refetch_floor_ms": 6, "refresh_least_ms": 7,
                "refresh_most_ms": 8, "identity_fields": {"namespace": "jwt.claim.ns"},
                "audit_fields": {"pod": "jwt.claim.pod"},
                "userinfo": {"uri": "https://a.example/me", "login_id": "login", "on_error": "ignore",
                    "timeout_ms": 9, "cache_seconds": 10},
                "replay": "once-per-target", "replay_enforcement": "audit", "enforcement": "audit",
                "allow_http": true, "enabled": false,
            },
            {"id": "b", "iss": "b", "keys": {"source": "control_plane", "uri": "u", "ca": "c", "proxy": "p",
                "allow_private": true}},
            {"id": "c", "iss": "c", "keys": {"source": "carried", "by": "pushed", "jwks": {"keys": []}}},
            {"id": "d", "iss": "d", "keys": {"source": "inline", "jwks": {"keys": [1, null]}}, "replay": "once"},
            {"id": "e", "iss": "e", "keys": {"source": "derived"}, "replay": "off"},
            {"id": "f", "iss": "f", "keys": {"source": "pushed"}},
            {"id": "g", "iss": "g", "keys": {"source": "discovery"}},
        ],
        "clients": [{
            "client_id": "cl_a", "name": "A",
            "grant_types": ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "urn:ietf:params:oauth:grant-type:token-exchange"],
            "authentication": "secret", "secrets": ["00"],
            "credentials": {"scopes": ["s"], "targets": ["t"], "ttl": 60, "audience_tenants": ["x"],
                "rate": {"per_minute": 1, "burst": 2}},
            "enabled": true,
        }],
        "bindings": [{
            "id": "a", "client_id": "cl_a", "issuer": "a", "audiences": ["x"], "subjects": ["s"],
            "allow_any_subject": true, "condition_enforcement": "audit",
            "condition": {"all": [
                {"any": [{"not": {"attribute": "a", "equals": 1}}]},
                {"attribute": "a", "in": [1, "b", true]}, {"attribute": "a", "matches": "x"},
                {"attribute": "a", "contains": "x"}, {"attribute": "a", "at_least": 1},
                {"attribute": "a", "at_most": -1.5}, {"attribute": "a", "less_than": 1},
                {"attribute": "a", "more_than": 1},
            ]},
            "scopes": ["s"], "targets": ["t"], "ttl": 61, "profile": "jwt-svid", "alg": "RS256",
            "subject_template": "x", "claims": {"c": {"d": [1]}}, "actor": "require", "enrolment": "approve",
            "rate": {"per_minute": 3, "burst": 4}, "enforcement": "audit", "until": -1, "enabled": true,
        }],
        "external_endpoints": [
            {"id": "a", "uri": "u", "grant": "jwt-bearer", "login": {"method": "none"},
                "target_parameter": "resource", "timeout_ms": 100, "allow_http": true},
            {"id": "b", "uri": "u", "grant": "token-exchange", "login": {"method": "client_secret_basic",
                "client_id": "x", "secret": {"env": "E"}}},
            {"id": "c", "uri": "u", "grant": "jwt-bearer", "login": {"method": "private_key_jwt",
                "client_id": "x", "audience": "y", "kid": "k", "private_key": {"pkcs8": "p"}}},
            {"id": "d", "uri": "u", "grant": "jwt-bearer", "login": {"method": "client_secret_post",
                "client_id": "x", "secret": {"value": "v"}}, "target_parameter": "none"},
        ],
        "routes": [{
            "id": "a", "place": "sidecar", "host": "h", "path": {"template": "/{a}"}, "methods": ["GET"],
            "mode": "observe", "clients": ["cl_a"], "scopes": ["s"], "exchange": "external", "external": "a",
            "resource": "r", "target": "t", "forward": true, "cors_preflight": true, "foreign_token": "pass",
            "token_sources": ["authorization", {"header": {"name": "n", "prefix": "p"}}, {"query": "q"},
                {"cookie": "c"}],
            "claims_out": [{"attribute": "a", "header": "h", "filter_state": "f"}],
            "condition": {"attribute": "a", "equals": null}, "condition_enforcement": "enforce", "audit": "strict",
        }, {"id": "b", "host": "h", "path": {"exact": "/"}, "exchange": "control-plane"},
            {"id": "c", "host": "h", "path": {"prefix": "/"}, "mode": "optional", "audit": "batched"}],
        "signing_keys": [{"kid": "k", "alg": "ES256", "private_key": {"env": "E"}, "not_before": -1,
            "not_after": 1}],
        "authority_keys": {"jwks": {"keys": []}},
    })
}

fn records() -> Vec<Value> {
    let document = everything();
    let mut records = vec![
        json!({"header": {"schema": "s", "gateway": "g", "tenant": "t", "authority": "a", "epoch": 1,
            "max_staleness": 2}}),
        json!({"end": {"records": 18_446_744_073_709_551_615_u64}}),
        json!({"authority_keys": document["authority_keys"]}),
    ];
    for (list, kind) in [
        ("issuers", "issuer"),
        ("clients", "client"),
        ("bindings", "binding"),
        ("external_endpoints", "external_endpoint"),
        ("routes", "route"),
        ("signing_keys", "signing_key"),
    ] {
        records.extend(document[list].as_array().unwrap().iter().map(|object| json!({ kind: object })));
    }
    records
}

/// Both readers say the same of `value`.
fn agree<T: Readable + DeserializeOwned + PartialEq + Debug>(value: &Value) -> bool {
    let ours = T::read(value.clone());
    let derived = serde_json::from_value::<T>(value.clone());
    match (ours, derived) {
        (Ok(ours), Ok(derived)) => {
            assert_eq!(ours, derived, "{value}");
            true
        }
        (Err(_), Err(_)) => false,
        // serde takes a list of values for an object, which nobody writes.
        (Err(_), Ok(_)) if has_list_for_object(value) => false,
        (ours, derived) => panic!("{value}: {ours:?}, serde: {derived:?}"),
    }
}

/// Only [`changed`] makes such lists.
fn has_list_for_object(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            items == &[json!("list")] || items.is_empty() || items.iter().any(has_list_for_object)
        }
        Value::Object(members) => members.values().any(has_list_for_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every document that differs from `value` in one place.
fn changed(value: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(4_294_967_296_u64),
        json!("text"),
        json!([]),
        json!(["list"]),
        json!({}),
        json!({"other": 1}),
    ]
    .into_iter()
    .filter(|other| other != value)
    .collect();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let with = |other: Option<Value>| {
                    let mut members = members.clone();
                    match other {
                        Some(other) => members.insert(name.clone(), other),
                        None => members.remove(name),
                    };
                    Value::Object(members)
                };
                all.push(with(None));
                all.extend(changed(member).into_iter().map(|other| with(Some(other))));
            }
            let mut surprised = members.clone();
            surprised.insert("surprise".into(), json!(1));
            all.push(Value::Object(surprised));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                all.extend(changed(item).into_iter().map(|other| {
                    let mut items = items.clone();
                    items[index] = other;
                    Value::Array(items)
                }));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

fn judge<T: Readable + DeserializeOwned + PartialEq + Debug>(valid: &Value) {
    assert!(agree::<T>(valid), "{valid}: {:?}", T::read(valid.clone()));
    let others = changed(valid);
    let good = others.iter().filter(|other| agree::<T>(other)).count();
    assert!(good < others.len(), "nothing was refused");
}

#[test]
fn records_are_read_as_serde_reads_them() {
    for record in records() {
        judge::<Record>(&record);
    }
}

#[test]
fn messages_are_read_as_serde_reads_them() {
    let lists = json!({"identities": ["i"], "clients": ["c"], "issuers": ["s"]});
    judge::<Changes>(&json!({"epoch": 1, "full": true, "revoke": lists, "reinstate": lists,
        "jtis": [{"jti": "j", "exp": 1}]}));
    judge::<Acknowledgement>(&json!({"sequence": 1}));
}

#[test]
fn documents_are_read_as_serde_reads_them() {
    let whole = everything();
    assert!(agree::<Document>(&whole));
    for name in whole.as_object().unwrap().keys() {
        let mut other = whole.clone();
        other.as_object_mut().unwrap().remove(name);
        agree::<Document>(&other);
    }
}

#[test]
fn what_is_written_is_read_again() {
    for record in records().into_iter().filter(|record| record.get("end").is_none()) {
        let read: Record = serde_json::from_value(record.clone()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        let again: Record = Record::read(written).unwrap();
        assert_eq!(again, read, "{record}");
    }
}

#[test]
fn a_fault_names_its_place_and_quotes_no_value() {
    let at = |change: &dyn Fn(&mut Value)| -> Unreadable {
        let mut document = everything();
        change(&mut document);
        Document::read(document).unwrap_err()
    };
    let told = |change: &dyn Fn(&mut Value)| format!("{}", at(change));
    assert_eq!(told(&|all| all["issuers"][1]["id"] = json!(7)), "issuers[1].id: must be a string");
    assert_eq!(
        told(&|all| all["routes"][0]["token_sources"][1]["header"]["name"] = json!(null)),
        "routes[0].token_sources[1].header.name: must be a string"
    );
    assert_eq!(
        told(&|all| all["routes"][0]["mode"] = json!("s3cret")),
        "routes[0].mode: must be `require`, `optional` or `observe`"
    );
    assert_eq!(
        told(&|all| all["bindings"][0]["rate"]["each"] = json!(1)),
        "bindings[0].rate.each: unknown field `each`, expected `per_minute` or `burst`"
    );
    for holder in ["signing_keys", "external_endpoints"] {
        let told = told(&|all| all[holder][0]["s3cret"] = json!(1));
        assert!(told.starts_with(&format!("{holder}[0]: unknown field, expected")), "{told}");
    }
    let missing = at(&|all| drop(all["routes"][2].as_object_mut().unwrap().remove("host")));
    assert_eq!((&*missing.path(), &*missing.detail()), ("routes[2]", "missing field `host`"));
    assert_eq!(Document::read(json!(1)).unwrap_err().path(), ".");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let detail = |text: &str| read::<Changes>(text.as_bytes()).unwrap_err().detail();
    assert!(detail("{\n \"epoch\": }").contains("line 2 column 11"), "{}", detail("{\n \"epoch\": }"));
    assert!(detail(r#"{"epoch": 1, "epoch": 1}"#).contains("twice"));
    assert!(detail("{} {}").contains("trailing"));
}
