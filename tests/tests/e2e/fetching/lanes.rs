//! One connection to every worker, used by all of them at once.

use std::time::Duration;

use cambist_tests::client::{Answer, Connection, Request};
use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::Policy;
use cambist_tests::wait;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

/// How soon everything is as it was once an issuer is well again.
pub(super) const RECOVERY: Duration = Duration::from_secs(5);

/// How often is looked whether an issuer is back.
const PACE: Duration = Duration::from_millis(50);

/// A connection to every worker.
pub(super) struct Lanes {
    port: u16,
    connections: Vec<Connection>,
}

impl Lanes {
    /// Opens them. Whoever opens several sets does so one after the other: the listener balances exactly.
    pub(super) async fn open(envoy: &Envoy) -> Self {
        Self { port: envoy.port(), connections: envoy.connection_to_each_worker().await }
    }

    /// Sends `request` to every worker at once.
    pub(super) async fn send(&mut self, request: &Request) -> Vec<Answer> {
        let mut sending = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let (request, port) = (request.clone(), self.port);
            sending.spawn(async move {
                if connection.is_closed() {
                    connection = Connection::open(port).await.expect("envoy accepts connections");
                }
                let answer = connection.send(&request).await;
                (connection, answer)
            });
        }
        let mut answers = Vec::new();
        while let Some(sent) = sending.join_next().await {
            let (connection, answer) = sent.expect("an answer");
            self.connections.push(connection);
            answers.push(answer);
        }
        answers
    }

    /// Presents `token` to every worker at once.
    pub(super) async fn present(&mut self, token: &str) -> Vec<Answer> {
        self.send(&Request::get("/").bearer(token)).await
    }

    /// Presents `token` and expects every worker to answer with `status`.
    #[track_caller]
    pub(super) fn expect(&mut self, what: &str, token: &str, status: u16) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            for answer in self.present(token).await {
                let said = format!("{:?} {}", answer.headers, answer.text());
                assert_eq!(answer.status.as_u16(), status, "{place}: {what}: {said}");
                let retry_after = answer.header("retry-after").is_some();
                assert_eq!(retry_after, status == 503, "{place}: {what}: {said}");
            }
        }
    }

    /// Presents tokens until every worker answers with `status`; returns how long that took.
    pub(super) async fn until(&mut self, what: &str, token: impl Fn() -> String, status: u16) -> Duration {
        self.until_of(what, token, status, |_| true).await
    }

    /// As [`Lanes::until`]; meanwhile every other answer must be `other`.
    pub(super) async fn until_only(
        &mut self,
        what: &str,
        token: impl Fn() -> String,
        status: u16,
        other: u16,
    ) -> Duration {
        self.until_of(what, token, status, |seen| seen == other).await
    }

    async fn until_of(
        &mut self,
        what: &str,
        token: impl Fn() -> String,
        status: u16,
        may_be: impl Fn(u16) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        let mut pace = interval(PACE);
        loop {
            pace.tick().await;
            let answers = self.present(&token()).await;
            let took = begun.elapsed();
            let others: Vec<_> =
                answers.iter().map(|answer| answer.status.as_u16()).filter(|seen| *seen != status).collect();
            if others.is_empty() {
                return took;
            }
            assert!(others.iter().all(|seen| may_be(*seen)), "{what}: answered {others:?}");
            assert!(took < wait::PATIENCE, "{what}: not {status} in {took:?}, but {others:?}");
        }
    }
}

/// A token that names a key which no set has, the `number`th of its kind.
pub(super) fn stranger(issuer: &Issuer, number: usize) -> String {
    issuer.key().named(&format!("stranger-{number}")).token(&issuer.claims("job"))
}

/// A token that was never presented before.
pub(super) fn fresh(issuer: &Issuer) -> String {
    issuer.token(&format!("job-{}", number()))
}

/// Takes the keys of the issuer at `place` from their address, without discovery.
pub(super) fn skip_discovery(policy: &mut Policy, place: usize, issuer: &Issuer) {
    policy.issuers[place]["keys"] = json!({ "source": "jwks_uri", "uri": issuer.keys_url() });
}

/// A number that was not drawn before.
fn number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
