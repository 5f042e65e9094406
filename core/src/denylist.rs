//! Revocations in force at this gateway: identities, clients and issuers until reinstated, `jti`s until their `exp`.

use alloc::string::String;

use hashbrown::{HashMap, HashSet};

use crate::{
    time::Timestamp,
    wire::changes::{Changes, Revoked, RevokedJti},
};

/// What is revoked.
#[derive(Clone, Debug, Default)]
pub struct Denylist {
    epoch: u64,
    identities: HashSet<String>,
    clients: HashSet<String>,
    issuers: HashSet<String>,
    jtis: HashMap<String, i64>,
}

impl Denylist {
    /// The epoch up to which changes were applied; the next `since`.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Applies an answer of the control plane. Expired `jti`s are dropped on the way.
    pub fn apply(&mut self, changes: Changes, now: Timestamp) {
        let Changes { epoch, full, revoke, reinstate, jtis } = changes;
        if full {
            *self = Self::default();
        }
        self.epoch = epoch;
        let Revoked { identities, clients, issuers } = reinstate;
        remove_all(&mut self.identities, &identities);
        remove_all(&mut self.clients, &clients);
        remove_all(&mut self.issuers, &issuers);
        let Revoked { identities, clients, issuers } = revoke;
        self.identities.extend(identities);
        self.clients.extend(clients);
        self.issuers.extend(issuers);
        self.jtis.retain(|_, exp| *exp > now.secs());
        self.jtis.extend(jtis.into_iter().map(|RevokedJti { jti, exp }| (jti, exp)));
    }

    /// Whether any identity is revoked.
    pub fn revokes_identities(&self) -> bool {
        !self.identities.is_empty()
    }

    /// Whether this identity is revoked.
    pub fn revokes_identity(&self, id: &str) -> bool {
        self.identities.contains(id)
    }

    /// Whether this client is revoked.
    pub fn revokes_client(&self, id: &str) -> bool {
        !self.clients.is_empty() && self.clients.contains(id)
    }

    /// Whether this issuer is revoked.
    pub fn revokes_issuer(&self, id: &str) -> bool {
        !self.issuers.is_empty() && self.issuers.contains(id)
    }

    /// Whether the access token with this `jti` is revoked.
    pub fn revokes_jti(&self, jti: &str) -> bool {
        !self.jtis.is_empty() && self.jtis.contains_key(jti)
    }
}

fn remove_all(set: &mut HashSet<String>, ids: &[String]) {
    for id in ids {
        set.remove(id);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::vec;

    use super::*;

    fn revoke(epoch: u64, full: bool, identity: &str) -> Changes {
        let revoke = Revoked { identities: vec![identity.into()], ..Revoked::default() };
        Changes { epoch, full, revoke, ..Changes::default() }
    }

    #[test]
    fn deltas_add_and_full_lists_replace() {
        let now = Timestamp::from_secs(0);
        let mut list = Denylist::default();
        list.apply(revoke(1, true, "a"), now);
        list.apply(revoke(2, false, "b"), now);
        assert!(list.revokes_identity("a") && list.revokes_identity("b"));
        list.apply(revoke(3, true, "c"), now);
        assert!(!list.revokes_identity("a") && list.revokes_identity("c"));
        assert_eq!(list.epoch(), 3);
    }

    #[test]
    fn reinstating_lifts_a_revocation() {
        let now = Timestamp::from_secs(0);
        let mut list = Denylist::default();
        list.apply(revoke(1, true, "a"), now);
        let reinstate = Revoked { identities: vec!["a".into()], ..Revoked::default() };
        list.apply(Changes { epoch: 2, reinstate, ..Changes::default() }, now);
        assert!(!list.revokes_identity("a"));
    }

    #[test]
    fn forgets_jtis_that_have_expired() {
        let mut list = Denylist::default();
        let jtis = vec![RevokedJti { jti: "x".into(), exp: 10 }];
        list.apply(Changes { epoch: 1, jtis, ..Changes::default() }, Timestamp::from_secs(0));
        assert!(list.revokes_jti("x"));
        list.apply(Changes { epoch: 2, ..Changes::default() }, Timestamp::from_secs(10));
        assert!(!list.revokes_jti("x"));
    }

    #[test]
    fn each_kind_of_object_is_revoked_by_itself() {
        let now = Timestamp::from_secs(0);
        let mut list = Denylist::default();
        let revoke =
            Revoked { clients: vec!["x".into()], issuers: vec!["y".into()], identities: vec!["z".into()] };
        list.apply(Changes { epoch: 1, revoke: revoke.clone(), ..Changes::default() }, now);
        assert!(list.revokes_client("x") && list.revokes_issuer("y") && list.revokes_identity("z"));
        for other in ["", "X", "y", "z"] {
            assert!(!list.revokes_client(other));
        }
        let reinstate = Revoked { issuers: vec!["y".into()], ..Revoked::default() };
        list.apply(Changes { epoch: 2, reinstate, ..Changes::default() }, now);
        assert!(list.revokes_client("x") && !list.revokes_issuer("y") && list.revokes_identity("z"));
        list.apply(Changes { epoch: 3, reinstate: revoke, ..Changes::default() }, now);
        assert!(!list.revokes_client("x") && !list.revokes_identities());
    }

    #[test]
    fn what_one_answer_revokes_and_reinstates_stays_revoked() {
        let mut list = Denylist::default();
        let both = Revoked { identities: vec!["a".into()], ..Revoked::default() };
        let changes = Changes { epoch: 1, revoke: both.clone(), reinstate: both, ..Changes::default() };
        list.apply(changes, Timestamp::from_secs(0));
        assert!(list.revokes_identity("a"));
    }

    #[test]
    fn a_full_list_drops_jtis_too() {
        let now = Timestamp::from_secs(0);
        let mut list = Denylist::default();
        let jtis = vec![RevokedJti { jti: "x".into(), exp: 10 }];
        list.apply(Changes { epoch: 1, jtis, ..Changes::default() }, now);
        list.apply(Changes { epoch: 2, full: true, ..Changes::default() }, now);
        assert!(!list.revokes_jti("x"));
    }
}
