//! Bytes as text: base64 as JOSE and PKCS#8 write it, hexadecimal and base32.

use alloc::{string::String, vec::Vec};

use base32ct::{Base32Unpadded, Encoding as _};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// `bytes` as base64url without padding (RFC 7515 §2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Adds `bytes` to `text` as base64url without padding.
pub(crate) fn push_base64url(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// How long `bytes` bytes are as base64url without padding, or one or two more.
pub(crate) const fn base64url_length(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

/// What `text` is base64url of; `None` where it has padding, foreign characters or trailing bits that are not zero, so
/// that nothing has two spellings.
pub(crate) fn from_base64url(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// `bytes` as base64 with padding (RFC 4648 §4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What `text` is base64 of, padding included (RFC 4648 §4).
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// `bytes` in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// `bytes` in upper-case hexadecimal, as percent-encoding wants it (RFC 3986 §2.1).
pub(crate) fn hex_upper(bytes: &[u8]) -> String {
    base16ct::upper::encode_string(bytes)
}

/// `bytes` as base32 in lower case without padding (RFC 4648 §6).
pub(crate) fn base32(bytes: &[u8]) -> String {
    Base32Unpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::{vec, vec::Vec};

    use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

    use super::*;
    use crate::fixture::Numbers;

    /// Texts of every length, and what another library makes of them.
    #[test]
    fn agrees_with_another_library() {
        let mut numbers = Numbers::seeded(1);
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|_| numbers.next().to_le_bytes()[7]).collect();
            assert_eq!(base64url(&bytes), BASE64URL_NOPAD.encode(&bytes));
            assert_eq!(base64(&bytes), BASE64.encode(&bytes));
            assert_eq!(hex(&bytes), HEXLOWER.encode(&bytes));
            assert_eq!(hex_upper(&bytes), HEXUPPER.encode(&bytes));
            assert_eq!(base32(&bytes), BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
            assert_eq!(from_base64url(BASE64URL_NOPAD.encode(&bytes).as_bytes()), Some(bytes.clone()));
            assert_eq!(from_base64(BASE64.encode(&bytes).as_bytes()), Some(bytes));
        }
    }

    /// Every text of up to four characters of the alphabet's edges is taken or refused as the other library does.
    #[test]
    fn takes_exactly_the_canonical_texts() {
        let alphabet = b"AQgwZaz09-_+/= \n\0\x80";
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..4 {
            let longer = texts.iter().flat_map(|text| {
                alphabet.iter().map(move |byte| text.iter().copied().chain([*byte]).collect())
            });
            let longer: Vec<Vec<u8>> = longer.collect();
            for text in &longer {
                assert_eq!(from_base64url(text), BASE64URL_NOPAD.decode(text).ok(), "{text:?}");
            }
            texts = longer;
        }
    }
}
