//! Where the CPU time of a request goes: the kernel, Envoy's own code, or the module. Sampled by `perf`.
//!
//! Deliberately absent: functions. Envoy's release has no symbols; what its parts cost shows in the difference between
//! two cases. The samples stay in `target/bench/perf-*.data` with their callers, for whoever looks closer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use axum::Router;
use cambist_tests::artifact;
use cambist_tests::server::Server;

use super::lane::Lane;
use super::load::Generator;
use super::subject::{Case, Tokens};
use super::{ALGORITHMS, LOAD_CORE, Plan, cpu_seconds, stay_on};
use crate::table::Table;

/// Samples per second; a number that no timer shares.
const FREQUENCY: &str = "1997";

/// Microseconds of CPU time per request.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    kernel: f64,
    envoy: f64,
    module: f64,
    /// The C library and others.
    others: f64,
}

/// Profiles every case with every kind of token.
pub(crate) async fn profile(plan: Plan) -> ExitCode {
    if Command::new("perf").arg("--version").output().is_err() {
        eprintln!("perf is not there; install it (Debian: linux-perf) and run this again");
        return ExitCode::FAILURE;
    }
    stay_on(LOAD_CORE);
    let folder = artifact::target().join("bench");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let generator = Generator::new(&folder);
    let upstream = Server::start(Router::new().fallback(async || "ok\n")).await;
    let mut table = Table::new(["case", "alg", "tokens", "CPU us", "kernel", "Envoy", "module", "libraries"]);
    for alg in ALGORITHMS {
        let lane = Lane::prepare(alg, &Tokens::ALL, &Case::ALL, upstream.port(), &folder).await;
        for (tokens, path) in lane.tokens() {
            for case in lane.cases() {
                let mut subject = lane.start(*case).await;
                subject.warm_up(&generator, (*tokens, path));
                let data = folder.join(format!("perf-{}-{alg}-{}.data", case.name(), tokens.name()));
                let before = cpu_seconds(subject.envoy());
                let mut sampler = sampler(subject.envoy().process_id(), plan.seconds, &data);
                let run = subject.run(&generator, *tokens, path, plan.seconds);
                #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
                let each = (cpu_seconds(subject.envoy()) - before) * 1e6 / run.requests as f64;
                sampler.wait().expect("perf ends");
                let Spent { kernel, envoy, module, others } = spent(&data, each);
                let cell = |us: f64| format!("{us:.0}");
                let [each, kernel, envoy, module, others] = [each, kernel, envoy, module, others].map(cell);
                let (case, tokens) = (case.name().to_owned(), tokens.name().to_owned());
                table.push([case, alg.to_owned(), tokens, each, kernel, envoy, module, others]);
            }
        }
    }
    println!();
    table.print();
    ExitCode::SUCCESS
}

fn sampler(process: u32, seconds: u32, data: &Path) -> Child {
    Command::new("perf")
        .args([
            "record",
            "--quiet",
            "--call-graph",
            "fp",
            "--freq",
            FREQUENCY,
            "--pid",
            &process.to_string(),
            "--output",
        ])
        .arg(data)
        .args(["--", "sleep", &seconds.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("perf starts")
}

/// `each` microseconds, divided as the samples are.
fn spent(data: &Path, each: f64) -> Spent {
    let output = Command::new("perf")
        .args([
            "report",
            "--stdio",
            "--quiet",
            "--no-children",
            "--call-graph",
            "none",
            "--sort",
            "dso",
            "--fields",
            "overhead,dso",
        ])
        .arg("--input")
        .arg(data)
        .output()
        .expect("perf reports");
    let said = String::from_utf8_lossy(&output.stdout);
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for line in said.lines() {
        let Some((share, object)) = line.trim().split_once("% ") else { continue };
        let Ok(share) = share.trim().parse::<f64>() else { continue };
        let object = object.trim();
        // What V8 compiled lies in memory that no file is mapped to.
        let part = match object {
            _ if object.starts_with("[k") || object.starts_with("[guest.k") => "kernel",
            "envoy" => "envoy",
            _ if ["[JIT]", "//anon", "[anon", "[unknown]"].iter().any(|name| object.starts_with(name)) => {
                "module"
            }
            _ => "others",
        };
        *shares.entry(part).or_default() += share;
    }
    assert!(!shares.is_empty(), "perf has no samples: {said}{}", String::from_utf8_lossy(&output.stderr));
    let of = |part: &str| shares.get(part).copied().unwrap_or_default() * each / 100.0;
    Spent { kernel: of("kernel"), envoy: of("envoy"), module: of("module"), others: of("others") }
}
