//! Uses of tokens.

use cambist_core::time::Timestamp;
use sqlx::SqliteConnection;

use super::super::{StoreError, records::TokenUse};

/// Adds uses in their order; for each whether it was not there.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    uses: &[TokenUse],
) -> Result<Vec<bool>, StoreError> {
    let mut first = Vec::with_capacity(uses.len());
    for TokenUse { tenant, issuer, key, exp } in uses {
        let done = sqlx::query(
            "INSERT INTO consumptions (tenant, issuer, key, exp) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, issuer, key) DO NOTHING",
        )
        .bind(tenant)
        .bind(issuer)
        .bind(key.as_slice())
        .bind(exp)
        .execute(&mut *connection)
        .await?;
        first.push(done.rows_affected() == 1);
    }
    Ok(first)
}

/// Drops up to `most` that ended before `before`, and says how many that were.
pub(super) async fn purge(
    connection: &mut SqliteConnection,
    before: Timestamp,
    most: u32,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM consumptions WHERE (tenant, issuer, key) IN \
         (SELECT tenant, issuer, key FROM consumptions WHERE exp < $1 ORDER BY exp LIMIT $2)",
    )
    .bind(before.secs())
    .bind(most)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
