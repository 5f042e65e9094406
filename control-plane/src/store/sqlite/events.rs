//! Events of gateways and of the control plane itself: one audit row each, counted once.

use std::collections::BTreeMap;

use cambist_core::time::Timestamp;
use sqlx::SqliteConnection;

use super::{
    super::{
        StoreError,
        records::{Delivery, OwnEvent, StoredEvent},
    },
    audit::{self, Entry},
    gateways,
    identities::{self, NO_FIELDS, Sighting},
    sequences,
};

/// Stores what is not stored yet of batches of one tenant, and returns how much that was.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    tenant: &str,
    deliveries: &[&Delivery],
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut fresh: Vec<(&Delivery, &StoredEvent)> = Vec::new();
    for delivery in deliveries {
        let Delivery { tenant: _, gateway, instance, events, author } = delivery;
        gateways::note(connection, tenant, gateway, instance).await?;
        let stream = (author.actor.as_str(), instance.instance.as_str());
        let numbers = events.iter().map(|event| event.sequence);
        let mut new = sequences::claim(connection, tenant, stream, numbers).await?;
        // A sequence that stands twice in a batch is taken once.
        fresh.extend(
            events.iter().filter(|event| new.remove(&event.sequence)).map(|event| (*delivery, event)),
        );
    }
    let entries: Vec<Entry<'_>> = fresh
        .iter()
        .map(|(Delivery { instance, author, .. }, event)| Entry {
            event: Some((&instance.instance, event.sequence)),
            ..event_entry(&author.actor, &author.request, event)
        })
        .collect();
    audit::append(connection, tenant, &entries).await?;
    identities::touch(connection, tenant, &by_identity(fresh.iter().map(|(_, event)| *event)), at).await?;
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

/// Stores what the control plane did itself. Nobody delivers it twice, so nothing is looked up.
pub(super) async fn record_own(
    connection: &mut SqliteConnection,
    tenant: &str,
    events: &[OwnEvent],
    at: Timestamp,
) -> Result<(), StoreError> {
    let entries: Vec<Entry<'_>> =
        events.iter().map(|own| event_entry(&own.actor, &own.request, &own.event)).collect();
    audit::append(connection, tenant, &entries).await?;
    identities::touch(connection, tenant, &by_identity(events.iter().map(|own| &own.event)), at).await
}

fn event_entry<'a>(actor: &'a str, request: &'a str, event: &'a StoredEvent) -> Entry<'a> {
    Entry {
        at: event.at,
        epoch: event.epoch,
        actor,
        action: event.action,
        kind: "identity",
        object: event.identity.as_ref().map_or("", |(id, _)| id.as_str()),
        request,
        event: None,
        detail: &event.detail,
    }
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
