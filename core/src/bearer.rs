//! The form of a credential: in `authorization`, or bare as other carriers hold it. Deliberately absent: where those are.

use core::fmt;

use crate::denial::Denial;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

const SCHEME: &[u8] = b"bearer";

/// What the `authorization` values of a request hold. `Debug` hides the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing was sent.
    None,
    /// A bearer token (RFC 6750 §2.1); its bytes are token68.
    Bearer(&'a [u8]),
    /// A credential of another scheme, such as `Basic`.
    OtherScheme,
}

/// Takes the one credential of a request.
///
/// `values` are all `authorization` values of the request as bytes. The scheme is case-insensitive; one or more
/// spaces and exactly one token follow it.
///
/// Refuses more than one value ([`Denial::MultipleTokens`]), a token above [`MAX_TOKEN_BYTES`]
/// ([`Denial::TokenTooLarge`], decided before its bytes are looked at) and any other form
/// ([`Denial::TokenMalformed`]).
pub fn extract<'a>(values: &[&'a [u8]]) -> Result<Credential<'a>, Denial> {
    let value = match values {
        [] => return Ok(Credential::None),
        [value] => *value,
        [_, _, ..] => return Err(Denial::MultipleTokens),
    };
    let (scheme, rest) = split_scheme(value);
    if scheme.is_empty() || !scheme.iter().all(|byte| is_tchar(*byte)) {
        return Err(Denial::TokenMalformed);
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return if hides_bearer(rest) { Err(Denial::MultipleTokens) } else { Ok(Credential::OtherScheme) };
    }
    let token = skip_spaces(rest);
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Denial::TokenTooLarge);
    }
    if is_token68(token) { Ok(Credential::Bearer(token)) } else { Err(Denial::TokenMalformed) }
}

/// Takes a token that stands for itself: in another header, a query parameter or a cookie.
///
/// Refuses as [`extract`] does, and takes a comma for what joins two of them.
pub fn bare(value: &[u8]) -> Result<&[u8], Denial> {
    if value.len() > MAX_TOKEN_BYTES {
        return Err(Denial::TokenTooLarge);
    }
    match value {
        token if is_token68(token) => Ok(token),
        joined if joined.contains(&b',') => Err(Denial::MultipleTokens),
        _ => Err(Denial::TokenMalformed),
    }
}

/// What follows `Bearer ` where there is exactly one value, whatever its form: enough to look for a known token.
pub fn sole<'a>(values: &[&'a [u8]]) -> Option<&'a [u8]> {
    match values {
        [value] => value.strip_prefix(b"Bearer "),
        _ => None,
    }
}

/// The bytes before the first space, and those from it on.
fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    value.split_at_checked(end).unwrap_or((value, &[]))
}

fn skip_spaces(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether a bearer credential follows a comma. Envoy joins repeated headers with one, so `Basic a,Bearer b` may be
/// two credentials; an upstream could pick the second.
fn hides_bearer(rest: &[u8]) -> bool {
    rest.split(|byte| *byte == b',').skip(1).any(|part| {
        let part = part.trim_ascii_start();
        let (scheme, _) = split_scheme(part);
        scheme.eq_ignore_ascii_case(SCHEME)
    })
}

/// RFC 9110 §5.6.2.
const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// RFC 9110 §11.2: one or more of the alphabet, then any number of `=`.
fn is_token68(token: &[u8]) -> bool {
    let mut body = token;
    while let [rest @ .., b'='] = body {
        body = rest;
    }
    let fits = |byte: &u8| TOKEN68.get(usize::from(*byte)).is_some_and(|fits| *fits);
    // Nearly every token is one: stopping early would only cost a branch for each byte.
    !body.is_empty() && body.iter().fold(true, |all, byte| all & fits(byte))
}

/// Which bytes may stand in a token68, looked up because every byte of every new token is.
static TOKEN68: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler; a byte is within 256 entries"
        )]
        {
            table[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        }
        byte = byte.saturating_add(1);
    }
    table
};

// === impl Credential ===

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer([secret])",
            Self::OtherScheme => "OtherScheme",
        })
    }
}

#[cfg(test)]
mod tests;
