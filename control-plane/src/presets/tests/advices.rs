//! What a binding is advised of: one good binding of each preset, and what makes it less good.

use serde_json::{Value, json};

use super::{ISS, binding};
use crate::presets::{advice, find};

/// The pointers of the advice for a binding of an issuer with `preset`.
fn pointers(preset: &str, document: &Value) -> Vec<String> {
    let advice = advice(find(preset).unwrap(), &binding(document));
    advice.into_iter().map(|advice| advice.pointer).collect()
}

fn is(claim: &str, value: impl Into<Value>) -> Value {
    json!({ "attribute": format!("jwt.claim.{claim}"), "equals": value.into() })
}

/// What makes `is(claim, value)` no longer a demand for it.
fn loosened(claim: &str, value: &str) -> [Value; 4] {
    let (pinned, other) = (is(claim, value), is("other", "a"));
    [
        json!({ "attribute": format!("jwt.claim.{claim}"), "matches": format!("{value}.*") }),
        json!({ "any": [pinned, other] }),
        json!({ "not": pinned }),
        json!({ "all": [other, { "any": [pinned, { "not": pinned }] }] }),
    ]
}

#[test]
fn service_accounts_are_named_one_by_one() {
    let uid = r"kubernetes\.io.serviceaccount.uid";
    let namespace = is(r"kubernetes\.io.namespace", "shop");
    for preset in ["eks", "gke", "kubernetes"] {
        let exact = "system:serviceaccount:shop:cart";
        assert!(pointers(preset, &json!({ "subjects": [exact] })).is_empty());
        assert!(pointers(preset, &json!({ "condition": is(uid, "u-1") })).is_empty());
        assert!(pointers(preset, &json!({ "condition": is("sub", exact) })).is_empty());
        let pointer =
            json!({ "attribute": "jwt.claim/kubernetes.io/serviceaccount/uid", "in": ["u-1", "u-2"] });
        assert!(pointers(preset, &json!({ "condition": pointer })).is_empty());
        assert_eq!(pointers(preset, &json!({ "allow_any_subject": true })), ["/subjects"]);
        assert_eq!(pointers(preset, &json!({ "condition": namespace })), ["/subjects"]);
        for condition in loosened("sub", "system:serviceaccount:shop:") {
            assert_eq!(pointers(preset, &json!({ "condition": condition })), ["/subjects"], "{condition}");
        }
    }
}

#[test]
fn the_default_service_account_is_seldom_meant() {
    for preset in ["eks", "gke", "kubernetes"] {
        let subjects = ["system:serviceaccount:shop:cart", "system:serviceaccount:shop:default"];
        assert_eq!(pointers(preset, &json!({ "subjects": subjects })), ["/subjects/1"]);
    }
    assert!(pointers("generic", &json!({ "subjects": ["system:serviceaccount:shop:default"] })).is_empty());
}

#[test]
fn names_that_can_be_reused_are_not_enough_for_ci() {
    for (preset, ids, names) in [
        ("github", ["repository_id", "repository_owner_id"], ["repository", "repository_owner"]),
        ("gitlab", ["project_id", "namespace_id"], ["project_path", "namespace_path"]),
    ] {
        let subjects = ["repo:acme/cart:ref:refs/heads/main"];
        assert_eq!(pointers(preset, &json!({ "subjects": subjects })), ["/condition"]);
        for id in ids {
            assert!(pointers(preset, &json!({ "subjects": subjects, "condition": is(id, "74") })).is_empty());
        }
        for name in names {
            let document = json!({ "subjects": subjects, "condition": is(name, "acme/cart") });
            assert_eq!(pointers(preset, &document), ["/condition"]);
        }
        for condition in loosened(ids[0], "74") {
            let document = json!({ "subjects": subjects, "condition": condition });
            assert_eq!(pointers(preset, &document), ["/condition"], "{condition}");
        }
        // The repository is pinned, what may run in it is not.
        assert_eq!(pointers(preset, &json!({ "condition": is(ids[0], "74") })), ["/condition"]);
        assert_eq!(pointers(preset, &json!({ "allow_any_subject": true })), ["/condition", "/condition"]);
    }
    for what in ["ref", "environment", "job_workflow_ref"] {
        let condition = json!({ "all": [is("repository_id", "74"), is(what, "a")] });
        assert!(pointers("github", &json!({ "condition": condition })).is_empty());
    }
    let condition = json!({ "all": [is("project_id", "74"), is("ref_protected", "true")] });
    assert!(pointers("gitlab", &json!({ "condition": condition })).is_empty());
}

#[test]
fn an_email_is_verified_and_not_alone() {
    let number = is("google.compute_engine.project_number", 739_419_398_126_i64);
    let (email, verified) = (is("email", "a@acme.iam.gserviceaccount.com"), is("email_verified", true));
    let subjects = ["113774264463038321964"];
    for (document, expected) in [
        (json!({ "subjects": subjects }), vec![]),
        (json!({ "condition": number }), vec![]),
        (json!({ "subjects": subjects, "condition": { "all": [email, verified] } }), vec![]),
        (json!({ "subjects": subjects, "condition": email }), vec!["/condition"]),
        (
            json!({ "subjects": subjects, "condition": { "all": [email, is("email_verified", false)] } }),
            vec!["/condition"],
        ),
        (json!({ "condition": { "all": [email, verified] } }), vec!["/subjects", "/subjects"]),
        (json!({ "condition": { "not": email } }), vec!["/subjects", "/condition", "/subjects"]),
        (json!({ "allow_any_subject": true }), vec!["/subjects"]),
    ] {
        assert_eq!(pointers("gcp", &document), expected, "{document}");
    }
}

#[test]
fn of_any_other_issuer_subjects_are_named() {
    assert!(pointers("generic", &json!({ "subjects": ["a"] })).is_empty());
    assert_eq!(pointers("generic", &json!({ "condition": is("group", "a") })), ["/subjects"]);
}

#[test]
fn every_preset_has_something_to_say_of_a_binding_that_takes_everybody() {
    for (preset, _) in ISS {
        let advice = advice(find(preset).unwrap(), &binding(&json!({ "allow_any_subject": true })));
        assert!(!advice.is_empty(), "{preset}");
        assert!(advice.iter().all(|advice| advice.text.len() > 40), "{advice:?}");
    }
}
