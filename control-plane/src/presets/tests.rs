mod advices;
mod claims;
mod forms;

use cambist_core::{
    policy::{Policy, Secrets, compile_records},
    secret::Secret,
    wire::snapshot::{self, Binding, Client, Header, Issuer, Record},
};
use serde_json::{Map, Value, json};

use super::{FILES, Preset, all, fill_binding, fill_issuer, find};
use crate::fault::{Fault, Faults};

struct NoSecrets;

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Option<Secret<Vec<u8>>> {
        None
    }
}

/// An `iss` text for each preset.
const ISS: [(&str, &str); 7] = [
    ("eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/8EBDC29A6F1E4E0E9B6D00AA11BB22CC"),
    ("gke", "https://container.googleapis.com/v1/projects/acme-prod/locations/europe-west1/clusters/main"),
    ("gcp", "https://accounts.google.com"),
    ("kubernetes", "https://127.0.0.1:26443"),
    ("github", "https://token.actions.githubusercontent.com"),
    ("gitlab", "https://gitlab.example"),
    ("generic", "https://issuer.example"),
];

fn members(document: &Value) -> Map<String, Value> {
    document.as_object().unwrap().clone()
}

/// An issuer after filling in, with the faults of that.
fn filled(document: &Value) -> (Map<String, Value>, Vec<Fault>) {
    let (mut members, mut faults) = (members(document), Faults::default());
    fill_issuer(&mut members, &mut faults);
    (members, faults.into_vec())
}

/// The issuer of a preset as its author writes it: with an id, the preset and its `iss`.
fn issuer(preset: &str) -> Issuer {
    let (_, iss) = ISS.into_iter().find(|(name, _)| *name == preset).unwrap();
    let (members, faults) = filled(&json!({ "id": "a", "preset": preset, "iss": iss }));
    assert_eq!(faults, []);
    serde_json::from_value(Value::Object(members)).unwrap()
}

/// A binding of client `cl_a` and issuer `a`.
fn binding(document: &Value) -> Binding {
    let mut members = members(document);
    for (member, value) in [("id", "a"), ("client_id", "cl_a"), ("issuer", "a")] {
        members.insert(String::from(member), json!(value));
    }
    members.entry("audiences").or_insert_with(|| json!(["api"]));
    serde_json::from_value(Value::Object(members)).unwrap()
}

fn compiled(preset: &str) -> Policy {
    let header = Header {
        schema: String::from(snapshot::SCHEMA),
        gateway: String::from("edge"),
        tenant: String::from("default"),
        authority: String::from("https://auth.example"),
        epoch: 1,
        max_staleness: 3600,
    };
    let client: Client = serde_json::from_value(json!({ "client_id": "cl_a", "name": "a" })).unwrap();
    let records = [
        Record::Header(header),
        Record::Issuer(issuer(preset)),
        Record::Client(client),
        Record::Binding(binding(&json!({ "subjects": ["a"] }))),
    ];
    compile_records(records, &NoSecrets).unwrap_or_else(|faults| panic!("{preset}: {faults}"))
}

#[test]
fn every_file_is_a_preset_of_its_name_and_compiles() {
    let names: Vec<&str> = ISS.iter().map(|(name, _)| *name).collect();
    assert_eq!(all().len(), FILES.len());
    assert_eq!(all().iter().map(Preset::name).collect::<Vec<_>>(), names);
    for text in FILES {
        Preset::parse(text).unwrap();
    }
    for name in names {
        let policy = compiled(name);
        assert_eq!(&*policy.issuer("a").unwrap().id, "a");
    }
}

#[test]
fn a_file_with_an_unknown_member_is_none() {
    let text = FILES[0].replacen("\"title\"", "\"titel\"", 1);
    assert!(Preset::parse(text.leak()).is_err());
    let text = FILES[0].replacen("\"max_lifetime\"", "\"max_live\"", 1);
    assert!(Preset::parse(text.leak()).is_err());
    let text = FILES[0].replacen("\"jwt.claim.sub\"", "\"claim.sub\"", 1);
    assert!(Preset::parse(text.leak()).is_err());
}

#[test]
fn what_the_author_says_stands() {
    let given = json!({
        "id": "a", "preset": "github", "iss": "https://token.actions.githubusercontent.com/acme",
        "keys": { "source": "pushed" }, "algorithms": ["ES256"], "max_lifetime": 600, "identity_fields": {},
        "audit_fields": { "run": "jwt.claim.run_id" },
    });
    let (filled, faults) = filled(&given);
    assert_eq!((Value::Object(filled), faults), (given, Vec::new()));
}

#[test]
fn the_keys_follow_each_presets_rule() {
    for (preset, keys) in [
        ("eks", json!({ "source": "derived" })),
        ("gcp", json!({ "source": "jwks_uri", "uri": "https://www.googleapis.com/oauth2/v3/certs" })),
        ("gke", json!({ "source": "discovery" })),
        ("kubernetes", json!({ "source": "discovery" })),
        ("github", json!({ "source": "discovery" })),
        ("gitlab", json!({ "source": "discovery" })),
        ("generic", json!({ "source": "discovery" })),
    ] {
        assert_eq!(json!(issuer(preset).keys), keys, "{preset}");
    }
}

#[test]
fn a_generic_issuer_is_one_without_a_preset() {
    let bare: Issuer = serde_json::from_value(json!({ "id": "a", "iss": "https://issuer.example" })).unwrap();
    assert_eq!(issuer("generic"), Issuer { preset: Some(String::from("generic")), ..bare });
}

#[test]
fn audiences_are_the_client_where_that_is_the_rule() {
    for (preset, audiences) in [("eks", Some("cl_a")), ("gcp", Some("cl_a")), ("github", None)] {
        let mut members = Map::new();
        fill_binding(&mut members, find(preset).unwrap(), "cl_a");
        assert_eq!(members.get("audiences"), audiences.map(|client| json!([client])).as_ref(), "{preset}");
        let mut given = members.clone();
        given.insert(String::from("audiences"), json!(["api"]));
        fill_binding(&mut given, find(preset).unwrap(), "cl_a");
        assert_eq!(given["audiences"], json!(["api"]));
    }
}
