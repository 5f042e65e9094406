//! The upstream: it demands of every request that arrives the proof that the gateway verified it.
//!
//! It reads heads itself, because an HTTP library would refuse some of what it is here to see.

use std::collections::HashSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cambist_tests::jwt::Key;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::kind::{Kind, Right};
use super::shot::{FORGED, KIND, VERIFIED};
use super::tally::Tally;

/// Access tokens whose signatures were checked; forgotten when there are so many.
const REMEMBERED: usize = 20_000;

/// An upstream. It serves as long as the runtime does.
#[derive(Debug)]
pub(crate) struct Witness {
    point: Vec<u8>,
    signed: Mutex<HashSet<Vec<u8>>>,
    arrived: Mutex<u64>,
    tally: Arc<Tally>,
}

/// A request's head, its body skipped.
#[derive(Debug, Default)]
struct Head {
    method: Vec<u8>,
    path: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

// === impl Witness ===

impl Witness {
    /// Starts on a free port, which it returns. `minting` signs access tokens; what is wrong goes to `tally`.
    pub(crate) async fn start(minting: &Key, tally: Arc<Tally>) -> (Arc<Self>, u16) {
        let jwk = minting.jwk();
        let coordinate = |name: &str| {
            URL_SAFE_NO_PAD.decode(jwk[name].as_str().expect("a coordinate")).expect("base64url")
        };
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let witness = Arc::new(Self { point, signed: Mutex::default(), arrived: Mutex::default(), tally });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        tokio::spawn(Arc::clone(&witness).listen(listener));
        (witness, port)
    }

    /// Requests that arrived.
    pub(crate) fn arrived(&self) -> u64 {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(self: Arc<Self>, listener: TcpListener) {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let witness = Arc::clone(&self);
                tokio::spawn(async move {
                    // A connection that the gateway resets is no fault: its client has left.
                    let _ = witness.serve(stream).await;
                });
            }
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::new();
        loop {
            let end = until(&mut stream, &mut buffer, b"\r\n\r\n").await?;
            let head = Head::read(&buffer[..end]);
            buffer.drain(..end);
            *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            match &head {
                Some(head) => {
                    if let Some(complaint) = self.complaint(head) {
                        self.tally.complain(complaint);
                    }
                }
                None => self.tally.complain("the upstream got what is no request".to_owned()),
            }
            let head = head.unwrap_or_default();
            head.skip_body(&mut stream, &mut buffer).await?;
            let answer: &[u8] = if head.method == b"HEAD" {
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
            } else {
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"
            };
            stream.write_all(answer).await?;
        }
    }

    /// What is wrong with a request that arrived.
    fn complaint(&self, head: &Head) -> Option<String> {
        let Some(kind) = head.value(KIND).and_then(Kind::named) else {
            return Some(format!("upstream: a request of no kind: {head:?}"));
        };
        if kind.right() == Right::Never {
            return Some(format!("upstream: {kind} arrived"));
        }
        let forged = head.headers.iter().any(|(name, value)| {
            String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-").starts_with("x-cambist-")
                && value == FORGED.as_bytes()
        });
        if forged {
            return Some(format!("upstream: {kind} arrived with an identity header of the client"));
        }
        let credentials: Vec<_> =
            head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"authorization")).collect();
        let proven = match credentials[..] {
            [] => head.is_below(VERIFIED),
            [(_, value)] => value.strip_prefix(b"Bearer ").is_some_and(|token| self.is_ours(token)),
            _ => false,
        };
        (!proven).then(|| format!("upstream: {kind} arrived without proof that it was verified"))
    }

    /// Whether the gateway minted this token.
    fn is_ours(&self, token: &[u8]) -> bool {
        if self.signed.lock().unwrap_or_else(PoisonError::into_inner).contains(token) {
            return true;
        }
        let Some(dot) = token.iter().rposition(|byte| *byte == b'.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(&token[dot + 1..]) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point);
        let ours = key.verify(&token[..dot], &signature).is_ok();
        if ours {
            let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            if signed.len() >= REMEMBERED {
                signed.clear();
            }
            signed.insert(token.to_vec());
        }
        ours
    }
}

// === impl Head ===

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines =
            bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut words = lines.next()?.split(|byte| *byte == b' ');
        let (method, path) = (words.next()?.to_vec(), words.next()?.to_vec());
        let headers = lines.filter(|line| !line.is_empty()).map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec()))
        });
        Some(Self { method, path, headers: headers.collect::<Option<_>>()? })
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    fn is_below(&self, prefix: &str) -> bool {
        let rest = self.path.strip_prefix(prefix.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"?"))
    }

    async fn skip_body(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
        if self.value("transfer-encoding").is_some() {
            // No body of ours holds a line end.
            let end = until(stream, buffer, b"0\r\n\r\n").await?;
            buffer.drain(..end);
        } else if let Some(length) = self.value("content-length") {
            let length = String::from_utf8_lossy(length).parse().map_err(io::Error::other)?;
            while buffer.len() < length {
                more(stream, buffer).await?;
            }
            buffer.drain(..length);
        }
        Ok(())
    }
}

/// Reads until `mark` is there and returns where it ends.
async fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, mark: &[u8]) -> io::Result<usize> {
    let mut searched = 0_usize;
    loop {
        let from = searched.saturating_sub(mark.len());
        if let Some(at) = find(&buffer[from..], mark) {
            return Ok(from + at + mark.len());
        }
        searched = buffer.len();
        more(stream, buffer).await?;
    }
}

/// Compares whole marks only where the first byte is right: most of what arrives is read here.
fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window[0] == mark[0] && window == mark)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.reserve(8 * 1024);
    if stream.read_buf(buffer).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
