//! Reads a JSON document into its type and reports everything that is wrong with it at once, each with its place.
//!
//! A type stops at its first fault. So every fault is recorded, mended with a value that is known to be good, and the
//! document is read again; what comes out is used only when nothing was mended.

use std::collections::BTreeSet;

use cambist_core::json;
use serde::de::DeserializeOwned;
use serde_json::{Map, value::Value};
use serde_path_to_error::{Path, Segment};

use crate::fault::{Fault, Faults};

/// More faults than this are not looked for.
const LIMIT: usize = 64;

/// What reading a document gave.
#[derive(Debug)]
pub struct Reading<T> {
    /// The document, with whatever was wrong in it replaced; none where that was not possible.
    pub value: Option<T>,
    /// What was wrong.
    pub faults: Vec<Fault>,
    /// The members that hold something else than what was sent; what is said of them is of no use to anyone.
    pub mended: BTreeSet<String>,
}

/// The members of a JSON object that says everything once.
pub fn members(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    // A lenient reading first: it says where the text goes wrong.
    serde_json::from_slice::<Map<String, Value>>(bytes).map_err(|error| error.to_string())?;
    json::parse_object(bytes)
        .map_err(|_| String::from("a member is there twice, or the nesting is deeper than 64"))
}

/// Reads `members` as a `T`. `sample` is a valid `T` with its required members.
pub fn read<T: DeserializeOwned>(mut members: Map<String, Value>, sample: &Value) -> Reading<T> {
    let mut faults = Faults::default();
    let mut mended = BTreeSet::new();
    for _ in 0..LIMIT {
        let document = Value::Object(members);
        let error = match serde_path_to_error::deserialize::<_, T>(&document) {
            Ok(value) => return Reading { value: Some(value), faults: faults.into_vec(), mended },
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let mut place = segments(error.path());
        let named = named_member(&message);
        if let Some(member) = named.filter(|member| place.last().map(String::as_str) != Some(*member)) {
            place.push(member.to_owned());
        }
        faults.push(pointer(&place), advice(&message));
        let Value::Object(rest) = document else { break };
        members = rest;
        if !mend(&mut members, &place, sample, &mut mended) {
            break;
        }
    }
    Reading { value: None, faults: faults.into_vec(), mended }
}

/// The first fault of `bytes` as a `T`, with its place.
pub fn read_message<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // Following the path costs more than reading, and is of no use where nothing is wrong.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = segments(error.path());
        Fault::new(pointer(&place), error.inner().to_string())
    })?;
    reader.end().map_err(|error| Fault::new("", error.to_string()))?;
    Ok(value)
}

/// The member of the document that a JSON pointer leads into.
pub fn member(pointer: &str) -> String {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    first.replace("~1", "/").replace("~0", "~")
}

fn mend(
    members: &mut Map<String, Value>,
    place: &[String],
    sample: &Value,
    mended: &mut BTreeSet<String>,
) -> bool {
    let Some(first) = place.first() else { return false };
    // The second fault in one member: what was put there is no better.
    let fresh = mended.insert(first.clone());
    match sample.get(first) {
        Some(good) if fresh => members.insert(first.clone(), good.clone()).is_none_or(|was| was != *good),
        _ => members.remove(first).is_some(),
    }
}

/// The member that a message is about when the path leads only to the object around it.
fn named_member(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("missing field `"))?;
    rest.split('`').next()
}

fn advice(message: &str) -> String {
    if message.starts_with("missing field") {
        return String::from("is required; add it");
    }
    match message.strip_prefix("unknown field ") {
        Some(rest) => {
            let expected = rest.split_once(", ").map_or("", |(_, expected)| expected);
            format!("is not known here; remove it ({expected})")
        }
        None => message.to_owned(),
    }
}

fn segments(path: &Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect()
}

fn pointer(segments: &[String]) -> String {
    segments.iter().fold(String::new(), |pointer, segment| {
        pointer + "/" + &segment.replace('~', "~0").replace('/', "~1")
    })
}

#[cfg(test)]
mod tests {
    use cambist_core::wire::snapshot::{Issuer, Route};
    use serde_json::{Map, Value, json};

    use super::read;

    fn mk_members(document: &Value) -> Map<String, Value> {
        document.as_object().unwrap().clone()
    }

    fn pointers<T: serde::de::DeserializeOwned>(document: &Value, sample: &Value) -> Vec<String> {
        read::<T>(mk_members(document), sample).faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn reads_a_good_document() {
        let sample = json!({ "id": "a", "iss": "https://a.example" });
        let reading = read::<Issuer>(mk_members(&sample), &sample);
        assert_eq!(reading.value.unwrap().iss, "https://a.example");
        assert!(reading.faults.is_empty() && reading.mended.is_empty());
    }

    #[test]
    fn reports_every_fault_with_its_place() {
        let sample = json!({ "id": "a", "iss": "https://a.example" });
        let document = json!({
            "iss": 7, "extra": 1, "keys": { "source": "jwks_uri", "url": "https://a.example" }, "clock_skew": -1,
        });
        let mut found = pointers::<Issuer>(&document, &sample);
        found.sort();
        assert_eq!(found, ["/clock_skew", "/extra", "/id", "/iss", "/keys/url"]);
    }

    #[test]
    fn leads_into_lists_and_variants() {
        let sample = json!({ "id": "a", "host": "*", "path": { "prefix": "/" } });
        let document = json!({ "id": "a", "host": "*", "path": { "prefix": 1 }, "clients": ["cl_a", 2] });
        assert_eq!(pointers::<Route>(&document, &sample), ["/clients/1", "/path/prefix"]);
    }
}
