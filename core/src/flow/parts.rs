//! Query parameters and cookies: taken apart, and put together again without some of them. What stays keeps its bytes.
//!
//! Deliberately absent: decoding of values. A token needs no escapes, so one that has them is malformed.

use alloc::{string::String, vec::Vec};

/// A query parameter or a cookie, as it stands there.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// All of it, for a cookie with the space around it.
    whole: &'a [u8],
    name: &'a [u8],
    /// Whether `%` escapes a byte of the name.
    is_escaped: bool,
    /// What follows the first `=`.
    pub(super) value: &'a [u8],
}

/// The parameters of `path`, whose query begins at the first `?`.
pub(super) fn parameters(path: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let query = split_query(path).map(|(_, query)| query);
    query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&')).map(|whole| {
        let (name, value) = split_value(whole);
        Part { whole, name, is_escaped: true, value }
    })
}

/// The cookies of one `cookie` value (RFC 6265 §4.2.1).
pub(super) fn cookies(value: &[u8]) -> impl Iterator<Item = Part<'_>> {
    value.split(|byte| *byte == b';').map(|whole| {
        let (name, value) = split_value(whole.trim_ascii());
        Part { whole, name: name.trim_ascii_end(), is_escaped: false, value: value.trim_ascii_start() }
    })
}

/// `path` without the parameters `names`, or `None` if it has none of them.
pub(super) fn without_parameters(path: &[u8], names: &[String]) -> Option<Vec<u8>> {
    if !parameters(path).any(|parameter| parameter.is_any_of(names)) {
        return None;
    }
    let (before, _) = split_query(path)?;
    let kept = parameters(path).filter(|parameter| !parameter.is_any_of(names));
    let kept: Vec<&[u8]> = kept.map(|parameter| parameter.whole).collect();
    // `?` goes with the last parameter.
    let query = kept.join(&b'&');
    let mark: &[u8] = if kept.is_empty() { b"" } else { b"?" };
    Some([before, mark, &query].concat())
}

/// All `cookie` values as one without the cookies `names`, or `None` if they hold none of them. Empty if nothing stays.
pub(super) fn without_cookies<'a>(
    values: impl Iterator<Item = &'a [u8]> + Clone,
    names: &[String],
) -> Option<Vec<u8>> {
    if !values.clone().flat_map(cookies).any(|cookie| cookie.is_any_of(names)) {
        return None;
    }
    let kept = values.map(|value| {
        let kept: Vec<&[u8]> =
            cookies(value).filter(|cookie| !cookie.is_any_of(names)).map(|cookie| cookie.whole).collect();
        kept.join(&b';').trim_ascii_start().to_vec()
    });
    let kept: Vec<Vec<u8>> = kept.filter(|value| !value.is_empty()).collect();
    Some(kept.join(&b"; "[..]))
}

// === impl Part ===

impl Part<'_> {
    /// Whether it has one of these names, in any spelling that a server reads as that name.
    pub(super) fn is_any_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| {
            if self.is_escaped { unescaped(self.name).eq(name.bytes()) } else { self.name == name.as_bytes() }
        })
    }
}

/// RFC 3986 §2.1. What is no escape stands for itself.
fn unescaped(name: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = name;
    core::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (digit(*high) << 4 | digit(*low), after)
            }
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

/// Of a hexadecimal digit.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte.wrapping_sub(b'0'),
        _ => byte.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    }
}

fn split_query(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().position(|byte| *byte == b'?')?;
    let (before, query) = path.split_at_checked(at)?;
    Some((before, query.get(1..)?))
}

fn split_value(whole: &[u8]) -> (&[u8], &[u8]) {
    let at = whole.iter().position(|byte| *byte == b'=').unwrap_or(whole.len());
    let (name, value) = whole.split_at_checked(at).unwrap_or((whole, &[]));
    (name, value.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::{string::String, vec::Vec};

    use super::{parameters, without_cookies, without_parameters};

    fn names() -> Vec<String> {
        ["access_token", "t"].map(String::from).to_vec()
    }

    #[test]
    fn parameters_that_stay_keep_their_bytes() {
        for (path, expected) in [
            (&b"/a?access_token=T"[..], Some(&b"/a"[..])),
            (b"/a?access_token=T&b=%2f", Some(b"/a?b=%2f")),
            (b"/a?b=1&access_token=T", Some(b"/a?b=1")),
            (b"/a?b=1&access_token=T&c=+&&d", Some(b"/a?b=1&c=+&&d")),
            (b"/a?access_token=T&", Some(b"/a?")),
            (b"/a?&access_token=T", Some(b"/a?")),
            (b"/a?access_token=T&x=1&t=U&access_token", Some(b"/a?x=1")),
            (b"/a?access%5Ftoken=T&b", Some(b"/a?b")),
            (b"/a?%61%63cess%5ftoken=T", Some(b"/a")),
            (b"/a?b?access_token=1&t=2", Some(b"/a?b?access_token=1")),
            (b"/a?\xff\x00&t=\xfe", Some(b"/a?\xff\x00")),
            (b"/a", None),
            (b"/a?", None),
            (b"/a?Access_token=1&access_token1=2&xt=3&b=access_token", None),
            (b"/access_token=1", None),
            (b"/a?access%255Ftoken=1&access_token%=2&t%0=3&%", None),
            (b"", None),
        ] {
            assert_eq!(without_parameters(path, &names()).as_deref(), expected, "{path:?}");
        }
        assert_eq!(without_parameters(b"/a?t=1", &[]), None);
    }

    #[test]
    fn a_parameter_has_all_after_the_first_equals_sign() {
        let values = |path| parameters(path).map(|parameter| parameter.value).collect::<Vec<_>>();
        assert_eq!(values(b"/a?t=a=b==&t&t="), [&b"a=b=="[..], b"", b""]);
    }

    #[test]
    fn cookies_that_stay_keep_their_bytes() {
        for (values, expected) in [
            (&[&b"t=T"[..]][..], Some(&b""[..])),
            (&[b"t=T; a=1"], Some(b"a=1")),
            (&[b"a=1; t=T"], Some(b"a=1")),
            (&[b"a=1;t=T;  b=\"2\""], Some(b"a=1;  b=\"2\"")),
            (&[b"t=T; "], Some(b"")),
            (&[b"a=1; t=T;"], Some(b"a=1;")),
            (&[b" t = T ;a"], Some(b"a")),
            (&[b"a=1", b"t=T", b"b=2; t=U"], Some(b"a=1; b=2")),
            (&[b"a=\xff; t=\xfe"], Some(b"a=\xff")),
            (&[b"T=1; tt=2; a=t=3; %74=4"], None),
            (&[], None),
        ] {
            let kept = without_cookies(values.iter().copied(), &names());
            assert_eq!(kept.as_deref(), expected, "{values:?}");
        }
    }
}
