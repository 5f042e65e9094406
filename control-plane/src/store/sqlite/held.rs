//! Keys of issuers that the control plane holds for gateways.

use cambist_core::{time::Timestamp, wire::snapshot::Carrier};
use serde_json::{json, value::Value};
use sqlx::SqliteConnection;

use super::{
    super::{
        ChangeError, StoreError,
        records::{Author, Check, Digest, Expectation, Head, HeldKeys, HeldSet, Kind},
    },
    audit, objects, signed, unsigned,
};

type Columns = (String, String, Vec<u8>, String, String, i64, String, i64, Option<i64>);

/// The keys of every issuer of a tenant, by issuer.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<Vec<HeldKeys>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT issuer, source, origin, jwks, skipped, version, actor, at_ms, fresh_until_ms FROM issuer_keys \
         WHERE tenant = $1 ORDER BY issuer",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// The keys of one issuer.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    tenant: &str,
    issuer: &str,
) -> Result<Option<HeldKeys>, StoreError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT issuer, source, origin, jwks, skipped, version, actor, at_ms, fresh_until_ms FROM issuer_keys \
         WHERE tenant = $1 AND issuer = $2",
    )
    .bind(tenant)
    .bind(issuer)
    .fetch_optional(connection)
    .await?;
    row.map(from_row).transpose()
}

/// Holds a set. Without audit row and epoch where the same set was fetched again.
pub(super) async fn hold(
    connection: &mut SqliteConnection,
    tenant: &str,
    issuer: &str,
    set: HeldSet,
    expected: Expectation,
    author: &Author,
    check: Check<'_>,
) -> Result<(HeldKeys, Option<Head>), ChangeError> {
    if objects::one(connection, tenant, Kind::Issuer, issuer).await?.is_none() {
        return Err(ChangeError::Missing);
    }
    let before = one(connection, tenant, issuer).await?;
    demand(before.as_ref(), expected)?;
    let fetched_again = before.as_ref().is_some_and(|before| {
        set.carrier == Carrier::ControlPlane
            && before.set.carrier == set.carrier
            && before.set.origin == set.origin
            && before.set.jwks == set.jwks
    });
    let version = before.as_ref().map_or(0, |before| before.version);
    let keys = HeldKeys {
        issuer: issuer.to_owned(),
        set,
        version: if fetched_again { version } else { version.saturating_add(1) },
        actor: author.actor.clone(),
        at: author.at,
    };
    upsert(connection, tenant, &keys).await?;
    if fetched_again {
        return Ok((keys, None));
    }
    let faults = check(&objects::configuration(connection, tenant).await?, &all(connection, tenant).await?);
    if !faults.is_empty() {
        return Err(ChangeError::Invalid(faults));
    }
    let action = match keys.set.carrier {
        Carrier::Pushed => "push_keys",
        Carrier::ControlPlane => "fetch_keys",
    };
    let detail = json!({ "before": before.as_ref().map(kids), "after": kids(&keys) });
    let head = audit::change(connection, tenant, author, action, (Kind::Issuer, issuer), &detail).await?;
    Ok((keys, Some(head)))
}

/// Lets go of the keys of an issuer.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    tenant: &str,
    issuer: &str,
    expected: Expectation,
    author: &Author,
) -> Result<Head, ChangeError> {
    let before = one(connection, tenant, issuer).await?.ok_or(ChangeError::Missing)?;
    demand(Some(&before), expected)?;
    delete(connection, tenant, issuer).await?;
    let detail = json!({ "before": kids(&before), "after": null });
    Ok(audit::change(connection, tenant, author, "withdraw_keys", (Kind::Issuer, issuer), &detail).await?)
}

/// Drops the keys of an issuer that is deleted.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    tenant: &str,
    issuer: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM issuer_keys WHERE tenant = $1 AND issuer = $2")
        .bind(tenant)
        .bind(issuer)
        .execute(connection)
        .await?;
    Ok(())
}

fn demand(before: Option<&HeldKeys>, expected: Expectation) -> Result<(), ChangeError> {
    let current = before.map_or(0, |before| before.version);
    let fits = match expected {
        Expectation::Nothing => before.is_none(),
        Expectation::Version(version) => before.is_some() && version == current,
        Expectation::Anything => true,
    };
    if fits { Ok(()) } else { Err(ChangeError::Stale { current }) }
}

async fn upsert(connection: &mut SqliteConnection, tenant: &str, keys: &HeldKeys) -> Result<(), StoreError> {
    let HeldKeys { issuer, set, version, actor, at } = keys;
    let HeldSet { carrier, origin, jwks, skipped, fresh_until } = set;
    sqlx::query(
        "INSERT INTO issuer_keys (tenant, issuer, source, origin, jwks, skipped, version, actor, at_ms, \
         fresh_until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (tenant, issuer) DO UPDATE SET source = excluded.source, origin = excluded.origin, \
         jwks = excluded.jwks, skipped = excluded.skipped, version = excluded.version, actor = excluded.actor, \
         at_ms = excluded.at_ms, fresh_until_ms = excluded.fresh_until_ms",
    )
    .bind(tenant)
    .bind(issuer)
    .bind(name(*carrier))
    .bind(origin.as_slice())
    .bind(jwks.to_string())
    .bind(json!(skipped).to_string())
    .bind(signed(*version))
    .bind(actor)
    .bind(at.millis())
    .bind(fresh_until.map(Timestamp::millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// What an audit row says of a set.
fn kids(keys: &HeldKeys) -> Value {
    let keys = keys.set.jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.iter().map(|key| key.get("kid").cloned().unwrap_or_default()).collect()
}

const fn name(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Pushed => "pushed",
        Carrier::ControlPlane => "control_plane",
    }
}

fn from_row(row: Columns) -> Result<HeldKeys, StoreError> {
    let (issuer, source, origin, jwks, skipped, version, actor, at, fresh_until) = row;
    let carrier = [Carrier::Pushed, Carrier::ControlPlane].into_iter().find(|one| name(*one) == source);
    let unknown = || StoreError::new(format!("unknown source `{source}` of the keys of `{issuer}`"));
    let set = HeldSet {
        carrier: carrier.ok_or_else(unknown)?,
        origin: Digest::try_from(origin).map_err(|_| StoreError::new("an origin is no SHA-256"))?,
        jwks: serde_json::from_str(&jwks).map_err(StoreError::new)?,
        skipped: serde_json::from_str(&skipped).map_err(StoreError::new)?,
        fresh_until: fresh_until.map(Timestamp::from_millis),
    };
    Ok(HeldKeys { issuer, set, version: unsigned(version), actor, at: Timestamp::from_millis(at) })
}
