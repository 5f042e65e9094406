//! What is told of a verified token behind the gateway: values as text, for headers and filter state.
//!
//! Deliberately absent: when they are told, which the flow decides, and setting them, which the shell does.

use alloc::{borrow::Cow, string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde_json::Value;

use crate::{
    attribute::{Attribute, Facts},
    denial::Denial,
    digest::Digest,
    encoding,
};

/// The longest value, in bytes of its text.
pub const MAX_VALUE_BYTES: usize = 4096;

/// What one route tells, compiled.
#[derive(Debug)]
pub struct ClaimsOut {
    /// Digest of how it is configured, for the cache of its values.
    pub(crate) digest: Digest,
    pub(crate) outputs: Vec<Output>,
}

/// One value and where it goes.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) attribute: Attribute,
    pub(crate) header: Option<Arc<str>>,
    pub(crate) filter_state: Option<Arc<str>>,
}

/// What is told of one token. `Debug` shows names only.
#[derive(Default, PartialEq, Eq)]
pub struct Values {
    /// Headers to set, each in place of every copy of it.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// Filter state to set.
    pub filter_state: Vec<(Arc<str>, Arc<str>)>,
}

// === impl ClaimsOut ===

impl ClaimsOut {
    /// The values of everything that is there; what is missing or `null` is not told.
    ///
    /// A string is told as it is, anything else as JSON without white space, both with percent-encoding (RFC 3986 §2.1)
    /// of `%`, of all that is no visible ASCII and of a space at either end, so that decoding gives back the value and
    /// nobody reads it as something else. Refuses a text above [`MAX_VALUE_BYTES`] ([`Denial::TokenTooLarge`]):
    /// policy behind us must not see a request without a claim that the token has.
    pub fn values(&self, facts: &Facts<'_>) -> Result<Values, Denial> {
        let mut values = Values::default();
        for Output { attribute, header, filter_state } in &self.outputs {
            let value = attribute.resolve(facts);
            let Some(text) = value.as_deref().and_then(text) else { continue };
            let text: Arc<str> = encode(&text).into();
            if text.len() > MAX_VALUE_BYTES {
                return Err(Denial::TokenTooLarge);
            }
            let told = |name: &Arc<str>| (Arc::clone(name), Arc::clone(&text));
            values.headers.extend(header.as_ref().map(told));
            values.filter_state.extend(filter_state.as_ref().map(told));
        }
        Ok(values)
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(Cow::Owned(alloc::format!("{value}")))
        }
    }
}

fn encode(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b' ' if at != 0 && at != last => encoded.push(' '),
            b'!'..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => {
                encoded.push('%');
                encoded.push_str(&encoding::hex_upper(&[byte]));
            }
        }
    }
    encoded
}

// === impl Values ===

impl Values {
    /// About how many bytes it keeps.
    pub fn weight(&self) -> usize {
        let told = self.headers.iter().chain(&self.filter_state);
        told.map(|(_, text)| text.len().saturating_add(64)).fold(0, usize::saturating_add)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers.iter().chain(&self.filter_state).map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests;
