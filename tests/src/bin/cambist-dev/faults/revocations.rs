//! One identity after the other is revoked while many others go on: every worker refuses it at once, though its tokens are
//! cached there, and nobody else is refused or gets another access token for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cambist_core::identity::identity_id;
use cambist_tests::client::{Connection, Request};
use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::wait;

use super::report::Report;
use super::scene::{self, Plan, WORKERS};
use super::traffic::{Tally, Tokens, Traffic, percentile};

/// How soon every worker refuses, 99 times of a hundred.
const WITHIN: Duration = Duration::from_secs(1);
const LANES: usize = WORKERS as usize * 2;

/// How much of it there is.
struct Size {
    others: usize,
    revocations: usize,
    per_second: usize,
}

pub(crate) async fn run(short: bool, report: &mut Report) {
    let Size { others, revocations, per_second } = if short {
        Size { others: 200, revocations: 10, per_second: 200 }
    } else {
        Size { others: 10_000, revocations: 200, per_second: 800 }
    };
    let issuer = Issuer::start(Key::p256("first")).await;
    let scene = Plan::start(scene::policy(&issuer, &serde_json::json!({}))).await;
    let tokens: Vec<_> =
        (0..others).map(|number| Arc::new(issuer.token(&format!("other-{number}")))).collect();
    // Each lane keeps its connection and so its worker, where its tokens are cached after the first round.
    let tokens: Tokens = Arc::new(move |lane, number| {
        let own = (others - lane).div_ceil(LANES);
        let turn = usize::try_from(number).expect("few requests") % own;
        Arc::clone(&tokens[lane + LANES * turn])
    });
    let traffic = Traffic::start(&scene.envoy, LANES, per_second, tokens).await;
    let minted = "cambist.decision.minted";
    let round = u64::try_from(others).expect("few");
    scene.envoy.until_counted(minted, round).await;
    scene.control_plane.until_seen(others).await;
    let mut probes = scene.envoy.connection_to_each_worker().await;
    let mut took = Vec::new();
    for number in 0..revocations {
        let subject = format!("victim-{number}");
        let request = Request::get("/").bearer(&issuer.token(&subject));
        // Twice, so that it is cached wherever it is refused.
        for _ in 0..2 {
            for probe in &mut probes {
                probe.send(&request).await.expect(200);
            }
        }
        let id = identity_id("default", &scene.client_id, "main", AUDIENCE, &subject);
        scene.control_plane.revoke(&id).await;
        took.push(refused(&mut probes, &request).await);
    }
    let tally = Tally::sum(traffic.stop().await);
    let expected = round + u64::try_from(revocations * probes.len()).expect("few");
    // All that was answered from a cache is counted: then nothing of before is to come.
    let cached = tally.total() - round + expected - round;
    scene.envoy.until_counted("cambist.decision.minted_cached", cached).await;
    let mints = scene.envoy.counter(minted).await;
    report.note("others active", others);
    report.note("requests of others meanwhile", tally.total());
    report.note("revocations", revocations);
    report.exactly("others refused", tally.total() - tally.answered("200"), 0);
    report.exactly("others minted again", mints.saturating_sub(expected), 0);
    report.note("refused on every worker, p50", format!("{:.1?}", percentile(took.clone(), 50)));
    report.at_most("refused on every worker, p99", percentile(took.clone(), 99), WITHIN);
    report.note("refused on every worker, most", format!("{:.1?}", percentile(took, 100)));
}

/// How long it takes from now on until every worker refuses.
async fn refused(probes: &mut [Connection], request: &Request) -> Duration {
    let since = Instant::now();
    for probe in probes {
        wait::until("a revoked identity is refused", wait::PATIENCE, async || {
            probe.send(request).await.status == 401
        })
        .await;
    }
    since.elapsed()
}
