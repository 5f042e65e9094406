//! Token endpoints of others: what is wrong with one is said, and no secret is.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use serde_json::{Value, json};

use super::{
    row::{has_fault, is_valid},
    secrets::{KEY, OneSecret},
};
use crate::{
    fixture::{NoSecrets, Signer, Wire},
    policy::{Compiler, compile_document, compile_records},
    wire::snapshot::{Document, Exchange, ExternalEndpoint},
};

const SECRET: &str = "hunter2-hunter2";

fn valid() -> Value {
    json!({
        "id": "partner", "uri": "https://sts.example/token", "grant": "jwt-bearer",
        "login": { "method": "client_secret_post", "client_id": "edge", "secret": { "value": SECRET } },
    })
}

fn assertion() -> Value {
    json!({
        "method": "private_key_jwt", "client_id": "edge", "audience": "https://sts.example",
        "private_key": { "pkcs8": Signer::numbered(3).pkcs8() },
    })
}

/// The only route uses this endpoint.
fn put(wire: &mut Wire, endpoint: Value) {
    wire.external_endpoints.push(serde_json::from_value(endpoint).unwrap());
    wire.routes[0].exchange = Exchange::External;
    wire.routes[0].external = Some("partner".into());
}

fn with(change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Wire) {
    let mut endpoint = valid();
    change(&mut endpoint);
    move |wire| put(wire, endpoint)
}

#[test]
fn every_login_is_valid() {
    is_valid(with(|_| ()));
    is_valid(with(|endpoint| endpoint["login"]["method"] = "client_secret_basic".into()));
    is_valid(with(|endpoint| endpoint["login"] = json!({ "method": "none" })));
    is_valid(with(|endpoint| drop(endpoint.as_object_mut().unwrap().remove("login"))));
    is_valid(with(|endpoint| endpoint["login"] = assertion()));
}

#[test]
fn every_fault_has_its_place() {
    let at = |field: &str| format!("external_endpoint/partner/{field}");
    has_fault(&at("uri"), "must be https", with(|e| e["uri"] = "http://sts.example/token".into()));
    is_valid(with(|e| {
        e["uri"] = "http://sts.example/token".into();
        e["allow_http"] = true.into();
    }));
    has_fault(&at("timeout_ms"), "100 to 10000", with(|e| e["timeout_ms"] = 99.into()));
    has_fault(&at("timeout_ms"), "100 to 10000", with(|e| e["timeout_ms"] = 10_001.into()));
    has_fault(&at("login/client_id"), "printable", with(|e| e["login"]["client_id"] = "".into()));
    has_fault(&at("login/client_id"), "printable", with(|e| e["login"]["client_id"] = "a\nb".into()));
    has_fault(&at("login/secret"), "printable", with(|e| e["login"]["secret"] = json!({ "value": "" })));
    has_fault(&at("login/secret"), "not set", with(|e| e["login"]["secret"] = json!({ "env": "UNSET" })));
    has_fault(
        &at("login/audience"),
        "issuer identifier",
        with(|e| {
            e["login"] = assertion();
            e["login"]["audience"] = "".into();
        }),
    );
    has_fault(
        &at("login/private_key"),
        "P-256",
        with(|e| {
            e["login"] = assertion();
            e["login"]["private_key"] = json!({ "pkcs8": "AAAA" });
        }),
    );
    has_fault(
        &at("login/private_key"),
        "kid",
        with(|e| {
            e["login"] = assertion();
            e["login"]["kid"] = "".into();
        }),
    );
    has_fault(&at("id"), "twice", |wire| {
        put(wire, valid());
        put(wire, valid());
    });
}

#[test]
fn a_route_names_an_endpoint_exactly_where_it_needs_one() {
    has_fault("route/api/external", "no external endpoint \"other\"", |wire| {
        put(wire, valid());
        wire.routes[0].external = Some("other".into());
    });
    has_fault("route/api/external", "needs one", |wire| {
        put(wire, valid());
        wire.routes[0].external = None;
    });
    has_fault("route/api/external", "needs one", |wire| {
        put(wire, valid());
        wire.routes[0].exchange = Exchange::Gateway;
    });
}

#[test]
fn a_secret_comes_from_the_environment_and_counts_in_the_digest() {
    let wire = Wire::changed(with(|e| e["login"]["secret"] = json!({ "env": KEY })));
    let digest = |secrets: &OneSecret| {
        let policy = compile_records(wire.records(), secrets).unwrap();
        policy.routes().find("api.example", "/", "GET").unwrap().external.as_ref().unwrap().digest
    };
    let (one, other) = (OneSecret::of("one"), OneSecret::of("other"));
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&other));
}

#[test]
fn a_login_takes_what_its_method_has_and_nothing_else() {
    let read = |login: Value| {
        let mut endpoint = valid();
        endpoint["login"] = login;
        serde_json::from_value::<ExternalEndpoint>(endpoint).map_err(|error| format!("{error}"))
    };
    let mut foreign = assertion();
    foreign["secret"] = json!({ "value": SECRET });
    for login in [
        json!({ "method": "none", "client_id": "edge" }),
        json!({ "method": "client_secret_basic", "client_id": "edge" }),
        json!({ "method": "client_secret_post", "secret": { "value": SECRET } }),
        json!({ "method": "private_key_jwt", "client_id": "edge" }),
        foreign,
        json!({ "method": "tls", "client_id": "edge" }),
        json!({ "client_id": "edge" }),
    ] {
        let error = read(login.clone()).unwrap_err();
        assert!(!error.contains(SECRET), "{login}: {error}");
    }
    // What is written is what is read.
    for login in [valid()["login"].clone(), assertion(), json!({ "method": "none" })] {
        let endpoint = read(login.clone()).unwrap();
        assert_eq!(serde_json::to_value(&endpoint).unwrap()["login"], login);
    }
}

#[test]
fn no_message_quotes_a_secret() {
    let with_login = |login: Value| {
        let mut endpoint = valid();
        endpoint["login"] = login;
        json!({ "external_endpoint": endpoint })
    };
    for record in [
        with_login(json!({ "method": "client_secret_post", "client_id": "edge", "secret": SECRET })),
        with_login(json!({ "method": SECRET })),
        with_login(
            json!({ "method": "client_secret_post", "client_id": "edge", "secret": { "env": SECRET } }),
        ),
        with_login(json!({ "method": "client_secret_post", "client_id": "edge", "secret": { SECRET: "x" } })),
        with_login(json!({ "method": "none", SECRET: 1 })),
        json!({ "external_endpoint": SECRET }),
        json!({ "external_endpoint": { "id": "partner", "grant": SECRET } }),
    ] {
        let mut compiler = Compiler::default();
        compiler.feed_line(format!("{record}").as_bytes(), &NoSecrets);
        let faults = format!("{}", compiler.finish().unwrap_err());
        assert!(!faults.contains(SECRET), "{faults}");
    }
    let policy = Wire::changed(with(|_| ())).compile().unwrap();
    assert!(!format!("{policy:?}").contains(SECRET));
}

#[test]
fn an_inline_document_holds_no_secret_and_asks_no_control_plane() {
    let paths = |login: Value, exchange: &str| {
        let mut endpoint = valid();
        endpoint["login"] = login;
        let wire = Wire::changed(|wire| put(wire, endpoint));
        let Wire { header, issuers, clients, bindings, external_endpoints, mut routes, .. } = wire;
        if exchange == "control-plane" {
            (routes[0].exchange, routes[0].external) = (Exchange::ControlPlane, None);
        }
        let document = Document {
            authority: None,
            tenant: header.tenant,
            issuers,
            clients,
            bindings,
            external_endpoints,
            routes,
            authority_keys: None,
            signing_keys: Vec::new(),
        };
        match compile_document(document, "edge", &OneSecret::fleet_key()) {
            Ok(_) => Vec::new(),
            Err(faults) => {
                assert!(!format!("{faults}").contains(SECRET));
                faults.listed().iter().map(|fault| fault.path.clone()).collect::<Vec<String>>()
            }
        }
    };
    let by_env = json!({ "method": "client_secret_basic", "client_id": "edge", "secret": { "env": KEY } });
    assert_eq!(paths(by_env.clone(), "external"), Vec::<String>::new());
    assert_eq!(paths(valid()["login"].clone(), "external"), ["external_endpoint/partner/login"]);
    assert_eq!(paths(assertion(), "external"), ["external_endpoint/partner/login"]);
    assert_eq!(paths(by_env, "control-plane"), ["route/api/exchange"]);
}
