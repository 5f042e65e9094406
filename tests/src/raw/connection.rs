//! HTTP/1.1 as bytes, for requests that no library would send. Deliberately absent: any check of what is sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::Answer;

/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// One open connection.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// Sends `request` to `port` of loopback over a connection of its own and reads one answer; `None` where the
/// connection ends without one.
pub async fn exchange(port: u16, request: &[u8]) -> Option<Answer> {
    let mut connection = RawConnection::open(port).await;
    connection.write(request).await;
    connection.answer().await
}

// === impl RawConnection ===

impl RawConnection {
    /// Connects to `port` of loopback.
    pub async fn open(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await.expect("the port is open");
        Self { stream, unread: Vec::new() }
    }

    /// Sends `bytes`; a peer that has closed is found out by the answer.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads one answer. It ends with its `content-length`, or its last chunk; after 101 it has no body.
    pub async fn answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer()).await.expect("an answer in time")
    }

    /// Reads exactly `length` bytes, or fewer where the connection ends.
    pub async fn read(&mut self, length: usize) -> Vec<u8> {
        let read = async {
            while self.unread.len() < length && self.more().await {}
            let end = length.min(self.unread.len());
            self.unread.drain(..end).collect()
        };
        timeout(PATIENCE, read).await.expect("bytes in time")
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let end = loop {
            match self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.more().await => {}
                None => return None,
            }
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let length = text("content-length").and_then(|length| length.parse().ok());
        let body = match (length, text("transfer-encoding")) {
            (Some(length), _) => self.read(length).await,
            (None, Some("chunked")) => self.chunks().await,
            (None, _) => Vec::new(),
        };
        Some(Answer { status: StatusCode::from_u16(status).ok()?, headers, body: Bytes::from(body) })
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                let byte = self.read(1).await;
                if byte.is_empty() {
                    return body;
                }
                line.extend(byte);
            }
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
            let chunk = self.read(size + 2).await;
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        }
    }

    /// Reads what has come; false at the end of the connection.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.unread.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}
