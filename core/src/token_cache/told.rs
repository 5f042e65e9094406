//! What was told of one token, by what it depends on beside the token.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use crate::{claims_out::Values, digest::Digest};

/// Most lists of values kept for one token.
pub const MAX_TOLD_PER_TOKEN: usize = 8;

/// Everything that values depend on beside their token and its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldKey {
    /// Digest of what the route tells.
    pub claims_out: Digest,
    /// Digest of the compiled binding.
    pub binding: Digest,
}

/// The values of one token.
#[derive(Default)]
pub struct Told {
    entries: Vec<(ToldKey, Arc<Values>)>,
    grown: bool,
}

// === impl Told ===

impl Told {
    /// The values for `key`.
    pub fn get(&self, key: &ToldKey) -> Option<&Arc<Values>> {
        self.entries.iter().find(|(known, _)| known == key).map(|(_, values)| values)
    }

    /// Remembers values, in place of the oldest when full.
    pub fn put(&mut self, key: ToldKey, values: Arc<Values>) {
        self.entries.retain(|(known, _)| *known != key);
        if self.entries.len() >= MAX_TOLD_PER_TOKEN {
            self.entries.remove(0);
        }
        self.entries.push((key, values));
        self.grown = true;
    }

    /// Whether something was put since this was asked last.
    pub const fn take_grown(&mut self) -> bool {
        core::mem::replace(&mut self.grown, false)
    }

    /// About how many bytes are kept.
    pub(super) fn weight(&self) -> usize {
        let weights = self.entries.iter().map(|(_, values)| values.weight().saturating_add(128));
        weights.fold(0, usize::saturating_add)
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({})", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::sync::Arc;

    use super::{MAX_TOLD_PER_TOKEN, Told, ToldKey};
    use crate::{claims_out::Values, digest::Digest};

    fn key(claims_out: u8, binding: u8) -> ToldKey {
        ToldKey { claims_out: Digest::of(&[claims_out]), binding: Digest::of(&[binding]) }
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let mut told = Told::default();
        told.put(key(1, 1), Arc::default());
        assert!(told.get(&key(1, 1)).is_some());
        assert!(told.get(&key(1, 2)).is_none());
        assert!(told.get(&key(2, 1)).is_none());
    }

    #[test]
    fn the_oldest_goes_when_full_and_weight_is_noticed_once() {
        let mut told = Told::default();
        let values = Values { headers: [(Arc::from("a"), Arc::from("b"))].into(), ..Values::default() };
        let values = Arc::new(values);
        for number in 0..=u8::try_from(MAX_TOLD_PER_TOKEN).unwrap() {
            told.put(key(number, 0), Arc::clone(&values));
            assert!(told.take_grown() && !told.take_grown());
        }
        assert!(told.get(&key(0, 0)).is_none());
        assert!(told.get(&key(1, 0)).is_some());
        assert_eq!(told.weight(), MAX_TOLD_PER_TOKEN * (values.weight() + 128));
    }
}
