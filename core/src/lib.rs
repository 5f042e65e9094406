//! The decisions of Cambist.
//!
//! This crate verifies tokens, matches them against policy and mints access tokens. Time, randomness and
//! cryptography are arguments. Deliberately absent: I/O, a clock, the environment, threads and logging.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod attribute;
pub mod audit_queue;
pub mod backoff;
pub mod bearer;
pub mod claims;
pub mod claims_out;
pub mod condition;
pub mod crypto;
pub mod denial;
pub mod denylist;
pub mod digest;
mod encoding;
pub mod endpoint;
pub mod exchange;
#[cfg(test)]
mod fixture;
pub mod flow;
pub mod identity;
pub mod jose;
pub mod json;
pub mod keyring;
pub mod policy;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod properties;
pub mod rate;
mod seal;
pub mod secret;
pub mod time;
pub mod token_cache;
pub mod userinfo;
#[cfg(test)]
mod vectors;
pub mod wire;
