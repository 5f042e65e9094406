//! A token endpoint that is not ours: Ory's fosite with its handler of RFC 7523, built by `just fosite`.

use std::fs;
use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artifact;
use crate::client::Request;
use crate::process::{Process, Start};
use crate::wait;

/// What assertions and logins must name as their audience there.
pub const TOKEN_URL: &str = "https://fosite.example/token";

/// A running fosite. Ended when dropped.
#[derive(Debug)]
pub struct Fosite {
    port: u16,
    process: Process,
    _folder: TempDir,
}

// === impl Fosite ===

impl Fosite {
    /// Starts one that trusts tokens of `issuer`, signed with the key `jwk`, for `subjects`, and knows `clients`.
    pub async fn start(issuer: &str, jwk: &Value, subjects: &[&str], clients: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (settings, port_file) = (folder.path().join("settings.json"), folder.path().join("port"));
        let known = json!({
            "token_url": TOKEN_URL, "issuer": issuer, "subjects": subjects, "key": jwk,
            "scopes": ["read"], "lifespan": 300, "clients": clients,
        });
        fs::write(&settings, known.to_string()).expect("settings can be written");
        let mut process = Process::start(&Start {
            name: "fosite",
            program: &artifact::fosite(),
            arguments: &[settings.display().to_string(), port_file.display().to_string()],
            environment: &[],
            log: &folder.path().join("fosite.log"),
            folder: Path::new("/"),
        });
        let port = wait::until_some("fosite says its port", wait::PATIENCE, async || {
            process.demand_running();
            fs::read_to_string(&port_file).ok()?.trim().parse().ok()
        })
        .await;
        Self { port, process, _folder: folder }
    }

    /// Where tokens are to be had.
    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// What it knows of a token: whether it is active, whose it is, for whom it was made and its scopes.
    pub async fn knows(&self, token: &str) -> Value {
        let request = Request::new(Method::POST, "/peer/token").form(&format!("token={token}"));
        request.send(self.port).await.expect(200).json()
    }

    /// Changes a client.
    pub async fn set_client(&self, client: &Value) {
        Request::new(Method::PUT, "/peer/client").json(client).send(self.port).await.expect(200);
    }

    /// Everything it has said.
    pub fn output(&self) -> String {
        self.process.output()
    }
}
