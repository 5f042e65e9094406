//! What may be wrong with how an issuer answers, down to the bytes on the wire.
//!
//! Deliberately absent: what may be wrong with the documents themselves; tests write those as text.

use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

use super::ELSEWHERE;
use super::connection::Written;

/// How long an issuer that is slow takes for each byte.
const PACE: Duration = Duration::from_secs(1);

/// One byte more than any key set may have.
const HUGE: usize = 1024 * 1024 + 1;

/// What a portal or a firewall says in place of an answer.
const PAGE: &str = "<!doctype html><title>Sign in</title><p>Please sign in to the network.</p>";

/// What is wrong with the issuer. It holds for its discovery document and its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It answers everything with this status.
    Status(u16),
    /// It takes requests and answers them only when the fault is over.
    Hold,
    /// Every other answer has status 500.
    Flapping,
    /// The head of its answer comes byte by byte; when the fault is over, the rest comes at once.
    SlowHead,
    /// As [`Fault::SlowHead`], after the head.
    SlowBody,
    /// It resets the connection in the middle of the body.
    Reset,
    /// It promises the whole body and ends the connection in its middle.
    Truncated,
    /// A good document with so much white space that it is too large.
    Huge,
    /// The same in chunks, so that nobody knows before.
    HugeChunked,
    /// 200, with a page that asks people to sign in.
    Html,
    /// A good document, compressed though nobody said that this is understood.
    Gzip,
    /// It sends the client elsewhere, with this status; good keys are there.
    Redirect(u16),
}

// === impl Fault ===

impl Fault {
    /// The status that it makes of a good answer; `turn` numbers the requests of an issuer that flaps.
    pub(super) fn status(self, turn: impl FnOnce() -> u64) -> Option<StatusCode> {
        let status = match self {
            Self::Status(status) => status,
            Self::Flapping if turn().is_multiple_of(2) => 500,
            _ => return None,
        };
        Some(StatusCode::from_u16(status).expect("a status"))
    }
}

/// Sends `good` as the fault has it; false where the connection ends with it.
pub(super) async fn send(
    stream: &mut TcpStream,
    mut fault: watch::Receiver<Fault>,
    mut good: Written,
) -> io::Result<bool> {
    let now = *fault.borrow_and_update();
    match now {
        Fault::None | Fault::Status(_) | Fault::Hold | Fault::Flapping => {}
        Fault::SlowHead => {
            trickle(stream, &good.head(), &mut fault).await?;
            stream.write_all(&good.body).await?;
            return Ok(true);
        }
        Fault::SlowBody => {
            stream.write_all(&good.head()).await?;
            trickle(stream, &good.body, &mut fault).await?;
            return Ok(true);
        }
        Fault::Reset | Fault::Truncated => {
            stream.write_all(&good.head()).await?;
            stream.write_all(&good.body[..good.body.len() / 2]).await?;
            stream.flush().await?;
            if now == Fault::Reset {
                stream.set_zero_linger()?;
            }
            return Ok(false);
        }
        Fault::Huge | Fault::HugeChunked => {
            good.body.resize(HUGE, b' ');
            good.chunked = now == Fault::HugeChunked;
        }
        Fault::Html => {
            good.set("content-type", "text/html");
            good.body = PAGE.into();
        }
        Fault::Gzip => {
            good.set("content-encoding", "gzip");
            good.body = gzip(&good.body);
        }
        Fault::Redirect(status) => {
            good.status = StatusCode::from_u16(status).expect("a status");
            good.set("location", ELSEWHERE);
            good.body.clear();
        }
    }
    good.send(stream).await?;
    Ok(true)
}

/// Writes one byte after the other, until the fault changes.
async fn trickle(stream: &mut TcpStream, bytes: &[u8], fault: &mut watch::Receiver<Fault>) -> io::Result<()> {
    let mut rest = bytes;
    while let Some((first, others)) = rest.split_first() {
        stream.write_all(&[*first]).await?;
        rest = others;
        tokio::select! {
            _ = fault.changed() => break,
            () = sleep(PACE) => {}
        }
    }
    stream.write_all(rest).await
}

/// A gzip file (RFC 1952) with `bytes` in one stored block (RFC 1951 §3.2.4): at most 65,535 of them.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("one stored block");
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(bytes);
    file.extend(crc32(bytes).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let whole =
        bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
            })
        });
    !whole
}

#[cfg(test)]
mod tests {
    use super::crc32;

    /// The check value of the published catalogue of CRCs.
    #[test]
    fn sums_as_gzip_does() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
