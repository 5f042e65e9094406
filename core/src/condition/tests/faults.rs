//! What is wrong with a condition: everything at once, each at its path.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use serde_json::{Value, json};

use super::{
    super::{MAX_BYTES, MAX_DEPTH, MAX_LIST, MAX_NODES},
    compile,
};
use crate::wire::snapshot as wire;

fn good() -> Value {
    json!({ "attribute": "jwt.claim.x", "equals": "a" })
}

#[track_caller]
fn paths(condition: &Value) -> Vec<String> {
    compile(condition).err().unwrap_or_default().into_iter().map(|fault| fault.path).collect()
}

/// `condition` inside `levels` more.
fn nested(levels: usize) -> Value {
    (0..levels).fold(good(), |inner, _| json!({ "not": inner }))
}

#[test]
fn all_faults_are_told_at_once_with_their_paths() {
    let condition = json!({ "all": [
        good(),
        { "attribute": "jwt.claim.x", "matches": "(" },
        { "any": [] },
        { "not": { "attribute": "jwt.x", "in": [1, null] } },
        { "attribute": "jwt.claim.x", "equals": {} },
        { "any": [good(), { "attribute": "jwt.claim.x", "contains": [1] }, {}] },
        { "attribute": "jwt.claim.x", "at_least": 1e300 },
    ]});
    assert_eq!(
        paths(&condition),
        [
            "c/all/1/matches",
            "c/all/2/any",
            "c/all/3/not/attribute",
            "c/all/3/not/in/1",
            "c/all/4/equals",
            "c/all/5/any/1/contains",
            "c/all/5/any/2",
            "c/all/6/at_least",
        ]
    );
}

#[test]
fn a_part_says_exactly_one_thing() {
    for (condition, part) in [
        (json!({}), "is empty"),
        (json!({ "attribute": "jwt.claim.x" }), "with nothing"),
        (json!({ "equals": "a" }), "no attribute"),
        (json!({ "attribute": "jwt.claim.x", "equals": "a", "matches": "a" }), "several operators"),
        (json!({ "attribute": "jwt.claim.x", "at_least": 1, "at_most": 2 }), "several operators"),
        (json!({ "attribute": "jwt.claim.x", "equals": null }), "with nothing"),
        (json!({ "all": [good()], "any": [good()] }), "only one"),
        (json!({ "not": good(), "attribute": "jwt.claim.x", "equals": "a" }), "only one"),
        (json!({ "all": [good()], "equals": "a" }), "only one"),
    ] {
        let faults = compile(&condition).unwrap_err();
        assert_eq!(faults.len(), 1, "{condition}: {faults:?}");
        assert_eq!(faults[0].path, "c");
        assert!(faults[0].detail.contains(part), "{condition}: {}", faults[0].detail);
    }
}

#[test]
fn values_are_of_the_types_that_are_compared() {
    let leaf = |operator: &str, of: Value| json!({ "attribute": "jwt.claim.x", operator: of });
    for (condition, path) in [
        (leaf("equals", json!([])), "c/equals"),
        (leaf("equals", json!(9_007_199_254_740_992.0)), "c/equals"),
        (leaf("contains", json!({})), "c/contains"),
        (leaf("in", json!([])), "c/in"),
        (leaf("in", json!(["a", 1])), "c/in"),
        (leaf("in", json!([true, "true"])), "c/in"),
        (leaf("in", json!([["a"]])), "c/in/0"),
        (leaf("less_than", json!(1e20)), "c/less_than"),
        (leaf("matches", json!("")), "c/matches"),
    ] {
        assert_eq!(paths(&condition), [path], "{condition}");
    }
}

#[test]
fn unknown_fields_and_other_types_are_refused() {
    for condition in [
        json!({ "attribute": "jwt.claim.x", "equals": "a", "surprise": 1 }),
        json!({ "attribute": "jwt.claim.x", "exists": false }),
        json!({ "all": good() }),
        json!({ "not": [good()] }),
        json!({ "all": [{ "any": [{ "Equals": 1 }] }] }),
        json!({ "attribute": "jwt.claim.x", "at_least": "1" }),
        json!({ "attribute": "jwt.claim.x", "in": "a" }),
        json!({ "attribute": 1, "equals": 1 }),
        json!(true),
    ] {
        assert!(serde_json::from_value::<wire::Condition>(condition.clone()).is_err(), "{condition}");
    }
    let twice = r#"{"attribute":"jwt.claim.x","equals":"a","equals":"b"}"#;
    assert!(serde_json::from_str::<wire::Condition>(twice).is_err());
}

#[test]
fn depth_is_bounded() {
    assert!(compile(&nested(MAX_DEPTH - 1)).is_ok());
    let deepest = String::from("c") + &"/not".repeat(MAX_DEPTH);
    for levels in [MAX_DEPTH, 100] {
        assert_eq!(paths(&nested(levels)), [&*deepest], "{levels}");
    }
}

#[test]
fn parts_are_bounded() {
    let of = |parts: usize| json!({ "all": vec![good(); parts] });
    assert!(compile(&of(MAX_NODES - 1)).is_ok());
    for parts in [MAX_NODES, 2 * MAX_NODES] {
        assert_eq!(paths(&of(parts)), ["c"], "{parts}");
    }
    let square = json!({ "any": vec![of(20); 20] });
    assert_eq!(paths(&square), ["c"]);
}

#[test]
fn lists_and_bytes_are_bounded() {
    let list = |count: usize| json!({ "attribute": "jwt.claim.x", "in": vec!["a"; count] });
    assert!(compile(&list(MAX_LIST)).is_ok());
    assert_eq!(paths(&list(MAX_LIST + 1)), ["c/in"]);
    let text = |bytes: usize| json!({ "attribute": "jwt.claim.x", "equals": "a".repeat(bytes) });
    let frame = text(0).to_string().len();
    assert!(compile(&text(MAX_BYTES - frame)).is_ok());
    assert_eq!(paths(&text(MAX_BYTES - frame + 1)), ["c"]);
}
