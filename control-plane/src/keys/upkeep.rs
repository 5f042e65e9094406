//! Making the keys that are due and dropping those that nobody needs any more.

use std::sync::Arc;

use cambist_core::{jose::alg::Alg, time::Timestamp};

use super::{
    authority, fleet,
    seal::Kek,
    signing::{self, ALGS, KeyError, Period},
};
use crate::store::{
    Store, StoreError,
    records::{Author, KeyRole, StoredKey},
};

/// Why keys could not be kept up.
#[derive(Debug)]
pub enum UpkeepError {
    /// Making one failed.
    Key(KeyError),
    /// The store failed.
    Store(StoreError),
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Verifiers learn of it; it does not sign yet.
    Published,
    /// It signs.
    Signing,
    /// Another signs; tokens of this one may still live.
    Retired,
}

/// What is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// A key of this period.
    At(Period),
    /// Nothing.
    Nothing,
}

/// The keys of a tenant, and what they are kept with.
pub struct Keeper<'a> {
    /// Where they are.
    pub store: &'a Arc<dyn Store>,
    /// What encrypts them.
    pub kek: &'a Arc<Kek>,
    /// Whose they are.
    pub tenant: &'a str,
    /// Seconds after which a key of the authority is succeeded.
    pub lifetime: i64,
}

/// The keys of one role and algorithm.
pub(super) fn of(keys: &[StoredKey], role: KeyRole, alg: Alg) -> impl Iterator<Item = &StoredKey> {
    keys.iter().filter(move |key| key.role == role && key.alg == alg.name())
}

/// Where `key`, one of `keys`, stands: of those in their time, the one that lasts longest signs.
pub fn stage(keys: &[StoredKey], key: &StoredKey, now: Timestamp) -> Stage {
    if now < key.not_before {
        return Stage::Published;
    }
    let same = keys.iter().filter(|other| other.role == key.role && other.alg == key.alg);
    let in_time = same.filter(|other| other.not_before <= now && other.not_after.is_none_or(|end| now < end));
    let signer = in_time.max_by_key(|other| other.not_after.map_or(i64::MAX, Timestamp::millis));
    if signer.is_some_and(|signer| signer.kid == key.kid) { Stage::Signing } else { Stage::Retired }
}

/// The author of what is done because it is time.
fn author(now: Timestamp) -> Author {
    Author { actor: String::from("system"), request: String::new(), at: now }
}

// === impl Keeper ===

impl Keeper<'_> {
    /// Makes the keys that are due and drops those that nobody needs to verify with any more. Keys for RS256 are made
    /// where a binding asks for them.
    pub async fn keep_up(&self, now: Timestamp) -> Result<(), UpkeepError> {
        for alg in ALGS {
            if alg != Alg::Es256 && !self.store.is_signed_with(self.tenant, alg.name()).await? {
                continue;
            }
            let keys = self.store.keys(self.tenant).await?;
            if let Due::At(period) = authority::due(&keys, alg, now, self.lifetime) {
                self.succeed(alg, period, author(now)).await?;
            }
            if let Due::At(period) = fleet::due(&keys, alg, now) {
                let key = self.make(KeyRole::Fleet, alg, period).await?;
                self.store.add_key(self.tenant, key, author(now)).await?;
            }
        }
        for key in self.store.keys(self.tenant).await? {
            if fleet::is_over(&key, now) || authority::is_over(&key, now) {
                tracing::info!(
                    tenant = self.tenant,
                    key.kid,
                    key.role = key.role.name(),
                    "dropped a signing key"
                );
                self.store.remove_key(self.tenant, &key.kid, author(now)).await?;
            }
        }
        Ok(())
    }

    /// Makes a successor to the authority's key of this algorithm, or shows the one that waits for its time already.
    pub async fn rotate(&self, alg: Alg, author: Author) -> Result<StoredKey, UpkeepError> {
        let now = author.at;
        let keys = self.store.keys(self.tenant).await?;
        match authority::pending(&keys, alg, now) {
            Some(pending) => Ok(pending.clone()),
            None => self.succeed(alg, authority::next(&keys, alg, now), author).await,
        }
    }

    async fn succeed(&self, alg: Alg, period: Period, author: Author) -> Result<StoredKey, UpkeepError> {
        let key = self.make(KeyRole::Authority, alg, period).await?;
        self.store.succeed(self.tenant, key.clone(), authority::end_before(&key), author).await?;
        Ok(key)
    }

    /// Off the threads that answer: an RSA key takes a while.
    async fn make(&self, role: KeyRole, alg: Alg, period: Period) -> Result<StoredKey, UpkeepError> {
        let (kek, tenant) = (Arc::clone(self.kek), self.tenant.to_owned());
        let made = tokio::task::spawn_blocking(move || signing::generate(&kek, &tenant, role, alg, period));
        let key = made.await.unwrap_or(Err(KeyError::Generate)).map_err(UpkeepError::Key)?;
        let (not_before, alg) = (period.not_before.secs(), key.alg.as_str());
        tracing::info!(
            tenant = self.tenant,
            key.kid,
            key.role = role.name(),
            alg,
            not_before,
            "made a signing key"
        );
        Ok(key)
    }
}

// === impl Stage ===

impl Stage {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Retired => "retired",
        }
    }
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
pub(super) mod tests {
    use cambist_core::{secret::Secret, time::Timestamp};
    use serde_json::json;

    use super::{Stage, stage};
    use crate::store::records::{KeyRole, StoredKey};

    pub(in super::super) fn mk_key(role: KeyRole, not_before: i64, not_after: Option<i64>) -> StoredKey {
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

    #[test]
    fn one_key_of_a_role_signs_at_a_time() {
        let keys = [
            mk_key(KeyRole::Authority, 0, Some(4_600)),
            mk_key(KeyRole::Authority, 1_000, None),
            mk_key(KeyRole::Fleet, 500, Some(9_000)),
        ];
        for (now, stages) in [
            (999, [Stage::Signing, Stage::Published, Stage::Signing]),
            (1_000, [Stage::Retired, Stage::Signing, Stage::Signing]),
            (9_000, [Stage::Retired, Stage::Signing, Stage::Retired]),
        ] {
            let found = keys.each_ref().map(|key| stage(&keys, key, Timestamp::from_secs(now)));
            assert_eq!(found, stages, "{now}");
        }
    }
}
