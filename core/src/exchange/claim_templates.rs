//! More claims of an access token, as its binding words them: constants, and templates in every text.
//!
//! Deliberately absent: claims that verifiers decide by, which are ours alone to set.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use serde_json::{Map, Value};

use super::template::{Template, Unfilled};
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

/// Compiled claims; empty for a binding without.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimTemplates(Vec<(String, Shape)>);

/// What a claim is worth.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Always the same; no text in it.
    Constant(Value),
    Text(Template),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
}

// === impl ClaimTemplates ===

impl ClaimTemplates {
    /// Compiles `claims`, or says what is wrong with the first that is.
    pub fn compile(claims: &BTreeMap<String, Value>) -> Result<Self, String> {
        if let Some(name) = claims.keys().find(|name| is_ours(name)) {
            return Err(format!("{name:?} is set by the exchange alone; choose another name"));
        }
        let mut names = 0;
        members(claims, &mut names, 1).map(Self)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of one access token.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<Map<String, Value>, Unfilled> {
        let mut budget = Budget(MAX_FILLED_BYTES);
        fill_members(&self.0, facts, &mut budget, 1)
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(OUR_PREFIX) || OURS.contains(&name)
}

fn members<'a>(
    members: impl IntoIterator<Item = (&'a String, &'a Value)>,
    names: &mut usize,
    depth: usize,
) -> Result<Vec<(String, Shape)>, String> {
    let mut compiled = Vec::new();
    for (name, value) in members {
        *names = names.saturating_add(1);
        if *names > MAX_NAMES {
            return Err(format!("must have at most {MAX_NAMES} names in all"));
        }
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains("${") {
            return Err(format!("{name:?} is no name: 1 to {MAX_NAME_BYTES} bytes, and no template"));
        }
        compiled.push((name.clone(), shape(name, value, names, depth)?));
    }
    Ok(compiled)
}

fn shape(name: &str, value: &Value, names: &mut usize, depth: usize) -> Result<Shape, String> {
    if depth > MAX_DEPTH {
        return Err(format!("{name:?} is nested deeper than {MAX_DEPTH}"));
    }
    let deeper = depth.saturating_add(1);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Shape::Constant(value.clone())),
        Value::String(text) => {
            Template::parse(text).map(Shape::Text).map_err(|invalid| format!("{name:?} {invalid}"))
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| shape(name, item, names, deeper));
            items.collect::<Result<_, _>>().map(Shape::List)
        }
        Value::Object(object) => members(object, names, deeper).map(Shape::Object),
    }
}

/// What may still come out.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), Unfilled> {
        // What JSON needs around it.
        let bytes = bytes.saturating_add(4);
        self.0 = self.0.checked_sub(bytes).ok_or(Unfilled)?;
        Ok(())
    }

    fn spend_value(&mut self, value: &Value, depth: usize) -> Result<(), Unfilled> {
        if depth > MAX_FILLED_DEPTH {
            return Err(Unfilled);
        }
        let deeper = depth.saturating_add(1);
        match value {
            Value::Null | Value::Bool(_) => self.spend(0),
            Value::Number(_) => self.spend(20),
            Value::String(text) => self.spend(text.len()),
            Value::Array(items) => {
                self.spend(0)?;
                items.iter().try_for_each(|item| self.spend_value(item, deeper))
            }
            Value::Object(members) => {
                self.spend(0)?;
                members.iter().try_for_each(|(name, value)| {
                    self.spend(name.len())?;
                    self.spend_value(value, deeper)
                })
            }
        }
    }
}

fn fill_members(
    members: &[(String, Shape)],
    facts: &Facts<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Map<String, Value>, Unfilled> {
    let mut filled = Map::new();
    for (name, shape) in members {
        budget.spend(name.len())?;
        filled.insert(name.clone(), shape.fill(facts, budget, depth)?);
    }
    Ok(filled)
}

// === impl Shape ===

impl Shape {
    fn fill(&self, facts: &Facts<'_>, budget: &mut Budget, depth: usize) -> Result<Value, Unfilled> {
        let deeper = depth.saturating_add(1);
        match self {
            Self::Constant(value) => {
                budget.spend_value(value, depth)?;
                Ok(value.clone())
            }
            Self::Text(template) => {
                let value = template.value(facts)?;
                budget.spend_value(&value, depth)?;
                Ok(value.into_owned())
            }
            Self::List(items) => {
                budget.spend(0)?;
                let items = items.iter().map(|item| item.fill(facts, budget, deeper));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Object(members) => fill_members(members, facts, budget, deeper).map(Value::Object),
        }
    }
}

#[cfg(test)]
mod tests;
