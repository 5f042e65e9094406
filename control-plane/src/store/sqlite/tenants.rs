//! Tenants, settings and admin tokens.

use cambist_core::time::Timestamp;
use serde_json::json;
use sqlx::SqliteConnection;

use super::{
    super::{
        ChangeError, StoreError,
        records::{AdminToken, Author, Deployment, Digest, Head, Kind, Tenant},
    },
    audit,
    epoch::{self, Scope},
    keys,
};

/// Writes everything that a deployment starts with.
pub(super) async fn initialise(
    connection: &mut SqliteConnection,
    deployment: &Deployment,
    author: &Author,
) -> Result<Head, ChangeError> {
    let Deployment { tenant, admin_token, settings, keys } = deployment;
    if !all(connection).await?.is_empty() {
        return Err(ChangeError::Exists);
    }
    let name = tenant.tenant.as_str();
    insert(connection, tenant, author.at).await?;
    insert_admin_token(connection, name, *admin_token, "first", author.at).await?;
    for (setting, value) in settings {
        insert_setting(connection, setting, value).await?;
    }
    for key in keys {
        keys::insert(connection, name, key).await?;
    }
    let head = epoch::advance(connection, name, author.at, Scope::Everything).await?;
    let after = json!({ "authority": tenant.authority, "max_staleness": tenant.max_staleness });
    let detail = json!({ "before": null, "after": after });
    audit::insert(connection, name, head.epoch, author, "initialise", Kind::Tenant, name, &detail).await?;
    Ok(head)
}

/// Begins a new epoch, before which nothing is taken for granted.
pub(super) async fn start(
    connection: &mut SqliteConnection,
    tenant: &str,
    author: &Author,
) -> Result<Head, StoreError> {
    let head = epoch::advance(connection, tenant, author.at, Scope::Everything).await?;
    epoch::raise_floor(connection, tenant, head.epoch).await?;
    audit::insert(connection, tenant, head.epoch, author, "start", Kind::Tenant, tenant, &json!({})).await?;
    Ok(head)
}

/// Every tenant, by name.
pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<Tenant>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT tenant, authority, max_staleness FROM tenants ORDER BY tenant")
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(tenant, authority, max_staleness)| Tenant {
            tenant,
            authority,
            max_staleness: u32::try_from(max_staleness).unwrap_or(0),
        })
        .collect())
}

/// Adds a tenant with epoch 0.
async fn insert(connection: &mut SqliteConnection, tenant: &Tenant, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tenants (tenant, authority, max_staleness, epoch, snapshot_epoch, revocation_epoch, \
         changes_floor, created_ms) VALUES ($1, $2, $3, 0, 0, 0, 0, $4)",
    )
    .bind(&tenant.tenant)
    .bind(&tenant.authority)
    .bind(i64::from(tenant.max_staleness))
    .bind(at.millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// A setting of the deployment.
pub(super) async fn setting(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT value FROM settings WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(value,)| value))
}

/// Adds a setting.
async fn insert_setting(
    connection: &mut SqliteConnection,
    name: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2)")
        .bind(name)
        .bind(value)
        .execute(connection)
        .await?;
    Ok(())
}

/// The admin token with this SHA-256.
pub(super) async fn admin_token(
    connection: &mut SqliteConnection,
    token: Digest,
) -> Result<Option<AdminToken>, StoreError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT tenant, name FROM admin_tokens WHERE token_sha256 = $1")
            .bind(token.as_slice())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(tenant, name)| AdminToken { tenant, name, token_sha256: token }))
}

/// Adds an admin token.
async fn insert_admin_token(
    connection: &mut SqliteConnection,
    tenant: &str,
    token: Digest,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO admin_tokens (token_sha256, tenant, name, created_ms) VALUES ($1, $2, $3, $4)")
        .bind(token.as_slice())
        .bind(tenant)
        .bind(name)
        .bind(at.millis())
        .execute(connection)
        .await?;
    Ok(())
}
