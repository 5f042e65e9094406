//! What is wrong with a configuration: every fault with its place, all at once.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// How many faults are kept in full; the rest are counted.
const MAX_LISTED: usize = 100;

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: kind, id and field, such as `binding/shop/ttl`.
    pub path: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// All faults of a configuration; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    listed: Vec<Fault>,
    unlisted: usize,
}

// === impl Faults ===

impl Faults {
    /// Adds a fault; past the first hundred they are only counted.
    pub fn add(&mut self, path: impl fmt::Display, detail: impl fmt::Display) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Fault { path: path.to_string(), detail: detail.to_string() });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// Adds all of `more`.
    pub fn append(&mut self, more: Self) {
        let Self { listed, unlisted } = more;
        for Fault { path, detail } in listed {
            self.add(path, detail);
        }
        self.unlisted = self.unlisted.saturating_add(unlisted);
    }

    /// The faults that are kept in full.
    pub fn listed(&self) -> &[Fault] {
        &self.listed
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.listed.iter().map(|Fault { path, detail }| format!("{path}: {detail}")).collect();
        f.write_str(&lines.join("; "))?;
        if self.unlisted > 0 {
            write!(f, "; and {} more", self.unlisted)?;
        }
        Ok(())
    }
}
