//! DER forms that Envoy's crypto functions want: public keys and ECDSA signatures. Deliberately absent: PEM.

mod ecdsa;

use alloc::vec::Vec;

use rsa::{RsaPublicKey, pkcs8::EncodePublicKey as _};

/// Length of a raw P-256 signature (RFC 7518 §3.4).
pub const RAW_P256_BYTES: usize = 64;

/// `SubjectPublicKeyInfo` of a P-256 key up to the point: ecPublicKey and secp256r1 (RFC 5480 §2.1.1).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The same with secp384r1.
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

/// The same of an Ed25519 key (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Encodes an RSA key as `SubjectPublicKeyInfo` (RFC 5280 §4.1); `None` when it is too large for DER.
pub fn rsa_spki(key: &RsaPublicKey) -> Option<Vec<u8>> {
    key.to_public_key_der().ok().map(rsa::pkcs8::Document::into_vec)
}

/// Encodes an uncompressed point of P-256 (65 bytes) as `SubjectPublicKeyInfo`.
pub(crate) fn p256_spki(point: &[u8]) -> Vec<u8> {
    [&P256_PREFIX, point].concat()
}

/// Encodes an uncompressed point of P-384 (97 bytes) as `SubjectPublicKeyInfo`.
pub(crate) fn p384_spki(point: &[u8]) -> Vec<u8> {
    [&P384_PREFIX, point].concat()
}

/// Encodes an Ed25519 key as `SubjectPublicKeyInfo`.
pub(crate) fn ed25519_spki(key: &[u8; 32]) -> Vec<u8> {
    [&ED25519_PREFIX, &key[..]].concat()
}

/// Turns a raw `r‖s` of P-256 into the ASN.1 form. `None` unless it has 64 bytes and both numbers are in [1, n).
pub fn p256_der_from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    ecdsa::der_from_raw(raw, &ecdsa::P256_ORDER)
}

/// Turns a raw `r‖s` of P-384 into the ASN.1 form. `None` unless it has 96 bytes and both numbers are in [1, n).
pub fn p384_der_from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    ecdsa::der_from_raw(raw, &ecdsa::P384_ORDER)
}

/// Turns the ASN.1 form into a raw `r‖s` of P-256. `None` unless it is strict DER and both numbers are in [1, n).
pub fn p256_raw_from_der(der: &[u8]) -> Option<[u8; RAW_P256_BYTES]> {
    let (r, s) = ecdsa::numbers_from_der(der, &ecdsa::P256_ORDER)?;
    [r, s].as_flattened().try_into().ok()
}

#[cfg(test)]
mod tests;
