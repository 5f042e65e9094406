//! Ed25519 keys (RFC 8037 §2). Deliberately absent: Ed448, and X25519, which signs nothing.

use alloc::{format, string::String};

use ed25519_dalek::VerifyingKey;
use serde_json::{Map, Value};

use super::{InvalidKey, Material, Parsed, digest, fixed, text};
use crate::{encoding, jose::der};

/// A key of small order verifies signatures that nobody made, and of two encodings of one point only one can be listed,
/// so both are refused here and not left to the signature (RFC 8032 §5.1.3, §5.1.7).
pub(super) fn read(jwk: &Map<String, Value>) -> Result<Parsed, InvalidKey> {
    if text(jwk, "crv")?.ok_or(InvalidKey::Missing("crv"))? != "Ed25519" {
        return Err(InvalidKey::UnsupportedCurve);
    }
    let x = fixed::<32>(jwk, "x")?;
    let key = VerifyingKey::from_bytes(&x).map_err(|_| InvalidKey::PointNotOnCurve)?;
    if !is_canonical(&x) || key.is_weak() {
        return Err(InvalidKey::WeakPoint);
    }
    let encoded = encoding::base64url(&x);
    let thumbprint = digest(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{encoded}"}}"#));
    Ok(Parsed { material: Material::Ed25519(key), spki: der::ed25519_spki(&x), thumbprint })
}

/// Whether y is less than the prime 2²⁵⁵ - 19. The points with x = 0, which have two encodings also then, are of small
/// order.
fn is_canonical(x: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = x;
    *first < 0xed || *last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}
