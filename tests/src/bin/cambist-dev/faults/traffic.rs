//! Requests at a steady pace, each lane on a connection of its own, with how each was answered.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cambist_tests::client::{Connection, Request};
use cambist_tests::envoy::Envoy;
use nix::unistd::gettid;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{self, Interval, MissedTickBehavior, interval_at};

/// What the `number`th request of a lane brings. It is dropped once the request is answered.
pub(crate) type Tokens = Arc<dyn Fn(usize, u64) -> Arc<String> + Send + Sync>;

/// How requests were answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Statuses, or how the connection failed.
    pub(crate) answers: BTreeMap<String, u64>,
    /// Of every answer.
    pub(crate) latencies: Vec<Duration>,
    /// Answers other than 200: when, and which.
    pub(crate) others: Vec<(Instant, String)>,
    /// When 200 came.
    pub(crate) last_good: Option<Instant>,
}

/// Requests that are being sent.
pub(crate) struct Traffic {
    over: Arc<AtomicBool>,
    lanes: Vec<JoinHandle<Tally>>,
}

// === impl Traffic ===

impl Traffic {
    /// Starts `lanes` lanes that send `per_second` requests together, one after the other: all at once they would wait
    /// for each other. The listener balances exactly, so that they are spread over the workers.
    pub(crate) async fn start(envoy: &Envoy, lanes: usize, per_second: usize, tokens: Tokens) -> Self {
        Self::start_at(envoy.port(), lanes, per_second, tokens).await
    }

    /// As [`Self::start`], for `span` and to whoever listens on `port`, from a thread that gives way to all others: what
    /// it costs to send is not what is measured.
    pub(crate) async fn aside(
        port: u16,
        lanes: usize,
        per_second: usize,
        tokens: Tokens,
        span: Duration,
    ) -> Tally {
        let aside = tokio::task::spawn_blocking(move || {
            give_way();
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(async {
                Self::start_at(port, lanes, per_second, tokens).await.stop_after(span).await
            })
        });
        aside.await.expect("a load does not panic")
    }

    async fn start_at(port: u16, lanes: usize, per_second: usize, tokens: Tokens) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let period = Duration::from_secs(1) * u32::try_from(lanes).expect("few lanes")
            / u32::try_from(per_second).expect("a pace");
        let mut connections = Vec::new();
        for _ in 0..lanes {
            connections.push(Connection::open(port).await.expect("envoy accepts connections"));
        }
        let mut first = time::Instant::now();
        let mut running = Vec::new();
        for (lane, connection) in connections.into_iter().enumerate() {
            let mut pace = interval_at(first, period);
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            first += period / u32::try_from(lanes).expect("few lanes");
            let (over, tokens) = (Arc::clone(&over), Arc::clone(&tokens));
            running.push(tokio::spawn(send(lane, port, connection, pace, over, tokens)));
        }
        Self { over, lanes: running }
    }

    /// Ends it; what became of each lane.
    pub(crate) async fn stop(self) -> Vec<Tally> {
        self.over.store(true, Ordering::Relaxed);
        let mut tallies = Vec::new();
        for lane in self.lanes {
            tallies.push(lane.await.expect("a lane does not panic"));
        }
        tallies
    }

    /// Ends it after `span`; what became of all lanes.
    pub(crate) async fn stop_after(self, span: Duration) -> Tally {
        time::sleep(span).await;
        Tally::sum(self.stop().await)
    }
}

/// Makes this thread the last to get a core. Where that is not possible the measurement is only noisier.
fn give_way() {
    let thread = gettid().to_string();
    Command::new("renice").args(["-n", "19", "-p", &thread]).output().ok();
}

async fn send(
    lane: usize,
    port: u16,
    mut connection: Connection,
    mut pace: Interval,
    over: Arc<AtomicBool>,
    tokens: Tokens,
) -> Tally {
    let mut tally = Tally::default();
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        let token = tokens(lane, number);
        number += 1;
        let begun = Instant::now();
        let answer = connection.try_send(&Request::get("/").bearer(&token)).await;
        drop(token);
        tally.count(begun, answer.map(|answer| answer.status.as_u16()));
        if connection.is_closed() {
            connection = Connection::open(port).await.expect("envoy accepts connections");
        }
    }
    tally
}

// === impl Tally ===

impl Tally {
    fn count(&mut self, begun: Instant, answer: Result<u16, String>) {
        self.latencies.push(begun.elapsed());
        let name = answer.map_or_else(|error| error, |status| status.to_string());
        if name == "200" {
            self.last_good = Some(Instant::now());
        } else {
            self.others.push((begun, name.clone()));
        }
        *self.answers.entry(name).or_default() += 1;
    }

    /// All of them together.
    pub(crate) fn sum(tallies: Vec<Self>) -> Self {
        let mut sum = Self::default();
        for Self { answers, latencies, others, last_good } in tallies {
            for (name, count) in answers {
                *sum.answers.entry(name).or_default() += count;
            }
            sum.latencies.extend(latencies);
            sum.others.extend(others);
            sum.last_good = sum.last_good.max(last_good);
        }
        sum.others.sort();
        sum
    }

    /// How many were answered so.
    pub(crate) fn answered(&self, name: &str) -> u64 {
        self.answers.get(name).copied().unwrap_or(0)
    }

    /// How many were sent.
    pub(crate) fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// The latency that `percent` of a hundred requests did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(self.latencies.clone(), percent)
    }
}

/// What `percent` of a hundred did not exceed.
pub(crate) fn percentile(mut all: Vec<Duration>, percent: usize) -> Duration {
    all.sort_unstable();
    let place = (all.len() * percent).div_ceil(100).saturating_sub(1);
    all.get(place).copied().unwrap_or_default()
}
