//! The examples of `docs/conditions.md` compile and mean what they say.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec::Vec;

use serde_json::{Value, json};

use super::{
    Truth::{False, True, Unknown},
    judge,
};
use crate::wire::snapshot::Binding;

const TEXT: &str = include_str!("../../../../docs/conditions.md");

/// The conditions of the examples, in their order.
fn examples() -> Vec<Value> {
    let blocks = TEXT.split("```json\n").skip(1);
    let documents = blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap());
    documents
        .map(|document: Value| {
            if document.get("client_id").is_none() {
                return document;
            }
            let binding: Binding = serde_json::from_value(document).unwrap();
            serde_json::to_value(binding.condition.unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn the_examples_mean_what_they_say() {
    let github = json!({
        "repository_id": "74", "repository": "shop/cart", "ref": "refs/heads/main", "event_name": "push",
    });
    let kubernetes = json!({
        "kubernetes.io": { "namespace": "prod", "serviceaccount": { "name": "cart" } },
        "groups": ["deployers", "staff"],
    });
    assert_eq!(examples().len(), 4);
    let pull_request = json!({
        "repository_id": "74", "repository": "shop/cart", "ref": "refs/heads/main", "event_name": "pull_request",
    });
    let level = json!({ "acr_level": 3, "mfa": true, "groups": ["staff"] });
    for (index, claims, truth) in [
        (0, &github, True),
        (0, &pull_request, False),
        (0, &json!({ "repository_id": 74 }), Unknown),
        (0, &kubernetes, Unknown),
        (1, &kubernetes, True),
        (1, &github, Unknown),
        (2, &level, True),
        (2, &json!({ "acr_level": 3, "mfa": true, "groups": ["staff", "suspended"] }), False),
        (2, &json!({ "acr_level": 3, "mfa": true }), Unknown),
        (3, &json!({}), True),
    ] {
        assert_eq!(judge(&examples()[index], claims), truth, "example {index} of {claims}");
    }
}
