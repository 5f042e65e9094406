//! `permission` of a binding, in the place of `scopes`: what most want to say, in one word.

use serde_json::{Map, json, value::Value};

use crate::fault::Faults;

/// What a token may do, and the scopes that say so.
const PERMISSIONS: [(&str, &[&str]); 2] = [("read-only", &["read"]), ("read-write", &["read", "write"])];

/// Puts scopes in the place of a binding's `permission`. One without either is read-only.
pub fn spell_out(members: &mut Map<String, Value>, faults: &mut Faults) {
    let permission = members.remove("permission");
    if permission.is_none() && members.contains_key("scopes") {
        return;
    }
    faults.demand(
        !members.contains_key("scopes"),
        "/permission",
        "stands for `scopes`; leave one of them out",
    );
    let name = permission.as_ref().map_or(Some("read-only"), Value::as_str);
    match PERMISSIONS.iter().find(|(known, _)| Some(*known) == name) {
        Some((_, scopes)) => {
            members.insert(String::from("scopes"), json!(scopes));
        }
        None => faults.push("/permission", "must be `read-only` or `read-write`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::spell_out;
    use crate::fault::Faults;

    fn spelled(document: Value) -> (Value, Vec<String>) {
        let Value::Object(mut members) = document else { panic!("no object") };
        let mut faults = Faults::default();
        spell_out(&mut members, &mut faults);
        let pointers = faults.into_vec().into_iter().map(|fault| fault.pointer).collect();
        (members.into(), pointers)
    }

    #[test]
    fn stands_for_scopes() {
        for (document, scopes) in [
            (json!({}), json!(["read"])),
            (json!({ "permission": "read-only" }), json!(["read"])),
            (json!({ "permission": "read-write" }), json!(["read", "write"])),
            (json!({ "scopes": ["orders.read"] }), json!(["orders.read"])),
            (json!({ "scopes": [] }), json!([])),
        ] {
            assert_eq!(spelled(document), (json!({ "scopes": scopes }), Vec::new()));
        }
    }

    #[test]
    fn refuses_what_says_two_things() {
        for document in [
            json!({ "permission": "read-only", "scopes": ["read"] }),
            json!({ "permission": "admin" }),
            json!({ "permission": null }),
            json!({ "permission": ["read-only"] }),
        ] {
            assert_eq!(spelled(document).1, ["/permission"]);
        }
    }
}
