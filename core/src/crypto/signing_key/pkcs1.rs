//! The public half of an RSA key in PKCS#8. Read by hand: all that a signer here needs of it is two numbers, and a parser
//! of whole keys would be a tenth of the module.

use alloc::string::String;

use serde_json::{Map, Value};

use crate::encoding;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
/// `rsaEncryption` with its parameters NULL (RFC 8017 appendix A.1).
const RSA: [u8; 13] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The members of its JWK; `None` for anything that is no RSA key in PKCS#8 DER (RFC 5958 §2, RFC 8017 appendix A.1.2).
pub(super) fn public_members(der: &[u8]) -> Option<Map<String, Value>> {
    let (info, []) = value(SEQUENCE, der)? else { return None };
    let (_version, rest) = value(INTEGER, info)?;
    let (algorithm, rest) = value(SEQUENCE, rest)?;
    if algorithm != RSA {
        return None;
    }
    let (document, _attributes) = value(OCTETS, rest)?;
    let (key, []) = value(SEQUENCE, document)? else { return None };
    let (_version, rest) = value(INTEGER, key)?;
    let (n, rest) = value(INTEGER, rest)?;
    let (e, _private) = value(INTEGER, rest)?;
    let mut members = Map::new();
    members.insert("kty".into(), "RSA".into());
    for (name, number) in [("n", n), ("e", e)] {
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        members.insert(name.into(), encoding::base64url(number).into());
    }
    Some(members)
}

/// The contents of the first element, if it has this tag, and what follows it. Lengths of up to 65,535.
fn value(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes.strip_prefix(&[tag])? {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}
