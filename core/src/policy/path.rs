//! The canonical form of a request path (attacks R7, R8). Deliberately absent: repair; what is not canonical is refused.

/// The path of `target` without its query, if it already is in canonical form.
///
/// Canonical: origin-form, visible ASCII, no empty, `.` or `..` segment, no `\`, `;` or `#`, and percent-encoding
/// (upper-case hex) only of bytes that are neither unreserved nor `/`, `\`, `;`, `%`, NUL or another control.
/// A trailing `/` is kept: it is a different path.
pub fn canonical_path(target: &[u8]) -> Option<&str> {
    let end = target.iter().position(|b| *b == b'?').unwrap_or(target.len());
    let path = core::str::from_utf8(target.get(..end)?).ok()?;
    if !path.starts_with('/') || !path.bytes().all(is_plain) || !escapes_are_canonical(path.as_bytes()) {
        return None;
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !last) {
            return None;
        }
    }
    Some(path)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'\\' | b';' | b'#' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn escapes_are_canonical(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let Some((escape, after)) = rest.get(at..).and_then(|tail| tail.split_at_checked(3)) else {
            return false;
        };
        let [_, high, low] = escape else { return false };
        let (Some(high), Some(low)) = (hex_upper(*high), hex_upper(*low)) else { return false };
        if must_not_be_escaped(high << 4 | low) {
            return false;
        }
        rest = after;
    }
    true
}

const fn must_not_be_escaped(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte.is_ascii_control()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'\\' | b';' | b'%' | b'#' | b'?')
}

const fn hex_upper(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::canonical_path;

    #[test]
    fn keeps_canonical_paths() {
        for path in ["/", "/a", "/a/", "/a/b.c", "/a%20b", "/%C3%A9", "/a:b@c,d", "/..a/b.."] {
            assert_eq!(canonical_path(path.as_bytes()), Some(path));
        }
        assert_eq!(canonical_path(b"/a?b=/../c"), Some("/a"));
    }

    #[test]
    fn refuses_every_other_spelling() {
        for path in [
            &b""[..],
            b"*",
            b"a",
            b"//",
            b"/a//b",
            b"/./a",
            b"/a/.",
            b"/a/../b",
            b"/..",
            b"/a;x=y",
            b"/a\\b",
            b"/a#b",
            b"/%2e",
            b"/%2E",
            b"/%2F",
            b"/%2f",
            b"/%5C",
            b"/%00",
            b"/%61",
            b"/%c3%a9",
            b"/%",
            b"/%2",
            b"/%zz",
            b"/%25",
            b"/%3B",
            b"/%3F",
            b"/a b",
            b"/\xff",
            b"/a\x00",
            b"http://h/a",
        ] {
            assert_eq!(canonical_path(path), None, "{path:?}");
        }
    }
}
