//! Signing keys: made here, encrypted at rest, published in one JWK set.

pub mod authority;
pub mod fleet;
pub mod seal;
pub mod signing;
pub mod upkeep;
