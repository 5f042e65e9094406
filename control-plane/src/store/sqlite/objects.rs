//! Configuration objects: a JSON document each, with the references that keep them whole.

use cambist_core::time::Timestamp;
use serde_json::{json, value::Value};
use sqlx::SqliteConnection;

use super::{
    super::{
        ChangeError, StoreError,
        difference::difference,
        records::{Action, Change, Check, Digest, Head, Kind, Object, Page, Reference},
    },
    audit,
    epoch::{self, Scope},
    gateways, held, secrets, signed, unsigned,
};
use crate::{external, fault::Fault, text};

type Columns = (String, String, String, String, i64, i64, i64);

/// One object.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    tenant: &str,
    kind: Kind,
    id: &str,
) -> Result<Option<Object>, StoreError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT kind, id, parent, doc, version, created_ms, updated_ms FROM objects \
         WHERE tenant = $1 AND kind = $2 AND id = $3",
    )
    .bind(tenant)
    .bind(kind.name())
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(from_row).transpose()
}

/// Objects of a kind and parent after `page.after`.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    tenant: &str,
    kind: Kind,
    parent: &str,
    page: Page,
) -> Result<Vec<Object>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT kind, id, parent, doc, version, created_ms, updated_ms FROM objects \
         WHERE tenant = $1 AND kind = $2 AND parent = $3 AND id > $4 ORDER BY id LIMIT $5",
    )
    .bind(tenant)
    .bind(kind.name())
    .bind(parent)
    .bind(page.after.unwrap_or_default())
    .bind(i64::from(page.limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// Everything snapshots hold.
pub(super) async fn configuration(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<Vec<Object>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT kind, id, parent, doc, version, created_ms, updated_ms FROM objects \
         WHERE tenant = $1 AND kind <> 'gateway' ORDER BY kind, id",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// Whether an enabled binding names this algorithm.
pub(super) async fn is_signed_with(
    connection: &mut SqliteConnection,
    tenant: &str,
    alg: &str,
) -> Result<bool, StoreError> {
    let (found,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM objects WHERE tenant = $1 AND kind = 'binding' \
         AND doc ->> '$.alg' = $2 AND COALESCE(doc ->> '$.enabled', 1))",
    )
    .bind(tenant)
    .bind(alg)
    .fetch_one(connection)
    .await?;
    Ok(found)
}

/// Makes a change with its audit row and epoch. Returns the object as it is then, and the new head.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    change: &Change,
    check: Check<'_>,
) -> Result<(Option<Object>, Head), ChangeError> {
    let Change { tenant, kind, id, parent, action, author } = change;
    let before = one(connection, tenant, *kind, id).await?;
    let found = before.as_ref().filter(|object| object.parent == *parent);
    let (name, after) = match action {
        Action::Create { doc, references, token } => {
            if before.is_some() {
                return Err(ChangeError::Exists);
            }
            let object = Object {
                kind: *kind,
                id: id.clone(),
                parent: parent.clone(),
                doc: doc.clone(),
                version: 1,
                created: author.at,
                updated: author.at,
            };
            insert(connection, tenant, &object).await?;
            refer(connection, tenant, &object, references).await?;
            if let Some(token) = token {
                gateways::set_token(connection, tenant, id, *token, author.at).await?;
            }
            ("create", Some(object))
        }
        Action::Replace { doc, references, expected } => {
            let before = found.ok_or(ChangeError::Missing)?;
            demand_version(before, Some(*expected))?;
            let object = Object {
                doc: doc.clone(),
                version: before.version.saturating_add(1),
                updated: author.at,
                ..before.clone()
            };
            update(connection, tenant, &object).await?;
            refer(connection, tenant, &object, references).await?;
            ("replace", Some(object))
        }
        Action::Delete { expected } => {
            let before = found.ok_or(ChangeError::Missing)?;
            demand_version(before, *expected)?;
            delete(connection, tenant, before).await?;
            ("delete", None)
        }
        Action::RotateToken { token } => {
            let before = found.ok_or(ChangeError::Missing)?;
            rotate(connection, tenant, before, *token, author.at).await?;
            ("rotate_token", Some(before.clone()))
        }
    };
    // A gateway names nothing and is named by nothing.
    if *kind != Kind::Gateway {
        let faults = check(&configuration(connection, tenant).await?, &held::all(connection, tenant).await?);
        if !faults.is_empty() {
            return Err(ChangeError::Invalid(faults));
        }
    }
    let scope = if kind.in_snapshot() { Scope::Snapshot } else { Scope::Records };
    let head = epoch::advance(connection, tenant, author.at, scope).await?;
    let detail = match action {
        Action::RotateToken { token } => {
            json!({ "before": {}, "after": { "token_sha256": text::hex(token) } })
        }
        Action::Create { .. } | Action::Replace { .. } | Action::Delete { .. } => {
            difference(before.map(shown).as_ref(), after.clone().map(shown).as_ref())
        }
    };
    audit::insert(connection, tenant, head.epoch, author, name, *kind, id, &detail).await?;
    Ok((after, head))
}

/// The document as an audit row may hold it.
fn shown(object: Object) -> Value {
    let mut document = object.doc;
    external::mask(object.kind, &mut document);
    document
}

async fn rotate(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: &Object,
    token: Digest,
    at: Timestamp,
) -> Result<(), StoreError> {
    gateways::drop_tokens(connection, tenant, &gateway.id).await?;
    gateways::set_token(connection, tenant, &gateway.id, token, at).await
}

fn demand_version(object: &Object, expected: Option<u64>) -> Result<(), ChangeError> {
    match expected {
        Some(version) if version != object.version => Err(ChangeError::Stale { current: object.version }),
        _ => Ok(()),
    }
}

async fn insert(connection: &mut SqliteConnection, tenant: &str, object: &Object) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO objects (tenant, kind, id, parent, doc, version, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tenant)
    .bind(object.kind.name())
    .bind(&object.id)
    .bind(&object.parent)
    .bind(object.doc.to_string())
    .bind(signed(object.version))
    .bind(object.created.millis())
    .bind(object.updated.millis())
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, tenant: &str, object: &Object) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE objects SET doc = $4, version = $5, updated_ms = $6 WHERE tenant = $1 AND kind = $2 AND id = $3",
    )
    .bind(tenant)
    .bind(object.kind.name())
    .bind(&object.id)
    .bind(object.doc.to_string())
    .bind(signed(object.version))
    .bind(object.updated.millis())
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete(connection: &mut SqliteConnection, tenant: &str, object: &Object) -> Result<(), ChangeError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT kind, id, pointer FROM object_references \
         WHERE tenant = $1 AND target_kind = $2 AND target_id = $3 ORDER BY kind, id, pointer LIMIT 100",
    )
    .bind(tenant)
    .bind(object.kind.name())
    .bind(&object.id)
    .fetch_all(&mut *connection)
    .await?;
    if !rows.is_empty() {
        let mut referrers = Vec::new();
        for (kind, id, pointer) in rows {
            referrers.push((
                known(&kind)?,
                id,
                Reference { pointer, kind: object.kind, id: object.id.clone() },
            ));
        }
        return Err(ChangeError::Referenced(referrers));
    }
    if object.kind == Kind::Gateway {
        gateways::drop_tokens(connection, tenant, &object.id).await?;
        gateways::drop_instances(connection, tenant, &object.id).await?;
    }
    if object.kind == Kind::Client {
        secrets::drop_all(connection, tenant, &object.id).await?;
    }
    if object.kind == Kind::Issuer {
        held::delete(connection, tenant, &object.id).await?;
    }
    sqlx::query("DELETE FROM objects WHERE tenant = $1 AND kind = $2 AND id = $3")
        .bind(tenant)
        .bind(object.kind.name())
        .bind(&object.id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces the references of `object`, with one fault for each that leads nowhere.
async fn refer(
    connection: &mut SqliteConnection,
    tenant: &str,
    object: &Object,
    references: &[Reference],
) -> Result<(), ChangeError> {
    sqlx::query("DELETE FROM object_references WHERE tenant = $1 AND kind = $2 AND id = $3")
        .bind(tenant)
        .bind(object.kind.name())
        .bind(&object.id)
        .execute(&mut *connection)
        .await?;
    let mut faults = Vec::new();
    for Reference { pointer, kind, id } in references {
        if one(connection, tenant, *kind, id).await?.is_none() {
            let detail = format!("there is no {} with the id `{id}`; create it first", kind.name());
            faults.push(Fault::new(pointer.clone(), detail));
            continue;
        }
        sqlx::query(
            "INSERT INTO object_references (tenant, kind, id, pointer, target_kind, target_id) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(tenant)
        .bind(object.kind.name())
        .bind(&object.id)
        .bind(pointer)
        .bind(kind.name())
        .bind(id)
        .execute(&mut *connection)
        .await?;
    }
    if faults.is_empty() { Ok(()) } else { Err(ChangeError::Invalid(faults)) }
}

fn known(kind: &str) -> Result<Kind, StoreError> {
    Kind::object(kind).ok_or_else(|| StoreError::new(format!("unknown kind `{kind}` in the database")))
}

fn from_row(row: Columns) -> Result<Object, StoreError> {
    let (kind, id, parent, doc, version, created, updated) = row;
    Ok(Object {
        kind: known(&kind)?,
        id,
        parent,
        doc: serde_json::from_str::<Value>(&doc).map_err(StoreError::new)?,
        version: unsigned(version),
        created: Timestamp::from_millis(created),
        updated: Timestamp::from_millis(updated),
    })
}
