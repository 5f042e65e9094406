//! Secrets of clients, and everything that snapshots are made of.

use cambist_core::time::Timestamp;

use super::{Digest, Head, HeldKeys, Object};

/// A secret of a client; what it is stays with whoever got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// The client's id.
    pub client_id: String,
    /// `sec_…`.
    pub id: String,
    /// SHA-256 of the secret.
    pub secret_sha256: Digest,
    /// When it was made.
    pub created: Timestamp,
}

/// All that snapshots hold of a tenant, but keys of our own.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The head it belongs to.
    pub head: Head,
    /// Objects in the order of kind and id.
    pub objects: Vec<Object>,
    /// Keys that are held for issuers.
    pub held: Vec<HeldKeys>,
    /// Secrets of clients, by client and age.
    pub secrets: Vec<ClientSecret>,
}
