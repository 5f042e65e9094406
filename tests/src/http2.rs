//! An HTTP/2 client with prior knowledge, for what HTTP/1.1 cannot say: no `:path`, trailers, gRPC.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Answer;

const PATIENCE: Duration = Duration::from_secs(40);

/// A request's body.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// One open connection. Dropping it disconnects.
#[derive(Debug)]
pub struct Http2 {
    sender: SendRequest<Body>,
    driver: JoinHandle<()>,
}

/// A body of `bytes`, followed by `trailers` where there are any.
pub fn body(bytes: impl Into<Bytes>, trailers: Option<HeaderMap>) -> Body {
    let bytes = Full::new(bytes.into()).map_err(|never| match never {});
    match trailers {
        None => bytes.boxed(),
        Some(trailers) => Endless(bytes.with_trailers(async { Some(Ok(trailers)) }).boxed()).boxed(),
    }
}

/// A body that does not tell its length: with a `content-length`, proxies drop trailers.
struct Endless(Body);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

// === impl Http2 ===

impl Http2 {
    /// Connects to `port` of loopback.
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
        let stream = TokioIo::new(stream.expect("the port is open"));
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2 is spoken");
        let driver = tokio::spawn(async move {
            // The sender reports what went wrong.
            let _ = connection.await;
        });
        Self { sender, driver }
    }

    /// Sends `request` and reads the whole answer and its trailers; a failing stream is the error's text.
    pub async fn send(&mut self, request: Request<Body>) -> Result<(Answer, HeaderMap), String> {
        self.stream(request).await
    }

    /// As [`Http2::send`], for a stream beside others of this connection, which must be kept meanwhile.
    pub fn stream(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<(Answer, HeaderMap), String>> + use<> {
        let mut sender = self.sender.clone();
        let exchange = async move {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?;
            let trailers = body.trailers().cloned().unwrap_or_default();
            Ok((Answer { status: head.status, headers: head.headers, body: body.to_bytes() }, trailers))
        };
        async {
            timeout(PATIENCE, exchange)
                .await
                .map_err(|_| format!("no answer in {PATIENCE:?}"))?
                .map_err(|error: hyper::Error| format!("{error:?}"))
        }
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
