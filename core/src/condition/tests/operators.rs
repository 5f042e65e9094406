//! Every operator with every type of claim.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec;

use serde_json::{Value, json};

use super::{
    Truth::{False, True, Unknown},
    judge,
};

fn values() -> Value {
    json!([
        null, true, false, 0, 1, 2, 1.0, 1.5, -1, "", "a", "b", "1", "true", "null", [], ["a"], ["b"], ["b", 1],
        ["a", 1], [1], [1.0], [true], [null], [["a"]], [{}], {}, { "a": "a" }
    ])
}

#[test]
fn every_operator_knows_only_its_own_type() {
    for (operator, of, trues, falses) in [
        ("equals", json!("a"), json!(["a"]), json!(["", "b", "1", "true", "null"])),
        ("equals", json!("1"), json!(["1"]), json!(["", "a", "b", "true", "null"])),
        ("equals", json!(1), json!([1, 1.0]), json!([0, 2, 1.5, -1])),
        ("equals", json!(1.5), json!([1.5]), json!([0, 1, 2, 1.0, -1])),
        ("equals", json!(true), json!([true]), json!([false])),
        ("equals", json!(false), json!([false]), json!([true])),
        ("in", json!(["a", "1"]), json!(["a", "1"]), json!(["", "b", "true", "null"])),
        ("in", json!([1, 1.5]), json!([1, 1.0, 1.5]), json!([0, 2, -1])),
        ("in", json!([true]), json!([true]), json!([false])),
        ("matches", json!("[ab1]"), json!(["a", "b", "1"]), json!(["", "true", "null"])),
        ("matches", json!(".*"), json!(["", "a", "b", "1", "true", "null"]), json!([])),
        ("contains", json!("a"), json!([["a"], ["a", 1]]), json!([[], ["b"]])),
        ("contains", json!(1), json!([["b", 1], ["a", 1], [1], [1.0]]), json!([[]])),
        ("contains", json!(true), json!([[true]]), json!([[]])),
        ("at_least", json!(1), json!([1, 2, 1.0, 1.5]), json!([0, -1])),
        ("at_most", json!(1), json!([0, 1, 1.0, -1]), json!([2, 1.5])),
        ("less_than", json!(1.5), json!([0, 1, 1.0, -1]), json!([2, 1.5])),
        ("more_than", json!(1.0), json!([2, 1.5]), json!([0, 1, 1.0, -1])),
    ] {
        let condition = json!({ "attribute": "jwt.claim.x", operator: of });
        let not = json!({ "not": condition });
        let among = |list: &Value, value: &Value| list.as_array().unwrap().contains(value);
        for value in values().as_array().unwrap() {
            let (expected, turned) = match (among(&trues, value), among(&falses, value)) {
                (true, false) => (True, False),
                (false, true) => (False, True),
                (false, false) => (Unknown, Unknown),
                (true, true) => panic!("the table says both of {value}"),
            };
            let claims = json!({ "x": value });
            assert_eq!(judge(&condition, &claims), expected, "{condition} of {value}");
            assert_eq!(judge(&not, &claims), turned, "not {condition} of {value}");
        }
        assert_eq!(judge(&condition, &json!({})), Unknown, "{condition} of nothing");
        assert_eq!(judge(&not, &json!({})), Unknown, "not {condition} of nothing");
    }
}

#[test]
fn numbers_are_exact() {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (operator, limit, claim, expected) in [
        ("equals", "1", "1.0", True),
        ("equals", "1", "1e0", True),
        ("equals", "100", "1e2", True),
        ("equals", "0", "-0.0", True),
        ("equals", "0.1", "0.1", True),
        ("equals", "0.3", "0.30000000000000004", False),
        // Beyond 2^53 `f64` would take these for the same.
        ("equals", "9007199254740993", "9007199254740993", True),
        ("equals", "9007199254740993", "9007199254740992", False),
        ("equals", "18446744073709551615", "18446744073709551614", False),
        ("equals", "-9223372036854775808", "-9223372036854775808", True),
        ("more_than", "9007199254740992", "9007199254740993", True),
        ("at_most", "9223372036854775807", "18446744073709551615", False),
        ("less_than", "0.5", "-9223372036854775808", True),
        ("more_than", "0.5", "18446744073709551615", True),
        ("at_least", "9007199254740991.0", "9007199254740991", True),
        // Digits were lost before anyone looked: nothing is known.
        ("equals", "9007199254740992", "9007199254740992.0", Unknown),
        ("equals", "1", "1e300", Unknown),
        ("at_least", "1", "18446744073709551616", Unknown),
        ("at_least", "1", "-1e20", Unknown),
    ] {
        let condition = json!({ "attribute": "jwt.claim.x", operator: number(limit) });
        let claims = json!({ "x": number(claim) });
        assert_eq!(judge(&condition, &claims), expected, "{claim} {operator} {limit}");
    }
}

#[test]
fn strings_are_compared_byte_for_byte() {
    for (own, claim) in
        [("a", "A"), ("a", "a "), ("\u{e9}", "e\u{301}"), ("1", "1.0"), ("", " "), ("a", "a\0")]
    {
        let condition = json!({ "attribute": "jwt.claim.x", "equals": own });
        assert_eq!(judge(&condition, &json!({ "x": claim })), False, "{own:?} {claim:?}");
        assert_eq!(judge(&condition, &json!({ "x": own })), True, "{own:?}");
    }
}

#[test]
fn names_lead_into_objects_and_past_dots() {
    let claims = json!({
        "kubernetes.io": { "namespace": "prod", "pod": { "name": "p" } },
        "kubernetes": { "io": { "namespace": "not this" } },
        "list": ["a"],
    });
    for (name, of, expected) in [
        (r"jwt.claim.kubernetes\.io.namespace", "prod", True),
        (r"jwt.claim.kubernetes\.io.pod.name", "p", True),
        ("jwt.claim/kubernetes.io/namespace", "prod", True),
        ("jwt.claim.kubernetes.io.namespace", "prod", False),
        (r"jwt.claim.kubernetes\.io", "prod", Unknown),
        (r"jwt.claim.kubernetes\.io.namespace.deeper", "prod", Unknown),
        ("jwt.claim.list.0", "a", Unknown),
        ("client.id", "cl_shop", True),
        ("issuer.id", "shop", True),
        ("identity.id", "idn_a", True),
        ("identity.id", "idn_b", False),
        ("issuer.cluster", "eu", Unknown),
    ] {
        let condition = json!({ "attribute": name, "equals": of });
        assert_eq!(judge(&condition, &claims), expected, "{name}");
    }
}

#[test]
fn lists_may_be_long() {
    let names: vec::Vec<alloc::string::String> = (0..256).map(|n| alloc::format!("n{n}")).collect();
    let condition = json!({ "attribute": "jwt.claim.x", "in": names });
    assert_eq!(judge(&condition, &json!({ "x": "n255" })), True);
    assert_eq!(judge(&condition, &json!({ "x": "n256" })), False);
}
