//! A key ring of one issuer, and the clock it lives by.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use serde_json::json;

use crate::{
    fixture::{NOW, Signer, Wire, host_issuer},
    jose::alg::Alg,
    keyring::{Fetch, FetchFailure, Fetched, Keyring, Lookup, Progress},
    policy::Policy,
    time::Timestamp,
    wire::snapshot::{Issuer, KeySource},
};

/// `random` for which nothing is jittered.
pub(super) const EVEN: u32 = 10;

pub(super) const ISSUER: &str = "issuer";

pub(super) struct Ring {
    pub(super) keyring: Keyring,
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
}

/// What a look-up said, without the set.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Keys,
    Wait,
    UnknownKid,
    Unavailable,
}

/// The issuer with its keys at `/jwks`, after `change`.
pub(super) fn issuer_with(change: impl FnOnce(&mut Issuer)) -> Issuer {
    let mut issuer = host_issuer(ISSUER);
    issuer.keys = KeySource::JwksUri { uri: "https://issuer.example/jwks".into() };
    change(&mut issuer);
    issuer
}

pub(super) fn policy_of(issuers: Vec<Issuer>) -> Policy {
    let wire = Wire::changed(|wire| {
        wire.bindings.clear();
        wire.issuers = issuers;
    });
    wire.compile().unwrap_or_else(|faults| panic!("{faults}"))
}

/// A JWK set of the keys with these numbers.
pub(super) fn jwks(numbers: &[u8]) -> String {
    let keys: Vec<_> = numbers.iter().map(|number| Signer::numbered(*number).jwk()).collect();
    json!({"keys": keys}).to_string()
}

impl Ring {
    pub(super) fn new(issuer: Issuer) -> Self {
        let now = Timestamp::from_secs(NOW);
        let mut ring = Self { keyring: Keyring::default(), policy: policy_of([issuer].into()), now };
        ring.keyring.adopt(&ring.policy, ring.now);
        ring
    }

    pub(super) fn cold() -> Self {
        Self::new(issuer_with(|_| ()))
    }

    /// A ring that has just fetched key 1.
    pub(super) fn warm() -> Self {
        let mut ring = Self::cold();
        ring.fetch(&[1]);
        ring
    }

    pub(super) fn adopt(&mut self, issuers: Vec<Issuer>) {
        self.policy = policy_of(issuers);
        self.keyring.adopt(&self.policy, self.now);
    }

    pub(super) fn pass_millis(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    pub(super) fn pass_secs(&mut self, seconds: i64) {
        self.pass_millis(seconds * 1_000);
    }

    /// What a request that arrives now may do with `key-{number}`.
    pub(super) fn look_up(&mut self, number: u8) -> Said {
        self.look_up_from(number, self.now)
    }

    pub(super) fn look_up_from(&mut self, number: u8, arrived: Timestamp) -> Said {
        self.said(Some(&Signer::numbered(number).kid), arrived)
    }

    pub(super) fn look_up_without_kid(&mut self) -> Said {
        self.said(None, self.now)
    }

    fn said(&mut self, kid: Option<&str>, arrived: Timestamp) -> Said {
        let issuer = self.policy.issuer(ISSUER).expect("the issuer");
        match self.keyring.lookup(issuer, kid, Alg::Es256, arrived, self.now) {
            Lookup::Keys(_) => Said::Keys,
            Lookup::Wait => Said::Wait,
            Lookup::UnknownKid => Said::UnknownKid,
            Lookup::Unavailable => Said::Unavailable,
        }
    }

    /// Whether the set that is usable now holds `key-{number}`.
    pub(super) fn holds(&self, number: u8) -> bool {
        let kid = Signer::numbered(number).kid;
        self.keyring.current(ISSUER, self.now).is_some_and(|set| set.has_kid(&kid))
    }

    /// Starts the fetch that is due, if one is.
    pub(super) fn launch(&mut self) -> Option<Fetch> {
        let mut due = self.keyring.due(self.now);
        assert!(due.len() <= 1, "one fetch per issuer");
        due.pop()
    }

    pub(super) fn due(&mut self) -> Fetch {
        self.launch().expect("a fetch is due")
    }

    pub(super) fn finish(&mut self, fetch: &Fetch, fetched: Fetched<'_>) -> Progress {
        self.keyring.finish(&fetch.issuer, fetch.ticket, fetched, self.now, EVEN)
    }

    pub(super) fn answer(&mut self, fetch: &Fetch, body: &str) -> Progress {
        self.finish(fetch, Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None })
    }

    /// Fetches these keys, which takes no time.
    pub(super) fn fetch(&mut self, numbers: &[u8]) {
        let fetch = self.due();
        assert_eq!(self.answer(&fetch, &jwks(numbers)), settled(None));
    }

    /// Fails to fetch.
    pub(super) fn fail(&mut self) {
        let fetch = self.due();
        assert_eq!(self.finish(&fetch, Fetched::Failed), settled(Some(FetchFailure::Unreachable)));
    }

    /// Moves the clock to the next fetch and starts it: after how many milliseconds, and which.
    pub(super) fn next_due(&mut self) -> (i64, Fetch) {
        let began = self.now;
        // Steps of 100 ms up to two hours.
        for _ in 0..72_000 {
            if let Some(fetch) = self.launch() {
                return (self.now.millis_since(began), fetch);
            }
            self.pass_millis(100);
        }
        panic!("nothing is due for two hours");
    }
}

pub(super) fn settled(failure: Option<FetchFailure>) -> Progress {
    Progress::Settled { issuer: ISSUER.into(), failure }
}
