//! One verification key out of a JWK (RFC 7517 §4). Deliberately absent: private and symmetric keys; they are refused.

use alloc::{format, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::jose::{
    alg::{Alg, Family},
    compact::MAX_KID_BYTES,
    der,
};

mod invalid;

pub use invalid::InvalidKey;

/// Least accepted size of an RSA modulus in bits (RFC 7518 §3.3).
pub const MIN_RSA_BITS: usize = 2048;
/// Largest accepted size of an RSA modulus in bits; verifying costs grow with its square.
pub const MAX_RSA_BITS: usize = 8192;
/// Largest RSA modulus in bits that the Rust implementation verifies with; it is much slower than the host's.
pub const MAX_RSA_BITS_IN_RUST: usize = 4096;

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2).
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
    Rsa { key: RsaPublicKey, bits: usize },
    /// A point on P-256.
    P256(p256::ecdsa::VerifyingKey),
}

impl VerificationKey {
    /// Reads a JWK.
    ///
    /// Accepts RSA moduli of [`MIN_RSA_BITS`] to [`MAX_RSA_BITS`] with an odd exponent in [3, 2³³), and points on
    /// P-256. `use` must be absent, `sig` or `jwt-svid`; `key_ops`, when present, must hold `verify`; `alg`, when
    /// present, must be an [`Alg`] of the key's family.
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
        let (material, spki, thumbprint) = match kty {
            "RSA" => rsa_key(jwk)?,
            "EC" => p256_key(jwk)?,
            _ => return Err(InvalidKey::UnsupportedType),
        };
        let key = Self { kid: kid.map(String::from), alg, thumbprint, spki, material };
        if alg.is_some_and(|alg| alg.family() != key.family()) {
            return Err(InvalidKey::AlgMismatch);
        }
        Ok(key)
    }

    /// The issuer's name for it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm the issuer uses it with, if it says so.
    pub const fn alg(&self) -> Option<Alg> {
        self.alg
    }

    /// RFC 7638 thumbprint with SHA-256.
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
        }
    }

    /// Bits of the RSA modulus, `None` for other keys.
    pub const fn rsa_bits(&self) -> Option<usize> {
        match self.material {
            Material::Rsa { bits, .. } => Some(bits),
            Material::P256(_) => None,
        }
    }

    /// Whether it may verify signatures of `alg`.
    pub fn fits(&self, alg: Alg) -> bool {
        self.family() == alg.family() && self.alg.is_none_or(|own| own == alg)
    }

    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }
}

type Parsed = (Material, Vec<u8>, Thumbprint);

fn rsa_key(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    let n = BigUint::from_bytes_be(&octets(jwk, "n")?);
    let e = BigUint::from_bytes_be(&octets(jwk, "e")?);
    let bits = n.bits();
    if bits < MIN_RSA_BITS {
        return Err(InvalidKey::ModulusTooSmall);
    }
    if bits > MAX_RSA_BITS {
        return Err(InvalidKey::ModulusTooLarge);
    }
    let (n_bytes, e_bytes) = (n.to_bytes_be(), e.to_bytes_be());
    if is_even(&n_bytes) {
        return Err(InvalidKey::EvenModulus);
    }
    if is_even(&e_bytes) || e < BigUint::from(3_u8) || e > BigUint::from(RsaPublicKey::MAX_PUB_EXPONENT) {
        return Err(InvalidKey::BadExponent);
    }
    let thumbprint = digest(&format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        BASE64URL_NOPAD.encode(&e_bytes),
        BASE64URL_NOPAD.encode(&n_bytes)
    ));
    let key = RsaPublicKey::new_with_max_size(n, e, MAX_RSA_BITS).map_err(|_| InvalidKey::BadExponent)?;
    let spki = der::rsa_spki(&key).ok_or(InvalidKey::ModulusTooLarge)?;
    Ok((Material::Rsa { key, bits }, spki, thumbprint))
}

fn p256_key(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    if text(jwk, "crv")?.ok_or(InvalidKey::Missing("crv"))? != "P-256" {
        return Err(InvalidKey::UnsupportedCurve);
    }
    let coordinate = |name| -> Result<p256::FieldBytes, InvalidKey> {
        let bytes: [u8; 32] = octets(jwk, name)?.try_into().map_err(|_| InvalidKey::BadEncoding(name))?;
        Ok(bytes.into())
    };
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    let point = p256::EncodedPoint::from_affine_coordinates(&x, &y, false);
    let key =
        p256::ecdsa::VerifyingKey::from_encoded_point(&point).map_err(|_| InvalidKey::PointNotOnCurve)?;
    let spki = der::p256_spki(&p256::PublicKey::from(&key)).ok_or(InvalidKey::PointNotOnCurve)?;
    Ok((Material::P256(key), spki, p256_thumbprint(&x, &y)))
}

/// RFC 7638 thumbprint of a P-256 key.
pub(crate) fn p256_thumbprint(x: &[u8], y: &[u8]) -> Thumbprint {
    digest(&format!(
        r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
        BASE64URL_NOPAD.encode(x),
        BASE64URL_NOPAD.encode(y)
    ))
}

fn digest(text: &str) -> Thumbprint {
    Sha256::digest(text.as_bytes()).into()
}

fn is_even(big_endian: &[u8]) -> bool {
    big_endian.last().is_none_or(|byte| byte & 1 == 0)
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
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidKey::BadEncoding(name))
}

#[cfg(test)]
mod tests;
