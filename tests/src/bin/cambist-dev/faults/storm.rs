//! A storm of tokens that name keys which nobody has, beside good requests.

use std::sync::Arc;
use std::time::Duration;

use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, encode};
use cambist_tests::numbers::Numbers;
use serde_json::json;

use super::report::Report;
use super::scene::{self, Plan, WORKERS};
use super::traffic::{Tally, Tokens, Traffic};

/// Good requests per second.
const GOOD_PER_SECOND: usize = 200;
const GOOD_LANES: usize = WORKERS as usize * 2;

/// Storming requests, and how long they take in all.
const STORM: usize = 100_000;
const SPAN: Duration = Duration::from_mins(1);
const STORM_LANES: usize = WORKERS as usize * 6;

/// Fetches that the storm may cause: one per floor, and one at its beginning.
const MOST_FETCHES: u64 = 3;

/// Good tokens that are presented in turn.
const TOKENS: usize = 256;

pub(crate) async fn run(short: bool, report: &mut Report) {
    let (span, quiet_span) = if short { (SPAN / 10, SPAN / 20) } else { (SPAN, SPAN / 3) };
    let requests = if short { STORM / 20 } else { STORM };
    let issuer = Issuer::start(Key::p256("first")).await;
    let scene = Plan::start(scene::policy(&issuer, &json!({ "refetch_floor_ms": 30_000 }))).await;
    let good = good(&issuer);
    for token in 0..TOKENS {
        let request = cambist_tests::client::Request::get("/").bearer(&good(0, token as u64));
        for answer in scene.envoy.send_to_each_worker(&request).await {
            answer.expect(200);
        }
    }
    let quiet = Traffic::start(&scene.envoy, GOOD_LANES, GOOD_PER_SECOND, Arc::clone(&good)).await;
    let quiet = quiet.stop_after(quiet_span).await;
    let before = issuer.fetches().keys;
    issuer.forget_most_at_once();
    let per_second = requests / usize::try_from(span.as_secs()).expect("a short time");
    let traffic = Traffic::start(&scene.envoy, GOOD_LANES, GOOD_PER_SECOND, good).await;
    let port = scene.envoy.port();
    let storm = Traffic::aside(port, STORM_LANES, per_second, unknown(&issuer), span).await;
    let beside = Tally::sum(traffic.stop().await);
    let sent = usize::try_from(storm.total()).expect("a number");
    report.at_least("requests with unknown keys", sent + STORM_LANES, requests);
    report.exactly("of them not refused with 401", storm.total() - storm.answered("401"), 0);
    report.at_most("fetches", issuer.fetches().keys - before, MOST_FETCHES);
    report.at_most("fetches at once", issuer.most_at_once(), 1);
    report.note("good requests", beside.total());
    report.exactly("of them not answered 200", beside.total() - beside.answered("200"), 0);
    report.note("p99 of good requests, quiet", format!("{:.1?}", quiet.percentile(99)));
    let (calm, stormy) = (quiet.percentile(99), beside.percentile(99));
    if short {
        // Too few, and other tests run beside them.
        report.note("p99 of good requests, in the storm", format!("{stormy:.1?}"));
    } else {
        report.at_most("p99 of good requests, in the storm", stormy, calm * 6 / 5);
    }
}

fn good(issuer: &Issuer) -> Tokens {
    let tokens: Vec<_> = (0..TOKENS).map(|number| Arc::new(issuer.token(&format!("job-{number}")))).collect();
    Arc::new(move |lane, number| {
        let place = usize::try_from(number).unwrap_or(0) + lane * 31;
        Arc::clone(&tokens[place % tokens.len()])
    })
}

/// Good tokens but for the name of their key, and so for their signature.
fn unknown(issuer: &Issuer) -> Tokens {
    let token = issuer.token("job");
    let (_, rest) = token.split_once('.').expect("a token");
    let rest = rest.to_owned();
    Arc::new(move |lane, number| {
        let kid = Numbers::seeded((lane as u64) << 40 | number).draw();
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": format!("{kid:016x}") });
        Arc::new(format!("{}.{rest}", encode(header.to_string().as_bytes())))
    })
}
