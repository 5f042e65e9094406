//! Gateway tokens and the instances of gateways.

use cambist_core::time::Timestamp;
use sqlx::SqliteConnection;

use super::{
    super::{
        StoreError,
        records::{Digest, GatewayToken, Instance},
    },
    signed, unsigned,
};

/// The gateway token with this SHA-256, with the gateway's document.
pub(super) async fn by_token(
    connection: &mut SqliteConnection,
    token: Digest,
) -> Result<Option<GatewayToken>, StoreError> {
    let row: Option<(String, String, String)> = sqlx::query_as(
        "SELECT t.tenant, t.gateway, o.doc FROM gateway_tokens t \
         JOIN objects o ON o.tenant = t.tenant AND o.kind = 'gateway' AND o.id = t.gateway \
         WHERE t.token_sha256 = $1",
    )
    .bind(token.as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((tenant, gateway, doc)) = row else { return Ok(None) };
    let doc = serde_json::from_str(&doc).map_err(StoreError::new)?;
    Ok(Some(GatewayToken { tenant, gateway, token_sha256: token, doc }))
}

/// Adds a token.
pub(super) async fn set_token(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &str,
    token: Digest,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gateway_tokens (token_sha256, tenant, gateway, created_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(token.as_slice())
    .bind(tenant)
    .bind(gateway)
    .bind(at.millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops every token of a gateway.
pub(super) async fn drop_tokens(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM gateway_tokens WHERE tenant = $1 AND gateway = $2")
        .bind(tenant)
        .bind(gateway)
        .execute(connection)
        .await?;
    Ok(())
}

/// Drops every instance of a gateway.
pub(super) async fn drop_instances(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM instances WHERE tenant = $1 AND gateway = $2")
        .bind(tenant)
        .bind(gateway)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes what an instance says of itself. `dropped` only grows: polls do not carry it.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &str,
    instance: &Instance,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO instances (tenant, gateway, instance, running_epoch, last_error, last_seen_ms, dropped) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant, gateway, instance) DO UPDATE SET running_epoch = excluded.running_epoch, \
         last_error = excluded.last_error, last_seen_ms = excluded.last_seen_ms, \
         dropped = CASE WHEN excluded.dropped > instances.dropped THEN excluded.dropped ELSE instances.dropped END",
    )
    .bind(tenant)
    .bind(gateway)
    .bind(&instance.instance)
    .bind(signed(instance.running_epoch))
    .bind(&instance.last_error)
    .bind(instance.last_seen.millis())
    .bind(signed(instance.dropped))
    .execute(connection)
    .await?;
    Ok(())
}

/// A row of `instances`, behind its gateway.
type Row = (String, String, i64, Option<String>, i64, i64);

/// The instances of a gateway by id.
pub(super) async fn instances(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &str,
) -> Result<Vec<Instance>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT gateway, instance, running_epoch, last_error, last_seen_ms, dropped FROM instances \
         WHERE tenant = $1 AND gateway = $2 ORDER BY instance",
    )
    .bind(tenant)
    .bind(gateway)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| read(row).1).collect())
}

/// The instances of every gateway, by gateway and id.
pub(super) async fn every_instance(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<Vec<(String, Instance)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT gateway, instance, running_epoch, last_error, last_seen_ms, dropped FROM instances \
         WHERE tenant = $1 ORDER BY gateway, instance",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(read).collect())
}

fn read((gateway, instance, running_epoch, last_error, last_seen, dropped): Row) -> (String, Instance) {
    let instance = Instance {
        instance,
        running_epoch: unsigned(running_epoch),
        last_error,
        last_seen: Timestamp::from_millis(last_seen),
        dropped: unsigned(dropped),
    };
    (gateway, instance)
}

/// Drops instances that were last seen before `before`.
pub(super) async fn prune(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM instances WHERE last_seen_ms < $1")
        .bind(before.millis())
        .execute(connection)
        .await?;
    Ok(())
}
