//! Encryption at rest: XChaCha20-Poly1305 under one key-encryption key. A ciphertext opens only in the place, row and
//! column that it was made for. Deliberately absent: where the key comes from (`init` and `serve` read it).

use std::fmt;

use aws_lc_rs::hmac;
use cambist_core::secret::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use crate::text;

const VERSION: u8 = 1;
const NONCE: usize = 24;

/// The setting that holds a known record, so that a wrong key is noticed at start.
pub const CHECK_SETTING: &str = "kek_check";
const CHECK: &[u8] = b"cambist";

/// The key-encryption key.
pub struct Kek {
    key: Secret<[u8; 32]>,
    id: String,
}

/// Where a ciphertext lives. It opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row, by its whole primary key.
    pub row: &'a [&'a str],
    /// The column.
    pub column: &'a str,
}

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The key text is not 64 hex digits.
    InvalidKey,
    /// The key is another one, or the record was altered or moved.
    Refused,
    /// The system gave no randomness.
    NoRandomness,
}

// === impl Kek ===

impl Kek {
    /// A fresh key as the 64 hex digits that a key file or variable holds.
    pub fn generate() -> Result<Secret<String>, SealError> {
        let key = Zeroizing::new(text::random::<32>().map_err(|_| SealError::NoRandomness)?);
        Ok(Secret::new(text::hex(key.as_slice())))
    }

    /// Reads a key from 64 hex digits, white space around them ignored.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(SealError::InvalidKey);
        }
        let mut key = Zeroizing::new([0_u8; 32]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0;
            for &digit in pair {
                let nibble = char::from(digit).to_digit(16).ok_or(SealError::InvalidKey)?;
                value = (value << 4) | u8::try_from(nibble).map_err(|_| SealError::InvalidKey)?;
            }
            *byte = value;
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), b"cambist kek id");
        let id = text::hex(tag.as_ref()).chars().take(16).collect();
        Ok(Self { key: Secret::new(*key), id })
    }

    /// Names the key without telling anything of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Encrypts `plain` for `place`.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = text::random::<NONCE>().map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: plain, aad: &place.associated_data() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Refused)?;
        Ok([[VERSION].as_slice(), &nonce, &sealed].concat())
    }

    /// Decrypts what was sealed for `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(SealError::Refused)?;
        let (nonce, cipher_text) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Refused)?;
        let payload = Payload { msg: cipher_text, aad: &place.associated_data() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Secret::new).map_err(|_| SealError::Refused)
    }

    /// The known record for [`CHECK_SETTING`].
    pub fn check_record(&self) -> Result<Vec<u8>, SealError> {
        self.seal(CHECK_PLACE, CHECK)
    }

    /// Succeeds when this is the key that made `record`.
    pub fn check(&self, record: &[u8]) -> Result<(), SealError> {
        let plain = self.open(CHECK_PLACE, record)?;
        if plain.expose() == CHECK { Ok(()) } else { Err(SealError::Refused) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.expose().into())
    }
}

const CHECK_PLACE: Place<'static> = Place { table: "settings", row: &[CHECK_SETTING], column: "value" };

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek").field("id", &self.id).finish_non_exhaustive()
    }
}

// === impl Place ===

impl Place<'_> {
    /// Table, row, column and version, each with its length before it.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = vec![VERSION];
        let parts = [self.table].into_iter().chain(self.row.iter().copied()).chain([self.column]);
        for part in parts {
            data.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

// === impl SealError ===

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => {
                "the key-encryption key must be 64 hex digits, as `openssl rand -hex 32` writes them"
            }
            Self::Refused => "the key-encryption key does not open this record",
            Self::NoRandomness => "the system gave no randomness",
        })
    }
}

impl core::error::Error for SealError {}

#[cfg(test)]
mod tests {
    use super::{Kek, Place, SealError};

    const PLACE: Place<'static> = Place { table: "keys", row: &["default", "k1"], column: "private_key" };

    fn mk_kek() -> Kek {
        Kek::parse(&"0b".repeat(32)).unwrap()
    }

    #[test]
    fn opens_what_it_sealed() {
        let sealed = mk_kek().seal(PLACE, b"plain").unwrap();
        assert_eq!(mk_kek().open(PLACE, &sealed).unwrap().expose(), b"plain");
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
    }

    #[test]
    fn refuses_another_place() {
        let sealed = mk_kek().seal(PLACE, b"plain").unwrap();
        for place in [
            Place { table: "settings", ..PLACE },
            Place { row: &["default", "k2"], ..PLACE },
            Place { row: &["defaultk1"], ..PLACE },
            Place { column: "public_jwk", ..PLACE },
        ] {
            assert_eq!(mk_kek().open(place, &sealed).unwrap_err(), SealError::Refused);
        }
    }

    #[test]
    fn refuses_every_flipped_bit_and_truncation() {
        let sealed = mk_kek().seal(PLACE, b"plain").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut mutant = sealed.clone();
            mutant[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(mk_kek().open(PLACE, &mutant).unwrap_err(), SealError::Refused, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(mk_kek().open(PLACE, &sealed[..length]).is_err());
        }
    }

    #[test]
    fn refuses_another_key() {
        let record = mk_kek().check_record().unwrap();
        assert_eq!(mk_kek().check(&record), Ok(()));
        let other = Kek::parse(&"0c".repeat(32)).unwrap();
        assert_eq!(other.check(&record), Err(SealError::Refused));
        assert_ne!(other.id(), mk_kek().id());
    }

    #[test]
    fn refuses_key_text_that_is_not_64_hex_digits() {
        for text in ["", "0b", &"0g".repeat(32), &"0b".repeat(33), &"é".repeat(32)] {
            assert_eq!(Kek::parse(text).unwrap_err(), SealError::InvalidKey);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", mk_kek()).contains("0b0b"));
    }
}
