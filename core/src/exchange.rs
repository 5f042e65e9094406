//! The parts of an exchange: how long the access token lives and what it looks like.
//!
//! Deliberately absent: who may have one; that is policy.

pub mod lifetime;
pub mod mint;
