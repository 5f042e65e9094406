//! The chain looked at again, and rows sealed that are from before there was one.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    super::super::{
        StoreError,
        chain::{Broken, Link, Verification},
    },
    head, move_head,
    stored::{self, Stored},
};

/// Rows that are read at once.
const STEP: u32 = 1_000;

/// Looks at up to `most` rows behind `from`. The connection must be in a transaction, so that the end fits the rows.
pub(in super::super) async fn verify(
    connection: &mut SqliteConnection,
    tenant: &str,
    from: Link,
    most: u32,
) -> Result<Verification, StoreError> {
    let mut found = Verification { last: from, ..Verification::default() };
    let mut buffer = Vec::new();
    let mut left = most;
    while left > 0 {
        let rows = rows(connection, tenant, found.last.id, left.min(STEP)).await?;
        if rows.is_empty() {
            found.is_end = true;
            let end = head(connection, tenant).await?;
            if end != found.last {
                let reason = if end.id > found.last.id {
                    "rows at the end of the trail are gone"
                } else {
                    "the trail goes on behind the row that is noted as its last"
                };
                found.broken = Some(Broken { id: end.id, after: found.last.id, reason });
            }
            break;
        }
        for row in rows {
            let hash = row.columns(tenant).hash(&found.last.hash, &mut buffer);
            if row.hash.as_deref() != Some(hash.as_slice()) {
                let reason = if row.hash.is_none() {
                    "the row carries no hash"
                } else {
                    "the row is not what was written behind the one before it"
                };
                found.broken = Some(Broken { id: row.id, after: found.last.id, reason });
                return Ok(found);
            }
            found.last = Link { id: row.id, hash };
            found.rows = found.rows.saturating_add(1);
            left = left.saturating_sub(1);
        }
    }
    Ok(found)
}

/// Seals the next rows from before there was a chain; false when none is left. One transaction for each call.
pub(in super::super) async fn seal(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT tenant, legacy FROM audit_heads WHERE id < legacy ORDER BY tenant LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let Some((tenant, legacy)) = row else { return Ok(false) };
    let mut last = head(connection, &tenant).await?;
    let mut buffer = Vec::new();
    for row in rows(connection, &tenant, last.id, STEP).await? {
        if row.id > legacy {
            break;
        }
        let hash = row.columns(&tenant).hash(&last.hash, &mut buffer);
        sqlx::query("UPDATE audit SET hash = ? WHERE id = ?")
            .bind(hash.as_slice())
            .bind(row.id)
            .execute(&mut *connection)
            .await?;
        last = Link { id: row.id, hash };
    }
    move_head(connection, &tenant, last).await?;
    Ok(true)
}

async fn rows(
    connection: &mut SqliteConnection,
    tenant: &str,
    after: i64,
    most: u32,
) -> Result<Vec<Stored>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(stored::SELECT);
    query.push(" WHERE tenant = ").push_bind(tenant).push(" AND id > ").push_bind(after);
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(most));
    let rows: Vec<stored::Row> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(Stored::from).collect())
}
