//! Audit rows: the only file that adds them, each as the next link of its tenant's chain.

use std::sync::LazyLock;

use cambist_core::time::Timestamp;
use serde_json::value::Value;
use sqlx::{Arguments as _, SqliteConnection, sqlite::SqliteArguments};

use super::{
    super::{
        StoreError,
        chain::{Columns, Link},
        records::{Author, Digest, Head, Kind},
    },
    epoch::{self, Scope},
    signed,
};

mod reading;
mod stored;
mod verifying;

pub(super) use self::{
    reading::{gaps, trail},
    verifying::{seal, verify},
};

/// A row that is to be added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) at: Timestamp,
    pub(super) epoch: u64,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) kind: &'a str,
    pub(super) object: &'a str,
    pub(super) request: &'a str,
    /// Whose event it is, and its position there.
    pub(super) event: Option<(&'a str, u64)>,
    pub(super) detail: &'a str,
}

/// Columns of a row.
const WIDTH: usize = 13;
/// Rows per statement. Few sizes, so that each is prepared once.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

static STATEMENTS: LazyLock<[(usize, String); SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|rows| {
        let row = format!("({})", ["?"; WIDTH].join(","));
        let values = vec![row; rows].join(",");
        let text = format!(
            "INSERT INTO audit (id, tenant, at_ms, epoch, actor, action, kind, object, request, instance, \
             sequence, detail, hash) VALUES {values}"
        );
        (rows, text)
    })
});

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
    let entry = Entry {
        at: author.at,
        epoch,
        actor: &author.actor,
        action,
        kind: kind.name(),
        object,
        request: &author.request,
        event: None,
        detail: &detail.to_string(),
    };
    append(connection, tenant, &[entry]).await
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

/// Adds rows in their order behind the last one of the tenant.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    tenant: &str,
    entries: &[Entry<'_>],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut last = head(connection, tenant).await?;
    let (newest,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(id), 0) FROM audit").fetch_one(&mut *connection).await?;
    // A row that somebody took away leaves its number behind.
    let mut id = newest.max(last.id);
    let mut buffer = Vec::new();
    let mut rest = entries;
    for (size, statement) in STATEMENTS.iter() {
        while let Some((rows, later)) = rest.split_at_checked(*size) {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(size.saturating_mul(WIDTH), 0);
            for row in rows {
                id = id.saturating_add(1);
                let columns = row.columns(id, tenant);
                let hash = columns.hash(&last.hash, &mut buffer);
                bind(&mut arguments, &columns, &hash)?;
                last = Link { id, hash };
            }
            sqlx::query_with(statement.as_str(), arguments).execute(&mut *connection).await?;
            rest = later;
        }
    }
    move_head(connection, tenant, last).await
}

/// The last link of a tenant's chain.
pub(super) async fn head(connection: &mut SqliteConnection, tenant: &str) -> Result<Link, StoreError> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT id, hash FROM audit_heads WHERE tenant = ?")
        .bind(tenant)
        .fetch_optional(connection)
        .await?;
    let Some((id, hash)) = row else { return Ok(Link::default()) };
    let hash = Digest::try_from(hash).map_err(|_| StoreError::new("the end of the chain is no SHA-256"))?;
    Ok(Link { id, hash })
}

async fn move_head(connection: &mut SqliteConnection, tenant: &str, last: Link) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_heads (tenant, id, hash, legacy) VALUES (?, ?, ?, 0) \
         ON CONFLICT (tenant) DO UPDATE SET id = excluded.id, hash = excluded.hash",
    )
    .bind(tenant)
    .bind(last.id)
    .bind(last.hash.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

fn bind(arguments: &mut SqliteArguments, row: &Columns<'_>, hash: &Digest) -> Result<(), StoreError> {
    let Columns {
        id,
        tenant,
        at_ms,
        epoch,
        actor,
        action,
        kind,
        object,
        request,
        instance,
        sequence,
        detail,
    } = *row;
    arguments.add(id).map_err(StoreError::new)?;
    arguments.add(tenant).map_err(StoreError::new)?;
    arguments.add(at_ms).map_err(StoreError::new)?;
    arguments.add(epoch).map_err(StoreError::new)?;
    for text in [actor, action, kind, object, request] {
        arguments.add(text).map_err(StoreError::new)?;
    }
    arguments.add(instance).map_err(StoreError::new)?;
    arguments.add(sequence).map_err(StoreError::new)?;
    arguments.add(detail).map_err(StoreError::new)?;
    arguments.add(hash.as_slice()).map_err(StoreError::new)
}

// === impl Entry ===

impl<'a> Entry<'a> {
    fn columns(&self, id: i64, tenant: &'a str) -> Columns<'a> {
        let Self { at, epoch, actor, action, kind, object, request, event, detail } = *self;
        Columns {
            id,
            tenant,
            at_ms: at.millis(),
            epoch: signed(epoch),
            actor,
            action,
            kind,
            object,
            request,
            instance: event.map(|(instance, _)| instance),
            sequence: event.map(|(_, sequence)| signed(sequence)),
            detail,
        }
    }
}
