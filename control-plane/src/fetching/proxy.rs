//! An HTTP proxy on the way out: a tunnel for https (RFC 9110 §9.3.6). Deliberately absent: proxies that want a
//! password, and names of issuers: the proxy resolves them.

use core::net::SocketAddr;

use cambist_core::endpoint::Endpoint;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    address::{self, Host},
    network::Network,
    stages::{Step, Stop},
};

/// The largest answer to CONNECT.
const MOST_BYTES: usize = 8192;

/// Where the proxy is. Whoever configures it may put it anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy(Endpoint);

// === impl Proxy ===

impl Proxy {
    /// Reads `http://host:port`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match Endpoint::parse(text, true) {
            Ok(endpoint) if !endpoint.is_https() && endpoint.path() == "/" => Ok(Self(endpoint)),
            _ => Err("must be http://host:port, without user, path or query"),
        }
    }

    /// `host:port`.
    pub fn name(&self) -> String {
        self.0.host_port()
    }

    /// A connection to the proxy.
    pub(super) async fn connect(&self, network: &dyn Network) -> Result<TcpStream, Stop> {
        let name = self.name();
        let stop = |error: String| {
            Stop::new(Step::Tcp, error, "check `keys.proxy` and that the proxy runs")
                .with(json!({ "proxy": name }))
        };
        let addresses = match address::host(self.0.host()) {
            Host::Literal(address) => vec![address],
            Host::Name(host) => network
                .resolve(host)
                .await
                .map_err(|error| stop(format!("the proxy's name cannot be resolved: {error}")))?,
            Host::Ambiguous => {
                return Err(stop(String::from("the proxy's host is neither a name nor an address")));
            }
        };
        let mut last = String::from("the proxy's name has no address");
        for address in addresses.into_iter().take(super::MOST_ADDRESSES) {
            match network.connect(SocketAddr::new(address, self.0.port())).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = format!("the proxy cannot be reached: {error}"),
            }
        }
        Err(stop(last))
    }

    /// Asks for a tunnel to `target`.
    pub(super) async fn tunnel(&self, stream: &mut TcpStream, target: &Endpoint) -> Result<(), Stop> {
        let stop = |error: String| {
            Stop::new(Step::Tcp, error, "let the proxy allow CONNECT to this host and port")
                .with(json!({ "proxy": self.name() }))
        };
        let name = target.host_port();
        let request = format!("CONNECT {name} HTTP/1.1\r\nhost: {name}\r\n\r\n");
        let cut = |error: std::io::Error| stop(format!("the proxy cut the connection: {error}"));
        stream.write_all(request.as_bytes()).await.map_err(cut)?;
        let mut answer = Vec::new();
        // One byte at a time: what follows the answer belongs to the tunnel.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= MOST_BYTES {
                return Err(stop(String::from("the proxy's answer is too long")));
            }
            answer.push(stream.read_u8().await.map_err(cut)?);
        }
        let text = String::from_utf8_lossy(&answer);
        let line = text.lines().next().unwrap_or_default();
        match line.split(' ').nth(1) {
            Some(status) if status.len() == 3 && status.starts_with('2') && line.starts_with("HTTP/1.") => {
                Ok(())
            }
            _ => Err(stop(format!("the proxy refused: {}", line.chars().take(100).collect::<String>()))),
        }
    }
}
