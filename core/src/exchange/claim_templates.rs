//! More claims of an access token, as its binding words them: constants, and templates in every text.
//!
//! Deliberately absent: claims that verifiers decide by, which are ours alone to set.

use alloc::{collections::BTreeMap, format, string::String};
use core::fmt;

use serde_json::{Map, Value};

use super::template::{InvalidTemplate, Template, Unfilled};
use crate::attribute::Facts;

/// The most names, of claims and of members inside them.
pub const MAX_NAMES: usize = 64;
/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// How deep the value of a claim may nest, as configured; a text has depth 1.
pub const MAX_DEPTH: usize = 8;
/// How deep it may nest with what the subject token brings.
pub const MAX_FILLED_DEPTH: usize = 16;
/// The most bytes that the claims may come to, counted before they are escaped.
pub const MAX_FILLED_BYTES: usize = 8_192;

/// Claims that say who, whom, what, when and by whom (RFC 7519 §4.1, RFC 9068 §2.2, RFC 8693 §4, RFC 7800), those that
/// verifiers read scopes from, and ours.
const OURS: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "azp",
    "scope",
    "scp",
    "act",
    "may_act",
    "cnf",
    "events",
    "workload",
    "audience_tenant",
    "typ",
];
/// All claims of this beginning are ours.
const OUR_PREFIX: &str = "cambist_";

/// Claims that compile; empty for a binding without.
///
/// Their texts are read again for each token: that costs little beside a signature, and nothing on a hit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimTemplates(Map<String, Value>);

// === impl ClaimTemplates ===

impl ClaimTemplates {
    /// Compiles `claims`, or says what is wrong with the first that is.
    pub fn compile(claims: &BTreeMap<String, Value>) -> Result<Self, String> {
        let mut walk = Walk { facts: None, names: 0, bytes: 0 };
        // Not collected: a map that sorts first is ten times the code.
        let mut compiled = Map::new();
        for (name, value) in claims {
            if name.starts_with(OUR_PREFIX) || OURS.contains(&name.as_str()) {
                return Err(format!("{name:?} is set by the exchange alone; choose another name"));
            }
            let member = walk.name(name).and_then(|()| walk.value(value, 1, Origin::Policy));
            member.map_err(|fault| format!("{name:?} {fault}"))?;
            compiled.insert(name.clone(), value.clone());
        }
        Ok(Self(compiled))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of one access token.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<Map<String, Value>, Unfilled> {
        let mut walk = Walk { facts: Some(facts), names: 0, bytes: 0 };
        walk.members(&self.0, 1, Origin::Policy).map_err(|_| Unfilled)
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The binding: its texts are templates.
    Policy,
    /// The token: it is copied as it is.
    Token,
}

/// What is wrong with a claim.
enum Fault {
    Name,
    TooManyNames,
    TooDeep,
    Template(InvalidTemplate),
    /// What comes out is too large, or there is nothing to fill it with.
    Unfilled,
}

/// One way through all claims: to judge them, or with facts to fill them.
struct Walk<'w, 'f> {
    facts: Option<&'w Facts<'f>>,
    names: usize,
    bytes: usize,
}

impl Walk<'_, '_> {
    fn name(&mut self, name: &str) -> Result<(), Fault> {
        self.names = self.names.saturating_add(1);
        if self.names > MAX_NAMES {
            return Err(Fault::TooManyNames);
        }
        let is_name = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains("${");
        if is_name { Ok(()) } else { Err(Fault::Name) }
    }

    /// Counts `bytes` and what JSON needs around them.
    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(4);
        if self.facts.is_some() && self.bytes > MAX_FILLED_BYTES { Err(Fault::Unfilled) } else { Ok(()) }
    }

    fn members(
        &mut self,
        members: &Map<String, Value>,
        depth: usize,
        origin: Origin,
    ) -> Result<Map<String, Value>, Fault> {
        let mut filled = Map::new();
        for (name, value) in members {
            if origin == Origin::Policy {
                self.name(name)?;
            }
            self.spend(name.len())?;
            filled.insert(name.clone(), self.value(value, depth, origin)?);
        }
        Ok(filled)
    }

    fn value(&mut self, value: &Value, depth: usize, origin: Origin) -> Result<Value, Fault> {
        let most = if origin == Origin::Policy { MAX_DEPTH } else { MAX_FILLED_DEPTH };
        if depth > most {
            return Err(Fault::TooDeep);
        }
        let deeper = depth.saturating_add(1);
        match value {
            Value::String(text) if origin == Origin::Policy => {
                let template = Template::parse(text).map_err(Fault::Template)?;
                let Some(facts) = self.facts else { return Ok(Value::Null) };
                let filled = template.value(facts).map_err(|_| Fault::Unfilled)?;
                self.value(&filled, depth, Origin::Token)
            }
            Value::Array(items) => {
                self.spend(0)?;
                let items = items.iter().map(|item| self.value(item, deeper, origin));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(members) => {
                self.spend(0)?;
                self.members(members, deeper, origin).map(Value::Object)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                // No number takes more as JSON writes it.
                self.spend(value.as_str().map_or(24, str::len))?;
                Ok(value.clone())
            }
        }
    }
}

// === impl Fault ===

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "is or holds no name: 1 to 256 bytes, and no template",
            Self::TooManyNames => "is too many: there may be 64 names in all",
            Self::TooDeep => "is nested deeper than 8",
            Self::Template(invalid) => return invalid.fmt(f),
            Self::Unfilled => "comes to nothing",
        })
    }
}

#[cfg(test)]
mod tests;
