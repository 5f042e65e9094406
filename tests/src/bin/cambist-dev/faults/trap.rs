//! A VM dies under load: its worker comes back by itself, the others do not notice, and what waited in it ends in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cambist_tests::artifact;
use cambist_tests::client::{Connection, Request};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::wait;
use serde_json::json;

use super::report::Report;
use super::scene::{self, Plan, Scene, WORKERS};
use super::traffic::{Tally, Tokens, Traffic};

/// How long Envoy lets a request wait in its filters: longer than the filter does.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

/// How soon a worker is as it was: Envoy makes a new VM after a second or two, when a request comes.
const RECOVERY: Duration = Duration::from_secs(5);

/// How long a request waits for keys.
const KEYS_WAIT: Duration = Duration::from_secs(5);

const PER_SECOND: usize = 200;

/// Several on every worker. Envoy spreads them evenly, but for a few while connections come and go.
const LANES: usize = WORKERS as usize * 3;

/// Counts VMs that were ever made.
const CREATED: &str = "wasm.envoy.wasm.runtime.v8.created";

/// Fetches that a new VM may make.
const MOST_FETCHES: u64 = 1;

/// What waited while a VM died.
struct Ended {
    status: u16,
    after: Duration,
}

pub(crate) async fn run(short: bool, report: &mut Report) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let slow = Issuer::start(Key::p256("slow")).await;
    slow.set_fault(Fault::Hold);
    let mut policy = scene::policy(&issuer, &json!({})).and("slow", &slow);
    policy.issuers[1]["keys"] = json!({ "source": "jwks_uri", "uri": slow.keys_url() });
    let module = artifact::planted_module();
    let scene = Plan { policy, module: &module, request_timeout: REQUEST_TIMEOUT }.open().await;
    let request = Request::get("/").bearer(&issuer.token("first"));
    for answer in scene.envoy.send_to_each_worker(&request).await {
        answer.expect(200);
    }
    for round in 1..=if short { 1 } else { 5 } {
        die(&scene, &issuer, &slow, round, report).await;
    }
}

async fn die(scene: &Scene, issuer: &Issuer, slow: &Issuer, round: u32, report: &mut Report) {
    let row = |what: &str| format!("death {round}: {what}");
    let traffic = Traffic::start(&scene.envoy, LANES, PER_SECOND, tokens(issuer)).await;
    let before = issuer.fetches().keys;
    let created = scene.envoy.counter(CREATED).await;
    let mut waiting = Vec::new();
    for _ in 0..LANES {
        let connection = Connection::open(scene.envoy.port()).await.expect("envoy accepts connections");
        waiting.push(wait_for(connection, slow));
    }
    wait::until("they wait", wait::PATIENCE, async || {
        scene.envoy.counter("http.gateway.downstream_rq_active").await >= LANES as u64
    })
    .await;
    let mut poison = Connection::open(scene.envoy.port()).await.expect("envoy accepts connections");
    let request = Request::get("/").header("x-poison", b"\xff");
    let died = Instant::now();
    let answer = poison.try_send(&request).await;
    let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
    report.exactly(&row("the deadly request passed"), status == 200, false);
    let mut ended = Vec::new();
    for task in waiting {
        ended.push(task.await.expect("an answer"));
    }
    let tallies = traffic.stop().await;
    let hurt = tallies.iter().filter(|tally| !tally.others.is_empty()).count();
    report.exactly(&row("VMs made anew"), scene.envoy.counter(CREATED).await - created, 1);
    report.at_most(&row(&format!("connections of {LANES} that noticed")), hurt, LANES / 2);
    let sum = Tally::sum(tallies);
    let last = sum.others.last().map_or(Duration::ZERO, |(when, _)| when.saturating_duration_since(died));
    report.at_most(&row("its worker's last failure after"), last, RECOVERY);
    report.note(&row("its worker's failures"), format!("{:?}", failures(&sum)));
    report.note(&row("requests answered 200"), sum.answered("200"));
    let (in_time, others): (Vec<_>, Vec<_>) =
        ended.iter().partition(|ended| ended.status == 503 && ended.after < KEYS_WAIT + SLACK);
    report.at_least(&row("waiters elsewhere that ended by their deadline"), in_time.len(), LANES / 2);
    report.at_least(&row("waiters in it"), others.len(), 1);
    let after = others.iter().map(|ended| ended.after).max().unwrap_or_default();
    report.at_most(&row("waiters in it ended after, the last"), after, REQUEST_TIMEOUT + SLACK);
    report.note(
        &row("with status"),
        format!("{:?}", others.iter().map(|ended| ended.status).collect::<Vec<_>>()),
    );
    report.exactly(&row("and did not pass"), ended.iter().filter(|ended| ended.status == 200).count(), 0);
    report.at_most(&row("fetches of keys"), issuer.fetches().keys - before, MOST_FETCHES);
}

/// A request that waits for keys which do not come.
fn wait_for(mut connection: Connection, slow: &Issuer) -> tokio::task::JoinHandle<Ended> {
    let request = Request::get("/").bearer(&slow.token("waiting"));
    tokio::spawn(async move {
        let begun = Instant::now();
        let answer = connection.try_send(&request).await;
        Ended { status: answer.map_or(0, |answer| answer.status.as_u16()), after: begun.elapsed() }
    })
}

fn tokens(issuer: &Issuer) -> Tokens {
    let token = Arc::new(issuer.token("job"));
    Arc::new(move |_, _| Arc::clone(&token))
}

fn failures(tally: &Tally) -> Vec<(&String, &u64)> {
    tally.answers.iter().filter(|(name, _)| *name != "200").collect()
}
