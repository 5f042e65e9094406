//! A snapshot as lines: cut short, with unknown fields, in slices.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec::Vec};

use serde_json::{Value, json};

use crate::{
    fixture::{Ask, Gateway, NoSecrets, Token, Wire},
    flow::Credential,
    policy::{Compiler, Faults, Policy},
};

fn fed<'a>(lines: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<Policy, Faults> {
    let mut compiler = Compiler::default();
    for line in lines {
        compiler.feed_line(line, &NoSecrets);
    }
    compiler.finish()
}

fn paths(result: Result<Policy, Faults>) -> Vec<String> {
    result
        .err()
        .as_ref()
        .map(Faults::listed)
        .unwrap_or_default()
        .iter()
        .map(|fault| fault.path.clone())
        .collect()
}

fn value(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

#[test]
fn a_whole_snapshot_compiles() {
    assert!(fed(&Wire::valid().lines()).is_ok());
}

#[test]
fn a_snapshot_that_was_cut_short_is_refused_wherever_the_cut_is() {
    let lines = Wire::valid().lines();
    for kept in 0..lines.len() {
        let found = paths(fed(&lines[..kept]));
        assert!(found.contains(&"end".into()), "{kept}: {found:?}");
    }
    let mut cut = lines.clone();
    let last = cut.last_mut().unwrap();
    last.truncate(last.len() - 1);
    assert!(paths(fed(&cut)).contains(&"end".into()));
}

#[test]
fn a_snapshot_with_a_line_too_few_or_too_many_is_refused() {
    let lines = Wire::changed(|wire| wire.add_neighbour("other")).lines();
    let mut fewer = lines.clone();
    fewer.remove(lines.len() - 2);
    assert_eq!(paths(fed(&fewer)), ["end"]);
    let mut more = lines.clone();
    more.push(lines[1].clone());
    assert_eq!(paths(fed(&more)), ["end"]);
}

#[test]
fn a_faulty_line_is_named_by_its_number_and_the_others_are_still_read() {
    let mut lines = Wire::changed(|wire| wire.bindings[0].ttl = 0).lines();
    lines[1] = b"{".to_vec();
    lines[2] = b"{\"record\":\"surprise\"}".to_vec();
    let found = paths(fed(&lines));
    assert_eq!(found[..2], ["line 2", "line 3"]);
    assert!(found.contains(&"binding/cart/ttl".into()));
    assert!(!found.contains(&"end".into()), "faulty lines are counted: {found:?}");
}

/// Adds a field to the object at each place in turn, and gives each result to `check`.
fn surprised(value: &Value, check: &mut dyn FnMut(&str, Value)) {
    fn walk(root: &Value, at: &str, check: &mut dyn FnMut(&str, Value)) {
        match root.pointer(at).unwrap() {
            Value::Object(members) => {
                let mut changed = root.clone();
                changed.pointer_mut(at).unwrap()["surprise"] = json!(1);
                check(at, changed);
                // A JWK may hold what it likes (RFC 7517 §4).
                for name in members.keys().filter(|name| *name != "jwks") {
                    walk(root, &format!("{at}/{name}"), check);
                }
            }
            Value::Array(items) => {
                (0..items.len()).for_each(|index| walk(root, &format!("{at}/{index}"), check));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    walk(value, "", check);
}

#[test]
fn an_unknown_field_is_refused_everywhere() {
    let mut wires = Vec::from([Wire::valid()]);
    for keys in [
        json!({"source": "discovery"}),
        json!({"source": "derived"}),
        json!({"source": "jwks_uri", "uri": "https://a.example"}),
    ] {
        wires.push(Wire::changed(|wire| wire.issuers[0].keys = serde_json::from_value(keys).unwrap()));
    }
    for wire in wires {
        let lines = wire.lines();
        assert!(fed(&lines).is_ok());
        for index in 0..lines.len() {
            surprised(&value(&lines[index]), &mut |at, changed| {
                let mut lines = lines.clone();
                lines[index] = serde_json::to_vec(&changed).unwrap();
                let expected = format!("line {}", index + 1);
                assert!(paths(fed(&lines)).contains(&expected), "{expected} {at}");
            });
        }
    }
}

#[test]
fn a_repeated_field_is_refused() {
    let mut lines = Wire::valid().lines();
    let line = String::from_utf8(lines[1].clone()).unwrap();
    lines[1] = line.replacen("\"enabled\":true", "\"enabled\":true,\"enabled\":false", 1).into_bytes();
    assert!(paths(fed(&lines)).contains(&"line 2".into()));
}

#[test]
fn slices_of_any_size_give_what_one_go_gives() {
    let wire = Wire::changed(|wire| wire.add_neighbour("other"));
    let minted = |policy: Policy| {
        let mut gateway = Gateway::without_snapshot();
        gateway.state.adopt(policy, gateway.now);
        let Credential::Replace(value) = gateway.forward(&Ask::bearing(&Token::valid().sign())).credential
        else {
            panic!("not exchanged");
        };
        value
    };
    let at_once = minted(wire.compile().unwrap());
    let lines = wire.lines();
    for budget in 1..=lines.len() {
        let mut compiler = Compiler::default();
        for slice in lines.chunks(budget) {
            // Between two slices the compiler is put away and taken out again.
            let mut taken = core::mem::take(&mut compiler);
            for line in slice {
                taken.feed_line(line, &NoSecrets);
            }
            compiler = taken;
        }
        assert_eq!(minted(compiler.finish().unwrap()), at_once);
    }
}
