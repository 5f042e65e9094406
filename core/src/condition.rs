//! What policy demands of a verified request, in three values: what cannot be told is neither true nor false.
//!
//! Deliberately absent: an operator that is true of a missing claim. Whatever is missing or of another type than the
//! comparison wants is [`Truth::Unknown`], `not` leaves it so, and only [`Truth::True`] admits.

mod compile;
mod pattern;
mod scalar;

use alloc::{boxed::Box, vec::Vec};
use core::cmp::Ordering;

use serde_json::Value;

pub use self::{
    compile::{MAX_BYTES, MAX_DEPTH, MAX_LIST, MAX_NODES},
    pattern::{MAX_PATTERN_BYTES, MAX_SUBJECT_BYTES},
};
use self::{
    pattern::Pattern,
    scalar::{Number, Scalar},
};
use crate::{
    attribute::{Attribute, Facts},
    digest::Digest,
};

/// What is known of a statement. In this order, `all` is the least of its parts and `any` the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be told: a value is missing or of another type.
    Unknown,
    /// It holds.
    True,
}

/// A compiled condition. Judging it takes time linear in the claims and bounded by the limits of its parts.
#[derive(Debug)]
pub struct Condition {
    root: Node,
    digest: Digest,
    reads_identity: bool,
}

#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Leaf(Attribute, Test),
}

/// One comparison.
#[derive(Debug)]
enum Test {
    OneOf(Vec<Scalar>),
    Matches(Pattern),
    Contains(Scalar),
    Order(Bound, Number),
}

/// Where a number must lie from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    AtLeast,
    AtMost,
    LessThan,
    MoreThan,
}

// === impl Truth ===

impl Truth {
    /// The least of `parts`; unknown without any.
    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(parts, Self::False, Self::min)
    }

    /// The greatest of `parts`; unknown without any.
    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(parts, Self::True, Self::max)
    }

    /// Stops where `decisive` comes.
    fn fold(parts: impl IntoIterator<Item = Self>, decisive: Self, join: fn(Self, Self) -> Self) -> Self {
        let mut joined = None;
        for part in parts {
            if part == decisive {
                return decisive;
            }
            joined = Some(joined.map_or(part, |joined| join(joined, part)));
        }
        joined.unwrap_or(Self::Unknown)
    }

    const fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

// === impl Condition ===

impl Condition {
    /// What is known of it.
    pub fn judge(&self, facts: &Facts<'_>) -> Truth {
        self.root.judge(facts)
    }

    /// Whether it admits: only what is true does.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.judge(facts) == Truth::True
    }

    /// Digest of what was compiled.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether it looks at `identity.id`, which costs a hash to know.
    pub const fn reads_identity(&self) -> bool {
        self.reads_identity
    }
}

// === impl Node ===

impl Node {
    fn judge(&self, facts: &Facts<'_>) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.judge(facts))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.judge(facts))),
            Self::Not(part) => part.judge(facts).not(),
            Self::Leaf(attribute, test) => {
                attribute.resolve(facts).map_or(Truth::Unknown, |value| test.judge(&value))
            }
        }
    }
}

// === impl Test ===

impl Test {
    fn judge(&self, value: &Value) -> Truth {
        match (self, value) {
            (Self::OneOf(scalars), value) => Truth::any(scalars.iter().map(|scalar| scalar.equals(value))),
            (Self::Matches(pattern), Value::String(text)) => pattern.matches(text),
            // An array without items is known not to hold anything.
            (Self::Contains(_), Value::Array(items)) if items.is_empty() => Truth::False,
            (Self::Contains(scalar), Value::Array(items)) => {
                Truth::any(items.iter().map(|item| scalar.equals(item)))
            }
            (Self::Order(bound, limit), Value::Number(number)) => Number::read(number)
                .and_then(|number| number.compare(*limit))
                .map_or(Truth::Unknown, |order| bound.admits(order).into()),
            (Self::Matches(_) | Self::Contains(_) | Self::Order(..), _) => Truth::Unknown,
        }
    }
}

// === impl Bound ===

impl Bound {
    const fn admits(self, order: Ordering) -> bool {
        match self {
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
            Self::LessThan => order.is_lt(),
            Self::MoreThan => order.is_gt(),
        }
    }
}

#[cfg(test)]
mod tests;
