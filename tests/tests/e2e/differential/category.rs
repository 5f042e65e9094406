//! Why two verifiers may disagree: the short list.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use cambist_core::claims::TimeRules;
use cambist_core::crypto::RustCrypto;
use cambist_core::denial::Denial;
use cambist_core::jose::alg::Alg;
use cambist_core::jose::jwt::UntrustedJwt;
use cambist_core::jose::key_set::KeySet;
use cambist_core::json;
use cambist_core::time::Timestamp;
use serde_json::Value;

/// What we refuse and `jwt_authn` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Category {
    /// JSON that is not strict: repeated members, deep nesting, text after the document.
    LooseJson,
    /// Header parameters that change what the signature covers: `crit`, `b64`, `zip`.
    IgnoredExtension,
    /// A `typ` that is not for access tokens.
    OtherType,
    /// A token that is bound to a key.
    BoundToKey,
    /// No `exp`.
    NoExpiry,
    /// It lives longer than a day.
    LongLife,
    /// `iat` lies in the future.
    IssuedLater,
    /// A claim or header parameter of the wrong type, or out of range.
    WrongType,
    /// No `sub`, or one that no header could carry.
    NoSubject,
    /// base64url that is not canonical.
    LooseBase64,
    /// A dot before the token or after it.
    OuterDot,
    /// A byte too many in an ECDSA signature.
    LongSignature,
    /// An empty `kid`, which it takes for none.
    EmptyKid,
    /// An audience that only differs by what makes it a URL: scheme or slash.
    AudienceAsUrl,
}

impl Category {
    pub(super) const ALL: [Self; 14] = [
        Self::LooseJson,
        Self::IgnoredExtension,
        Self::OtherType,
        Self::BoundToKey,
        Self::NoExpiry,
        Self::LongLife,
        Self::IssuedLater,
        Self::WrongType,
        Self::NoSubject,
        Self::LooseBase64,
        Self::OuterDot,
        Self::LongSignature,
        Self::EmptyKid,
        Self::AudienceAsUrl,
    ];
}

/// Verifies as our gateway does, in this process.
pub(super) struct Judge {
    iss: String,
    audience: String,
    keys: KeySet,
    rules: TimeRules,
}

// === impl Judge ===

impl Judge {
    pub(super) fn new(iss: &str, audience: &str, jwks: &Value, leeway: u32) -> Self {
        Self {
            iss: iss.to_owned(),
            audience: audience.to_owned(),
            keys: KeySet::from_value(jwks).expect("a JWK set"),
            rules: TimeRules { clock_skew: leeway, exp_leeway: leeway, max_lifetime: 86_400, max_age: None },
        }
    }

    /// Why the two disagree about `token`; an error is a disagreement that nobody can explain.
    pub(super) fn explain(&self, token: &str, ours: bool) -> Result<Category, String> {
        let denial = match (self.verify(token), ours) {
            (Err(denial), false) => denial,
            (verdict, _) => return Err(format!("core says {verdict:?}")),
        };
        self.categorize(token, denial).ok_or_else(|| format!("{denial:?} is in no category"))
    }

    fn verify(&self, token: &str) -> Result<(), Denial> {
        let now = Timestamp::from_secs(super::now());
        let jwt = UntrustedJwt::parse(token.as_bytes())?;
        if jwt.iss() != Some(&self.iss) {
            return Err(Denial::IssuerNotAllowed);
        }
        let claims = jwt.claims()?;
        if !claims.audiences().contains(&self.audience) {
            return Err(Denial::AudienceMismatch);
        }
        claims.check_times(&self.rules, now)?;
        jwt.verify(&[Alg::Rs256, Alg::Es256], None, &self.keys, &RustCrypto).map(drop)
    }
}

impl Judge {
    fn categorize(&self, token: &str, denial: Denial) -> Option<Category> {
        let segments: Vec<_> = token.split('.').collect();
        let [header, claims, signature] = segments[..] else {
            let is_framed = token.trim_matches('.').split('.').count() == 3;
            return (denial == Denial::JwtMalformed && is_framed).then_some(Category::OuterDot);
        };
        if segments.iter().any(|segment| URL_SAFE_NO_PAD.decode(segment).is_err()) {
            return (denial == Denial::JwtMalformed).then_some(Category::LooseBase64);
        }
        let (header, claims) = (decode(header)?, decode(claims)?);
        let (Ok(header), Ok(claims)) = (json::parse_object(&header), json::parse_object(&claims)) else {
            return (denial == Denial::JwtMalformed).then_some(Category::LooseJson);
        };
        let number = |name: &str| claims.get(name).and_then(Value::as_f64);
        let category = match denial {
            Denial::JwtMalformed if ["crit", "b64", "zip"].iter().any(|name| header.contains_key(*name)) => {
                Category::IgnoredExtension
            }
            Denial::JwtMalformed if !claims.contains_key("exp") => Category::NoExpiry,
            // It takes zero for none.
            Denial::TokenExpired if number("exp") == Some(0.0) => Category::NoExpiry,
            Denial::JwtMalformed if !claims.get("sub").is_some_and(is_plain_text) => Category::NoSubject,
            Denial::JwtMalformed => Category::WrongType,
            Denial::TypNotAllowed if claims.contains_key("cnf") => Category::BoundToKey,
            Denial::TypNotAllowed => Category::OtherType,
            Denial::TokenTooOld => Category::LongLife,
            Denial::TokenNotYetValid if number("iat") > number("nbf") => Category::IssuedLater,
            Denial::BadSignature if header["alg"] == "ES256" && decode(signature)?.len() == 65 => {
                Category::LongSignature
            }
            Denial::UnknownKid if header["kid"] == "" => Category::EmptyKid,
            Denial::AudienceMismatch if self.is_audience_as_url(&claims["aud"]) => Category::AudienceAsUrl,
            _ => return None,
        };
        Some(category)
    }

    fn is_audience_as_url(&self, aud: &Value) -> bool {
        fn bare(url: &str) -> &str {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.strip_suffix('/').unwrap_or(rest)
        }
        let list = aud.as_array().map_or(std::slice::from_ref(aud), Vec::as_slice);
        list.iter().filter_map(Value::as_str).any(|aud| bare(aud) == bare(&self.audience))
    }
}

fn is_plain_text(sub: &Value) -> bool {
    sub.as_str()
        .is_some_and(|sub| !sub.is_empty() && sub.len() <= 2_048 && !sub.chars().any(char::is_control))
}

/// As forgivingly as anybody.
fn decode(segment: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config).decode(segment).ok()
}
