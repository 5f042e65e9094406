//! What core says to a request with a token under a plugin configuration, without Envoy: the other side of a comparison.

use cambist_core::audit_queue::AuditQueue;
use cambist_core::crypto::RustCrypto;
use cambist_core::denial::Denial;
use cambist_core::flow::{self, Ambient, Counted, Head, State, Step};
use cambist_core::policy::{Secrets, compile_document};
use cambist_core::secret::Secret;
use cambist_core::time::Timestamp;
use cambist_core::wire::snapshot::Document;
use serde_json::Value;

use crate::policy::GATEWAY;

/// Core with one policy, its keys inline. A token that it accepted stays in its cache.
#[derive(Debug)]
pub struct Judge {
    state: State,
}

struct NoSecrets;

// === impl Judge ===

impl Judge {
    /// Adopts the policy of a plugin configuration with an inline snapshot that mints nothing.
    pub fn new(plugin: &Value) -> Self {
        let document: Document =
            serde_json::from_value(plugin["snapshot"].clone()).expect("a snapshot stands inline");
        let policy =
            compile_document(document, GATEWAY, &NoSecrets).unwrap_or_else(|faults| panic!("{faults}"));
        let mut state = State::new(1);
        state.adopt(policy, Timestamp::default());
        Self { state }
    }

    /// What is said to `GET /` with this bearer token at `now` in Unix seconds; accepted means forwarded.
    pub fn judge(&mut self, token: &str, now: i64) -> Result<(), Denial> {
        let value = format!("Bearer {token}");
        let head = Head {
            method: b"GET",
            authority: b"api.example",
            path: b"/",
            authorization: &[value.as_bytes()],
            ..Head::default()
        };
        let mut random = || None;
        let (now, audit) = (Timestamp::from_secs(now), &mut AuditQueue::default());
        let mut ambient = Ambient { now, crypto: &RustCrypto, random: &mut random, limiter: &mut (), audit };
        match flow::start(&mut self.state, &head, &mut ambient) {
            Step::Forward(_) => Ok(()),
            Step::Reply { report, .. } => match report.counted {
                Counted::Denied(denial) => Err(denial),
                other => panic!("refused, but counted as {other:?}"),
            },
            Step::Call { call, .. } => panic!("keys stand inline, but core asks for {call:?}"),
            Step::NeedBody { .. } => panic!("core asks for a body"),
        }
    }
}

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Option<Secret<Vec<u8>>> {
        None
    }
}
