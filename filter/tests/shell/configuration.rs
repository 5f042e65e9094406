//! The plugin configuration: what is refused, and that the reason helps without telling a secret.

use cambist_filter::config::PluginConfig;
use serde_json::{Value, json};

use super::{sample, vm::Vm};

fn valid() -> Value {
    sample::inline_config("edge", &sample::document())
}

fn faults(config: &Value) -> String {
    match PluginConfig::parse(config.to_string().as_bytes()) {
        Ok(_) => panic!("accepted: {config}"),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn the_valid_configuration_is_accepted() {
    PluginConfig::parse(valid().to_string().as_bytes()).unwrap();
    PluginConfig::parse(sample::control_plane_config("edge").to_string().as_bytes()).unwrap();
}

#[test]
fn every_wrong_value_is_named() {
    for (pointer, value, fault) in [
        ("/schema", json!("cambist.plugin/v2"), "schema: "),
        ("/gateway", json!(""), "gateway: "),
        ("/gateway", json!("a b"), "gateway: "),
        ("/gateway", json!("g".repeat(64)), "gateway: "),
        ("/readiness_path", json!("ready"), "readiness_path: "),
        ("/readiness_path", json!("/ready?x"), "readiness_path: "),
        ("/clusters", json!({ "template": "outbound" }), "clusters/template: "),
        ("/clusters", json!({ "default": "" }), "clusters/default: "),
        ("/clusters", json!({ "hosts": { "a.example": "a" } }), "clusters/hosts/a.example: "),
        ("/clusters", json!({ "hosts": { "A.example:443": "a" } }), "clusters/hosts/A.example:443: "),
        ("/clusters", json!({ "hosts": { "a.example:443": "" } }), "clusters/hosts/a.example:443: "),
        ("/snapshot", json!(null), "control_plane: "),
        ("/snapshot/issuers/0/replay", json!("once"), "snapshot/issuers/0/replay: "),
        ("/snapshot/bindings/0/enrolment", json!("approve"), "snapshot/bindings/0/enrolment: "),
        ("/snapshot/routes/0/audit", json!("strict"), "snapshot/routes/0/audit: "),
    ] {
        let mut config = valid();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[member] = value;
        let faults = faults(&config);
        assert!(faults.contains(fault), "{pointer}: {faults}");
    }
}

#[test]
fn every_wrong_value_of_the_control_plane_is_named() {
    for (field, value, fault) in [
        ("cluster", "", "control_plane/cluster: "),
        ("authority", "", "control_plane/authority: "),
        ("authority", "https://cp.example", "control_plane/authority: "),
        ("authority", "cp.example/path", "control_plane/authority: "),
        ("authority", "cp.example\r\nx: y", "control_plane/authority: "),
        ("token_env", "", "control_plane/token_env: "),
    ] {
        let mut config = sample::control_plane_config("edge");
        config["control_plane"][field] = value.into();
        let faults = faults(&config);
        assert!(faults.contains(fault), "{field}: {faults}");
    }
}

#[test]
fn unknown_fields_are_refused_with_their_place() {
    for (pointer, place) in [
        ("", "unknown field `surprise`"),
        ("/clusters", "clusters.surprise: unknown field `surprise`"),
        ("/snapshot", "snapshot.surprise: unknown field `surprise`"),
        ("/snapshot/issuers/0", "snapshot.issuers[0].surprise: unknown field `surprise`"),
        ("/snapshot/routes/0", "snapshot.routes[0].surprise: unknown field `surprise`"),
    ] {
        let mut config = valid();
        config.pointer_mut(pointer).unwrap()["surprise"] = true.into();
        let faults = faults(&config);
        assert!(faults.contains(place), "{faults}");
    }
}

#[test]
fn nothing_may_follow_the_object() {
    let twice = format!("{}{}", valid(), valid());
    for text in ["", "{", twice.as_str(), "null", "\"text\""] {
        assert!(PluginConfig::parse(text.as_bytes()).is_err(), "{text:.20}");
    }
    let spaced = format!(" {}\n", valid());
    assert!(PluginConfig::parse(spaced.as_bytes()).is_ok());
}

#[test]
fn a_secret_in_the_wrong_place_is_refused_and_not_quoted() {
    let secret = "gw_SecretSecretSecret";
    let mut in_token_env = sample::control_plane_config("edge");
    in_token_env["control_plane"]["token_env"] = secret.into();
    let mut in_env = valid();
    in_env["snapshot"]["signing_keys"][0]["private_key"] = json!({ "env": secret });
    let mut inline = valid();
    inline["snapshot"]["signing_keys"][0]["private_key"] = json!({ "pkcs8": secret });
    let mut bare = valid();
    bare["snapshot"]["signing_keys"][0]["private_key"] = secret.into();
    let as_text = Value::String(format!("{{\"snapshot\": \"{secret}\"}}"));
    let mut snapshot_as_text = valid();
    snapshot_as_text["snapshot"] = secret.into();
    for config in [in_token_env, in_env, inline, bare, as_text, snapshot_as_text] {
        let mut vm = Vm::new();
        let reason = vm.try_configure(config.to_string().as_bytes()).unwrap_err();
        assert!(!reason.contains("Secret"), "{reason}");
        assert!(!vm.logged(secret));
    }
}
