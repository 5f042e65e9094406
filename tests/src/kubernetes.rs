//! A real Kubernetes API server with its etcd: an issuer of service account tokens with a certificate that only its own
//! cluster's authority vouches for. Deliberately absent: controllers, kubelets and everything else that runs pods.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize};
use serde_json::json;
use tempfile::TempDir;

use crate::artifact;
use crate::process::{Process, Start};
use crate::tls::{Authority, pem};
use crate::wait;

/// What the API server knows its administrator by.
const ADMIN: &str = "not-a-secret";

/// A cluster's control plane. It can be restarted with other service account keys.
#[derive(Debug)]
pub struct Kubernetes {
    port: u16,
    etcd_port: u16,
    authority: Authority,
    api_server: Option<Process>,
    _etcd: Process,
    folder: TempDir,
}

/// The algorithm of a service account key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with 2048 bits.
    Rs256,
    /// The curve P-256.
    Es256,
}

// === impl Kubernetes ===

impl Kubernetes {
    /// Starts one that signs with a new key, called `key`.
    pub async fn start(key: &str, algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new("kubernetes");
        let (certificate, private) = authority.certify(&["127.0.0.1", "localhost"]);
        write(folder.path(), "tls.crt", &certificate);
        write(folder.path(), "tls.key", &private);
        write(folder.path(), "admins.csv", &format!("{ADMIN},admin,admin,\"system:masters\"\n"));
        let etcd_port = free_port();
        let etcd = etcd(folder.path(), etcd_port);
        let port = free_port();
        write(folder.path(), "kubeconfig", &kubeconfig(port, &authority));
        let mut kubernetes = Self { port, etcd_port, authority, api_server: None, _etcd: etcd, folder };
        kubernetes.make_key(key, algorithm);
        kubernetes.serve(key, &[]).await;
        kubernetes
    }

    /// The `iss` text of its tokens, which is its URL.
    pub fn iss(&self) -> String {
        format!("https://{}", self.host_port())
    }

    /// `host:port` of its URL.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of its URL.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file with the authority of its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.file()
    }

    /// What a shell needs to reach it with `kubectl`.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            ("PATH".to_owned(), format!("{}:{path}", artifact::kubernetes().display())),
            ("KUBECONFIG".to_owned(), file("kubeconfig")),
            ("KUBECACHEDIR".to_owned(), file("cache")),
        ]
    }

    /// Runs `kubectl` and returns what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let run = self.try_kubectl(arguments);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success(), "kubectl {}: {said}", arguments.join(" "));
        String::from_utf8_lossy(&run.stdout).trim().to_owned()
    }

    /// A token for the service account `account` in `namespace` and our audience.
    pub fn token(&self, namespace: &str, account: &str, audience: &str) -> String {
        self.kubectl(&["create", "token", account, "--namespace", namespace, "--audience", audience])
    }

    /// Makes a new key called `name`, which nothing uses yet.
    pub fn make_key(&self, name: &str, algorithm: Algorithm) {
        let key = match algorithm {
            Algorithm::Rs256 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Algorithm::Es256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        };
        let key = key.expect("a key can be made");
        // It would read the public half from an RSA key, not from this form of one on a curve.
        let public = pem("PUBLIC KEY", &key.subject_public_key_info());
        write(self.folder.path(), &format!("{name}.pub"), &public);
        write(self.folder.path(), &format!("{name}.key"), &pem("PRIVATE KEY", key.serialized_der()));
    }

    /// Restarts it: it signs with the key called `signing` and publishes that and `published`.
    pub async fn restart(&mut self, signing: &str, published: &[&str]) {
        if let Some(process) = self.api_server.take() {
            // It takes a minute to end in good order.
            process.kill();
        }
        self.serve(signing, published).await;
    }

    async fn serve(&mut self, signing: &str, published: &[&str]) {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let iss = self.iss();
        let mut arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--tls-cert-file={}", file("tls.crt")),
            format!("--tls-private-key-file={}", file("tls.key")),
            format!("--token-auth-file={}", file("admins.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--api-audiences=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-issuer={iss}"),
            format!("--service-account-jwks-uri={iss}/openid/v1/jwks"),
            format!("--service-account-signing-key-file={}", file(&format!("{signing}.key"))),
        ];
        let keys =
            [signing].iter().chain(published).map(|key| file(&format!("{key}.pub"))).collect::<Vec<_>>();
        arguments.extend(keys.iter().map(|key| format!("--service-account-key-file={key}")));
        let mut process = start("kube-apiserver", &arguments, self.folder.path());
        wait::until("the API server is ready", wait::PATIENCE * 2, async || {
            process.demand_running();
            self.try_kubectl(&["get", "--raw", "/readyz"]).status.success()
        })
        .await;
        self.api_server = Some(process);
    }

    fn try_kubectl(&self, arguments: &[&str]) -> Output {
        let program = artifact::kubernetes().join("kubectl");
        Command::new(program)
            .args(arguments)
            .envs(self.environment())
            .current_dir(self.folder.path())
            .output()
            .expect("kubectl runs")
    }
}

fn etcd(folder: &Path, port: u16) -> Process {
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", free_port()));
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    start("etcd", &arguments, folder)
}

fn start(name: &str, arguments: &[String], folder: &Path) -> Process {
    Process::start(&Start {
        name,
        program: &artifact::kubernetes().join(name),
        arguments,
        environment: &[],
        log: &folder.join(format!("{name}.log")),
        folder,
    })
}

/// A port that was free a moment ago: neither program can be told to choose one and say which.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// As a cluster's administrator has it; JSON is YAML.
fn kubeconfig(port: u16, authority: &Authority) -> String {
    let ca = fs::read(authority.file()).expect("the authority's certificate");
    let server = json!({
        "server": format!("https://127.0.0.1:{port}"),
        "certificate-authority-data": STANDARD.encode(ca),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "test", "cluster": server }],
        "users": [{ "name": "admin", "user": { "token": ADMIN } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "admin" } }],
        "current-context": "test",
    })
    .to_string()
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file can be written");
}
