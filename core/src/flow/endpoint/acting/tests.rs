#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::string::String;

use serde_json::{Map, Value, json};

use super::{MAX_ACTORS, joined};
use crate::denial::Denial;

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

#[test]
fn the_chain_of_the_actor_comes_before_that_of_the_subject() {
    let chain = object(json!({"sub": "b", "act": {"sub": "c"}}));
    let earlier = object(json!({"sub": "d", "x": 1}));
    let all = object(json!({"sub": "b", "act": {"sub": "c", "act": {"sub": "d", "x": 1}}}));
    assert_eq!(joined(chain.clone(), earlier.clone(), MAX_ACTORS), Ok(all));
    assert_eq!(joined(chain.clone(), None, MAX_ACTORS), Ok(chain));
    assert_eq!(joined(None, earlier.clone(), MAX_ACTORS), Ok(earlier));
    assert_eq!(joined(None, None, MAX_ACTORS), Ok(None));
}

#[test]
fn no_chain_grows_beyond_its_bound() {
    let mut chain = json!({"sub": "x"});
    for length in 1..8 {
        let whole = joined(object(chain.clone()), None, MAX_ACTORS);
        let split = joined(object(json!({"sub": "y"})), object(chain.clone()), MAX_ACTORS);
        assert_eq!(whole.is_ok(), length < MAX_ACTORS, "{length}");
        assert_eq!(split.is_ok(), length + 1 < MAX_ACTORS, "{length}");
        chain = json!({"sub": "x", "act": chain});
    }
    assert_eq!(
        joined(object(json!({"sub": "x", "act": "y"})), None, MAX_ACTORS),
        Err(Denial::ActorNotAllowed)
    );
}
