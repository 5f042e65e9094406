//! An issuer's server that does what it is told, and a network on which every name and address leads to it.

use core::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cambist_control_plane::fetching::network::Network;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

/// A public address that nobody is asked at.
pub(super) const PUBLIC: &str = "9.9.9.9";

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// An authority that only the test knows.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(super) pem: String,
}

/// What a leaf is good for.
#[derive(Clone, Copy)]
pub(super) enum Leaf<'a> {
    For(&'a str),
    Expired(&'a str),
}

/// A server whose answers are set by path.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Resolves every name to what it is told and connects every address to one server.
#[derive(Default)]
pub(super) struct Net {
    /// Answers of the resolver, one after the other; the last stays.
    pub(super) addresses: Mutex<Vec<Vec<IpAddr>>>,
    /// Where connections end; without it they hang.
    pub(super) server: Mutex<Option<SocketAddr>>,
    pub(super) resolved: Mutex<Vec<String>>,
    pub(super) connected: Mutex<Vec<SocketAddr>>,
}

// === impl Authority ===

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Authorities of one name would be told apart by their signatures only.
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(super) fn acceptor(&self, leaf: Leaf<'_>) -> TlsAcceptor {
        let (Leaf::For(name) | Leaf::Expired(name)) = leaf;
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if let Leaf::Expired(_) = leaf {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

// === impl Origin ===

impl Origin {
    /// A server behind `acceptor`, or without TLS.
    pub(super) async fn new(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = Self { address, answers: Arc::default(), heads: Arc::default() };
        let served = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (served, acceptor) = (served.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => served.serve(stream).await.ok(),
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => served.serve(stream).await.ok(),
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        origin
    }

    /// Answers `path` with 200 and `body` from now on.
    pub(super) fn set(&self, path: &str, body: &impl ToString) {
        let body = body.to_string();
        self.set_raw(path, format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    }

    /// Answers `path` with exactly these bytes from now on.
    pub(super) fn set_raw(&self, path: &str, answer: impl Into<Vec<u8>>) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer.into());
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> io::Result<()> {
        let head = read_head(&mut stream).await?;
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.heads.lock().unwrap().push(head);
        let answer = self.answers.lock().unwrap().get(&target).cloned();
        let missing = || b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
        stream.write_all(&answer.unwrap_or_else(missing)).await?;
        stream.shutdown().await
    }
}

/// A proxy that tunnels to `target`, whatever it is asked for, and the heads of what it was asked.
pub(super) async fn proxy(target: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let asked = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                let head = read_head(&mut stream).await.unwrap();
                asked.lock().unwrap().push(head);
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let mut far = TcpStream::connect(target).await.unwrap();
                tokio::io::copy_bidirectional(&mut stream, &mut far).await.ok();
            });
        }
    });
    (address, heads)
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap())
}

// === impl Net ===

impl Net {
    /// Every name has the address [`PUBLIC`], and every address leads to `server`.
    pub(super) fn to(server: SocketAddr) -> Arc<Self> {
        let net = Self::default();
        net.answer(&[&[PUBLIC]]);
        *net.server.lock().unwrap() = Some(server);
        Arc::new(net)
    }

    pub(super) fn answer(&self, answers: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        *self.addresses.lock().unwrap() = answers.iter().map(parse).collect();
    }
}

#[async_trait]
impl Network for Net {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.resolved.lock().unwrap().push(name.to_owned());
        let mut answers = self.addresses.lock().unwrap();
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(address);
        let server = *self.server.lock().unwrap();
        match server {
            // A proxy's own address is a real one.
            _ if address.ip().is_loopback() => TcpStream::connect(address).await,
            Some(server) => TcpStream::connect(server).await,
            None => core::future::pending().await,
        }
    }
}
