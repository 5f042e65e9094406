//! The two caches of a VM (law 7): verified tokens by their bytes, and with each the access tokens minted for it.
//!
//! An access token lies inside the entry of its subject token, so the first part of its key, the whole subject token,
//! is compared by the time it is looked for, and a key that is gone takes both along. Deliberately absent: decisions.
//! A hit only skips cryptography; the flow checks every reason again.

mod access;
mod told;
mod verdicts;

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{fmt, hash::BuildHasher as _};

use foldhash::quality::FixedState;
use lru::LruCache;

pub use self::{
    access::{Access, AccessKey, AccessTokens, MAX_ACCESS_PER_TOKEN, Pending},
    told::{MAX_TOLD_PER_TOKEN, Told, ToldKey},
    verdicts::{MAX_VERDICTS, VerdictKey, Verdicts},
};
use crate::{
    claims::Times,
    denial::Denial,
    digest::Digest,
    jose::{jwk::Thumbprint, jwt::VerifiedToken},
    policy::Issuer,
    time::Timestamp,
    userinfo::{Failure, Remembered, UserInfo},
};

/// Most verified tokens.
pub const MAX_TOKENS: usize = 8_192;
/// Most bytes of all entries, counting keys, values and what an entry costs by itself.
pub const MAX_BYTES: usize = 16 * 1_048_576;
/// Bytes at the end of a token by which it is found.
const HASHED_BYTES: usize = 64;
/// What an entry costs by itself.
const ENTRY_OVERHEAD: usize = 256;

/// What is kept of a token that was verified.
#[derive(Debug)]
pub struct Verified {
    /// The issuer's id.
    pub issuer: Arc<str>,
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
    /// The identity it acts as, with the digest of the binding that says so.
    pub identity: Option<(Digest, Arc<str>)>,
    /// SHA-256 of the whole token, once something asked for it.
    pub sha256: Option<Digest>,
    /// What asking its issuer's UserInfo endpoint brought.
    pub(crate) userinfo: Option<Remembered>,
    /// What conditions came to for it.
    pub verdicts: Verdicts,
    /// Access tokens minted for it.
    pub access: AccessTokens,
    /// Digests of what was recorded of rules that are tried out on it, so that it is recorded once.
    pub tried: Vec<Digest>,
    /// What was told of it.
    pub told: Told,
    /// What the control plane said of letting in who it is for.
    pub admission: Option<Admitted>,
    /// What routes ask of it if it is ours.
    pub own: Option<Arc<Own>>,
}

/// What the control plane said of letting in an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Digest of the binding that it asked under.
    pub binding: Digest,
    /// That it is let in, or why not.
    pub verdict: Result<(), Denial>,
    /// Until when that stands.
    pub until: Timestamp,
}

/// What routes ask of a token of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Own {
    /// The identity's id.
    pub identity: String,
    /// The id of the issuer whose token it was issued for; empty where none is behind it.
    pub issuer: String,
    /// The client it was issued for.
    pub client_id: String,
    /// Its name.
    pub jti: String,
    /// Its scopes.
    pub scopes: Vec<String>,
}

/// Verified tokens, least recently used first to go; bounded in entries and bytes.
///
/// A token is found by a hash of its end, which is its signature and thus its own, and is itself only if all of it is
/// the same. Of two with one hash, which takes an issuer that means to, the later one stays.
pub struct VerifiedTokens {
    entries: LruCache<u64, Entry, FixedState>,
    seed: FixedState,
    bytes: usize,
    max_tokens: usize,
}

/// A verified token and what is kept of it.
struct Entry {
    token: Box<[u8]>,
    verified: Box<Verified>,
    weight: usize,
}

// === impl Verified ===

impl Verified {
    /// What is kept of `token`.
    pub fn new(issuer: &Issuer, token: VerifiedToken) -> Box<Self> {
        Box::new(Self::by(Arc::clone(&issuer.id), issuer.digest, token))
    }

    /// What is kept of a `token` of ours; `authority` is the digest of what it was verified under.
    pub fn of_ours(authority: Digest, token: VerifiedToken, own: Own) -> Box<Self> {
        // No issuer of a policy has an empty id.
        Box::new(Self { own: Some(Arc::new(own)), ..Self::by(Arc::default(), authority, token) })
    }

    fn by(issuer: Arc<str>, issuer_digest: Digest, token: VerifiedToken) -> Self {
        let thumbprint = *token.thumbprint();
        let (subject, audiences, times) = token.into_claims().into_parts();
        Self {
            issuer,
            issuer_digest,
            subject,
            audiences,
            times,
            thumbprint,
            identity: None,
            sha256: None,
            userinfo: None,
            verdicts: Verdicts::default(),
            access: AccessTokens::default(),
            tried: Vec::new(),
            told: Told::default(),
            admission: None,
            own: None,
        }
    }

    /// Remembers what asking its issuer's UserInfo endpoint brought.
    pub fn learn(&mut self, known: Remembered) {
        self.set_userinfo(Some(known));
    }

    /// Forgets what asking brought when its time is over.
    pub fn forget(&mut self, now: Timestamp) {
        if self.userinfo.as_ref().is_some_and(|known| known.until <= now) {
            self.set_userinfo(None);
        }
    }

    /// What was told may have come from the answer before, and what conditions came to: both go with it.
    fn set_userinfo(&mut self, userinfo: Option<Remembered>) {
        self.userinfo = userinfo;
        self.told = Told::default();
        self.verdicts = Verdicts::default();
    }

    /// What asking brought, unless it is forgotten.
    pub fn learned(&self) -> Option<&Result<UserInfo, Failure>> {
        self.userinfo.as_ref().map(|known| &known.result)
    }

    /// Whether `what` was not recorded before; from now on it was. When full, the others are forgotten: most are of
    /// policies that are gone.
    pub(crate) fn is_news(&mut self, what: Digest) -> bool {
        if self.tried.contains(&what) {
            return false;
        }
        if self.tried.len() >= MAX_VERDICTS {
            self.tried.clear();
        }
        self.tried.push(what);
        true
    }

    /// The good answer of its issuer's UserInfo endpoint, if it is known.
    pub fn userinfo(&self) -> Option<&UserInfo> {
        self.learned().and_then(|result| result.as_ref().ok())
    }

    fn weight(&self) -> usize {
        let audiences = self.audiences.iter().map(|audience| audience.len().saturating_add(32));
        let more = self.userinfo.iter().map(Remembered::weight);
        let own = self.own.as_ref().map_or(0, |own| own.weight());
        let tried = self.tried.len().saturating_mul(size_of::<Digest>());
        let more = more.chain([self.told.weight(), self.verdicts.weight(), self.access.weight(), own, tried]);
        audiences.chain(more).fold(self.subject.len(), usize::saturating_add)
    }
}

// === impl Own ===

impl Own {
    fn weight(&self) -> usize {
        let Self { identity, issuer, client_id, jti, scopes } = self;
        let scopes = scopes.iter().map(|scope| scope.len().saturating_add(32));
        scopes
            .chain([identity.len(), issuer.len(), client_id.len(), jti.len()])
            .fold(128, usize::saturating_add)
    }
}

// === impl VerifiedTokens ===

impl VerifiedTokens {
    /// An empty cache of at most `max_tokens`. `seed` keys its hash, so that nobody can choose colliding tokens.
    pub fn new(seed: u64, max_tokens: usize) -> Self {
        let seed = FixedState::with_seed(seed);
        Self { entries: LruCache::unbounded_with_hasher(seed.clone()), seed, bytes: 0, max_tokens }
    }

    /// What is known of this very token.
    pub fn get(&mut self, token: &[u8]) -> Option<&mut Verified> {
        let entry = self.entries.get_mut(&self.place(token)).filter(|entry| entry.is_of(token))?;
        Some(&mut entry.verified)
    }

    /// Remembers a verified token.
    pub fn put(&mut self, token: &[u8], verified: Box<Verified>) {
        let weight = weight(token, &verified);
        self.bytes = self.bytes.saturating_add(weight);
        let entry = Entry { token: token.into(), verified, weight };
        if let Some(old) = self.entries.put(self.place(token), entry) {
            self.bytes = self.bytes.saturating_sub(old.weight);
        }
        self.shrink();
    }

    /// Weighs an entry again after something was added to it.
    pub fn reweigh(&mut self, token: &[u8]) {
        let place = self.place(token);
        if let Some(entry) = self.entries.peek_mut(&place).filter(|entry| entry.is_of(token)) {
            let weight = weight(token, &entry.verified);
            let old = core::mem::replace(&mut entry.weight, weight);
            self.bytes = self.bytes.saturating_sub(old).saturating_add(weight);
        }
        self.shrink();
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all entries, as [`MAX_BYTES`] counts them.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) {
        while self.entries.len() > self.max_tokens || self.bytes > MAX_BYTES {
            let Some((_, old)) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(old.weight);
        }
    }

    fn place(&self, token: &[u8]) -> u64 {
        let end = token.len().saturating_sub(HASHED_BYTES);
        self.seed.hash_one(token.get(end..).unwrap_or(token))
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedTokens({})", self.len())
    }
}

// === impl Entry ===

impl Entry {
    fn is_of(&self, token: &[u8]) -> bool {
        is_same(&self.token, token)
    }
}

/// Whether both are the same bytes, eight at a time: `memcmp` of wasi-libc takes one at a time, which is a fifth of a hit.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let number = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    rest == other_rest
        && words.len() == others.len()
        && words.iter().zip(others).all(|(a, b)| number(a) == number(b))
}

fn weight(token: &[u8], verified: &Verified) -> usize {
    verified.weight().saturating_add(token.len()).saturating_add(ENTRY_OVERHEAD)
}

#[cfg(test)]
mod tests;
