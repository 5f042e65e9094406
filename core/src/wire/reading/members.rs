//! The members of an object, taken one by one.

use alloc::string::String;

use serde_json::{Map, Value};

use super::{Readable, Unreadable};

/// The members of an object that nobody took yet.
pub struct Members(Map<String, Value>);

// === impl Members ===

impl Members {
    /// Those of `value`.
    pub fn of(value: Value) -> Result<Self, Unreadable> {
        if let Value::Object(members) = value {
            Ok(Self(members))
        } else {
            Err(Unreadable::new("must be a JSON object"))
        }
    }

    /// Takes a member that must be there. What has a form for its absence, such as an `Option`, is not asked for here.
    pub fn required<T: Readable>(&mut self, name: &'static str) -> Result<T, Unreadable> {
        self.optional(name)?.ok_or_else(|| Unreadable::missing(name))
    }

    /// Takes a member if it is there.
    pub fn optional<T: Readable>(&mut self, name: &'static str) -> Result<Option<T>, Unreadable> {
        match self.0.remove(name) {
            Some(value) => T::read(value).map(Some).map_err(|fault| fault.within(name)),
            None => Ok(None),
        }
    }

    /// Refuses what is left; `known` are the names that exist.
    pub fn end(self, known: &[&str]) -> Result<(), Unreadable> {
        match self.0.keys().next() {
            Some(name) => Err(Unreadable::unknown(name, known)),
            None => Ok(()),
        }
    }
}

/// The name and the value of an object's one member, as a choice with content is written.
pub fn single(value: Value, known: &[&'static str]) -> Result<(&'static str, Value), Unreadable> {
    let Value::Object(members) = value else { return Err(Unreadable::single(known)) };
    let mut members = members.into_iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err(Unreadable::single(known));
    };
    match known.iter().copied().find(|known| *known == name) {
        Some(name) => Ok((name, value)),
        // Not quoted: who wrote a secret in the place of its kind would find it in the log.
        None => Err(Unreadable::single(known)),
    }
}
