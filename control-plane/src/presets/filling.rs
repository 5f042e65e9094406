//! Filling in what the author of a document left out.

use serde_json::{Map, json, value::Value};

use super::{Audience, Preset, find, names, pattern};
use crate::fault::Faults;

/// Members of an issuer that a stored document must show even where they are empty: an author who reads it and sends it
/// back means them to stay so.
const SPELT_OUT: [&str; 2] = ["identity_fields", "audit_fields"];

/// Fills in an issuer that names a preset. Faults: no such preset; an `iss` that is none of its.
pub fn fill_issuer(members: &mut Map<String, Value>, faults: &mut Faults) {
    // The reader says what is wrong with another type.
    let Some(name) = members.get("preset").and_then(Value::as_str) else { return };
    let Some(preset) = find(name) else {
        faults.push("/preset", format!("is none that is known here; name one of {}", names()));
        return;
    };
    let forms = &preset.contents.iss;
    if let Some(fixed) = forms.first().filter(|form| pattern::is_fixed(form)) {
        members.entry("iss").or_insert_with(|| json!(fixed));
    }
    if let Some(iss) = members.get("iss").and_then(Value::as_str) {
        let fits = forms.is_empty() || forms.iter().any(|form| pattern::fits(form, iss));
        let detail = format!("is not of the form {}; for others take another preset", forms.join(" or "));
        faults.demand(fits, "/iss", detail);
    }
    if let Ok(Value::Object(defaults)) = serde_json::to_value(&preset.contents.issuer) {
        for (member, value) in defaults {
            members.entry(member).or_insert(value);
        }
    }
}

/// Fills in a binding of `client`, whose issuer has `preset`.
pub fn fill_binding(members: &mut Map<String, Value>, preset: &Preset, client: &str) {
    if preset.contents.audience == Audience::ClientId {
        members.entry("audiences").or_insert_with(|| json!([client]));
    }
}

/// Makes a document to be stored say what it says by leaving something out.
pub fn spell_out(document: &mut Value) {
    let Some(members) = document.as_object_mut() else { return };
    if members.contains_key("preset") {
        for member in SPELT_OUT {
            members.entry(member).or_insert_with(|| json!({}));
        }
    }
}
