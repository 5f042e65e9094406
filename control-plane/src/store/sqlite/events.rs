//! Events of gateways: one audit row each, counted once.

use std::collections::{BTreeMap, HashSet};

use cambist_core::time::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    super::{
        StoreError,
        records::{Author, OwnEvent, StoredEvent},
    },
    identities::{self, NO_FIELDS, Sighting},
    signed, unsigned,
};

/// Rows per statement: `SQLite` takes 32,766 parameters, and a row has eleven.
const CHUNK: usize = 500;

/// Stores what is not stored yet and returns how much that was.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    tenant: &str,
    instance: &str,
    events: Vec<StoredEvent>,
    author: &Author,
) -> Result<u64, StoreError> {
    let mut known = stored(connection, tenant, instance, &events, author).await?;
    let fresh: Vec<StoredEvent> = events.into_iter().filter(|event| known.insert(event.sequence)).collect();
    for rows in fresh.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO audit (tenant, at_ms, epoch, actor, action, kind, object, request, instance, sequence, \
             detail) ",
        );
        query.push_values(rows, |mut row, event| {
            let object = event.identity.as_ref().map_or("", |(id, _)| id.as_str());
            row.push_bind(tenant)
                .push_bind(event.at.millis())
                .push_bind(signed(event.epoch))
                .push_bind(author.actor.as_str())
                .push_bind(event.action)
                .push_bind("identity")
                .push_bind(object)
                .push_bind(author.request.as_str())
                .push_bind(instance)
                .push_bind(signed(event.sequence))
                .push_bind(event.detail.as_str());
        });
        query.build().execute(&mut *connection).await?;
    }
    identities::touch(connection, tenant, &by_identity(fresh.iter()), author.at).await?;
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

/// Stores what the control plane did itself. Nobody delivers it twice, so nothing is looked up.
pub(super) async fn record_own(
    connection: &mut SqliteConnection,
    tenant: &str,
    events: &[OwnEvent],
    at: Timestamp,
) -> Result<(), StoreError> {
    for rows in events.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO audit (tenant, at_ms, epoch, actor, action, kind, object, request, detail) ",
        );
        query.push_values(rows, |mut row, OwnEvent { actor, request, event }| {
            let object = event.identity.as_ref().map_or("", |(id, _)| id.as_str());
            row.push_bind(tenant)
                .push_bind(event.at.millis())
                .push_bind(signed(event.epoch))
                .push_bind(actor.as_str())
                .push_bind(event.action)
                .push_bind("identity")
                .push_bind(object)
                .push_bind(request.as_str())
                .push_bind(event.detail.as_str());
        });
        query.build().execute(&mut *connection).await?;
    }
    identities::touch(connection, tenant, &by_identity(events.iter().map(|own| &own.event)), at).await
}

/// Which sequences of these events are stored already.
async fn stored(
    connection: &mut SqliteConnection,
    tenant: &str,
    instance: &str,
    events: &[StoredEvent],
    author: &Author,
) -> Result<HashSet<u64>, StoreError> {
    let sequences = || events.iter().map(|event| event.sequence);
    let (Some(first), Some(last)) = (sequences().min(), sequences().max()) else {
        return Ok(HashSet::new());
    };
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT sequence FROM audit WHERE tenant = $1 AND actor = $2 AND instance = $3 \
         AND sequence IS NOT NULL AND sequence BETWEEN $4 AND $5",
    )
    .bind(tenant)
    .bind(&author.actor)
    .bind(instance)
    .bind(signed(first))
    .bind(signed(last))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(sequence,)| unsigned(sequence)).collect())
}

fn by_identity<'a>(events: impl Iterator<Item = &'a StoredEvent>) -> Vec<Sighting<'a>> {
    let mut all: BTreeMap<&str, Sighting<'_>> = BTreeMap::new();
    for event in events {
        let Some((id, tuple)) = &event.identity else { continue };
        let sighting = all.entry(id).or_insert(Sighting {
            id,
            kind: event.kind,
            tuple,
            fields: NO_FIELDS,
            seen: None,
            mints: 0,
        });
        let (first, last) = sighting.seen.unwrap_or((event.at, event.at));
        if event.at >= last {
            sighting.fields = &event.fields;
        }
        sighting.seen = Some((first.min(event.at), last.max(event.at)));
        if event.action == "mint" {
            sighting.mints = sighting.mints.saturating_add(1);
        }
    }
    all.into_values().collect()
}
