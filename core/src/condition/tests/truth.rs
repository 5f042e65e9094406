//! Three values: what is missing never becomes true, however it is turned.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{boxed::Box, vec, vec::Vec};

use serde_json::{Value, json};

use super::{
    super::{Node, Test, scalar::Scalar},
    Truth::{self, False, True, Unknown},
    facts, judge,
};
use crate::attribute::Attribute;

/// A comparison that comes to `truth` for [`claims`].
fn leaf(truth: Truth) -> Value {
    match truth {
        True => json!({ "attribute": "jwt.claim.a", "equals": 1 }),
        False => json!({ "attribute": "jwt.claim.a", "equals": 2 }),
        Unknown => json!({ "attribute": "jwt.claim.none", "equals": 1 }),
    }
}

fn claims() -> Value {
    json!({ "a": 1 })
}

#[test]
fn all_any_and_not_follow_the_table() {
    for (a, b, all, any) in [
        (True, True, True, True),
        (True, Unknown, Unknown, True),
        (True, False, False, True),
        (Unknown, Unknown, Unknown, Unknown),
        (Unknown, False, False, Unknown),
        (False, False, False, False),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            assert_eq!(judge(&json!({ "all": [leaf(a), leaf(b)] }), &claims()), all, "{a:?} and {b:?}");
            assert_eq!(judge(&json!({ "any": [leaf(a), leaf(b)] }), &claims()), any, "{a:?} or {b:?}");
        }
    }
    for (part, turned) in [(True, False), (Unknown, Unknown), (False, True)] {
        assert_eq!(judge(&leaf(part), &claims()), part);
        assert_eq!(judge(&json!({ "not": leaf(part) }), &claims()), turned);
        assert_eq!(judge(&json!({ "all": [leaf(part)] }), &claims()), part);
        assert_eq!(judge(&json!({ "any": [leaf(part)] }), &claims()), part);
    }
}

#[test]
fn only_what_is_true_admits() {
    for (truth, admitted) in [(True, true), (Unknown, false), (False, false)] {
        let compiled = super::compile(&leaf(truth)).unwrap();
        assert_eq!(compiled.holds(&facts(claims().as_object().unwrap())), admitted, "{truth:?}");
    }
}

/// Every statement of three levels about claims that are missing, with as many `not`s as there is room for.
#[test]
fn no_statement_about_missing_claims_is_ever_known() {
    let none = "jwt.claim.none";
    let mut level: Vec<Value> = vec![
        json!({ "attribute": none, "equals": "x" }),
        json!({ "attribute": none, "in": [false] }),
        json!({ "attribute": "jwt.claim.a.b.c", "matches": ".*" }),
        json!({ "attribute": "userinfo.sub", "contains": 1 }),
        json!({ "attribute": none, "at_least": 0 }),
        json!({ "attribute": "issuer.cluster", "less_than": 0 }),
        json!({ "attribute": "identity.login", "equals": "" }),
    ];
    for _ in 0..2 {
        let mut next: Vec<Value> = level.iter().map(|part| json!({ "not": part })).collect();
        for (index, part) in level.iter().enumerate() {
            let other = &level[(index + 1) % level.len()];
            next.push(json!({ "all": [part, other] }));
            next.push(json!({ "any": [part, { "not": other }] }));
        }
        level.extend(next);
    }
    assert!(level.len() > 100);
    for condition in &level {
        assert_eq!(judge(condition, &claims()), Unknown, "{condition}");
        assert_eq!(judge(&json!({ "not": condition }), &claims()), Unknown, "not {condition}");
    }
}

/// The compiler refuses these; should one come about, nothing is known of it, under `not` as well.
#[test]
fn empty_lists_admit_nobody() {
    let claims = claims();
    let facts = facts(claims.as_object().unwrap());
    let attribute = || Attribute::parse("jwt.claim.a").unwrap();
    let empty: [fn(Attribute) -> Node; 3] = [
        |_| Node::All(Vec::new()),
        |_| Node::Any(Vec::new()),
        |attribute| Node::Leaf(attribute, Test::OneOf(Vec::<Scalar>::new())),
    ];
    for node in empty {
        assert_eq!(node(attribute()).judge(&facts), Unknown);
        assert_eq!(Node::Not(Box::new(node(attribute()))).judge(&facts), Unknown);
    }
}
