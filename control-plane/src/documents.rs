//! What administrators write beyond what gateways read. Deliberately absent: issuers, bindings and routes, whose
//! documents are exactly their wire records.

use cambist_core::wire::snapshot::{self, Client, ClientAuthentication, ClientCredentials};
use serde::{Deserialize, Serialize};

/// A client. Its wire record holds `client_id`, `name` and `enabled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientDocument {
    /// `cl_` and 26 characters of base32; generated, never reused.
    pub client_id: String,
    /// Human-readable name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// At most 64 tags of at most 64 characters.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Grants it may use at the token endpoint. None is on by default; the exchange in the gateway is no grant.
    #[serde(default)]
    pub grant_types: Vec<GrantType>,
    /// Whether it must prove at a token endpoint who it is.
    #[serde(default)]
    pub authentication: ClientAuthentication,
    /// What the grant `client_credentials` gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ClientCredentials>,
    /// A disabled client is refused.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// A grant by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.1. Stored and shown; the grant itself is left to an external identity provider.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 §4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 7523.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// `OpenID` CIBA. Stored and shown only.
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayDocument {
    /// Unique in the tenant.
    pub name: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "GatewayKind::is_default")]
    pub kind: GatewayKind,
    /// Whether its snapshots hold the fleet key.
    #[serde(default)]
    pub may_mint: bool,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}

/// What a gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayKind {
    /// At the edge: it trusts issuers, and exchanges.
    #[default]
    Gateway,
    /// Beside a service: it trusts our authority alone, and exchanges nothing.
    Sidecar,
}

// === impl GatewayKind ===

impl GatewayKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl ClientDocument ===

impl ClientDocument {
    /// What gateways read of it.
    pub fn wire(&self) -> Client {
        let Self {
            client_id,
            name,
            description: _,
            tags: _,
            grant_types,
            authentication,
            credentials,
            enabled,
        } = self;
        Client {
            client_id: client_id.clone(),
            name: name.clone(),
            grant_types: grant_types.iter().copied().filter_map(GrantType::wire).collect(),
            authentication: *authentication,
            secrets: Vec::new(),
            credentials: credentials.clone(),
            enabled: *enabled,
        }
    }
}

// === impl GrantType ===

impl GrantType {
    /// The grant as gateways know it; `None` for those that are only stored.
    pub const fn wire(self) -> Option<snapshot::GrantType> {
        match self {
            Self::ClientCredentials => Some(snapshot::GrantType::ClientCredentials),
            Self::JwtBearer => Some(snapshot::GrantType::JwtBearer),
            Self::TokenExchange => Some(snapshot::GrantType::TokenExchange),
            Self::AuthorizationCode | Self::Ciba => None,
        }
    }
}

const fn enabled() -> bool {
    true
}
