//! One signing key: made, sealed, opened and described as a JWK.

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair},
};
use cambist_core::{crypto::SigningKey, jose::alg::Alg, secret::Secret, time::Timestamp};
use serde_json::{json, value::Value};

use super::seal::{Kek, Place, SealError};
use crate::store::records::{KeyRole, StoredKey};

/// The algorithms that access tokens are signed with, the default first.
pub const ALGS: [Alg; 2] = [Alg::Es256, Alg::Rs256];

/// Why a key could not be made or opened.
#[derive(Debug)]
pub enum KeyError {
    /// The cryptographic library refused.
    Generate,
    /// Encryption at rest failed.
    Seal(SealError),
}

/// When a key may sign.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// When it is made.
    pub created: Timestamp,
    /// When it may first sign.
    pub not_before: Timestamp,
    /// When it stops; none for the authority's own.
    pub not_after: Option<Timestamp>,
}

/// Makes a key of one of [`ALGS`] and seals its private part. An RSA key takes a good part of a second.
pub fn generate(
    kek: &Kek,
    tenant: &str,
    role: KeyRole,
    alg: Alg,
    period: Period,
) -> Result<StoredKey, KeyError> {
    let document = Secret::new(document(alg)?);
    // Named and described by the code that signs with it.
    let key = SigningKey::from_pkcs8(document.expose(), None).map_err(|_| KeyError::Generate)?;
    let sealed = kek.seal(place(&[tenant, key.kid()]), document.expose())?;
    let Period { created, not_before, not_after } = period;
    Ok(StoredKey {
        kid: key.kid().to_owned(),
        role,
        alg: key.alg().name().to_owned(),
        public_jwk: key.public_jwk(),
        sealed: Secret::new(sealed),
        kek_id: kek.id().to_owned(),
        created,
        not_before,
        not_after,
    })
}

/// A new key as PKCS#8.
fn document(alg: Alg) -> Result<Vec<u8>, KeyError> {
    if alg == Alg::Rs256 {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
        return Ok(pair.as_der().map_err(|_| KeyError::Generate)?.as_ref().to_vec());
    }
    // aws-lc writes the public key into the document (RFC 5915 `publicKey`), which spares signers a multiplication.
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    Ok(document.map_err(|_| KeyError::Generate)?.as_ref().to_vec())
}

/// The PKCS#8 document of a stored key.
pub fn open(kek: &Kek, tenant: &str, key: &StoredKey) -> Result<Secret<Vec<u8>>, SealError> {
    kek.open(place(&[tenant, &key.kid]), key.sealed.expose())
}

/// The public JWK set of `keys`, in their order, which is that of creation.
pub fn jwks(keys: &[StoredKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| &key.public_jwk).collect::<Vec<_>>() })
}

const fn place<'a>(row: &'a [&'a str]) -> Place<'a> {
    Place { table: "keys", row, column: "private_key" }
}

// === impl KeyError ===

impl From<SealError> for KeyError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generate => f.write_str("no signing key could be made"),
            Self::Seal(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use cambist_core::{jose::alg::Alg, time::Timestamp};
    use data_encoding::BASE64URL_NOPAD;

    use super::{Period, generate, jwks, open};
    use crate::{keys::seal::Kek, store::records::KeyRole};

    const PERIOD: Period =
        Period { created: Timestamp::from_secs(1), not_before: Timestamp::from_secs(1), not_after: None };

    #[test]
    fn pkcs8_holds_the_public_key_and_the_jwk_describes_it() {
        let kek = Kek::parse(&"0b".repeat(32)).unwrap();
        let key = generate(&kek, "default", KeyRole::Fleet, Alg::Es256, PERIOD).unwrap();
        let document = open(&kek, "default", &key).unwrap();
        let mut point = vec![4];
        for member in ["x", "y"] {
            point
                .extend(BASE64URL_NOPAD.decode(key.public_jwk[member].as_str().unwrap().as_bytes()).unwrap());
        }
        assert!(document.expose().windows(65).any(|window| window == point));
        assert!(jwks(&[key]).to_string().contains(r#""kty":"EC""#));
    }

    #[test]
    fn opens_only_as_its_own_row() {
        let kek = Kek::parse(&"0b".repeat(32)).unwrap();
        let key = generate(&kek, "default", KeyRole::Fleet, Alg::Es256, PERIOD).unwrap();
        assert!(open(&kek, "other", &key).is_err());
    }

    #[test]
    fn makes_rsa_keys_of_2048_bits() {
        let kek = Kek::parse(&"0b".repeat(32)).unwrap();
        let key = generate(&kek, "default", KeyRole::Authority, Alg::Rs256, PERIOD).unwrap();
        assert_eq!((key.alg.as_str(), &key.public_jwk["e"]), ("RS256", &"AQAB".into()));
        let modulus = BASE64URL_NOPAD.decode(key.public_jwk["n"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!((modulus.len(), modulus[0] >> 7), (256, 1));
        assert!(key.public_jwk.get("d").is_none());
    }
}
