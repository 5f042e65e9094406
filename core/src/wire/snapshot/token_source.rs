//! Where a route looks for subject tokens, as a snapshot carries it.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

use crate::{
    readable_object,
    wire::reading::{self, Readable, Unreadable},
};

/// One place where a request may carry its subject token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// `authorization: Bearer TOKEN`.
    Authorization,
    /// Another header.
    Header(HeaderSource),
    /// A query parameter. It is cut out of what goes on.
    Query(String),
    /// A cookie. It is cut out of what goes on.
    Cookie(String),
}

/// A header that carries a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderSource {
    /// Its name, lower case.
    pub name: String,
    /// What stands before the token, such as `Bearer `, in any case. Absent: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// What a route that names no sources reads: `authorization`, nothing else.
pub fn default_token_sources() -> Vec<TokenSource> {
    Vec::from([TokenSource::Authorization])
}

pub(super) fn are_default(sources: &[TokenSource]) -> bool {
    sources == [TokenSource::Authorization]
}

impl Readable for TokenSource {
    fn read(value: Value) -> Result<Self, Unreadable> {
        if value.is_string() {
            let known = ["authorization", "header", "query", "cookie"];
            return match value.as_str() {
                Some("authorization") => Ok(Self::Authorization),
                _ => Err(Unreadable::choice(&known)),
            };
        }
        let (name, value) = reading::single(value, &["header", "query", "cookie"])?;
        let source = match name {
            "header" => HeaderSource::read(value).map(Self::Header),
            "query" => String::read(value).map(Self::Query),
            _ => String::read(value).map(Self::Cookie),
        };
        source.map_err(|fault| fault.within(name))
    }
}

readable_object!(HeaderSource { name, [prefix] });
