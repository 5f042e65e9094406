//! One GET over a connection that is there already. Deliberately absent: redirects, compression.

use std::fmt;

use axum::body::Bytes;
use cambist_core::{
    endpoint::Endpoint,
    keyring::{Fetched, Hints, MAX_BODY_BYTES},
    secret::Secret,
    time::Timestamp,
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderMap, HeaderName},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stages::{Step, Stop};

const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200, or anything where [`Ask`] says so.
    pub status: u16,
    /// Its `content-type`.
    pub content_type: Option<String>,
    /// How long it says it is fresh.
    pub freshness: Freshness,
    /// No more than was asked for.
    pub body: Bytes,
    /// For [`Step::Http`].
    pub detail: Value,
}

/// The headers of an answer that say how long it is fresh.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    cache_control: Option<String>,
    age: Option<String>,
    expires: Option<String>,
    date: Option<String>,
}

/// What is asked for, and what may come back.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    /// Public keys: at most [`MAX_BODY_BYTES`] with status 200.
    Keys,
    /// What an issuer says of a subject: any status, cut one byte after `most_bytes`.
    UserInfo {
        /// `authorization` of the request.
        authorization: &'a Secret<String>,
        /// Most bytes of a good answer.
        most_bytes: usize,
    },
}

/// How the request line names what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By path.
    Origin,
    /// In full, as a proxy wants it.
    Absolute,
}

/// Asks for `endpoint` over `stream`.
pub(super) async fn get<S>(stream: S, endpoint: &Endpoint, form: Form, ask: Ask<'_>) -> Result<Answer, Stop>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let uri = match form {
        Form::Origin => endpoint.path().to_owned(),
        Form::Absolute => format!("http://{}{}", endpoint.authority(), endpoint.path()),
    };
    let mut request = Request::get(uri).header(header::HOST, endpoint.authority());
    request = match ask {
        Ask::Keys => request.header(header::ACCEPT, "application/json, application/jwk-set+json"),
        Ask::UserInfo { authorization, .. } => request
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, authorization.expose().as_str()),
    };
    let request = request
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::USER_AGENT, concat!("cambist/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| cut(&error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| cut(&error))?;
    // Ends with the sender or, when this future is dropped at its deadline, with the task.
    let connection = Task(tokio::spawn(async move {
        connection.await.ok();
    }));
    let response = sender.send_request(request).await.map_err(|error| cut(&error))?;
    let answer = match ask {
        Ask::Keys => read(response).await,
        Ask::UserInfo { most_bytes, .. } => read_any(response, most_bytes).await,
    };
    drop(connection);
    answer
}

async fn read(response: Response<Incoming>) -> Result<Answer, Stop> {
    let (parts, mut body) = response.into_parts();
    let status = parts.status.as_u16();
    let text = |name: HeaderName| text(&parts.headers, &name);
    let detail = json!({
        "status": status,
        "content_type": text(header::CONTENT_TYPE),
        "cache_control": text(header::CACHE_CONTROL),
    });
    let stop = |error: String, next: &str| Err(Stop::new(Step::Http, error, next).with(detail.clone()));
    if parts.status.is_redirection() {
        let to = text(header::LOCATION).unwrap_or_default();
        let error = format!("the server redirects ({status}) to `{to}`; redirects are not followed");
        return stop(error, "configure the address that it leads to, if that is the issuer's own");
    }
    if status != 200 {
        let next = match status {
            401 | 403 => "let everyone read this address: it holds public keys only",
            404 => "check the path; set `keys.uri` where the keys are elsewhere",
            _ => "ask the issuer's operator, or try again later",
        };
        return stop(format!("the server answers with status {status}"), next);
    }
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
        let error = format!("the answer is encoded (`{encoding}`) though it was asked not to be");
        return stop(error, "let the server send this address as it is");
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| cut(&error).with(detail.clone()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > MAX_BODY_BYTES {
            return stop(
                String::from("the answer is larger than 1 MiB"),
                "check that the address is of a key set",
            );
        }
        bytes.extend_from_slice(&data);
    }
    let freshness = Freshness {
        cache_control: text(header::CACHE_CONTROL),
        age: text(header::AGE),
        expires: text(header::EXPIRES),
        date: text(header::DATE),
    };
    let content_type = text(header::CONTENT_TYPE);
    Ok(Answer { status, content_type, freshness, body: bytes.into(), detail })
}

/// An answer whose meaning is for somebody else to say.
async fn read_any(response: Response<Incoming>, most_bytes: usize) -> Result<Answer, Stop> {
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while bytes.len() <= most_bytes {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| cut(&error))?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    bytes.truncate(most_bytes.saturating_add(1));
    Ok(Answer {
        status: parts.status.as_u16(),
        content_type: text(&parts.headers, &header::CONTENT_TYPE),
        freshness: Freshness::default(),
        body: bytes.into(),
        detail: Value::Null,
    })
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(512).collect())
}

fn cut(error: &dyn fmt::Display) -> Stop {
    Stop::new(
        Step::Http,
        format!("no whole answer: {error}"),
        "check that the port speaks HTTP and stays open",
    )
}

// === impl Answer ===

impl Answer {
    /// What it is to a keyring at `now`.
    pub fn fetched(&self, now: Timestamp) -> Fetched<'_> {
        Fetched::Answer { status: self.status, body: &self.body, max_age: self.freshness.secs(now) }
    }
}

// === impl Freshness ===

impl Freshness {
    /// Seconds from `now` for which the answer says it is fresh; `None` if it says nothing.
    pub(crate) fn secs(&self, now: Timestamp) -> Option<u32> {
        let Self { cache_control, age, expires, date } = self;
        let hints = Hints {
            cache_control: cache_control.as_deref(),
            age: age.as_deref(),
            expires: expires.as_deref(),
            date: date.as_deref(),
        };
        hints.fresh_secs(now)
    }
}

/// A task that ends when it is dropped.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
