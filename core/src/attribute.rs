//! What policy may look at once a token is verified, and the names it goes by. Deliberately absent: values of tokens
//! that nobody verified.

mod facts;

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde_json::{Map, Value};

pub use self::facts::Facts;

/// The longest attribute name, in bytes.
pub const MAX_NAME_BYTES: usize = 512;
/// The most members that a path steps through.
pub const MAX_STEPS: usize = 16;

/// Something that is known of a verified request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `jwt.claim.<path>`: a claim of the subject token.
    Claim(ClaimPath),
    /// `userinfo.<path>`: a member of the issuer's UserInfo answer.
    UserInfo(ClaimPath),
    /// `identity.id`: the identity the request acts as.
    IdentityId,
    /// `identity.login`: the login id that UserInfo gave.
    IdentityLogin,
    /// `client.id`: the client it acts for.
    ClientId,
    /// `issuer.id`: our name for the issuer of the token.
    IssuerId,
    /// `issuer.cluster`: the issuer's cluster name.
    IssuerCluster,
}

/// Where a value stands inside a JSON object: the members to step through, at least one.
///
/// Written with dots, `\.` for a dot and `\\` for a backslash inside a name (`kubernetes\.io.namespace`), or as a JSON
/// pointer (RFC 6901, `/kubernetes.io/namespace`). Arrays are values; no path reaches into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// Why a text names no attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAttribute {
    /// It is empty, or longer than [`MAX_NAME_BYTES`].
    Length,
    /// It begins like none.
    Unknown,
    /// A member name on the way is empty.
    EmptyStep,
    /// The way has more than [`MAX_STEPS`] members.
    TooDeep,
    /// An escape is none that the form knows.
    Escape,
}

// === impl Attribute ===

impl Attribute {
    /// Reads a name such as `jwt.claim.sub`, `jwt.claim.kubernetes\.io.namespace` or `jwt.claim/kubernetes.io/namespace`.
    pub fn parse(name: &str) -> Result<Self, InvalidAttribute> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(InvalidAttribute::Length);
        }
        match name {
            "identity.id" => return Ok(Self::IdentityId),
            "identity.login" => return Ok(Self::IdentityLogin),
            "client.id" => return Ok(Self::ClientId),
            "issuer.id" => return Ok(Self::IssuerId),
            "issuer.cluster" => return Ok(Self::IssuerCluster),
            _ => {}
        }
        if let Some(path) = name.strip_prefix("jwt.claim") {
            return ClaimPath::after_prefix(path).map(Self::Claim);
        }
        match name.strip_prefix("userinfo") {
            Some(path) => ClaimPath::after_prefix(path).map(Self::UserInfo),
            None => Err(InvalidAttribute::Unknown),
        }
    }
}

// === impl ClaimPath ===

impl ClaimPath {
    /// Reads a path in either form.
    pub fn parse(text: &str) -> Result<Self, InvalidAttribute> {
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(InvalidAttribute::Length);
        }
        let steps = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape_pointer).collect::<Result<Vec<_>, _>>()?,
            None => split_dotted(text)?,
        };
        if steps.len() > MAX_STEPS {
            return Err(InvalidAttribute::TooDeep);
        }
        if steps.iter().any(String::is_empty) {
            return Err(InvalidAttribute::EmptyStep);
        }
        Ok(Self(steps))
    }

    /// The value there; `None` where a member on the way is missing or no object.
    pub fn find<'v>(&self, members: &'v Map<String, Value>) -> Option<&'v Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(members.get(first)?, |value, step| value.as_object()?.get(step))
    }

    /// The members to step through.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    fn after_prefix(path: &str) -> Result<Self, InvalidAttribute> {
        match path.strip_prefix('.') {
            // A dotted path never begins with a slash; that would be a second way to write a pointer.
            Some(dotted) if !dotted.starts_with('/') => Self::parse(dotted),
            None if path.starts_with('/') => Self::parse(path),
            _ => Err(InvalidAttribute::Unknown),
        }
    }
}

fn split_dotted(text: &str) -> Result<Vec<String>, InvalidAttribute> {
    let mut steps = Vec::from([String::new()]);
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        let literal = match next {
            '.' => {
                steps.push(String::new());
                continue;
            }
            '\\' => chars.next().filter(|c| matches!(c, '.' | '\\')).ok_or(InvalidAttribute::Escape)?,
            other => other,
        };
        if let Some(step) = steps.last_mut() {
            step.push(literal);
        }
    }
    Ok(steps)
}

/// RFC 6901 §4: `~1` is a slash, `~0` a tilde, and nothing else may follow a tilde.
fn unescape_pointer(step: &str) -> Result<String, InvalidAttribute> {
    let mut text = String::new();
    let mut chars = step.chars();
    while let Some(next) = chars.next() {
        text.push(match next {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(InvalidAttribute::Escape),
            },
            other => other,
        });
    }
    Ok(text)
}

// === impl InvalidAttribute ===

impl fmt::Display for InvalidAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "must have 1 to 512 bytes",
            Self::Unknown => {
                "must be jwt.claim.<path>, userinfo.<path>, identity.id, identity.login, client.id, issuer.id or issuer.cluster"
            }
            Self::EmptyStep => "has an empty member name; write a dot inside a name as \\.",
            Self::TooDeep => "steps through more than 16 members",
            Self::Escape => "has an escape that is none of \\. and \\\\, or ~0 and ~1 in a pointer",
        })
    }
}

impl core::error::Error for InvalidAttribute {}

#[cfg(test)]
mod tests;
