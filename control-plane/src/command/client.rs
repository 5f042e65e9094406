//! One request to the control plane's API. The token comes from the environment alone: other users see command lines.

use core::time::Duration;

use axum::body::Bytes;
use cambist_core::{endpoint::Endpoint, secret::Secret};
use data_encoding::HEXUPPER;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::CommandError;
use crate::{
    args::{self, ApiArguments},
    fetching::tls::Roots,
};

/// Longer than a trial takes.
const PATIENCE: Duration = Duration::from_mins(1);
const MOST_BYTES: usize = 64 << 20;

/// Speaks to one control plane.
pub struct Client {
    url: String,
    endpoint: Endpoint,
    token: Secret<String>,
    roots: Roots,
}

/// An answer that is no refusal.
#[derive(Debug)]
pub struct Reply {
    /// Its validator, if it has one.
    pub etag: Option<String>,
    /// Its body; null where it has none.
    pub body: Value,
}

/// A body to send, and the validator of what it replaces.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The body.
    pub bytes: Vec<u8>,
    /// For `if-match`.
    pub replaces: Option<String>,
}

// === impl Client ===

impl Client {
    /// A client as the options and the environment say.
    pub fn new(arguments: &ApiArguments) -> Result<Self, CommandError> {
        let ApiArguments { url, ca } = arguments;
        let url = url.trim_end_matches('/');
        let endpoint =
            Endpoint::parse(url, true).map_err(|invalid| CommandError::Url(invalid.message().to_owned()))?;
        if endpoint.path().contains('?') {
            return Err(CommandError::Url(String::from("must have no query")));
        }
        let token = args::admin_token_variable().ok_or(CommandError::NoToken)?;
        let roots = match ca {
            None => Roots::public().map_err(|invalid| CommandError::Url(invalid.to_string()))?,
            Some(path) => {
                let pem =
                    std::fs::read_to_string(path).map_err(|error| CommandError::File(path.clone(), error))?;
                Roots::private(&pem)
                    .map_err(|invalid| CommandError::Roots(path.clone(), invalid.to_string()))?
            }
        };
        Ok(Self { url: url.to_owned(), endpoint, token, roots })
    }

    /// Sends a request. `path` starts with a slash. `None` where there is no such thing.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
    ) -> Result<Option<Reply>, CommandError> {
        match timeout(PATIENCE, self.exchange(method, path, content)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unreachable("no answer")),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content: Content,
    ) -> Result<Option<Reply>, CommandError> {
        let host = self.endpoint.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.endpoint.port())).await;
        let stream = stream.map_err(|error| self.unreachable(&describe(&error)))?;
        let request = self.request(method, path, content)?;
        if !self.endpoint.is_https() {
            return self.over(stream, request).await;
        }
        let shaken = self.roots.handshake(host, stream).await;
        let (stream, _) = shaken.map_err(|stop| self.unreachable(&stop.error))?;
        self.over(stream, request).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: Content,
    ) -> Result<Request<Full<Bytes>>, CommandError> {
        let Content { bytes, replaces } = content;
        let base = self.endpoint.path().trim_end_matches('/');
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header(header::HOST, self.endpoint.authority())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(etag) = replaces {
            request = request.header(header::IF_MATCH, etag);
        }
        // Only the token can be of the wrong form: everything else was checked or written here.
        request.body(Full::from(bytes)).map_err(|_| CommandError::NoToken)
    }

    async fn over<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Option<Reply>, CommandError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let failed = |error: hyper::Error| self.unreachable(&error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|_| CommandError::Malformed)?;
        let body = body.to_bytes();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).map_err(|_| CommandError::Malformed)?
        };
        let etag = parts.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        match parts.status.as_u16() {
            200..=299 => Ok(Some(Reply { etag, body })),
            404 if body.get("code").is_some() => Ok(None),
            _ => Err(CommandError::Refused(problem(&body))),
        }
    }

    fn unreachable(&self, error: &str) -> CommandError {
        CommandError::Unreachable(self.url.clone(), error.to_owned())
    }
}

/// `text` as one segment of a path.
pub fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    out
}

fn describe(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::ConnectionRefused {
        return String::from("connection refused");
    }
    error.to_string()
}

/// A refusal in words, with every fault.
fn problem(body: &Value) -> String {
    let text = |value: &Value, member: &str| {
        value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut lines = vec![format!("{} {}", text(body, "title"), text(body, "detail"))];
    for fault in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        lines.push(format!("  {}: {}", text(fault, "pointer"), text(fault, "detail")));
    }
    lines.join("\n")
}
