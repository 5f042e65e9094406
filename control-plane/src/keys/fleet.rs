//! Fleet keys: when one is made, may sign, is published and goes. All of it follows from the keys there are and `now`.

use std::sync::Arc;

use cambist_core::time::Timestamp;

use super::{
    seal::Kek,
    signing::{self, KeyError, Period},
};
use crate::store::{
    Store, StoreError,
    records::{Author, KeyRole, StoredKey},
};

/// Seconds a fleet key lives at most.
pub const LIFETIME: i64 = 86_400;
/// Seconds before its end at which a successor is made.
pub const RENEWAL: i64 = 43_200;
/// Seconds a successor is published before it may sign: longer than any cache keeps the JWK set.
pub const LEAD: i64 = 900;
/// Seconds a key stays published after its end. No token outlives its key; this covers the leeway of verifiers.
pub const GRACE: i64 = 300;

/// Why keys could not be kept up.
#[derive(Debug)]
pub enum UpkeepError {
    /// Making one failed.
    Key(KeyError),
    /// The store failed.
    Store(StoreError),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// A key that signs at once: there is none that could.
    Now,
    /// A successor, which signs after [`LEAD`].
    Successor,
    /// Nothing.
    Nothing,
}

/// The period of a deployment's first key, or of one made when none could sign: usable at once.
pub const fn first(now: Timestamp) -> Period {
    Period { created: now, not_before: now, not_after: Some(now.plus_secs(LIFETIME)) }
}

/// Makes the keys that are due and drops those that nobody needs to verify with any more.
pub async fn keep_up(
    store: &Arc<dyn Store>,
    kek: &Kek,
    tenant: &str,
    now: Timestamp,
) -> Result<(), UpkeepError> {
    let keys = store.keys(tenant).await?;
    let author = || Author { actor: String::from("system"), request: String::new(), at: now };
    let period = match due(&keys, now) {
        Due::Now => Some(first(now)),
        Due::Successor => Some(Period { not_before: now.plus_secs(LEAD), ..first(now) }),
        Due::Nothing => None,
    };
    if let Some(period) = period {
        let key = signing::generate(kek, tenant, KeyRole::Fleet, period).map_err(UpkeepError::Key)?;
        tracing::info!(tenant, key.kid, key.not_before = period.not_before.secs(), "made a fleet key");
        store.add_key(tenant, key, author()).await?;
    }
    for key in keys.iter().filter(|key| is_over(key, now)) {
        tracing::info!(tenant, key.kid, "dropped a fleet key");
        store.remove_key(tenant, &key.kid, author()).await?;
    }
    Ok(())
}

/// The keys that gateways may sign with now or soon.
pub fn signers(keys: &[StoredKey], now: Timestamp) -> impl Iterator<Item = &StoredKey> {
    fleet(keys).filter(move |key| key.not_after.is_some_and(|end| now < end))
}

fn fleet(keys: &[StoredKey]) -> impl Iterator<Item = &StoredKey> {
    keys.iter().filter(|key| key.role == KeyRole::Fleet)
}

fn is_over(key: &StoredKey, now: Timestamp) -> bool {
    key.role == KeyRole::Fleet && key.not_after.is_some_and(|end| end.plus_secs(GRACE) <= now)
}

fn due(keys: &[StoredKey], now: Timestamp) -> Due {
    if !signers(keys, now).any(|key| key.not_before <= now) {
        return Due::Now;
    }
    let last = fleet(keys).filter_map(|key| key.not_after).max().unwrap_or_default();
    if last.plus_secs(RENEWAL.saturating_neg()) <= now { Due::Successor } else { Due::Nothing }
}

// === impl UpkeepError ===

impl From<StoreError> for UpkeepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl core::fmt::Display for UpkeepError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Key(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for UpkeepError {}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use cambist_core::{secret::Secret, time::Timestamp};
    use serde_json::json;

    use super::{Due, GRACE, LEAD, LIFETIME, RENEWAL, due, is_over, signers};
    use crate::store::records::{KeyRole, StoredKey};

    fn mk_key(role: KeyRole, not_before: i64, not_after: Option<i64>) -> StoredKey {
        StoredKey {
            kid: format!("k{not_before}"),
            role,
            alg: String::from("ES256"),
            public_jwk: json!({}),
            sealed: Secret::new(Vec::new()),
            kek_id: String::new(),
            created: Timestamp::from_secs(not_before),
            not_before: Timestamp::from_secs(not_before),
            not_after: not_after.map(Timestamp::from_secs),
        }
    }

    fn mk_fleet(not_before: i64) -> StoredKey {
        mk_key(KeyRole::Fleet, not_before, Some(not_before + LIFETIME))
    }

    #[test]
    fn wants_a_key_at_once_when_none_can_sign() {
        let now = Timestamp::from_secs(1_000_000);
        let authority = mk_key(KeyRole::Authority, 0, None);
        assert_eq!(due(&[], now), Due::Now);
        assert_eq!(due(core::slice::from_ref(&authority), now), Due::Now);
        assert_eq!(due(&[authority, mk_fleet(1_000_000 - LIFETIME)], now), Due::Now);
    }

    #[test]
    fn makes_one_successor_well_before_the_end() {
        let start = 1_000_000;
        let first = mk_fleet(start);
        let before = Timestamp::from_secs(start + LIFETIME - RENEWAL - 1);
        let at = before.plus_secs(1);
        assert_eq!(due(core::slice::from_ref(&first), before), Due::Nothing);
        assert_eq!(due(core::slice::from_ref(&first), at), Due::Successor);
        let second = mk_fleet(at.secs() + LEAD);
        assert_eq!(due(&[first, second], at), Due::Nothing);
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
