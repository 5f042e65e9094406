//! A token endpoint of somebody else, compiled. Deliberately absent: what is sent there and what an answer means.

use alloc::{boxed::Box, string::String};

use crate::{
    crypto::SigningKey,
    digest::Digest,
    endpoint::Endpoint,
    secret::Secret,
    wire::snapshot::{ExternalGrant, TargetParameter},
};

/// A token endpoint of somebody else.
#[derive(Debug)]
pub struct ExternalEndpoint {
    /// Its id, for operators.
    pub id: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Which grant it is asked with.
    pub grant: ExternalGrant,
    /// How we say who we are.
    pub login: Login,
    /// How the target is asked for.
    pub target_parameter: TargetParameter,
    /// Milliseconds until an answer must be there.
    pub timeout_ms: u32,
    /// Digest of all that an answer depends on, the secret included, for the caches.
    pub digest: Digest,
}

/// How we say who we are.
#[derive(Debug)]
pub enum Login {
    /// Not at all.
    None,
    /// The `authorization` header of RFC 6749 §2.3.1, ready to be sent.
    Basic(Secret<String>),
    /// In the body.
    Post {
        /// Our name there.
        client_id: String,
        /// The secret.
        secret: Secret<String>,
    },
    /// With an assertion that we sign (RFC 7523 §2.2).
    Assertion {
        /// Our name there.
        client_id: String,
        /// The issuer identifier of the authorization server.
        audience: String,
        /// What signs.
        key: Box<SigningKey>,
    },
}
