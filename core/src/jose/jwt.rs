//! A JWT (RFC 7519) before and after its verification. Deliberately absent: what its subject may do.

use alloc::string::String;

use crate::{
    claims::{Claims, TimeRules},
    crypto::Crypto,
    denial::Denial,
    jose::{
        alg::Alg,
        compact::UntrustedToken,
        jwk::Thumbprint,
        key_set::KeySet,
        verify::{VerifiedSignature, verify},
    },
    time::Timestamp,
};

/// A JWT whose signature nobody has checked. It tells just enough to find the issuer.
#[derive(Debug)]
pub struct UntrustedJwt<'a> {
    token: UntrustedToken<'a>,
    iss: Option<String>,
    claims: Result<UnverifiedClaims, Denial>,
}

/// Claims that anybody may have written.
#[derive(Debug)]
pub struct UnverifiedClaims(Claims);

/// A JWT that a key of its issuer signed. Only [`UntrustedJwt::verify`] makes one.
///
/// Times are not part of it, since they change while it is kept: every use checks [`Claims::check_times`].
#[derive(Debug)]
pub struct VerifiedToken {
    claims: Claims,
    signature: VerifiedSignature,
}

// === impl UntrustedJwt ===

impl<'a> UntrustedJwt<'a> {
    /// Takes a JWT apart, as [`UntrustedToken::parse`] does; its payload must be a strict JSON object.
    ///
    /// Refuses an `iss` that is not a string ([`Denial::JwtMalformed`]). Other faults in the claims are kept for
    /// [`Self::claims`], so that a token of a foreign issuer is told from a bad token of a trusted one.
    pub fn parse(token: &'a [u8]) -> Result<Self, Denial> {
        let mut token = UntrustedToken::parse(token)?;
        let (iss, claims) = Claims::read(token.take_payload())?;
        Ok(Self { token, iss, claims: claims.map(UnverifiedClaims) })
    }

    /// The issuer that the token names.
    pub fn iss(&self) -> Option<&str> {
        self.iss.as_deref()
    }

    /// The algorithm that the header names.
    pub const fn alg(&self) -> Alg {
        self.token.alg()
    }

    /// The key that the header names.
    pub fn kid(&self) -> Option<&str> {
        self.token.kid()
    }

    /// The type that the header names.
    pub fn typ(&self) -> Option<&str> {
        self.token.typ()
    }

    /// The claims, or what is wrong with them.
    pub fn claims(&self) -> Result<&UnverifiedClaims, Denial> {
        self.claims.as_ref().map_err(|denial| *denial)
    }

    /// Verifies the signature with the keys of the token's issuer; the arguments are those of [`verify`].
    pub fn verify(
        self,
        allowed: &[Alg],
        typ: Option<&[String]>,
        keys: &KeySet,
        crypto: &dyn Crypto,
    ) -> Result<VerifiedToken, Denial> {
        let UnverifiedClaims(claims) = self.claims?;
        let signature = verify(&self.token, allowed, typ, keys, crypto)?;
        Ok(VerifiedToken { claims, signature })
    }
}

// === impl UnverifiedClaims ===

impl UnverifiedClaims {
    /// The audiences that the token names.
    pub fn audiences(&self) -> &[String] {
        self.0.audiences()
    }

    /// Checks the times before any signature is, since that is cheap.
    pub fn check_times(&self, rules: &TimeRules, now: Timestamp) -> Result<(), Denial> {
        self.0.check_times(rules, now)
    }
}

// === impl VerifiedToken ===

impl VerifiedToken {
    /// What the issuer says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What the issuer says, without the token.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// The algorithm of its signature.
    pub const fn alg(&self) -> Alg {
        self.signature.alg()
    }

    /// RFC 7638 thumbprint of the key that verified it.
    pub const fn thumbprint(&self) -> &Thumbprint {
        self.signature.thumbprint()
    }
}

#[cfg(test)]
mod tests;
