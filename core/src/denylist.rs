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
}
