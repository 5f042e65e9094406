//! Random identifiers and digests: what ids and tokens are made of.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use data_encoding::{BASE32_NOPAD, HEXLOWER};

use crate::store::records::Digest;

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

/// `bytes` as lower-case base32 (RFC 4648 §6) without padding.
pub fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// `bytes` as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Spreads refreshes and retries; without randomness they are not spread.
pub fn spread() -> u32 {
    random::<4>().map_or(0, u32::from_le_bytes)
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = Digest::default();
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
