//! What happens to good requests while issuers rotate, vanish and are attacked, VMs die, the control plane is killed,
//! neighbours are over their rate and identities are revoked: measured, and held to bounds.
//!
//! Deliberately absent: the faults of a single answer; the end-to-end suite has them one by one.

mod kills;
mod outage;
mod rate;
mod report;
mod revocations;
mod rotations;
mod scene;
mod storm;
mod traffic;
mod trap;

use std::process::ExitCode;

use self::report::Report;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    short: bool,
    only: Option<Trial>,
}

/// One of the trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    Rotations,
    Storm,
    Outage,
    Trap,
    Kills,
    Rate,
    Revocations,
}

/// By name, in the order in which they run.
const TRIALS: [(&str, Trial); 7] = [
    ("rotations", Trial::Rotations),
    ("storm", Trial::Storm),
    ("outage", Trial::Outage),
    ("trap", Trial::Trap),
    ("kills", Trial::Kills),
    ("rate", Trial::Rate),
    ("revocations", Trial::Revocations),
];

// === impl Plan ===

impl Plan {
    /// From `short=1` and `only=TRIAL`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self { short: false, only: None };
        for word in words {
            match word.split_once('=') {
                Some(("short", number)) => plan.short = number != "0",
                Some(("only", name)) => {
                    let trial = TRIALS.iter().find(|(known, _)| *known == name);
                    plan.only = Some(trial.ok_or(format!("no such trial: {name}"))?.1);
                }
                _ => return Err(format!("no option: {word}")),
            }
        }
        Ok(plan)
    }
}

/// Runs the trials and prints one table; fails where a bound is missed.
pub(crate) async fn run(plan: Plan) -> ExitCode {
    let mut report = Report::default();
    for (name, trial) in TRIALS {
        if plan.only.is_some_and(|only| only != trial) {
            continue;
        }
        println!("{name} …");
        report.begin(name);
        match trial {
            Trial::Rotations => rotations::run(plan.short, &mut report).await,
            Trial::Storm => storm::run(plan.short, &mut report).await,
            Trial::Outage => outage::run(plan.short, &mut report).await,
            Trial::Trap => trap::run(plan.short, &mut report).await,
            Trial::Kills => kills::run(plan.short, &mut report).await,
            Trial::Rate => rate::run(plan.short, &mut report).await,
            Trial::Revocations => revocations::run(plan.short, &mut report).await,
        }
    }
    println!();
    if report.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
