//! The rows of the store as values. Deliberately absent: SQL, and any meaning of an object's document.

use std::collections::HashMap;

use cambist_core::{secret::Secret, time::Timestamp};
use serde_json::value::Value;

use crate::fault::Fault;

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

/// One configuration object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Unique in tenant and kind.
    pub id: String,
    /// The client of a binding; empty for every other kind.
    pub parent: String,
    /// Its fields.
    pub doc: Value,
    /// 1 when created, one more with each replacement.
    pub version: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last replaced.
    pub updated: Timestamp,
}

/// A place in an object that names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// JSON pointer to the place.
    pub pointer: String,
    /// What is named.
    pub kind: Kind,
    /// Its id.
    pub id: String,
}

/// A change to one configuration object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its tenant.
    pub tenant: String,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The client of a binding; empty for every other kind. A replacement or deletion under another parent finds nothing.
    pub parent: String,
    /// What to do.
    pub action: Action,
    /// By whom.
    pub author: Author,
}

/// What a [`Change`] does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Create it.
    Create {
        /// Its fields.
        doc: Value,
        /// Whom it names.
        references: Vec<Reference>,
        /// SHA-256 of a new gateway's token.
        token: Option<Digest>,
    },
    /// Replace it.
    Replace {
        /// Its fields.
        doc: Value,
        /// Whom it names.
        references: Vec<Reference>,
        /// The version that is replaced.
        expected: u64,
    },
    /// Delete it.
    Delete {
        /// The version that is deleted, if that matters.
        expected: Option<u64>,
    },
    /// Replace a gateway's token.
    RotateToken {
        /// SHA-256 of the new token.
        token: Digest,
    },
}

/// Looks at all configuration objects of a tenant as they would be after a change.
pub type Check<'a> = &'a (dyn Fn(&[Object]) -> Vec<Fault> + Send + Sync);

/// A place in a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// The tuple that makes an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// The client's id.
    pub client_id: String,
    /// The issuer's id.
    pub issuer: String,
    /// The audience.
    pub audience: String,
    /// The subject.
    pub subject: String,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `idn_…`.
    pub id: String,
    /// What makes it; unknown while it was revoked but never seen.
    pub tuple: Option<Tuple>,
    /// Whether it is refused.
    pub revoked: bool,
    /// First mint or denial.
    pub first_seen: Option<Timestamp>,
    /// Last mint or denial.
    pub last_seen: Option<Timestamp>,
    /// Mints.
    pub count: u64,
    /// When the row was made.
    pub created: Timestamp,
}

/// Which identities to list.
#[derive(Clone, Debug, Default)]
pub struct IdentityFilter {
    /// Of this client.
    pub client_id: Option<String>,
    /// Of this issuer.
    pub issuer: Option<String>,
    /// Revoked ones only, or active ones only.
    pub revoked: Option<bool>,
}

/// What an instance says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Envoy node id + random boot id.
    pub instance: String,
    /// The epoch it runs; 0 before its first snapshot.
    pub running_epoch: u64,
    /// Why it refused its last snapshot, if it did.
    pub last_error: Option<String>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// Events it lost because its queue was full.
    pub dropped: u64,
}

/// One event of a gateway, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Position in the instance's stream.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Epoch of the snapshot that decided.
    pub epoch: u64,
    /// `mint` or `denial`.
    pub action: &'static str,
    /// The workload's id and tuple; absent while unverified or when the id did not fit the tuple.
    pub identity: Option<(String, Tuple)>,
    /// Everything the gateway said, without the numbers above.
    pub detail: Value,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Who signs with it.
    pub role: KeyRole,
    /// JWS algorithm.
    pub alg: String,
    /// The public key as a JWK.
    pub public_jwk: Value,
    /// The encrypted PKCS#8 document.
    pub sealed: Secret<Vec<u8>>,
    /// Which key-encryption key opens it.
    pub kek_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it may first sign.
    pub not_before: Timestamp,
    /// When it stops signing; none for the authority's own.
    pub not_after: Option<Timestamp>,
}

/// Who signs with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The control plane; the key never leaves it.
    Authority,
    /// Gateways that may mint.
    Fleet,
}

/// One audit row.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Grows.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The epoch of the change, or of the snapshot that decided.
    pub epoch: u64,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub kind: String,
    /// To which one.
    pub object: String,
    /// Position in the stream of an instance.
    pub sequence: Option<u64>,
    /// More.
    pub detail: Value,
}

// === impl Kind ===

impl Kind {
    /// Every kind that is a configuration object.
    pub const OBJECTS: [Self; 5] = [Self::Issuer, Self::Client, Self::Binding, Self::Route, Self::Gateway];

    /// Its name in the store, in problems and in audit rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Client => "client",
            Self::Binding => "binding",
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
            Self::Issuer | Self::Client | Self::Binding | Self::Route | Self::Gateway | Self::Key => true,
            Self::Identity | Self::Tenant => false,
        }
    }
}

// === impl KeyRole ===

impl KeyRole {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Fleet => "fleet",
        }
    }
}
