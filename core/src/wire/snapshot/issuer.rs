//! An issuer as a snapshot carries it.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

use super::{Enforcement, UserInfo, enabled};
use crate::{
    readable_choice, readable_object,
    wire::reading::{Readable, Unreadable},
};

/// An external party whose tokens we trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Our name for it, unique in the tenant.
    pub id: String,
    /// The exact `iss` text, compared byte for byte.
    pub iss: String,
    /// Cluster name, since Kubernetes tokens carry none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The preset that filled in what its author left out; a name and nothing more to a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Where its keys are.
    #[serde(default)]
    pub keys: KeySource,
    /// JWS algorithms it may use: RS*, PS*, `ES256`, `ES384`, `EdDSA` or `Ed25519`. Default `RS256`, `ES256`.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// Accepted `typ` header values (case-insensitive, `application/` optional). Default: `JWT`, `at+jwt`; absent is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<Vec<String>>,
    /// How many audiences a token may name.
    #[serde(default, skip_serializing_if = "AudienceRule::is_default")]
    pub audience: AudienceRule,
    /// Seconds of leeway on `nbf` and `iat`, 0 to 300.
    #[serde(default = "default_clock_skew")]
    pub clock_skew: u32,
    /// Seconds of leeway on `exp` for verifying, 0 to 60. Never applies to an exchange.
    #[serde(default)]
    pub exp_leeway: u32,
    /// Longest accepted lifetime in seconds (`exp` minus `iat`, or minus now without `iat`).
    #[serde(default = "default_max_lifetime")]
    pub max_lifetime: u32,
    /// Greatest accepted age in seconds (now minus `iat`, which must be there), 60 to 2,592,000. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Seconds for which keys are used after fetches began to fail.
    #[serde(default = "default_max_stale")]
    pub max_stale: u32,
    /// Least milliseconds between two fetches caused by unknown `kid`s, 100 to 600,000.
    #[serde(default = "default_refetch_floor_ms")]
    pub refetch_floor_ms: u32,
    /// Least milliseconds between two refreshes, whatever the answer says of its freshness, 100 to 3,600,000.
    #[serde(default = "default_refresh_least_ms")]
    pub refresh_least_ms: u32,
    /// Most milliseconds between two refreshes, `refresh_least_ms` to 86,400,000.
    #[serde(default = "default_refresh_most_ms")]
    pub refresh_most_ms: u32,
    /// What is told of a workload beside its subject: name → attribute, such as `namespace` →
    /// `jwt.claim.kubernetes\.io.namespace`. Part of access tokens, identities and audit rows; no part of who it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identity_fields: BTreeMap<String, String>,
    /// The same for audit rows alone, such as the pod.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub audit_fields: BTreeMap<String, String>,
    /// How its UserInfo endpoint is asked; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo: Option<UserInfo>,
    /// How often one of its tokens may be presented.
    #[serde(default, skip_serializing_if = "Replay::is_default")]
    pub replay: Replay,
    /// Whether that decides.
    #[serde(default, skip_serializing_if = "Enforcement::is_default")]
    pub replay_enforcement: Enforcement,
    /// Whether its tokens count; with `audit` a request is decided as if it were unknown.
    #[serde(default, skip_serializing_if = "Enforcement::is_default")]
    pub enforcement: Enforcement,
    /// Accept `http` URLs of keys and UserInfo. For tests and loopback only.
    #[serde(default)]
    pub allow_http: bool,
    /// A disabled issuer is refused like an unknown one.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// How many audiences a token may name. One of them must always be a binding's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceRule {
    /// Any number.
    #[default]
    AnyOf,
    /// Exactly one, as text or in a list.
    ExactlyOne,
}

/// How often a token may be presented, told apart by its `jti` or else by the SHA-256 of its signing input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    /// Any number of times.
    #[default]
    Off,
    /// Once.
    Once,
    /// Once for each target.
    OncePerTarget,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", try_from = "FlatKeySource")]
pub enum KeySource {
    /// `{iss}/.well-known/openid-configuration`, whose `issuer` must equal `iss`. EKS-shaped issuers use `derived` instead.
    #[default]
    Discovery,
    /// An explicit JWKS URL; discovery is skipped.
    JwksUri {
        /// The URL.
        uri: String,
    },
    /// `{iss}/keys`.
    Derived,
    /// The JWK set itself.
    Inline {
        /// A JWK set (RFC 7517 §5).
        jwks: Value,
    },
    /// Somebody gives them to the control plane (`PUT /v1/issuers/{id}/jwks`).
    Pushed,
    /// The control plane fetches them, for issuers that gateways cannot reach.
    ControlPlane {
        /// An explicit JWKS URL; absent: as with `discovery`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        /// PEM certificates of the authorities that the issuer's certificate may come from; absent: the public ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca: Option<String>,
        /// An HTTP proxy to go through, `http://host:port`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proxy: Option<String>,
        /// Whether the issuer may have a private address.
        #[serde(default, skip_serializing_if = "is_false")]
        allow_private: bool,
    },
    /// What a snapshot makes of the two sources before; nothing that an administrator writes.
    Carried {
        /// Which of them.
        by: Carrier,
        /// The JWK set; absent while there is none that may be used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks: Option<Value>,
    },
}

/// How carried keys came to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// Somebody gave them to it.
    Pushed,
    /// It fetched them.
    ControlPlane,
}

/// A [`KeySource`] as it is read. Flat, because serde lets some variants of tagged enums carry any field, and so that both
/// readers take the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatKeySource {
    source: Source,
    uri: Option<String>,
    jwks: Option<Value>,
    ca: Option<String>,
    proxy: Option<String>,
    allow_private: Option<bool>,
    by: Option<Carrier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Discovery,
    JwksUri,
    Derived,
    Inline,
    Pushed,
    ControlPlane,
    Carried,
}

readable_object!(Issuer { id, iss, [cluster], [preset], [keys], [algorithms = default_algorithms()], [typ], [audience], [clock_skew = default_clock_skew()], [exp_leeway], [max_lifetime = default_max_lifetime()], [max_age], [max_stale = default_max_stale()], [refetch_floor_ms = default_refetch_floor_ms()], [refresh_least_ms = default_refresh_least_ms()], [refresh_most_ms = default_refresh_most_ms()], [identity_fields], [audit_fields], [userinfo], [replay], [replay_enforcement], [enforcement], [allow_http], [enabled = enabled()] });
readable_choice!(AudienceRule { AnyOf: "any_of", ExactlyOne: "exactly_one" });
readable_choice!(Replay { Off: "off", Once: "once", OncePerTarget: "once-per-target" });
readable_choice!(Carrier { Pushed: "pushed", ControlPlane: "control_plane" });
impl Readable for KeySource {
    fn read(value: Value) -> Result<Self, Unreadable> {
        FlatKeySource::read(value)?.try_into().map_err(Unreadable::new)
    }
}

readable_object!(FlatKeySource { source, [uri], [jwks], [ca], [proxy], [allow_private], [by] });
readable_choice!(Source {
    Discovery: "discovery",
    JwksUri: "jwks_uri",
    Derived: "derived",
    Inline: "inline",
    Pushed: "pushed",
    ControlPlane: "control_plane",
    Carried: "carried"
});

// === impl AudienceRule ===

impl AudienceRule {
    /// Whether a token with these audiences is admitted.
    pub const fn admits(self, audiences: &[String]) -> bool {
        match self {
            Self::AnyOf => true,
            Self::ExactlyOne => audiences.len() == 1,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl Replay ===

impl Replay {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl KeySource ===

impl KeySource {
    /// Where keys are that are fetched: at an explicit URL, or where discovery finds them.
    pub fn at(uri: Option<String>) -> Self {
        uri.map_or(Self::Discovery, |uri| Self::JwksUri { uri })
    }
}

impl TryFrom<FlatKeySource> for KeySource {
    type Error = String;

    fn try_from(flat: FlatKeySource) -> Result<Self, String> {
        let FlatKeySource { source, mut uri, mut jwks, mut ca, mut proxy, mut allow_private, mut by } = flat;
        // A source takes what it knows; what is left has no place there.
        let known = match source {
            Source::Discovery => Self::Discovery,
            Source::JwksUri => Self::JwksUri { uri: required("uri", uri.take())? },
            Source::Derived => Self::Derived,
            Source::Inline => Self::Inline { jwks: required("jwks", jwks.take())? },
            Source::Pushed => Self::Pushed,
            Source::ControlPlane => Self::ControlPlane {
                uri: uri.take(),
                ca: ca.take(),
                proxy: proxy.take(),
                allow_private: allow_private.take().unwrap_or_default(),
            },
            Source::Carried => Self::Carried { by: required("by", by.take())?, jwks: jwks.take() },
        };
        let rest = [
            ("uri", uri.is_some()),
            ("jwks", jwks.is_some()),
            ("ca", ca.is_some()),
            ("proxy", proxy.is_some()),
            ("allow_private", allow_private.is_some()),
            ("by", by.is_some()),
        ];
        match rest.into_iter().find(|(_, is_left)| *is_left) {
            Some((name, _)) => Err(format!("unknown field `{name}`, this source does not have it")),
            None => Ok(known),
        }
    }
}

fn required<T>(name: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("missing field `{name}`"))
}

/// `RS256`, `ES256`.
pub fn default_algorithms() -> Vec<String> {
    alloc::vec![String::from("RS256"), String::from("ES256")]
}

const fn default_clock_skew() -> u32 {
    60
}

const fn default_max_lifetime() -> u32 {
    86_400
}

const fn default_max_stale() -> u32 {
    3_600
}

const fn default_refresh_least_ms() -> u32 {
    60_000
}

const fn default_refresh_most_ms() -> u32 {
    3_600_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
const fn is_false(value: &bool) -> bool {
    !*value
}

const fn default_refetch_floor_ms() -> u32 {
    30_000
}
