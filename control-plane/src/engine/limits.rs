//! Exchanges of each identity, counted for all gateways at once. In memory: a service that starts anew counts anew.
//!
//! Bounded: when there are too many identities, one whose whole burst is there again goes first, since nothing is lost
//! with it, and else the one that came least recently.

use std::hash::RandomState;

use cambist_core::{
    rate::{Limiter, OrderTag, Tally},
    time::Timestamp,
    wire::snapshot::Rate,
};
use lru::LruCache;

/// Identities that are counted at once.
const MOST_IDENTITIES: usize = 65_536;
/// How many of those that came least recently are looked at for one that can go.
const LOOKED_AT: usize = 64;

/// Counts of exchanges.
#[derive(Debug)]
pub(super) struct Limits {
    tallies: LruCache<String, Tally, RandomState>,
    most: usize,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self::of(MOST_IDENTITIES)
    }
}

impl Limits {
    fn of(most: usize) -> Self {
        Self { tallies: LruCache::unbounded_with_hasher(RandomState::new()), most }
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.tallies.len() < self.most {
            return;
        }
        let mut oldest = self.tallies.iter().rev().take(LOOKED_AT);
        let spare = oldest.find(|(_, tally)| tally.is_refilled(now)).map(|(identity, _)| identity.clone());
        match spare {
            Some(identity) => drop(self.tallies.pop(&identity)),
            None => drop(self.tallies.pop_lru()),
        }
    }
}

impl Limiter for Limits {
    fn count(
        &mut self,
        identity: &str,
        order: Option<OrderTag>,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), u32> {
        if let Some(tally) = self.tallies.get_mut(identity) {
            return tally.count(order, rate, now);
        }
        self.make_room(now);
        let mut tally = Tally::NOTHING;
        let counted = tally.count(order, rate, now);
        self.tallies.put(identity.to_owned(), tally);
        counted
    }
}

#[cfg(test)]
mod tests {
    use cambist_core::{rate::Limiter as _, time::Timestamp, wire::snapshot::Rate};

    use super::Limits;

    const ONE: Rate = Rate { per_minute: 1, burst: 1 };

    #[test]
    fn who_can_be_forgotten_goes_first_and_then_who_came_least_recently() {
        let mut limits = Limits::of(3);
        let start = Timestamp::from_secs(1_800_000_000);
        let later = start.plus_secs(50);
        let fast = Rate { per_minute: 60, burst: 1 };
        for (identity, rate) in [("slow", ONE), ("fast", fast), ("other", ONE)] {
            assert_eq!(limits.count(identity, None, rate, start), Ok(()));
        }
        assert_eq!(limits.count("new", None, ONE, later), Ok(()));
        assert_eq!(limits.count("slow", None, ONE, later), Err(10), "kept, though it came first");
        assert_eq!(limits.count("more", None, ONE, later), Ok(()));
        assert_eq!(limits.count("slow", None, ONE, later), Err(10), "came a moment ago");
        assert_eq!(
            limits.count("other", None, ONE, later),
            Ok(()),
            "came least recently, and is counted anew"
        );
        assert_eq!(limits.tallies.len(), 3);
    }
}
