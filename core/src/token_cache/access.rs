//! The access tokens minted for one subject token, each with everything else that it depends on.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

use super::ENTRY_OVERHEAD;
use crate::{denial::Denial, digest::Digest, flow::Counted, time::Timestamp};

/// Most access tokens kept for one subject token.
pub const MAX_ACCESS_PER_TOKEN: usize = 8;
/// Until when an access token that may not be served again may be served.
const FLEETING: Timestamp = Timestamp::from_millis(i64::MIN);

/// An access token that was minted. It holds a credential, so it has no `Debug`.
pub struct Access {
    /// `Bearer ` and the token, ready to be set.
    pub authorization: Arc<str>,
    /// Unix seconds at which it ends.
    pub exp: i64,
    /// Until when it may be served: some time before its `exp`.
    pub usable_until: Timestamp,
    /// Its `jti`, which may be revoked.
    pub jti: String,
    /// `kid` of the authority's key that signed it, which may be withdrawn; `None` where the key's digest stands in
    /// [`AccessKey::minter`], or the token is not ours.
    pub kid: Option<String>,
    /// The record that must be on disk before any request carries it.
    pub pending: Option<Pending>,
}

/// A record of a mint that is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its sequence.
    pub sequence: u64,
    /// What the first request that carries the access token counts as.
    pub counted: Counted,
    /// Whether only one request may carry it, because nobody knows how long it lasts.
    pub is_once: bool,
}

/// Everything an access token depends on beside its subject token.
#[derive(Clone, Copy, Debug)]
pub struct AccessKey<'a> {
    /// SHA-256 of the actor token.
    pub actor: Option<Digest>,
    /// Digest of the compiled issuer.
    pub issuer: Digest,
    /// Digest of the compiled binding.
    pub binding: Digest,
    /// Audiences of the access token.
    pub targets: &'a [&'a str],
    /// Granted scopes.
    pub scope: &'a str,
    /// The login id that UserInfo gave.
    pub login: Option<&'a str>,
    /// Digest of the key that mints, or of the external endpoint.
    pub minter: &'a [u8],
    /// Whether its record is awaited: what was made without is not served where that is demanded.
    pub strict: bool,
}

/// The access tokens of one subject token.
#[derive(Default)]
pub struct AccessTokens {
    entries: Vec<(OwnedKey, Access)>,
    /// What was refused a moment ago, and until when that stands.
    refusals: Vec<(OwnedKey, Denial, Timestamp)>,
    grown: bool,
}

/// An [`AccessKey`] that is kept. Its texts lie in one piece of memory: thousands of these come and go.
struct OwnedKey {
    actor: Option<Digest>,
    issuer: Digest,
    binding: Digest,
    strict: bool,
    has_login: bool,
    /// Targets, scope, login and minter, each behind its length.
    texts: Box<[u8]>,
}

// === impl Access ===

impl Access {
    /// Stands for an access token that may not be served again, without its text.
    pub fn fleeting() -> Self {
        let (authorization, jti) = (Arc::from(""), String::new());
        Self { authorization, exp: 0, usable_until: FLEETING, jti, kid: None, pending: None }
    }

    fn weight(&self) -> usize {
        let kid = self.kid.as_ref().map_or(0, String::len);
        self.authorization.len().saturating_add(self.jti.len()).saturating_add(kid)
    }
}

// === impl AccessTokens ===

impl AccessTokens {
    /// The access token for `key`, if one may be served at `now`.
    pub fn get(&mut self, key: &AccessKey<'_>, now: Timestamp) -> Option<&mut Access> {
        let (_, access) = self.entries.iter_mut().find(|(known, _)| known.is(key))?;
        (now < access.usable_until).then_some(access)
    }

    /// Remembers an access token, in place of the one for the same key or, when full, of the one that ends first.
    pub fn put(&mut self, key: &AccessKey<'_>, access: Access) {
        self.grown = true;
        self.refusals.retain(|(known, ..)| !known.is(key));
        self.entries.retain(|(known, _)| !known.is(key));
        if self.entries.len() >= MAX_ACCESS_PER_TOKEN {
            let first = self.entries.iter().enumerate().min_by_key(|(_, (_, access))| access.usable_until);
            if let Some((index, _)) = first {
                self.entries.swap_remove(index);
            }
        }
        // Most tokens have one, and room for four would be as big as all the rest of the entry.
        self.entries.reserve_exact(1);
        self.entries.push((OwnedKey::new(key), access));
    }

    /// Why there is none for `key`, if that was found out a moment before `now`, and until when that stands.
    pub fn refusal(&self, key: &AccessKey<'_>, now: Timestamp) -> Option<(Denial, Timestamp)> {
        let (_, denial, until) = self.refusals.iter().find(|(known, ..)| known.is(key))?;
        (now < *until).then_some((*denial, *until))
    }

    /// Whether the last one for `key` was good for its request only.
    pub fn is_fleeting(&self, key: &AccessKey<'_>) -> bool {
        self.entries.iter().any(|(known, access)| known.is(key) && access.usable_until == FLEETING)
    }

    /// Remembers why there is none, in place of the oldest such when full.
    pub fn refuse(&mut self, key: &AccessKey<'_>, denial: Denial, until: Timestamp) {
        self.grown = true;
        self.refusals.retain(|(known, ..)| !known.is(key));
        if self.refusals.len() >= MAX_ACCESS_PER_TOKEN {
            self.refusals.remove(0);
        }
        self.refusals.push((OwnedKey::new(key), denial, until));
    }

    /// Whether something was put or refused since this was asked last.
    pub const fn take_grown(&mut self) -> bool {
        core::mem::replace(&mut self.grown, false)
    }

    pub(super) fn weight(&self) -> usize {
        let entries = self.entries.iter().map(|(key, access)| key.weight().saturating_add(access.weight()));
        let refusals = self.refusals.iter().map(|(key, ..)| key.weight());
        entries.chain(refusals).fold(0, usize::saturating_add)
    }

    /// How many are kept.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessTokens({})", self.len())
    }
}

// === impl AccessKey ===

impl<'a> AccessKey<'a> {
    /// Its texts in an order that never changes; how many targets there are follows from how many texts.
    fn texts(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let Self { targets, scope, login, minter, .. } = *self;
        let targets = targets.iter().map(|target| target.as_bytes());
        let last = [scope.as_bytes(), login.unwrap_or_default().as_bytes(), minter];
        targets.chain(last)
    }
}

// === impl OwnedKey ===

impl OwnedKey {
    fn new(key: &AccessKey<'_>) -> Self {
        let AccessKey { actor, issuer, binding, login, strict, targets: _, scope: _, minter: _ } = *key;
        let size = key.texts().map(|text| text.len().saturating_add(size_of::<u32>()));
        let mut texts = Vec::with_capacity(size.fold(0, usize::saturating_add));
        for text in key.texts() {
            texts.extend_from_slice(&length(text));
            texts.extend_from_slice(text);
        }
        Self { actor, issuer, binding, strict, has_login: login.is_some(), texts: texts.into() }
    }

    fn is(&self, key: &AccessKey<'_>) -> bool {
        let Self { actor, issuer, binding, strict, has_login, texts } = self;
        *actor == key.actor
            && *issuer == key.issuer
            && *binding == key.binding
            && *strict == key.strict
            && *has_login == key.login.is_some()
            && strip_all(texts, key.texts()).is_some_and(<[u8]>::is_empty)
    }

    fn weight(&self) -> usize {
        self.texts.len().saturating_add(ENTRY_OVERHEAD)
    }
}

fn length(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// What follows `texts`, each behind its length, at the start of `kept`.
fn strip_all<'k, 'a>(kept: &'k [u8], mut texts: impl Iterator<Item = &'a [u8]>) -> Option<&'k [u8]> {
    texts.try_fold(kept, |rest, text| rest.strip_prefix(&length(text))?.strip_prefix(text))
}
