//! Where routes look for subject tokens, compiled. Deliberately absent: looking there, which is the flow's work.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

/// The places that one route looks at; at least one.
#[derive(Debug)]
pub struct TokenSources {
    /// Whether `authorization` is one.
    pub(crate) authorization: bool,
    /// Other headers.
    pub(crate) headers: Vec<HeaderSource>,
    /// Query parameters.
    pub(crate) queries: Vec<String>,
    /// Cookies.
    pub(crate) cookies: Vec<String>,
}

/// A header that carries a token.
#[derive(Debug)]
pub(crate) struct HeaderSource {
    /// Lower case.
    pub(crate) name: Arc<str>,
    /// What stands before the token.
    pub(crate) prefix: String,
}

/// The headers beside `authorization` that some route may read a token from, `cookie` among them. Usually none.
#[derive(Debug, Default)]
pub struct TokenHeaders(Vec<Box<str>>);

// === impl TokenSources ===

impl Default for TokenSources {
    /// `authorization` alone.
    fn default() -> Self {
        Self { authorization: true, headers: Vec::new(), queries: Vec::new(), cookies: Vec::new() }
    }
}

impl TokenSources {
    /// Whether `authorization` is the only place.
    pub const fn is_plain(&self) -> bool {
        self.authorization && self.headers.is_empty() && self.queries.is_empty() && self.cookies.is_empty()
    }
}

// === impl TokenHeaders ===

impl TokenHeaders {
    pub(super) fn add(&mut self, name: &str) {
        if !self.contains(name.as_bytes()) {
            self.0.push(name.into());
        }
    }

    /// Whether `name`, in any case, is one of them.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.0.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
