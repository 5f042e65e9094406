//! Signing keys. The private part arrives and leaves encrypted.

use cambist_core::{secret::Secret, time::Timestamp};
use serde_json::json;
use sqlx::SqliteConnection;

use super::{
    super::{
        StoreError,
        records::{Author, Head, KeyRole, Kind, StoredKey},
    },
    audit,
};
use crate::clock::rfc3339;

type Columns = (String, String, String, String, Vec<u8>, String, i64, i64, Option<i64>);

/// Every key of a tenant in the order of creation and `kid`.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<Vec<StoredKey>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT kid, role, alg, public_jwk, private_key, kek_id, created_ms, not_before_ms, not_after_ms \
         FROM keys WHERE tenant = $1 ORDER BY created_ms, kid",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// Adds a key.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    tenant: &str,
    key: &StoredKey,
) -> Result<(), StoreError> {
    let StoredKey { kid, role, alg, public_jwk, sealed, kek_id, created, not_before, not_after } = key;
    sqlx::query(
        "INSERT INTO keys (tenant, kid, role, alg, public_jwk, private_key, kek_id, created_ms, not_before_ms, \
         not_after_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant)
    .bind(kid)
    .bind(role.name())
    .bind(alg)
    .bind(public_jwk.to_string())
    .bind(sealed.expose().as_slice())
    .bind(kek_id)
    .bind(created.millis())
    .bind(not_before.millis())
    .bind(not_after.map(Timestamp::millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the keys of a role and algorithm that have no end yet end at `not_after`.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    tenant: &str,
    role: KeyRole,
    alg: &str,
    not_after: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE keys SET not_after_ms = $4 \
         WHERE tenant = $1 AND role = $2 AND alg = $3 AND not_after_ms IS NULL",
    )
    .bind(tenant)
    .bind(role.name())
    .bind(alg)
    .bind(not_after.millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a key.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    tenant: &str,
    kid: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM keys WHERE tenant = $1 AND kid = $2")
        .bind(tenant)
        .bind(kid)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes the epoch and audit row of a key that was made, or deleted.
pub(super) async fn changed(
    connection: &mut SqliteConnection,
    tenant: &str,
    kid: &str,
    made: Option<&StoredKey>,
    author: &Author,
) -> Result<Head, StoreError> {
    let (action, detail) = match made {
        Some(StoredKey {
            kid: _,
            role,
            alg,
            public_jwk: _,
            sealed: _,
            kek_id: _,
            not_before,
            not_after,
            ..
        }) => {
            let key = json!({
                "role": role.name(),
                "alg": alg,
                "not_before": rfc3339(*not_before),
                "not_after": not_after.map(rfc3339),
            });
            ("create", json!({ "before": null, "after": key }))
        }
        None => ("delete", json!({ "before": { "kid": kid }, "after": null })),
    };
    audit::change(connection, tenant, author, action, (Kind::Key, kid), &detail).await
}

fn from_row(row: Columns) -> Result<StoredKey, StoreError> {
    let (kid, role, alg, public_jwk, sealed, kek_id, created, not_before, not_after) = row;
    let role = match role.as_str() {
        "authority" => KeyRole::Authority,
        "fleet" => KeyRole::Fleet,
        other => return Err(StoreError::new(format!("unknown role `{other}` of key {kid}"))),
    };
    Ok(StoredKey {
        kid,
        role,
        alg,
        public_jwk: serde_json::from_str(&public_jwk).map_err(StoreError::new)?,
        sealed: Secret::new(sealed),
        kek_id,
        created: Timestamp::from_millis(created),
        not_before: Timestamp::from_millis(not_before),
        not_after: not_after.map(Timestamp::from_millis),
    })
}
