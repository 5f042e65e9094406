//! The number that grows with every change.

use cambist_core::time::Timestamp;
use sqlx::SqliteConnection;

use super::{
    super::{
        StoreError,
        records::{Head, Heads},
    },
    signed, unsigned,
};

/// What a change touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Neither snapshots nor revocations.
    Records,
    /// What snapshots hold.
    Snapshot,
    /// Revocations.
    Revocations,
    /// Both.
    Everything,
}

/// The head of every tenant.
pub(super) async fn heads(connection: &mut SqliteConnection) -> Result<Heads, StoreError> {
    let rows: Vec<(String, i64, i64, i64)> =
        sqlx::query_as("SELECT tenant, epoch, snapshot_epoch, revocation_epoch FROM tenants")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(tenant, a, b, c)| (tenant, from_row((a, b, c)))).collect())
}

/// The head of a tenant.
pub(super) async fn head(connection: &mut SqliteConnection, tenant: &str) -> Result<Head, StoreError> {
    let row: (i64, i64, i64) =
        sqlx::query_as("SELECT epoch, snapshot_epoch, revocation_epoch FROM tenants WHERE tenant = $1")
            .bind(tenant)
            .fetch_one(connection)
            .await?;
    Ok(from_row(row))
}

/// Moves the epoch to `max(last + 1, Unix milliseconds)`, so that a restored backup is not refused for ever.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    tenant: &str,
    at: Timestamp,
    scope: Scope,
) -> Result<Head, StoreError> {
    let last = head(connection, tenant).await?;
    let epoch = last.epoch.saturating_add(1).max(unsigned(at.millis()));
    let snapshot = matches!(scope, Scope::Snapshot | Scope::Everything);
    let revocations = matches!(scope, Scope::Revocations | Scope::Everything);
    let next = Head {
        epoch,
        snapshot_epoch: if snapshot { epoch } else { last.snapshot_epoch },
        revocation_epoch: if revocations { epoch } else { last.revocation_epoch },
    };
    sqlx::query(
        "UPDATE tenants SET epoch = $2, snapshot_epoch = $3, revocation_epoch = $4 WHERE tenant = $1",
    )
    .bind(tenant)
    .bind(signed(next.epoch))
    .bind(signed(next.snapshot_epoch))
    .bind(signed(next.revocation_epoch))
    .execute(connection)
    .await?;
    Ok(next)
}

/// Answers every `since` before `epoch` with the full list of revocations.
pub(super) async fn raise_floor(
    connection: &mut SqliteConnection,
    tenant: &str,
    epoch: u64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE tenants SET changes_floor = $2 WHERE tenant = $1 AND changes_floor < $2")
        .bind(tenant)
        .bind(signed(epoch))
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row((epoch, snapshot_epoch, revocation_epoch): (i64, i64, i64)) -> Head {
    Head {
        epoch: unsigned(epoch),
        snapshot_epoch: unsigned(snapshot_epoch),
        revocation_epoch: unsigned(revocation_epoch),
    }
}
