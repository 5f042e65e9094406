//! What is told of a workload beside its subject: which claims of its token, and how their values read.
//!
//! Deliberately absent: who it is. No field is part of an identity, so none decides anything.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};

use serde_json::{Map, Value};

use crate::attribute::ClaimPath;

/// The longest value that is told, in bytes.
pub const MAX_FIELD_BYTES: usize = 256;

/// Names of fields and the claims that hold their values.
#[derive(Debug, Default)]
pub struct Fields {
    /// For access tokens, identities and audit rows.
    pub identity: Vec<(String, ClaimPath)>,
    /// For audit rows alone.
    pub audit: Vec<(String, ClaimPath)>,
}

/// The fields of one token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldValues {
    /// For access tokens, identities and audit rows.
    pub identity: BTreeMap<String, String>,
    /// For audit rows alone.
    pub audit: BTreeMap<String, String>,
}

// === impl Fields ===

impl Fields {
    /// Whether nothing is told.
    pub const fn is_empty(&self) -> bool {
        self.identity.is_empty() && self.audit.is_empty()
    }

    /// The fields of a token with these claims.
    ///
    /// A string is told as it is, a number or boolean as JSON writes it. Left out is what is missing, anything else,
    /// longer than [`MAX_FIELD_BYTES`] or with a control character in it: half a value would name another workload.
    pub fn of(&self, claims: &Map<String, Value>) -> FieldValues {
        FieldValues { identity: values(&self.identity, claims), audit: values(&self.audit, claims) }
    }
}

fn values(fields: &[(String, ClaimPath)], claims: &Map<String, Value>) -> BTreeMap<String, String> {
    let told = |(name, path): &(String, ClaimPath)| {
        let value = match path.find(claims)? {
            Value::String(text) => text.clone(),
            other @ (Value::Number(_) | Value::Bool(_)) => other.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let good = value.len() <= MAX_FIELD_BYTES && !value.chars().any(char::is_control);
        good.then(|| (name.clone(), value))
    };
    fields.iter().filter_map(told).collect()
}
