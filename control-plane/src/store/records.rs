//! The rows of the store as values. Deliberately absent: SQL, and any meaning of an object's document.

use std::collections::HashMap;

use cambist_core::time::Timestamp;
use serde_json::value::Value;

mod admission;
mod census;
mod held;
mod identity;
mod key;
mod object;
mod secret;
mod token_use;
mod trail;

pub use self::{
    admission::PendingIdentity,
    census::Census,
    held::{Expectation, HeldKeys, HeldSet},
    identity::{
        Identity, IdentityFilter, IdentityKind, Instance, MOST_LABELS, MOST_SELECTED, OwnEvent, RevokedToken,
        StoredEvent, Tuple,
    },
    key::{KeyRole, StoredKey},
    object::{Action, Change, Check, Object, Reference},
    secret::{ClientSecret, Configuration},
    token_use::TokenUse,
    trail::{AuditFilter, AuditRow, Delivery, Gap, Order, Trail},
};

/// SHA-256 of a token; tokens themselves are never stored.
pub type Digest = [u8; 32];

/// Kinds of configuration objects, and of everything else that an audit row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An external party whose tokens are trusted.
    Issuer,
    /// Who may exchange.
    Client,
    /// Which tokens act for a client.
    Binding,
    /// A token endpoint of somebody else.
    ExternalEndpoint,
    /// What happens to a request.
    Route,
    /// One Envoy deployment that runs the filter.
    Gateway,
    /// One workload.
    Identity,
    /// A signing key.
    Key,
    /// The deployment itself.
    Tenant,
}

/// The numbers that say how new a tenant's state is. All are epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Of the last change of any kind.
    pub epoch: u64,
    /// Of the last change to what snapshots hold.
    pub snapshot_epoch: u64,
    /// Of the last revocation or reinstatement.
    pub revocation_epoch: u64,
}

/// The head of every tenant.
pub type Heads = HashMap<String, Head>;

/// A tenant and what is fixed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub tenant: String,
    /// The `iss` of the tokens we mint.
    pub authority: String,
    /// Seconds for which gateways serve a snapshot without hearing from us.
    pub max_staleness: u32,
}

/// What `cambist init` writes, in one transaction.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The first tenant.
    pub tenant: Tenant,
    /// SHA-256 of the first admin token.
    pub admin_token: Digest,
    /// Settings by name.
    pub settings: Vec<(String, Vec<u8>)>,
    /// The first signing keys.
    pub keys: Vec<StoredKey>,
}

/// Who changes something, when and by which request.
#[derive(Clone, Debug)]
pub struct Author {
    /// `admin:…`, `gateway:…` or `system`.
    pub actor: String,
    /// Id of the request.
    pub request: String,
    /// Time of the change.
    pub at: Timestamp,
}

/// Whom an admin token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminToken {
    /// The tenant it administers.
    pub tenant: String,
    /// The token's name.
    pub name: String,
    /// SHA-256 of the token.
    pub token_sha256: Digest,
}

/// Whom a gateway token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayToken {
    /// The gateway's tenant.
    pub tenant: String,
    /// The gateway's name.
    pub gateway: String,
    /// SHA-256 of the token.
    pub token_sha256: Digest,
    /// The gateway's document.
    pub doc: Value,
}

/// A place in a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

// === impl Kind ===

impl Kind {
    /// Every kind that is a configuration object.
    pub const OBJECTS: [Self; 6] =
        [Self::Issuer, Self::Client, Self::Binding, Self::ExternalEndpoint, Self::Route, Self::Gateway];

    /// Its name in the store, in problems and in audit rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Client => "client",
            Self::Binding => "binding",
            Self::ExternalEndpoint => "external_endpoint",
            Self::Route => "route",
            Self::Gateway => "gateway",
            Self::Identity => "identity",
            Self::Key => "key",
            Self::Tenant => "tenant",
        }
    }

    /// The kind of a configuration object by its name.
    pub fn object(name: &str) -> Option<Self> {
        Self::OBJECTS.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a change to it may change a snapshot. A gateway's own document selects what its snapshot holds.
    pub const fn in_snapshot(self) -> bool {
        match self {
            Self::Issuer
            | Self::Client
            | Self::Binding
            | Self::ExternalEndpoint
            | Self::Route
            | Self::Gateway
            | Self::Key => true,
            Self::Identity | Self::Tenant => false,
        }
    }
}
