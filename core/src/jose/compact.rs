//! Compact JWS (RFC 7515 §7.1) taken apart. Deliberately absent: any statement about who signed it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    bearer::MAX_TOKEN_BYTES,
    denial::Denial,
    encoding,
    jose::alg::Alg,
    json::{self, Shallow},
};

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
        let Header { alg, kid, typ } = Header::read(&decode(header)?)?;
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

    /// Takes the decoded payload out.
    pub fn take_payload(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.payload)
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
    let is_dot = |byte: &u8| *byte == b'.';
    let (first, second) = (token.iter().position(is_dot)?, token.iter().rposition(is_dot)?);
    let signing_input = token.get(..second)?;
    let header = token.get(..first)?;
    let payload = signing_input.get(first.checked_add(1)?..)?;
    let signature = token.get(second.checked_add(1)?..)?;
    if payload.contains(&b'.') {
        return None;
    }
    Some((header, payload, signature, signing_input))
}

fn decode(segment: &[u8]) -> Result<Vec<u8>, Denial> {
    // This engine refuses padding, foreign characters and non-zero trailing bits.
    encoding::from_base64url(segment).ok_or(Denial::JwtMalformed)
}

/// The parameters that are looked at.
struct Header {
    alg: Alg,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Denial> {
        let (mut alg, mut kid, mut typ, mut refused) = (None, None, None, false);
        json::scan_object(bytes, |name, value| match name {
            "alg" => alg = Some(value),
            "kid" => kid = Some(value),
            "typ" => typ = Some(value),
            other => refused |= REFUSED.contains(&other),
        })
        .map_err(|_| Denial::JwtMalformed)?;
        let kid = text(kid)?;
        if refused || kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Denial::JwtMalformed);
        }
        let typ = text(typ)?;
        let alg = match alg {
            Some(Shallow::Text(name)) => Alg::from_name(&name),
            _ => None,
        };
        Ok(Self { alg: alg.ok_or(Denial::AlgNotAllowed)?, kid, typ })
    }
}

/// An optional string parameter; another type is malformed, it is not the same as absent.
fn text(value: Option<Shallow<'_>>) -> Result<Option<String>, Denial> {
    match value {
        None => Ok(None),
        Some(Shallow::Text(text)) => Ok(Some(text.into_owned())),
        Some(Shallow::Number(_) | Shallow::Texts(_) | Shallow::Other) => Err(Denial::JwtMalformed),
    }
}

#[cfg(test)]
mod tests;
