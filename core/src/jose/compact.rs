//! Compact JWS (RFC 7515 §7.1) taken apart. Deliberately absent: any statement about who signed it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use crate::{bearer::MAX_TOKEN_BYTES, denial::Denial, jose::alg::Alg, json};

/// The longest `kid`, in bytes.
pub const MAX_KID_BYTES: usize = 256;

/// Header parameters that change what the signature covers or what the payload is; none is supported, and ignoring
/// them would be unsafe (RFC 7515 §4.1.11, RFC 7797 §7, RFC 8725 §3.6).
const REFUSED: [&str; 3] = ["crit", "b64", "zip"];

/// A JWS whose form is good and whose signature nobody has checked. `Debug` shows no part that could be replayed.
pub struct UntrustedToken<'a> {
    signing_input: &'a [u8],
    alg: Alg,
    kid: Option<String>,
    typ: Option<String>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> UntrustedToken<'a> {
    /// Takes `token` apart.
    ///
    /// Refuses, in this order: more than [`MAX_TOKEN_BYTES`] ([`Denial::TokenTooLarge`]); anything but three segments
    /// of canonical unpadded base64url and a strict JSON object as header ([`Denial::JwtMalformed`]); the parameters
    /// `crit`, `b64` and `zip`, a `kid` that is no string of at most [`MAX_KID_BYTES`], a `typ` that is no string
    /// (the same); an `alg` that is missing or not an [`Alg`] ([`Denial::AlgNotAllowed`]). The parameters `jwk`,
    /// `jku`, `x5u` and `x5c` are ignored (RFC 8725 §3.10).
    pub fn parse(token: &'a [u8]) -> Result<Self, Denial> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Denial::TokenTooLarge);
        }
        let (header, payload, signature, signing_input) = segments(token).ok_or(Denial::JwtMalformed)?;
        let mut header = json::parse_object(&decode(header)?).map_err(|_| Denial::JwtMalformed)?;
        if REFUSED.iter().any(|name| header.contains_key(*name)) {
            return Err(Denial::JwtMalformed);
        }
        let kid = text(&mut header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Denial::JwtMalformed);
        }
        let typ = text(&mut header, "typ")?;
        let alg = header
            .get("alg")
            .and_then(Value::as_str)
            .and_then(Alg::from_name)
            .ok_or(Denial::AlgNotAllowed)?;
        let payload = decode(payload)?;
        let signature = decode(signature)?;
        Ok(Self { signing_input, alg, kid, typ, payload, signature })
    }

    /// The bytes that the signature covers.
    pub const fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// What the header says the algorithm is.
    pub const fn alg(&self) -> Alg {
        self.alg
    }

    /// What the header says the key is.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What the header says the token is.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The decoded payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The decoded signature, as JWS writes it.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for UntrustedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntrustedToken").field("alg", &self.alg).finish_non_exhaustive()
    }
}

type Segments<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8]);

/// Header, payload, signature and the first two together; `None` unless there are exactly three segments.
fn segments(token: &[u8]) -> Option<Segments<'_>> {
    let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    let (first, second) = (dots.next()?, dots.next()?);
    if dots.next().is_some() {
        return None;
    }
    let signing_input = token.get(..second)?;
    let header = token.get(..first)?;
    let payload = signing_input.get(first.checked_add(1)?..)?;
    let signature = token.get(second.checked_add(1)?..)?;
    Some((header, payload, signature, signing_input))
}

fn decode(segment: &[u8]) -> Result<Vec<u8>, Denial> {
    // This engine refuses padding, foreign characters and non-zero trailing bits.
    BASE64URL_NOPAD.decode(segment).map_err(|_| Denial::JwtMalformed)
}

/// Takes an optional string parameter; another type is malformed, it is not the same as absent.
fn text(header: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Denial> {
    match header.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(Denial::JwtMalformed)
        }
    }
}

#[cfg(test)]
mod tests;
