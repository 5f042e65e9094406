//! The `sub` of an access token from a template. Deliberately absent: the identity's `id`, which needs none.

use alloc::string::{String, ToString as _};

use super::{
    spiffe_id::{SCHEME, SpiffeTemplate},
    template::{Template, Unfilled},
};
use crate::{attribute::Facts, claims::is_subject, wire::snapshot::Profile};

/// A template of subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectTemplate {
    /// A SPIFFE ID.
    SpiffeId(SpiffeTemplate),
    /// Any text.
    Text(Template),
}

// === impl SubjectTemplate ===

impl SubjectTemplate {
    /// Reads a template for `profile`, or says what is wrong with it. What begins like a SPIFFE ID must become one in
    /// any profile: a claim with a slash must not make another workload's name of it.
    pub fn parse(text: &str, profile: Profile) -> Result<Self, String> {
        if profile == Profile::JwtSvid || text.starts_with(SCHEME) {
            return SpiffeTemplate::parse(text).map(Self::SpiffeId).map_err(|invalid| invalid.to_string());
        }
        if text.is_empty() {
            return Err(String::from("must not be empty; leave it out for the identity's id"));
        }
        Template::parse(text).map(Self::Text).map_err(|invalid| invalid.to_string())
    }

    /// The subject of a workload: what RFC 7519 calls a `sub` and verifiers accept as one.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<String, Unfilled> {
        match self {
            Self::SpiffeId(template) => template.fill(facts),
            Self::Text(template) => {
                template.fill(facts).and_then(|sub| if is_subject(&sub) { Ok(sub) } else { Err(Unfilled) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use alloc::string::String;

    use serde_json::{Value, json};

    use super::SubjectTemplate;
    use crate::{attribute::Facts, exchange::template::Unfilled, wire::snapshot::Profile};

    fn fill(text: &str, claims: &Value) -> Result<String, Unfilled> {
        SubjectTemplate::parse(text, Profile::AtJwt).unwrap().fill(&Facts {
            claims: claims.as_object().unwrap(),
            userinfo: None,
            identity_id: None,
            identity_login: None,
            client_id: "cl_shop",
            issuer_id: "shop-cluster",
            issuer_cluster: None,
        })
    }

    #[test]
    fn a_subject_is_any_text_without_control_characters() {
        let claims = json!({ "sub": "a/b é", "line": "a\nb", "long": "x".repeat(2_048) });
        assert_eq!(fill("k8s:${jwt.claim.sub}", &claims).as_deref(), Ok("k8s:a/b é"));
        assert_eq!(fill("${jwt.claim.long}", &claims).map(|sub| sub.len()), Ok(2_048));
        for text in ["${jwt.claim.line}", "x${jwt.claim.long}", "${jwt.claim.none}"] {
            assert_eq!(fill(text, &claims), Err(Unfilled), "{text}");
        }
    }

    #[test]
    fn what_begins_like_a_spiffe_id_is_one() {
        assert_eq!(fill("spiffe://td/${jwt.claim.sub}", &json!({ "sub": "a/b" })), Err(Unfilled));
        assert!(SubjectTemplate::parse("spiffe://TD/a", Profile::AtJwt).is_err());
        assert!(SubjectTemplate::parse("${jwt.claim.sub}", Profile::JwtSvid).is_err());
        assert!(SubjectTemplate::parse("", Profile::AtJwt).is_err());
    }
}
