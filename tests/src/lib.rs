//! The harness: real Envoy, the real `cambist` binary, an OIDC issuer and an upstream of ours, on loopback ports.
//!
//! Everything it starts ends with the value that stands for it, also when a test panics and when the test process is
//! killed. Deliberately absent: fixed ports, sleeping for a while instead of waiting for something, and skipping.

pub mod artifact;
pub mod client;
pub mod control_plane;
pub mod envoy;
pub mod exposition;
pub mod external;
pub mod fosite;
pub mod http2;
pub mod issuer;
pub mod jwt;
pub mod kubernetes;
pub mod mutate;
pub mod numbers;
pub mod oidc_provider;
pub mod policy;
pub mod process;
pub mod promql;
pub mod raw;
pub mod server;
pub mod stage;
pub mod tls;
pub mod token_endpoint;
pub mod upstream;
pub mod verdict;
pub mod verifiers;
pub mod wait;
