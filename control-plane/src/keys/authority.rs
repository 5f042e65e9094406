//! The authority's own keys, which never leave the control plane: when one is made, signs, is published and goes.
//!
//! A key is published before it signs, for longer than anyone keeps the JWK set, and after it signed until the last
//! token it signed has expired. All of it follows from the keys there are and `now`.

use cambist_core::{jose::alg::Alg, time::Timestamp};

use super::{
    fleet::{GRACE, LEAD},
    signing::Period,
    upkeep::{Due, of},
};
use crate::store::records::{KeyRole, StoredKey};

/// Seconds an access token lives at most; no binding asks for more.
pub const LONGEST_TOKEN: i64 = 3600;
/// Seconds after which a key is succeeded where nothing else is configured: 90 days.
pub const LIFETIME: i64 = 90 * 86_400;

/// The keys that this service may sign with now or soon.
pub fn signers(keys: &[StoredKey], now: Timestamp) -> impl Iterator<Item = &StoredKey> {
    let own = keys.iter().filter(|key| key.role == KeyRole::Authority);
    own.filter(move |key| key.not_after.is_none_or(|end| now < end))
}

/// When the tokens that the predecessors of a key signed have expired.
pub fn end_before(successor: &StoredKey) -> Timestamp {
    successor.not_before.plus_secs(LONGEST_TOKEN)
}

/// A key of this algorithm that is published and does not sign yet.
pub fn pending(keys: &[StoredKey], alg: Alg, now: Timestamp) -> Option<&StoredKey> {
    of(keys, KeyRole::Authority, alg).find(|key| now < key.not_before)
}

/// The period of a key that is made now: it signs at once where there is none that could.
pub(super) fn next(keys: &[StoredKey], alg: Alg, now: Timestamp) -> Period {
    let signs = |key: &StoredKey| key.not_before <= now && key.not_after.is_none_or(|end| now < end);
    let lead = if of(keys, KeyRole::Authority, alg).any(signs) { LEAD } else { 0 };
    Period { created: now, not_before: now.plus_secs(lead), not_after: None }
}

/// The key of this algorithm that is due where keys are succeeded after `lifetime` seconds.
pub(super) fn due(keys: &[StoredKey], alg: Alg, now: Timestamp, lifetime: i64) -> Due {
    let last = of(keys, KeyRole::Authority, alg).map(|key| key.not_before).max();
    let fresh = last.is_some_and(|last| now < last.plus_secs(lifetime.saturating_sub(LEAD)));
    if fresh { Due::Nothing } else { Due::At(next(keys, alg, now)) }
}

/// Whether nobody needs it any more, even to verify with.
pub(super) fn is_over(key: &StoredKey, now: Timestamp) -> bool {
    key.role == KeyRole::Authority && key.not_after.is_some_and(|end| end.plus_secs(GRACE) <= now)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use cambist_core::{jose::alg::Alg, time::Timestamp};

    use super::{GRACE, LEAD, LIFETIME, due, is_over, pending};
    use crate::{
        keys::upkeep::{Due, tests::mk_key},
        store::records::{KeyRole, StoredKey},
    };

    fn due_at(keys: &[StoredKey], alg: Alg, now: i64) -> Option<i64> {
        match due(keys, alg, Timestamp::from_secs(now), LIFETIME) {
            Due::At(period) => Some(period.not_before.secs() - now),
            Due::Nothing => None,
        }
    }

    #[test]
    fn the_first_key_of_an_algorithm_signs_at_once() {
        let es256 = mk_key(KeyRole::Authority, 1_000, None);
        assert_eq!(due_at(&[], Alg::Es256, 1_000), Some(0));
        assert_eq!(due_at(core::slice::from_ref(&es256), Alg::Rs256, 1_000), Some(0));
        assert_eq!(due_at(&[es256], Alg::Es256, 1_000), None);
        assert_eq!(due_at(&[mk_key(KeyRole::Fleet, 1_000, None)], Alg::Es256, 1_000), Some(0));
    }

    #[test]
    fn a_successor_is_made_early_enough_to_be_published_first() {
        let first = mk_key(KeyRole::Authority, 1_000, None);
        let at = 1_000 + LIFETIME - LEAD;
        assert_eq!(due_at(core::slice::from_ref(&first), Alg::Es256, at - 1), None);
        assert_eq!(due_at(core::slice::from_ref(&first), Alg::Es256, at), Some(LEAD));
        let second = mk_key(KeyRole::Authority, at + LEAD, None);
        let both = [first, second];
        assert_eq!(due_at(&both, Alg::Es256, at + 1), None);
        let now = |secs| Timestamp::from_secs(secs);
        assert_eq!(
            pending(&both, Alg::Es256, now(at + LEAD - 1)).map(|key| key.kid.as_str()),
            Some(&*both[1].kid)
        );
        assert!(pending(&both, Alg::Es256, now(at + LEAD)).is_none());
    }

    #[test]
    fn stays_published_until_its_last_token_has_expired() {
        let end = Timestamp::from_secs(10_000);
        let key = mk_key(KeyRole::Authority, 0, Some(10_000));
        assert!(!is_over(&key, end.plus_secs(GRACE - 1)));
        assert!(is_over(&key, end.plus_secs(GRACE)));
        assert!(!is_over(&mk_key(KeyRole::Authority, 0, None), end.plus_secs(GRACE)));
    }
}
