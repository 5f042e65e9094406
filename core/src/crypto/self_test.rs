//! A known answer for every operation of a [`Crypto`] that a host may offer, so that a host's is used only where it works.

use alloc::vec::Vec;

use p256::SecretKey;
use serde_json::{Map, Value};

use crate::{
    crypto::{Crypto, RustCrypto, SigningKey},
    encoding,
    jose::{alg::Alg, jwk::VerificationKey},
};

mod answers;

use answers::{ANSWERS, ES256, ES256_PRIVATE};

/// What a [`Crypto`] does right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// What it verifies: it accepts the known answer, and refuses a changed signature and a changed input.
    pub verify: Vec<Alg>,
    /// Its ES256 signatures verify.
    pub es256_sign: bool,
}

/// A signature that was published.
struct Answer {
    alg: Alg,
    jwk: &'static [(&'static str, &'static str)],
    input: &'static str,
    /// As JWS writes it, in base64url.
    signature: &'static str,
}

/// Tries `crypto` on known answers: RS256, RS384, RS512, ES256, ES384 and signing with ES256. A few milliseconds in Rust,
/// less with a host's.
pub fn self_test(crypto: &dyn Crypto) -> Support {
    Support {
        verify: ANSWERS
            .iter()
            .filter(|answer| verifies(crypto, answer) == Some(true))
            .map(|answer| answer.alg)
            .collect(),
        es256_sign: signs(crypto) == Some(true),
    }
}

fn verifies(crypto: &dyn Crypto, answer: &Answer) -> Option<bool> {
    let key = answer.key()?;
    let input = answer.input.as_bytes();
    let signature = encoding::from_base64url(answer.signature.as_bytes())?;
    let mut flipped = signature.clone();
    *flipped.last_mut()? ^= 1;
    let shorter = input.split_last()?.1;
    let accepts = |input: &[u8], signature: &[u8]| crypto.verify(answer.alg, &key, input, signature);
    Some(
        accepts(input, &signature)
            && !accepts(input, &flipped)
            && !accepts(shorter, &signature)
            && !accepts(input, &[]),
    )
}

fn signs(crypto: &dyn Crypto) -> Option<bool> {
    let secret = SecretKey::from_slice(&encoding::from_base64url(ES256_PRIVATE.as_bytes())?).ok()?;
    let key = SigningKey::from_secret(&secret, None).ok()?;
    let input = b"known answer";
    let signature = crypto.sign(&key, input).ok()?;
    Some(RustCrypto.verify(ES256.alg, &ES256.key()?, input, &signature))
}

// === impl Answer ===

impl Answer {
    fn key(&self) -> Option<VerificationKey> {
        let members = self.jwk.iter().map(|(name, value)| ((*name).into(), Value::from(*value)));
        VerificationKey::from_jwk(&members.collect::<Map<_, _>>()).ok()
    }
}

#[cfg(test)]
mod tests;
