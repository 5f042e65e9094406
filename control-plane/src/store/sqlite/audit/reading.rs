//! The trail as it is read: rows that pass a filter, and what is missing in the streams of instances.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    super::{
        super::{
            StoreError,
            records::{AuditFilter, Gap, Order, Trail},
        },
        unsigned,
    },
    stored::{self, Stored},
};

/// Rows that one reading passes over at most, so that a filter that few rows pass cannot hold anything up.
const MOST_SCANNED: i64 = 200_000;

/// Up to `limit` rows that pass `filter`, from the row `from` on in the order that is asked for, without that row.
///
/// `Trail::next` is where to go on: absent at the end of the trail. There may be fewer rows than were asked for, even none,
/// before that end.
pub(in super::super) async fn trail(
    connection: &mut SqliteConnection,
    tenant: &str,
    filter: &AuditFilter,
    from: Option<i64>,
    limit: u32,
) -> Result<Trail, StoreError> {
    let (newest,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(id), 0) FROM audit").fetch_one(&mut *connection).await?;
    let (least, most) = match filter.order {
        Order::Oldest => {
            let from = from.unwrap_or(0);
            (from.saturating_add(1), from.saturating_add(MOST_SCANNED))
        }
        Order::Newest => {
            let most = from.map_or(newest, |from| from.saturating_sub(1));
            (most.saturating_sub(MOST_SCANNED).saturating_add(1), most)
        }
    };
    let mut query = QueryBuilder::<Sqlite>::new(stored::SELECT);
    query.push(" WHERE tenant = ").push_bind(tenant);
    query.push(" AND id >= ").push_bind(least).push(" AND id <= ").push_bind(most);
    narrow(&mut query, filter);
    query.push(if filter.order == Order::Oldest {
        " ORDER BY id LIMIT "
    } else {
        " ORDER BY id DESC LIMIT "
    });
    query.push_bind(i64::from(limit));
    let rows: Vec<stored::Row> = query.build_query_as().persistent(false).fetch_all(connection).await?;
    let is_full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = match (rows.last(), filter.order) {
        (Some((id, ..)), _) if is_full => Some(*id),
        (_, Order::Oldest) => Some(most).filter(|most| *most < newest),
        (_, Order::Newest) => Some(least).filter(|least| *least > 1),
    };
    let rows = rows.into_iter().map(|row| Stored::from(row).shown()).collect::<Result<_, _>>()?;
    Ok(Trail { rows, next })
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    let AuditFilter {
        order: _,
        identity,
        client_id,
        issuer,
        action,
        reason,
        gateway,
        instance,
        jti,
        request,
        since,
        until,
    } = filter;
    if let Some(identity) = identity {
        query.push(" AND object = ").push_bind(identity.clone());
    }
    if let Some(gateway) = gateway {
        query.push(" AND actor = ").push_bind(format!("gateway:{gateway}"));
    }
    for (column, value) in [("action", action), ("instance", instance), ("request", request)] {
        if let Some(value) = value {
            query.push(format_args!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    for (path, value) in [("$.reason", reason), ("$.minted.jti", jti)] {
        if let Some(value) = value {
            query.push(format_args!(" AND detail ->> '{path}' = ")).push_bind(value.clone());
        }
    }
    // Of an event whom it is about, of a change the object itself.
    for (path, kind, value) in
        [("$.identity.client_id", "client", client_id), ("$.identity.issuer", "issuer", issuer)]
    {
        if let Some(value) = value {
            query.push(format_args!(" AND (detail ->> '{path}' = ")).push_bind(value.clone());
            query.push(format_args!(" OR (kind = '{kind}' AND object = ")).push_bind(value.clone());
            query.push("))");
        }
    }
    for (comparison, time) in [(">=", since), ("<", until)] {
        if let Some(time) = time {
            query.push(format_args!(" AND at_ms {comparison} ")).push_bind(time.millis());
        }
    }
}

/// Sequences of instances that never came, in the order of gateways, instances and sequences.
pub(in super::super) async fn gaps(
    connection: &mut SqliteConnection,
    tenant: &str,
    gateway: Option<&str>,
    limit: u32,
) -> Result<Vec<Gap>, StoreError> {
    let actor = gateway.map(|gateway| format!("gateway:{gateway}"));
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT actor, instance, before + 1, first - 1 FROM ( \
             SELECT actor, instance, first, \
                    LAG(last, 1, 0) OVER (PARTITION BY actor, instance ORDER BY first) AS before \
             FROM sequences WHERE tenant = ?1 AND (?2 IS NULL OR actor = ?2)) \
         WHERE first > before + 1 ORDER BY actor, instance, first LIMIT ?3",
    )
    .bind(tenant)
    .bind(actor)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let gap = |(actor, instance, first, last): (String, String, i64, i64)| Gap {
        gateway: actor.strip_prefix("gateway:").unwrap_or(&actor).to_owned(),
        instance,
        first: unsigned(first),
        last: unsigned(last),
    };
    Ok(rows.into_iter().map(gap).collect())
}
