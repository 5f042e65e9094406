//! What was measured, beside its bound.

use std::fmt::{Debug, Display};

use crate::table::Table;

/// Rows of all trials.
#[derive(Debug, Default)]
pub(crate) struct Report {
    trial: &'static str,
    rows: Vec<[String; 5]>,
    missed: usize,
}

// === impl Report ===

impl Report {
    /// Begins a trial.
    pub(crate) fn begin(&mut self, trial: &'static str) {
        self.trial = trial;
    }

    /// A number for whoever reads it.
    pub(crate) fn note(&mut self, what: &str, value: impl Display) {
        self.push(what, value.to_string(), String::new(), "");
    }

    /// A number that may be at most `most`.
    pub(crate) fn at_most<T: Copy + PartialOrd + Debug>(&mut self, what: &str, value: T, most: T) {
        let held = value <= most;
        self.hold(what, &value, &format!("at most {most:.1?}"), held);
    }

    /// A number that must be at least `least`.
    pub(crate) fn at_least<T: Copy + PartialOrd + Debug>(&mut self, what: &str, value: T, least: T) {
        let held = value >= least;
        self.hold(what, &value, &format!("at least {least:.1?}"), held);
    }

    /// A number that must be `wanted`.
    pub(crate) fn exactly<T: Copy + PartialEq + Debug>(&mut self, what: &str, value: T, wanted: T) {
        let held = value == wanted;
        self.hold(what, &value, &format!("{wanted:.1?}"), held);
    }

    /// Prints all rows; whether every bound was held.
    pub(crate) fn print(&self) -> bool {
        let mut table = Table::new(["trial", "what", "measured", "bound", ""]);
        for row in &self.rows {
            table.push(row.clone());
        }
        table.print();
        match self.missed {
            0 => println!("\nEvery bound was held."),
            missed => println!("\nFAILED: {missed} bounds were missed."),
        }
        self.missed == 0
    }

    fn hold(&mut self, what: &str, value: &impl Debug, bound: &str, held: bool) {
        self.missed += usize::from(!held);
        self.push(what, format!("{value:.1?}"), bound.to_owned(), if held { "ok" } else { "MISSED" });
    }

    fn push(&mut self, what: &str, value: String, bound: String, verdict: &str) {
        println!("  {what}: {value} {verdict}");
        self.rows.push([self.trial.to_owned(), what.to_owned(), value, bound, verdict.to_owned()]);
    }
}
