//! What the rounds brought: the table, the ratios with their gates, and the report.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::load::Run;
use super::subject::{Case, Tokens};
use crate::table::Table;

/// One measured combination.
type Cell = (&'static str, &'static str, &'static str);

/// Every run, by combination, in the order of the rounds.
#[derive(Debug, Default)]
pub(crate) struct Report {
    runs: BTreeMap<Cell, Vec<(Run, f64)>>,
}

/// A ratio that the design sets a gate for.
struct Gate {
    tokens: Tokens,
    ours: Case,
    peer: Case,
    /// What may not be missed.
    least: f64,
    /// What we are after.
    aim: f64,
}

const GATES: [Gate; 4] = [
    Gate {
        tokens: Tokens::Repeated,
        ours: Case::Exchange,
        peer: Case::JwtAuthnCached,
        least: 0.75,
        aim: 1.0,
    },
    Gate { tokens: Tokens::Repeated, ours: Case::Exchange, peer: Case::NoAuth, least: 0.65, aim: 0.85 },
    Gate { tokens: Tokens::Distinct, ours: Case::Verify, peer: Case::JwtAuthn, least: 1.0, aim: 1.2 },
    Gate { tokens: Tokens::Distinct, ours: Case::Exchange, peer: Case::JwtAuthn, least: 0.75, aim: 0.9 },
];

// === impl Report ===

impl Report {
    /// Adds a run, with the CPU microseconds that Envoy spent on each request.
    pub(crate) fn add(&mut self, case: Case, alg: &'static str, tokens: Tokens, run: Run, cpu_us: f64) {
        self.runs.entry((case.name(), alg, tokens.name())).or_default().push((run, cpu_us));
    }

    /// Prints every combination.
    pub(crate) fn print(&self) {
        let mut table =
            Table::new(["case", "alg", "tokens", "req/s", "least", "most", "cpu µs", "p50 µs", "p99 µs"]);
        for cell in self.cells() {
            let rps = self.values(cell, |run, _| run.rps);
            let numbers = [
                median(&rps),
                rps[0],
                rps[rps.len() - 1],
                median(&self.values(cell, |_, cpu| cpu)),
                median(&self.values(cell, |run, _| number(run.p50_us))),
                median(&self.values(cell, |run, _| number(run.p99_us))),
            ];
            let [rps, least, most, cpu, p50, p99] = numbers.map(|number| format!("{number:.0}"));
            let (case, alg, tokens) = cell;
            let [case, alg, tokens] = [case, alg, tokens].map(str::to_owned);
            table.push([case, alg, tokens, rps, least, most, cpu, p50, p99]);
        }
        table.print();
    }

    /// Prints every ratio beside its gate; false when a gate is missed.
    pub(crate) fn print_ratios(&self, algorithms: &[&'static str], kinds: &[Tokens]) -> bool {
        let mut met = true;
        let mut table = Table::new([
            "ratio", "tokens", "alg", "measured", "least", "most", "by cpu", "gate", "stretch", "",
        ]);
        for Gate { tokens, ours, peer, least, aim } in
            GATES.iter().filter(|gate| kinds.contains(&gate.tokens))
        {
            for alg in algorithms {
                let cells = [ours, peer].map(|case| (case.name(), *alg, tokens.name()));
                let ratios = self.ratios(cells, |run, _| run.rps);
                let by_cpu = median(&self.ratios(cells, |_, cpu| 1.0 / cpu));
                let (ratio, lowest, highest) = (median(&ratios), ratios[0], ratios[ratios.len() - 1]);
                let verdict = match () {
                    () if ratio >= *aim => "stretch",
                    () if ratio >= *least => "gate",
                    () => "MISSED",
                };
                met &= ratio >= *least;
                let name = format!("{} / {}", ours.name(), peer.name());
                let [tokens, alg, verdict] = [tokens.name(), alg, verdict].map(str::to_owned);
                let numbers = [ratio, lowest, highest, by_cpu, *least, *aim];
                let [ratio, lowest, highest, by_cpu, least, aim] =
                    numbers.map(|number| format!("{number:.2}"));
                table.push([name, tokens, alg, ratio, lowest, highest, by_cpu, least, aim, verdict]);
            }
        }
        table.print();
        met
    }

    /// Median of the answers per second of one combination.
    pub(crate) fn throughput(&self, case: Case, alg: &'static str, tokens: Tokens) -> f64 {
        median(&self.values((case.name(), alg, tokens.name()), |run, _| run.rps))
    }

    /// The report's rows.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let rows = self.cells().map(|cell| {
            let (case, alg, tokens) = cell;
            let rps = self.values(cell, |run, _| run.rps);
            json!({
                "case": case,
                "alg": alg,
                "tokens": tokens,
                "runs": rps.len(),
                "rps_median": median(&rps).round(),
                "rps_min": rps[0].round(),
                "rps_max": rps[rps.len() - 1].round(),
                "p50_us": median(&self.values(cell, |run, _| number(run.p50_us))),
                "p99_us": median(&self.values(cell, |run, _| number(run.p99_us))),
            })
        });
        rows.collect()
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        let of = |case: Case| move |(name, ..): &&Cell| *name == case.name();
        Case::ALL.into_iter().flat_map(move |case| self.runs.keys().filter(of(case)).copied())
    }

    fn values(&self, cell: Cell, of: impl Fn(&Run, f64) -> f64) -> Vec<f64> {
        let mut values: Vec<_> = self.runs[&cell].iter().map(|(run, cpu)| of(run, *cpu)).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// One cell against the other, round by round: what slows the machine slows both.
    fn ratios(&self, [ours, peer]: [Cell; 2], of: impl Fn(&Run, f64) -> f64) -> Vec<f64> {
        let pairs = self.runs[&ours].iter().zip(&self.runs[&peer]);
        let of = |(run, cpu): &(Run, f64)| of(run, *cpu);
        let mut ratios: Vec<_> = pairs.map(|(ours, peer)| of(ours) / of(peer)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

#[expect(clippy::cast_precision_loss, reason = "latencies in microseconds are far below 2^52")]
const fn number(value: u64) -> f64 {
    value as f64
}
