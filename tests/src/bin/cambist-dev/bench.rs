//! Throughput beside Envoy's own `jwt_authn`: Envoy with one worker on one core, load and upstream on another.
//!
//! The machine is noisy, so rounds are interleaved and ratios are taken within a round. Deliberately absent: absolute
//! goals.

mod exchanges;
mod ingestion;
mod lane;
mod load;
mod pace;
mod profile;
mod report;
mod subject;
mod ways;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use cambist_tests::artifact;
use cambist_tests::envoy::Envoy;
use cambist_tests::server::Server;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::json;

use self::lane::Lane;
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

/// Measured in every case, with gates.
const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// Measured in [`Case::OF_OTHERS`] with distinct tokens and without gates, half as often and as long.
const OTHERS: [&str; 3] = ["ES384", "PS256", "EdDSA"];

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    rounds: u32,
    seconds: u32,
    /// The one kind of tokens that is measured, of [`ALGORITHMS`] alone; `None`: everything.
    only: Option<Tokens>,
}

// === impl Plan ===

impl Plan {
    /// From `--rounds N`, `--seconds N` and `--only TOKENS`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self { rounds: 5, seconds: 4, only: None };
        for pair in words.chunks(2) {
            let [option, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
            let field = match *option {
                "--rounds" => &mut plan.rounds,
                "--seconds" => &mut plan.seconds,
                "--only" => {
                    let named = Tokens::ALL.into_iter().find(|tokens| tokens.name() == *value);
                    plan.only = Some(named.ok_or(format!("no such tokens: {value}"))?);
                    continue;
                }
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
    let kinds = plan.only.map_or(Tokens::ALL.to_vec(), |only| vec![only]);
    for alg in ALGORITHMS {
        lanes.push(Lane::prepare(alg, &kinds, &Case::ALL, upstream.port(), &folder).await);
    }
    let mut others = Vec::new();
    for alg in OTHERS.iter().filter(|_| plan.only.is_none()) {
        let (kinds, cases) = (&[Tokens::Distinct], &Case::OF_OTHERS);
        others.push(Lane::prepare(alg, kinds, cases, upstream.port(), &folder).await);
    }
    let mut report = Report::default();
    for round in 1..=plan.rounds {
        println!("Round {round} of {} …", plan.rounds);
        for lane in &mut lanes {
            lane.play(&generator, plan.seconds, &mut report).await;
        }
        if round % 2 == 1 {
            for lane in &mut others {
                lane.play(&generator, plan.seconds.div_ceil(2), &mut report).await;
            }
        }
    }
    println!();
    report.print();
    println!();
    let mut met = report.print_ratios(&ALGORITHMS, &kinds);
    if plan.only.is_some() {
        return if met { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    println!();
    for lane in &lanes {
        met &= print_added_latency(lane, &report, plan).await;
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

/// Prints what a cached exchange adds to the latency at half load; false when the gate is missed.
async fn print_added_latency(lane: &Lane, report: &Report, plan: Plan) -> bool {
    let rate = report.throughput(Case::Exchange, lane.alg(), Tokens::Repeated) / 2.0;
    let token = lane.repeated_token();
    let p99 = async |case: Case| {
        let subject = lane.start(case).await;
        let paced =
            |seconds| tokio::task::block_in_place(|| pace::p99(subject.port(), &token, rate, seconds));
        // The first second warms up.
        paced(1);
        paced(plan.seconds)
    };
    let (mut ours, mut native) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let without = p99(Case::NoAuth).await;
        native.push(p99(Case::JwtAuthnCached).await.saturating_sub(without));
        ours.push(p99(Case::Exchange).await.saturating_sub(without));
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
        lane.alg(),
        added.as_micros(),
        native.as_micros()
    );
    added <= ADDED_P99_MOST
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
