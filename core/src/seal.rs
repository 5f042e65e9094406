//! The seal on everything that the VMs of a process share: HMAC-SHA-256 over the name and the content.

use alloc::vec::Vec;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

const TAG_BYTES: usize = 32;

/// The key of the seal, derived from the gateway token.
#[derive(Debug)]
pub(crate) struct Seal(Secret<Vec<u8>>);

impl Seal {
    /// `purpose` says what the key is for: the gateway token is used for nothing else under these words.
    pub(crate) fn new(gateway_token: &[u8], purpose: &[u8]) -> Self {
        let key = mac(gateway_token, &[purpose]).map(|mac| mac.finalize().into_bytes().to_vec());
        Self(Secret::new(key.unwrap_or_default()))
    }

    /// `content` with the seal behind it; empty, which opens to nothing, if it cannot be sealed.
    pub(crate) fn close(&self, name: &str, mut content: Vec<u8>) -> Vec<u8> {
        let Some(mac) = self.mac(name, &content) else { return Vec::new() };
        content.extend_from_slice(&mac.finalize().into_bytes());
        content
    }

    /// What was sealed for `name`; compared in constant time.
    pub(crate) fn open<'a>(&self, name: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (content, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        self.mac(name, content)?.verify_slice(tag).ok()?;
        Some(content)
    }

    /// The name is part of it, so that nothing can be put elsewhere; its length too, so that it has one end.
    fn mac(&self, name: &str, content: &[u8]) -> Option<Hmac<Sha256>> {
        let length = (name.len() as u64).to_be_bytes();
        mac(self.0.expose(), &[&length, name.as_bytes(), content])
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}
