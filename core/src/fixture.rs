//! One valid gateway, from which tests change one thing. Deliberately absent: assertions.
#![expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]

mod crypto;
mod gateway;
mod numbers;
mod token;
mod wire;

pub(crate) use self::{
    crypto::CountingCrypto,
    gateway::{Ask, Gateway},
    numbers::Numbers,
    token::{Signer, Token, twin},
    wire::{NoSecrets, Wire, host_issuer},
};

/// The Unix time in seconds at which tests begin.
pub(crate) const NOW: i64 = 1_800_000_000;
/// The issuer's `iss` text.
pub(crate) const ISS: &str = "https://issuer.example";
/// The accepted audience.
pub(crate) const AUDIENCE: &str = "cl_shop";
/// The accepted subject.
pub(crate) const SUBJECT: &str = "system:serviceaccount:shop:cart";
/// The access token's audience.
pub(crate) const TARGET: &str = "https://orders.internal";
/// Number of the [`Signer`] that signs subject tokens.
pub(crate) const ISSUER_KEY: u8 = 1;
/// Number of the [`Signer`] that signs access tokens.
pub(crate) const FLEET_KEY: u8 = 2;
