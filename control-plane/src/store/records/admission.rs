//! Identities that ask to be let in.

use std::collections::BTreeMap;

use cambist_core::time::Timestamp;

use super::Tuple;

/// An identity that waits for an administrator to let it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingIdentity {
    /// `idn_…`.
    pub id: String,
    /// What makes it.
    pub tuple: Tuple,
    /// The binding that its token fits.
    pub binding: String,
    /// What its token said of it beside its subject.
    pub fields: BTreeMap<String, String>,
    /// When it first asked.
    pub first_asked: Timestamp,
    /// When it last asked; forgotten three minutes later.
    pub last_asked: Timestamp,
}
