//! What is shared of an issuer's keys: the last good set, and how the last fetch ended. Big-endian, one layout.

use alloc::vec::Vec;

use crate::{keyring::FetchFailure, time::Timestamp};

/// Most bytes of a record; a larger set is not shared, and each VM fetches it.
pub const MAX_RECORD_BYTES: usize = 65_536;
/// Most bytes of its set: the rest is the other fields and the seal.
const MAX_SET_BYTES: usize = MAX_RECORD_BYTES.saturating_sub(128);

const VERSION: u8 = 1;
/// Stands for no time.
const NEVER: i64 = i64::MIN;
/// Times of one clock may be read in another order than they were taken.
const SLACK_MS: i64 = 1_000;
/// The longest time between two refreshes that can be configured.
const LONGEST_MS: i64 = 86_400_000;

/// What is shared of an issuer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the last fetch ended; of two records the later is right.
    pub ended_at: Timestamp,
    /// When the next fetch is due.
    pub next_at: Timestamp,
    /// When the last fetch for an unknown `kid` began.
    pub refetched_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// Why the last fetch failed; `None` if it did not.
    pub failure: Option<FetchFailure>,
    /// The last good set; `None` if there was none or it is too large.
    pub set: Option<SharedSet<'a>>,
}

/// A good set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSet<'a> {
    /// When the fetch that brought it began.
    pub began: Timestamp,
    /// From when on it is stale.
    pub fresh_until: Timestamp,
    /// The JWK set as it came, never empty.
    pub body: &'a [u8],
}

/// Reads fields from the front.
struct Reader<'a>(&'a [u8]);

// === impl Record ===

impl<'a> Record<'a> {
    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_RECORD_BYTES {
            return None;
        }
        let mut reader = Reader(bytes);
        let [version] = reader.take()?;
        if version != VERSION {
            return None;
        }
        let ended_at = reader.time()?;
        let next_at = reader.time()?;
        let refetched_at = Some(reader.time()?).filter(|time| time.millis() != NEVER);
        let failures = u32::from_be_bytes(reader.take()?);
        let [code] = reader.take()?;
        let failure = match (code, u16::from_be_bytes(reader.take()?)) {
            (0, 0) => None,
            (code, status) => Some(failure_of(code, status)?),
        };
        let (began, fresh_until) = (reader.time()?, reader.time()?);
        let Reader(body) = reader;
        let set = if body.is_empty() {
            (began.millis() == NEVER && fresh_until.millis() == NEVER).then_some(None)?
        } else {
            Some(SharedSet { began, fresh_until, body })
        };
        Some(Self { ended_at, next_at, refetched_at, failures, failure, set })
    }

    /// The bytes that [`Self::read`] reads.
    pub fn write(&self) -> Vec<u8> {
        let never = Timestamp::from_millis(NEVER);
        let (code, status) = code_of(self.failure);
        let set = self.set.unwrap_or(SharedSet { began: never, fresh_until: never, body: &[] });
        let mut bytes = Vec::from([VERSION]);
        for time in [self.ended_at, self.next_at, self.refetched_at.unwrap_or(never)] {
            bytes.extend_from_slice(&time.millis().to_be_bytes());
        }
        bytes.extend_from_slice(&self.failures.to_be_bytes());
        bytes.push(code);
        bytes.extend_from_slice(&status.to_be_bytes());
        for time in [set.began, set.fresh_until] {
            bytes.extend_from_slice(&time.millis().to_be_bytes());
        }
        bytes.extend_from_slice(set.body);
        bytes
    }

    /// Whether its times can be: nothing was done later than now, and nothing is planned later than may be configured.
    pub(super) fn is_sane(&self, now: Timestamp) -> bool {
        let latest = now.plus_millis(SLACK_MS);
        let planned = self.ended_at.plus_millis(LONGEST_MS);
        let set = self.set.is_none_or(|set| set.began <= latest && set.fresh_until <= planned);
        set && self.ended_at <= latest
            && self.next_at <= planned
            && self.refetched_at.is_none_or(|refetched_at| refetched_at <= latest)
    }
}

// === impl SharedSet ===

impl SharedSet<'_> {
    /// Whether a record has room for it.
    pub(super) const fn fits(&self) -> bool {
        self.body.len() <= MAX_SET_BYTES
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_millis(i64::from_be_bytes(self.take()?)))
    }
}

const fn code_of(failure: Option<FetchFailure>) -> (u8, u16) {
    match failure {
        None => (0, 0),
        Some(FetchFailure::NoCluster) => (1, 0),
        Some(FetchFailure::Unreachable) => (2, 0),
        Some(FetchFailure::Status(status)) => (3, status),
        Some(FetchFailure::Redirect(status)) => (4, status),
        Some(FetchFailure::TooLarge) => (5, 0),
        Some(FetchFailure::InvalidDiscovery) => (6, 0),
        Some(FetchFailure::IssuerMismatch) => (7, 0),
        Some(FetchFailure::ForeignJwksUri) => (8, 0),
        Some(FetchFailure::NotJson) => (9, 0),
        Some(FetchFailure::NoKeyArray) => (10, 0),
        Some(FetchFailure::TooManyKeys) => (11, 0),
        Some(FetchFailure::NoUsableKey) => (12, 0),
    }
}

/// The failure of a code; `None` for what no version wrote.
fn failure_of(code: u8, status: u16) -> Option<FetchFailure> {
    let failure = match code {
        1 => FetchFailure::NoCluster,
        2 => FetchFailure::Unreachable,
        3 => FetchFailure::Status(status),
        4 => FetchFailure::Redirect(status),
        5 => FetchFailure::TooLarge,
        6 => FetchFailure::InvalidDiscovery,
        7 => FetchFailure::IssuerMismatch,
        8 => FetchFailure::ForeignJwksUri,
        9 => FetchFailure::NotJson,
        10 => FetchFailure::NoKeyArray,
        11 => FetchFailure::TooManyKeys,
        12 => FetchFailure::NoUsableKey,
        _ => return None,
    };
    (code_of(Some(failure)) == (code, status)).then_some(failure)
}
