//! The audit trail: its rows, what they are looked for by, and what is delivered to it.

use cambist_core::time::Timestamp;
use serde_json::value::Value;

use super::{Author, Instance, StoredEvent};

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
    /// Id of the request that brought it.
    pub request: String,
    /// The instance whose event it is.
    pub instance: Option<String>,
    /// Position in the stream of an instance.
    pub sequence: Option<u64>,
    /// More.
    pub detail: Value,
    /// Its link in the chain; none while it is from before there was one.
    pub hash: Option<Vec<u8>>,
}

/// Which rows to read. All that is said must be so.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// In which order.
    pub order: Order,
    /// About the identity or other object with this id.
    pub identity: Option<String>,
    /// About this client.
    pub client_id: Option<String>,
    /// About this issuer.
    pub issuer: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// For this reason.
    pub reason: Option<String>,
    /// Told by this gateway.
    pub gateway: Option<String>,
    /// Told by this instance.
    pub instance: Option<String>,
    /// Of the access token with this `jti`.
    pub jti: Option<String>,
    /// Brought by the request with this id.
    pub request: Option<String>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they were written.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
}

/// Rows that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    /// The rows.
    pub rows: Vec<AuditRow>,
    /// The row from which to go on; none at the end of the trail.
    pub next: Option<i64>,
}

/// Events of an instance that never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The gateway.
    pub gateway: String,
    /// Its instance.
    pub instance: String,
    /// The first sequence that is missing.
    pub first: u64,
    /// The last one in a row.
    pub last: u64,
}

/// A batch of an instance's events.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The gateway's tenant.
    pub tenant: String,
    /// The gateway.
    pub gateway: String,
    /// What the instance says of itself.
    pub instance: Instance,
    /// What happened there.
    pub events: Vec<StoredEvent>,
    /// Who brings it, by which request.
    pub author: Author,
}
