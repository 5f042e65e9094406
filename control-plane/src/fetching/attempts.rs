//! How the last fetch of each issuer's keys went, since the service started.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use cambist_core::time::Timestamp;

/// How fetches went, by tenant and issuer.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<(String, String), Attempt>>);

/// How the last fetch of an issuer's keys went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// When the next is due.
    pub next: Option<Timestamp>,
}

// === impl Attempts ===

impl Attempts {
    /// How the last fetch went, if there was one since the service started.
    pub fn of(&self, tenant: &str, issuer: &str) -> Option<Attempt> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(tenant.to_owned(), issuer.to_owned())).cloned()
    }

    /// Remembers how a fetch went.
    pub(super) fn note(&self, tenant: &str, issuer: &str, attempt: Attempt) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((tenant.to_owned(), issuer.to_owned()), attempt);
    }

    /// Forgets the issuers of a tenant that are not fetched any more.
    pub(super) fn retain(&self, tenant: &str, still: impl Fn(&str) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(of, issuer), _| of != tenant || still(issuer));
    }
}
