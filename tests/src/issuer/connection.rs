//! The issuer's side of a connection: HTTP/1.1 read and written by hand, so that an answer can be wrong in any byte.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{DOCUMENT, KEYS, Shared, fault};

/// An answer before it is written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// In chunks rather than with its length.
    pub(super) chunked: bool,
}

/// A request for the document or the keys that is being answered.
struct Open<'a>(&'a Shared);

/// Answers the requests of a connection until it ends. Bodies of requests are not read.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>, router: Router) {
    let mut unread = Vec::new();
    while let Some(request) = read(&mut stream, &mut unread).await {
        let is_fetch = [DOCUMENT, KEYS].contains(&request.uri().path());
        let open = is_fetch.then(|| Open::new(&shared));
        let router = TowerToHyperService::new(router.clone());
        let answer = tokio::select! {
            Ok(answer) = router.call(request) => answer,
            () = gone(&stream) => return,
        };
        let good = Written::new(answer).await;
        let sent = if is_fetch {
            fault::send(&mut stream, shared.fault.subscribe(), good).await
        } else {
            good.send(&mut stream).await.map(|()| true)
        };
        drop(open);
        // Clients that leave are no concern of ours.
        if !sent.unwrap_or(false) {
            return;
        }
    }
}

/// Reads the head of a request; `None` at the end of the connection or of understanding.
async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request<Body>> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(unread.drain(..end + 4).collect()).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let mut words = lines.next()?.split(' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        request = request.header(name, value.trim());
    }
    request.body(Body::empty()).ok()
}

/// Waits until the client has ended the connection.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    if stream.peek(&mut byte).await.is_ok_and(|count| count > 0) {
        // The next request is here already.
        std::future::pending::<()>().await;
    }
}

// === impl Written ===

impl Written {
    async fn new(answer: Response<Body>) -> Self {
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("our own bodies are whole").to_bytes().into();
        Self { status: head.status, headers: head.headers, body, chunked: false }
    }

    /// Sets a header.
    pub(super) fn set(&mut self, name: &'static str, value: &'static str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }

    /// The bytes of its head.
    pub(super) fn head(&self) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or("-");
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_u16()).into_bytes();
        let headers = self.headers.iter().filter(|(name, _)| *name != "content-length");
        for (name, value) in headers {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let framing = if self.chunked {
            "transfer-encoding: chunked\r\n\r\n".to_owned()
        } else {
            format!("content-length: {}\r\n\r\n", self.body.len())
        };
        head.extend(framing.as_bytes());
        head
    }

    /// Writes all of it.
    pub(super) async fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.head()).await?;
        if !self.chunked {
            return stream.write_all(&self.body).await;
        }
        for chunk in self.body.chunks(16 * 1024) {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
            stream.write_all(chunk).await?;
            stream.write_all(b"\r\n").await?;
        }
        stream.write_all(b"0\r\n\r\n").await
    }
}

// === impl Open ===

impl<'a> Open<'a> {
    fn new(shared: &'a Shared) -> Self {
        let now = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(now, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
