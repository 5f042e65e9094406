//! What is revoked, by kind and id, with the epoch of the last word on it.

use cambist_core::{
    time::Timestamp,
    wire::changes::{Changes, Revoked, RevokedJti},
};
use serde_json::{json, value::Value};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    super::{
        ChangeError, StoreError,
        records::{Author, Head, IdentityFilter, Kind, RevokedToken},
    },
    audit,
    epoch::{self, Scope},
    identities, objects, signed, unsigned,
};

/// Revokes or reinstates. `None` when nothing changes.
pub(super) async fn set(
    connection: &mut SqliteConnection,
    tenant: &str,
    kind: Kind,
    id: &str,
    revoked: bool,
    author: &Author,
) -> Result<Option<Head>, ChangeError> {
    let was = is_revoked(connection, tenant, kind, id).await?;
    if kind == Kind::Identity {
        // Identities are revoked before they are ever seen; the row makes them visible.
        if !revoked && !was && identities::one(connection, tenant, id).await?.is_none() {
            return Err(ChangeError::Missing);
        }
        identities::ensure(connection, tenant, id, author.at).await?;
    } else if !was && objects::one(connection, tenant, kind, id).await?.is_none() {
        return Err(ChangeError::Missing);
    }
    if was == revoked {
        return Ok(None);
    }
    let head = epoch::advance(connection, tenant, author.at, Scope::Revocations).await?;
    sqlx::query(
        "INSERT INTO revocations (tenant, kind, id, revoked, epoch, at_ms) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant, kind, id) DO UPDATE SET revoked = excluded.revoked, epoch = excluded.epoch, \
         at_ms = excluded.at_ms",
    )
    .bind(tenant)
    .bind(kind.name())
    .bind(id)
    .bind(i64::from(revoked))
    .bind(signed(head.epoch))
    .bind(author.at.millis())
    .execute(&mut *connection)
    .await?;
    let action = if revoked { "revoke" } else { "reinstate" };
    let detail = json!({ "before": { "revoked": was }, "after": { "revoked": revoked } });
    audit::insert(connection, tenant, head.epoch, author, action, kind, id, &detail).await?;
    Ok(Some(head))
}

/// Revokes every identity that passes `filter`, at one epoch and with one audit row; how many that were.
pub(super) async fn set_selected(
    connection: &mut SqliteConnection,
    tenant: &str,
    filter: &IdentityFilter,
    selector: &Value,
    author: &Author,
) -> Result<(usize, Option<Head>), StoreError> {
    let count = identities::selected(connection, tenant, filter).await?.len();
    if count == 0 {
        return Ok((0, None));
    }
    let head = epoch::advance(connection, tenant, author.at, Scope::Revocations).await?;
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO revocations (tenant, kind, id, revoked, epoch, at_ms) SELECT i.tenant, 'identity', i.id, 1, ",
    );
    query.push_bind(signed(head.epoch)).push(", ").push_bind(author.at.millis());
    query.push(identities::FROM).push_bind(tenant);
    identities::narrow(&mut query, filter);
    query.push(
        " ON CONFLICT (tenant, kind, id) DO UPDATE SET revoked = excluded.revoked, epoch = excluded.epoch, \
         at_ms = excluded.at_ms",
    );
    query.build().persistent(false).execute(&mut *connection).await?;
    let detail = json!({ "before": { "revoked": false }, "after": { "revoked": true }, "selector": selector, "count": count });
    audit::insert(connection, tenant, head.epoch, author, "revoke_selected", Kind::Identity, "", &detail)
        .await?;
    Ok((count, Some(head)))
}

/// Revokes an access token. `None` when it is already.
pub(super) async fn set_token(
    connection: &mut SqliteConnection,
    tenant: &str,
    token: &RevokedToken,
    author: &Author,
) -> Result<Option<Head>, StoreError> {
    let RevokedToken { jti, exp, identity, detail } = token;
    let known: Option<(i64,)> =
        sqlx::query_as("SELECT exp FROM revoked_tokens WHERE tenant = $1 AND jti = $2")
            .bind(tenant)
            .bind(jti)
            .fetch_optional(&mut *connection)
            .await?;
    if known.is_some() {
        return Ok(None);
    }
    let head = epoch::advance(connection, tenant, author.at, Scope::Revocations).await?;
    sqlx::query("INSERT INTO revoked_tokens (tenant, jti, exp, epoch) VALUES ($1, $2, $3, $4)")
        .bind(tenant)
        .bind(jti)
        .bind(exp)
        .bind(signed(head.epoch))
        .execute(&mut *connection)
        .await?;
    audit::insert(connection, tenant, head.epoch, author, "revoke_token", Kind::Identity, identity, detail)
        .await?;
    Ok(Some(head))
}

/// Drops revoked tokens that nobody takes any more.
pub(super) async fn forget_tokens(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM revoked_tokens WHERE exp <= $1").bind(now.secs()).execute(connection).await?;
    Ok(())
}

/// Whether it is revoked.
pub(super) async fn is_revoked(
    connection: &mut SqliteConnection,
    tenant: &str,
    kind: Kind,
    id: &str,
) -> Result<bool, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT revoked FROM revocations WHERE tenant = $1 AND kind = $2 AND id = $3")
            .bind(tenant)
            .bind(kind.name())
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some_and(|(revoked,)| revoked != 0))
}

/// Everything after `since`, or everything. The connection must be in a transaction, so that the rows fit the epoch.
pub(super) async fn changes(
    connection: &mut SqliteConnection,
    tenant: &str,
    since: u64,
) -> Result<Changes, StoreError> {
    let Head { epoch, .. } = epoch::head(connection, tenant).await?;
    let (floor,): (i64,) = sqlx::query_as("SELECT changes_floor FROM tenants WHERE tenant = $1")
        .bind(tenant)
        .fetch_one(&mut *connection)
        .await?;
    let full = since == 0 || since > epoch || since < unsigned(floor);
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT kind, id, revoked FROM revocations WHERE tenant = $1 AND epoch > $2 ORDER BY epoch, kind, id",
    )
    .bind(tenant)
    .bind(if full { 0 } else { signed(since) })
    .fetch_all(&mut *connection)
    .await?;
    let tokens: Vec<(String, i64)> = sqlx::query_as(
        "SELECT jti, exp FROM revoked_tokens WHERE tenant = $1 AND epoch > $2 ORDER BY epoch, jti",
    )
    .bind(tenant)
    .bind(if full { 0 } else { signed(since) })
    .fetch_all(connection)
    .await?;
    let jtis = tokens.into_iter().map(|(jti, exp)| RevokedJti { jti, exp }).collect();
    let mut changes =
        Changes { epoch, full, revoke: Revoked::default(), reinstate: Revoked::default(), jtis };
    for (kind, id, revoked) in rows {
        let list = match (revoked != 0, full) {
            (true, _) => &mut changes.revoke,
            (false, false) => &mut changes.reinstate,
            (false, true) => continue,
        };
        match kind.as_str() {
            "identity" => list.identities.push(id),
            "client" => list.clients.push(id),
            "issuer" => list.issuers.push(id),
            other => return Err(StoreError::new(format!("unknown kind `{other}` among the revocations"))),
        }
    }
    Ok(changes)
}

/// Drops reinstatements older than `before`; who lags behind further gets the full list.
pub(super) async fn prune(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT tenant, MAX(epoch) FROM revocations WHERE revoked = 0 AND at_ms < $1 GROUP BY tenant",
    )
    .bind(before.millis())
    .fetch_all(&mut *connection)
    .await?;
    for (tenant, epoch) in rows {
        epoch::raise_floor(connection, &tenant, unsigned(epoch)).await?;
    }
    sqlx::query("DELETE FROM revocations WHERE revoked = 0 AND at_ms < $1")
        .bind(before.millis())
        .execute(connection)
        .await?;
    Ok(())
}
