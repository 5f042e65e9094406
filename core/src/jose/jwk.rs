//! One verification key out of a JWK (RFC 7517 §4). Deliberately absent: private and symmetric keys; they are refused.

use alloc::{string::String, vec::Vec};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    encoding,
    jose::{
        alg::{Alg, Family},
        compact::MAX_KID_BYTES,
    },
};

mod ec;
mod invalid;
mod okp;
mod roca;
mod rsa;

pub(crate) use ec::p256_thumbprint;
pub use invalid::InvalidKey;
pub use rsa::{MAX_RSA_BITS, MAX_RSA_BITS_IN_RUST, MIN_RSA_BITS};

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Length of an RFC 7638 thumbprint.
pub type Thumbprint = [u8; 32];

/// A public key that may verify signatures of one issuer.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: Option<String>,
    alg: Option<Alg>,
    thumbprint: Thumbprint,
    spki: Vec<u8>,
    material: Material,
}

/// The parsed key.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    /// An RSA key and the bits of its modulus.
    Rsa { key: ::rsa::RsaPublicKey, bits: usize },
    /// A point on P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// A point on P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// A point on Ed25519, canonical and of large order.
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// What the members of a key type make.
struct Parsed {
    material: Material,
    spki: Vec<u8>,
    thumbprint: Thumbprint,
}

impl VerificationKey {
    /// Reads a JWK.
    ///
    /// Accepts RSA moduli of [`MIN_RSA_BITS`] to [`MAX_RSA_BITS`] with an odd exponent in [3, 2³³), points on P-256
    /// and P-384, and points on Ed25519 that are canonical and of large order. `use` must be absent, `sig` or
    /// `jwt-svid`; `key_ops`, when present, must hold `verify`; `alg`, when present, must be an [`Alg`] that such a key
    /// can verify: of its family, and PS* only up to [`MAX_RSA_BITS_IN_RUST`].
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, InvalidKey> {
        let kty = text(jwk, "kty")?.ok_or(InvalidKey::Missing("kty"))?;
        if kty == "oct" || jwk.contains_key("k") {
            return Err(InvalidKey::Symmetric);
        }
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(InvalidKey::Private);
        }
        check_purpose(jwk)?;
        let kid = text(jwk, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(InvalidKey::KidTooLong);
        }
        let alg = match text(jwk, "alg")? {
            Some(name) => Some(Alg::from_name(name).ok_or(InvalidKey::UnsupportedAlg)?),
            None => None,
        };
        let Parsed { material, spki, thumbprint } = match kty {
            "RSA" => rsa::read(jwk)?,
            "EC" => ec::read(jwk)?,
            "OKP" => okp::read(jwk)?,
            _ => return Err(InvalidKey::UnsupportedType),
        };
        let key = Self { kid: kid.map(String::from), alg, thumbprint, spki, material };
        match alg {
            Some(alg) if alg.family() != key.family() => Err(InvalidKey::AlgMismatch),
            Some(alg) if alg.is_pss() && key.is_beyond_rust() => Err(InvalidKey::ModulusTooLargeForPss),
            Some(_) | None => Ok(key),
        }
    }

    /// The issuer's name for it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm the issuer uses it with, if it says so.
    pub const fn alg(&self) -> Option<Alg> {
        self.alg
    }

    /// RFC 7638 thumbprint with SHA-256; of Ed25519 keys that of RFC 8037 §2.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// `SubjectPublicKeyInfo` in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What kind of key it is.
    pub const fn family(&self) -> Family {
        match self.material {
            Material::Rsa { .. } => Family::Rsa,
            Material::P256(_) => Family::P256,
            Material::P384(_) => Family::P384,
            Material::Ed25519(_) => Family::Ed25519,
        }
    }

    /// Bits of the RSA modulus, `None` for other keys.
    pub const fn rsa_bits(&self) -> Option<usize> {
        match self.material {
            Material::Rsa { bits, .. } => Some(bits),
            Material::P256(_) | Material::P384(_) | Material::Ed25519(_) => None,
        }
    }

    /// Whether it may verify signatures of `alg`: it is of that family, the issuer did not bind it to another
    /// algorithm, and for PS* it has at most [`MAX_RSA_BITS_IN_RUST`] bits, since no host verifies those.
    pub fn fits(&self, alg: Alg) -> bool {
        self.family() == alg.family()
            && self.alg.is_none_or(|own| own == alg)
            && !(alg.is_pss() && self.is_beyond_rust())
    }

    fn is_beyond_rust(&self) -> bool {
        self.rsa_bits().is_some_and(|bits| bits > MAX_RSA_BITS_IN_RUST)
    }

    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }
}

fn digest(text: &str) -> Thumbprint {
    Sha256::digest(text.as_bytes()).into()
}

/// RFC 7517 §4.2 and §4.3; `jwt-svid` is what SPIFFE bundles say.
fn check_purpose(jwk: &Map<String, Value>) -> Result<(), InvalidKey> {
    if !matches!(text(jwk, "use")?, None | Some("sig" | "jwt-svid")) {
        return Err(InvalidKey::WrongUse);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(operations) => {
            let operations = operations.as_array().ok_or(InvalidKey::WrongType("key_ops"))?;
            if operations.iter().any(|operation| operation.as_str() == Some("verify")) {
                Ok(())
            } else {
                Err(InvalidKey::WrongOperations)
            }
        }
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, InvalidKey> {
    match jwk.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(InvalidKey::WrongType(name)),
    }
}

fn octets(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, InvalidKey> {
    let text = text(jwk, name)?.ok_or(InvalidKey::Missing(name))?;
    encoding::from_base64url(text.as_bytes()).ok_or(InvalidKey::BadEncoding(name))
}

/// A member that has exactly `N` bytes.
fn fixed<const N: usize>(jwk: &Map<String, Value>, name: &'static str) -> Result<[u8; N], InvalidKey> {
    octets(jwk, name)?.try_into().map_err(|_| InvalidKey::BadEncoding(name))
}

#[cfg(test)]
mod tests;
