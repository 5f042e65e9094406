//! Making requests. Each is drawn from a lane's own stream of numbers, so a seed gives the same load again.

use cambist_tests::numbers::Numbers;
use cambist_tests::raw::{Fields, h1};

use super::kind::{Kind, Protocol};
use super::tokens::Tokens;

/// The header that names the kind, for the upstream.
pub(crate) const KIND: &str = "x-kind";

/// What an identity header from a client says. The upstream must never see it.
pub(crate) const FORGED: &str = "forged-identity";

/// Below here tokens are verified and dropped; elsewhere they are exchanged.
pub(crate) const VERIFIED: &str = "/verified";

/// Bytes that Envoy's codecs take in a header value (RFC 9110 §5.5).
const VALUE_BYTES: [u8; 224] = value_bytes();

/// Bytes they should refuse, zero and line ends included.
const CONTROLS: [u8; 32] = controls();

const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A request and how it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) kind: Kind,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) cut: Cut,
    /// Sent in place of the fields over HTTP/1.1.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Whether the server is likely to end the connection over it.
    pub(crate) ends: bool,
}

/// Where the client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nowhere.
    None,
    /// In the head, or right after it where streams allow no other.
    Head,
    /// In the body.
    Body,
    /// While the filter fetches keys.
    Fetch,
}

/// Draws requests of one lane.
#[derive(Debug)]
pub(crate) struct Gun<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) numbers: Numbers,
    pub(crate) tokens: &'a Tokens,
    /// Whether caches are to be filled.
    pub(crate) warming: bool,
}

// === impl Shot ===

impl Shot {
    /// A request of a kind that passes, before anything is done to it.
    fn new(kind: Kind, path: &str, authorization: Option<Vec<u8>>) -> Self {
        let pseudo =
            [(":method", "GET"), (":scheme", "http"), (":authority", "api.example"), (":path", path)];
        let mut fields: Fields = pseudo
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        fields.push((KIND.into(), kind.name().into()));
        fields.extend(authorization.map(|value| (b"authorization".to_vec(), value)));
        Self { kind, fields, body: Vec::new(), cut: Cut::None, bytes: None, ends: false }
    }

    fn add(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.fields.push((name.into(), value.into()));
    }

    fn set(&mut self, name: &str, value: Vec<u8>) {
        let field = self.fields.iter_mut().find(|(known, _)| known == name.as_bytes());
        field.expect("a request has its pseudo-headers").1 = value;
    }

    fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name.as_bytes());
    }

    /// Whether it has no body in its answer.
    pub(crate) fn is_head(&self) -> bool {
        self.fields.iter().any(|(name, value)| name == b":method" && value == b"HEAD")
    }
}

// === impl Gun ===

impl Gun<'_> {
    /// The next request.
    pub(crate) fn shot(&mut self) -> Shot {
        let kind = Kind::drawn(self.protocol, self.numbers.below(1000));
        match kind {
            Kind::Good => self.good(kind),
            Kind::GoodBody => self.with_body(kind),
            Kind::IdentityHeaders => self.identity_headers(kind),
            Kind::ValueBytes => self.values(kind, &VALUE_BYTES),
            Kind::ValueControls => self.values(kind, &CONTROLS),
            Kind::ManyHeaders => self.many_headers(kind),
            Kind::LargeHeaders => self.large_headers(kind),
            Kind::OddMethod => self.odd_method(kind),
            Kind::OddPath => self.odd_path(kind),
            Kind::MissingPart => self.missing_part(kind),
            Kind::TokenBytes => self.token_bytes(kind),
            Kind::TokenAltered => self.token_altered(kind),
            Kind::TokenForged => self.bearing(kind, |gun| gun.tokens.forged(&mut gun.numbers).into()),
            Kind::TokenUnknownKid => self.bearing(kind, |gun| gun.tokens.unknown(&mut gun.numbers).into()),
            Kind::TokenGiant => self.token_giant(kind),
            Kind::TokenDots => self.token_dots(kind),
            Kind::TwoCredentials => self.two_credentials(kind),
            Kind::NoCredential => self.no_credential(kind),
            Kind::RefusedBody => self.refused_body(kind),
            Kind::Connect => self.connect(kind),
            Kind::Smuggle => self.smuggle(kind),
            Kind::CutHead => Shot { cut: Cut::Head, ends: self.leaves(), ..self.good(kind) },
            Kind::CutBody => Shot { cut: Cut::Body, ends: self.leaves(), ..self.with_body(kind) },
            Kind::CutFetch => Shot {
                cut: Cut::Fetch,
                ends: self.leaves(),
                ..self.bearing(kind, |gun| gun.tokens.unreachable(&mut gun.numbers).into())
            },
        }
    }

    /// Over HTTP/1.1 a client that leaves takes its connection along.
    fn leaves(&self) -> bool {
        self.protocol == Protocol::Http1
    }

    fn bearing(&mut self, kind: Kind, token: impl FnOnce(&mut Self) -> Vec<u8>) -> Shot {
        let token = token(self);
        Shot::new(kind, self.path(), Some([&b"Bearer "[..], &token].concat()))
    }

    /// A good token.
    fn token(&mut self) -> &str {
        self.tokens.good(&mut self.numbers, if self.warming { 0 } else { 75 })
    }

    fn path(&mut self) -> &'static str {
        self.numbers.pick::<&str>(&["/", "/orders?page=2", "/orders/17", VERIFIED, "/verified/all?x=1"])
    }

    fn good(&mut self, kind: Kind) -> Shot {
        self.bearing(kind, |gun| gun.token().into())
    }

    fn with_body(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        shot.set(":method", b"POST".to_vec());
        let length = self.numbers.between(32, 4096);
        shot.body = self.numbers.text(BASE64URL, length);
        shot
    }

    fn identity_headers(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        for _ in 0..self.numbers.between(1, 5) {
            let name = *self.numbers.pick(&[
                "x-cambist-identity",
                "x_cambist_client-id",
                "x-cambist-",
                "x-cambist_x",
            ]);
            shot.add(name, FORGED);
        }
        shot
    }

    fn values(&mut self, kind: Kind, alphabet: &[u8]) -> Shot {
        let mut shot = self.good(kind);
        shot.ends = kind == Kind::ValueControls;
        for _ in 0..self.numbers.between(1, 8) {
            let name = self.name();
            let length = if self.numbers.chance(10) { 2000 } else { self.numbers.between(1, 100) };
            let mut value = self.numbers.text(alphabet, length);
            if alphabet.len() < 100 {
                // One bad byte among good ones reaches further than many.
                value = [b"a".to_vec(), value[..1].to_vec(), b"b".to_vec()].concat();
            }
            shot.add(name, value);
        }
        shot
    }

    fn name(&mut self) -> Vec<u8> {
        let length = self.numbers.between(1, 24);
        [&b"x-"[..], &self.numbers.text(b"abcdefghijklmnopqrstuvwxyz0123456789-_.", length)].concat()
    }

    fn many_headers(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        for number in 0..1100 {
            shot.add(format!("x-{number}"), "v");
        }
        Shot { ends: true, ..shot }
    }

    fn large_headers(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        let pieces = self.numbers.between(1, 20);
        for _ in 0..pieces {
            let name = self.name();
            shot.add(name, self.numbers.text(&VALUE_BYTES, 60 * 1024 / pieces));
        }
        Shot { ends: true, ..shot }
    }

    fn odd_method(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        let known: [&[u8]; 8] =
            [b"HEAD", b"OPTIONS", b"TRACE", b"PATCH", b"get", b"PROPFIND", b"GETGETGET", b"PRI"];
        let method = if self.numbers.chance(70) {
            self.numbers.pick(&known).to_vec()
        } else {
            let length = self.numbers.between(1, 40);
            self.numbers.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~", length)
        };
        let taken: [&[u8]; 4] = [b"HEAD", b"OPTIONS", b"TRACE", b"PATCH"];
        shot.ends = self.leaves() && !taken.contains(&method.as_slice());
        shot.set(":method", method);
        shot
    }

    fn odd_path(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        let known: [&[u8]; 14] = [
            b"//",
            b"/a/../b",
            b"/%2e%2e/%2fx",
            b"/a;b=c",
            b"/a\\b",
            b"/a//b",
            b"/./.",
            b"/verified/../orders",
            b"/%00",
            b"/%zz",
            b"/?",
            b"/a#b",
            b"/cambist/ready/x",
            b"/verified%2f..%2forders",
        ];
        let path = match self.numbers.below(10) {
            0..6 => self.numbers.pick(&known).to_vec(),
            6..8 => {
                let length = self.numbers.between(1, 80);
                [&b"/"[..], &self.numbers.text(b"abc/.%25f2e;=&?~_\\-", length)].concat()
            }
            8 => [&b"/"[..], &self.numbers.text(BASE64URL, 8000)].concat(),
            _ => {
                shot.ends = true;
                let length = self.numbers.between(1, 40);
                self.numbers.text(&VALUE_BYTES, length)
            }
        };
        shot.set(":path", path);
        shot
    }

    /// Without a part of the head that it must have, or with one too many.
    fn missing_part(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        match self.numbers.below(6) {
            0 => shot.remove(":path"),
            1 => shot.remove(":authority"),
            2 => shot.remove(":method"),
            3 => shot.set(":path", Vec::new()),
            4 if self.protocol == Protocol::Http2 => {
                shot.fields.insert(0, (b":path".to_vec(), b"/second".to_vec()));
            }
            4 => shot.bytes = Some(b"GET /\r\n\r\n".to_vec()),
            _ if self.protocol == Protocol::Http2 => shot.add("Upper-Case", "x"),
            _ => {
                let length = self.numbers.between(1, 200);
                shot.bytes = Some([self.numbers.text(&VALUE_BYTES, length).as_slice(), b"\r\n\r\n"].concat());
            }
        }
        Shot { ends: true, ..shot }
    }

    fn token_bytes(&mut self, kind: Kind) -> Shot {
        let length = self.numbers.between(1, 600);
        let value = self.numbers.text(&VALUE_BYTES, length);
        let schemes: [&[u8]; 5] = [b"Bearer ", b"bearer  ", b"", b"Bearer", b"Bearer a.b."];
        let scheme = *self.numbers.pick(&schemes);
        Shot::new(kind, self.path(), Some([scheme, value.as_slice()].concat()))
    }

    /// A good token with some of its bytes changed, taken out, put in or swapped.
    fn token_altered(&mut self, kind: Kind) -> Shot {
        self.bearing(kind, |gun| {
            let good = gun.token().as_bytes().to_vec();
            let mut token = good.clone();
            while token == good {
                for _ in 0..gun.numbers.between(1, 5) {
                    let at = gun.numbers.below(token.len().max(1));
                    match gun.numbers.below(6) {
                        0 if at < token.len() => token[at] = *gun.numbers.pick(&VALUE_BYTES),
                        1 => token.truncate(at),
                        2 => token.insert(at, *gun.numbers.pick(BASE64URL)),
                        3 => drop(token.drain(at..token.len().min(at + 3))),
                        _ => token
                            .splice(at..token.len().min(at + 1), [*gun.numbers.pick(BASE64URL)])
                            .for_each(drop),
                    }
                }
            }
            token
        })
    }

    fn token_giant(&mut self, kind: Kind) -> Shot {
        let mut shot = self.bearing(kind, |gun| {
            let length = *gun.numbers.pick(&[16_385, 20_000, 40_000, 58_000]);
            let mut token = gun.numbers.text(BASE64URL, length);
            for _ in 0..2 {
                let at = gun.numbers.below(length);
                token[at] = b'.';
            }
            token
        });
        shot.ends = true;
        shot
    }

    fn token_dots(&mut self, kind: Kind) -> Shot {
        self.bearing(kind, |gun| {
            let length = gun.numbers.between(1, 4000);
            if gun.numbers.chance(50) { vec![b'.'; length] } else { gun.numbers.text(b"eyJ.", length) }
        })
    }

    fn two_credentials(&mut self, kind: Kind) -> Shot {
        let mut shot = self.good(kind);
        let second = match self.numbers.below(4) {
            0 => b"Basic YTpi".to_vec(),
            1 => b"Bearer ".to_vec(),
            2 => format!("Bearer {}", self.tokens.forged(&mut self.numbers)).into_bytes(),
            _ => format!("Bearer {}", self.token()).into_bytes(),
        };
        let second = (b"authorization".to_vec(), second);
        // Before the first as often as after it.
        let at = if self.numbers.chance(50) { shot.fields.len() } else { shot.fields.len() - 1 };
        shot.fields.insert(at, second);
        shot
    }

    fn no_credential(&mut self, kind: Kind) -> Shot {
        let values: [&[u8]; 4] = [b"", b"Basic YTpi", b"Bearer", b"Negotiate a,Bearer b"];
        let value = self.numbers.pick(&values).to_vec();
        let mut shot = Shot::new(kind, self.path(), (!value.is_empty()).then_some(value));
        if self.numbers.chance(30) {
            // What would let a preflight through, were the route to say so.
            shot.set(":method", b"OPTIONS".to_vec());
            shot.add("origin", "https://shop.example");
            shot.add("access-control-request-method", "PUT");
        }
        shot
    }

    fn refused_body(&mut self, kind: Kind) -> Shot {
        let mut shot = self.token_altered(kind);
        shot.set(":method", b"POST".to_vec());
        shot.body = self.numbers.text(BASE64URL, 2000);
        Shot { ends: true, ..shot }
    }

    fn connect(&mut self, kind: Kind) -> Shot {
        let mut shot = if self.numbers.chance(50) { self.good(kind) } else { Shot::new(kind, "/", None) };
        shot.set(":method", b"CONNECT".to_vec());
        if self.protocol == Protocol::Http2 && self.numbers.chance(50) {
            shot.fields.insert(0, (b":protocol".to_vec(), b"websocket".to_vec()));
        } else {
            shot.remove(":scheme");
            shot.set(":path", b"api.example:443".to_vec());
            if self.protocol == Protocol::Http2 {
                shot.remove(":path");
            }
        }
        Shot { ends: true, ..shot }
    }

    /// Two lengths, or lines that another reader may end elsewhere, with an unverified request in the difference.
    fn smuggle(&mut self, kind: Kind) -> Shot {
        let shot = self.good(kind);
        let rest = *self.numbers.pick(&[
            "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
            "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            "content-length: 0\r\ncontent-length: 9\r\n\r\n",
            "content-length: -1\r\n\r\n",
            "content-length: 0\r\n\r\n",
            "x: a\r\n\tfolded\r\n\r\n",
            "x: a\n\n",
        ]);
        let mut bytes = h1::encode(&shot.fields, b"");
        bytes.truncate(bytes.len() - 2);
        let hidden = format!("{rest}GET /hidden HTTP/1.1\r\nhost: api.example\r\n{KIND}: {kind}\r\n\r\n");
        bytes.extend_from_slice(hidden.as_bytes());
        Shot { bytes: Some(bytes), ends: true, ..shot }
    }
}

const fn value_bytes() -> [u8; 224] {
    let mut bytes = [b'\t'; 224];
    let (mut byte, mut at) = (0x20, 1);
    while at < bytes.len() {
        if byte != 0x7f {
            bytes[at] = byte;
            at += 1;
        }
        byte = byte.wrapping_add(1);
    }
    bytes
}

const fn controls() -> [u8; 32] {
    let mut bytes = [0x7f; 32];
    let mut byte = 0_u8;
    while byte < 32 {
        // A tab is allowed; DEL takes its place.
        if byte != b'\t' {
            bytes[byte as usize] = byte;
        }
        byte += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{CONTROLS, VALUE_BYTES};

    #[test]
    fn every_byte_is_of_one_sort() {
        let mut all: Vec<u8> = VALUE_BYTES.iter().chain(&CONTROLS).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..=255).collect::<Vec<u8>>());
    }
}
