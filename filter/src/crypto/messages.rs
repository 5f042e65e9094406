//! The protobuf messages of Envoy's `verify_signature` and `sign`: a handful of length-delimited fields.

const LENGTH_DELIMITED: u8 = 2;
const VARINT: u8 = 0;

/// `VerifySignatureArguments`: hash 1, DER public key 2, signature 3, text 4.
pub(super) fn verify_arguments(hash: &str, spki: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    message(&[(1, hash.as_bytes()), (2, spki), (3, signature), (4, text)])
}

/// `SignArguments`: hash 1, DER private key 2, text 3.
pub(super) fn sign_arguments(hash: &str, pkcs8: &[u8], text: &[u8]) -> Vec<u8> {
    message(&[(1, hash.as_bytes()), (2, pkcs8), (3, text)])
}

/// Whether a `VerifySignatureResult` says true in field 1, which it leaves out for false; `None` if it is malformed.
pub(super) fn verdict(answer: &[u8]) -> Option<bool> {
    fields(answer).map(|(result, _)| result)
}

/// The signature (field 2) of a `SignResult` that says true in field 1.
pub(super) fn signature(answer: &[u8]) -> Option<&[u8]> {
    fields(answer)
        .filter(|(result, signature)| *result && !signature.is_empty())
        .map(|(_, signature)| signature)
}

fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let size = fields.iter().map(|(_, value)| value.len().saturating_add(6)).sum();
    let mut bytes = Vec::with_capacity(size);
    for (number, value) in fields {
        bytes.push(number << 3 | LENGTH_DELIMITED);
        let mut length = value.len();
        while length >= 0x80 {
            bytes.push(low_seven_bits(length) | 0x80);
            length >>= 7;
        }
        bytes.push(low_seven_bits(length));
        bytes.extend_from_slice(value);
    }
    bytes
}

fn low_seven_bits(length: usize) -> u8 {
    u8::try_from(length & 0x7f).unwrap_or_default()
}

/// Field 1 as a bool and field 2 as bytes; `None` if the message is malformed.
fn fields(mut rest: &[u8]) -> Option<(bool, &[u8])> {
    let (mut result, mut payload) = (false, &[][..]);
    while let Some((tag, after)) = rest.split_first() {
        if *tag & 0x80 != 0 {
            // A field number above 15, which neither message has.
            return None;
        }
        let (value, after) = varint(after)?;
        rest = after;
        match (tag >> 3, tag & 7) {
            (1, VARINT) => result = value == 1,
            (_, VARINT) => {}
            (number, LENGTH_DELIMITED) => {
                let (bytes, after) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                rest = after;
                if number == 2 {
                    payload = bytes;
                }
            }
            _ => return None,
        }
    }
    Some((result, payload))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = bytes;
    for shift in [0_u32, 7, 14, 21, 28] {
        let (byte, after) = rest.split_first()?;
        rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_lengths_of_more_than_seven_bits() {
        let text = [7_u8; 300];
        let bytes = verify_arguments("sha256", &[1, 2], &[3], &text);
        assert_eq!(bytes[..8], [0x0a, 6, b's', b'h', b'a', b'2', b'5', b'6']);
        assert_eq!(bytes[8..15], [0x12, 2, 1, 2, 0x1a, 1, 3]);
        assert_eq!(bytes[15..18], [0x22, 0xac, 0x02]);
        assert_eq!(bytes.len(), 18 + 300);
    }

    #[test]
    fn accepts_only_an_explicit_true() {
        assert_eq!(verdict(&[0x08, 0x01]), Some(true));
        for answer in [
            &[][..],
            &[0x08],
            &[0x08, 0x00],
            &[0x08, 0x02],
            &[0x10, 0x01],
            &[0x0a, 0x01],
            &[0x08, 0x81, 0x80],
            &[0x88, 0x01, 0x01],
        ] {
            assert_ne!(verdict(answer), Some(true), "{answer:?}");
        }
        let mut refusal = vec![0x12, 3];
        refusal.extend_from_slice(b"no.");
        assert_eq!(verdict(&refusal), Some(false));
    }

    #[test]
    fn takes_a_signature_only_with_success() {
        assert_eq!(signature(&[0x08, 1, 0x12, 2, 9, 8]), Some(&[9, 8][..]));
        assert_eq!(signature(&[0x12, 2, 9, 8]), None);
        assert_eq!(signature(&[0x08, 1]), None);
        assert_eq!(signature(&[0x08, 1, 0x12, 200, 1]), None);
    }
}
