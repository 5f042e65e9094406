//! Two identities at four workers, one of them over its limit: it gets what its binding allows, and the other never
//! notices. Once where the gateway mints and counts in its own table, and once where the control plane does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cambist_tests::client::{Connection, Request};
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::{self, CLIENT, Policy};
use cambist_tests::stage::Stage;
use cambist_tests::token_endpoint::{JWT_BEARER, form};
use serde_json::json;
use tokio::time::interval;

use super::{report::Report, scene::WORKERS};

/// How much is allowed, and how much is asked for.
#[derive(Clone, Copy)]
struct Load {
    per_minute: u32,
    burst: u32,
    span: Duration,
    /// Milliseconds between two requests of the identity that is over its limit, and of the one within.
    over_ms: u64,
    within_ms: u64,
}

const FULL: Load =
    Load { per_minute: 10, burst: 10, span: Duration::from_mins(2), over_ms: 250, within_ms: 6_500 };
const SHORT: Load =
    Load { per_minute: 300, burst: 10, span: Duration::from_secs(4), over_ms: 40, within_ms: 250 };

/// How the requests of one identity were answered.
#[derive(Default)]
struct Told {
    answers: BTreeMap<u16, u64>,
    /// Refusals whose `Retry-After` is none, or more than it takes until the next one comes back.
    vague: u64,
    took: Duration,
}

/// Makes the request of a token.
type Ask = fn(&str) -> Request;

const WAYS: [(&str, Ask); 2] = [("endpoint", at_endpoint), ("route", at_route)];

fn at_endpoint(token: &str) -> Request {
    form(&[("grant_type", JWT_BEARER), ("assertion", token)])
}

fn at_route(token: &str) -> Request {
    Request::get("/remote").bearer(token)
}

pub(crate) async fn run(short: bool, report: &mut Report) {
    let load = if short { SHORT } else { FULL };
    let stage = Arc::new(Stage::managed_with_endpoints(WORKERS, |issuer| policy(issuer, load)).await);
    let (mut running, mut granted_at_route) = (Vec::new(), 0);
    for (way, ask) in WAYS {
        for (who, every_ms) in [("over", load.over_ms), ("within", load.within_ms)] {
            let (stage, subject) = (Arc::clone(&stage), format!("{way}-{who}"));
            let connections = stage.envoy.connection_to_each_worker().await;
            let sent = async move { send(&stage, connections, ask, &subject, every_ms, load).await };
            running.push((way, who, tokio::spawn(sent)));
        }
    }
    for (way, who, sent) in running {
        let told = sent.await.expect("a sender does not panic");
        let count = |status: u16| told.answers.get(&status).copied().unwrap_or(0);
        let total: u64 = told.answers.values().sum();
        let row = |what: &str| format!("{way}, {who}: {what}");
        granted_at_route += if way == "route" { count(200) } else { 0 };
        report.note(&row("requests"), total);
        if who == "within" {
            report.exactly(&row("answers but 200"), total - count(200), 0);
            continue;
        }
        let (minute, burst) = (u64::from(load.per_minute), u64::from(load.burst));
        let back = |took: Duration| minute * u64::try_from(took.as_millis()).expect("not long") / 60_000;
        let minutes = load.span.as_secs().div_ceil(60);
        report.at_most(&row("granted, no more than allowed"), count(200), burst + back(told.took));
        let least = (burst + back(load.span)).saturating_sub(burst * minutes);
        report.at_least(&row("granted, no less than allowed"), count(200), least);
        report.note(&row("allowed"), burst + back(told.took));
        report.exactly(&row("answers but 200 and 429"), total - count(200) - count(429), 0);
        report.exactly(&row("429 that say no time or too long a time"), told.vague, 0);
    }
    // What is over the limit gets no further than the gateway, but for what the control plane's own clock sees a moment
    // earlier.
    let asked = stage.envoy.counter("cambist.mint_remotely").await;
    report.at_most("route: calls to the control plane", asked, granted_at_route + u64::from(load.burst));
    for what in ["invalid", "uncounted"] {
        report.exactly(what, stage.envoy.counter(&format!("cambist.rate_{what}")).await, 0);
    }
}

fn policy(issuer: &Issuer, load: Load) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.clients[0]["grant_types"] = json!([JWT_BEARER]);
    policy.bindings[0]["rate"] = json!({ "per_minute": load.per_minute, "burst": load.burst });
    // Both verify, and the control plane asks no address on loopback for keys.
    policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": issuer.jwks() });
    let mut remote = policy::route("remote", "/remote", "control-plane");
    remote["clients"] = json!([CLIENT]);
    policy.routes.push(remote);
    policy
}

/// Sends requests, each with a token of its own, to one worker after the other.
async fn send(
    stage: &Stage,
    mut connections: Vec<Connection>,
    ask: Ask,
    subject: &str,
    every_ms: u64,
    load: Load,
) -> Told {
    let mut told = Told::default();
    let mut pace = interval(Duration::from_millis(every_ms));
    let begun = Instant::now();
    let mut worker = 0;
    while begun.elapsed() < load.span {
        pace.tick().await;
        let token = stage.issuer.token(subject);
        worker = (worker + 1) % connections.len();
        let connection = &mut connections[worker];
        if connection.is_closed() {
            *connection = Connection::open(stage.envoy.port()).await.expect("envoy accepts connections");
        }
        let answer = connection.send(&ask(&token)).await;
        let status = answer.status.as_u16();
        *told.answers.entry(status).or_default() += 1;
        if status == 429 {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let most = 60_u32.div_ceil(load.per_minute);
            told.vague += u64::from(!seconds.is_some_and(|seconds: u32| (1..=most).contains(&seconds)));
        }
    }
    told.took = begun.elapsed();
    told
}
