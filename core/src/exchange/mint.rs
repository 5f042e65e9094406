//! Access tokens of both profiles: `at+jwt` (RFC 9068) and `jwt-svid` (SPIFFE). Deliberately absent: what goes in;
//! policy decided that.

mod signer;

use alloc::{collections::BTreeMap, string::String};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    crypto::{Crypto, SignError, SigningKey},
    encoding,
    wire::snapshot::Profile,
};

/// `typ` of the tokens of the profile `at+jwt` (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";
/// `typ` of the tokens of the profile `jwt-svid` (JWT-SVID §2.3).
pub const SVID_TYP: &str = "JWT";

/// The contents of an access token. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessToken<'a> {
    /// Its shape.
    pub profile: Profile,
    /// The authority.
    pub iss: &'a str,
    /// The identity's `id`, or what the binding's template makes of the workload.
    pub sub: &'a str,
    /// The audiences, at least one; a `jwt-svid` has one. A single one stands as a string.
    pub aud: &'a [&'a str],
    /// The client on whose behalf it is issued.
    pub client_id: &'a str,
    /// Granted scopes separated by spaces; absent when there are none.
    pub scope: Option<&'a str>,
    /// 16 random bytes that name the token; it carries them as base64url.
    pub jti: [u8; 16],
    /// When it is issued; `nbf` is the same, where there is one.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// Who acts for the subject.
    pub act: Option<Actor<'a>>,
    /// The identity's `id`, where `sub` is something else.
    pub identity: Option<&'a str>,
    /// The workload behind the identity; left out of a `jwt-svid`.
    pub workload: Option<Workload<'a>>,
    /// More claims, none of which has a name of the above.
    pub claims: Option<&'a Map<String, Value>>,
}

/// Who acts for a subject (RFC 8693 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Actor<'a> {
    /// The authority, whose `id` the subject is.
    pub iss: &'a str,
    /// The `id` of the identity that acts.
    pub sub: &'a str,
    /// Who acted before, as information; nothing is decided by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<&'a Map<String, Value>>,
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
    /// The issuer's id, by which it is revoked; none where the authority is the issuer. A `jwt-svid` has it beside
    /// `cambist_identity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
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
    let AccessToken {
        profile,
        iss,
        sub,
        aud,
        client_id,
        scope,
        jti,
        iat,
        exp,
        act,
        identity,
        workload,
        claims,
    } = access_token;
    // JWT-SVID §3 asks for no `nbf`, and a SPIFFE ID is all that its readers know of a workload.
    let (typ, nbf, issuer, workload) = match profile {
        Profile::AtJwt => (TYP, Some(*iat), None, workload.as_ref()),
        Profile::JwtSvid => (SVID_TYP, None, workload.and_then(|workload| workload.issuer), None),
    };
    let body = Body {
        iss,
        sub,
        aud: match aud {
            [one] => Audience::One(one),
            several => Audience::Several(several),
        },
        client_id,
        scope: *scope,
        jti: &jti_text(jti),
        iat: *iat,
        nbf,
        exp: *exp,
        act: act.as_ref(),
        cambist_identity: *identity,
        cambist_issuer: issuer,
        workload,
        claims: *claims,
    };
    signer::sign(crypto, key, typ, &body)
}

/// How a token's 16 random bytes stand in `jti`.
pub fn jti_text(jti: &[u8; 16]) -> String {
    encoding::base64url(jti)
}

#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<'a>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    jti: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cambist_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cambist_issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<&'a Workload<'a>>,
    #[serde(flatten)]
    claims: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [&'a str]),
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
