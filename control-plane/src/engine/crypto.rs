//! Signatures by aws-lc, on a server the fastest there are. Deliberately absent: Ed25519, of which aws-lc accepts keys
//! and points of small order that gateways refuse; core's own implementation judges those here, too.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
        RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use cambist_core::{
    crypto::{Crypto, RustCrypto, SignError, SigningKey},
    jose::{
        alg::Alg,
        jwk::{Thumbprint, VerificationKey},
    },
};

/// Keys that are kept parsed; there are never more than a handful.
const MOST_PAIRS: usize = 64;

/// aws-lc, with the keys that sign kept ready.
#[derive(Default)]
pub struct NativeCrypto {
    pairs: RwLock<HashMap<Thumbprint, Arc<Pair>>>,
}

/// A key as aws-lc signs with it.
enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

// === impl NativeCrypto ===

impl NativeCrypto {
    fn pair(&self, key: &SigningKey) -> Result<Arc<Pair>, SignError> {
        let known = self.pairs.read().unwrap_or_else(PoisonError::into_inner).get(key.thumbprint()).cloned();
        if let Some(pair) = known {
            return Ok(pair);
        }
        let pair = Arc::new(Pair::parse(key)?);
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        if pairs.len() >= MOST_PAIRS {
            pairs.clear();
        }
        pairs.insert(*key.thumbprint(), Arc::clone(&pair));
        Ok(pair)
    }
}

impl Crypto for NativeCrypto {
    fn verify(&self, alg: Alg, key: &VerificationKey, input: &[u8], signature: &[u8]) -> bool {
        if !key.fits(alg) {
            return false;
        }
        let algorithm: &'static dyn VerificationAlgorithm = match alg {
            Alg::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Alg::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Alg::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Alg::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Alg::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Alg::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Alg::Es256 => &ECDSA_P256_SHA256_FIXED,
            Alg::Es384 => &ECDSA_P384_SHA384_FIXED,
            Alg::EdDsa => return RustCrypto.verify(alg, key, input, signature),
        };
        UnparsedPublicKey::new(algorithm, key.spki()).verify(input, signature).is_ok()
    }

    fn sign(&self, key: &SigningKey, input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair(key)?.sign(input)
    }
}

impl fmt::Debug for NativeCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NativeCrypto")
    }
}

// === impl Pair ===

impl Pair {
    fn parse(key: &SigningKey) -> Result<Self, SignError> {
        let document = key.pkcs8().expose();
        match key.alg() {
            Alg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).map(Self::Ecdsa)
            }
            Alg::Rs256 => RsaKeyPair::from_pkcs8(document).map(Self::Rsa),
            Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512 | Alg::Es384 | Alg::EdDsa => {
                return Err(SignError);
            }
        }
        .map_err(|_| SignError)
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => {
                let made: signature::Signature = pair.sign(&random, input).map_err(|_| SignError)?;
                Ok(made.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut made).map_err(|_| SignError)?;
                Ok(made)
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod flips;
#[cfg(test)]
mod tests;
