//! A client as a snapshot carries it.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Rate, binding::default_ttl, enabled};
use crate::{readable_choice, readable_object};

/// Who may exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `cl_…`, never reused.
    pub client_id: String,
    /// Human-readable name.
    pub name: String,
    /// Grants it may use at a token endpoint. Empty: none. The swap on a route is no grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types: Vec<GrantType>,
    /// Whether it must prove at a token endpoint who it is. A secret that is presented must be right anyway.
    #[serde(default, skip_serializing_if = "ClientAuthentication::is_default")]
    pub authentication: ClientAuthentication,
    /// Lower-case hex SHA-256 of its secrets, at most two, so that one can replace the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What the grant `client_credentials` gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ClientCredentials>,
    /// A disabled client is refused.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// A grant by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.4, at the control plane.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 7523 §2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

/// Whether a client must prove who it is (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// It need not: the token it presents says enough.
    #[default]
    None,
    /// With one of its secrets.
    Secret,
}

/// What the grant `client_credentials` gets (RFC 6749 §4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Scopes that may be granted.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Audiences that an access token may name. The first is the default. Empty denies.
    pub targets: Vec<String>,
    /// Access token lifetime in seconds, 60 to 3600.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
    /// Values of the request's `tenant`; absent: any. Empty denies every request that names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_tenants: Option<Vec<String>>,
    /// How often the client may ask.
    #[serde(default, skip_serializing_if = "Rate::is_default")]
    pub rate: Rate,
}

readable_object!(Client { client_id, name, [grant_types], [authentication], [secrets], [credentials], [enabled = enabled()] });
readable_choice!(GrantType {
    ClientCredentials: "client_credentials",
    JwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    TokenExchange: "urn:ietf:params:oauth:grant-type:token-exchange"
});
readable_choice!(ClientAuthentication { None: "none", Secret: "secret" });
readable_object!(ClientCredentials { [scopes], targets, [ttl = default_ttl()], [audience_tenants], [rate] });

// === impl GrantType ===

impl GrantType {
    /// The grant of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "client_credentials" => Some(Self::ClientCredentials),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => Some(Self::JwtBearer),
            "urn:ietf:params:oauth:grant-type:token-exchange" => Some(Self::TokenExchange),
            _ => None,
        }
    }
}

// === impl ClientAuthentication ===

impl ClientAuthentication {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
