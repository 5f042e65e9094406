//! Points on P-256 and P-384 (RFC 7518 §6.2). Deliberately absent: P-521 and secp256k1, whose algorithms are not spoken.

use alloc::{format, string::String, vec::Vec};

use serde_json::{Map, Value};

use super::{InvalidKey, Material, Parsed, Thumbprint, digest, fixed, text};
use crate::{encoding, jose::der};

pub(super) fn read(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    match text(jwk, "crv")?.ok_or(InvalidKey::Missing("crv"))? {
        "P-256" => p256_key(jwk),
        "P-384" => p384_key(jwk),
        _ => Err(InvalidKey::UnsupportedCurve),
    }
}

fn p256_key(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    let (x, y) = (fixed::<32>(jwk, "x")?, fixed::<32>(jwk, "y")?);
    let point = uncompressed(&x, &y);
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(|_| InvalidKey::PointNotOnCurve)?;
    let (spki, thumbprint) = (der::p256_spki(&point), p256_thumbprint(&x, &y));
    Ok(Parsed { material: Material::P256(key), spki, thumbprint })
}

fn p384_key(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    let (x, y) = (fixed::<48>(jwk, "x")?, fixed::<48>(jwk, "y")?);
    let point = uncompressed(&x, &y);
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(|_| InvalidKey::PointNotOnCurve)?;
    let (spki, thumbprint) = (der::p384_spki(&point), thumbprint("P-384", &x, &y));
    Ok(Parsed { material: Material::P384(key), spki, thumbprint })
}

/// SEC 1 §2.3.3.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// RFC 7638 thumbprint of a P-256 key.
pub(crate) fn p256_thumbprint(x: &[u8], y: &[u8]) -> Thumbprint {
    thumbprint("P-256", x, y)
}

fn thumbprint(crv: &str, x: &[u8], y: &[u8]) -> Thumbprint {
    let (x, y) = (encoding::base64url(x), encoding::base64url(y));
    digest(&format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#))
}
