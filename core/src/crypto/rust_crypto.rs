//! Signatures in Rust. Deliberately absent: RSA signing; the `rsa` crate leaks timing there (RUSTSEC-2023-0071).

use alloc::vec::Vec;

use p256::ecdsa::{
    Signature,
    signature::{Signer as _, Verifier as _},
};
use rsa::Pkcs1v15Sign;
use sha2::{Digest as _, Sha256};

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
        match (alg, key.material()) {
            (Alg::Rs256, Material::Rsa { key, bits }) => {
                *bits <= MAX_RSA_BITS_IN_RUST
                    && key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input), signature).is_ok()
            }
            (Alg::Es256, Material::P256(key)) => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify(input, &signature).is_ok())
            }
            (Alg::Rs256, Material::P256(_)) | (Alg::Es256, Material::Rsa { .. }) => false,
        }
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: Signature = key.p256().try_sign(input).map_err(|_| SignError)?;
        Ok(signature.to_bytes().to_vec())
    }
}
