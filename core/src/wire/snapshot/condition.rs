//! A condition as a snapshot carries it. Deliberately absent: which shapes make sense; the compiler tells of each fault
//! by its path, which a reader of untyped alternatives could not.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::Value};

use crate::wire::reading::{Members, Readable, Unreadable};

/// A statement about a verified request: `all`, `any` or `not` of other statements, or one comparison of an attribute.
///
/// Exactly one of `all`, `any`, `not` and `attribute`; with `attribute`, exactly one of the operators that follow it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// True if each of these is. An empty list is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Self>>,
    /// True if one of these is. An empty list is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Self>>,
    /// True if this is false; what cannot be told stays so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Self>>,
    /// Name of what is compared, such as `jwt.claim.kubernetes\.io.namespace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// It is this string, number or boolean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// It is one of these, which are of one type.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// It is a string, and all of it matches this pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// It is an array that holds this string, number or boolean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
    /// It is a number, this or greater.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Number>,
    /// It is a number, this or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Number>,
    /// It is a number less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub less_than: Option<Number>,
    /// It is a number greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_than: Option<Number>,
}

impl Readable for Condition {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let mut members = Members::of(value)?;
        let condition = Self {
            all: members.optional("all")?.flatten(),
            any: members.optional("any")?.flatten(),
            not: members.optional("not")?.flatten(),
            attribute: members.optional("attribute")?.flatten(),
            equals: members.optional("equals")?.flatten(),
            one_of: members.optional("in")?.flatten(),
            matches: members.optional("matches")?.flatten(),
            contains: members.optional("contains")?.flatten(),
            at_least: members.optional("at_least")?.flatten(),
            at_most: members.optional("at_most")?.flatten(),
            less_than: members.optional("less_than")?.flatten(),
            more_than: members.optional("more_than")?.flatten(),
        };
        members.end(&[
            "all",
            "any",
            "not",
            "attribute",
            "equals",
            "in",
            "matches",
            "contains",
            "at_least",
            "at_most",
            "less_than",
            "more_than",
        ])?;
        Ok(condition)
    }
}
