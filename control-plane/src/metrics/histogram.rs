//! How long something took, by upper bounds from a millisecond to ten seconds.

use core::time::Duration;
use std::time::Instant;

/// Upper bounds in microseconds, with their text in seconds.
const BOUNDS: [(u128, &str); 13] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];

/// Durations, counted.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// One for each bound, each with those below it.
    below: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

/// Measures one duration.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

// === impl Histogram ===

impl Histogram {
    /// Counts one.
    pub fn note(&mut self, took: Duration) {
        let micros = took.as_micros();
        for (count, (bound, _)) in self.below.iter_mut().zip(BOUNDS) {
            if micros <= bound {
                *count = count.saturating_add(1);
            }
        }
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(took);
    }

    /// The bounds with what lies below each; the last one is infinite.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let bounds = BOUNDS.into_iter().map(|(_, text)| text);
        bounds.zip(self.below).chain([("+Inf", self.count)])
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn sum(&self) -> Duration {
        self.sum
    }
}

// === impl Stopwatch ===

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What it shows.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
