//! As much of HPACK (RFC 7541) as a request needs, and the status of an answer.

use crate::raw::Fields;

/// Index of `:status` in the static table (RFC 7541 appendix A); 8 to 14 are this name with a value.
const STATUS: u8 = 8;

/// The statuses that stand in the static table, from [`STATUS`] on.
const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// Writes `fields` as literals without indexing, names included (RFC 7541 §6.2.2).
pub(super) fn encode(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::with_capacity(fields.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

/// A string without Huffman codes (RFC 7541 §5.2), its length as an integer with a prefix of 7 bits (§5.1).
fn string(block: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("below 127"));
    } else {
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128 + 128).expect("a byte"));
            rest /= 128;
        }
        block.push(u8::try_from(rest).expect("below 128"));
    }
    block.extend_from_slice(bytes);
}

/// The status at the start of a field block; `None` where it does not begin with one, as trailers do not.
///
/// With a dynamic table of size 0, names are in the static table.
pub(super) fn status(mut block: &[u8]) -> Option<u16> {
    // Changes of the table's size come first (§6.3); ours is 0, in one byte.
    while let [first, rest @ ..] = block
        && first & 0xe0 == 0x20
    {
        block = rest;
    }
    let (first, rest) = block.split_first()?;
    if first & 0x80 != 0 {
        return KNOWN.get(usize::from((first & 0x7f).checked_sub(STATUS)?)).copied();
    }
    // With, without and never indexing (§6.2) differ in their first bits only.
    let index = if first & 0x40 != 0 { first & 0x3f } else { first & 0x0f };
    if !(STATUS..STATUS + 7).contains(&index) {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let value = rest.get(..usize::from(length & 0x7f))?;
    if length & 0x80 == 0 { std::str::from_utf8(value).ok()?.parse().ok() } else { huffman_digits(value) }
}

/// Three digits in the Huffman code of RFC 7541 appendix B: 0 to 2 have 5 bits, the others 6.
fn huffman_digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u16, |number, bit| number * 2 + u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let short = number(bits.get(at..at + 5)?);
        let digit = if short <= 2 {
            at += 5;
            short
        } else {
            let long = number(bits.get(at..at + 6)?);
            at += 6;
            long.checked_sub(0b01_1001)?.checked_add(3).filter(|digit| *digit <= 9)?
        };
        status = status * 10 + digit;
    }
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::{encode, status};

    #[test]
    fn reads_every_form_of_a_status() {
        for (block, expected) in [
            (&[0x88][..], Some(200)),
            (&[0x20, 0x8c], Some(400)),
            (b"\x48\x03401", Some(401)),
            (b"\x08\x03503", Some(503)),
            // RFC 7541 appendix C.6.1: 302, there with indexing.
            (&[0x48, 0x82, 0x64, 0x02], Some(302)),
            (&[0x48, 0x83, 0x64, 0x0e, 0xff], Some(307)),
            (b"\x00\x01a\x01b", None),
            (b"", None),
        ] {
            assert_eq!(status(block), expected, "{block:02x?}");
        }
    }

    #[test]
    fn writes_lengths_of_any_size() {
        let field = |length: usize| encode(&vec![(b"a".to_vec(), vec![b'b'; length])]);
        assert_eq!(field(2), b"\x00\x01a\x02bb");
        assert_eq!(field(126)[3], 126);
        assert_eq!(field(127)[3..5], [127, 0]);
        // RFC 7541 appendix C.1.2 has 1337 with a prefix of 5 bits: 31 there is 127 here.
        assert_eq!(field(1337 - 31 + 127)[3..6], [127, 154, 10]);
    }
}
