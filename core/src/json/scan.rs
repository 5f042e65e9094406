//! Strict reading of an object without building it: every new token is read this way, twice.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use hashbrown::HashSet;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::{InvalidJson, MAX_DEPTH};

/// Names up to here are compared one by one, which is faster than hashing them.
const FEW: usize = 16;
/// Room for the names of a usual token with all that is nested in it.
const ROOM: usize = 24;

/// The value of a member, as far as flat documents need it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shallow<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A number in the range of `f64`.
    Number(Number),
    /// An array of strings only; it may be empty.
    Texts(Vec<String>),
    /// Anything else. It was read strictly, and thrown away.
    Other,
}

/// Reads one JSON object as strictly as [`super::parse`] and shows each of its members once.
pub fn scan_object<'a>(bytes: &'a [u8], see: impl FnMut(&str, Shallow<'a>)) -> Result<(), InvalidJson> {
    let text = core::str::from_utf8(bytes).map_err(|_| InvalidJson)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut names = Vec::with_capacity(ROOM);
    let top = TopLevel { see, names: &mut names };
    de::Deserializer::deserialize_map(&mut reader, top).map_err(|_| InvalidJson)?;
    reader.end().map_err(|_| InvalidJson)
}

/// The names of one object so far. Those of all objects that are open lie in one list, the innermost at its end.
struct Names<'n, 'de> {
    open: &'n mut Vec<Cow<'de, str>>,
    first: usize,
    /// All of them, once they are many.
    many: Option<HashSet<Cow<'de, str>>>,
}

struct TopLevel<'n, 'de, F> {
    see: F,
    names: &'n mut Vec<Cow<'de, str>>,
}

/// Reads a value and keeps what [`Shallow`] keeps.
struct Keep<'n, 'de> {
    depth: u8,
    /// Names of the objects around it.
    names: &'n mut Vec<Cow<'de, str>>,
}

/// A string that borrows from the document where it has no escapes.
struct Name;

// === impl Names ===

impl<'n, 'de> Names<'n, 'de> {
    const fn of(open: &'n mut Vec<Cow<'de, str>>) -> Self {
        let first = open.len();
        Self { open, first, many: None }
    }

    /// Adds a name; false if it was there.
    fn add(&mut self, name: Cow<'de, str>) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(name);
        }
        let names = self.open.get(self.first..).unwrap_or_default();
        if names.contains(&name) {
            return false;
        }
        if names.len() < FEW {
            self.open.push(name);
            return true;
        }
        let many = self.open.drain(self.first..).chain([name]);
        self.many = Some(many.collect());
        true
    }

    /// The object is over.
    fn close(self) {
        self.open.truncate(self.first);
    }
}

// === impl TopLevel ===

impl<'de, F: FnMut(&str, Shallow<'de>)> Visitor<'de> for TopLevel<'_, 'de, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { mut see, names } = self;
        let mut names = Names::of(names);
        while let Some(name) = members.next_key_seed(Name)? {
            let inner = Keep { depth: MAX_DEPTH.saturating_sub(1), names: names.open };
            let value = members.next_value_seed(inner)?;
            see(&name, value);
            if !names.add(name) {
                return Err(de::Error::custom("repeated member name"));
            }
        }
        Ok(())
    }
}

// === impl Keep ===

impl Keep<'_, '_> {
    fn deeper<E: de::Error>(&self) -> Result<u8, E> {
        self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Keep<'_, 'de> {
    type Value = Shallow<'de>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Shallow<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep<'_, 'de> {
    type Value = Shallow<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Other)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Shallow<'de>, E> {
        Number::from_f64(value).map(Shallow::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Shallow<'de>, E> {
        Ok(Shallow::Text(Cow::Owned(value.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shallow<'de>, A::Error> {
        let depth = self.deeper()?;
        let mut texts = Some(Vec::new());
        while let Some(item) = items.next_element_seed(Keep { depth, names: &mut *self.names })? {
            match (item, &mut texts) {
                (Shallow::Text(text), Some(texts)) => texts.push(text.into_owned()),
                _ => texts = None,
            }
        }
        Ok(texts.map_or(Shallow::Other, Shallow::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shallow<'de>, A::Error> {
        let depth = self.deeper()?;
        let mut names = Names::of(self.names);
        while let Some(name) = members.next_key_seed(Name)? {
            members.next_value_seed(Keep { depth, names: &mut *names.open })?;
            if !names.add(name) {
                return Err(de::Error::custom("repeated member name"));
            }
        }
        names.close();
        Ok(Shallow::Other)
    }
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.into()))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::{format, string::ToString, vec};

    use super::*;
    use crate::json;

    fn members(text: &str) -> Result<Vec<(String, Shallow<'_>)>, InvalidJson> {
        let mut seen = Vec::new();
        scan_object(text.as_bytes(), |name, value| seen.push((name.to_string(), value)))?;
        Ok(seen)
    }

    #[test]
    fn shows_every_member_once() {
        let seen = members(r#"{"a":"x\u0041","b":[],"c":["y"],"d":["y",1],"e":{"f":"g"},"h":1.5,"i":null}"#)
            .unwrap();
        let values: Vec<_> = seen.into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            values,
            [
                Shallow::Text("xA".into()),
                Shallow::Texts(vec![]),
                Shallow::Texts(vec!["y".into()]),
                Shallow::Other,
                Shallow::Other,
                Shallow::Number(Number::from_f64(1.5).unwrap()),
                Shallow::Other,
            ]
        );
    }

    #[test]
    fn is_as_strict_as_building_the_object() {
        let many = |last: &str| {
            let names: Vec<String> = (0..40).map(|n| format!("\"n{n}\":0")).collect();
            format!("{{{},\"{last}\":0}}", names.join(","))
        };
        for text in [
            "{}",
            "[]",
            "",
            "{\"a\":1}x",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"x\":{\"a\":1,\"a\":2}}",
            "{\"x\":[{\"a\":1,\"a\":2}]}",
            // Names of objects that are over bind nobody.
            "{\"x\":{\"a\":1},\"a\":2,\"y\":{\"a\":{\"a\":1},\"b\":1},\"b\":2}",
            "{\"x\":[{\"a\":1},{\"a\":2}],\"a\":2}",
            "{\"x\":{\"a\":1},\"y\":0,\"x\":2}",
            "{\"x\":1e400}",
            "{\"x\":\"\\ud800\"}",
            "\u{feff}{}",
            "{\"x\":01}",
            &many("n7"),
            &many("n20"),
            &many("n39"),
            &many("new"),
            &format!("{{\"a\":{}1{}}}", "[".repeat(63), "]".repeat(63)),
            &format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64)),
            &"{\"a\":".repeat(9_000),
        ] {
            assert_eq!(members(text).is_ok(), json::parse_object(text.as_bytes()).is_ok(), "{text:.80}");
        }
        assert_eq!(scan_object(b"{\"a\":\"\xff\"}", |_, _| {}), Err(InvalidJson));
    }
}
