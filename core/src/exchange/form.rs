//! `application/x-www-form-urlencoded`, strictly read (RFC 6749 Appendix B). Deliberately absent: what parameters mean.

use alloc::{string::String, vec::Vec};

use crate::denial::Denial;

/// The longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most parameters of a body.
pub const MAX_PARAMETERS: usize = 64;

/// Parameters that may be repeated (RFC 8693 §2.1); all others must not (RFC 6749 §3.2).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters of a body, in its order. They hold credentials, so it has no `Debug`.
pub struct Form(Vec<(String, String)>);

/// Whether `content_type` is `essence`, in UTF-8 if it says so at all.
pub fn is_content_type(content_type: &[u8], essence: &str) -> bool {
    let mut parts = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let is_it = parts.next().is_some_and(|first| first.eq_ignore_ascii_case(essence.as_bytes()));
    is_it
        && parts.all(|parameter| {
            let (name, value) = split(parameter, b'=');
            let value = value.unwrap_or_default();
            let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            !name.eq_ignore_ascii_case(b"charset") || bare.eq_ignore_ascii_case(b"utf-8")
        })
}

/// One name or value: `+` is a space, `%` and two hex digits are a byte, all bytes together are UTF-8.
///
/// Refuses anything else with [`Denial::RequestMalformed`].
pub fn decode(text: &[u8]) -> Result<String, Denial> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err(Denial::RequestMalformed);
                };
                u8::try_from(high << 4 | low).map_err(|_| Denial::RequestMalformed)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Denial::RequestMalformed)
}

// === impl Form ===

impl Form {
    /// Reads a body.
    ///
    /// Refuses one above [`MAX_BODY_BYTES`] ([`Denial::RequestTooLarge`]), more than [`MAX_PARAMETERS`] parameters, an
    /// escape or bytes that are no text ([`Denial::RequestMalformed`]), and a name that stands twice
    /// ([`Denial::DuplicateParameter`]), unless it is one of the two that may.
    pub fn parse(body: &[u8]) -> Result<Self, Denial> {
        if body.len() > MAX_BODY_BYTES {
            return Err(Denial::RequestTooLarge);
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in body.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            let (name, value) = split(part, b'=');
            let (name, value) = (decode(name)?, decode(value.unwrap_or_default())?);
            if parameters.len() >= MAX_PARAMETERS {
                return Err(Denial::RequestMalformed);
            }
            if !REPEATABLE.contains(&&*name) && parameters.iter().any(|(known, _)| *known == name) {
                return Err(Denial::DuplicateParameter);
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// Takes the value of `name`; one without a value was not sent (RFC 6749 §3.2).
    pub fn take(&mut self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter_mut().find(|(known, _)| known == name)?;
        Some(core::mem::take(value)).filter(|value| !value.is_empty())
    }

    /// Takes every value of `name`, in the body's order.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        let values = self.0.iter_mut().filter(|(known, _)| known == name);
        values.map(|(_, value)| core::mem::take(value)).filter(|value| !value.is_empty()).collect()
    }
}

/// What stands before the first `mark`, and what behind it.
fn split(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == mark);
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests;
