//! A binding as a snapshot carries it.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Condition, enabled};

/// Which tokens of which issuer act for a client, and what they get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Unique in the tenant.
    pub id: String,
    /// The client it belongs to.
    pub client_id: String,
    /// The issuer's `id`.
    pub issuer: String,
    /// Accepted audiences, matched exactly, any of. An empty list denies.
    pub audiences: Vec<String>,
    /// Accepted `sub` values, matched exactly, any of. Empty denies unless `allow_any_subject`
    /// or a `condition` says which tokens fit.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Accept any `sub` of this issuer and these audiences.
    #[serde(default)]
    pub allow_any_subject: bool,
    /// What else must be true of a token for the binding to fit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Scopes that may be granted.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Audiences that an access token may name. The first is the default. Empty: no exchange.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Access token lifetime in seconds, 60 to 3600.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
    /// Shape of the access token.
    #[serde(default)]
    pub profile: Profile,
    /// The binding ends at this Unix time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// A disabled binding matches nothing.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// Shape of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// RFC 9068.
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// SPIFFE JWT-SVID.
    #[serde(rename = "jwt-svid")]
    JwtSvid,
}

const fn default_ttl() -> u32 {
    900
}
