//! Identities as rows: registered, seen or revoked.

use std::collections::{BTreeMap, HashSet};

use cambist_core::time::Timestamp;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    super::{
        ChangeError, StoreError,
        difference::difference,
        records::{
            Author, Head, Identity, IdentityFilter, IdentityKind, Kind, MOST_LABELS, MOST_SELECTED, Page,
            Tuple,
        },
    },
    admission, audit,
    epoch::{self, Scope},
    objects, revocations, unsigned,
};
use crate::fault::Fault;

type Columns = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    i64,
    String,
    Option<String>,
    String,
    String,
);

const SELECT: &str = "SELECT i.id, i.client_id, i.issuer, i.audience, i.subject, i.first_seen_ms, i.last_seen_ms, \
                      i.count, i.created_ms, COALESCE(r.revoked, 0), i.fields, o.doc ->> '$.cluster', i.kind, \
                      i.labels";

/// Identities of a tenant, with what others say of them; its name follows.
pub(super) const FROM: &str = " FROM identities i \
                               LEFT JOIN revocations r \
                               ON r.tenant = i.tenant AND r.kind = 'identity' AND r.id = i.id \
                               LEFT JOIN objects o \
                               ON o.tenant = i.tenant AND o.kind = 'issuer' AND o.id = i.issuer \
                               WHERE i.tenant = ";

/// One identity.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
) -> Result<Option<Identity>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(FROM).push_bind(tenant).push(" AND i.id = ").push_bind(id);
    let row: Option<Columns> = query.build_query_as().fetch_optional(connection).await?;
    row.map(from_row).transpose()
}

/// Identities that pass `filter`, after `page.after`.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    tenant: &str,
    filter: IdentityFilter,
    page: Page,
) -> Result<Vec<Identity>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(FROM).push_bind(tenant);
    narrow(&mut query, &filter);
    query.push(" AND i.id > ").push_bind(page.after.unwrap_or_default());
    query.push(" ORDER BY i.id LIMIT ").push_bind(i64::from(page.limit));
    let rows: Vec<Columns> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(from_row).collect()
}

/// The ids of identities that pass `filter`, one more than may be revoked at once at most.
pub(super) async fn selected(
    connection: &mut SqliteConnection,
    tenant: &str,
    filter: &IdentityFilter,
) -> Result<Vec<String>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT i.id");
    query.push(FROM).push_bind(tenant);
    narrow(&mut query, filter);
    let most = i64::try_from(MOST_SELECTED).unwrap_or(i64::MAX).saturating_add(1);
    query.push(" ORDER BY i.id LIMIT ").push_bind(most);
    let rows: Vec<(String,)> = query.build_query_as().persistent(false).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Adds to a query that ends with [`FROM`] and the tenant.
pub(super) fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &IdentityFilter) {
    let IdentityFilter { client_id, issuer, revoked, fields, labels, cluster, last_seen_before } =
        filter.clone();
    if let Some(client_id) = client_id {
        query.push(" AND i.client_id = ").push_bind(client_id);
    }
    if let Some(issuer) = issuer {
        query.push(" AND i.issuer = ").push_bind(issuer);
    }
    if let Some(revoked) = revoked {
        query.push(" AND COALESCE(r.revoked, 0) = ").push_bind(i64::from(revoked));
    }
    for (column, texts) in [("fields", fields), ("labels", labels)] {
        for (name, value) in texts {
            // The name is bound, too; the caller saw to it that it is one.
            query.push(format_args!(" AND i.{column} ->> ")).push_bind(name).push(" = ").push_bind(value);
        }
    }
    if let Some(cluster) = cluster {
        query.push(" AND o.doc ->> '$.cluster' = ").push_bind(cluster);
    }
    if let Some(before) = last_seen_before {
        // One that was never seen is as old as its row.
        query.push(" AND COALESCE(i.last_seen_ms, i.created_ms) < ").push_bind(before.millis());
    }
}

/// Sets and takes away labels. No head when that changes nothing.
pub(super) async fn label(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    labels: BTreeMap<String, Option<String>>,
    author: &Author,
) -> Result<(Identity, Option<Head>), ChangeError> {
    let before = one(connection, tenant, id).await?.ok_or(ChangeError::Missing)?;
    let mut after = before.clone();
    for (name, value) in labels {
        match value {
            Some(value) => after.labels.insert(name, value),
            None => after.labels.remove(&name),
        };
    }
    if after.labels.len() > MOST_LABELS {
        let detail = format!("an identity has at most {MOST_LABELS} labels");
        return Err(ChangeError::Invalid(vec![Fault::new("/labels", detail)]));
    }
    if after.labels == before.labels {
        return Ok((after, None));
    }
    sqlx::query("UPDATE identities SET labels = $3 WHERE tenant = $1 AND id = $2")
        .bind(tenant)
        .bind(id)
        .bind(json!(after.labels).to_string())
        .execute(&mut *connection)
        .await?;
    let detail = difference(Some(&json!(before.labels)), Some(&json!(after.labels)));
    let head = epoch::advance(connection, tenant, author.at, Scope::Records).await?;
    audit::insert(connection, tenant, head.epoch, author, "label", Kind::Identity, id, &detail).await?;
    Ok((after, Some(head)))
}

/// Lets in an identity, seen or not.
pub(super) async fn register(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    tuple: &Tuple,
    author: &Author,
) -> Result<(Identity, Head), ChangeError> {
    if admission::is_admitted(connection, tenant, id).await? {
        return Err(ChangeError::Exists);
    }
    let mut faults = Vec::new();
    for (kind, pointer, target) in
        [(Kind::Client, "/client_id", &tuple.client_id), (Kind::Issuer, "/issuer", &tuple.issuer)]
    {
        if objects::one(connection, tenant, kind, target).await?.is_none() {
            let detail = format!("there is no {} with the id `{target}`; create it first", kind.name());
            faults.push(Fault::new(pointer, detail));
        }
    }
    if !faults.is_empty() {
        return Err(ChangeError::Invalid(faults));
    }
    let kind = IdentityKind::Workload;
    let sighting = Sighting { id, kind, tuple, fields: NO_FIELDS, seen: None, mints: 0 };
    touch(connection, tenant, &[sighting], author.at).await?;
    admission::admit(connection, tenant, id, author.at).await?;
    let head = epoch::advance(connection, tenant, author.at, Scope::Records).await?;
    let Tuple { client_id, issuer, audience, subject } = tuple;
    let after = json!({ "client_id": client_id, "issuer": issuer, "audience": audience, "subject": subject });
    let detail = json!({ "before": null, "after": after });
    audit::insert(connection, tenant, head.epoch, author, "create", Kind::Identity, id, &detail).await?;
    let identity = one(connection, tenant, id).await?.ok_or(ChangeError::Missing)?;
    Ok((identity, head))
}

/// Deletes an identity that is not revoked.
pub(super) async fn forget(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    author: &Author,
) -> Result<Head, ChangeError> {
    if revocations::is_revoked(connection, tenant, Kind::Identity, id).await? {
        return Err(ChangeError::Revoked);
    }
    let before = one(connection, tenant, id).await?.and_then(|known| known.tuple).map(|tuple| {
        let Tuple { client_id, issuer, audience, subject } = tuple;
        json!({ "client_id": client_id, "issuer": issuer, "audience": audience, "subject": subject })
    });
    let deleted = sqlx::query("DELETE FROM identities WHERE tenant = $1 AND id = $2")
        .bind(tenant)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    if deleted.rows_affected() == 0 {
        return Err(ChangeError::Missing);
    }
    let detail = json!({ "before": before, "after": null });
    let head = epoch::advance(connection, tenant, author.at, Scope::Records).await?;
    audit::insert(connection, tenant, head.epoch, author, "delete", Kind::Identity, id, &detail).await?;
    Ok(head)
}

/// Makes sure there is a row for an identity whose tuple is not known.
pub(super) async fn ensure(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO identities (tenant, id, count, created_ms) VALUES ($1, $2, 0, $3) \
         ON CONFLICT (tenant, id) DO NOTHING",
    )
    .bind(tenant)
    .bind(id)
    .bind(at.millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// What is told of one identity.
pub(super) struct Sighting<'a> {
    pub(super) id: &'a str,
    pub(super) kind: IdentityKind,
    pub(super) tuple: &'a Tuple,
    /// What was told of it last, as a JSON object.
    pub(super) fields: &'a str,
    /// First and last time, if it was seen.
    pub(super) seen: Option<(Timestamp, Timestamp)>,
    pub(super) mints: i64,
}

/// The fields of an identity that nothing is told of.
pub(super) const NO_FIELDS: &str = "{}";

/// Rows per statement: `SQLite` takes 32,766 parameters, and a row has twelve.
const CHUNK: usize = 500;

/// Adds what is told of identities, each named once, creating rows where there are none.
pub(super) async fn touch(
    connection: &mut SqliteConnection,
    tenant: &str,
    sightings: &[Sighting<'_>],
    at: Timestamp,
) -> Result<(), StoreError> {
    for rows in sightings.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO identities (tenant, id, client_id, issuer, audience, subject, first_seen_ms, \
             last_seen_ms, count, created_ms, fields, kind) ",
        );
        query.push_values(rows, |mut row, Sighting { id, kind, tuple, fields, seen, mints }| {
            let Tuple { client_id, issuer, audience, subject } = tuple;
            row.push_bind(tenant)
                .push_bind(*id)
                .push_bind(client_id)
                .push_bind(issuer)
                .push_bind(audience)
                .push_bind(subject)
                .push_bind(seen.map(|(first, _)| first.millis()))
                .push_bind(seen.map(|(_, last)| last.millis()))
                .push_bind(mints)
                .push_bind(at.millis())
                .push_bind(*fields)
                .push_bind(kind.name());
        });
        // Batches of several instances may arrive in any order: first and last are the extremes of what was told, and
        // the fields are those of the last.
        query.push(
            " ON CONFLICT (tenant, id) DO UPDATE SET kind = excluded.kind, \
             first_seen_ms = CASE WHEN identities.first_seen_ms IS NULL \
                 OR excluded.first_seen_ms < identities.first_seen_ms \
                 THEN excluded.first_seen_ms ELSE identities.first_seen_ms END, \
             last_seen_ms = CASE WHEN identities.last_seen_ms IS NULL \
                 OR excluded.last_seen_ms > identities.last_seen_ms \
                 THEN excluded.last_seen_ms ELSE identities.last_seen_ms END, \
             fields = CASE WHEN identities.last_seen_ms IS NULL \
                 OR excluded.last_seen_ms >= identities.last_seen_ms \
                 THEN excluded.fields ELSE identities.fields END, \
             count = identities.count + excluded.count",
        );
        query.build().execute(&mut *connection).await?;
    }
    introduce(connection, tenant, sightings).await
}

/// Tells who those are that were known by their id alone. The id is made of the tuple, so nothing else of it changes, and
/// the indexes over it are left alone in all other cases.
async fn introduce(
    connection: &mut SqliteConnection,
    tenant: &str,
    sightings: &[Sighting<'_>],
) -> Result<(), StoreError> {
    let unknown: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM identities WHERE tenant = ? AND client_id IS NULL")
            .bind(tenant)
            .fetch_all(&mut *connection)
            .await?;
    let unknown: HashSet<&str> = unknown.iter().map(|(id,)| id.as_str()).collect();
    for Sighting { id, tuple, .. } in sightings.iter().filter(|sighting| unknown.contains(sighting.id)) {
        let Tuple { client_id, issuer, audience, subject } = tuple;
        sqlx::query(
            "UPDATE identities SET client_id = ?, issuer = ?, audience = ?, subject = ? WHERE tenant = ? AND id = ?",
        )
        .bind(client_id)
        .bind(issuer)
        .bind(audience)
        .bind(subject)
        .bind(tenant)
        .bind(*id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn from_row(row: Columns) -> Result<Identity, StoreError> {
    let (
        id,
        client_id,
        issuer,
        audience,
        subject,
        first_seen,
        last_seen,
        count,
        created,
        revoked,
        fields,
        cluster,
        kind,
        labels,
    ) = row;
    let tuple = match (client_id, issuer, audience, subject) {
        (Some(client_id), Some(issuer), Some(audience), Some(subject)) => {
            Some(Tuple { client_id, issuer, audience, subject })
        }
        _ => None,
    };
    Ok(Identity {
        id,
        kind: if kind == IdentityKind::Client.name() { IdentityKind::Client } else { IdentityKind::Workload },
        tuple,
        fields: serde_json::from_str(&fields).map_err(StoreError::new)?,
        cluster,
        revoked: revoked != 0,
        first_seen: first_seen.map(Timestamp::from_millis),
        last_seen: last_seen.map(Timestamp::from_millis),
        count: unsigned(count),
        created: Timestamp::from_millis(created),
        labels: serde_json::from_str(&labels).map_err(StoreError::new)?,
    })
}
