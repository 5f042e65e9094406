//! Which hosts answer as the authority.

use alloc::{string::String, vec::Vec};

use crate::policy::is_host;

/// Hosts: exact ones, `*.suffix`, or `*`. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

// === impl Hosts ===

impl Hosts {
    /// Takes a list; gives back the first that is no lower-case host without port, no `*.suffix` and not `*`.
    pub fn new(hosts: Vec<String>) -> Result<Self, String> {
        match hosts.iter().find(|host| !is_host(host)) {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(Self(hosts)),
        }
    }

    /// Every host.
    pub fn every() -> Self {
        Self(Vec::from([String::from("*")]))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `host`, in lower case and without port, is one.
    pub fn holds(&self, host: &str) -> bool {
        self.0.iter().any(|known| match known.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => known == host,
        })
    }
}
