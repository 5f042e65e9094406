//! One row: what passes, what is refused and why, checked against what the caller, the upstream and the operator see.

use std::collections::BTreeMap;
use std::time::Duration;

use cambist_core::denial::{Denial, Row as Seen};
use cambist_tests::client::{Answer, Request};
use cambist_tests::jwt::Key;
use cambist_tests::raw::connection as raw;
use cambist_tests::stage;
use cambist_tests::upstream::Received;
use cambist_tests::wait;
use hyper::header::HeaderName;
use serde_json::{Value, json};

use super::ground::{Ground, PLAIN};

/// How long counters may take to come: some ticks of the filter.
const PATIENCE: Duration = Duration::from_secs(10);

/// Headers that a refusal may have.
const HEADERS: [&str; 8] = [
    "cache-control",
    "content-length",
    "content-type",
    "date",
    "retry-after",
    "server",
    "www-authenticate",
    "connection",
];

/// A row that runs. Nobody else uses the gateway meanwhile.
pub(super) struct Row<'g> {
    pub(super) ground: &'g Ground,
    before: BTreeMap<String, u64>,
    expected: BTreeMap<String, u64>,
    arrived: u64,
    cases: usize,
}

/// Decisions that let a request pass.
const PASSED: [&str; 7] =
    ["verified", "verified_cached", "minted", "minted_cached", "unauthenticated", "foreign", "preflight"];

impl<'g> Row<'g> {
    pub(super) async fn open(ground: &'g Ground) -> Self {
        let before = decisions(ground).await;
        let arrived = ground.stage.upstream.count();
        Self { ground, before, expected: BTreeMap::new(), arrived, cases: 0 }
    }

    /// Checks that what was counted is what was expected; the number of cases.
    pub(super) async fn close(self) -> usize {
        let Self { ground, before, expected, arrived, cases } = self;
        let total: u64 = expected.values().sum();
        let mut counted = BTreeMap::new();
        let settled = tokio::time::timeout(
            PATIENCE,
            wait::until("every decision is counted", PATIENCE, async || {
                counted = decisions(ground).await;
                for (name, count) in &before {
                    counted.entry(name.clone()).and_modify(|now| *now -= count);
                }
                counted.retain(|_, count| *count > 0);
                counted.values().sum::<u64>() >= total
            }),
        );
        let settled = settled.await.is_ok();
        assert!(settled && counted == expected, "counted: {counted:?}, expected: {expected:?}");
        assert_eq!(ground.stage.upstream.count(), arrived, "arrived at the upstream");
        cases
    }

    // === Tokens ===

    /// A good token's header.
    pub(super) fn header(&self) -> Value {
        let key = self.key();
        json!({ "alg": key.alg(), "typ": "JWT", "kid": key.kid() })
    }

    /// A good token's claims.
    pub(super) fn claims(&self) -> Value {
        self.ground.stage.issuer.claims("job")
    }

    /// The key that signs good tokens.
    pub(super) fn key(&self) -> Key {
        self.ground.stage.issuer.key()
    }

    /// A good token whose header has this member changed.
    pub(super) fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        self.key().sign(&header, &self.claims())
    }

    /// A good token whose claims have this member changed.
    pub(super) fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        self.key().sign(&self.header(), &claims)
    }

    /// A good token that was never presented before.
    pub(super) fn token(&self) -> String {
        self.with_claim("jti", json!(format!("t{}", self.ground.number())))
    }

    // === What passes ===

    /// Sends what must pass, and returns how the upstream saw it.
    pub(super) async fn passes(&mut self, what: &str, request: &Request) -> Received {
        let answer = self.ground.stage.envoy.send(request).await;
        self.passed(what, &answer)
    }

    /// As [`Row::passes`], for a token.
    pub(super) async fn passes_token(&mut self, what: &str, token: &str) -> Received {
        self.passes(what, &Request::get("/").bearer(token)).await
    }

    /// Notes an answer of the upstream to a request that passed.
    pub(super) fn passed(&mut self, what: &str, answer: &Answer) -> Received {
        assert_eq!(answer.status, 200, "{what} is refused: {:?} {}", answer.headers, answer.text());
        self.cases += 1;
        self.arrived += 1;
        *self.expected.entry("passed".into()).or_default() += 1;
        let seen = stage::seen(answer);
        let forged: Vec<_> = seen
            .headers
            .iter()
            .chain(&seen.trailers)
            .filter(|(name, _)| name.to_lowercase().replace('_', "-").starts_with("x-cambist-"))
            .collect();
        assert!(forged.is_empty(), "{what}: {forged:?} arrived");
        seen
    }

    // === What is refused ===

    /// Sends what must be refused for `denial`.
    pub(super) async fn refuses(&mut self, what: &str, request: &Request, denial: Denial) {
        let answer = self.ground.stage.envoy.send(request).await;
        self.refused(what, &answer, denial);
    }

    /// As [`Row::refuses`], for a token.
    pub(super) async fn refuses_token(&mut self, what: &str, token: &str, denial: Denial) {
        self.refuses(what, &Request::get("/").bearer(token), denial).await;
    }

    /// Presents each token, each to be refused for `denial`.
    pub(super) async fn refuses_tokens(&mut self, denial: Denial, tokens: impl IntoIterator<Item = String>) {
        for token in tokens {
            self.refuses_token(&token, &token, denial).await;
        }
    }

    /// Sends bytes to the listener that normalises nothing.
    pub(super) async fn refuses_bytes(&mut self, request: &[u8], denial: Denial) {
        let what = String::from_utf8_lossy(request).into_owned();
        let answer = raw::exchange(self.ground.stage.envoy.port_of(PLAIN), request).await;
        let answer = answer.unwrap_or_else(|| panic!("no answer to {what}"));
        self.refused(&what, &answer, denial);
    }

    /// Notes a refusal, which must look as every other of its kind.
    pub(super) fn refused(&mut self, what: &str, answer: &Answer, denial: Denial) {
        let Seen { status, error, retry_after, reason } = denial.row();
        let what = &what[..what.len().min(400)];
        assert_eq!(answer.status, status, "{what}: {:?} {}", answer.headers, answer.text());
        let body = error.map_or(String::new(), |error| format!("{{\"error\":\"{error}\"}}\n"));
        assert_eq!(answer.text(), body, "{what} is told apart by its body");
        let challenge = answer.header("www-authenticate");
        match (status, error) {
            (401, None) => assert_eq!(challenge, Some("Bearer"), "{what}"),
            (401, Some(error)) => {
                assert_eq!(challenge, Some(&*format!("Bearer error=\"{error}\"")), "{what}");
            }
            (403, Some(error)) => {
                let wanted = format!("Bearer error=\"{error}\"");
                assert!(challenge.is_some_and(|text| text.starts_with(&wanted)), "{what}: {challenge:?}");
            }
            _ => assert_eq!(challenge, None, "{what}"),
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(
            answer.header("retry-after"),
            retry_after.map(|after| after.to_string()).as_deref(),
            "{what}"
        );
        let told: Vec<_> =
            answer.headers.keys().map(HeaderName::as_str).filter(|name| !HEADERS.contains(name)).collect();
        assert!(told.is_empty(), "{what} is told apart by {told:?}");
        self.cases += 1;
        *self.expected.entry(reason.into()).or_default() += 1;
    }

    /// Sends bytes that Envoy itself refuses, before any filter.
    pub(super) async fn rejected_by_envoy(&mut self, request: &[u8], statuses: &[u16]) {
        let answer = raw::exchange(self.ground.stage.envoy.port_of(PLAIN), request).await;
        let status = answer.map_or(0, |answer| answer.status.as_u16());
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        assert!(statuses.contains(&status), "{shown}: {status}");
        self.cases += 1;
    }
}

/// Decisions that were counted so far; the ones that let a request pass are one.
async fn decisions(ground: &Ground) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for (name, count) in ground.stage.envoy.stats().await {
        let decision = name.rsplit_once("cambist.decision.").map(|(_, name)| name);
        let observed = || name.contains("cambist.observed.").then_some("observed");
        let Some(name) = decision.or_else(observed) else { continue };
        let name = if PASSED.contains(&name) || name == "observed" { "passed" } else { name };
        *counted.entry(name.to_owned()).or_default() += count;
    }
    counted
}
