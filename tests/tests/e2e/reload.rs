//! The plugin configuration changes while requests come.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cambist_tests::client::{Connection, Request};
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::policy::{self, KEY_ENV, Policy, TOKEN_ENV};
use cambist_tests::upstream::Upstream;
use cambist_tests::{stage, wait};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

workers! {
    inline_policy_changes_under_load_without_a_refusal,
    handle_on_the_control_plane_changes_under_load_without_a_refusal,
    invalid_change_is_refused_and_the_old_one_serves,
}

/// Times the configuration changes under load.
const CHANGES: u32 = 5;

/// Requests in flight at a time, per worker.
const CONNECTIONS: u32 = 2;

/// A file that Envoy watches for our filter.
struct Watched {
    folder: TempDir,
}

impl Watched {
    fn new(plugin: &Value) -> Self {
        let watched = Self { folder: tempfile::tempdir().unwrap() };
        watched.write(1, plugin);
        watched
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("filter.json")
    }

    /// Replaces the file in one step: Envoy sees the old or the new one, never half of one.
    fn write(&self, version: u32, plugin: &Value) {
        let next: &Path = &self.folder.path().join("next.json");
        fs::write(next, config::discovery_response(version, plugin).to_string()).unwrap();
        fs::rename(next, self.path()).unwrap();
    }
}

/// Requests without pause until told to stop; fails with the first that is not answered 200.
struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<u64>,
}

impl Load {
    async fn start(envoy: &Envoy, workers: u32, issuer: &Issuer) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..workers * CONNECTIONS {
            let mut connection = Connection::open(envoy.port()).await.unwrap();
            let request = Request::get("/").bearer(&issuer.token(&format!("job-{number}")));
            let stop = Arc::clone(&stop);
            tasks.spawn(async move {
                let mut answered = 0;
                while !stop.load(Ordering::Relaxed) {
                    connection.send(&request).await.expect(200);
                    answered += 1;
                }
                answered
            });
        }
        Self { stop, tasks }
    }

    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.iter().sum()
    }
}

async fn reloads(envoy: &Envoy) -> u64 {
    envoy.counter("extension_config_discovery.http_filter.cambist.config_reload").await
}

async fn until_reloaded(envoy: &Envoy, before: u64) {
    wait::until("envoy took the configuration", wait::PATIENCE, async || reloads(envoy).await > before).await;
}

async fn inline_policy_changes_under_load_without_a_refusal(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let mut policy = Policy::exchange(&issuer);
    let watched = Watched::new(&policy.inline());
    let filter = config::discovered(&watched.path());
    let setup = Setup::new(workers, stage::bootstrap(&[filter], &stage::clusters(&upstream, 1)));
    let envoy = setup.env(KEY_ENV, &Key::p256("minting").pkcs8()).start().await;

    let load = Load::start(&envoy, workers, &issuer).await;
    for change in 0..CHANGES {
        let before = reloads(&envoy).await;
        policy.routes[0]["scopes"] = if change % 2 == 0 { json!(["write"]) } else { json!(["read"]) };
        watched.write(change + 2, &policy.inline());
        until_reloaded(&envoy, before).await;
    }
    wait::until("every worker follows the last change", wait::PATIENCE, async || {
        let request = Request::get("/").bearer(&issuer.token("job-0"));
        let answers = envoy.send_to_each_worker(&request).await;
        answers.iter().all(|answer| Parts::of(stage::seen(answer).bearer()).claims["scope"] == "write")
    })
    .await;
    assert!(load.stop().await > 0);
}

async fn handle_on_the_control_plane_changes_under_load_without_a_refusal(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let control_plane = ControlPlane::start().await;
    control_plane.apply(&Policy::exchange(&issuer)).await;
    let token = control_plane.register_gateway().await;
    let mut plugin = policy::from_control_plane();
    let watched = Watched::new(&plugin);
    let filter = config::discovered(&watched.path());
    let clusters = stage::clusters(&upstream, control_plane.port());
    let setup = Setup::new(workers, stage::bootstrap(&[filter], &clusters));
    let envoy = setup.env(TOKEN_ENV, &token).start().await;
    envoy.until_ready().await;

    let load = Load::start(&envoy, workers, &issuer).await;
    for change in 0..CHANGES {
        let before = reloads(&envoy).await;
        plugin["clusters"]["hosts"] = json!({ "unused.example:443": format!("unused-{change}") });
        watched.write(change + 2, &plugin);
        until_reloaded(&envoy, before).await;
    }
    assert!(load.stop().await > 0);
}

async fn invalid_change_is_refused_and_the_old_one_serves(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let policy = Policy::verify(&issuer);
    let watched = Watched::new(&policy.inline());
    let filter = config::discovered(&watched.path());
    let setup = Setup::new(workers, stage::bootstrap(&[filter], &stage::clusters(&upstream, 1)));
    let envoy = setup.start().await;
    let request = Request::get("/").bearer(&issuer.token("job"));
    envoy.send(&request).await.expect(200);

    let mut invalid = policy.inline();
    invalid["snapshot"]["issuers"][0]["allow_everything"] = json!(true);
    watched.write(2, &invalid);
    wait::until("envoy refuses the change", wait::PATIENCE, async || {
        envoy.counter("extension_config_discovery.http_filter.cambist.config_fail").await > 0
    })
    .await;
    assert!(envoy.output().contains("allow_everything"), "the log does not say why");
    for answer in envoy.send_to_each_worker(&request).await {
        answer.expect(200);
    }
}
