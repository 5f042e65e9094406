//! SPIFFE IDs from templates: `spiffe://td.example/ns/${jwt.claim.kubernetes\.io.namespace}`.
//!
//! Deliberately absent: escaping. What a workload says of itself must fit into the segment it is for, or there is no ID.

use alloc::string::String;
use core::fmt;

use super::template::{InvalidTemplate, Part, Template, Unfilled, text_of};
use crate::attribute::Facts;

/// The longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
pub const MAX_BYTES: usize = 2_048;
/// The longest trust domain, in bytes (SPIFFE-ID §2.3).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// How every SPIFFE ID begins.
pub(super) const SCHEME: &str = "spiffe://";

/// A template of SPIFFE IDs in one trust domain.
///
/// A path segment has at most one gap, which fills part of it or all of it: two side by side could make one ID of two
/// workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiffeTemplate(Template);

/// Why a text is no template of SPIFFE IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSpiffeTemplate {
    /// It is no template at all.
    Template(InvalidTemplate),
    /// It does not begin with `spiffe://`.
    Scheme,
    /// Its trust domain is no constant of the form that SPIFFE wants.
    TrustDomain,
    /// It has no path.
    NoPath,
    /// A segment of the path could never be one.
    Segment,
    /// A segment has two gaps.
    TwoGaps,
}

// === impl SpiffeTemplate ===

impl SpiffeTemplate {
    /// Reads a template. Everything that does not depend on a token is judged here.
    pub fn parse(text: &str) -> Result<Self, InvalidSpiffeTemplate> {
        let template = Template::parse(text).map_err(InvalidSpiffeTemplate::Template)?;
        let mut sample = String::new();
        let mut has_gap = false;
        for part in template.parts() {
            match part {
                Part::Text(text) => {
                    has_gap &= !text.contains('/');
                    sample.push_str(text);
                }
                Part::Gap(_) if has_gap => return Err(InvalidSpiffeTemplate::TwoGaps),
                Part::Gap(_) => {
                    has_gap = true;
                    // A gap in the trust domain makes it no constant. In a segment any letter shows its form.
                    sample.push(if is_in_path(&sample) { 'x' } else { '$' });
                }
            }
        }
        check(&sample)?;
        Ok(Self(template))
    }

    /// The ID of a workload. Refuses a value that is empty or holds what no segment may, slashes and `%` among them,
    /// and an ID that the grammar forbids or that is too long.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<String, Unfilled> {
        let mut id = String::new();
        for part in self.0.parts() {
            match part {
                Part::Text(text) => id.push_str(text),
                Part::Gap(attribute) => {
                    let text = text_of(attribute, facts)?;
                    if !text.bytes().all(is_segment_byte) {
                        return Err(Unfilled);
                    }
                    id.push_str(&text);
                }
            }
            if id.len() > MAX_BYTES {
                return Err(Unfilled);
            }
        }
        check(&id).map_err(|_| Unfilled)?;
        Ok(id)
    }
}

fn is_in_path(start: &str) -> bool {
    start.strip_prefix(SCHEME).is_some_and(|rest| rest.contains('/'))
}

/// Judges a whole ID that has a path (SPIFFE-ID §2.1 to §2.3).
fn check(id: &str) -> Result<(), InvalidSpiffeTemplate> {
    let rest = id.strip_prefix(SCHEME).ok_or(InvalidSpiffeTemplate::Scheme)?;
    let (trust_domain, path) = match rest.split_once('/') {
        Some((trust_domain, path)) => (trust_domain, Some(path)),
        None => (rest, None),
    };
    let is_domain_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let is_trust_domain = !trust_domain.is_empty()
        && trust_domain.len() <= MAX_TRUST_DOMAIN_BYTES
        && trust_domain.bytes().all(is_domain_byte);
    if !is_trust_domain {
        return Err(InvalidSpiffeTemplate::TrustDomain);
    }
    let path = path.ok_or(InvalidSpiffeTemplate::NoPath)?;
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_segment_byte)
    };
    if id.len() <= MAX_BYTES && path.split('/').all(is_segment) {
        Ok(())
    } else {
        Err(InvalidSpiffeTemplate::Segment)
    }
}

const fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

// === impl InvalidSpiffeTemplate ===

impl fmt::Display for InvalidSpiffeTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Template(invalid) => return invalid.fmt(f),
            Self::Scheme => "must begin with spiffe://",
            Self::TrustDomain => {
                "must have a constant trust domain: 1 to 255 of a-z, 0-9, `.`, `-` and `_`, without a port"
            }
            Self::NoPath => "must have a path, which tells workloads apart",
            Self::Segment => {
                "has a path segment that is empty, `.`, `..` or has other than A-Z, a-z, 0-9, `.`, `-` and `_`, or is too long"
            }
            Self::TwoGaps => {
                "has two `${…}` in one path segment, which could make one ID of two workloads; give each its own"
            }
        })
    }
}

impl core::error::Error for InvalidSpiffeTemplate {}

#[cfg(test)]
mod tests;
