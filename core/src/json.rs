//! Strict JSON for documents that others wrote. Deliberately absent: lenient readings of any kind.

mod scan;

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub use self::scan::{Shallow, scan_object};

/// The deepest nesting that is read; a scalar has depth 0.
pub const MAX_DEPTH: u8 = 64;

/// The bytes are not one JSON document in the strict sense of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJson;

/// Reads one JSON document.
///
/// Refuses bytes that are not UTF-8, a byte order mark, lone surrogates, member names that repeat in one object
/// (compared after unescaping, RFC 7515 §4), nesting beyond [`MAX_DEPTH`], numbers out of the range of `f64` and
/// anything but white space after the document. Work and memory are linear in the length of `bytes`; callers bound it.
pub fn parse(bytes: &[u8]) -> Result<Value, InvalidJson> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: MAX_DEPTH }.deserialize(&mut reader).map_err(|_| InvalidJson)?;
    reader.end().map_err(|_| InvalidJson)?;
    Ok(value)
}

/// Reads one JSON object, as [`parse`] does.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, InvalidJson> {
    if let Value::Object(members) = parse(bytes)? { Ok(members) } else { Err(InvalidJson) }
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Builds a value and counts down the nesting that is left.
#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("repeated member name"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use serde_json::json;

    use super::{InvalidJson, MAX_DEPTH, parse, parse_object};

    #[test]
    fn reads_what_serde_json_reads() {
        let text =
            br#" {"a":[1,-2,3.5,1e3,true,null,"x\u00e9\ud83d\ude00"],"b":{"c":18446744073709551615}} "#;
        let expected: serde_json::Value = serde_json::from_slice(text).unwrap();
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(b"\"\""), Ok(json!("")));
    }

    #[test]
    fn refuses_repeated_names_at_any_depth() {
        for text in
            [&br#"{"a":1,"a":1}"#[..], br#"{"alg":1,"\u0061lg":2}"#, br#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#]
        {
            assert_eq!(parse(text), Err(InvalidJson));
        }
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn refuses_what_is_no_strict_document() {
        for text in [
            &b""[..],
            b" ",
            b"\xef\xbb\xbf{}",
            b"{}{}",
            b"{} x",
            b"{}\0",
            b"{'a':1}",
            b"{\"a\":1,}",
            b"[1,]",
            b"// c\n{}",
            b"NaN",
            b"01",
            b"1e400",
            b"-1e400",
            b"\"\xff\"",
            b"\"\xc0\x80\"",
            b"\"\xed\xa0\x80\"",
            br#""\ud800""#,
            br#""\udc00\ud800""#,
            b"\"a\nb\"",
            b"{\"a\"",
        ] {
            assert_eq!(parse(text), Err(InvalidJson), "{text:?}");
        }
    }

    #[test]
    fn limits_the_depth() {
        let nested = |open: &str, close: &str, depth: usize| {
            let mut text = open.repeat(depth);
            text.push('1');
            text.push_str(&close.repeat(depth));
            text
        };
        let limit = usize::from(MAX_DEPTH);
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            assert!(parse(nested(open, close, limit).as_bytes()).is_ok());
            assert_eq!(parse(nested(open, close, limit + 1).as_bytes()), Err(InvalidJson));
            assert_eq!(parse(nested(open, close, 20_000).as_bytes()), Err(InvalidJson));
        }
    }

    #[test]
    fn wants_an_object_where_one_is_wanted() {
        assert!(parse_object(b"{}").is_ok());
        assert_eq!(parse_object(b"[]"), Err(InvalidJson));
    }
}
