//! An issuer that is not ours: npm's `oidc-provider`, in Node, with its own keys, tokens and key rotation.

use std::fs;
use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artifact;
use crate::client::Request;
use crate::issuer::AUDIENCE;
use crate::process::{Process, Start};
use crate::wait;

/// A running provider. Ended when dropped.
#[derive(Debug)]
pub struct OidcProvider {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

// === impl OidcProvider ===

impl OidcProvider {
    /// Starts it with the keys `first-RS256` and `first-ES256`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port_file = folder.path().join("port");
        let root = artifact::root();
        let paths =
            [root.join("tests/peers/oidc-provider/server.mjs"), artifact::oidc_provider(), port_file.clone()];
        let mut process = Process::start(&Start {
            name: "oidc-provider",
            program: Path::new("node"),
            arguments: &paths.map(|path| path.display().to_string()),
            environment: &[],
            log: &folder.path().join("oidc-provider.log"),
            folder: &root,
        });
        let port = wait::until_some("oidc-provider says its port", wait::PATIENCE, async || {
            process.demand_running();
            fs::read_to_string(&port_file).ok()?.parse().ok()
        })
        .await;
        Self { port, _process: process, _folder: folder }
    }

    /// Its `iss` text, which is its URL.
    pub fn iss(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Publishes these keys alone, each a name and an algorithm, in this order. The first of an algorithm signs. A name
    /// that was published before is the same key as before.
    pub async fn publish(&self, keys: &[(&str, &str)]) {
        let keys: Vec<_> = keys.iter().map(|(kid, alg)| json!({ "kid": kid, "alg": alg })).collect();
        let request = Request::new(Method::POST, "/control/keys").json(&Value::Array(keys));
        request.send(self.port).await.expect(204);
    }

    /// A new access token of its client for `alg`, RS256 or ES256, for our audience.
    pub async fn token(&self, alg: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id=job-{alg}&client_secret=not-a-secret&scope=read&resource={AUDIENCE}"
        );
        let answer = Request::new(Method::POST, "/token").form(&form).send(self.port).await.expect(200);
        answer.json()["access_token"].as_str().expect("an access token").to_owned()
    }
}
