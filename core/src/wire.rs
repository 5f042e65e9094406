//! The JSON that travels between control plane and gateway. Unknown fields are refused everywhere.
//!
//! Deliberately absent: meaning. `policy::compile` turns these into a policy and reports what is wrong.

pub mod admission;
pub mod changes;
pub mod consumption;
pub mod event;
pub mod keys;
pub mod mint;
pub mod reading;
pub mod snapshot;
