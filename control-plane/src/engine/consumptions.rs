//! Uses of tokens under a replay policy, on disk before anybody is told that one is the first.
//!
//! As with mints, whoever waits shares the next transaction with all who came meanwhile. Deliberately absent: what a use
//! is, which core decides.

use std::sync::Arc;

use cambist_core::time::Timestamp;

use crate::{
    store::{
        Store, StoreError,
        records::{Digest, TokenUse},
    },
    turns::{Bounds, Turns},
};

/// Whoever comes when so many uses wait is told to come back.
const BOUNDS: Bounds = Bounds { waiting: 8_192, taken: 1_024 };
/// Seconds for which a use is kept after its token has ended: clocks differ.
const MARGIN: i64 = 300;
/// The last second that a token can name.
const END_OF_TIME: i64 = 1 << 53;
/// Longest id of an issuer.
const MAX_ISSUER_BYTES: usize = 256;
/// Ended uses that are dropped in one transaction, and transactions in a row: nobody waits long behind them.
const PURGED_AT_ONCE: u32 = 500;
const MOST_PURGES: u32 = 200;

/// Writes uses.
#[derive(Clone)]
pub struct Consumptions {
    store: Arc<dyn Store>,
    turns: Arc<Turns<TokenUse, bool>>,
}

/// A use is not on disk, so nothing may come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// It is none.
    Invalid,
    /// Too many wait.
    Crowded,
    /// The store failed.
    Failed,
}

// === impl Consumptions ===

impl Consumptions {
    /// Uses in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, turns: Arc::new(Turns::new(BOUNDS)) }
    }

    /// Returns when the use is on disk: whether it is the first. `key` is 32 bytes in lower-case hex.
    ///
    /// A token that ended longer ago than clocks may differ is none: what is known of its uses may be dropped already.
    pub async fn consume(
        &self,
        tenant: &str,
        issuer: &str,
        key: &str,
        exp: i64,
        now: Timestamp,
    ) -> Result<bool, Unwritten> {
        let lasts = exp >= floor(now).secs() && exp <= END_OF_TIME;
        let is_issuer = (1..=MAX_ISSUER_BYTES).contains(&issuer.len());
        let key = digest(key).filter(|_| lasts && is_issuer).ok_or(Unwritten::Invalid)?;
        let used = TokenUse { tenant: tenant.to_owned(), issuer: issuer.to_owned(), key, exp };
        let place = self.turns.join(used, 1).map_err(|_| Unwritten::Crowded)?;
        if place.is_first {
            tokio::spawn(self.clone().write());
        }
        place.answer.await.map_err(|_| Unwritten::Failed)
    }

    async fn write(self) {
        while let Some((uses, receipts)) = self.turns.take() {
            match self.store.consume(&uses).await {
                Ok(first) => {
                    for (receipt, first) in receipts.into_iter().zip(first) {
                        // Whoever is gone has used its token nevertheless.
                        receipt.send(first).ok();
                    }
                }
                // Those who wait find their receipt gone.
                Err(error) => {
                    let cause =
                        core::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::error!(cause, uses = uses.len(), "uses of tokens could not be written");
                }
            }
        }
    }
}

/// Drops uses of tokens that have ended, in short steps.
pub async fn purge(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    for _ in 0..MOST_PURGES {
        if store.purge_uses(floor(now), PURGED_AT_ONCE).await? < u64::from(PURGED_AT_ONCE) {
            break;
        }
    }
    Ok(())
}

/// Uses of tokens that ended before this are not needed.
const fn floor(now: Timestamp) -> Timestamp {
    now.plus_secs(MARGIN.saturating_neg())
}

fn digest(hex: &str) -> Option<Digest> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}
