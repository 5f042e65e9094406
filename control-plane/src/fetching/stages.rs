//! What happened on the way to an issuer's keys, step by step, for the one who has to mend it.

use serde::Serialize;
use serde_json::value::Value;
use tokio::time::Instant;

/// A step, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The URL is one that may be asked.
    Address,
    /// The name has addresses that may be asked.
    Dns,
    /// Something listens there.
    Tcp,
    /// It is who it should be.
    Tls,
    /// It answers.
    Http,
    /// The discovery document is the issuer's.
    Document,
    /// The key set holds keys.
    Keys,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well.
    Ok,
    /// It is what has to be mended.
    Failed,
    /// A step before it failed.
    NotReached,
}

/// One step and what was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Which.
    pub stage: Step,
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds that it took.
    pub millis: u64,
    /// What was seen.
    pub detail: Value,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Why a fetch stopped: `error` for the record, `next` for whoever mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where.
    pub step: Step,
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub next: String,
    /// What was seen.
    pub detail: Value,
}

/// The steps taken so far.
#[derive(Debug)]
pub struct Journey {
    stages: Vec<Stage>,
    began: Instant,
}

// === impl Step ===

impl Step {
    const ALL: [Self; 7] =
        [Self::Address, Self::Dns, Self::Tcp, Self::Tls, Self::Http, Self::Document, Self::Keys];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Document => "document",
            Self::Keys => "keys",
        }
    }
}

// === impl Stop ===

impl Stop {
    /// A failure at `step`.
    pub fn new(step: Step, error: impl Into<String>, next: impl Into<String>) -> Self {
        Self { step, error: error.into(), next: next.into(), detail: Value::Null }
    }

    /// With what was seen.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }
}

// === impl Journey ===

impl Default for Journey {
    fn default() -> Self {
        Self { stages: Vec::new(), began: Instant::now() }
    }
}

impl Journey {
    /// A step ended well.
    pub fn passed(&mut self, stage: Step, detail: Value) {
        let millis = self.lap();
        self.stages.push(Stage { stage, outcome: Outcome::Ok, millis, detail, error: None, next: None });
    }

    /// The journey ended at a step.
    pub fn stopped(&mut self, stop: Stop) {
        let Stop { step, error, next, detail } = stop;
        let millis = self.lap();
        let (error, next) = (Some(error), Some(next));
        self.stages.push(Stage { stage: step, outcome: Outcome::Failed, millis, detail, error, next });
    }

    /// All steps, those that were not reached included.
    pub fn finish(mut self) -> Vec<Stage> {
        let next = self.stages.last().map_or(0, |last| last.stage as usize).saturating_add(1);
        let missing = Step::ALL.into_iter().skip(next).map(|stage| Stage {
            stage,
            outcome: Outcome::NotReached,
            millis: 0,
            detail: Value::Null,
            error: None,
            next: None,
        });
        self.stages.extend(missing);
        self.stages
    }

    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        self.began = now;
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    }
}
