//! Request paths, and the choice of a route by them.

use std::sync::OnceLock;

use cambist_core::policy::{Policy, canonical_path, compile_document};

use super::snapshot::NoSecrets;

/// A policy with routes of every form.
const POLICY: &[u8] = include_bytes!("../corpus/snapshot/document.json");

/// The input is the target of a request.
///
/// A path that is canonical stays so, is where it stands in the target, and means the same to a reader that decodes it:
/// no segment appears, vanishes or climbs. Whatever it is, a route is chosen or refused.
pub fn path(data: &[u8]) {
    let Some(path) = canonical_path(data) else { return };
    assert_eq!(canonical_path(path.as_bytes()), Some(path), "the canonical path has another one");
    assert!(data.starts_with(path.as_bytes()) && path.starts_with('/'));
    assert!(data.len() == path.len() || data[path.len()] == b'?', "the path ends before its end");
    let decoded = decoded(path.as_bytes());
    let segments = |bytes: &[u8]| bytes.split(|byte| *byte == b'/').count();
    assert_eq!(segments(&decoded), segments(path.as_bytes()), "a segment was hidden");
    for (number, segment) in decoded.split(|byte| *byte == b'/').enumerate().skip(1) {
        let last = number + 1 == segments(&decoded);
        assert!(!segment.is_empty() || last, "an empty segment was read");
        assert!(segment != b"." && segment != b"..", "a segment climbs");
    }
    assert!(!decoded.iter().any(|byte| byte.is_ascii_control() || b"\\;?#%".contains(byte)));
    let policy = policy();
    for host in ["api.example", "a.b.example", "", "..", "other"] {
        for method in ["GET", "POST", ""] {
            if let Ok(route) = policy.routes().find(host, path, method) {
                assert!(fits(&route.id, path), "{path} was taken for the route {}", route.id);
            }
        }
    }
}

fn policy() -> &'static Policy {
    static COMPILED: OnceLock<Policy> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let document = serde_json::from_slice(POLICY).expect("the document is read");
        compile_document(document, "edge", &NoSecrets).unwrap_or_else(|faults| panic!("{faults}"))
    })
}

/// Whether a route of the document, by its id, is for `path`.
fn fits(id: &str, path: &str) -> bool {
    match id {
        "exact" => path == "/exact",
        "template" => {
            let parts: Vec<_> = path.split('/').collect();
            matches!(parts[..], ["", "orders", order, "items"] if !order.is_empty())
        }
        "prefix" => path == "/shop" || path.starts_with("/shop/"),
        "everything" | "elsewhere" => true,
        other => panic!("the document has no route {other}"),
    }
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        if let ([high, low, after @ ..], b'%') = (tail, first) {
            let digits = hex(*high).zip(hex(*low)).expect("a canonical escape has two digits");
            decoded.push(digits.0 * 16 + digits.1);
            rest = after;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    decoded
}
