//! How many there are of what, for metrics.

use sqlx::SqliteConnection;

use super::{
    super::{StoreError, records::Census},
    unsigned,
};

/// Counts identities and revocations of a tenant.
pub(super) async fn take(connection: &mut SqliteConnection, tenant: &str) -> Result<Census, StoreError> {
    let (known,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM identities WHERE tenant = $1")
        .bind(tenant)
        .fetch_one(&mut *connection)
        .await?;
    let (pending,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM pending_identities WHERE tenant = $1")
        .bind(tenant)
        .fetch_one(&mut *connection)
        .await?;
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT kind, COUNT(*) FROM revocations WHERE tenant = $1 AND revoked = 1 GROUP BY kind ORDER BY kind",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    let revoked = |kind: &str| {
        let row = rows.iter().find(|(known, _)| known == kind);
        row.map_or(0, |(_, count)| unsigned(*count))
    };
    let active = unsigned(known).saturating_sub(revoked("identity"));
    let kinds = ["identity", "client", "issuer"];
    Ok(Census {
        identities: [("active", active), ("pending", unsigned(pending)), ("revoked", revoked("identity"))]
            .map(|(state, count)| (state.to_owned(), count))
            .to_vec(),
        revocations: kinds.map(|kind| (kind.to_owned(), revoked(kind))).to_vec(),
    })
}
