//! An issuer that is away: with keys nobody notices until they are too old, without keys nothing passes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cambist_tests::client::Request;
use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::wait;
use serde_json::json;

use super::report::Report;
use super::scene::{self, Plan, WORKERS};
use super::traffic::{Tally, Tokens, Traffic};

/// How soon everything is as it was.
const RECOVERY: Duration = Duration::from_secs(5);

/// How long keys are fresh here.
const FRESH_MS: u64 = 1_000;
const FRESH: Duration = Duration::from_millis(FRESH_MS);

/// When a set that was just fetched may be refreshed: jitter, and the time a busy machine takes.
const SLACK: Duration = Duration::from_secs(2);

const PER_SECOND: usize = 200;
const LANES: usize = WORKERS as usize;

pub(crate) async fn run(short: bool, report: &mut Report) {
    warm(if short { 3 } else { 15 }, report).await;
    cold(Duration::from_secs(if short { 2 } else { 15 }), report).await;
}

fn fresh_tokens(issuer: &Issuer) -> Tokens {
    let (key, claims) = (issuer.key(), issuer.claims("job"));
    Arc::new(move |lane, number| {
        let mut claims = claims.clone();
        claims["jti"] = json!(format!("{lane}-{number}"));
        Arc::new(key.token(&claims))
    })
}

async fn warm(max_stale: u32, report: &mut Report) {
    let mut issuer = Issuer::start(Key::p256("first")).await;
    let rules = json!({ "max_stale": max_stale, "refresh_least_ms": 100, "refresh_most_ms": FRESH_MS });
    let scene = Plan::start(scene::policy(&issuer, &rules)).await;
    let max_stale = Duration::from_secs(max_stale.into());
    let request = Request::get("/").bearer(&issuer.token("first"));
    for answer in scene.envoy.send_to_each_worker(&request).await {
        answer.expect(200);
    }
    let traffic = Traffic::start(&scene.envoy, LANES, PER_SECOND, fresh_tokens(&issuer)).await;
    issuer.go_down().await;
    let down = Instant::now();
    until_each(&scene.envoy, &issuer, 503).await;
    let all_refused = down.elapsed();
    let tally = Tally::sum(traffic.stop().await);
    let first_refused = tally.others.first().map_or(all_refused, |(when, _)| when.duration_since(down));
    report.at_least("warm: passed after the issuer went, at least", first_refused, max_stale);
    report.at_most("warm: nothing passes after", all_refused, max_stale + FRESH + SLACK);
    report.exactly("warm: answers but 200 and 503", other_than(&tally, &["200", "503"]), 0);
    report.note("warm: requests passed meanwhile", tally.answered("200"));
    let arrived = scene.upstream.count();
    let traffic = Traffic::start(&scene.envoy, LANES, PER_SECOND, fresh_tokens(&issuer)).await;
    let tally = traffic.stop_after(FRESH).await;
    report.exactly("warm: too old, answers but 503", other_than(&tally, &["503"]), 0);
    report.exactly("warm: too old, arrived upstream", scene.upstream.count() - arrived, 0);
    back(&scene.envoy, &mut issuer, "warm", report).await;
}

async fn cold(span: Duration, report: &mut Report) {
    let mut issuer = Issuer::start(Key::p256("first")).await;
    issuer.go_down().await;
    let scene = Plan::start(scene::policy(&issuer, &json!({}))).await;
    let traffic = Traffic::start(&scene.envoy, LANES, PER_SECOND, fresh_tokens(&issuer)).await;
    let tally = traffic.stop_after(span).await;
    report.note("cold: requests", tally.total());
    report.exactly("cold: answers but 503", other_than(&tally, &["503"]), 0);
    report.exactly("cold: arrived upstream", scene.upstream.count(), 0);
    back(&scene.envoy, &mut issuer, "cold", report).await;
}

async fn back(envoy: &Envoy, issuer: &mut Issuer, what: &str, report: &mut Report) {
    issuer.come_up().await;
    let up = Instant::now();
    until_each(envoy, issuer, 200).await;
    report.at_most(&format!("{what}: normal after the issuer came back"), up.elapsed(), RECOVERY);
    let traffic = Traffic::start(envoy, LANES, PER_SECOND, fresh_tokens(issuer)).await;
    let tally = traffic.stop_after(FRESH).await;
    report.exactly(&format!("{what}: then, answers but 200"), other_than(&tally, &["200"]), 0);
}

async fn until_each(envoy: &Envoy, issuer: &Issuer, status: u16) {
    wait::until(&format!("every worker answers {status}"), wait::PATIENCE, async || {
        let request = Request::get("/").bearer(&issuer.token("job"));
        envoy.send_to_each_worker(&request).await.iter().all(|answer| answer.status == status)
    })
    .await;
}

fn other_than(tally: &Tally, names: &[&str]) -> u64 {
    tally.total() - names.iter().map(|name| tally.answered(name)).sum::<u64>()
}
