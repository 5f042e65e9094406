//! `cambist-dev`: programs for people who work on Cambist or try it.

mod bench;
mod faults;
mod hostile;
mod issuer;
mod story;
mod table;

use std::env;
use std::process::ExitCode;

use cambist_tests::process;

const USAGE: &str = "usage: cambist-dev COMMAND

  demo                              runs the story once and shows it
  up                                starts the same and leaves it running
  issuer                            serves an issuer and an upstream for envoy/minimal.yaml
  bench [--rounds N] [--seconds N] [--only repeated|distinct]
                                    measures beside native jwt_authn, and the control plane
  exchanges [--rounds N] [--seconds N]
                                    measures the control plane alone
  profile [--seconds N]             shows where the CPU time of a request goes; needs perf
  ingestion [--seconds N]           measures how fast the control plane takes events of gateways
  hostile [requests=N] [seed=N] [planted=1]
                                    sends hostile requests; planted=1: to a module that fails on purpose
  faults [short=1] [only=TRIAL]     rotations, storms, outages and dead VMs under load; TRIAL is
                                    rotations, storm, outage, trap or revocations";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // Not for people: how the harness starts its children.
        ["leash", parent, program, ..] => {
            eprintln!("{program}: {}", process::leash(parent, program, &arguments[3..]));
            ExitCode::FAILURE
        }
        ["demo"] => run(story::tell()),
        ["up"] => run(story::leave_running()),
        ["issuer"] => run(issuer::serve()),
        ["bench", ..] => match bench::Plan::parse(&words[1..]) {
            Ok(plan) => run(bench::measure(plan)),
            Err(error) => usage(&error),
        },
        ["exchanges", ..] => match bench::Plan::parse(&words[1..]) {
            Ok(plan) => run(bench::measure_exchanges(plan)),
            Err(error) => usage(&error),
        },
        ["profile", ..] => match bench::Plan::parse(&words[1..]) {
            Ok(plan) => run(bench::profile(plan)),
            Err(error) => usage(&error),
        },
        ["ingestion", ..] => match bench::Plan::parse(&words[1..]) {
            Ok(plan) => run(bench::measure_ingestion(plan)),
            Err(error) => usage(&error),
        },
        ["hostile", ..] => match hostile::Plan::parse(&words[1..]) {
            Ok(plan) => run(hostile::load(plan)),
            Err(error) => usage(&error),
        },
        ["faults", ..] => match faults::Plan::parse(&words[1..]) {
            Ok(plan) => run(faults::run(plan)),
            Err(error) => usage(&error),
        },
        _ => usage("no such command"),
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("{error}\n{USAGE}");
    ExitCode::FAILURE
}

/// Whatever is not as it should be panics in the harness, with its reason.
fn run<T: Into<ExitCode>>(program: impl Future<Output = T>) -> ExitCode {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
        .block_on(program)
        .into()
}
