//! Who is let in where bindings do not let everybody in, and who waits for that.

use cambist_core::{
    time::Timestamp,
    wire::{admission::Verdict, snapshot::Enrolment},
};
use serde::Deserialize as _;
use serde_json::json;
use sqlx::SqliteConnection;

use super::{
    super::{
        ChangeError, StoreError,
        records::{Author, Head, Identity, IdentityKind, Kind, Page, PendingIdentity, Tuple},
    },
    audit,
    epoch::{self, Scope},
    identities::{self, Sighting},
    objects, revocations,
};

/// How long who asked is remembered.
const MEMORY_SECS: i64 = 180;
/// Who asks again sooner is not written down anew.
const RENEWAL_SECS: i64 = 30;
/// Identities of a tenant that wait at most; anybody with a token of a trusted issuer may add one.
const MOST_PENDING: i64 = 10_000;

type Columns = (String, String, String, String, String, String, String, i64, i64);

/// What becomes of an identity that asks under `binding`.
pub(super) async fn verdict(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    tuple: &Tuple,
    binding: &str,
) -> Result<Verdict, StoreError> {
    for (kind, id) in
        [(Kind::Identity, id), (Kind::Client, &*tuple.client_id), (Kind::Issuer, &*tuple.issuer)]
    {
        if revocations::is_revoked(connection, tenant, kind, id).await? {
            return Ok(Verdict::Revoked);
        }
    }
    let binding = objects::one(connection, tenant, Kind::Binding, binding).await?;
    let named = |name: &str, value: &str| {
        binding.as_ref().and_then(|binding| binding.doc.get(name)?.as_str()) == Some(value)
    };
    let of_client = binding.as_ref().is_some_and(|binding| binding.parent == tuple.client_id);
    if !of_client || !named("issuer", &tuple.issuer) {
        return Ok(Verdict::Unknown);
    }
    let enrolment = binding.as_ref().and_then(|binding| binding.doc.get("enrolment"));
    let enrolment = enrolment.map(Enrolment::deserialize).transpose().map_err(StoreError::new)?;
    Ok(match enrolment.unwrap_or_default() {
        Enrolment::Auto => Verdict::Admitted,
        _ if is_admitted(connection, tenant, id).await? => Verdict::Admitted,
        Enrolment::Preregistered => Verdict::Unknown,
        Enrolment::Approve => Verdict::Pending,
    })
}

/// Whether an administrator let it in.
pub(super) async fn is_admitted(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let row: Option<(Option<i64>,)> =
        sqlx::query_as("SELECT admitted_ms FROM identities WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some_and(|(admitted,)| admitted.is_some()))
}

/// Notes that an identity with a row was let in.
pub(super) async fn admit(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE identities SET admitted_ms = $3 WHERE tenant = $1 AND id = $2")
        .bind(tenant)
        .bind(id)
        .bind(at.millis())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM pending_identities WHERE tenant = $1 AND id = $2")
        .bind(tenant)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it is worth writing down that this identity asks at `now`.
pub(super) async fn is_news(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT last_asked_ms FROM pending_identities WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_none_or(|(last,)| last <= now.plus_secs(RENEWAL_SECS.saturating_neg()).millis()))
}

/// Notes that an identity asks. Where too many wait already, it is not noted and has to come back.
pub(super) async fn ask(
    connection: &mut SqliteConnection,
    tenant: &str,
    asking: &PendingIdentity,
) -> Result<(), StoreError> {
    let PendingIdentity { id, tuple, binding, fields, first_asked, last_asked } = asking;
    sqlx::query("DELETE FROM pending_identities WHERE tenant = $1 AND last_asked_ms <= $2")
        .bind(tenant)
        .bind(forgotten(*last_asked))
        .execute(&mut *connection)
        .await?;
    let Tuple { client_id, issuer, audience, subject } = tuple;
    let fields = serde_json::to_string(fields).map_err(StoreError::new)?;
    sqlx::query(
        "INSERT INTO pending_identities (tenant, id, binding, client_id, issuer, audience, subject, fields, \
         first_asked_ms, last_asked_ms) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
         WHERE (SELECT COUNT(*) FROM pending_identities WHERE tenant = $1) < $11 \
         OR EXISTS (SELECT 1 FROM pending_identities WHERE tenant = $1 AND id = $2) \
         ON CONFLICT (tenant, id) DO UPDATE SET binding = excluded.binding, fields = excluded.fields, \
         last_asked_ms = excluded.last_asked_ms",
    )
    .bind(tenant)
    .bind(id)
    .bind(binding)
    .bind(client_id)
    .bind(issuer)
    .bind(audience)
    .bind(subject)
    .bind(fields)
    .bind(first_asked.millis())
    .bind(last_asked.millis())
    .bind(MOST_PENDING)
    .execute(connection)
    .await?;
    Ok(())
}

/// Who waits, after `page.after`, in the byte order of their ids.
pub(super) async fn pending(
    connection: &mut SqliteConnection,
    tenant: &str,
    page: Page,
    now: Timestamp,
) -> Result<Vec<PendingIdentity>, StoreError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, binding, client_id, issuer, audience, subject, fields, first_asked_ms, last_asked_ms \
         FROM pending_identities WHERE tenant = $1 AND id > $2 AND last_asked_ms > $3 ORDER BY id LIMIT $4",
    )
    .bind(tenant)
    .bind(page.after.unwrap_or_default())
    .bind(forgotten(now))
    .bind(i64::from(page.limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// Lets in an identity that waits or is known. `None` for one that was let in before.
pub(super) async fn approve(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
    author: &Author,
) -> Result<(Identity, Option<Head>), ChangeError> {
    if revocations::is_revoked(connection, tenant, Kind::Identity, id).await? {
        return Err(ChangeError::Revoked);
    }
    let waiting: Option<Columns> = sqlx::query_as(
        "SELECT id, binding, client_id, issuer, audience, subject, fields, first_asked_ms, last_asked_ms \
         FROM pending_identities WHERE tenant = $1 AND id = $2 AND last_asked_ms > $3",
    )
    .bind(tenant)
    .bind(id)
    .bind(forgotten(author.at))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(waiting) = waiting.map(from_row).transpose()? {
        let fields = serde_json::to_string(&waiting.fields).map_err(StoreError::new)?;
        let (kind, tuple) = (IdentityKind::Workload, &waiting.tuple);
        let sighting = Sighting { id, kind, tuple, fields: &fields, seen: None, mints: 0 };
        identities::touch(connection, tenant, &[sighting], author.at).await?;
    }
    let known = identities::one(connection, tenant, id).await?;
    let known = known.filter(|known| known.tuple.is_some()).ok_or(ChangeError::Missing)?;
    if is_admitted(connection, tenant, id).await? {
        return Ok((known, None));
    }
    admit(connection, tenant, id, author.at).await?;
    let head = epoch::advance(connection, tenant, author.at, Scope::Records).await?;
    let detail = known.tuple.as_ref().map(|Tuple { client_id, issuer, audience, subject }| {
        json!({ "client_id": client_id, "issuer": issuer, "audience": audience, "subject": subject })
    });
    let detail = detail.unwrap_or_default();
    audit::insert(connection, tenant, head.epoch, author, "approve", Kind::Identity, id, &detail).await?;
    Ok((known, Some(head)))
}

/// Who asked last then or before is forgotten.
fn forgotten(now: Timestamp) -> i64 {
    now.plus_secs(MEMORY_SECS.saturating_neg()).millis()
}

fn from_row(row: Columns) -> Result<PendingIdentity, StoreError> {
    let (id, binding, client_id, issuer, audience, subject, fields, first_asked, last_asked) = row;
    Ok(PendingIdentity {
        id,
        tuple: Tuple { client_id, issuer, audience, subject },
        binding,
        fields: serde_json::from_str(&fields).map_err(StoreError::new)?,
        first_asked: Timestamp::from_millis(first_asked),
        last_asked: Timestamp::from_millis(last_asked),
    })
}
