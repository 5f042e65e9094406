//! An HTTP client that sends exactly what a test says: doubled headers, bytes that are no text, broken connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// No answer may take longer, or the test fails.
const PATIENCE: Duration = Duration::from_secs(40);

/// A request to be sent to a loopback port.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    host: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// One open connection. Dropping it disconnects.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

// === impl Request ===

impl Request {
    /// A request with `method` for `path`.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let host = "api.example".to_owned();
        Self { method, path: path.into(), host, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// The `host` header.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a header; the same name may come more than once, the value need not be text.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// Adds `authorization: Bearer TOKEN`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.header("content-type", "application/json")
    }

    /// Sets a body that is JSON already.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Sets a body of form fields, which must be encoded already.
    pub fn form(mut self, fields: &str) -> Self {
        self.body = fields.to_owned().into();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sends it to `port` over a connection of its own.
    pub async fn send(&self, port: u16) -> Answer {
        self.try_send(port).await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
    }

    /// Sends it to `port` over a connection of its own; a failing connection is the error's text.
    pub async fn try_send(&self, port: u16) -> Result<Answer, String> {
        Connection::open(port).await?.try_send(self).await
    }

    fn build(&self) -> hyper::Request<Full<Bytes>> {
        let mut request = hyper::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers.clone();
        let host = HeaderValue::from_str(&self.host).expect("a host");
        request.headers_mut().entry("host").or_insert(host);
        request
    }
}

// === impl Answer ===

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Fails the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?} {}", self.headers, self.text());
        self
    }
}

// === impl Connection ===

impl Connection {
    /// Connects to `port` of loopback.
    pub async fn open(port: u16) -> Result<Self, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(async move {
            // The sender reports what went wrong.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether the other side has closed it.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends `request` and reads the whole answer.
    pub async fn send(&mut self, request: &Request) -> Answer {
        self.try_send(request)
            .await
            .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.path))
    }

    /// As [`Connection::send`]; a failing connection is the error's text.
    pub async fn try_send(&mut self, request: &Request) -> Result<Answer, String> {
        let exchange = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request.build()).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        timeout(PATIENCE, exchange)
            .await
            .map_err(|_| format!("no answer in {PATIENCE:?}"))?
            .map_err(|error: hyper::Error| error.to_string())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
