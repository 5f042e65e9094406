//! One ES256 signing key: made, sealed, opened and described as a JWK.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use cambist_core::{secret::Secret, time::Timestamp};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{json, value::Value};

use super::seal::{Kek, Place, SealError};
use crate::{
    store::records::{KeyRole, StoredKey},
    text,
};

/// The only algorithm of this version.
pub const ALG: &str = "ES256";

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

/// Makes a key and seals its private part.
pub fn generate(kek: &Kek, tenant: &str, role: KeyRole, period: Period) -> Result<StoredKey, KeyError> {
    // aws-lc writes the public key into the document (RFC 5915 `publicKey`), which spares signers a multiplication.
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyError::Generate)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
        .map_err(|_| KeyError::Generate)?;
    let (x, y) = coordinates(pair.public_key().as_ref()).ok_or(KeyError::Generate)?;
    let kid = thumbprint(&x, &y);
    let public_jwk =
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": ALG, "use": "sig" });
    let sealed = kek.seal(place(&[tenant, &kid]), document.as_ref())?;
    let Period { created, not_before, not_after } = period;
    Ok(StoredKey {
        kid,
        role,
        alg: String::from(ALG),
        public_jwk,
        sealed: Secret::new(sealed),
        kek_id: kek.id().to_owned(),
        created,
        not_before,
        not_after,
    })
}

/// The PKCS#8 document of a stored key.
pub fn open(kek: &Kek, tenant: &str, key: &StoredKey) -> Result<Secret<Vec<u8>>, SealError> {
    kek.open(place(&[tenant, &key.kid]), key.sealed.expose())
}

/// The public JWK set of `keys`, in their order, which is that of creation.
pub fn jwks(keys: &[StoredKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| &key.public_jwk).collect::<Vec<_>>() })
}

/// RFC 7638 thumbprint of a P-256 key: its required members in lexicographic order.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(&text::sha256(canonical.as_bytes()))
}

/// The coordinates of an uncompressed point (SEC 1 §2.3.3) in base64url.
fn coordinates(point: &[u8]) -> Option<(String, String)> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    (y.len() == 32).then(|| (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y)))
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
    use cambist_core::time::Timestamp;
    use data_encoding::BASE64URL_NOPAD;

    use super::{Period, generate, jwks, open};
    use crate::{keys::seal::Kek, store::records::KeyRole};

    const PERIOD: Period =
        Period { created: Timestamp::from_secs(1), not_before: Timestamp::from_secs(1), not_after: None };

    #[test]
    fn pkcs8_holds_the_public_key_and_the_jwk_describes_it() {
        let kek = Kek::parse(&"0b".repeat(32)).unwrap();
        let key = generate(&kek, "default", KeyRole::Fleet, PERIOD).unwrap();
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
        let key = generate(&kek, "default", KeyRole::Fleet, PERIOD).unwrap();
        assert!(open(&kek, "other", &key).is_err());
    }

    #[test]
    fn thumbprint_follows_rfc_7638() {
        // The key of RFC 7515 appendix A.3; its thumbprint was computed independently.
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        assert_eq!(super::thumbprint(x, y), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }
}
