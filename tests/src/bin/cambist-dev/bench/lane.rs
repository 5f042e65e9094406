//! One algorithm: its issuer, its tokens, and the cases that are measured with them.
//!
//! Every measurement has an Envoy of its own: where one lies in memory makes it faster or slower for as long as it
//! runs, by more than what is to be seen. Deliberately absent: what the numbers mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cambist_tests::envoy::Envoy;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::wait;

use super::load::{self, Generator};
use super::report::Report;
use super::subject::{Case, Tokens};
use super::{ENVOY_CORE, cpu_seconds};

/// Longer than the filter keeps counts to itself.
const SETTLING: Duration = Duration::from_millis(600);

/// Seconds until V8 has compiled what is busy, and the caches are full.
const WARM_UP: u32 = 2;

/// The issuer of one algorithm, its tokens, and what is measured with them.
pub(super) struct Lane {
    alg: &'static str,
    issuer: Issuer,
    tokens: Vec<(Tokens, PathBuf)>,
    cases: Vec<Case>,
    upstream: u16,
}

/// An Envoy under load.
pub(super) struct Subject {
    case: Case,
    envoy: Envoy,
    /// Distinct tokens it was sent. Going on from there, one comes back only after all the others.
    sent: u64,
}

// === impl Lane ===

impl Lane {
    /// Writes the tokens of `alg` into `folder`.
    pub(super) async fn prepare(
        alg: &'static str,
        tokens: &[Tokens],
        cases: &[Case],
        upstream: u16,
        folder: &Path,
    ) -> Self {
        println!("Preparing {alg} …");
        let issuer = Issuer::start(Key::of(alg, "bench")).await;
        let tokens = tokens.iter().map(|tokens| (*tokens, tokens.write(&issuer, folder))).collect();
        Self { alg, issuer, tokens, cases: cases.to_vec(), upstream }
    }

    pub(super) const fn alg(&self) -> &'static str {
        self.alg
    }

    /// Kinds of tokens, and the files that hold them.
    pub(super) fn tokens(&self) -> &[(Tokens, PathBuf)] {
        &self.tokens
    }

    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The token that is sent again and again.
    pub(super) fn repeated_token(&self) -> String {
        let (_, path) =
            self.tokens.iter().find(|(kind, _)| *kind == Tokens::Repeated).expect("it was written");
        std::fs::read_to_string(path).expect("tokens were written").trim().to_owned()
    }

    /// A new Envoy for `case`.
    pub(super) async fn start(&self, case: Case) -> Subject {
        Subject { case, envoy: case.start(&self.issuer, self.upstream, ENVOY_CORE).await, sent: 0 }
    }

    /// Measures every case once with every kind of token.
    pub(super) async fn play(&mut self, generator: &Generator, seconds: u32, report: &mut Report) {
        // Whoever came last in this round comes first in the next: the machine has its moods.
        self.cases.rotate_right(1);
        for (tokens, path) in &self.tokens {
            for case in &self.cases {
                let mut subject = self.start(*case).await;
                let (run, cpu_us) =
                    subject.measure(generator, (*tokens, path), seconds, self.verified_by()).await;
                report.add(*case, self.alg, *tokens, run, cpu_us);
            }
        }
    }

    /// The counter of whoever verifies in our filter.
    fn verified_by(&self) -> &'static str {
        match self.alg {
            "PS256" | "EdDSA" => "cambist.rust_verify",
            _ => "cambist.host_verify",
        }
    }
}

// === impl Subject ===

impl Subject {
    pub(super) fn port(&self) -> u16 {
        self.envoy.port()
    }

    pub(super) const fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// Loads it until it is as fast as it will be: caches filled, keys fetched, connections to the upstream open.
    pub(super) fn warm_up(&mut self, generator: &Generator, (kind, tokens): (Tokens, &Path)) {
        self.run(generator, kind, tokens, WARM_UP);
    }

    /// The generator blocks, while upstream and issuer go on in other threads.
    pub(super) fn run(
        &mut self,
        generator: &Generator,
        kind: Tokens,
        tokens: &Path,
        seconds: u32,
    ) -> load::Run {
        let (port, first) = (self.envoy.port(), self.sent);
        let run = tokio::task::block_in_place(|| generator.run(port, tokens, first, seconds));
        if kind == Tokens::Distinct {
            // Some were sent and not answered before the end.
            self.sent += run.requests + 2 * u64::from(load::CONNECTIONS);
        }
        run
    }

    /// A run after a warm-up, with the CPU microseconds that Envoy spent on each request. `verified_by` is the counter
    /// that must count each new token.
    async fn measure(
        &mut self,
        generator: &Generator,
        (kind, tokens): (Tokens, &Path),
        seconds: u32,
        verified_by: &str,
    ) -> (load::Run, f64) {
        self.warm_up(generator, (kind, tokens));
        let counted = kind == Tokens::Distinct && self.case.is_ours();
        let verified = if counted { settled(&self.envoy, verified_by).await } else { 0 };
        let spent = cpu_seconds(&self.envoy);
        let run = self.run(generator, kind, tokens, seconds);
        let spent = cpu_seconds(&self.envoy) - spent;
        if counted {
            // Fails when another verified than should: then something else was measured.
            self.envoy.until_counted(verified_by, verified + run.requests).await;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
        let cpu_us = spent * 1e6 / run.requests as f64;
        (run, cpu_us)
    }
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
