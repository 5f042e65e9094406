//! The published JSON Schema and the documentation of the plugin configuration, held to the code.

use std::{collections::BTreeSet, fs, path::PathBuf};

use cambist_core::{
    jose::alg::Alg,
    wire::{reading::Readable, snapshot::Document},
};
use cambist_filter::config::PluginConfig;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{sample, vm::Vm};

/// A field or variant that nothing has.
const UNKNOWN: &str = "surprise";

fn read(path: &str) -> String {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::read_to_string(root.join(path)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&read("docs/plugin-configuration.schema.json")).unwrap()
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

/// The documentation's examples, in order: minimal, with a control plane, full.
fn examples() -> Vec<Value> {
    let text = read("docs/plugin-configuration.md");
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

/// The plugin configuration in one of our Envoy configurations.
fn envoy(path: &str) -> Value {
    fn find(value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => members.values().find_map(find),
            Value::Array(items) => items.iter().find_map(find),
            Value::String(text) if text.contains("cambist.plugin/v1") => serde_json::from_str(text).ok(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    find(&serde_saphyr::from_str(&read(path)).unwrap()).unwrap()
}

/// What is allowed where something unknown was put into `value`, as the fault says.
fn expected<T: Readable>(value: &Value) -> BTreeSet<String> {
    let Err(fault) = T::read(value.clone()) else { panic!("accepted: {value}") };
    let text = fault.detail();
    let split = text.split_once("expected").or_else(|| text.split_once("must be"));
    let (_, names) = split.unwrap_or_else(|| panic!("{text}"));
    names.split('`').skip(1).step_by(2).map(String::from).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_example_fits_the_schema_and_is_accepted() {
    let validator = validator();
    let mut configs = examples();
    assert_eq!(configs.len(), 3);
    configs.extend([envoy("envoy/minimal.yaml"), envoy("envoy/gateway.yaml"), envoy("envoy/claims.yaml")]);
    for config in configs {
        let faults: Vec<String> = validator.iter_errors(&config).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?} in {config}");
        PluginConfig::parse(config.to_string().as_bytes()).unwrap();
        Vm::new().configure(&config);
    }
}

#[test]
fn the_examples_show_every_field() {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                names.insert(name.clone());
                collect(value, names);
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut shown = BTreeSet::new();
    for example in examples() {
        collect(&example, &mut shown);
    }
    let schema = schema();
    let mut described = keys(&schema["properties"]);
    for definition in [
        "control_plane",
        "clusters",
        "endpoints",
        "snapshot",
        "issuer",
        "userinfo",
        "client",
        "client_credentials",
        "binding",
        "route",
        "condition",
        "external_endpoint",
        "client_login",
        "signing_key",
    ] {
        described.extend(keys(&schema["$defs"][definition]["properties"]));
    }
    let missing: Vec<_> = described.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_schema_has_exactly_the_fields_of_the_code() {
    let schema = schema();
    let full = &examples()[2];
    let control_plane = &examples()[1];
    for (config, pointer, definition) in [
        (full, "", "/properties"),
        (control_plane, "/control_plane", "/$defs/control_plane/properties"),
        (control_plane, "/clusters", "/$defs/clusters/properties"),
        (full, "/endpoints", "/$defs/endpoints/properties"),
    ] {
        let mut config = config.clone();
        config.pointer_mut(pointer).unwrap()[UNKNOWN] = true.into();
        let fields = expected::<PluginConfig>(&config);
        assert_eq!(fields, keys(schema.pointer(definition).unwrap()), "{pointer}");
    }
    for (pointer, definition) in [
        ("", "snapshot"),
        ("/issuers/0", "issuer"),
        ("/issuers/0/userinfo", "userinfo"),
        ("/clients/0", "client"),
        ("/clients/0/credentials", "client_credentials"),
        ("/bindings/0", "binding"),
        ("/bindings/0/condition", "condition"),
        ("/bindings/0/condition/all/0", "condition"),
        ("/routes/0", "route"),
        ("/routes/0/claims_out/0", "claim_out"),
        ("/routes/0/condition/any/0/not", "condition"),
        ("/external_endpoints/0", "external_endpoint"),
        ("/external_endpoints/0/login", "client_login"),
        ("/signing_keys/0", "signing_key"),
    ] {
        let mut document = full["snapshot"].clone();
        document.pointer_mut(pointer).unwrap()[UNKNOWN] = true.into();
        let mut fields = expected::<Document>(&document);
        // The name of a preset: the control plane fills in what it stands for, nobody does so inline.
        fields.remove("preset");
        assert_eq!(fields, keys(&schema["$defs"][definition]["properties"]), "{pointer}");
    }
}

#[test]
fn the_schema_has_exactly_the_values_of_the_code() {
    let schema = schema();
    let strings = |value: &Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().into()).collect()
    };
    let of = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
    let sources = of("/$defs/key_source/oneOf").as_array().unwrap();
    let sources = sources.iter().map(|source| source["properties"]["source"]["const"].as_str().unwrap());
    // Where there is a control plane.
    let sources = sources.chain(["pushed", "control_plane", "carried"]).map(Into::into);
    let mut private_keys = keys(of("/$defs/signing_key/properties/private_key/properties"));
    // Never inline.
    private_keys.insert("pkcs8".into());
    let mut secrets = keys(of("/$defs/client_login/properties/secret/properties"));
    secrets.insert("value".into());
    for (pointer, unknown, values) in [
        ("/issuers/0/keys", json!({ "source": UNKNOWN }), sources.collect()),
        ("/issuers/0/audience", json!(UNKNOWN), strings(of("/$defs/issuer/properties/audience/enum"))),
        (
            "/issuers/0/userinfo/on_error",
            json!(UNKNOWN),
            strings(of("/$defs/userinfo/properties/on_error/enum")),
        ),
        ("/bindings/0/profile", json!(UNKNOWN), strings(of("/$defs/binding/properties/profile/enum"))),
        ("/routes/0/path", json!({ UNKNOWN: "/" }), keys(of("/$defs/route/properties/path/properties"))),
        ("/routes/0/mode", json!(UNKNOWN), strings(of("/$defs/route/properties/mode/enum"))),
        (
            "/clients/0/grant_types/0",
            json!(UNKNOWN),
            strings(of("/$defs/client/properties/grant_types/items/enum")),
        ),
        (
            "/clients/0/authentication",
            json!(UNKNOWN),
            strings(of("/$defs/client/properties/authentication/enum")),
        ),
        ("/routes/0/place", json!(UNKNOWN), strings(of("/$defs/route/properties/place/enum"))),
        ("/routes/0/exchange", json!(UNKNOWN), strings(of("/$defs/route/properties/exchange/enum"))),
        (
            "/routes/0/token_sources/0",
            json!(UNKNOWN),
            BTreeSet::from(["authorization", "header", "query", "cookie"].map(String::from)),
        ),
        (
            "/routes/0/foreign_token",
            json!(UNKNOWN),
            strings(of("/$defs/route/properties/foreign_token/enum")),
        ),
        (
            "/external_endpoints/0/grant",
            json!(UNKNOWN),
            strings(of("/$defs/external_endpoint/properties/grant/enum")),
        ),
        (
            "/external_endpoints/0/target_parameter",
            json!(UNKNOWN),
            strings(of("/$defs/external_endpoint/properties/target_parameter/enum")),
        ),
        (
            "/external_endpoints/0/login",
            json!({ "method": UNKNOWN }),
            strings(of("/$defs/client_login/properties/method/enum")),
        ),
        ("/external_endpoints/1/login/secret", json!({ UNKNOWN: "X" }), secrets),
        ("/external_endpoints/0/login/private_key", json!({ UNKNOWN: "X" }), private_keys.clone()),
        ("/signing_keys/0/private_key", json!({ UNKNOWN: "X" }), private_keys),
    ] {
        let mut document = examples()[2]["snapshot"].clone();
        *document.pointer_mut(pointer).unwrap() = unknown;
        assert_eq!(expected::<Document>(&document), values, "{pointer}");
    }
}

#[test]
fn the_schema_has_exactly_the_algorithms_of_the_code() {
    let schema = schema();
    let names = schema.pointer("/$defs/issuer/properties/algorithms/items/enum").unwrap();
    let names: Vec<_> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    // Each has one name, and Ed25519 a second one (RFC 9864).
    let expected: Vec<_> = Alg::ALL.into_iter().map(Alg::name).chain(["Ed25519"]).collect();
    assert_eq!(names, expected);
    assert!(names.iter().all(|name| Alg::from_name(name).is_some()));
}

#[test]
fn the_schema_names_the_defaults_of_the_code() {
    let schema = schema();
    let mut minimal = examples()[0]["snapshot"].clone();
    minimal["issuers"][0]["userinfo"] = json!({ "uri": "https://issuer.example/userinfo" });
    minimal["external_endpoints"] =
        json!([{ "id": "a", "uri": "https://sts.example/token", "grant": "jwt-bearer" }]);
    let minimal = minimal;
    let document: Document = serde_json::from_value(minimal.clone()).unwrap();
    let filled = serde_json::to_value(document).unwrap();
    for (pointer, definition) in [
        ("", "snapshot"),
        ("/issuers/0", "issuer"),
        ("/issuers/0/userinfo", "userinfo"),
        ("/clients/0", "client"),
        ("/bindings/0", "binding"),
        ("/external_endpoints/0", "external_endpoint"),
        ("/routes/0", "route"),
    ] {
        let (given, filled) = (minimal.pointer(pointer).unwrap(), filled.pointer(pointer).unwrap());
        for (name, property) in schema["$defs"][definition]["properties"].as_object().unwrap() {
            let property = property["$ref"].as_str().map_or(property, |reference| {
                if property.get("default").is_some() {
                    property
                } else {
                    schema.pointer(&reference[1..]).unwrap()
                }
            });
            if given.get(name).is_none() {
                assert_eq!(filled.get(name), property.get("default"), "{definition}.{name}");
            }
        }
    }
    let mut config = examples()[1].clone();
    config["control_plane"] = json!({ "cluster": "c", "authority": "a" });
    let control_plane = PluginConfig::parse(config.to_string().as_bytes()).unwrap().control_plane.unwrap();
    let described = &schema["$defs"]["control_plane"]["properties"];
    assert_eq!(json!(control_plane.token_env), described["token_env"]["default"]);
    assert_eq!(json!(control_plane.https), described["https"]["default"]);
}

#[test]
fn the_schema_names_the_bounds_of_the_code() {
    let (schema, validator) = (schema(), validator());
    let mut checked = 0;
    for (pointer, definition) in [
        ("/issuers/0", "issuer"),
        ("/issuers/0/userinfo", "userinfo"),
        ("/bindings/0", "binding"),
        ("/external_endpoints/0", "external_endpoint"),
    ] {
        for (name, property) in schema["$defs"][definition]["properties"].as_object().unwrap() {
            let (Some(least), Some(most)) = (property["minimum"].as_i64(), property["maximum"].as_i64())
            else {
                continue;
            };
            for (value, good) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
                let mut vm = Vm::new();
                let mut config = sample::inline_config(&vm.gateway, &sample::document());
                config["snapshot"]["issuers"][0]["userinfo"] =
                    json!({ "uri": "https://issuer.example/userinfo" });
                config["snapshot"]["external_endpoints"] =
                    json!([{ "id": "a", "uri": "https://sts.example/token", "grant": "jwt-bearer" }]);
                // The most may be no less than the least.
                config["snapshot"]["issuers"][0]["refresh_least_ms"] = 100.into();
                config["snapshot"].pointer_mut(pointer).unwrap()[name] = value.into();
                assert_eq!(validator.is_valid(&config), good, "{name}: {value}");
                assert_eq!(vm.try_configure(config.to_string().as_bytes()).is_ok(), good, "{name}: {value}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 12);
}

#[test]
fn the_schema_refuses_what_the_code_refuses() {
    let validator = validator();
    let full = &examples()[2];
    for (pointer, value) in [
        ("/schema", json!("cambist.plugin/v2")),
        ("/gateway", json!("a b")),
        ("/clusters/default", json!("")),
        ("/snapshot/authority", json!("http://authority.example")),
        ("/snapshot/issuers/0/id", json!("Shop")),
        ("/snapshot/issuers/0/algorithms", json!(["HS256"])),
        ("/snapshot/issuers/0/algorithms", json!(["none"])),
        ("/snapshot/issuers/0/algorithms", json!(["ES512"])),
        ("/snapshot/issuers/0/algorithms", json!([])),
        ("/snapshot/issuers/0/typ", json!([])),
        ("/snapshot/issuers/0/keys", json!({ "source": "jwks_uri" })),
        ("/snapshot/issuers/0/userinfo", json!({ "login_id": "email" })),
        ("/snapshot/issuers/0/userinfo/uri", json!("issuer.example")),
        ("/snapshot/issuers/0/userinfo/login_id", json!("")),
        ("/snapshot/bindings/0/audiences", json!([])),
        ("/snapshot/bindings/0/scopes", json!(["two words"])),
        ("/snapshot/bindings/0/condition", json!({})),
        ("/snapshot/bindings/0/condition", json!({ "all": [] })),
        ("/snapshot/bindings/0/condition/all/0", json!({ "attribute": "jwt.claim.a" })),
        ("/snapshot/bindings/0/condition/all/0", json!({ "equals": "a" })),
        ("/snapshot/bindings/0/condition/all/0", json!({ "attribute": "jwt.a", "equals": "a" })),
        (
            "/snapshot/bindings/0/condition/all/0",
            json!({ "attribute": "jwt.claim.a", "equals": "a", "in": ["a"] }),
        ),
        (
            "/snapshot/bindings/0/condition/all/0",
            json!({ "attribute": "jwt.claim.a", "all": [{ "attribute": "jwt.claim.a", "equals": 1 }] }),
        ),
        ("/snapshot/bindings/0/condition/all/0/equals", json!(["a"])),
        ("/snapshot/bindings/0/condition/all/1/matches", json!("")),
        ("/snapshot/bindings/0/condition/all/1/matches", json!("a".repeat(257))),
        ("/snapshot/bindings/0/condition/all/2/in", json!([])),
        ("/snapshot/routes/0/condition/any/0/not", json!([])),
        ("/snapshot/routes/0/condition/any/1/at_least", json!("1")),
        ("/snapshot/routes/0/methods", json!(["get"])),
        ("/snapshot/routes/0/path", json!({ "exact": "orders" })),
        ("/snapshot/routes/0/token_sources", json!([])),
        ("/snapshot/routes/0/token_sources", json!(["body"])),
        ("/snapshot/routes/0/token_sources", json!(["authorization", "authorization"])),
        ("/snapshot/routes/0/token_sources", json!([{ "header": { "name": "X-Token" } }])),
        ("/snapshot/routes/0/token_sources", json!([{ "header": { "name": "a", "prefix": "a," } }])),
        ("/snapshot/routes/0/token_sources", json!([{ "header": { "name": "a", "suffix": "b" } }])),
        ("/snapshot/routes/0/token_sources", json!([{ "query": "a b" }])),
        ("/snapshot/routes/0/token_sources", json!([{ "cookie": "" }])),
        ("/snapshot/routes/0/claims_out", json!([{ "attribute": "jwt.claim.sub" }])),
        ("/snapshot/routes/0/claims_out", json!([{ "attribute": "sub", "header": "x-user" }])),
        ("/snapshot/routes/0/claims_out", json!([{ "attribute": "jwt.claim.sub", "header": "x_user" }])),
        ("/snapshot/routes/0/claims_out", json!([{ "attribute": "jwt.claim.sub", "filter_state": "a-b" }])),
        ("/snapshot/routes/0/claims_out", json!([{ "attribute": "jwt.claim.sub", "metadata": "a" }])),
        ("/snapshot/clients/0/client_id", json!("shop")),
        ("/snapshot/external_endpoints/0/id", json!("Partner")),
        ("/snapshot/external_endpoints/0/uri", json!("sts.example")),
        ("/snapshot/external_endpoints/0/grant", json!("password")),
        ("/snapshot/external_endpoints/0/login", json!({ "method": "none", "client_id": "edge" })),
        (
            "/snapshot/external_endpoints/1/login",
            json!({ "method": "client_secret_post", "client_id": "edge" }),
        ),
        ("/snapshot/external_endpoints/1/login/secret", json!({ "value": "hunter2" })),
        ("/snapshot/external_endpoints/1/login/secret", json!({ "env": "bank secret" })),
        ("/snapshot/external_endpoints/0/login/private_key", json!({ "pkcs8": "MEECAQ==" })),
        ("/snapshot/external_endpoints/0/login/audience", json!("")),
        ("/snapshot/routes/1/external", json!("Partner")),
        ("/snapshot/bindings/0/alg", json!("EdDSA")),
        ("/snapshot/bindings/0/actor", json!("maybe")),
        ("/snapshot/bindings/0/subject_template", json!("")),
        ("/snapshot/bindings/0/subject_template", json!("a".repeat(2_049))),
        ("/snapshot/bindings/0/claims", json!({ "sub": "x" })),
        ("/snapshot/bindings/0/claims", json!({ "cambist_identity": "x" })),
        ("/snapshot/bindings/0/claims", json!({ "": "x" })),
        ("/snapshot/signing_keys/0/alg", json!("HS256")),
        ("/snapshot/signing_keys/0/private_key", json!({ "pkcs8": "MEECAQ==" })),
        ("/snapshot/signing_keys/0/private_key", json!({ "env": "fleet key" })),
        ("/control_plane", json!({ "cluster": "c", "authority": "a" })),
    ] {
        let mut config = full.clone();
        match config.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => config["control_plane"] = value.clone(),
        }
        assert!(!validator.is_valid(&config), "the schema accepts {value} at {pointer}");
        assert!(Vm::new().try_configure(config.to_string().as_bytes()).is_err(), "{value} at {pointer}");
    }
}
