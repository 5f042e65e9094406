//! What a change made of a document: the members that differ, as audit rows tell it.

use serde_json::{Map, json, value::Value};

/// `before` and `after` without the members that are the same in both. A document that is not there is null.
pub fn difference(before: Option<&Value>, after: Option<&Value>) -> Value {
    let (Some(was), Some(is)) = (before.and_then(Value::as_object), after.and_then(Value::as_object)) else {
        return json!({ "before": before, "after": after });
    };
    json!({ "before": changed(was, is), "after": changed(is, was) })
}

fn changed(of: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let differs = |(name, value): &(&String, &Value)| other.get(*name) != Some(*value);
    of.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::difference;

    #[test]
    fn tells_members_that_differ() {
        let (a, b) = (json!({ "x": 1, "y": 2, "z": null }), json!({ "x": 1, "y": [2], "w": 3 }));
        assert_eq!(
            difference(Some(&a), Some(&b)),
            json!({ "before": { "y": 2, "z": null }, "after": { "y": [2], "w": 3 } })
        );
        assert_eq!(difference(None, Some(&b)), json!({ "before": null, "after": b }));
        assert_eq!(difference(Some(&a), None), json!({ "before": a, "after": null }));
    }
}
