//! What `cambist` asks a running control plane for. Each command calls it and shows the answer.

use std::{error, fmt, io, path::PathBuf};

pub mod audit;
pub mod client;
pub mod external;
pub mod gateway;
pub mod identity;
pub mod issuer;
pub mod key;
pub mod secret;
mod table;
pub mod token;
pub mod verify;

/// Why a command did nothing. Each says what to do.
#[derive(Debug)]
pub enum CommandError {
    /// There is no admin token.
    NoToken,
    /// The URL cannot be asked.
    Url(String),
    /// A file could not be used.
    File(PathBuf, io::Error),
    /// The certificates of `--ca` are of no use.
    Roots(PathBuf, String),
    /// Nobody answered.
    Unreachable(String, String),
    /// The control plane refused.
    Refused(String),
    /// The answer is not of the agreed form.
    Malformed,
}

/// What to print, and whether the command is content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// For standard output.
    pub text: String,
    /// False: the exit status is 1.
    pub content: bool,
}

// === impl CommandError ===

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str("there is no admin token: put it in CAMBIST_ADMIN_TOKEN"),
            Self::Url(reason) => write!(f, "--url {reason}"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Roots(path, reason) => write!(f, "{} {reason}", path.display()),
            Self::Unreachable(url, error) => {
                write!(f, "{error}; is `cambist serve` running at {url}? Say where with --url or CAMBIST_URL")
            }
            Self::Refused(text) => f.write_str(text),
            Self::Malformed => f.write_str("the answer is none of a Cambist control plane; check --url"),
        }
    }
}

impl error::Error for CommandError {}
