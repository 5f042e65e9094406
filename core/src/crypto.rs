//! Signatures as an argument. Deliberately absent: randomness; ECDSA signing is deterministic (RFC 6979) or the host's.

use alloc::vec::Vec;
use core::fmt;

use crate::jose::{alg::Alg, jwk::VerificationKey};

mod rust_crypto;
mod self_test;
mod signing_key;

pub use rust_crypto::RustCrypto;
pub use self_test::{Support, self_test};
pub use signing_key::{InvalidSigningKey, SigningKey};

/// Something that verifies and makes JWS signatures, in the form that JWS writes (RFC 7518 §3).
pub trait Crypto {
    /// Whether `signature` over `input` is `key`'s. False as well for anything that cannot be decided, such as a key
    /// that does not fit `alg`.
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool;

    /// Signs `input` with the key's own algorithm.
    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A signature could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignError;

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature could not be made")
    }
}

impl core::error::Error for SignError {}
