//! Whether a key of an issuer signed a token. Deliberately absent: claims and times; a JWS need not be a JWT.

use alloc::string::String;

use crate::{
    crypto::Crypto,
    denial::Denial,
    jose::{
        alg::Alg,
        compact::UntrustedToken,
        jwk::{Thumbprint, VerificationKey},
        key_set::KeySet,
    },
};

/// Accepted `typ` values where the issuer has no list of its own.
pub const DEFAULT_TYP: [&str; 2] = ["JWT", "at+jwt"];

/// Tokens for other purposes, refused even when an issuer's list names them (RFC 8725 §3.11): a logout, DPoP-proof or
/// security-event token is signed by the same issuer and is no credential.
pub const REFUSED_TYP: [&str; 3] = ["logout+jwt", "dpop+jwt", "secevent+jwt"];

/// Proof that a key verified a token. Only [`verify`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    alg: Alg,
    thumbprint: Thumbprint,
}

impl VerifiedSignature {
    /// The algorithm that was used.
    pub const fn alg(&self) -> Alg {
        self.alg
    }

    /// RFC 7638 thumbprint of the key that verified the token.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }
}

/// Verifies the signature of `token` with the keys of its issuer.
///
/// `allowed` are the issuer's algorithms; `typ` its accepted types, `None` for [`DEFAULT_TYP`]. Types compare without
/// case and without `application/`; a token without `typ` is accepted unless the list is empty. Keys are tried in
/// the order of [`KeySet::candidates`].
///
/// Refuses, in this order: an algorithm off the list ([`Denial::AlgNotAllowed`]), a type off the list
/// ([`Denial::TypNotAllowed`]), a `kid` that no key has, or no key at all that fits a token without one
/// ([`Denial::UnknownKid`]), a key of this `kid` that is for another algorithm ([`Denial::AlgNotAllowed`]), and a
/// signature that no candidate verifies ([`Denial::BadSignature`]).
pub fn verify(
    token: &UntrustedToken<'_>,
    allowed: &[Alg],
    typ: Option<&[String]>,
    keys: &KeySet,
    crypto: &dyn Crypto,
) -> Result<VerifiedSignature, Denial> {
    let alg = token.alg();
    if !allowed.contains(&alg) {
        return Err(Denial::AlgNotAllowed);
    }
    if !typ_fits(token.typ(), typ) {
        return Err(Denial::TypNotAllowed);
    }
    let mut candidates = keys.candidates(token.kid(), alg).peekable();
    if candidates.peek().is_none() {
        let other_kind = token.kid().is_some_and(|kid| keys.has_kid(kid));
        return Err(if other_kind { Denial::AlgNotAllowed } else { Denial::UnknownKid });
    }
    let verifies = |key: &VerificationKey| crypto.verify(alg, key, token.signing_input(), token.signature());
    candidates
        .find(|key| verifies(key))
        .map(|key| VerifiedSignature { alg, thumbprint: *key.thumbprint() })
        .ok_or(Denial::BadSignature)
}

fn typ_fits(typ: Option<&str>, allowed: Option<&[String]>) -> bool {
    let Some(typ) = typ.map(bare) else {
        return allowed.is_none_or(|list| !list.is_empty());
    };
    let same = |other: &str| typ.eq_ignore_ascii_case(bare(other));
    if REFUSED_TYP.into_iter().any(same) {
        return false;
    }
    match allowed {
        None => DEFAULT_TYP.into_iter().any(same),
        Some(list) => list.iter().any(|other| same(other)),
    }
}

/// Whether a `typ` names this media type, `application/` or not.
pub(crate) fn is_typ(typ: &str, wanted: &str) -> bool {
    bare(typ).eq_ignore_ascii_case(bare(wanted))
}

/// A media type without `application/`, which RFC 7515 §4.1.9 lets senders omit.
fn bare(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests;
