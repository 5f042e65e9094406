//! From a wire condition to a compiled one, with all faults reported at once.

use alloc::{boxed::Box, format, vec::Vec};

use serde_json::{Number as JsonNumber, Value};

use super::{
    Bound, Condition, Node, Test,
    pattern::Pattern,
    scalar::{Number, Scalar},
};
use crate::{attribute::Attribute, digest::Digest, policy::Faults, wire::snapshot as wire};

/// How deep conditions may nest; a comparison by itself has depth 1.
pub const MAX_DEPTH: usize = 16;
/// How many nodes a condition may have, `all`, `any`, `not` and comparisons alike.
pub const MAX_NODES: usize = 256;
/// How many values an `in` may list.
pub const MAX_LIST: usize = 256;
/// How long a condition may be as JSON, in bytes.
pub const MAX_BYTES: usize = 65_536;

const SCALAR: &str =
    "must be a string, a boolean, or a number that is exact (whole numbers of 64 bits, others below 2^53)";

/// Walks a condition once and collects what is wrong with it.
#[derive(Default)]
struct Walk {
    faults: Faults,
    nodes: usize,
    reads_identity: bool,
}

impl Condition {
    /// Compiles `condition`, which stands at `path`; `None` if anything is wrong, which `faults` then tells.
    pub fn compile(condition: &wire::Condition, path: &str, faults: &mut Faults) -> Option<Self> {
        let text = serde_json::to_vec(condition).unwrap_or_default();
        let mut walk = Walk::default();
        if text.len() > MAX_BYTES {
            walk.faults.add(path, format!("has {} bytes as JSON, must have at most {MAX_BYTES}", text.len()));
        }
        let root = walk.node(condition, path, 1);
        let Walk { faults: found, nodes, reads_identity } = walk;
        let crowded = nodes > MAX_NODES;
        if crowded {
            faults.add(path, format!("has more than {MAX_NODES} parts; divide it among bindings"));
        }
        let root = root.filter(|_| found.is_empty() && !crowded);
        faults.append(found);
        root.map(|root| Self { root, digest: Digest::of(&text), reads_identity })
    }
}

// === impl Walk ===

impl Walk {
    fn node(&mut self, condition: &wire::Condition, path: &str, depth: usize) -> Option<Node> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            // Told once, for the whole.
            return None;
        }
        if depth > MAX_DEPTH {
            self.faults.add(path, format!("is nested deeper than {MAX_DEPTH}"));
            return None;
        }
        let wire::Condition { all, any, not, attribute, .. } = condition;
        let deeper = depth.saturating_add(1);
        let all = all.as_ref().map(|parts| self.list(parts, &format!("{path}/all"), deeper).map(Node::All));
        let any = any.as_ref().map(|parts| self.list(parts, &format!("{path}/any"), deeper).map(Node::Any));
        let not = not.as_ref().map(|part| {
            self.node(part, &format!("{path}/not"), deeper).map(|part| Node::Not(Box::new(part)))
        });
        let attribute = attribute.as_ref().map(|name| self.attribute(name, path));
        let tests = self.tests(condition, path);
        let mut groups: Vec<Option<Node>> = [all, any, not].into_iter().flatten().collect();
        let wrong = match (groups.len(), attribute.is_some(), tests.len()) {
            (1, false, 0) => return groups.pop().flatten(),
            (0, true, 1) => {
                let test = tests.into_iter().next().flatten();
                return attribute.flatten().zip(test).map(|(attribute, test)| Node::Leaf(attribute, test));
            }
            (0, true, 0) => "compares its attribute with nothing; add one operator, such as equals",
            (0, true, _) => "has several operators; write one comparison each and join them with all",
            (0, false, 0) => "is empty; write all, any, not, or an attribute with an operator",
            (0, false, _) => "has an operator and no attribute to compare",
            _ => "must be only one of all, any, not and a comparison",
        };
        self.faults.add(path, wrong);
        None
    }

    fn list(&mut self, parts: &[wire::Condition], path: &str, depth: usize) -> Option<Vec<Node>> {
        if parts.is_empty() {
            self.faults.add(path, "must not be empty: an empty list denies");
            return None;
        }
        let mut nodes = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if self.nodes > MAX_NODES {
                return None;
            }
            nodes.push(self.node(part, &format!("{path}/{index}"), depth));
        }
        nodes.into_iter().collect()
    }

    fn attribute(&mut self, name: &str, path: &str) -> Option<Attribute> {
        let attribute = self.good(Attribute::parse(name), &format!("{path}/attribute"))?;
        self.reads_identity |= attribute == Attribute::IdentityId;
        Some(attribute)
    }

    /// One entry for each operator that is there, `None` for what is wrong.
    fn tests(&mut self, condition: &wire::Condition, path: &str) -> Vec<Option<Test>> {
        let wire::Condition {
            all: _,
            any: _,
            not: _,
            attribute: _,
            equals,
            one_of,
            matches,
            contains,
            at_least,
            at_most,
            less_than,
            more_than,
        } = condition;
        let equals = equals.as_ref().map(|value| {
            self.scalar(value, &format!("{path}/equals")).map(|scalar| Test::OneOf(Vec::from([scalar])))
        });
        let one_of =
            one_of.as_ref().map(|values| self.scalars(values, &format!("{path}/in")).map(Test::OneOf));
        let matches = matches
            .as_ref()
            .map(|text| self.good(Pattern::compile(text), &format!("{path}/matches")).map(Test::Matches));
        let contains = contains
            .as_ref()
            .map(|value| self.scalar(value, &format!("{path}/contains")).map(Test::Contains));
        let mut tests: Vec<Option<Test>> =
            [equals, one_of, matches, contains].into_iter().flatten().collect();
        for (name, bound, limit) in [
            ("at_least", Bound::AtLeast, at_least),
            ("at_most", Bound::AtMost, at_most),
            ("less_than", Bound::LessThan, less_than),
            ("more_than", Bound::MoreThan, more_than),
        ] {
            tests.extend(limit.as_ref().map(|limit| self.order(bound, limit, &format!("{path}/{name}"))));
        }
        tests
    }

    fn scalar(&mut self, value: &Value, path: &str) -> Option<Scalar> {
        self.good(Scalar::read(value).ok_or(SCALAR), path)
    }

    fn scalars(&mut self, values: &[Value], path: &str) -> Option<Vec<Scalar>> {
        if values.is_empty() || values.len() > MAX_LIST {
            self.faults.add(path, format!("must have 1 to {MAX_LIST} values: an empty list denies"));
            return None;
        }
        let read: Vec<Option<Scalar>> = values
            .iter()
            .enumerate()
            .map(|(index, value)| self.scalar(value, &format!("{path}/{index}")))
            .collect();
        let scalars: Vec<Scalar> = read.into_iter().collect::<Option<_>>()?;
        let alike = scalars.first().is_some_and(|first| scalars.iter().all(|other| first.is_like(other)));
        if alike {
            return Some(scalars);
        }
        self.faults.add(path, "must hold values of one type");
        None
    }

    fn order(&mut self, bound: Bound, limit: &JsonNumber, path: &str) -> Option<Test> {
        self.good(Number::read(limit).ok_or(SCALAR), path).map(|limit| Test::Order(bound, limit))
    }

    fn good<T, E: core::fmt::Display>(&mut self, result: Result<T, E>, path: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(detail) => {
                self.faults.add(path, detail);
                None
            }
        }
    }
}
