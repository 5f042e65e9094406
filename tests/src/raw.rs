//! Clients that write what no HTTP library would: fields as bytes, unchecked, pipelined and cut off anywhere.
//!
//! Deliberately absent: anything that keeps a request from being malformed, and bodies of answers.

pub mod connection;
pub mod h1;
pub mod h2;
mod socket;

/// Fields of a request in order, pseudo-headers first unless a test wants otherwise.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The value of the first field `name`.
fn value<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}
