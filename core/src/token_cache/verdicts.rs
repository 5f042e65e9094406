//! What conditions came to for one token, so that a hit need not read its claims again. Deliberately absent: whoever
//! judges; a verdict depends on the token, its issuer, the two digests of its key, and the UserInfo answer that stands
//! with the token, which takes the verdicts along when it comes or goes.

use alloc::vec::Vec;

use crate::digest::Digest;

/// Most verdicts kept for one token. Beyond, conditions are judged again.
pub const MAX_VERDICTS: usize = 32;

/// Which condition was judged, and for which binding: that decides client and identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictKey {
    /// Digest of the condition.
    pub condition: Digest,
    /// Digest of the compiled binding.
    pub binding: Digest,
}

/// The verdicts on one token.
#[derive(Debug, Default)]
pub struct Verdicts(Vec<(VerdictKey, bool)>);

// === impl Verdicts ===

impl Verdicts {
    /// Whether the condition holds, if that is known.
    pub fn get(&self, key: &VerdictKey) -> Option<bool> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, holds)| *holds)
    }

    /// Remembers a verdict. When full, the others are forgotten: most are of policies that are gone.
    pub fn put(&mut self, key: VerdictKey, holds: bool) {
        if self.0.len() >= MAX_VERDICTS {
            self.0.clear();
        }
        self.0.push((key, holds));
    }

    /// How many are kept.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes they take, for the bound of the cache.
    pub(super) const fn weight(&self) -> usize {
        self.0.len().saturating_mul(size_of::<(VerdictKey, bool)>())
    }
}
