//! Workloads, the instances that see them, and what these report.

use std::collections::BTreeMap;

use cambist_core::time::Timestamp;
use serde_json::value::Value;

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

/// What an identity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityKind {
    /// A workload, by its token.
    #[default]
    Workload,
    /// A client that came with its own secret.
    Client,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `idn_…`.
    pub id: String,
    /// What it is.
    pub kind: IdentityKind,
    /// What makes it; unknown while it was revoked but never seen.
    pub tuple: Option<Tuple>,
    /// What its last token said of it beside its subject.
    pub fields: BTreeMap<String, String>,
    /// The cluster name of its issuer.
    pub cluster: Option<String>,
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
    /// What administrators call it.
    pub labels: BTreeMap<String, String>,
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
    /// Whose fields have these values: name and value, all of them.
    pub fields: Vec<(String, String)>,
    /// Whose labels have these values: name and value, all of them.
    pub labels: Vec<(String, String)>,
    /// Whose issuer has this cluster name.
    pub cluster: Option<String>,
    /// Not seen since this time.
    pub last_seen_before: Option<Timestamp>,
}

/// Most identities that one selector may name.
pub const MOST_SELECTED: usize = 100_000;
/// Most labels of an identity.
pub const MOST_LABELS: usize = 16;

/// An access token of ours that is revoked until it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct RevokedToken {
    /// Its name.
    pub jti: String,
    /// Its end in Unix seconds.
    pub exp: i64,
    /// Whom it was issued for.
    pub identity: String,
    /// What the audit row says.
    pub detail: Value,
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
    /// What that is.
    pub kind: IdentityKind,
    /// What is told of the workload beside its subject: a JSON object of texts.
    pub fields: String,
    /// Everything the gateway said, without the numbers above: a JSON object.
    pub detail: String,
}

/// A mint or denial of the control plane itself.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnEvent {
    /// `control-plane`, or the gateway that asked.
    pub actor: String,
    /// Id of the request.
    pub request: String,
    /// What happened. Its sequence counts nothing.
    pub event: StoredEvent,
}

// === impl IdentityKind ===

impl IdentityKind {
    /// Its name in the store and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Client => "client",
        }
    }
}
