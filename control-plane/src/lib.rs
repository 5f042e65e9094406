//! The control plane of Cambist: whom to trust, told to every gateway, with a record of what was done.
//!
//! Deliberately absent: decisions about requests, which are `cambist_core`'s.
#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod args;
pub mod auth;
pub mod carried;
pub mod clock;
pub mod command;
pub mod configuration;
pub mod data;
pub mod documents;
pub mod engine;
pub mod external;
pub mod fault;
pub mod fetching;
pub mod gateway_api;
pub mod init;
pub mod intake;
pub mod judgement;
pub mod keys;
pub mod logs;
pub mod metrics;
pub mod permission;
pub mod presets;
pub mod problem;
pub mod public;
pub mod publish;
pub mod reports;
pub mod request;
pub mod serve;
pub mod sightings;
pub mod standing;
pub mod status;
pub mod store;
pub mod strict;
pub mod text;
pub mod turns;
pub mod validate;
