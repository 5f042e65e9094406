//! Secrets of clients, by their SHA-256.

use cambist_core::time::Timestamp;
use serde_json::json;
use sqlx::SqliteConnection;

use super::{
    super::{
        ChangeError, StoreError,
        records::{Author, ClientSecret, Digest, Head, Kind},
    },
    audit, objects,
};

/// Secrets that a client may have at once: one, and the one that takes its place.
const MOST: usize = 2;

type Columns = (String, String, Vec<u8>, i64);

/// The secrets of all clients of a tenant, by client and age.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<Vec<ClientSecret>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT client_id, id, secret_sha256, created_ms FROM client_secrets \
         WHERE tenant = $1 ORDER BY client_id, created_ms, id",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// The secrets of one client, by age.
pub(super) async fn of(
    connection: &mut SqliteConnection,
    tenant: &str,
    client: &str,
) -> Result<Vec<ClientSecret>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT client_id, id, secret_sha256, created_ms FROM client_secrets \
         WHERE tenant = $1 AND client_id = $2 ORDER BY created_ms, id",
    )
    .bind(tenant)
    .bind(client)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// Adds a secret to a client that has fewer than two.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    tenant: &str,
    secret: &ClientSecret,
    author: &Author,
) -> Result<Head, ChangeError> {
    let ClientSecret { client_id, id, secret_sha256, created } = secret;
    if objects::one(connection, tenant, Kind::Client, client_id).await?.is_none() {
        return Err(ChangeError::Missing);
    }
    if of(connection, tenant, client_id).await?.len() >= MOST {
        return Err(ChangeError::Exists);
    }
    sqlx::query(
        "INSERT INTO client_secrets (tenant, client_id, id, secret_sha256, created_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tenant)
    .bind(client_id)
    .bind(id)
    .bind(secret_sha256.as_slice())
    .bind(created.millis())
    .execute(&mut *connection)
    .await?;
    let detail = json!({ "before": null, "after": { "secret": id } });
    Ok(audit::change(connection, tenant, author, "add_secret", (Kind::Client, client_id), &detail).await?)
}

/// Removes a secret.
pub(super) async fn remove(
    connection: &mut SqliteConnection,
    tenant: &str,
    client: &str,
    id: &str,
    author: &Author,
) -> Result<Head, ChangeError> {
    let removed = sqlx::query("DELETE FROM client_secrets WHERE tenant = $1 AND client_id = $2 AND id = $3")
        .bind(tenant)
        .bind(client)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    if removed.rows_affected() == 0 {
        return Err(ChangeError::Missing);
    }
    let detail = json!({ "before": { "secret": id }, "after": null });
    Ok(audit::change(connection, tenant, author, "remove_secret", (Kind::Client, client), &detail).await?)
}

/// Drops the secrets of a client that is deleted.
pub(super) async fn drop_all(
    connection: &mut SqliteConnection,
    tenant: &str,
    client: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM client_secrets WHERE tenant = $1 AND client_id = $2")
        .bind(tenant)
        .bind(client)
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row((client_id, id, secret, created): Columns) -> Result<ClientSecret, StoreError> {
    let secret_sha256 = Digest::try_from(secret).map_err(|_| StoreError::new("a secret is no SHA-256"))?;
    Ok(ClientSecret { client_id, id, secret_sha256, created: Timestamp::from_millis(created) })
}
