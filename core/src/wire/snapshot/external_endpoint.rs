//! A token endpoint of somebody else, as a snapshot carries it.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::PrivateKey;

/// A token endpoint of somebody else, where routes with `exchange: external` swap tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalEndpoint {
    /// Unique in the tenant.
    pub id: String,
    /// The token endpoint: an absolute URL, https unless `allow_http`.
    pub uri: String,
    /// Which grant it is asked with.
    pub grant: ExternalGrant,
    /// How the gateway says who it is.
    #[serde(default)]
    pub login: ClientLogin,
    /// How the target is asked for.
    #[serde(default)]
    pub target_parameter: TargetParameter,
    /// Milliseconds until an answer must be there, 100 to 10,000.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
    /// Accept an `http` URL. For tests and loopback only.
    #[serde(default)]
    pub allow_http: bool,
}

/// Which grant an external endpoint is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalGrant {
    /// RFC 7523 §2.1: the subject token is the `assertion`.
    JwtBearer,
    /// RFC 8693: it is the `subject_token`.
    TokenExchange,
}

/// How the gateway says who it is at an external endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientLogin {
    /// Not at all.
    #[default]
    None,
    /// RFC 6749 §2.3.1, in the `authorization` header.
    ClientSecretBasic {
        /// Our name there.
        client_id: String,
        /// The secret.
        secret: SecretText,
    },
    /// RFC 6749 §2.3.1, in the body.
    ClientSecretPost {
        /// Our name there.
        client_id: String,
        /// The secret.
        secret: SecretText,
    },
    /// RFC 7523 §2.2: an assertion that we sign, whose `aud` is that server's issuer identifier.
    PrivateKeyJwt {
        /// Our name there.
        client_id: String,
        /// The issuer identifier of the authorization server.
        audience: String,
        /// `kid` of the key; absent: its RFC 7638 thumbprint.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kid: Option<String>,
        /// A P-256 key, which signs ES256.
        private_key: PrivateKey,
    },
}

/// How the target is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetParameter {
    /// As `audience` (RFC 8693 §2.1).
    #[default]
    Audience,
    /// As `resource` (RFC 8707).
    Resource,
    /// Not at all: the endpoint has one.
    None,
}

/// A secret text, or the name of the environment variable that holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretText {
    /// The text. Only in snapshots fetched from a control plane.
    Value(String),
    /// Environment variable. The only form allowed inline.
    Env(String),
}

// === impl SecretText ===

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value([secret])"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
        }
    }
}

const fn default_timeout_ms() -> u32 {
    2_000
}
