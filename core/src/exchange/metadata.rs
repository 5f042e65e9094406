//! What the authority says of itself: `OpenID` Connect Discovery 1.0 and RFC 8414, which one document satisfies.

use alloc::{format, string::String, vec::Vec};

use serde_json::Value;

use super::Venue;
use crate::json;

/// Path of the discovery document, below the authority's own path.
pub const OPENID: &str = "/.well-known/openid-configuration";
/// Path of the metadata, before the authority's own path (RFC 8414 §3.1).
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Path of the published keys, below the authority's own path.
pub const KEYS: &str = "/oauth2/v1/keys";
/// Path of the token endpoint, below the authority's own path.
pub const TOKEN: &str = "/oauth2/v1/token";
/// Path of token revocation, below the authority's own path; the control plane has it.
pub const REVOKE: &str = "/oauth2/v1/revoke";
/// Path of the JSON form, below the authority's own path.
pub const EXCHANGE: &str = "/v1/auth/oidc/exchange";

/// `cache-control` of both documents: shorter than a new key is published before its first use.
pub const CACHE_CONTROL: &str = "public, max-age=300";

/// The document: `authority` is an https URL without a slash at its end, `jwks` its published keys.
///
/// The algorithms are those of the keys; ES256 where none is there yet.
#[cold]
pub fn document(authority: &str, venue: Venue, jwks: Option<&Value>) -> String {
    let keys = jwks.and_then(|jwks| jwks.get("keys")).and_then(Value::as_array);
    let mut algorithms: Vec<&str> = Vec::new();
    for alg in keys.into_iter().flatten().filter_map(|key| key.get("alg").and_then(Value::as_str)) {
        if !algorithms.contains(&alg) {
            algorithms.push(alg);
        }
    }
    if algorithms.is_empty() {
        algorithms.push("ES256");
    }
    let algorithms: Vec<String> = algorithms.into_iter().map(json::quoted).collect();
    let is_control_plane = venue == Venue::ControlPlane;
    let credentials = if is_control_plane { ",\"client_credentials\"" } else { "" };
    let at = |path: &str| json::quoted(&format!("{authority}{path}"));
    let revocation = if is_control_plane {
        format!(
            ",\"revocation_endpoint\":{},\"revocation_endpoint_auth_methods_supported\":[\"none\",\
             \"client_secret_basic\",\"client_secret_post\"]",
            at(REVOKE)
        )
    } else {
        String::new()
    };
    format!(
        "{{\"issuer\":{},\"jwks_uri\":{},\"token_endpoint\":{},\"grant_types_supported\":[\
         \"urn:ietf:params:oauth:grant-type:jwt-bearer\",\"urn:ietf:params:oauth:grant-type:token-exchange\"{credentials}],\
         \"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\",\"client_secret_post\"],\
         \"id_token_signing_alg_values_supported\":[{}],\"response_types_supported\":[\"id_token\"],\
         \"subject_types_supported\":[\"public\"]{revocation}}}",
        at(""),
        at(KEYS),
        at(TOKEN),
        algorithms.join(","),
    )
}

/// The path of an authority, without a slash at its end: empty for most.
pub fn path_of(authority: &str) -> &str {
    let rest = authority.split_once("://").map_or(authority, |(_, rest)| rest);
    let path = rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default();
    path.strip_suffix('/').unwrap_or(path)
}
