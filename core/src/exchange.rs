//! The parts of an exchange: how it is asked for, how it is answered, how long the access token lives and what it
//! looks like.
//!
//! Deliberately absent: who may have one; that is policy.

pub mod claim_templates;
pub mod client_login;
pub mod external;
pub mod form;
pub mod lifetime;
pub mod metadata;
pub mod mint;
pub mod remote;
pub mod request;
pub mod response;
pub mod spiffe_id;
pub mod subject;
pub mod template;

/// Where decisions are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Venue {
    /// In a gateway or sidecar, which mints with a fleet key or has it done.
    #[default]
    Gateway,
    /// In the control plane, which mints with the authority's key and answers nothing twice: an access token that lay
    /// in a cache would be given away without a record of its own.
    ControlPlane,
}
