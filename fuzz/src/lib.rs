//! Targets: functions that put raw bytes to the code that reads what others wrote, and demand what must hold of every
//! outcome. A target panics where it does not hold.
//!
//! `just fuzz` runs them under libFuzzer (`fuzz/libfuzzer`), `just test` for ten seconds each under [`driver`], which
//! needs nothing but Rust. Deliberately absent: coverage in the driver, and anything that is not bytes to begin with.

mod claims;
mod condition;
pub mod driver;
mod exchange_form;
mod header_map;
mod jwk;
mod mutation;
mod path;
mod shared_record;
mod snapshot;
mod template;
mod token;

pub use self::{
    claims::claims, condition::condition, exchange_form::exchange_form, header_map::header_map, jwk::jwk,
    path::path, shared_record::shared_record, snapshot::snapshot, template::template, token::token,
};

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("token", token),
    ("claims", claims),
    ("jwk", jwk),
    ("path", path),
    ("condition", condition),
    ("template", template),
    ("snapshot", snapshot),
    ("header_map", header_map),
    ("shared_record", shared_record),
    ("exchange_form", exchange_form),
];
