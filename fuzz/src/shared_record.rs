//! What a VM finds in the host's shared data, where any plugin may have written it.

use cambist_core::keyring::{FetchFailure, MAX_RECORD_BYTES, Record};

/// The input is what stands under a seal.
///
/// A record is read only in the one layout in which it is written, stays within its bounds, and says of a failure what
/// it was.
pub fn shared_record(data: &[u8]) {
    let Some(record) = Record::read(data) else { return };
    assert!(data.len() <= MAX_RECORD_BYTES, "too large a record was read");
    assert_eq!(record.write(), data, "another layout was read");
    assert!(record.set.is_none_or(|set| !set.body.is_empty()), "a set without a body was read");
    assert!(record.failure.is_none_or(|failure: FetchFailure| !failure.to_string().is_empty()));
}
