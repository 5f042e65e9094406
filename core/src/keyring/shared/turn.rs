//! Whose turn it is to fetch, what is learned from others, and what is told to them.

use alloc::{sync::Arc, vec::Vec};

use super::{Board, Place, Record, SharedSet, Sharing, Turn, UNWRITTEN, lease::Taken};
use crate::{
    jose::key_set::KeySet,
    keyring::{answer::RETRY_LATEST_MS, issuer_keys::IssuerKeys},
    time::Timestamp,
};

/// After so many attempts that somebody else disturbed, a VM fetches without a lease.
const MAX_DISTURBED: u32 = 3;
/// How often a write is tried again that somebody else was quicker with.
const MAX_WRITES: u32 = 3;

/// The names of one issuer.
#[derive(Clone, Debug, Default)]
enum Names {
    /// Not asked for yet.
    #[default]
    Unknown,
    /// There are too many already.
    None,
    At(Arc<Place>),
}

/// What a VM knows of the others about one issuer.
#[derive(Debug, Default)]
pub(in crate::keyring) struct Companions {
    names: Names,
    /// Number of the record that was read last.
    seen: Option<u32>,
    /// When the fetch ended that is known last, of whatever VM.
    pub(in crate::keyring) ended_at: Option<Timestamp>,
    /// Whether another VM fetches.
    pub(in crate::keyring) following: bool,
    disturbed: u32,
}

impl IssuerKeys {
    /// Looks at the board before a fetch that is due.
    pub(in crate::keyring) fn turn(
        &mut self,
        id: &str,
        sharing: &mut Sharing,
        board: &dyn Board,
        now: Timestamp,
    ) -> Turn {
        let turn = self.look(id, sharing, board, now);
        self.companions.following = turn == Turn::Follow;
        if turn == Turn::Learned {
            // Who still wants another fetch says so again.
            self.want = None;
        }
        turn
    }

    fn look(&mut self, id: &str, sharing: &mut Sharing, board: &dyn Board, now: Timestamp) -> Turn {
        let Some(place) = self.place(id, sharing) else { return Turn::Fetch };
        if self.learn(sharing, board, &place, now) {
            return Turn::Learned;
        }
        match sharing.take_lease(board, &place.lease, now) {
            Taken::Held => {
                self.companions.disturbed = 0;
                Turn::Follow
            }
            Taken::Won => {
                self.companions.disturbed = 0;
                // The holder before may have ended between the two looks.
                if self.learn(sharing, board, &place, now) {
                    sharing.release(board, &place.lease);
                    return Turn::Learned;
                }
                Turn::Fetch
            }
            Taken::Disturbed => {
                self.companions.disturbed = self.companions.disturbed.saturating_add(1);
                if self.companions.disturbed >= MAX_DISTURBED { Turn::Fetch } else { Turn::Follow }
            }
        }
    }

    /// Keeps the lease for the second step of a fetch.
    pub(in crate::keyring) fn renew(
        &mut self,
        id: &str,
        sharing: &mut Sharing,
        board: &dyn Board,
        now: Timestamp,
    ) {
        if let Some(place) = self.place(id, sharing) {
            sharing.take_lease(board, &place.lease, now);
        }
    }

    /// Tells the others how a fetch ended, with the set that a good one brought, and gives the lease back.
    pub(in crate::keyring) fn publish(
        &mut self,
        id: &str,
        sharing: &mut Sharing,
        board: &dyn Board,
        now: Timestamp,
        body: Option<&[u8]>,
    ) {
        let Some(place) = self.place(id, sharing) else { return };
        for _ in 0..MAX_WRITES {
            let (value, seen) = board.read(&place.keys).unwrap_or((Vec::new(), UNWRITTEN));
            let before = sharing.open(&place.keys, &value, now);
            let Some(record) = self.record(before.as_ref(), body, now) else { break };
            if board.write(&place.keys, &sharing.seal.close(&place.keys, record.write()), seen) {
                break;
            }
        }
        sharing.release(board, &place.lease);
    }

    /// The record that follows `before`; `None` where that is the newer one.
    fn record<'a>(
        &self,
        before: Option<&Record<'a>>,
        body: Option<&'a [u8]>,
        now: Timestamp,
    ) -> Option<Record<'a>> {
        let ended_at = self.companions.ended_at.unwrap_or(now);
        if before.is_some_and(|before| before.ended_at > ended_at) {
            return None;
        }
        let known = before.and_then(|before| before.set);
        let fetched = self.set.as_ref().zip(body).map(|(good, body)| SharedSet {
            began: good.began,
            fresh_until: good.fresh_until,
            body,
        });
        let is_too_large = fetched.is_some_and(|set| !set.fits());
        let set = if is_too_large { None } else { fetched.or(known) };
        Some(Record {
            ended_at,
            // Nobody can take this set over, so everybody is due.
            next_at: if is_too_large { ended_at } else { self.next_at },
            refetched_at: self.refetched_at.max(before.and_then(|before| before.refetched_at)),
            failures: self.failures,
            failure: self.last_failure,
            set,
        })
    }

    /// Takes over what a newer record says; false if there is none.
    fn learn(&mut self, sharing: &mut Sharing, board: &dyn Board, place: &Place, now: Timestamp) -> bool {
        let Some((value, seen)) = board.read(&place.keys) else { return false };
        // Each is read once, and one that is none counted once.
        if self.companions.seen.replace(seen) == Some(seen) {
            return false;
        }
        let Some(record) = sharing.open(&place.keys, &value, now) else {
            sharing.count_invalid();
            return false;
        };
        if self.companions.ended_at.is_some_and(|known| record.ended_at <= known) {
            return false;
        }
        let own = self.set.as_ref().map(|good| good.began);
        if let Some(set) = record.set.filter(|set| own.is_none_or(|own| own < set.began)) {
            let Some(keys) = KeySet::parse(set.body).ok().filter(|keys| !keys.is_empty()) else {
                return false;
            };
            // The VM that fetched has told the operator.
            let _ = self.note_private(&keys);
            let fresh_until = set.fresh_until.min(now.plus_millis(self.refresh_ms.1));
            self.adopt_set(keys, set.began.min(now), fresh_until, now);
        }
        self.companions.ended_at = Some(record.ended_at);
        self.refetched_at = self.refetched_at.max(record.refetched_at);
        self.failures = record.failures;
        self.next_at = record.next_at.min(now.plus_millis(self.refresh_ms.1.max(RETRY_LATEST_MS)));
        if core::mem::replace(&mut self.last_failure, record.failure) != record.failure {
            self.reporting.changed(now);
        }
        true
    }

    fn place(&mut self, id: &str, sharing: &mut Sharing) -> Option<Arc<Place>> {
        if let Names::Unknown = self.companions.names {
            self.companions.names = sharing.place(id, self).map_or(Names::None, Names::At);
        }
        match &self.companions.names {
            Names::At(place) => Some(Arc::clone(place)),
            Names::Unknown | Names::None => None,
        }
    }

    /// Forgets the names, which others are used for now.
    pub(in crate::keyring) fn forget_place(&mut self) {
        self.companions.names = Names::Unknown;
        self.companions.seen = None;
    }
}
