//! Runs a target on its corpus and on mutations of it for some time. What makes it panic is saved.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Target, mutation::Mutator};

/// No input may take longer, on a busy machine and without optimisation.
const SLOW: Duration = Duration::from_secs(5);

/// A run without a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Inputs that were tried.
    pub executions: u64,
    /// How long the worst of them took.
    pub slowest: Duration,
}

/// An input that a target did not take as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What happened.
    pub what: String,
    /// Where the input is.
    pub saved: PathBuf,
}

/// Runs `target` for `span` on the files in `corpus` and what can be made of them; `folder` takes a finding.
///
/// # Panics
/// When the corpus is empty, or the finding cannot be saved.
pub fn run(target: Target, corpus: &Path, folder: &Path, span: Duration, seed: u64) -> Result<Run, Finding> {
    let corpus = load(corpus);
    let mut mutator = Mutator::new(&corpus, seed);
    let mut run = Run { executions: 0, slowest: Duration::ZERO };
    for input in &corpus {
        run.judge(target, input, folder)?;
    }
    let begun = Instant::now();
    while begun.elapsed() < span {
        run.judge(target, &mutator.input(), folder)?;
    }
    Ok(run)
}

/// The files of a folder in the order of their names.
fn load(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder is listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no inputs", folder.display());
    paths.iter().map(|path| fs::read(path).expect("an input is read")).collect()
}

// === impl Run ===

impl Run {
    fn judge(&mut self, target: Target, input: &[u8], folder: &Path) -> Result<(), Finding> {
        let begun = Instant::now();
        let panicked = catch_unwind(AssertUnwindSafe(|| target(input))).err();
        let took = begun.elapsed();
        self.executions += 1;
        self.slowest = self.slowest.max(took);
        let what = match panicked {
            Some(payload) => {
                let said = payload.downcast_ref::<String>().cloned();
                let said = said.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                format!("panicked: {}", said.unwrap_or_default())
            }
            None if took > SLOW => format!("took {took:?}"),
            None => return Ok(()),
        };
        fs::create_dir_all(folder).expect("a folder can be made");
        let saved = folder.join(format!("finding-{}", self.executions));
        fs::write(&saved, input).expect("a finding can be saved");
        Err(Finding { what, saved })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the input is in {}", self.what, self.saved.display())
    }
}
