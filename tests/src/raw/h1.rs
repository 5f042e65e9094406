//! HTTP/1.1 as bytes.

use std::io;
use std::time::Duration;

use super::socket::{Socket, is_end};
use super::{Fields, value};

/// A connection that requests are written to, one after the other, and answers read from in the same order.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
}

/// The head of a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether the server says that it ends the connection.
    pub last: bool,
}

/// Writes a request. Pseudo-headers become the first line and `host`; those that are missing are left out.
pub fn encode(fields: &Fields, body: &[u8]) -> Vec<u8> {
    let part = |name: &[u8]| value(fields, name).unwrap_or_default();
    let mut bytes = [part(b":method"), b" ", part(b":path"), b" HTTP/1.1\r\n"].concat();
    let mut line = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    };
    if let Some(authority) = value(fields, b":authority") {
        line(b"host", authority);
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(b":")) {
        line(name, value);
    }
    if !body.is_empty() {
        line(b"content-length", body.len().to_string().as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

// === impl Connection ===

impl Connection {
    /// Connects; a read that takes longer than `patience` fails.
    pub fn open(port: u16, patience: Duration) -> io::Result<Self> {
        Ok(Self { socket: Socket::open(port, patience)? })
    }

    /// Writes bytes. What the server did not take before it ended the connection is no fault.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.write(bytes) {
            Err(error) if is_end(&error) => Ok(()),
            other => other,
        }
    }

    /// Sets how long a read may take.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_patience(patience)
    }

    /// The next final answer, its body skipped; `None` at the end of the connection. `bodiless`: to a `HEAD`.
    pub fn answer(&mut self, bodiless: bool) -> io::Result<Option<Answer>> {
        loop {
            let Some(end) = self.head()? else { return Ok(None) };
            let head = String::from_utf8_lossy(&self.socket.unused()[..end]).to_ascii_lowercase();
            self.socket.consume(end);
            let status = head.get(9..12).and_then(|digits| digits.parse().ok());
            let status = status.ok_or_else(|| invalid(&head))?;
            if (100..200).contains(&status) {
                continue;
            }
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let last = field("connection:") == Some("close");
            if !bodiless && status != 204 && status != 304 {
                let length = field("content-length:").unwrap_or("0").parse().map_err(|_| invalid(&head))?;
                if !self.skip(length)? {
                    return Ok(None);
                }
            }
            return Ok(Some(Answer { status, last }));
        }
    }

    /// Where the head ends, once it is there.
    fn head(&mut self) -> io::Result<Option<usize>> {
        loop {
            let end =
                self.socket.unused().windows(4).position(|four| four[0] == b'\r' && four == b"\r\n\r\n");
            if let Some(end) = end {
                return Ok(Some(end + 4));
            }
            if !self.socket.read_more()? {
                return Ok(None);
            }
        }
    }

    fn skip(&mut self, length: usize) -> io::Result<bool> {
        while self.socket.unused().len() < length {
            if !self.socket.read_more()? {
                return Ok(false);
            }
        }
        self.socket.consume(length);
        Ok(true)
    }
}

fn invalid(head: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no answer of HTTP/1.1: {head:?}"))
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn writes_pseudo_headers_as_the_first_line_and_host() {
        let fields = [(":method", "POST"), (":path", "/a"), (":authority", "b"), ("x-c", "\u{fe}")];
        let fields = fields.map(|(name, value)| (name.into(), value.into())).to_vec();
        let expected = "POST /a HTTP/1.1\r\nhost: b\r\nx-c: \u{fe}\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(encode(&fields, b"hi"), expected.as_bytes());
    }

    #[test]
    fn leaves_out_what_is_missing() {
        assert_eq!(encode(&vec![(b":path".into(), b"/".into())], b""), b" / HTTP/1.1\r\n\r\n");
    }
}
