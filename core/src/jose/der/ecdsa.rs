//! `Ecdsa-Sig-Value` (RFC 3279 §2.2.3): two positive INTEGERs in a SEQUENCE, in the one way that DER allows.
//!
//! Every ES256 token goes through here, and every token that is minted: the library's way, which makes field elements
//! of the numbers, is a twentieth of a mint. Deliberately absent: curves; a number is in range or not.

use alloc::vec::Vec;

/// The order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3).
pub(super) const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of P-384 (SP 800-186 §3.2.1.4).
pub(super) const P384_ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
    0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// From here on a length takes more than a byte; no signature of these curves is so long.
const LONG: usize = 0x80;

/// The ASN.1 form of `r‖s`; `None` unless both have the length of `order` and are in [1, `order`).
pub(super) fn der_from_raw<const N: usize>(raw: &[u8], order: &[u8; N]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_first_chunk::<N>()?;
    let s: &[u8; N] = s.try_into().ok()?;
    let mut der = Vec::with_capacity(raw.len().saturating_add(8));
    der.extend_from_slice(&[SEQUENCE, 0]);
    for number in [r, s] {
        if !is_in_range(number, order) {
            return None;
        }
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = number.get(zeros..)?;
        // The first bit of an INTEGER is its sign.
        let sign: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
        der.push(INTEGER);
        der.push(u8::try_from(sign.len().saturating_add(digits.len())).ok()?);
        der.extend_from_slice(sign);
        der.extend_from_slice(digits);
    }
    let length = der.len().checked_sub(2).filter(|length| *length < LONG)?;
    *der.get_mut(1)? = u8::try_from(length).ok()?;
    Some(der)
}

/// `r` and `s` of the ASN.1 form; `None` unless it is strict DER and both are in [1, `order`).
pub(super) fn numbers_from_der<const N: usize>(der: &[u8], order: &[u8; N]) -> Option<([u8; N], [u8; N])> {
    let (content, rest) = element(der, SEQUENCE)?;
    let (r, content) = element(content, INTEGER)?;
    let (s, content) = element(content, INTEGER)?;
    (rest.is_empty() && content.is_empty()).then_some((number(r, order)?, number(s, order)?))
}

/// The content of the element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ([known, length], rest) = der.split_first_chunk::<2>()?;
    let length = usize::from(*length);
    if *known != tag || length >= LONG { None } else { rest.split_at_checked(length) }
}

fn number<const N: usize>(integer: &[u8], order: &[u8; N]) -> Option<[u8; N]> {
    let is_negative = |digits: &[u8]| digits.first().is_some_and(|byte| byte & 0x80 != 0);
    let digits = match integer {
        // A zero in front stands only where the number would be negative without.
        [0, digits @ ..] if is_negative(digits) => digits,
        [0, ..] | [] => return None,
        digits if is_negative(digits) => return None,
        digits => digits,
    };
    let mut number = [0; N];
    number.get_mut(N.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    is_in_range(&number, order).then_some(number)
}

fn is_in_range<const N: usize>(number: &[u8; N], order: &[u8; N]) -> bool {
    number < order && number.iter().any(|byte| *byte != 0)
}
