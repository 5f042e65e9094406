//! The real `cambist` program on a store of its own, and its admin API.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artifact;
use crate::client::{Answer, Request};
use crate::policy::{AUTHORITY, CLIENT, GATEWAY, Policy};
use crate::process::{Process, Start};
use crate::wait;

/// A control plane. It can be stopped and started again on the same store and port.
#[derive(Debug)]
pub struct ControlPlane {
    folder: TempDir,
    admin_token: String,
    port: u16,
    process: Option<Process>,
    environment: Vec<(String, String)>,
}

// === impl ControlPlane ===

impl ControlPlane {
    /// Initialises a store in a folder of its own and serves it on a free port.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// The same with more in its environment.
    pub async fn start_with(environment: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = Command::new(artifact::cambist())
            .args(["init", "--authority", AUTHORITY, "--print-json", "--data"])
            .arg(folder.path().join("data"))
            .output()
            .expect("cambist runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "cambist init: {said}");
        let admin_token = said
            .split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter)))
            .find(|word| word.starts_with("adm_"))
            .unwrap_or_else(|| panic!("cambist init showed no admin token: {said}"))
            .to_owned();
        let mut control_plane = Self { folder, admin_token, port: 0, process: None, environment };
        control_plane.serve().await;
        control_plane
    }

    /// Its port, the same over its whole life.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The admin token that `init` showed.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Everything it has logged.
    pub fn output(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            let status = process.stop().await;
            assert!(status.success(), "cambist ended with {status}: {}", self.output());
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Serves the store, on the same port as before.
    pub async fn serve(&mut self) {
        let port_file = self.folder.path().join("port");
        let _ = fs::remove_file(&port_file);
        let arguments = [
            "serve".to_owned(),
            "--data".to_owned(),
            self.folder.path().join("data").display().to_string(),
            "--listen".to_owned(),
            format!("127.0.0.1:{}", self.port),
            "--port-file".to_owned(),
            port_file.display().to_string(),
        ];
        let mut process = Process::start(&Start {
            name: "cambist serve",
            program: &artifact::cambist(),
            arguments: &arguments,
            environment: &self.environment,
            log: &self.log(),
            folder: self.folder.path(),
        });
        self.port = wait::until_some("the control plane says its port", wait::PATIENCE, async || {
            process.demand_running();
            fs::read_to_string(&port_file).ok()?.trim().rsplit(':').next()?.parse().ok()
        })
        .await;
        wait::until("the control plane is ready", wait::PATIENCE, async || {
            process.demand_running();
            Request::get("/readyz").try_send(self.port).await.is_ok_and(|answer| answer.status.is_success())
        })
        .await;
        self.process = Some(process);
    }

    /// Asks the admin API for `path`.
    pub async fn get(&self, path: &str) -> Value {
        self.admin(Request::get(path)).await.expect(200).json()
    }

    /// Posts `body` to `path` of the admin API and expects success.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> impl Future<Output = Value> {
        let request = Request::new(Method::POST, path).json(body);
        let what = format!("POST {path} {body}");
        async move {
            let answer = self.admin(request).await;
            assert!(answer.status.is_success(), "{what}: {} {}", answer.status, answer.text());
            if answer.body.is_empty() { Value::Null } else { answer.json() }
        }
    }

    /// Puts `document` in the place of what is at `path`, whatever its version, and expects success.
    pub async fn replace(&self, path: &str, document: &Value) -> Value {
        let request = Request::new(Method::PUT, path).json(document).header("if-match", "*");
        self.admin(request).await.expect(200).json()
    }

    /// The operating system's number for its process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Sends `request` with the admin token.
    pub async fn admin(&self, request: Request) -> Answer {
        request.bearer(&self.admin_token).send(self.port).await
    }

    /// Writes a policy. Its one client gets a new id, which is returned.
    pub async fn apply(&self, policy: &Policy) -> String {
        let mut client_id = String::new();
        for issuer in &policy.issuers {
            self.post("/v1/issuers", issuer).await;
        }
        for client in &policy.clients {
            let mut client = client.clone();
            client.as_object_mut().expect("an object").remove("client_id");
            let created = self.post("/v1/clients", &client).await;
            created["client_id"].as_str().expect("a client has an id").clone_into(&mut client_id);
        }
        for binding in &policy.bindings {
            let mut binding = binding.clone();
            binding.as_object_mut().expect("an object").remove("client_id");
            self.post(&format!("/v1/clients/{client_id}/bindings"), &binding).await;
        }
        for endpoint in &policy.external_endpoints {
            self.post("/v1/external-endpoints", endpoint).await;
        }
        for route in &policy.routes {
            let route = route.to_string().replace(CLIENT, &client_id);
            self.post("/v1/routes", &serde_json::from_str(&route).expect("JSON")).await;
        }
        client_id
    }

    /// Registers the gateway, which may mint, and returns its token.
    pub async fn register_gateway(&self) -> String {
        let gateway = self.post("/v1/gateways", &json!({ "name": GATEWAY, "may_mint": true })).await;
        gateway["token"].as_str().expect("a gateway has a token").to_owned()
    }

    /// The identity whose subject is `subject`, once it has reported in.
    pub async fn identity(&self, subject: &str) -> Value {
        wait::until_some(&format!("the identity of {subject}"), wait::PATIENCE, async || {
            let list = self.get("/v1/identities").await;
            list["items"].as_array()?.iter().find(|item| item["subject"] == subject).cloned()
        })
        .await
    }

    /// Replaces what is at `path` of the admin API, whatever its version.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        let request = Request::new(Method::PUT, path).header("if-match", "*").json(body);
        self.admin(request).await.expect(200).json()
    }

    /// Takes its processor time away: it answers nothing until it goes on.
    pub fn freeze(&self) {
        if let Some(process) = &self.process {
            process.freeze();
        }
    }

    /// Gives it back.
    pub fn thaw(&self) {
        if let Some(process) = &self.process {
            process.thaw();
        }
    }

    /// Waits until it knows so many identities.
    pub async fn until_seen(&self, count: usize) {
        wait::until(&format!("{count} identities are known"), wait::PATIENCE, async || {
            let (mut seen, mut cursor) = (0, String::new());
            loop {
                let page = self.get(&format!("/v1/identities?limit=1000{cursor}")).await;
                seen += page["items"].as_array().map_or(0, Vec::len);
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break seen >= count,
                }
            }
        })
        .await;
    }

    /// Revokes an identity.
    pub async fn revoke(&self, id: &str) {
        self.post(&format!("/v1/identities/{id}/revoke"), &json!({})).await;
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("control-plane.log")
    }
}
