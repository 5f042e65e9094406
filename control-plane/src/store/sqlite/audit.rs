//! Audit rows of changes; those of events are written in bulk by `events`.

use cambist_core::time::Timestamp;
use serde_json::value::Value;
use sqlx::SqliteConnection;

use super::{
    super::{
        StoreError,
        records::{AuditRow, Author, Head, Kind},
    },
    epoch::{self, Scope},
    signed, unsigned,
};

type Columns = (i64, i64, i64, String, String, String, String, Option<i64>, String);

/// Adds the row of one change to the transaction that makes it.
#[expect(clippy::too_many_arguments, reason = "one argument per column, at few call sites")]
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    tenant: &str,
    epoch: u64,
    author: &Author,
    action: &str,
    kind: Kind,
    object: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (tenant, at_ms, epoch, actor, action, kind, object, request, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant)
    .bind(author.at.millis())
    .bind(signed(epoch))
    .bind(&author.actor)
    .bind(action)
    .bind(kind.name())
    .bind(object)
    .bind(&author.request)
    .bind(detail.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the epoch and the row of a change to what snapshots hold.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    tenant: &str,
    author: &Author,
    action: &str,
    (kind, object): (Kind, &str),
    detail: &Value,
) -> Result<Head, StoreError> {
    let head = epoch::advance(connection, tenant, author.at, Scope::Snapshot).await?;
    insert(connection, tenant, head.epoch, author, action, kind, object, detail).await?;
    Ok(head)
}

/// Rows after the one with the id `after`.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    tenant: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, at_ms, epoch, actor, action, kind, object, sequence, detail FROM audit \
         WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

fn from_row(row: Columns) -> Result<AuditRow, StoreError> {
    let (id, at, epoch, actor, action, kind, object, sequence, detail) = row;
    Ok(AuditRow {
        id,
        at: Timestamp::from_millis(at),
        epoch: unsigned(epoch),
        actor,
        action,
        kind,
        object,
        sequence: sequence.map(unsigned),
        detail: serde_json::from_str(&detail).map_err(StoreError::new)?,
    })
}
