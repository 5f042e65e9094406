//! A key that signs access tokens. Deliberately absent: making one; that needs randomness.

use alloc::{string::String, vec::Vec};
use core::fmt;

use p256::{
    SecretKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    encoding,
    jose::{
        alg::Alg,
        compact::MAX_KID_BYTES,
        jwk::{Thumbprint, p256_thumbprint},
    },
    secret::Secret,
};

/// A P-256 key that signs ES256. `Debug` shows its `kid` only; the memory is wiped on drop.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    thumbprint: Thumbprint,
    x: [u8; 32],
    y: [u8; 32],
    pkcs8: Secret<Vec<u8>>,
    p256: p256::ecdsa::SigningKey,
}

/// Why a document is not a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSigningKey {
    /// It is none of PKCS#8 DER, its base64, and a `PRIVATE KEY` PEM document.
    NotPkcs8,
    /// It is PKCS#8 of something else than a P-256 key, or damaged.
    NotP256,
    /// The `kid` is empty or longer than 256 bytes.
    BadKid,
}

impl SigningKey {
    /// Reads a P-256 key from PKCS#8 (RFC 5958) as DER, PEM or base64 of DER; white space around the text forms is
    /// ignored. Without `kid` the key gets its RFC 7638 thumbprint.
    pub fn from_pkcs8(document: &[u8], kid: Option<&str>) -> Result<Self, InvalidSigningKey> {
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(InvalidSigningKey::BadKid);
        }
        Self::from_secret(&read(document)?, kid)
    }

    pub(super) fn from_secret(secret: &SecretKey, kid: Option<&str>) -> Result<Self, InvalidSigningKey> {
        // Re-encoded so that it holds the public key, which spares the host a point multiplication per signature.
        let document = secret.to_pkcs8_der().map_err(|_| InvalidSigningKey::NotP256)?;
        let p256 = p256::ecdsa::SigningKey::from(secret);
        let point = p256.verifying_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(InvalidSigningKey::NotP256) };
        let thumbprint = p256_thumbprint(x, y);
        let kid = kid.map_or_else(|| encoding::base64url(&thumbprint), String::from);
        let (x, y) = ((*x).into(), (*y).into());
        Ok(Self { kid, thumbprint, x, y, pkcs8: Secret::new(document.as_bytes().to_vec()), p256 })
    }

    /// The name under which the public key is published.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs.
    pub const fn alg(&self) -> Alg {
        Alg::Es256
    }

    /// RFC 7638 thumbprint of the public key.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// PKCS#8 DER with the public key included.
    pub const fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The public key as a JWK with `kid`, `alg` and `use`.
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": encoding::base64url(&self.x),
            "y": encoding::base64url(&self.y),
            "kid": self.kid,
            "alg": self.alg().name(),
            "use": "sig",
        })
    }

    pub(super) const fn p256(&self) -> &p256::ecdsa::SigningKey {
        &self.p256
    }
}

const PEM: &[u8] = b"-----BEGIN ";

fn read(document: &[u8]) -> Result<SecretKey, InvalidSigningKey> {
    if document.first() == Some(&0x30) {
        return SecretKey::from_pkcs8_der(document).map_err(|_| InvalidSigningKey::NotP256);
    }
    let text = document.trim_ascii();
    if text.starts_with(PEM) {
        let text = core::str::from_utf8(text).map_err(|_| InvalidSigningKey::NotPkcs8)?;
        if !text.starts_with("-----BEGIN PRIVATE KEY-----") {
            return Err(InvalidSigningKey::NotPkcs8);
        }
        return SecretKey::from_pkcs8_pem(text).map_err(|_| InvalidSigningKey::NotP256);
    }
    let der = Zeroizing::new(encoding::from_base64(text).ok_or(InvalidSigningKey::NotPkcs8)?);
    SecretKey::from_pkcs8_der(&der).map_err(|_| InvalidSigningKey::NotP256)
}

// === impl SigningKey ===

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

// === impl InvalidSigningKey ===

impl fmt::Display for InvalidSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPkcs8 => {
                "the key is not PKCS#8; give DER, its base64 or a PRIVATE KEY PEM (openssl pkcs8 -topk8 -nocrypt)"
            }
            Self::NotP256 => "the key is not a P-256 key; make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            Self::BadKid => "kid must have 1 to 256 bytes; leave it out to use the thumbprint",
        })
    }
}

impl core::error::Error for InvalidSigningKey {}

#[cfg(test)]
mod tests;
