//! The Envoy filter: a thin shell over `cambist-core`.
//!
//! It carries out what core decides. Deliberately absent: decisions about requests, and any hostcall outside
//! `host/envoy.rs`, so that everything else runs natively in tests against another host.

pub mod calling;
pub mod clusters;
pub mod config;
pub mod crypto;
pub mod driver;
pub mod fetching;
pub mod gateway;
pub mod head;
pub mod host;
pub mod identity_headers;
pub mod minting;
#[cfg(feature = "planted-panic")]
mod planted;
pub mod readiness;
pub mod registry;
pub mod root;
pub mod sharing;
pub mod stream;
pub mod synchronizing;
pub mod telemetry;
pub mod waiters;

#[cfg(target_arch = "wasm32")]
mod entry;
