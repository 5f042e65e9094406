//! Events of gateways on one core of the control plane: many gateways post full batches, each acknowledged when it is on
//! disk, and the service is killed half-way. What was acknowledged must be there, once.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cambist_core::identity::identity_id;
use cambist_tests::client::{Connection, Request};
use cambist_tests::control_plane::ControlPlane;
use hyper::Method;
use serde_json::json;

use super::{ENVOY_CORE, LOAD_CORE, cpu_seconds_of, num_cores, pin, stay_on};

/// Rows per second that may not be missed.
const LEAST: f64 = 50_000.0;
/// What we are after.
const AIM: f64 = 200_000.0;

/// Gateways that deliver, each over a connection of its own.
const GATEWAYS: usize = 24;
/// Events of a batch: as many as a gateway sends at most.
const BATCH: u64 = 512;
/// Workloads that are told of, at every gateway.
const IDENTITIES: usize = 10_000;
/// Sequences have one width, so that a batch is written once and numbered again and again.
const FIRST: u64 = 1_000_000_000;

/// One gateway and its only instance.
struct Lane {
    token: String,
    body: Vec<u8>,
    /// Where the sequences stand in the body.
    places: Vec<usize>,
    next: u64,
}

/// What all lanes share.
#[derive(Default)]
struct Course {
    acknowledged: AtomicU64,
    ending: AtomicBool,
}

/// Measures for `seconds` before the kill and as long after it; fails when the gate is missed or a row is.
pub(crate) async fn measure(seconds: u32) -> ExitCode {
    assert!(num_cores() >= 2, "the bench needs a core for the control plane and one for the load");
    stay_on(LOAD_CORE);
    let mut control_plane = ControlPlane::start().await;
    let mut lanes = Vec::new();
    for number in 0..GATEWAYS {
        let name = format!("edge-{number}");
        let made = control_plane.post("/v1/gateways", &json!({ "name": name })).await;
        lanes.push(Lane::new(made["token"].as_str().expect("a token"), number));
    }
    pin(control_plane.process_id(), ENVOY_CORE);
    let (port, course) = (control_plane.port(), Arc::new(Course::default()));
    let running: Vec<_> =
        lanes.into_iter().map(|lane| tokio::spawn(lane.run(port, Arc::clone(&course)))).collect();
    let mut rates = Vec::new();
    // Caches and statements are made in the first moments.
    tokio::time::sleep(Duration::from_secs(1)).await;
    rates.push(course.watch(&control_plane, seconds, "before the kill").await);
    control_plane.kill();
    let killed = Instant::now();
    control_plane.serve().await;
    pin(control_plane.process_id(), ENVOY_CORE);
    println!("  killed, and ready again after {:.1?}", killed.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    rates.push(course.watch(&control_plane, seconds, "after the kill").await);
    course.ending.store(true, Ordering::Relaxed);
    let mut delivered = 0;
    for lane in running {
        delivered += lane.await.expect("a lane runs to its end");
    }
    let whole = check(&control_plane, delivered).await;
    let least = rates.into_iter().fold(f64::INFINITY, f64::min);
    let verdict = match () {
        () if least >= AIM => "stretch",
        () if least >= LEAST => "gate",
        () => "MISSED",
    };
    println!("  ingestion: {least:.0} rows/s on one core at least {verdict}");
    if whole && least >= LEAST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether every delivered row is there once, and the trail whole.
async fn check(control_plane: &ControlPlane, delivered: u64) -> bool {
    let gaps = control_plane.get("/v1/audit/gaps").await;
    // The numbers before the first are all that is missing.
    let gaps: Vec<_> =
        gaps["items"].as_array().expect("a list").iter().map(|gap| gap["last"].as_u64()).collect();
    let unbroken = gaps.len() == GATEWAYS && gaps.iter().all(|last| *last == Some(FIRST - 1));
    let (mut rows, mut from) = (0, String::new());
    let broken = loop {
        let found = control_plane.get(&format!("/v1/audit/verify{from}")).await;
        rows += found["rows"].as_u64().expect("a number");
        if found["complete"] == true || !found["broken"].is_null() {
            break found["broken"].clone();
        }
        from = format!(
            "?after={}&hash={}",
            found["last"]["id"],
            found["last"]["hash"].as_str().expect("a hash")
        );
    };
    // Beside the events: initialisation, two starts, and the gateways.
    let others = 3 + GATEWAYS as u64;
    let complete = rows == delivered + others;
    println!(
        "  {delivered} rows acknowledged, {} there, gaps: {}, trail: {}",
        rows.saturating_sub(others),
        !unbroken,
        if broken.is_null() { "whole".to_owned() } else { broken.to_string() }
    );
    unbroken && complete && broken.is_null()
}

// === impl Course ===

impl Course {
    /// Rows per second over some seconds.
    async fn watch(&self, control_plane: &ControlPlane, seconds: u32, when: &str) -> f64 {
        let cpu = || cpu_seconds_of(control_plane.process_id());
        let (begun, rows, spent) = (Instant::now(), self.acknowledged.load(Ordering::Relaxed), cpu());
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        let rows = self.acknowledged.load(Ordering::Relaxed) - rows;
        let (took, spent) = (begun.elapsed().as_secs_f64(), cpu() - spent);
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
        let (rate, cost) = (rows as f64 / took, spent * 1e6 / rows as f64);
        println!(
            "  {when}: {rate:.0} rows/s, {cost:.1} µs of processor time each, {:.0} % of the core",
            spent / took * 100.0
        );
        rate
    }
}

// === impl Lane ===

impl Lane {
    fn new(token: &str, gateway: usize) -> Self {
        let mut text = format!(
            r#"{{"instance":"node-{gateway}/4f1d0c2b7a9e8d63","epoch":1800000000000,"dropped":0,"events":["#
        );
        let mut places = Vec::new();
        for number in 0..BATCH {
            if number > 0 {
                text.push(',');
            }
            text.push_str(r#"{"sequence":"#);
            places.push(text.len());
            write_event(
                &mut text,
                FIRST + number,
                gateway * 409 + usize::try_from(number).expect("small") * 19,
            );
        }
        text.push_str("]}");
        Self { token: token.to_owned(), body: text.into_bytes(), places, next: FIRST }
    }

    /// Delivers batch after batch, each until it is acknowledged, and says how many rows that were.
    async fn run(mut self, port: u16, course: Arc<Course>) -> u64 {
        let mut connection = None;
        while !course.ending.load(Ordering::Relaxed) {
            for (number, place) in self.places.iter().enumerate() {
                let sequence = (self.next + number as u64).to_string();
                self.body[*place..*place + sequence.len()].copy_from_slice(sequence.as_bytes());
            }
            let request =
                Request::new(Method::POST, "/gateway/v1/events").bearer(&self.token).body(self.body.clone());
            loop {
                if connection.is_none() {
                    connection = Connection::open(port).await.ok();
                }
                let Some(open) = &mut connection else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                match open.try_send(&request).await {
                    Ok(answer) if answer.status == 200 => break,
                    // It is full, or goes down.
                    Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                    Err(_) => connection = None,
                }
            }
            self.next += BATCH;
            course.acknowledged.fetch_add(BATCH, Ordering::Relaxed);
        }
        self.next - FIRST
    }
}

/// A mint as a gateway tells of it, from its sequence on.
fn write_event(text: &mut String, sequence: u64, number: usize) {
    let workload = number % IDENTITIES;
    let subject = format!("system:serviceaccount:shop:cart-{workload}");
    let id = identity_id("default", "cl_shop", "eks-eu-1", "api", &subject);
    let digest = format!("{workload:064x}");
    write!(
        text,
        r#"{sequence},"at_ms":1790000000000,"outcome":"mint","epoch":1800000000000,"route":"orders","token_sha256":"{digest}","identity":{{"id":"{id}","client_id":"cl_shop","issuer":"eks-eu-1","audience":"api","subject":"{subject}"}},"minted":{{"jti":"yA2uE5J1kQm3c8Zr0bTfLw","kid":"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg","target":"https://orders.example","scope":"orders.read","exp":1790000900}},"fields":{{"cluster":"eu-1","namespace":"shop","service_account":"cart-{workload}"}},"audit_fields":{{"pod":"cart-{workload}-x7d2k"}}}}"#
    )
    .expect("a text takes all");
}
