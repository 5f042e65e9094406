//! The two caches of a VM (law 7): verified tokens, and access tokens minted for them.
//!
//! Deliberately absent: decisions. A hit only skips cryptography; the flow checks every reason again.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use foldhash::quality::FixedState;
use lru::LruCache;

use crate::{
    claims::Times,
    digest::Digest,
    jose::{jwk::Thumbprint, jwt::VerifiedToken},
    policy::Issuer,
    time::Timestamp,
};

/// Most entries of each cache.
pub const MAX_ENTRIES: usize = 8_192;
/// Most bytes of each cache, counting keys and values.
pub const MAX_BYTES: usize = 8 * 1_048_576;
/// Fixed cost of an entry, for the byte bound.
const ENTRY_OVERHEAD: usize = 256;

/// What is kept of a token that was verified.
#[derive(Debug)]
pub struct Verified {
    /// The issuer's id.
    pub issuer: String,
    /// Digest of the issuer as it was compiled then.
    pub issuer_digest: Digest,
    /// Its `sub`.
    pub subject: String,
    /// Its `aud`.
    pub audiences: Vec<String>,
    /// Its times.
    pub times: Times,
    /// RFC 7638 thumbprint of the key that verified it.
    pub thumbprint: Thumbprint,
    /// SHA-256 of the whole token.
    pub sha256: Digest,
    /// The identity it acts as, with the digest of the binding that says so.
    pub identity: Option<(Digest, Arc<str>)>,
}

/// An access token that was minted. It holds a credential, so it has no `Debug`.
pub struct Access {
    /// `Bearer ` and the token, ready to be set.
    pub authorization: Arc<str>,
    /// Until when it may be served: some time before its `exp`.
    pub usable_until: Timestamp,
    /// Its `jti`, which may be revoked.
    pub jti: String,
}

/// Everything an access token depends on, beside the subject token itself.
#[derive(Clone, Copy, Debug)]
pub struct AccessKey<'a> {
    /// SHA-256 of the subject token.
    pub token: &'a Digest,
    /// SHA-256 of the actor token.
    pub actor: Option<&'a Digest>,
    /// Digest of the compiled issuer.
    pub issuer: &'a Digest,
    /// Digest of the compiled binding.
    pub binding: &'a Digest,
    /// Audience of the access token.
    pub target: &'a str,
    /// Granted scopes.
    pub scope: &'a str,
    /// The `kid` that mints, or the digest of the external endpoint.
    pub minter: &'a [u8],
}

/// Verified tokens, by the whole token.
pub struct VerifiedTokens(Bounded<Verified>);

/// Access tokens, by everything they depend on.
pub struct AccessTokens {
    entries: Bounded<Access>,
    scratch: Vec<u8>,
}

/// A least-recently-used map from bytes, bounded in entries and bytes. Equality compares whole keys.
struct Bounded<V> {
    entries: LruCache<Box<[u8]>, (V, usize), FixedState>,
    bytes: usize,
    max_entries: usize,
}

// === impl Verified ===

impl Verified {
    /// What is kept of `token`, whose whole text has the digest `sha256`.
    pub fn new(issuer: &Issuer, sha256: Digest, token: &VerifiedToken) -> Self {
        let claims = token.claims();
        Self {
            issuer: issuer.id.clone(),
            issuer_digest: issuer.digest,
            subject: claims.sub().into(),
            audiences: claims.audiences().to_vec(),
            times: claims.times(),
            thumbprint: *token.thumbprint(),
            sha256,
            identity: None,
        }
    }

    fn weight(&self) -> usize {
        let audiences = self.audiences.iter().map(|audience| audience.len().saturating_add(32));
        audiences.fold(self.subject.len(), usize::saturating_add)
    }
}

// === impl VerifiedTokens ===

impl VerifiedTokens {
    /// An empty cache of at most `max_entries`. `seed` keys its hash, so that nobody can choose colliding tokens.
    pub fn new(seed: u64, max_entries: usize) -> Self {
        Self(Bounded::new(seed, max_entries))
    }

    /// What is known of this very token.
    pub fn get(&mut self, token: &[u8]) -> Option<&mut Verified> {
        self.0.get(token)
    }

    /// Remembers a verified token.
    pub fn put(&mut self, token: &[u8], verified: Verified) {
        let size = verified.weight();
        self.0.put(token, verified, size);
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// === impl AccessTokens ===

impl AccessTokens {
    /// An empty cache of at most `max_entries`. `seed` keys its hash.
    pub fn new(seed: u64, max_entries: usize) -> Self {
        Self { entries: Bounded::new(seed, max_entries), scratch: Vec::new() }
    }

    /// The access token for `key`, if one may be served at `now`.
    pub fn get(&mut self, key: &AccessKey<'_>, now: Timestamp) -> Option<&Access> {
        key.write_to(&mut self.scratch);
        self.entries.get(&self.scratch).filter(|access| now < access.usable_until).map(|access| &*access)
    }

    /// Remembers an access token.
    pub fn put(&mut self, key: &AccessKey<'_>, access: Access) {
        key.write_to(&mut self.scratch);
        let size = access.authorization.len();
        self.entries.put(&self.scratch, access, size);
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.entries.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedTokens({})", self.len())
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessTokens({})", self.len())
    }
}

// === impl AccessKey ===

impl AccessKey<'_> {
    /// Writes all fields, each of variable length after its length, so that no two keys are alike.
    fn write_to(&self, buffer: &mut Vec<u8>) {
        let Self { token, actor, issuer, binding, target, scope, minter } = self;
        buffer.clear();
        buffer.extend_from_slice(token.as_bytes());
        buffer.push(u8::from(actor.is_some()));
        if let Some(actor) = actor {
            buffer.extend_from_slice(actor.as_bytes());
        }
        buffer.extend_from_slice(issuer.as_bytes());
        buffer.extend_from_slice(binding.as_bytes());
        for part in [target.as_bytes(), scope.as_bytes(), minter] {
            buffer.extend_from_slice(&(part.len() as u64).to_le_bytes());
            buffer.extend_from_slice(part);
        }
    }
}

// === impl Bounded ===

impl<V> Bounded<V> {
    fn new(seed: u64, max_entries: usize) -> Self {
        let entries = LruCache::unbounded_with_hasher(FixedState::with_seed(seed));
        Self { entries, bytes: 0, max_entries }
    }

    fn get(&mut self, key: &[u8]) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(value, _)| value)
    }

    fn put(&mut self, key: &[u8], value: V, size: usize) {
        let weight = size.saturating_add(key.len()).saturating_add(ENTRY_OVERHEAD);
        self.bytes = self.bytes.saturating_add(weight);
        if let Some((_, old)) = self.entries.put(key.into(), (value, weight)) {
            self.bytes = self.bytes.saturating_sub(old);
        }
        while self.entries.len() > self.max_entries || self.bytes > MAX_BYTES {
            let Some((_, (_, weight))) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(weight);
        }
    }
}
