//! Strings, numbers and booleans, compared without conversions.

use alloc::string::String;
use core::cmp::Ordering;

use serde_json::{Number as JsonNumber, Value};

use super::Truth;

/// From here on `f64` no longer holds every whole number: 2⁵³.
const INEXACT: f64 = 9_007_199_254_740_992.0;

/// What a claim may be compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// A number that is known exactly as it was written, or a fraction as near as `f64` comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// A whole number, whether it was written `1`, `1.0` or `1e0`.
    Whole(i128),
    /// Not whole, and nearer to 0 than 2⁵³.
    Fraction(f64),
}

// === impl Scalar ===

impl Scalar {
    /// `None` for other types and for numbers that are not known exactly.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => Number::read(number).map(Self::Number),
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Whether `value` is the same; unknown where it is of another type.
    pub(super) fn equals(&self, value: &Value) -> Truth {
        match (self, value) {
            (Self::Text(own), Value::String(other)) => (own == other).into(),
            (Self::Bool(own), Value::Bool(other)) => (own == other).into(),
            (Self::Number(own), Value::Number(other)) => Number::read(other)
                .and_then(|other| own.compare(other))
                .map_or(Truth::Unknown, |order| order.is_eq().into()),
            (Self::Text(_) | Self::Bool(_) | Self::Number(_), _) => Truth::Unknown,
        }
    }

    /// Whether both are of one type.
    pub(super) const fn is_like(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Text(_), Self::Text(_))
                | (Self::Number(_), Self::Number(_))
                | (Self::Bool(_), Self::Bool(_))
        )
    }
}

// === impl Number ===

impl Number {
    /// `None` where digits were lost: from 2⁵³ on for what is not written as a whole number of 64 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "below 2^53 both directions are exact but for the fraction, which is what is asked for"
    )]
    pub(super) fn read(number: &JsonNumber) -> Option<Self> {
        if let Some(whole) = number.as_i64() {
            return Some(Self::Whole(whole.into()));
        }
        if let Some(whole) = number.as_u64() {
            return Some(Self::Whole(whole.into()));
        }
        let float = number.as_f64().filter(|float| *float > -INEXACT && *float < INEXACT)?;
        let whole = float as i64;
        Some(if whole as f64 == float { Self::Whole(whole.into()) } else { Self::Fraction(float) })
    }

    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            // A whole number that rounds here is beyond every fraction, on the same side before and after.
            (a, b) => a.rounded().partial_cmp(&b.rounded()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only compared with fractions, see above")]
    const fn rounded(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Fraction(fraction) => fraction,
        }
    }
}
