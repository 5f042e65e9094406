//! Fleet keys: when one is made, may sign, is published and goes. All of it follows from the keys there are and `now`.

use cambist_core::{jose::alg::Alg, time::Timestamp};

use super::{
    signing::Period,
    upkeep::{Due, of},
};
use crate::store::records::{KeyRole, StoredKey};

/// Seconds a fleet key lives at most.
pub const LIFETIME: i64 = 86_400;
/// Seconds before its end at which a successor is made.
pub const RENEWAL: i64 = 43_200;
/// Seconds a successor is published before it may sign: longer than any cache keeps the JWK set.
pub const LEAD: i64 = 900;
/// Seconds a key stays published after its end. No token outlives its key; this covers the leeway of verifiers.
pub const GRACE: i64 = 300;

/// The period of a deployment's first key, or of one made when none could sign: usable at once.
pub const fn first(now: Timestamp) -> Period {
    Period { created: now, not_before: now, not_after: Some(now.plus_secs(LIFETIME)) }
}

/// The keys that gateways may sign with now or soon.
pub fn signers(keys: &[StoredKey], now: Timestamp) -> impl Iterator<Item = &StoredKey> {
    fleet(keys).filter(move |key| key.not_after.is_some_and(|end| now < end))
}

fn fleet(keys: &[StoredKey]) -> impl Iterator<Item = &StoredKey> {
    keys.iter().filter(|key| key.role == KeyRole::Fleet)
}

/// Whether nobody needs it any more, even to verify with.
pub(super) fn is_over(key: &StoredKey, now: Timestamp) -> bool {
    key.role == KeyRole::Fleet && key.not_after.is_some_and(|end| end.plus_secs(GRACE) <= now)
}

/// The key of this algorithm that is due.
pub(super) fn due(keys: &[StoredKey], alg: Alg, now: Timestamp) -> Due {
    let own = || of(keys, KeyRole::Fleet, alg);
    let signs = |key: &StoredKey| key.not_before <= now && key.not_after.is_some_and(|end| now < end);
    if !own().any(signs) {
        return Due::At(first(now));
    }
    let last = own().filter_map(|key| key.not_after).max().unwrap_or_default();
    if last.plus_secs(RENEWAL.saturating_neg()) <= now {
        Due::At(Period { not_before: now.plus_secs(LEAD), ..first(now) })
    } else {
        Due::Nothing
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use cambist_core::{jose::alg::Alg, time::Timestamp};

    use super::{GRACE, LEAD, LIFETIME, RENEWAL, due, is_over, signers};
    use crate::{
        keys::upkeep::{Due, tests::mk_key},
        store::records::{KeyRole, StoredKey},
    };

    fn due_at(keys: &[StoredKey], now: Timestamp) -> Option<i64> {
        match due(keys, Alg::Es256, now) {
            Due::At(period) => Some(period.not_before.secs() - now.secs()),
            Due::Nothing => None,
        }
    }

    fn mk_fleet(not_before: i64) -> StoredKey {
        mk_key(KeyRole::Fleet, not_before, Some(not_before + LIFETIME))
    }

    #[test]
    fn wants_a_key_at_once_when_none_can_sign() {
        let now = Timestamp::from_secs(1_000_000);
        let authority = mk_key(KeyRole::Authority, 0, None);
        assert_eq!(due_at(&[], now), Some(0));
        assert_eq!(due_at(core::slice::from_ref(&authority), now), Some(0));
        assert_eq!(due_at(&[authority, mk_fleet(1_000_000 - LIFETIME)], now), Some(0));
        let other = StoredKey { alg: String::from("RS256"), ..mk_fleet(1_000_000) };
        assert_eq!(due_at(&[other], now), Some(0), "a key of another algorithm does not count");
    }

    #[test]
    fn makes_one_successor_well_before_the_end() {
        let start = 1_000_000;
        let first = mk_fleet(start);
        let before = Timestamp::from_secs(start + LIFETIME - RENEWAL - 1);
        let at = before.plus_secs(1);
        assert_eq!(due_at(core::slice::from_ref(&first), before), None);
        assert_eq!(due_at(core::slice::from_ref(&first), at), Some(LEAD));
        let second = mk_fleet(at.secs() + LEAD);
        assert_eq!(due_at(&[first, second], at), None);
    }

    #[test]
    fn stays_published_until_its_last_token_has_expired() {
        let key = mk_fleet(0);
        let end = Timestamp::from_secs(LIFETIME);
        assert_eq!(signers(core::slice::from_ref(&key), end.plus_secs(-1)).count(), 1);
        assert_eq!(signers(core::slice::from_ref(&key), end).count(), 0);
        assert!(!is_over(&key, end.plus_secs(GRACE - 1)));
        assert!(is_over(&key, end.plus_secs(GRACE)));
        assert!(!is_over(&mk_key(KeyRole::Authority, 0, None), end.plus_secs(GRACE)));
    }
}
