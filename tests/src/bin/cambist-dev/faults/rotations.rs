//! An issuer that rotates its keys as fast as the floor allows: no token of a published key is refused, and a key that was
//! removed is refused soon.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cambist_tests::client::{Connection, Request};
use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::wait;
use serde_json::json;

use super::report::Report;
use super::scene::{self, Plan, WORKERS};
use super::traffic::{Tally, Tokens, Traffic, percentile};

/// Least time between two fetches for unknown keys, and what a rotation waits beyond it once all workers know its key.
const FLOOR_MS: u32 = 100;
const REST: Duration = Duration::from_millis(FLOOR_MS as u64 + 20);

/// How long the keys say that they are fresh.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What a removed key may take beyond that.
const GRACE: Duration = Duration::from_secs(5);

const PER_SECOND: usize = 300;
const LANES: usize = WORKERS as usize * 2;

/// Tokens of the keys that are published.
struct Valid {
    newest: Arc<String>,
    /// Of the key before, until that is about to be removed.
    previous: Option<Arc<String>>,
}

pub(crate) async fn run(short: bool, report: &mut Report) {
    let rotations = if short { 30 } else { 1_000 };
    let first = Key::p256("key-0");
    let issuer = Issuer::start(first.clone()).await;
    issuer.set_cache_control(&format!("max-age={}", MAX_AGE.as_secs()));
    let rules = json!({ "refetch_floor_ms": FLOOR_MS, "refresh_least_ms": 100, "refresh_most_ms": 60_000 });
    let scene = Plan::start(scene::policy(&issuer, &rules)).await;
    let newest = Arc::new(issuer.token("job"));
    let valid = Arc::new(Mutex::new(Valid { newest: Arc::clone(&newest), previous: None }));
    let mut probes = scene.envoy.connection_to_each_worker().await;
    present(&mut probes, &newest, 200).await;
    let traffic = Traffic::start(&scene.envoy, LANES, PER_SECOND, tokens(&valid)).await;
    let (mut known, mut removed) = (Vec::new(), Vec::new());
    let mut keys = vec![first];
    let mut last = newest;
    let begun = Instant::now();
    for number in 1..=rotations {
        // Nobody uses the key any more that is about to be removed.
        let gone = valid.lock().expect("not poisoned").previous.take();
        if let Some(token) = &gone {
            wait::until("its requests are answered", wait::PATIENCE, async || Arc::strong_count(token) == 1)
                .await;
        }
        keys.push(Key::p256(&format!("key-{number}")));
        keys.drain(..keys.len().saturating_sub(2));
        issuer.rotate(&keys);
        let rotated = Instant::now();
        let token = Arc::new(issuer.token("job"));
        *valid.lock().expect("not poisoned") = Valid {
            newest: Arc::clone(&token),
            previous: Some(std::mem::replace(&mut last, Arc::clone(&token))),
        };
        present(&mut probes, &token, 200).await;
        known.push(rotated.elapsed());
        if let Some(token) = gone {
            removed.push(refused(&mut probes, &token, rotated).await);
        }
        // A new key that comes before the floor is over is refused by design, and to ask for a key that is gone counts.
        let seen = Instant::now();
        wait::until("the floor is over", wait::PATIENCE, async || seen.elapsed() >= REST).await;
    }
    let took = begun.elapsed();
    let tally = Tally::sum(traffic.stop().await);
    report.note("rotations", format!("{rotations} in {:.1} s", took.as_secs_f64()));
    report.note("requests", format!("{} ({} per second)", tally.total(), per_second(&tally, took)));
    report.exactly("valid tokens refused", tally.total() - tally.answered("200"), 0);
    for (when, answer) in tally.others.iter().take(5) {
        report.note("refused", format!("{answer} after {:.1?}", when.duration_since(begun)));
    }
    report.note("a new key passes on every worker, p50", format!("{:.1?}", percentile(known.clone(), 50)));
    report.note("a new key passes on every worker, most", format!("{:.1?}", percentile(known, 100)));
    report.note("a removed key is refused, p50", format!("{:.1?}", percentile(removed.clone(), 50)));
    report.at_most("a removed key is refused, most", percentile(removed, 100), MAX_AGE + GRACE);
    report.note("fetches", issuer.fetches().keys);
    quiet_removal(&scene.envoy, &issuer, report).await;
}

/// A key goes, and no token of another one makes anybody look.
async fn quiet_removal(envoy: &Envoy, issuer: &Issuer, report: &mut Report) {
    let token = issuer.token("quiet");
    let mut probes = envoy.connection_to_each_worker().await;
    present(&mut probes, &token, 200).await;
    issuer.replace_keys(Key::p256("after"));
    let took = refused(&mut probes, &token, Instant::now()).await;
    report.at_most("a removed key is refused, no other token", took, MAX_AGE + GRACE);
}

fn tokens(valid: &Arc<Mutex<Valid>>) -> Tokens {
    let valid = Arc::clone(valid);
    Arc::new(move |_, number| {
        let valid = valid.lock().expect("not poisoned");
        match &valid.previous {
            Some(previous) if number % 2 == 1 => Arc::clone(previous),
            _ => Arc::clone(&valid.newest),
        }
    })
}

async fn present(probes: &mut [Connection], token: &str, status: u16) {
    for probe in probes {
        probe.send(&Request::get("/").bearer(token)).await.expect(status);
    }
}

/// How long after `since` every worker refuses `token`.
async fn refused(probes: &mut [Connection], token: &str, since: Instant) -> Duration {
    for probe in probes {
        wait::until("a removed key is refused", 10 * wait::PATIENCE, async || {
            probe.send(&Request::get("/").bearer(token)).await.status == 401
        })
        .await;
    }
    since.elapsed()
}

fn per_second(tally: &Tally, took: Duration) -> u64 {
    tally.total() * 1_000 / u64::try_from(took.as_millis()).unwrap_or(1).max(1)
}
