//! Signatures in Rust. Deliberately absent: RSA signing; the `rsa` crate leaks timing there (RUSTSEC-2023-0071).

use alloc::vec::Vec;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey, traits::PublicKeyParts as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::{
    crypto::{Crypto, SignError, SigningKey},
    jose::{
        alg::Alg,
        jwk::{MAX_RSA_BITS_IN_RUST, Material, VerificationKey},
    },
};

/// The implementation that needs nothing from a host. It refuses RSA moduli above [`MAX_RSA_BITS_IN_RUST`] bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Crypto for RustCrypto {
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool {
        if !key.fits(alg) {
            return false;
        }
        // The key is of the algorithm's family, so its kind alone says what to do, but for RSA.
        match key.material() {
            Material::Rsa { key, bits } => {
                *bits <= MAX_RSA_BITS_IN_RUST && verifies_rsa(alg, key, input, signature)
            }
            Material::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(input, &signature).is_ok()),
            Material::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(input, &signature).is_ok()),
            // Strict: s below the order, and neither the key nor R of small order (RFC 8032 §5.1.7).
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(input, &signature).is_ok()),
        }
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let key = key.p256().ok_or(SignError)?;
        let signature: p256::ecdsa::Signature = key.try_sign(input).map_err(|_| SignError)?;
        Ok(signature.to_bytes().to_vec())
    }
}

fn verifies_rsa(alg: Alg, key: &RsaPublicKey, input: &[u8], signature: &[u8]) -> bool {
    // The crate leaves this to the caller for PSS, and s + n would be a second signature (RFC 8017 §5.2.2).
    if BigUint::from_bytes_be(signature) >= *key.n() {
        return false;
    }
    let pkcs1 = |scheme: Pkcs1v15Sign, hash: &[u8]| key.verify(scheme, hash, signature).is_ok();
    let pss = |scheme: Pss, hash: &[u8]| key.verify(scheme, hash, signature).is_ok();
    // `Pss::new` takes salts of the hash's length only (RFC 7518 §3.5).
    match alg {
        Alg::Rs256 => pkcs1(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input)),
        Alg::Rs384 => pkcs1(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input)),
        Alg::Rs512 => pkcs1(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input)),
        Alg::Ps256 => pss(Pss::new::<Sha256>(), &Sha256::digest(input)),
        Alg::Ps384 => pss(Pss::new::<Sha384>(), &Sha384::digest(input)),
        Alg::Ps512 => pss(Pss::new::<Sha512>(), &Sha512::digest(input)),
        Alg::Es256 | Alg::Es384 | Alg::EdDsa => false,
    }
}

#[cfg(test)]
mod tests;
