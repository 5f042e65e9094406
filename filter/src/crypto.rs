//! Signatures by the host where it can (`verify_signature`, `sign`), by RustCrypto where it cannot: PS* and Ed25519.
//!
//! Which one serves an operation is found out once per VM against known answers, never assumed.

mod messages;

use core::cell::Cell;

use cambist_core::{
    crypto::{Crypto, RustCrypto, SignError, SigningKey, Support, self_test},
    jose::{alg::Alg, der, jwk::VerificationKey},
};

use crate::host::Host;

/// How often each way was taken, since the last look.
#[derive(Debug, Default)]
pub struct CryptoCounts {
    /// Signatures that the host verified or refused.
    pub host_verify: Cell<u64>,
    /// The same inside the VM: ten to twenty times slower.
    pub rust_verify: Cell<u64>,
    /// Signatures that the host made.
    pub host_sign: Cell<u64>,
    /// The same inside the VM.
    pub rust_sign: Cell<u64>,
}

/// The signatures of one VM.
pub struct HostCrypto<'a> {
    /// Envoy.
    pub host: &'a dyn Host,
    /// What its functions were seen to do right.
    pub support: &'a Support,
    /// What to count.
    pub counts: &'a CryptoCounts,
}

/// The host's functions without a fallback: what the self-test looks at.
struct HostOnly<'a>(&'a dyn Host);

/// Finds out what the host's functions do right.
pub fn probe(host: &dyn Host) -> Support {
    self_test(&HostOnly(host))
}

// === impl HostCrypto ===

impl Crypto for HostCrypto<'_> {
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool {
        if self.support.verify.contains(&alg)
            && let Some(verdict) = HostOnly(self.host).verdict(alg, key, input, signature)
        {
            bump(&self.counts.host_verify);
            return verdict;
        }
        bump(&self.counts.rust_verify);
        RustCrypto.verify(alg, key, input, signature)
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let supported = match key.rsa_public() {
            None => self.support.es256_sign,
            // What it signs with RSA is verified each time, so that it does is all that must be known.
            Some(_) => self.support.verify.contains(&Alg::Rs256),
        };
        if supported && let Ok(signature) = HostOnly(self.host).sign(key, input) {
            bump(&self.counts.host_sign);
            return Ok(signature);
        }
        bump(&self.counts.rust_sign);
        // RSA signatures are not made in Rust.
        RustCrypto.sign(key, input)
    }
}

// === impl HostOnly ===

impl HostOnly<'_> {
    /// Whether the signature is good; `None` if the host did not answer, which says nothing about the signature.
    fn verdict(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> Option<bool> {
        // The host checks neither the key's type nor its curve against the algorithm.
        if !key.fits(alg) {
            return Some(false);
        }
        let (hash, converted) = match alg {
            Alg::Rs256 => ("sha256", None),
            Alg::Rs384 => ("sha384", None),
            Alg::Rs512 => ("sha512", None),
            Alg::Es256 => ("sha256", Some(der::p256_der_from_raw(signature))),
            Alg::Es384 => ("sha384", Some(der::p384_der_from_raw(signature))),
            // It sets no PSS padding, and hands a digest to Ed25519, which takes none.
            Alg::Ps256 | Alg::Ps384 | Alg::Ps512 | Alg::EdDsa => return None,
        };
        let signature = match &converted {
            None => signature,
            Some(Some(der)) => der,
            Some(None) => return Some(false),
        };
        let arguments = messages::verify_arguments(hash, key.spki(), signature, input);
        messages::verdict(&self.0.call_foreign("verify_signature", &arguments)?)
    }
}

impl Crypto for HostOnly<'_> {
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool {
        self.verdict(alg, key, input, signature) == Some(true)
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let arguments = messages::sign_arguments("sha256", key.pkcs8().expose(), input);
        let answer = self.0.call_foreign("sign", &arguments).ok_or(SignError)?;
        let signature = messages::signature(&answer).ok_or(SignError)?;
        if let Some(public) = key.rsa_public() {
            let good = self.verdict(Alg::Rs256, public, input, signature) == Some(true);
            return if good { Ok(signature.to_vec()) } else { Err(SignError) };
        }
        der::p256_raw_from_der(signature).map(|raw| raw.to_vec()).ok_or(SignError)
    }
}

fn bump(counter: &Cell<u64>) {
    counter.set(counter.get().saturating_add(1));
}
