//! Lets [`jwt_compact`] sign with a [`Crypto`]. Its trait knows no failure, so that is kept aside.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::cell::Cell;

use jwt_compact::{Algorithm, AlgorithmExt as _, AlgorithmSignature, Claims, Header};
use serde::Serialize;

use crate::crypto::{Crypto, SignError, SigningKey};

/// A JWT of this `typ` and these claims, signed by `key`, which its header names; nothing else is in the header.
pub(super) fn sign<T: Serialize>(
    crypto: &dyn Crypto,
    key: &SigningKey,
    typ: &str,
    claims: T,
) -> Result<String, SignError> {
    let header = Header::empty().with_token_type(typ).with_key_id(key.kid());
    let signer = Signer { crypto, name: key.alg().name(), failure: Cell::new(None) };
    let token = signer.token(&header, &Claims::new(claims), key).map_err(|_| SignError)?;
    signer.failure.take().map_or(Ok(token), Err)
}

struct Signer<'a> {
    crypto: &'a dyn Crypto,
    name: &'static str,
    failure: Cell<Option<SignError>>,
}

struct Signature(Vec<u8>);

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

impl Algorithm for Signer<'_> {
    type SigningKey = SigningKey;
    type VerifyingKey = ();
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.name)
    }

    fn sign(&self, key: &SigningKey, message: &[u8]) -> Signature {
        Signature(self.crypto.sign(key, message).unwrap_or_else(|error| {
            self.failure.set(Some(error));
            Vec::new()
        }))
    }

    fn verify_signature(&self, _: &Signature, (): &(), _: &[u8]) -> bool {
        false
    }
}
