//! A control plane that is killed while tokens are exchanged: what went on is in its audit, and what is lost leaves a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cambist_tests::client::{Connection, Request};
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::wait;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::report::Report;
use super::scene::{self, Plan, Scene};

/// Workloads that exchange at once.
const LANES: usize = 32;
/// How long a workload that was put off waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);
/// Every so many exchanges somebody asks for one and leaves.
const LEAVERS: usize = 20;
/// How long those who leave stay.
const STAY: Duration = Duration::from_millis(2);
/// How long the gateway is without a control plane before it dies, too.
const ALONE: Duration = Duration::from_millis(500);
const MODES: [&str; 2] = ["strict", "batched"];
/// How soon everything that can arrive has arrived.
const RECOVERY: Duration = Duration::from_secs(30);

pub(crate) async fn run(short: bool, report: &mut Report) {
    let (exchanges, kills) = if short { (600, 1) } else { (10_000, 3) };
    let issuer = Arc::new(Issuer::start(Key::p256("first")).await);
    let mut policy = scene::policy(&issuer, &json!({}));
    policy.routes = MODES.map(|mode| route(mode, &policy.routes[0])).into();
    let mut scene = Plan::start(policy).await;
    for mode in MODES {
        exchange(mode, exchanges, kills, &mut scene, &issuer, report).await;
    }
    let control_plane = both_die(exchanges / 5, scene, &issuer, report).await;
    let verified = control_plane.get("/v1/audit/verify").await;
    report.note("rows of the audit", &verified["rows"]);
    let is_whole = verified["complete"] == true && verified["broken"].is_null();
    report.exactly("breaks in the hash chain", usize::from(!is_whole), 0);
}

/// The route of a mode: its name is its id and its path.
fn route(mode: &str, all: &Value) -> Value {
    let mut route = all.clone();
    route["id"] = json!(mode);
    route["path"] = json!({ "prefix": format!("/{mode}") });
    route["audit"] = json!(mode);
    route
}

/// What the audit says of mints for one route.
#[derive(Debug, Default)]
struct Audit {
    /// How often each `jti` is there.
    mints: BTreeMap<String, usize>,
    strict: usize,
    /// The sequences of each instance, as often as they are there.
    sequences: BTreeMap<String, Vec<u64>>,
}

/// What the workloads were told.
#[derive(Debug, Default)]
struct Told {
    put_off: usize,
    others: Vec<String>,
    slowest: Duration,
}

async fn exchange(
    mode: &'static str,
    exchanges: usize,
    kills: usize,
    scene: &mut Scene,
    issuer: &Arc<Issuer>,
    report: &mut Report,
) {
    scene.upstream.keep_all();
    let next = Arc::new(AtomicUsize::new(0));
    let passed = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..LANES {
        let (next, passed, issuer) = (Arc::clone(&next), Arc::clone(&passed), Arc::clone(issuer));
        lanes.spawn(lane(mode, scene.envoy.port(), issuer, exchanges, next, passed));
    }
    for kill in 1..=kills {
        let due = exchanges * kill / (kills + 1);
        wait::until(&format!("{due} have passed"), Duration::from_mins(5), async || {
            passed.load(Ordering::Relaxed) >= due
        })
        .await;
        scene.control_plane.kill();
        scene.control_plane.serve().await;
    }
    let mut told = Told::default();
    while let Some(lane) = lanes.join_next().await {
        let Told { put_off, others, slowest } = lane.expect("a lane does not panic");
        told.put_off += put_off;
        told.others.extend(others);
        told.slowest = told.slowest.max(slowest);
    }
    let what = |text: &str| format!("{mode}: {text}");
    report.note(&what("seconds for all exchanges"), format!("{:.1}", begun.elapsed().as_secs_f64()));
    report.exactly(&what("exchanges that passed"), passed.load(Ordering::Relaxed), exchanges);
    report.note(&what("control plane killed, times"), kills);
    report.note(&what("put off with 503, and tried again"), told.put_off);
    report.note(&what("slowest exchange"), format!("{:.1?}", told.slowest));
    report.exactly(&what("answers but 200 and 503"), told.others.len(), 0);

    let forwarded: BTreeSet<String> = scene.upstream.bearers().iter().map(|token| jti(token)).collect();
    let audit = Audit::arrived(&scene.control_plane, mode, &forwarded).await;
    let missing = forwarded.iter().filter(|jti| !audit.mints.contains_key(*jti)).count();
    let unconfirmed = audit.mints.keys().filter(|jti| !forwarded.contains(*jti)).count();
    let all: usize = audit.mints.values().sum();
    report.note(&what("tokens that the upstream saw"), forwarded.len());
    report.note(&what("mints in the audit"), all);
    report.exactly(&what("mints that are there twice"), all - audit.mints.len(), 0);
    report.exactly(&what("events that are there twice"), audit.doubled(), 0);
    let gaps = audit.gaps();
    if mode == "strict" {
        report.exactly(&what("tokens that the upstream saw and the audit does not know"), missing, 0);
        report.exactly(&what("mints that are marked strict"), audit.strict, all);
        report.note(&what("unconfirmed: in the audit, never seen upstream"), unconfirmed);
    } else {
        report.note(&what("tokens that the upstream saw and the audit does not know"), missing);
        report.note(&what("gaps in (instance, sequence)"), gaps);
        report.exactly(&what("lost without a gap"), missing.saturating_sub(gaps), 0);
    }
}

/// The control plane dies, then the gateway with all that it still had to tell: what it let go on is known all the same.
async fn both_die(exchanges: usize, scene: Scene, issuer: &Arc<Issuer>, report: &mut Report) -> ControlPlane {
    let Scene { envoy, upstream, mut control_plane, client_id: _ } = scene;
    upstream.keep_all();
    let (next, passed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (next, passed, issuer) = (Arc::clone(&next), Arc::clone(&passed), Arc::clone(issuer));
        // Never as many as are asked for: it ends before.
        lanes.spawn(lane(MODES[0], envoy.port(), issuer, usize::MAX, next, passed));
    }
    wait::until("some have passed", Duration::from_mins(5), async || {
        passed.load(Ordering::Relaxed) >= exchanges
    })
    .await;
    control_plane.kill();
    sleep(ALONE).await;
    drop(envoy);
    lanes.abort_all();
    while lanes.join_next().await.is_some() {}
    control_plane.serve().await;
    let forwarded: BTreeSet<String> = upstream.bearers().iter().map(|token| jti(token)).collect();
    let audit = Audit::arrived(&control_plane, MODES[0], &forwarded).await;
    let missing = forwarded.iter().filter(|jti| !audit.mints.contains_key(*jti)).count();
    report.at_least("both die: tokens that the upstream saw", forwarded.len(), exchanges);
    report.exactly("both die: of these the audit does not know", missing, 0);
    control_plane
}

/// Exchanges one token after the other, each until it passes.
async fn lane(
    mode: &'static str,
    port: u16,
    issuer: Arc<Issuer>,
    exchanges: usize,
    next: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
) -> Told {
    let mut told = Told::default();
    let mut connection = Connection::open(port).await.expect("envoy accepts connections");
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= exchanges {
            return told;
        }
        let path = format!("/{mode}");
        let token = |name: &str| {
            let mut claims = issuer.claims(&format!("job-{}", number % 100));
            claims["jti"] = json!(format!("{mode}-{name}-{number}-{exchanges}"));
            issuer.sign(&claims)
        };
        if number.is_multiple_of(LEAVERS) {
            let request = Request::get(path.as_str()).bearer(&token("leaver"));
            // Whether it is answered in time does not matter.
            let _ = timeout(STAY, request.try_send(port)).await;
        }
        let request = Request::get(path.as_str()).bearer(&token("job"));
        let begun = Instant::now();
        loop {
            if connection.is_closed() {
                connection = Connection::open(port).await.expect("envoy accepts connections");
            }
            match connection.try_send(&request).await {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) if answer.status == 503 => told.put_off += 1,
                Ok(answer) => {
                    told.others.push(answer.status.to_string());
                    return told;
                }
                Err(error) => {
                    told.others.push(error);
                    return told;
                }
            }
            sleep(PAUSE).await;
        }
        told.slowest = told.slowest.max(begun.elapsed());
        passed.fetch_add(1, Ordering::Relaxed);
    }
}

fn jti(token: &str) -> String {
    Parts::of(token).claims["jti"].as_str().expect("an access token has a jti").to_owned()
}

// === impl Audit ===

impl Audit {
    /// The audit when it knows all that was forwarded, or when nothing more comes.
    async fn arrived(control_plane: &ControlPlane, mode: &str, forwarded: &BTreeSet<String>) -> Self {
        let begun = Instant::now();
        loop {
            let audit = Self::read(control_plane, mode).await;
            let is_whole = forwarded.iter().all(|jti| audit.mints.contains_key(jti));
            if is_whole || begun.elapsed() > RECOVERY {
                return audit;
            }
            sleep(PAUSE).await;
        }
    }

    async fn read(control_plane: &ControlPlane, mode: &str) -> Self {
        let mut audit = Self::default();
        let mut cursor = String::new();
        loop {
            let page = control_plane.get(&format!("/v1/audit?limit=1000{cursor}")).await;
            for row in page["items"].as_array().expect("a list") {
                audit.take(row, mode);
            }
            let Some(next) = page["next"].as_str() else { return audit };
            cursor = format!("&cursor={next}");
        }
    }

    fn take(&mut self, row: &Value, mode: &str) {
        if let Some(sequence) = row["sequence"].as_u64() {
            let instance = row["instance"].as_str().unwrap_or_default().to_owned();
            self.sequences.entry(instance).or_default().push(sequence);
        }
        if row["detail"]["route"] == mode
            && let Some(jti) = row["detail"]["minted"]["jti"].as_str()
        {
            *self.mints.entry(jti.to_owned()).or_default() += 1;
            self.strict += usize::from(row["detail"]["strict"] == true);
        }
    }

    /// Sequences that are missing before the last of their instance.
    fn gaps(&self) -> usize {
        let missing = self.sequences.values().map(|sequences| {
            let known: BTreeSet<u64> = sequences.iter().copied().collect();
            let last = usize::try_from(known.last().copied().unwrap_or_default()).expect("few events");
            last - known.len()
        });
        missing.sum()
    }

    fn doubled(&self) -> usize {
        let doubled = self.sequences.values().map(|sequences| {
            let known: BTreeSet<u64> = sequences.iter().copied().collect();
            sequences.len() - known.len()
        });
        doubled.sum()
    }
}
