//! Hostile requests by the thousand, through real Envoy: no VM may fail, nothing unverified may arrive upstream, memory
//! must stay flat, and who does nothing wrong must not notice.
//!
//! Deliberately absent: what the right refusal of each request is; other suites say that.

mod h1_lane;
mod h2_lane;
mod kind;
mod lane;
mod share;
mod shot;
mod tally;
mod tokens;
mod watch;
mod witness;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cambist_tests::artifact;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::numbers::Numbers;
use cambist_tests::policy::{self, KEY_ENV, Policy};
use serde_json::{Value, json};

use self::kind::Protocol;
use self::lane::Lane;
use self::share::Share;
use self::shot::{Gun, VERIFIED};
use self::tally::Tally;
use self::tokens::Tokens;
use self::watch::Before;
use self::witness::Witness;

/// Workers of Envoy.
const WORKERS: u32 = 2;

/// Senders of each protocol.
const LANES: u64 = 6;

/// A run that is slower than this has hung, whatever the machine.
const LEAST_PER_SECOND: u64 = 300;

/// A fifth of so many requests fills the caches of all VMs; only then is it known how much memory Envoy needs.
const FILLING: u64 = 400_000;

/// How long the run may take besides.
const GRACE: Duration = Duration::from_secs(90);

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_secs(5);

/// How often the issuer whose keys never come changes how it fails.
const PULSE: Duration = Duration::from_millis(250);

/// How much to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    requests: u64,
    seed: u64,
    planted: bool,
}

/// Everything that requests pass.
struct Scene {
    envoy: Envoy,
    issuer: Issuer,
    slow: Arc<Issuer>,
    witness: Arc<Witness>,
    tally: Arc<Tally>,
    access_log: PathBuf,
    _folder: tempfile::TempDir,
}

// === impl Plan ===

impl Plan {
    /// From `requests=N`, `seed=N` and `planted=1`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut plan = Self { requests: 1_000_000, seed: 1, planted: false };
        for word in words {
            let (option, value) = word.split_once('=').ok_or(format!("no option: {word}"))?;
            let number = value.parse().map_err(|_| format!("not a number: {value}"))?;
            match option {
                "requests" => plan.requests = number,
                "seed" => plan.seed = number,
                "planted" => plan.planted = number != 0,
                other => return Err(format!("no such option: {other}")),
            }
        }
        Ok(plan)
    }

    fn module(self) -> PathBuf {
        if self.planted { artifact::planted_module() } else { artifact::module() }
    }

    fn deadline(self) -> Duration {
        GRACE + Duration::from_secs(self.requests / LEAST_PER_SECOND)
    }
}

/// Sends hostile requests; fails with every reason it finds.
pub(crate) async fn load(plan: Plan) -> ExitCode {
    let scene = Scene::set(&plan.module()).await;
    let before = Before::load(&scene.envoy).await;
    println!("Making tokens …");
    let tokens = Arc::new(Tokens::make(&scene.issuer, &scene.slow));
    let pulse = tokio::spawn(pulsate(Arc::clone(&scene.slow)));
    let ports = [scene.envoy.port(), scene.envoy.port_of("wide")];
    let begun = Instant::now();
    println!("Sending {} requests, seed {} …", plan.requests, plan.seed);
    let shares = [Share::new(plan.requests.div_ceil(2)), Share::new(plan.requests / 2)].map(Arc::new);
    let lanes = start_lanes(plan, ports, &shares, &tokens, &scene.tally);
    let warm = watch_over(plan, &scene, &shares, &lanes).await;
    for lane in lanes {
        if let Err(complaint) = lane.join().expect("a lane does not panic") {
            scene.tally.complain(complaint);
        }
    }
    pulse.abort();
    let took = begun.elapsed();
    verdict(plan, &scene, &before, warm, took).await
}

/// Starts the senders of both protocols, in threads.
fn start_lanes(
    plan: Plan,
    ports: [u16; 2],
    shares: &[Arc<Share>; 2],
    tokens: &Arc<Tokens>,
    tally: &Arc<Tally>,
) -> Vec<JoinHandle<Result<(), String>>> {
    let protocols = [Protocol::Http1, Protocol::Http2].into_iter().zip(shares);
    let lanes =
        protocols.flat_map(|(protocol, share)| (0..LANES).map(move |number| (protocol, share, number)));
    lanes
        .map(|(protocol, share, number)| {
            let seed = plan
                .seed
                .wrapping_mul(1_000)
                .wrapping_add(number * 2 + u64::from(protocol == Protocol::Http2));
            let (share, tokens, tally) = (Arc::clone(share), Arc::clone(tokens), Arc::clone(tally));
            std::thread::spawn(move || {
                let gun = Gun { protocol, numbers: Numbers::seeded(seed), tokens: &tokens, warming: true };
                let lane = Lane { gun, ports, share: &share, tally: &tally };
                let ran = match protocol {
                    Protocol::Http1 => h1_lane::run(lane),
                    Protocol::Http2 => h2_lane::run(lane),
                };
                ran.map_err(|error| format!("a lane of {protocol:?} broke off: {error}"))
            })
        })
        .collect()
}

/// Shows progress until the lanes have ended; returns the memory after the first fifth.
async fn watch_over<T>(
    plan: Plan,
    scene: &Scene,
    shares: &[Arc<Share>; 2],
    lanes: &[JoinHandle<T>],
) -> Option<u64> {
    let begun = Instant::now();
    let (mut warm, mut shown) = (None, begun);
    while !lanes.iter().all(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let total = scene.tally.total();
        if warm.is_none() && total >= plan.requests / 5 {
            warm = Some(watch::memory(&scene.envoy));
        }
        if shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            let memory = watch::memory(&scene.envoy);
            println!(
                "  {total} sent, {} per second, Envoy has {memory} KiB",
                per_second(total, begun.elapsed())
            );
        }
        let late = begun.elapsed() > plan.deadline();
        if late || scene.tally.is_lost() {
            if late {
                scene.tally.complain(format!("not done after {:?}", plan.deadline()));
            }
            for share in shares {
                share.end();
            }
            // The lanes end after their burst.
            while !lanes.iter().all(JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    warm
}

async fn verdict(plan: Plan, scene: &Scene, before: &Before, warm: Option<u64>, took: Duration) -> ExitCode {
    let Scene { envoy, tally, .. } = scene;
    let total = tally.total();
    println!("\n{total} requests in {:.1} s: {} per second\n", took.as_secs_f64(), per_second(total, took));
    tally.print();
    println!("\nEnvoy's answers of 500 and more:");
    let failures = watch::failures(&scene.access_log, tally.failed()).await;
    for (failure, count) in &failures {
        println!("  {failure}: {count}");
    }
    println!("\nCounters of the VMs:");
    let mut reasons = before.complaints(envoy).await;
    reasons.extend(watch::failure_complaints(&failures));
    reasons.extend(watch::log_complaints(envoy));
    let end = watch::memory(envoy);
    println!("\nMemory of Envoy: {} KiB after the first fifth, {end} KiB at the end", warm.unwrap_or(0));
    if plan.requests >= FILLING {
        reasons.extend(warm.and_then(|warm| watch::growth(warm, end)));
    } else {
        println!("  not judged: the caches of the VMs are filled by a fifth of {FILLING} requests or more");
    }
    println!("Arrived upstream: {}", scene.witness.arrived());
    if total < plan.requests {
        reasons.push(format!("only {total} of {} requests were sent", plan.requests));
    }
    let (complaints, wrong) = tally.complaints();
    if wrong > 0 {
        reasons.push(format!("{wrong} requests did not go as they should:"));
        reasons.extend(complaints.into_iter().map(|complaint| format!("  {complaint}")));
    }
    if reasons.is_empty() {
        println!("\nNo VM failed, nothing unverified arrived, and every good request was answered.");
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED:");
    for reason in reasons {
        println!("  {reason}");
    }
    ExitCode::FAILURE
}

fn per_second(count: u64, span: Duration) -> u64 {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    count.saturating_mul(1000) / millis.max(1)
}

/// An issuer that holds its answers, and then fails: its keys are being fetched nearly all the time.
async fn pulsate(issuer: Arc<Issuer>) {
    for fault in [Fault::Hold, Fault::Status(503)].into_iter().cycle() {
        issuer.set_fault(fault);
        tokio::time::sleep(PULSE).await;
    }
}

// === impl Scene ===

impl Scene {
    /// Starts everything, Envoy with the module at `module`.
    async fn set(module: &Path) -> Self {
        let issuer = Issuer::start(Key::p256("first")).await;
        let slow = Issuer::start(Key::p256("slow")).await;
        slow.set_fault(Fault::Status(503));
        let minting = Key::p256("minting");
        let tally = Arc::new(Tally::default());
        let (witness, upstream) = Witness::start(&minting, Arc::clone(&tally)).await;
        let mut policy = Policy::exchange(&issuer).and("slow", &slow);
        policy.routes.push(policy::route("verified", VERIFIED, "none"));
        let mut filter = config::cambist(&policy.inline());
        filter["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = json!(module);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let access_log = folder.path().join("failures");
        let listeners = listeners(&filter, &access_log);
        let clusters = [config::cluster("upstream", upstream), config::forward_proxy()];
        let setup = Setup::new(WORKERS, config::bootstrap(&listeners, &clusters));
        let envoy = setup.env(KEY_ENV, &minting.pkcs8()).start().await;
        envoy.until_ready().await;
        Self { envoy, issuer, slow: Arc::new(slow), witness, tally, access_log, _folder: folder }
    }
}

/// One listener with Envoy's own limits on heads, and one that lets through more than the filter may like.
fn listeners(filter: &Value, access_log: &Path) -> [Value; 2] {
    ["gateway", "wide"].map(|name| {
        let mut listener = config::listener(name, std::slice::from_ref(filter), "upstream");
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["access_log"] = watch::access_log(access_log);
        // A client that is thrown out without a word waits for this.
        manager["delayed_close_timeout"] = json!("0.01s");
        if name == "wide" {
            manager["max_request_headers_kb"] = json!(96);
            manager["common_http_protocol_options"] = json!({ "max_headers_count": 2000 });
        }
        listener
    })
}
