//! RSA keys (RFC 7518 §6.3). Deliberately absent: a search for weak primes beyond one known fingerprint.

use alloc::{format, string::String};

use ::rsa::{BigUint, RsaPublicKey};
use serde_json::{Map, Value};

use super::{InvalidKey, Material, Parsed, digest, octets, roca};
use crate::{encoding, jose::der};

/// Least accepted size of an RSA modulus in bits (RFC 7518 §3.3).
pub const MIN_RSA_BITS: usize = 2048;
/// Largest accepted size of an RSA modulus in bits; verifying costs grow with its square.
pub const MAX_RSA_BITS: usize = 8192;
/// Largest RSA modulus in bits that the Rust implementation verifies with; it is much slower than the host's.
pub const MAX_RSA_BITS_IN_RUST: usize = 4096;

pub(super) fn read(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
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
    if roca::has_fingerprint(&n_bytes) {
        return Err(InvalidKey::WeakModulus);
    }
    if is_even(&e_bytes) || e < BigUint::from(3_u8) || e > BigUint::from(RsaPublicKey::MAX_PUB_EXPONENT) {
        return Err(InvalidKey::BadExponent);
    }
    let thumbprint = digest(&format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        encoding::base64url(&e_bytes),
        encoding::base64url(&n_bytes)
    ));
    let key = RsaPublicKey::new_with_max_size(n, e, MAX_RSA_BITS).map_err(|_| InvalidKey::BadExponent)?;
    let spki = der::rsa_spki(&key).ok_or(InvalidKey::ModulusTooLarge)?;
    Ok(Parsed { material: Material::Rsa { key, bits }, spki, thumbprint })
}

fn is_even(big_endian: &[u8]) -> bool {
    big_endian.last().is_none_or(|byte| byte & 1 == 0)
}
