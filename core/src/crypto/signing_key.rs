//! A key that signs access tokens. Deliberately absent: making one; that needs randomness.

use alloc::{string::String, vec::Vec};
use core::fmt;

use p256::{
    SecretKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    encoding,
    jose::{
        alg::Alg,
        compact::MAX_KID_BYTES,
        jwk::{Thumbprint, VerificationKey, p256_thumbprint},
    },
    secret::Secret,
};

mod pkcs1;

/// A P-256 key that signs ES256, or an RSA key that signs RS256. `Debug` shows its `kid` only; the memory is wiped on
/// drop.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    thumbprint: Thumbprint,
    /// The public key's own members of a JWK.
    members: Map<String, Value>,
    pkcs8: Secret<Vec<u8>>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    P256(p256::ecdsa::SigningKey),
    /// The public half: what signs is the host's or the server's library, which reads the document itself.
    Rsa(VerificationKey),
}

/// Why a document is not a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSigningKey {
    /// It is none of PKCS#8 DER, its base64, and a `PRIVATE KEY` PEM document.
    NotPkcs8,
    /// It is PKCS#8 of something else than a P-256 key or an RSA key of sane size, or damaged.
    Unsupported,
    /// The `kid` is empty or longer than 256 bytes.
    BadKid,
}

impl SigningKey {
    /// Reads a P-256 or RSA key from PKCS#8 (RFC 5958) as DER, PEM or base64 of DER; white space around the text forms
    /// is ignored. Without `kid` the key gets its RFC 7638 thumbprint.
    pub fn from_pkcs8(document: &[u8], kid: Option<&str>) -> Result<Self, InvalidSigningKey> {
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(InvalidSigningKey::BadKid);
        }
        let der = read(document)?;
        if let Some(members) = pkcs1::public_members(&der) {
            return Self::from_rsa(&der, members, kid);
        }
        let secret = SecretKey::from_pkcs8_der(&der).map_err(|_| InvalidSigningKey::Unsupported)?;
        Self::from_secret(&secret, kid)
    }

    pub(super) fn from_secret(secret: &SecretKey, kid: Option<&str>) -> Result<Self, InvalidSigningKey> {
        // Re-encoded so that it holds the public key, which spares the host a point multiplication per signature.
        let document = secret.to_pkcs8_der().map_err(|_| InvalidSigningKey::Unsupported)?;
        let p256 = p256::ecdsa::SigningKey::from(secret);
        let point = p256.verifying_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(InvalidSigningKey::Unsupported) };
        let thumbprint = p256_thumbprint(x, y);
        let mut members = Map::new();
        for (name, value) in [
            ("kty", String::from("EC")),
            ("crv", String::from("P-256")),
            ("x", encoding::base64url(x)),
            ("y", encoding::base64url(y)),
        ] {
            members.insert(name.into(), value.into());
        }
        let material = Material::P256(p256);
        Ok(Self::of(kid, thumbprint, members, document.as_bytes().to_vec(), material))
    }

    fn from_rsa(
        der: &[u8],
        members: Map<String, Value>,
        kid: Option<&str>,
    ) -> Result<Self, InvalidSigningKey> {
        let public = VerificationKey::from_jwk(&members).map_err(|_| InvalidSigningKey::Unsupported)?;
        let thumbprint = *public.thumbprint();
        Ok(Self::of(kid, thumbprint, members, der.to_vec(), Material::Rsa(public)))
    }

    fn of(
        kid: Option<&str>,
        thumbprint: Thumbprint,
        members: Map<String, Value>,
        pkcs8: Vec<u8>,
        material: Material,
    ) -> Self {
        let kid = kid.map_or_else(|| encoding::base64url(&thumbprint), String::from);
        Self { kid, thumbprint, members, pkcs8: Secret::new(pkcs8), material }
    }

    /// The name under which the public key is published.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs: ES256 or RS256.
    pub const fn alg(&self) -> Alg {
        match self.material {
            Material::P256(_) => Alg::Es256,
            Material::Rsa(_) => Alg::Rs256,
        }
    }

    /// RFC 7638 thumbprint of the public key.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// PKCS#8 DER, that of a P-256 key with the public key included.
    pub const fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The public key as a JWK with `kid`, `alg` and `use`.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.members.clone();
        for (name, value) in [("kid", self.kid.as_str()), ("alg", self.alg().name()), ("use", "sig")] {
            jwk.insert(name.into(), value.into());
        }
        jwk.into()
    }

    /// The public half of an RSA key: whoever lets a host sign with one verifies what came back, for a fault while
    /// signing gives the private key away.
    pub const fn rsa_public(&self) -> Option<&VerificationKey> {
        match &self.material {
            Material::P256(_) => None,
            Material::Rsa(public) => Some(public),
        }
    }

    pub(super) const fn p256(&self) -> Option<&p256::ecdsa::SigningKey> {
        match &self.material {
            Material::P256(key) => Some(key),
            Material::Rsa(_) => None,
        }
    }
}

const BEGIN: &[u8] = b"-----BEGIN PRIVATE KEY-----";
const END: &[u8] = b"-----END PRIVATE KEY-----";

/// The DER of a document.
fn read(document: &[u8]) -> Result<Zeroizing<Vec<u8>>, InvalidSigningKey> {
    if document.first() == Some(&0x30) {
        return Ok(Zeroizing::new(document.to_vec()));
    }
    let mut text = document.trim_ascii();
    if let Some(rest) = text.strip_prefix(BEGIN) {
        text = rest.strip_suffix(END).ok_or(InvalidSigningKey::NotPkcs8)?;
    }
    let digits = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let digits = Zeroizing::new(digits.collect::<Vec<u8>>());
    encoding::from_base64(&digits).map(Zeroizing::new).ok_or(InvalidSigningKey::NotPkcs8)
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
            Self::Unsupported => {
                "the key is neither a P-256 key nor an RSA key of at least 2048 bits; make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
            }
            Self::BadKid => "kid must have 1 to 256 bytes; leave it out to use the thumbprint",
        })
    }
}

impl core::error::Error for InvalidSigningKey {}

#[cfg(test)]
mod tests;
