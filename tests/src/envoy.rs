//! A real Envoy on free ports, with its admin interface, its counters and its log.

pub mod clock;
pub mod config;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::artifact;
use crate::client::{Answer, Connection, Request};
use crate::process::{Process, Start};
use crate::wait;

/// What to start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Worker threads.
    pub workers: u32,
    /// The bootstrap: JSON, or YAML from a file of ours. Ports are 0.
    pub bootstrap: String,
    /// Added to the environment.
    pub environment: Vec<(String, String)>,
    /// A command put in front of Envoy's, such as `taskset -c 0`.
    pub wrapper: Vec<String>,
}

/// A running Envoy. Ended when dropped.
#[derive(Debug)]
pub struct Envoy {
    workers: u32,
    admin: u16,
    ports: BTreeMap<String, u16>,
    /// One connection to every worker, made before any other: the listener balances exactly.
    held: Mutex<Vec<Connection>>,
    process: Process,
    _folder: TempDir,
}

// === impl Setup ===

impl Setup {
    /// An Envoy with `workers` workers and the bootstrap `bootstrap`.
    pub fn new(workers: u32, bootstrap: impl Into<String>) -> Self {
        Self { workers, bootstrap: bootstrap.into(), environment: Vec::new(), wrapper: Vec::new() }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn spawn(&self, folder: &Path) -> Process {
        // JSON is YAML.
        let config = folder.join("envoy.yaml");
        fs::write(&config, &self.bootstrap).expect("a configuration can be written");
        let envoy = artifact::envoy();
        let mut command = self.wrapper.clone();
        command.push(envoy.display().to_string());
        let options = [
            "--config-path".to_owned(),
            config.display().to_string(),
            "--concurrency".to_owned(),
            self.workers.to_string(),
            "--admin-address-path".to_owned(),
            folder.join("admin").display().to_string(),
            "--disable-hot-restart".to_owned(),
            "--log-level".to_owned(),
            "info".to_owned(),
            // It lists every extension at start.
            "--component-log-level".to_owned(),
            "main:warning".to_owned(),
            // Access logs are read while it runs.
            "--file-flush-interval-msec".to_owned(),
            "200".to_owned(),
        ];
        command.extend(options);
        Process::start(&Start {
            name: "envoy",
            program: Path::new(&command[0]),
            arguments: &command[1..],
            environment: &self.environment,
            log: &folder.join("envoy.log"),
            folder: &artifact::root(),
        })
    }

    /// Starts it and waits until it serves.
    pub async fn start(&self) -> Envoy {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut process = self.spawn(folder.path());
        let admin_file = folder.path().join("admin");
        let admin = wait::until_some("envoy says its admin port", wait::PATIENCE, async || {
            process.demand_running();
            fs::read_to_string(&admin_file).ok()?.rsplit(':').next()?.trim().parse().ok()
        })
        .await;
        wait::until("envoy is ready", wait::PATIENCE, async || {
            process.demand_running();
            Request::get("/ready").try_send(admin).await.is_ok_and(|answer| answer.status.is_success())
        })
        .await;
        let ports = listeners(admin).await;
        let held = Mutex::default();
        let envoy = Envoy { workers: self.workers, admin, ports, held, process, _folder: folder };
        if envoy.ports.contains_key("gateway") {
            *envoy.held.lock().await = envoy.connection_to_each_worker().await;
        }
        envoy
    }

    /// Starts it, expects it to refuse its configuration, and returns what it said.
    pub async fn refusal(&self) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut process = self.spawn(folder.path());
        let status = wait::until_some("envoy gives up", wait::PATIENCE, async || process.ended()).await;
        assert!(!status.success(), "envoy accepted: {}", process.output());
        process.output()
    }
}

// === impl Envoy ===

impl Envoy {
    /// The port of the listener `gateway`.
    pub fn port(&self) -> u16 {
        self.port_of("gateway")
    }

    /// The port of a listener.
    pub fn port_of(&self, listener: &str) -> u16 {
        *self.ports.get(listener).unwrap_or_else(|| panic!("no listener {listener} in {:?}", self.ports))
    }

    /// The port of the admin interface.
    pub const fn admin_port(&self) -> u16 {
        self.admin
    }

    /// How many VMs a filter has: one for each worker, and that of the main thread.
    pub fn vms(&self) -> u64 {
        u64::from(self.workers) + 1
    }

    /// The operating system's number for it.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Sends `request` over a connection of its own.
    pub async fn send(&self, request: &Request) -> Answer {
        request.send(self.port()).await
    }

    /// Sends `request` once to every worker, in the same order each time.
    pub async fn send_to_each_worker(&self, request: &Request) -> Vec<Answer> {
        let mut answers = Vec::new();
        for connection in self.held.lock().await.iter_mut() {
            if connection.is_closed() {
                *connection = Connection::open(self.port()).await.expect("envoy accepts connections");
            }
            answers.push(connection.send(request).await);
        }
        answers
    }

    /// One new connection to every worker.
    pub async fn connection_to_each_worker(&self) -> Vec<Connection> {
        let mut connections = Vec::new();
        for _ in 0..self.workers {
            connections.push(Connection::open(self.port()).await.expect("envoy accepts connections"));
        }
        connections
    }

    /// Waits until every worker answers 200 on the readiness path.
    pub async fn until_ready(&self) {
        let request = Request::get(crate::policy::READY);
        wait::until("every worker has a policy", wait::PATIENCE, async || {
            self.send_to_each_worker(&request).await.iter().all(|answer| answer.status.is_success())
        })
        .await;
    }

    /// Every counter and gauge by name.
    pub async fn stats(&self) -> BTreeMap<String, u64> {
        let answer = Request::get("/stats").send(self.admin).await.expect(200);
        answer
            .text()
            .lines()
            .filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    /// What a Prometheus server reads.
    pub async fn exposition(&self) -> String {
        Request::get("/stats/prometheus").send(self.admin).await.expect(200).text()
    }

    /// The sum of the counters whose name ends with `name`. Our filter hands its own over on ticks, a little late.
    pub async fn counter(&self, name: &str) -> u64 {
        self.stats().await.iter().filter(|(known, _)| known.ends_with(name)).map(|(_, value)| value).sum()
    }

    /// Waits until the counters whose name ends with `name` have come to `least`.
    pub async fn until_counted(&self, name: &str, least: u64) {
        wait::until(&format!("{name} is at {least}"), wait::PATIENCE, async || {
            self.counter(name).await >= least
        })
        .await;
    }

    /// What `/config_dump` shows.
    pub async fn config_dump(&self) -> String {
        Request::get("/config_dump?include_eds").send(self.admin).await.expect(200).text()
    }

    /// Everything it has logged.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

async fn listeners(admin: u16) -> BTreeMap<String, u16> {
    let answer = Request::get("/listeners?format=json").send(admin).await.expect(200).json();
    let listeners = answer["listener_statuses"].as_array().expect("listeners").clone();
    listeners
        .iter()
        .map(|listener| {
            let port = listener["local_address"]["socket_address"]["port_value"].as_u64();
            (text(&listener["name"]), port.and_then(|port| u16::try_from(port).ok()).expect("a port"))
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
