//! Texts with gaps that are filled from what is known of a verified token: `sa-${jwt.claim.sub}`.
//!
//! Deliberately absent: expressions, defaults and functions. A gap is filled with what the token says, or nothing is
//! minted; and what comes from UserInfo, whose answer may change while an access token lies in the cache.

use alloc::{
    borrow::Cow,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use serde_json::Value;

use crate::attribute::{Attribute, Facts, InvalidAttribute};

/// The longest template, in bytes.
pub const MAX_BYTES: usize = 2_048;
/// The most parts of a template, gaps and the texts between them.
pub const MAX_PARTS: usize = 64;
/// The longest text that comes out, in bytes.
pub const MAX_FILLED_BYTES: usize = 4_096;

const OPEN: &str = "${";

/// A compiled template.
///
/// A gap is `${` and `}` around the name of an [`Attribute`]; `$${` stands for the two characters `${`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Stands as it is.
    Text(String),
    /// Is filled.
    Gap(Attribute),
}

/// Why a text is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTemplate {
    /// It is longer than [`MAX_BYTES`].
    TooLong,
    /// It has more than [`MAX_PARTS`] parts.
    TooManyParts,
    /// A `${` has no `}`.
    Unclosed,
    /// A gap names no attribute.
    Attribute(InvalidAttribute),
    /// A gap names what UserInfo says.
    UserInfo,
}

/// The token does not say what a template needs: a value is missing, `null`, of a kind that cannot stand there, or what
/// would come out is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfilled;

// === impl Template ===

impl Template {
    /// Reads a template. What compiles can be filled, if a token says enough.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_BYTES {
            return Err(InvalidTemplate::TooLong);
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str(OPEN);
                rest = after;
                continue;
            }
            plain.push_str(before);
            let (name, after) = after.split_once('}').ok_or(InvalidTemplate::Unclosed)?;
            let attribute = Attribute::parse(name).map_err(InvalidTemplate::Attribute)?;
            if matches!(attribute, Attribute::UserInfo(_)) {
                return Err(InvalidTemplate::UserInfo);
            }
            if !plain.is_empty() {
                parts.push(Part::Text(core::mem::take(&mut plain)));
            }
            parts.push(Part::Gap(attribute));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if parts.len() > MAX_PARTS { Err(InvalidTemplate::TooManyParts) } else { Ok(Self { parts }) }
    }

    /// Whether it has no gap.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The text with every gap filled: strings as they are, numbers and booleans as JSON writes them. Nothing else can
    /// stand in a text, and an empty string says as little as a missing one.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<String, Unfilled> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Gap(attribute) => filled.push_str(&text_of(attribute, facts)?),
            }
            if filled.len() > MAX_FILLED_BYTES {
                return Err(Unfilled);
            }
        }
        Ok(filled)
    }

    /// The value of a claim: where the template is one gap and nothing else, the JSON value of the attribute, lists and
    /// objects included, but not `null`; the filled text otherwise.
    pub fn value<'a>(&self, facts: &Facts<'a>) -> Result<Cow<'a, Value>, Unfilled> {
        match self.parts.as_slice() {
            [Part::Gap(attribute)] => {
                attribute.resolve(facts).filter(|value| !value.is_null()).ok_or(Unfilled)
            }
            _ => self.fill(facts).map(|text| Cow::Owned(Value::String(text))),
        }
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// What fills a gap in a text; never empty.
pub(super) fn text_of<'a>(attribute: &Attribute, facts: &Facts<'a>) -> Result<Cow<'a, str>, Unfilled> {
    let text = match attribute.resolve(facts).ok_or(Unfilled)? {
        Cow::Borrowed(Value::String(text)) => Cow::Borrowed(text.as_str()),
        Cow::Owned(Value::String(text)) => Cow::Owned(text),
        value @ (Cow::Borrowed(_) | Cow::Owned(_)) => match &*value {
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => return Err(Unfilled),
        },
    };
    if text.is_empty() { Err(Unfilled) } else { Ok(text) }
}

// === impl InvalidTemplate ===

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "must have at most 2048 bytes",
            Self::TooManyParts => "must have at most 64 parts",
            Self::Unclosed => "has a `${` without its `}`; write `$${` for the characters themselves",
            Self::Attribute(invalid) => {
                f.write_str("has a `${…}` whose name ")?;
                return invalid.fmt(f);
            }
            Self::UserInfo => "cannot use userinfo: its answer may change while a token is in use",
        })
    }
}

impl core::error::Error for InvalidTemplate {}

#[cfg(test)]
mod tests;
