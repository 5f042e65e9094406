//! TLS in front of a server of ours, with certificates of authorities that nobody else knows.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A certificate authority, with its certificate in a file.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A port that speaks TLS and passes on what it hears. Dropping it closes its connections.
#[derive(Debug)]
pub struct Door {
    port: u16,
    task: JoinHandle<()>,
}

// === impl Authority ===

impl Authority {
    /// A new one, called `name`.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority certifies itself");
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("ca.pem"), pem("CERTIFICATE", issuer.der()))
            .expect("a file can be written");
        Self { issuer, folder }
    }

    /// The file with its certificate as PEM, there as long as this value.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate and its private key, both PEM, for `names`: host names or addresses.
    pub fn certify(&self, names: &[&str]) -> (String, String) {
        let (certificate, key) = self.certified(names);
        (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", key.serialized_der()))
    }

    fn certified(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("names of a certificate");
        params.distinguished_name.push(DnType::CommonName, names.concat());
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority certifies");
        (certificate, key)
    }
}

// === impl Door ===

impl Door {
    /// Opens a free loopback port before the loopback port `behind`, with a certificate of `authority` for `names`.
    pub async fn open(authority: &Authority, names: &[&str], behind: u16) -> Self {
        let (certificate, key) = authority.certified(names);
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a certificate and its key");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), behind));
        Self { port, task }
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `der` as PEM (RFC 7468 §3).
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, behind: u16) {
    // Owned here, so that aborting this task ends every connection too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(pass(stream, acceptor.clone(), behind));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Clients that leave, or do not trust us, are no concern of ours: they end their own connection.
async fn pass(stream: TcpStream, acceptor: TlsAcceptor, behind: u16) {
    let Ok(mut outer) = acceptor.accept(stream).await else { return };
    let Ok(mut inner) = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await else { return };
    let _ = copy_bidirectional(&mut outer, &mut inner).await;
}
