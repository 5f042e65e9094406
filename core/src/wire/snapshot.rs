//! The snapshot: everything a gateway needs, as newline-separated JSON records or as one inline document.

mod binding;
mod claim_out;
mod client;
mod condition;
mod enforcement;
mod external_endpoint;
mod issuer;
mod rate;
mod route;
mod signing_key;
mod token_source;
mod userinfo;

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

use crate::{
    readable_object,
    wire::reading::{self, Readable, Unreadable},
};

pub use self::{
    binding::{ActorRule, Binding, Enrolment, Profile, SigningAlg},
    claim_out::ClaimOut,
    client::{Client, ClientAuthentication, ClientCredentials, GrantType},
    condition::Condition,
    enforcement::Enforcement,
    external_endpoint::{ClientLogin, ExternalEndpoint, ExternalGrant, SecretText, TargetParameter},
    issuer::{AudienceRule, Carrier, Issuer, KeySource, Replay, default_algorithms},
    rate::Rate,
    route::{AuditMode, Exchange, ForeignToken, Mode, PathMatch, Place, Route},
    signing_key::{PrivateKey, SigningKey},
    token_source::{HeaderSource, TokenSource, default_token_sources},
    userinfo::{OnError, UserInfo},
};

/// The only snapshot format this version reads.
pub const SCHEMA: &str = "cambist.snapshot/v1";

/// One line of a snapshot, an object whose one member names its kind. The first is a [`Header`], the last an [`End`] that counts the lines between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Who the snapshot is for, and its epoch.
    Header(Header),
    /// An external party whose tokens are trusted.
    Issuer(Issuer),
    /// Who may exchange.
    Client(Client),
    /// Which tokens of which issuer act for a client, and what they get.
    Binding(Binding),
    /// A token endpoint of somebody else, where routes may exchange.
    ExternalEndpoint(ExternalEndpoint),
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
    /// Token endpoints of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_endpoints: Vec<ExternalEndpoint>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Keys that mint in this gateway.
    #[serde(default)]
    pub signing_keys: Vec<SigningKey>,
    /// The authority's published keys, where others mint. Absent: those of `signing_keys`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_keys: Option<AuthorityKeys>,
}

impl Readable for Record {
    fn read(value: Value) -> Result<Self, Unreadable> {
        const KINDS: &[&str] = &[
            "header",
            "issuer",
            "client",
            "binding",
            "external_endpoint",
            "route",
            "signing_key",
            "authority_keys",
            "end",
        ];
        let (kind, value) = reading::single(value, KINDS)?;
        let record = match kind {
            "header" => Readable::read(value).map(Self::Header),
            "issuer" => Readable::read(value).map(Self::Issuer),
            "client" => Readable::read(value).map(Self::Client),
            "binding" => Readable::read(value).map(Self::Binding),
            "external_endpoint" => Readable::read(value).map(Self::ExternalEndpoint),
            "route" => Readable::read(value).map(Self::Route),
            "signing_key" => Readable::read(value).map(Self::SigningKey),
            "authority_keys" => Readable::read(value).map(Self::AuthorityKeys),
            _ => Readable::read(value).map(Self::End),
        };
        record.map_err(|fault| fault.within(kind))
    }
}

readable_object!(Header { schema, gateway, tenant, authority, epoch, max_staleness });
readable_object!(End { records });
readable_object!(AuthorityKeys { jwks });
readable_object!(Document { [authority], [tenant = default_tenant()], issuers, clients, bindings, [external_endpoints], routes, [signing_keys], [authority_keys] });

const fn enabled() -> bool {
    true
}

fn default_tenant() -> String {
    String::from("default")
}
