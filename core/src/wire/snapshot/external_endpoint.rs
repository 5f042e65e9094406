//! A token endpoint of somebody else, as a snapshot carries it.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::PrivateKey;
use crate::{
    readable_choice, readable_object,
    wire::reading::{self, Readable, Unreadable},
};
use serde_json::value::Value;

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
#[serde(tag = "method", rename_all = "snake_case", try_from = "FlatLogin")]
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

/// A [`ClientLogin`] as it is read: flat, for the reasons that [`super::KeySource`] has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatLogin {
    method: String,
    client_id: Option<String>,
    secret: Option<SecretText>,
    audience: Option<String>,
    kid: Option<String>,
    private_key: Option<PrivateKey>,
}

readable_object!(ExternalEndpoint { id, uri, grant, [login], [target_parameter], [timeout_ms = default_timeout_ms()], [allow_http] });
readable_choice!(ExternalGrant { JwtBearer: "jwt-bearer", TokenExchange: "token-exchange" });
readable_choice!(TargetParameter { Audience: "audience", Resource: "resource", None: "none" });
impl Readable for ClientLogin {
    fn read(value: Value) -> Result<Self, Unreadable> {
        FlatLogin::read(value)?.try_into().map_err(|detail: &str| Unreadable::new(detail))
    }
}

impl Readable for SecretText {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let (name, value) = reading::single(value, &["value", "env"])?;
        let text = String::read(value).map_err(|fault| fault.within(name))?;
        Ok(if name == "env" { Self::Env(text) } else { Self::Value(text) })
    }
}

readable_object!(FlatLogin { method, [client_id], [secret], [audience], [kid], [private_key] });

// === impl ClientLogin ===

impl TryFrom<FlatLogin> for ClientLogin {
    type Error = &'static str;

    fn try_from(flat: FlatLogin) -> Result<Self, &'static str> {
        const INCOMPLETE: &str =
            "the login lacks a field that its method needs, or has one that is not its own";
        let FlatLogin { method, client_id, secret, audience, kid, private_key } = flat;
        Ok(match (&*method, client_id, secret, audience, kid, private_key) {
            ("none", None, None, None, None, None) => Self::None,
            ("client_secret_basic", Some(client_id), Some(secret), None, None, None) => {
                Self::ClientSecretBasic { client_id, secret }
            }
            ("client_secret_post", Some(client_id), Some(secret), None, None, None) => {
                Self::ClientSecretPost { client_id, secret }
            }
            ("private_key_jwt", Some(client_id), None, Some(audience), kid, Some(private_key)) => {
                Self::PrivateKeyJwt { client_id, audience, kid, private_key }
            }
            ("none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt", ..) => {
                return Err(INCOMPLETE);
            }
            _ => {
                return Err(
                    "unknown method, expected `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`",
                );
            }
        })
    }
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
