//! What a decision reads of a request: borrowed while it arrives, owned while it waits.

use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};
use core::fmt;

use crate::{denial::Denial, policy::canonical_path};

/// The head of a request as bytes, exactly as the host gave it. `Debug` shows neither credential nor query.
#[derive(Clone, Copy, Default)]
pub struct Head<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// `:path`, the query included.
    pub path: &'a [u8],
    /// Every `authorization` value.
    pub authorization: &'a [&'a [u8]],
    /// `content-type`; empty where it was sent more than once.
    pub content_type: Option<&'a [u8]>,
    /// Name and value of every header that [`crate::policy::Policy::token_headers`] names.
    pub others: &'a [(&'a [u8], &'a [u8])],
    /// Whether `origin` is there.
    pub has_origin: bool,
    /// Whether `access-control-request-method` is there.
    pub has_request_method: bool,
}

/// A [`Head`] that owns its bytes. It holds a credential, so it has no `Debug`.
pub struct Request {
    method: Vec<u8>,
    authority: Vec<u8>,
    path: Vec<u8>,
    authorization: Vec<Vec<u8>>,
    content_type: Option<Vec<u8>>,
    others: Vec<(Vec<u8>, Vec<u8>)>,
    has_origin: bool,
    has_request_method: bool,
}

/// Where a request goes, in the form that routes are compared with.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Lower case, without port.
    pub(super) host: Cow<'a, str>,
    /// Canonical, without query.
    pub(super) path: &'a str,
    pub(super) method: &'a str,
}

// === impl Head ===

impl<'a> Head<'a> {
    /// Whether this is a CORS preflight: `OPTIONS` with both headers (attack R11).
    pub fn is_cors_preflight(&self) -> bool {
        self.method == b"OPTIONS" && self.has_origin && self.has_request_method
    }

    /// Every value of a header in `others`.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> + Clone {
        let is_it = move |known: &[u8]| known.eq_ignore_ascii_case(name.as_bytes());
        self.others.iter().filter(move |(known, _)| is_it(known)).map(|(_, value)| *value)
    }

    pub(super) fn to_request(self) -> Request {
        Request {
            method: self.method.to_owned(),
            authority: self.authority.to_owned(),
            path: self.path.to_owned(),
            authorization: self.authorization.iter().map(|value| (*value).to_owned()).collect(),
            content_type: self.content_type.map(ToOwned::to_owned),
            others: self
                .others
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            has_origin: self.has_origin,
            has_request_method: self.has_request_method,
        }
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split(|byte| *byte == b'?').next().unwrap_or_default();
        f.debug_struct("Head")
            .field("method", &String::from_utf8_lossy(self.method))
            .field("authority", &String::from_utf8_lossy(self.authority))
            .field("path", &String::from_utf8_lossy(path))
            .field("authorization", &self.authorization.len())
            .field("others", &self.others.len())
            .finish_non_exhaustive()
    }
}

// === impl Request ===

impl Request {
    pub(super) fn weight(&self) -> usize {
        let Self { method, authority, path, authorization, content_type, others, .. } = self;
        let others = others.iter().flat_map(|(name, value)| [name, value]);
        let parts = authorization.iter().chain(others).chain(content_type).chain([method, authority, path]);
        parts.map(Vec::len).fold(size_of::<Self>(), usize::saturating_add)
    }

    pub(super) fn with_head<T>(&self, f: impl FnOnce(&Head<'_>) -> T) -> T {
        let Self {
            method,
            authority,
            path,
            authorization,
            content_type,
            others,
            has_origin,
            has_request_method,
        } = self;
        let authorization: Vec<&[u8]> = authorization.iter().map(Vec::as_slice).collect();
        let others: Vec<(&[u8], &[u8])> = others.iter().map(|(name, value)| (&**name, &**value)).collect();
        f(&Head {
            method,
            authority,
            path,
            authorization: &authorization,
            content_type: content_type.as_deref(),
            others: &others,
            has_origin: *has_origin,
            has_request_method: *has_request_method,
        })
    }
}

// === impl Place ===

impl<'a> Place<'a> {
    /// A missing or malformed pseudo-header is 400, also a target that is no path (`*`, an absolute URL, attack R7);
    /// a path that is not canonical belongs to no route.
    pub(super) fn of(head: &Head<'a>) -> Result<Self, Denial> {
        let method = core::str::from_utf8(head.method).ok().filter(|m| !m.is_empty());
        let host = core::str::from_utf8(head.authority).ok().and_then(host_without_port);
        let (Some(method), Some(host), true) = (method, host, head.path.starts_with(b"/")) else {
            return Err(Denial::TokenMalformed);
        };
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        let path = canonical_path(head.path).ok_or(Denial::RouteUnknown)?;
        Ok(Self { host, path, method })
    }
}

/// The host of `authority`; a trailing dot is the same host spelled differently and therefore refused.
fn host_without_port(authority: &str) -> Option<&str> {
    let host = if authority.starts_with('[') {
        let end = authority.find(']')?.checked_add(1)?;
        let (host, port) = authority.split_at_checked(end)?;
        (port.is_empty() || is_port(port)).then_some(host)?
    } else {
        match authority.find(':') {
            Some(colon) => {
                let (host, port) = authority.split_at_checked(colon)?;
                is_port(port).then_some(host)?
            }
            None => authority,
        }
    };
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    (!host.is_empty() && !host.ends_with('.') && plain).then_some(host)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()))
}
