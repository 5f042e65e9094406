//! Patterns: regular expressions that cover the whole string, in linear time and bounded memory.

use alloc::{format, string::String};

use regex_lite::{Regex, RegexBuilder};

use super::Truth;

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 256;
/// The longest string that is matched, in bytes; of longer ones nothing is known. The longest `sub` fits.
pub const MAX_SUBJECT_BYTES: usize = 2_048;
/// The largest compiled pattern, in bytes: what bounds the time of a match, since repetitions multiply.
const MAX_PROGRAM_BYTES: usize = 16 * 1_024;
/// How deep groups and repetitions may nest.
const MAX_NESTING: u32 = 16;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles `text`, or says what is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(format!("must have 1 to {MAX_PATTERN_BYTES} bytes"));
        }
        // By itself first, so that a group it closes is its own and not the one put around it.
        build(text)?;
        build(&format!(r"\A(?:{text})\z")).map(Self)
    }

    /// Whether it covers all of `subject`.
    pub(super) fn matches(&self, subject: &str) -> Truth {
        if subject.len() > MAX_SUBJECT_BYTES {
            return Truth::Unknown;
        }
        self.0.is_match(subject).into()
    }
}

fn build(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(MAX_PROGRAM_BYTES)
        .nest_limit(MAX_NESTING)
        .build()
        .map_err(|error| format!("is no pattern: {error}"))
}
