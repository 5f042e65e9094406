//! Changes of the forms that carry a token: JSON text, base64url, segments, the signature's bytes.

use serde_json::{Value, json};

use super::Numbers;
use crate::jwt::{Key, encode};

/// Changes the text of a JSON object, and says which way.
pub(super) fn change_json(numbers: &mut Numbers, text: &mut Vec<u8>) -> &'static str {
    let value: Value = serde_json::from_slice(text).expect("a draft is JSON");
    let members = value.as_object().expect("a draft is an object");
    let names: Vec<_> = members.keys().collect();
    let name = names[numbers.below(names.len())].clone();
    let own = members[&name].to_string();
    let first = name.chars().next().map_or(0, u32::from);
    let escaped = format!("\\u{first:04x}{}", name.chars().skip(1).collect::<String>());
    let body = String::from_utf8(text.clone()).expect("JSON is UTF-8");
    let inside = &body[1..body.len() - 1];
    let object = |more: &str| format!("{{{inside},{more}}}").into_bytes();
    let deep = |depth: usize| object(&format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    let (what, changed) = match numbers.below(18) {
        0 => ("repeated member", object(&format!("\"{name}\":{own}"))),
        1 => ("repeated member", object(&format!("\"{name}\":1"))),
        2 => ("repeated member", object(&format!("\"{escaped}\":{own}"))),
        3 => ("repeated member", object("\"x\":{\"a\":1,\"a\":2}")),
        4 => ("json", object("")),
        5 => ("json", format!("{body}x").into_bytes()),
        6 => ("json", format!("{body}{body}").into_bytes()),
        7 => ("json", format!("\u{feff}{body}").into_bytes()),
        8 => ("json", format!(" \t\r\n{body}\n ").into_bytes()),
        9 => ("json", format!("[{body}]").into_bytes()),
        10 => ("json", json!(body).to_string().into_bytes()),
        11 => ("json", Vec::new()),
        12 => ("json", body.replace('"', "'").into_bytes()),
        13 => ("json", [&body.as_bytes()[..body.len() - 1], b",\"x\":\"\xff\"}"].concat()),
        14 => ("json", object("\"x\":\"\\ud800\"")),
        15 => ("json", object("\"x\":1e400")),
        16 => ("json", deep(63 + numbers.below(3))),
        _ => {
            let at = numbers.below(body.len());
            let mut bytes = body.clone().into_bytes();
            bytes[at] = *numbers.pick(b"{}[]\",:\\0x \x00\x7f\xc3");
            ("json", bytes)
        }
    };
    *text = changed;
    what
}

/// Writes one of the two segments in another form of base64.
pub(super) fn change_base64(numbers: &mut Numbers, input: &str) -> String {
    let (header, claims) = input.split_once('.').expect("two segments");
    let mut segments = [header.to_owned(), claims.to_owned()];
    let segment = &mut segments[numbers.below(2)];
    match numbers.below(6) {
        0 => segment.push('='),
        1 => segment.push_str("=="),
        2 => *segment = raise_trailing_bits(segment),
        3 => *segment = segment.replace('-', "+").replace('_', "/") + "+",
        4 => segment.insert(numbers.below(segment.len() + 1), char::from(*numbers.pick(b"!%*,~+/=:"))),
        _ => drop(segment.remove(numbers.below(segment.len()))),
    }
    segments.join(".")
}

/// The same bytes, with bits set that base64 leaves over; unchanged where it leaves none.
fn raise_trailing_bits(segment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = segment.chars().last().expect("a segment is not empty");
    let place = ALPHABET.find(last).expect("a segment is base64url");
    let other = if segment.len().is_multiple_of(4) { place } else { place + 1 };
    format!("{}{}", &segment[..segment.len() - 1], &ALPHABET[other..=other])
}

/// Changes what segments there are, of a token that is signed.
pub(super) fn change_segments(numbers: &mut Numbers, token: String) -> (&'static str, String) {
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("not three segments") };
    let changed = match numbers.below(13) {
        0 => format!("{header}.{claims}"),
        1 => format!("{header}.{claims}."),
        2 => format!("{header}..{signature}"),
        3 => format!(".{claims}.{signature}"),
        4 => format!("{token}."),
        5 => format!(".{token}"),
        6 => format!("{token}.{signature}"),
        7 => format!("{header}.{claims}.{signature}.AAAA.AAAA"),
        8 => format!("{claims}.{header}.{signature}"),
        9 => format!("{header}{claims}{signature}"),
        10 => json!({ "protected": header, "payload": claims, "signature": signature })
            .to_string()
            .replace(' ', ""),
        11 => format!("{token}{}", "A".repeat(17_000)),
        _ => return ("nothing", token),
    };
    ("segments", changed)
}

/// A signature of `input` that is not quite one, as base64url.
pub(super) fn change_signature(numbers: &mut Numbers, key: &Key, input: &str) -> String {
    let mut signature = key.signature(input.as_bytes());
    let length = signature.len();
    match numbers.below(9) {
        0 => signature[numbers.below(length)] ^= 1 << numbers.below(8),
        1 => signature.truncate(numbers.below(length)),
        2 => signature.push(0),
        3 => signature.insert(0, 0),
        4 => signature.fill(0),
        5 => signature.reverse(),
        6 => signature = [&signature[length / 2..], &signature[..length / 2]].concat(),
        7 => return raise_trailing_bits(&encode(&signature)),
        _ => return encode(&signature) + "=",
    }
    encode(&signature)
}
