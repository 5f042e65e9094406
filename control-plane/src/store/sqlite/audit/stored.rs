//! An audit row as it lies in the table.

use cambist_core::time::Timestamp;

use super::super::{
    super::{StoreError, chain::Columns, records::AuditRow},
    unsigned,
};

/// What [`Row`] is read by.
pub(super) const SELECT: &str = "SELECT id, at_ms, epoch, actor, action, kind, object, request, instance, sequence, \
                                 detail, hash FROM audit";

/// The columns, as the driver reads them.
pub(super) type Row = (
    i64,
    i64,
    i64,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<i64>,
    String,
    Option<Vec<u8>>,
);

/// The same by their names.
pub(super) struct Stored {
    pub(super) id: i64,
    at_ms: i64,
    epoch: i64,
    actor: String,
    action: String,
    kind: String,
    object: String,
    request: String,
    instance: Option<String>,
    sequence: Option<i64>,
    detail: String,
    pub(super) hash: Option<Vec<u8>>,
}

// === impl Stored ===

impl Stored {
    /// What its hash is over.
    pub(super) fn columns<'a>(&'a self, tenant: &'a str) -> Columns<'a> {
        Columns {
            id: self.id,
            tenant,
            at_ms: self.at_ms,
            epoch: self.epoch,
            actor: &self.actor,
            action: &self.action,
            kind: &self.kind,
            object: &self.object,
            request: &self.request,
            instance: self.instance.as_deref(),
            sequence: self.sequence,
            detail: &self.detail,
        }
    }

    /// What is told of it.
    pub(super) fn shown(self) -> Result<AuditRow, StoreError> {
        let Self { id, at_ms, epoch, actor, action, kind, object, request, instance, sequence, detail, hash } =
            self;
        Ok(AuditRow {
            id,
            at: Timestamp::from_millis(at_ms),
            epoch: unsigned(epoch),
            actor,
            action,
            kind,
            object,
            request,
            instance,
            sequence: sequence.map(unsigned),
            detail: serde_json::from_str(&detail).map_err(StoreError::new)?,
            hash,
        })
    }
}

impl From<Row> for Stored {
    fn from(row: Row) -> Self {
        let (id, at_ms, epoch, actor, action, kind, object, request, instance, sequence, detail, hash) = row;
        Self { id, at_ms, epoch, actor, action, kind, object, request, instance, sequence, detail, hash }
    }
}
