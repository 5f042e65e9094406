//! DER forms that Envoy's crypto functions want: public keys and ECDSA signatures. Deliberately absent: PEM.

use alloc::vec::Vec;

use p256::{ecdsa::Signature, pkcs8::EncodePublicKey as _};
use rsa::RsaPublicKey;

/// Length of a raw P-256 signature (RFC 7518 §3.4).
pub const RAW_P256_BYTES: usize = 64;

/// Encodes an RSA key as `SubjectPublicKeyInfo` (RFC 5280 §4.1); `None` when it is too large for DER.
pub fn rsa_spki(key: &RsaPublicKey) -> Option<Vec<u8>> {
    key.to_public_key_der().ok().map(p256::pkcs8::Document::into_vec)
}

/// Encodes a P-256 key as `SubjectPublicKeyInfo` (RFC 5480 §2), with the point uncompressed.
pub fn p256_spki(key: &p256::PublicKey) -> Option<Vec<u8>> {
    key.to_public_key_der().ok().map(p256::pkcs8::Document::into_vec)
}

/// Turns a raw `r‖s` into the ASN.1 form. `None` unless it has 64 bytes and both numbers are in [1, n).
pub fn ecdsa_der_from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    Signature::from_slice(raw).ok().map(|signature| signature.to_der().as_bytes().to_vec())
}

/// Turns the ASN.1 form into a raw `r‖s`. `None` unless it is strict DER and both numbers are in [1, n).
pub fn ecdsa_raw_from_der(der: &[u8]) -> Option<[u8; RAW_P256_BYTES]> {
    Signature::from_der(der).ok().map(|signature| signature.to_bytes().into())
}

#[cfg(test)]
mod tests;
