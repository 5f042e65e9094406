//! Throughput beside Envoy's own `jwt_authn`: Envoy with one worker on one core, load and upstream on another.
//!
//! The machine is noisy, so rounds are interleaved and ratios are taken within a round. Deliberately absent: absolute
//! goals.

mod exchanges;
mod ingestion;
mod load;
mod pace;
mod profile;
mod report;
mod subject;
mod ways;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use cambist_tests::artifact;
use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::server::Server;
use cambist_tests::wait;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::json;

use self::load::Generator;
pub(crate) use self::profile::profile;
use self::report::Report;
use self::subject::{Case, Tokens};

/// The core that Envoy has to itself.
const ENVOY_CORE: usize = 0;

/// The core of load generator, upstream and issuer.
const LOAD_CORE: usize = 1;

/// Ticks of process times per second on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a cached exchange may add to the 99th percentile of the latency at half load.
const ADDED_P99_MOST: Duration = Duration::from_micros(200);

/// What we are after.
const ADDED_P99_AIM: Duration = Duration::from_micros(100);

/// Longer than the filter keeps counts to itself.
const SETTLING: Duration = Duration::from_millis(600);

/// Measured in every case, with gates.
const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// Measured in [`Case::OF_OTHERS`] with distinct tokens and without gates, half as often and as long.
const OTHERS: [&str; 3] = ["ES384", "PS256", "EdDSA"];

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    rounds: u32,
    seconds: u32,
}

/// The issuer of one algorithm, its tokens, and an Envoy for every case.
struct Lane {
    alg: &'static str,
    _issuer: Issuer,
    tokens: Vec<(Tokens, PathBuf)>,
    subjects: Vec<Subject>,
}

/// An Envoy under load.
struct Subject {
    case: Case,
    envoy: Envoy,
    /// Distinct tokens it was sent. Going on from there, one comes back only after all the others.
    sent: u64,
}

// === impl Plan ===

impl Plan {
    /// From `--rounds N` and `--seconds N`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self { rounds: 5, seconds: 4 };
        for pair in words.chunks(2) {
            let [option, value] = pair else { return Err(format!("{} needs a number", pair[0])) };
            let field = match *option {
                "--rounds" => &mut plan.rounds,
                "--seconds" => &mut plan.seconds,
                other => return Err(format!("no such option: {other}")),
            };
            *field =
                value.parse().ok().filter(|number| *number > 0).ok_or(format!("not a number: {value}"))?;
        }
        Ok(plan)
    }
}

/// Measures every case with every kind of token; fails when a gate is missed.
pub(crate) async fn measure(plan: Plan) -> ExitCode {
    assert!(num_cores() >= 2, "the bench needs a core for Envoy and one for load and upstream");
    stay_on(LOAD_CORE);
    let folder = artifact::target().join("bench");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let generator = Generator::new(&folder);
    let upstream = Server::start(Router::new().fallback(async || "ok\n")).await;
    let mut lanes = Vec::new();
    for alg in ALGORITHMS {
        lanes.push(lane(alg, &Tokens::ALL, &Case::ALL, upstream.port(), &folder).await);
    }
    let mut others = Vec::new();
    for alg in OTHERS {
        others.push(lane(alg, &[Tokens::Distinct], &Case::OF_OTHERS, upstream.port(), &folder).await);
    }
    let mut report = Report::default();
    for round in 1..=plan.rounds {
        println!("Round {round} of {} …", plan.rounds);
        for lane in &mut lanes {
            play(lane, &generator, plan.seconds, &mut report).await;
        }
        if round % 2 == 1 {
            for lane in &mut others {
                play(lane, &generator, plan.seconds.div_ceil(2), &mut report).await;
            }
        }
    }
    println!();
    report.print();
    println!();
    let mut met = report.print_ratios(&ALGORITHMS);
    println!();
    for lane in &lanes {
        met &= print_added_latency(lane, &report, plan);
    }
    println!();
    let mut rows = report.rows();
    ways::measure(plan, upstream.port(), &folder, &mut rows).await;
    println!();
    met &= exchanges::measure(plan, &folder, &mut rows).await;
    let path = folder.join("report.json");
    let content =
        json!({ "rows": rows, "envoy": envoy_version(), "cores": num_cores(), "rounds": plan.rounds });
    fs::write(&path, format!("{content:#}\n")).expect("a report can be written");
    println!("\nWrote {}.", path.display());
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures the control plane's exchanges alone, a minute instead of ten; fails when the gate is missed.
pub(crate) async fn measure_exchanges(plan: Plan) -> ExitCode {
    assert!(num_cores() >= 2, "the bench needs a core for the control plane and one for the load");
    stay_on(LOAD_CORE);
    let folder = artifact::target().join("bench");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let met = exchanges::measure(plan, &folder, &mut Vec::new()).await;
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures how fast the control plane takes events of gateways, with a kill in the middle.
pub(crate) async fn measure_ingestion(plan: Plan) -> ExitCode {
    ingestion::measure(plan.seconds).await
}

async fn lane(alg: &'static str, tokens: &[Tokens], cases: &[Case], upstream: u16, folder: &Path) -> Lane {
    println!("Preparing {alg} …");
    let issuer = Issuer::start(Key::of(alg, "bench")).await;
    let tokens = tokens.iter().map(|tokens| (*tokens, tokens.write(&issuer, folder))).collect();
    let mut subjects = Vec::new();
    for case in cases.iter().copied() {
        subjects.push(Subject { case, envoy: case.start(&issuer, upstream, ENVOY_CORE).await, sent: 0 });
    }
    Lane { alg, _issuer: issuer, tokens, subjects }
}

/// The counter of whoever verifies `alg` in our filter.
fn verified_by(alg: &str) -> &'static str {
    match alg {
        "PS256" | "EdDSA" => "cambist.rust_verify",
        _ => "cambist.host_verify",
    }
}

async fn play(lane: &mut Lane, generator: &Generator, seconds: u32, report: &mut Report) {
    for (tokens, path) in &lane.tokens {
        for subject in &mut lane.subjects {
            // Fills the caches, fetches the keys, opens the connections to the upstream.
            subject.run(generator, *tokens, path, 1);
            let counted = *tokens == Tokens::Distinct && subject.case.is_ours();
            let by = verified_by(lane.alg);
            let verified = if counted { settled(&subject.envoy, by).await } else { 0 };
            let spent = cpu_seconds(&subject.envoy);
            let run = subject.run(generator, *tokens, path, seconds);
            let spent = cpu_seconds(&subject.envoy) - spent;
            if counted {
                // Fails when another verified than should: then something else was measured.
                subject.envoy.until_counted(by, verified + run.requests).await;
            }
            #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
            let cpu_us = spent * 1e6 / run.requests as f64;
            report.add(subject.case, lane.alg, *tokens, run, cpu_us);
        }
    }
}

// === impl Subject ===

impl Subject {
    /// The generator blocks, while upstream and issuer go on in other threads.
    fn run(&mut self, generator: &Generator, kind: Tokens, tokens: &Path, seconds: u32) -> load::Run {
        let (port, first) = (self.envoy.port(), self.sent);
        let run = tokio::task::block_in_place(|| generator.run(port, tokens, first, seconds));
        if kind == Tokens::Distinct {
            // Some were sent and not answered before the end.
            self.sent += run.requests + 2 * u64::from(load::CONNECTIONS);
        }
        run
    }
}

/// Prints what a cached exchange adds to the latency at half load; false when the gate is missed.
fn print_added_latency(lane: &Lane, report: &Report, plan: Plan) -> bool {
    let rate = report.throughput(Case::Exchange, lane.alg, Tokens::Repeated) / 2.0;
    let (_, tokens) = &lane.tokens[0];
    let token = fs::read_to_string(tokens).expect("tokens were written");
    let p99 = |wanted: Case| {
        let subject = lane.subjects.iter().find(|subject| subject.case == wanted);
        let port = subject.expect("every case has an Envoy").envoy.port();
        tokio::task::block_in_place(|| pace::p99(port, token.trim(), rate, plan.seconds))
    };
    let (mut ours, mut native) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let without = p99(Case::NoAuth);
        native.push(p99(Case::JwtAuthnCached).saturating_sub(without));
        ours.push(p99(Case::Exchange).saturating_sub(without));
    }
    let [added, native] = [ours, native].map(|mut rounds| {
        rounds.sort_unstable();
        rounds[rounds.len() / 2]
    });
    let verdict = match () {
        () if added <= ADDED_P99_AIM => "stretch",
        () if added <= ADDED_P99_MOST => "gate",
        () => "MISSED",
    };
    println!(
        "  cached exchange, {}, at {rate:.0} req/s: added p99 {} µs {verdict} (native jwt_authn with its cache: {} µs)",
        lane.alg,
        added.as_micros(),
        native.as_micros()
    );
    added <= ADDED_P99_MOST
}

/// What `counter` is at, when the filter has nothing more to report of an earlier run.
async fn settled(envoy: &Envoy, counter: &str) -> u64 {
    let mut last = None;
    wait::until_some("the counters are at rest", wait::PATIENCE, async || {
        tokio::time::sleep(SETTLING).await;
        let now = envoy.counter(counter).await;
        (last.replace(now) == Some(now)).then_some(now)
    })
    .await
}

/// CPU time of a process so far.
fn cpu_seconds(envoy: &Envoy) -> f64 {
    cpu_seconds_of(envoy.process_id())
}

fn cpu_seconds_of(process: u32) -> f64 {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let fields: Vec<_> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks = |index: usize| -> f64 { fields[index].parse().expect("ticks") };
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// Keeps this process, and those it starts, on one core.
fn stay_on(core: usize) {
    pin(std::process::id(), core);
}

/// Keeps a process on one core.
fn pin(process: u32, core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core).expect("a core");
    // Threads of the runtime exist already; each is moved.
    for task in fs::read_dir(format!("/proc/{process}/task")).expect("threads are listed") {
        let name = task.expect("a thread").file_name();
        let id = name.to_string_lossy().parse().expect("a thread's number");
        sched_setaffinity(Pid::from_raw(id), &cores).expect("a process of ours may be moved");
    }
}

fn num_cores() -> usize {
    fs::read_to_string("/proc/cpuinfo").map_or(1, |text| text.matches("processor\t").count())
}

fn envoy_version() -> String {
    let run = std::process::Command::new(artifact::envoy()).arg("--version").output().expect("envoy runs");
    let said = String::from_utf8_lossy(&run.stdout);
    // `PATH  version: COMMIT/VERSION/…`, and the path may hold anything.
    let (_, version) = said.rsplit_once("version: ").expect("envoy says its version");
    version.split('/').nth(1).expect("a version follows the commit").to_owned()
}
