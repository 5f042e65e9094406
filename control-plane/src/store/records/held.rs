//! Keys of issuers that the control plane holds for gateways.

use cambist_core::{
    time::Timestamp,
    wire::{keys::UnusedKey, snapshot::Carrier},
};
use serde_json::value::Value;

use super::Digest;

/// The public keys of one issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldKeys {
    /// The issuer's id.
    pub issuer: String,
    /// What they are.
    pub set: HeldSet,
    /// 1 when first held, one more with each other set.
    pub version: u64,
    /// Who pushed them; `system` where they were fetched.
    pub actor: String,
    /// When they were last pushed or fetched.
    pub at: Timestamp,
}

/// A key set and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldSet {
    /// How it came here.
    pub carrier: Carrier,
    /// Digest of what the issuer's document said of the keys' origin.
    pub origin: Digest,
    /// The usable keys as a JWK set, public members only.
    pub jwks: Value,
    /// The keys that are not usable.
    pub skipped: Vec<UnusedKey>,
    /// When it grows stale; `None`: never.
    pub fresh_until: Option<Timestamp>,
}

/// What a change of held keys expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// No keys.
    Nothing,
    /// Keys of this version.
    Version(u64),
    /// Whatever is there.
    Anything,
}
