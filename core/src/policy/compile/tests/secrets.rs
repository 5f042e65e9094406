//! Private keys: by name from the environment, and never in a message.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use serde_json::json;

use crate::{
    fixture::{FLEET_KEY, NoSecrets, Signer, Wire},
    policy::{Compiler, Secrets, compile_records},
    secret::Secret,
    wire::snapshot::PrivateKey,
};

/// Name of the variable that is set.
pub(super) const KEY: &str = "FLEET_KEY";

/// An environment of one variable.
pub(super) struct OneSecret(Vec<u8>);

impl OneSecret {
    pub(super) fn fleet_key() -> Self {
        Self(Signer::numbered(FLEET_KEY).pkcs8().into_bytes())
    }

    pub(super) fn of(value: &str) -> Self {
        Self(value.into())
    }
}

impl Secrets for OneSecret {
    fn env(&self, name: &str) -> Option<Secret<Vec<u8>>> {
        (name == KEY).then(|| Secret::new(self.0.clone()))
    }
}

#[test]
fn takes_a_key_from_the_environment() {
    let wire = Wire::changed(|wire| wire.signing_keys[0].private_key = PrivateKey::Env(KEY.into()));
    for tail in ["", "\n", " \r\n"] {
        let mut secrets = OneSecret::fleet_key();
        secrets.0.extend_from_slice(tail.as_bytes());
        let policy = compile_records(wire.records(), &secrets).unwrap();
        let inline = Wire::valid().compile().unwrap();
        let kid = |policy: &crate::policy::Policy| {
            String::from(
                policy
                    .minting_key(crate::time::Timestamp::default(), crate::jose::alg::Alg::Es256)
                    .unwrap()
                    .key
                    .kid(),
            )
        };
        assert_eq!(kid(&policy), kid(&inline));
    }
}

#[test]
fn a_key_without_kid_is_named_by_its_thumbprint() {
    let policy = Wire::changed(|wire| wire.signing_keys[0].kid = None).compile().unwrap();
    let kid = policy
        .minting_key(crate::time::Timestamp::default(), crate::jose::alg::Alg::Es256)
        .unwrap()
        .key
        .kid();
    assert_eq!(kid.len(), 43);
}

#[test]
fn no_message_quotes_a_value_of_a_key_record() {
    const SECRET: &str = "MIGHAgEAMBMGByqGSM49";
    let records = [
        json!({"signing_key": {"alg": "ES256", "private_key": SECRET, "not_after": 1}}),
        json!({"signing_key": {"alg": "ES256", "private_key": {SECRET: "x"}, "not_after": 1}}),
        json!({"signing_key": {"alg": "ES256", "private_key": {"pkcs8": SECRET}, "not_after": SECRET}}),
        json!({"signing_key": {"alg": [SECRET], "private_key": {"pkcs8": SECRET}, "not_after": 1}}),
        json!({"signing_key": {"alg": "ES256", "private_key": {"pkcs8": SECRET}, "not_after": 1}}),
        json!({"signing_key": SECRET}),
        json!({"client": {"client_id": "cl_a", "name": "a"}, "signing_key": {"private_key": {"pkcs8": SECRET}}}),
        json!({SECRET: {"private_key": {"pkcs8": SECRET}}}),
        json!({"private_key": SECRET}),
        json!([SECRET]),
        json!(SECRET),
    ];
    let lines: Vec<String> = records
        .iter()
        .map(|record| format!("{record}"))
        .chain([
            // The same tag, spelled otherwise.
            format!(r#"{{"signing\u005fkey":{{"alg":"ES256","private_key":"{SECRET}","not_after":1}}}}"#),
            format!(r#"{{"signing_key":{{"private_key":"{SECRET}"#),
            format!(r#"{{"signing_key":{{"private_key":{SECRET}}}}}"#),
        ])
        .collect();
    for line in lines {
        let mut compiler = Compiler::default();
        compiler.feed_line(line.as_bytes(), &NoSecrets);
        let faults = format!("{}", compiler.finish().unwrap_err());
        assert!(!faults.contains(SECRET), "{faults}");
    }
}

#[test]
fn a_message_about_another_record_says_what_is_wrong() {
    let mut compiler = Compiler::default();
    compiler.feed_line(br#"{"client":{"client_id":"cl_a","name":7}}"#, &NoSecrets);
    let faults = format!("{}", compiler.finish().unwrap_err());
    assert!(faults.contains("line 1: client.name: must be a string"), "{faults}");
}
