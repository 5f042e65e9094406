//! Everything a gateway's VM knows: policy, keys, caches, revocations.

use alloc::sync::Arc;

use super::Hosts;
use crate::{
    denylist::Denylist,
    exchange::Venue,
    keyring::Keyring,
    policy::{Policy, TokenHeaders, is_reserved},
    time::Timestamp,
    token_cache::{MAX_TOKENS, VerifiedTokens},
};

/// What decisions are made from. One per gateway and VM.
#[derive(Debug)]
pub struct State {
    policy: Option<Arc<Policy>>,
    /// When the control plane last confirmed the policy.
    heard_at: Timestamp,
    /// Keys of the issuers.
    pub keyring: Keyring,
    /// Tokens that were verified, and what was minted for them.
    pub verified: VerifiedTokens,
    /// Revocations in force.
    pub denylist: Denylist,
    /// Whether somebody takes the events of mints. Without, none is made.
    pub audited: bool,
    /// Where this is.
    pub venue: Venue,
    /// Hosts on which the authority's endpoints are answered.
    pub endpoints: Hosts,
}

impl State {
    /// A state without a policy; requests wait for one. `seed` keys the caches.
    pub fn new(seed: u64) -> Self {
        Self {
            policy: None,
            heard_at: Timestamp::default(),
            keyring: Keyring::default(),
            verified: VerifiedTokens::new(seed, MAX_TOKENS),
            denylist: Denylist::default(),
            audited: true,
            venue: Venue::Gateway,
            endpoints: Hosts::default(),
        }
    }

    /// Takes a new policy. Caches stay: their entries name the digests they depend on (law 7).
    pub fn adopt(&mut self, policy: Policy, now: Timestamp) {
        self.keyring.adopt(&policy, now);
        self.policy = Some(Arc::new(policy));
        self.heard_at = now;
    }

    /// Notes that the control plane confirmed the policy.
    pub const fn confirm(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// The policy in force.
    pub fn policy(&self) -> Option<Arc<Policy>> {
        self.policy.clone()
    }

    /// The headers beside `authorization` that a decision may look at; `None` where there are none.
    pub fn token_headers(&self) -> Option<&TokenHeaders> {
        self.policy.as_deref().map(Policy::token_headers).filter(|headers| !headers.is_empty())
    }

    /// Whether some route looks for a credential in the header `name`.
    pub fn is_credential_header(&self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(b"authorization")
            || self.token_headers().is_some_and(|headers| headers.contains(name))
    }

    /// Whether clients may not send the header `name`: it is removed before anything else (law 8).
    pub fn is_identity_header(&self, name: &[u8]) -> bool {
        match &self.policy {
            Some(policy) => policy.identity_headers().contains(name),
            None => is_reserved(name),
        }
    }

    /// Epoch of the policy in force; 0 without one.
    pub fn epoch(&self) -> u64 {
        self.policy.as_ref().map_or(0, |policy| policy.header.epoch)
    }

    /// Whether the policy was confirmed recently enough (law 12).
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.policy.as_ref().is_some_and(|policy| {
            let staleness = i64::from(policy.header.max_staleness).saturating_mul(1_000);
            now.millis_since(self.heard_at) <= staleness
        })
    }
}
