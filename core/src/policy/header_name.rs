//! Names of headers that configuration may use, and the identity headers that clients may not send (law 8).

use alloc::{string::String, vec::Vec};

/// The longest header name that configuration may use, in bytes.
pub const MAX_HEADER_NAME_BYTES: usize = 63;

/// Headers that begin like this are always ours.
const PREFIX: &[u8] = b"x-cambist-";

/// Headers with a meaning of their own, hop by hop (RFC 9110 §7.6.1) or on the way to us: neither a token nor a claim
/// can stand in them.
const TAKEN: [&str; 18] = [
    "access-control-request-method",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers that only the gateway sets. They are removed from every request, whatever becomes of it.
#[derive(Debug, Default)]
pub struct IdentityHeaders {
    /// Lower case, `-` between words.
    names: Vec<String>,
    /// Bit `n` is set if a name has `n` bytes.
    lengths: u64,
}

// === impl IdentityHeaders ===

impl IdentityHeaders {
    /// Adds the header `name`, which must have at most [`MAX_HEADER_NAME_BYTES`].
    pub(super) fn add(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.lengths |= bit(name.len());
            self.names.push(name.into());
        }
    }

    /// How many there are beside the reserved ones.
    pub(super) const fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether `name` is one of them in any spelling: any case, and anything but letters and digits for a `-`,
    /// because servers that hand headers on as variables take them for one.
    pub fn contains(&self, name: &[u8]) -> bool {
        is_reserved(name)
            || (self.lengths & bit(name.len()) != 0
                && self.names.iter().any(|known| is_spelling(name, known.as_bytes())))
    }
}

/// Whether `name` begins with `x-cambist-` in any spelling: an identity header under every policy and without one.
pub fn is_reserved(name: &[u8]) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| is_spelling(start, PREFIX))
}

/// Whether configuration may name this header: 1 to [`MAX_HEADER_NAME_BYTES`] of a-z, 0-9 and what `more` holds,
/// starting with a letter or digit, and none that HTTP or Envoy needs.
pub(super) fn is_usable(name: &str, more: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MAX_HEADER_NAME_BYTES
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || more.contains(&byte))
        && !TAKEN.contains(&name)
        && !name.starts_with("x-envoy-")
}

/// `known` is in its plain form.
fn is_spelling(name: &[u8], known: &[u8]) -> bool {
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.len() == known.len() && name.iter().map(plain).eq(known.iter().copied())
}

/// 0 for lengths that no name has.
const fn bit(length: usize) -> u64 {
    if length < 64 { 1 << length } else { 0 }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{IdentityHeaders, MAX_HEADER_NAME_BYTES, TAKEN, is_reserved, is_usable};

    #[test]
    fn knows_every_spelling() {
        let mut headers = IdentityHeaders::default();
        headers.add("x-user-id");
        let spellings = [
            "x-user-id",
            "X-User-Id",
            "X-USER-ID",
            "x_user_id",
            "X_USER_ID",
            "x-user_id",
            "x_user-id",
            "x.user.id",
            "x-cambist-subject",
            "X-Cambist-Subject",
            "x_cambist_subject",
            "x-cambist_subject",
            "x.cambist-a",
            "x-cambist-",
        ];
        for name in spellings {
            assert!(headers.contains(name.as_bytes()), "{name}");
        }
        assert!(headers.contains(b"x\xffuser\xffid"));
        for name in [
            "x-userid",
            "x-user-i",
            "x-user-id-",
            "xx-user-id",
            "user-id",
            "",
            "x-cambistsubject",
            "x-cambis",
            "authorization",
            "y-x-cambist-subject",
        ] {
            assert!(!headers.contains(name.as_bytes()), "{name}");
        }
        assert!(!IdentityHeaders::default().contains(b"x-user-id"));
        assert!(is_reserved(b"X_Cambist_Subject") && !is_reserved(b"x-user-id"));
    }

    #[test]
    fn long_names_are_none() {
        let mut headers = IdentityHeaders::default();
        let longest = "a".repeat(MAX_HEADER_NAME_BYTES);
        headers.add(&longest);
        assert!(headers.contains(longest.as_bytes()));
        for length in [MAX_HEADER_NAME_BYTES + 1, 127, 128, 1_000] {
            assert!(!headers.contains("a".repeat(length).as_bytes()), "{length}");
        }
    }

    #[test]
    fn configuration_names_only_headers_of_its_own() {
        for name in ["x-user", "identity-exchange-token", "0"] {
            assert!(is_usable(name, b"-"), "{name}");
        }
        assert!(is_usable("a.b_c", b"-._"));
        for name in ["", "X-User", ":path", "-a", "a_b", "a b", "a\r", "\u{e9}", &"a".repeat(64)] {
            assert!(!is_usable(name, b"-"), "{name}");
        }
        for name in TAKEN.into_iter().chain(["x-envoy-retry-on"]) {
            assert!(!is_usable(name, b"-"), "{name}");
        }
    }
}
