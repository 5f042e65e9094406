//! The snapshot: everything a gateway needs, as newline-separated JSON records or as one inline document.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

/// The only snapshot format this version reads.
pub const SCHEMA: &str = "cambist.snapshot/v1";

/// One line of a snapshot. The first is a [`Header`], the last an [`End`] that counts the lines between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// Who the snapshot is for, and its epoch.
    Header(Header),
    /// An external party whose tokens are trusted.
    Issuer(Issuer),
    /// Who may exchange.
    Client(Client),
    /// Which tokens of which issuer act for a client, and what they get.
    Binding(Binding),
    /// What happens to a request.
    Route(Route),
    /// A fleet key; present only for gateways that may mint.
    SigningKey(SigningKey),
    /// The authority's published keys (a JWK set), for verification of our own tokens.
    AuthorityKeys(AuthorityKeys),
    /// The last line: a snapshot without it was cut short.
    End(End),
}

/// The first line of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the gateway the snapshot was compiled for.
    pub gateway: String,
    /// Isolation boundary of every object in it.
    pub tenant: String,
    /// Our own issuer: the `iss` of the tokens we mint, an https URL.
    pub authority: String,
    /// Number that grows with every change.
    pub epoch: u64,
    /// Seconds for which the gateway serves this snapshot without hearing from the control plane.
    pub max_staleness: u32,
}

/// The last line of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many records stand before this one, the header included.
    pub records: u64,
}

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
    /// Where its keys are.
    #[serde(default)]
    pub keys: KeySource,
    /// JWS algorithms it may use. Default `RS256`, `ES256`.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// Accepted `typ` header values (case-insensitive, `application/` optional). Default: `JWT`, `at+jwt`; absent is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<Vec<String>>,
    /// Seconds of leeway on `nbf` and `iat`, 0 to 300.
    #[serde(default = "default_clock_skew")]
    pub clock_skew: u32,
    /// Seconds of leeway on `exp` for verifying, 0 to 60. Never applies to an exchange.
    #[serde(default)]
    pub exp_leeway: u32,
    /// Longest accepted lifetime in seconds (`exp` minus `iat`, or minus now without `iat`).
    #[serde(default = "default_max_lifetime")]
    pub max_lifetime: u32,
    /// Seconds for which keys are used after fetches began to fail.
    #[serde(default = "default_max_stale")]
    pub max_stale: u32,
    /// Least milliseconds between two fetches caused by unknown `kid`s, 100 to 600,000.
    #[serde(default = "default_refetch_floor_ms")]
    pub refetch_floor_ms: u32,
    /// Accept `http` key URLs. For tests and loopback only.
    #[serde(default)]
    pub allow_http: bool,
    /// A disabled issuer is refused like an unknown one.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", from = "StrictKeySource")]
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
}

/// A [`KeySource`] as it is read: serde lets unit variants of a tagged enum carry any field, empty ones none.
#[derive(Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
enum StrictKeySource {
    Discovery {},
    JwksUri { uri: String },
    Derived {},
    Inline { jwks: Value },
}

/// Who may exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `cl_…`, never reused.
    pub client_id: String,
    /// Human-readable name.
    pub name: String,
    /// A disabled client is refused.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

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
    /// Accepted `sub` values, matched exactly, any of. Empty denies unless `allow_any_subject`.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Accept any `sub` of this issuer and these audiences.
    #[serde(default)]
    pub allow_any_subject: bool,
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

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique in the tenant.
    pub id: String,
    /// Exact host, `*.suffix`, or `*`. Compared without port, lower case.
    pub host: String,
    /// Which paths.
    pub path: PathMatch,
    /// Methods; absent means all, an empty list is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// What a request needs.
    #[serde(default)]
    pub mode: Mode,
    /// Clients whose bindings may serve this route. Empty denies on a `require` route.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Scopes that the binding must be able to grant; they are the access token's scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether and where the token is exchanged.
    #[serde(default)]
    pub exchange: Exchange,
    /// Audience of the access token; absent: the binding's first target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Verify only: forward the subject token instead of dropping it.
    #[serde(default)]
    pub forward: bool,
    /// Admit CORS preflight requests without a token.
    #[serde(default)]
    pub cors_preflight: bool,
    /// What to do with a bearer that is no JWT or is of an unlisted issuer.
    #[serde(default)]
    pub foreign_token: ForeignToken,
}

/// Which paths a route covers, compared with the canonical path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// Exactly this path.
    Exact(String),
    /// This path and everything below it, by whole segments.
    Prefix(String),
    /// A path whose `{name}` segments match any one segment.
    Template(String),
}

/// What a request needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A verified token.
    #[default]
    Require,
    /// None; but a presented token must be good.
    Optional,
    /// Always forwarded untouched; the decision is only counted and recorded.
    Observe,
}

/// Whether and where the token is exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// Verify only.
    #[default]
    None,
    /// Mint in the gateway with its fleet key.
    Gateway,
    /// Mint in the control plane.
    ControlPlane,
    /// Exchange at an external token endpoint.
    External,
}

/// What to do with a bearer that is no JWT or is of an unlisted issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignToken {
    /// Refuse it.
    #[default]
    Reject,
    /// Leave it alone. A compile fault on a `require` route.
    Pass,
}

/// A key that signs access tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// RFC 7638 thumbprint; absent: computed from the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// JWS algorithm; `ES256`.
    pub alg: String,
    /// The private key.
    pub private_key: PrivateKey,
    /// Unix time in seconds before which it must not sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// Unix time in seconds at which it stops signing; no token outlives it.
    pub not_after: i64,
}

/// A private key, or the name of the environment variable that holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateKey {
    /// Base64 of a PKCS#8 DER document. Only in snapshots fetched from a control plane.
    Pkcs8(String),
    /// Environment variable with a PKCS#8 PEM document or its base64 DER. The only form allowed inline.
    Env(String),
}

/// The authority's published keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityKeys {
    /// A JWK set.
    pub jwks: Value,
}

/// A snapshot written as one document, for a plugin configuration without a control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Our own issuer. Needed only where tokens are minted; a placeholder is used otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Isolation boundary; `default` when absent.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Issuers whose tokens are trusted.
    pub issuers: Vec<Issuer>,
    /// Clients.
    pub clients: Vec<Client>,
    /// Bindings.
    pub bindings: Vec<Binding>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Keys that mint in this gateway.
    #[serde(default)]
    pub signing_keys: Vec<SigningKey>,
}

// === impl KeySource ===

impl From<StrictKeySource> for KeySource {
    fn from(source: StrictKeySource) -> Self {
        match source {
            StrictKeySource::Discovery {} => Self::Discovery,
            StrictKeySource::JwksUri { uri } => Self::JwksUri { uri },
            StrictKeySource::Derived {} => Self::Derived,
            StrictKeySource::Inline { jwks } => Self::Inline { jwks },
        }
    }
}

// === impl PrivateKey ===

impl core::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Pkcs8(_) => f.write_str("Pkcs8([secret])"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
        }
    }
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

const fn default_refetch_floor_ms() -> u32 {
    30_000
}

const fn default_ttl() -> u32 {
    900
}

const fn enabled() -> bool {
    true
}

fn default_tenant() -> String {
    String::from("default")
}
