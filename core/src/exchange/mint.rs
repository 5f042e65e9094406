//! Access tokens of the profile `at+jwt` (RFC 9068). Deliberately absent: what goes in; policy decided that.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};
use core::cell::Cell;

use jwt_compact::{Algorithm, AlgorithmExt as _, AlgorithmSignature, Claims, Header};
use serde::Serialize;

use crate::{
    crypto::{Crypto, SignError, SigningKey},
    encoding,
};

/// `typ` of the tokens (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The contents of an access token. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken<'a> {
    /// The authority.
    pub iss: &'a str,
    /// The identity's `id`.
    pub sub: &'a str,
    /// The one audience.
    pub aud: &'a str,
    /// The client on whose behalf it is issued.
    pub client_id: &'a str,
    /// Granted scopes separated by spaces; absent when there are none.
    pub scope: Option<&'a str>,
    /// 16 random bytes that name the token; it carries them as base64url.
    pub jti: [u8; 16],
    /// When it is issued; `nbf` is the same.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// The workload behind the identity.
    pub workload: Workload<'a>,
    /// The audience's tenant that it is for.
    pub audience_tenant: Option<&'a str>,
}

/// The workload behind an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workload<'a> {
    /// The `iss` of the subject token.
    pub iss: &'a str,
    /// The `sub` of the subject token.
    pub sub: &'a str,
    /// The issuer's cluster name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<&'a str>,
    /// The login id that the issuer's UserInfo endpoint gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_id: Option<&'a str>,
    /// What the issuer's `identity_fields` say, whose names are none of the above.
    #[serde(flatten)]
    pub fields: &'a BTreeMap<String, String>,
}

/// Makes and signs an access token. Fails only when signing does.
pub fn mint(
    crypto: &dyn Crypto,
    key: &SigningKey,
    access_token: &AccessToken<'_>,
) -> Result<String, SignError> {
    let AccessToken { iss, sub, aud, client_id, scope, jti, iat, exp, workload, audience_tenant } =
        access_token;
    let jti = jti_text(jti);
    let body = Body {
        iss,
        sub,
        aud,
        client_id,
        scope: *scope,
        jti: &jti,
        iat: *iat,
        nbf: *iat,
        exp: *exp,
        workload,
        audience_tenant: *audience_tenant,
    };
    let header = Header::empty().with_token_type(TYP).with_key_id(key.kid());
    let signer = Signer { crypto, name: key.alg().name(), failure: Cell::new(None) };
    let token = signer.token(&header, &Claims::new(body), key).map_err(|_| SignError)?;
    signer.failure.take().map_or(Ok(token), Err)
}

/// How a token's 16 random bytes stand in `jti`.
pub fn jti_text(jti: &[u8; 16]) -> String {
    encoding::base64url(jti)
}

#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    jti: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    workload: &'a Workload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience_tenant: Option<&'a str>,
}

/// Lets [`jwt_compact`] sign with a [`Crypto`]. Its trait knows no failure, so that is kept aside.
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

#[cfg(test)]
mod tests;
