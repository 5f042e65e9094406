//! JSON Object Signing, as far as it is needed here: compact JWS, verification keys and the checks between them.
//!
//! Deliberately absent: encryption, JSON serialisation, symmetric algorithms and keys found in headers.

pub mod alg;
pub mod compact;
pub mod der;
pub mod jwk;
pub mod jwt;
pub mod key_set;
pub mod verify;

#[cfg(test)]
pub(crate) mod sample;
