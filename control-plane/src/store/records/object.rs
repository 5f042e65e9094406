//! Configuration objects and changes to them.

use cambist_core::time::Timestamp;
use serde_json::value::Value;

use super::{Author, Digest, HeldKeys, Kind};
use crate::fault::Fault;

/// One configuration object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Unique in tenant and kind.
    pub id: String,
    /// The client of a binding; empty for every other kind.
    pub parent: String,
    /// Its fields.
    pub doc: Value,
    /// 1 when created, one more with each replacement.
    pub version: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last replaced.
    pub updated: Timestamp,
}

/// A place in an object that names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// JSON pointer to the place.
    pub pointer: String,
    /// What is named.
    pub kind: Kind,
    /// Its id.
    pub id: String,
}

/// A change to one configuration object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its tenant.
    pub tenant: String,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The client of a binding; empty for every other kind. A replacement or deletion under another parent finds nothing.
    pub parent: String,
    /// What to do.
    pub action: Action,
    /// By whom.
    pub author: Author,
}

/// What a [`Change`] does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Create it.
    Create {
        /// Its fields.
        doc: Value,
        /// Whom it names.
        references: Vec<Reference>,
        /// SHA-256 of a new gateway's token.
        token: Option<Digest>,
    },
    /// Replace it.
    Replace {
        /// Its fields.
        doc: Value,
        /// Whom it names.
        references: Vec<Reference>,
        /// The version that is replaced.
        expected: u64,
    },
    /// Delete it.
    Delete {
        /// The version that is deleted, if that matters.
        expected: Option<u64>,
    },
    /// Replace a gateway's token.
    RotateToken {
        /// SHA-256 of the new token.
        token: Digest,
    },
}

/// Looks at all configuration objects and held keys of a tenant as they would be after a change.
pub type Check<'a> = &'a (dyn Fn(&[Object], &[HeldKeys]) -> Vec<Fault> + Send + Sync);
