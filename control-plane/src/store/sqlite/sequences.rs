//! Which events of an instance are stored, as ranges of their sequences: a range says in one row what an index over
//! events would say in thousands.

use std::collections::{BTreeSet, HashMap};

use sqlx::SqliteConnection;

use super::{super::StoreError, signed, unsigned};

/// A closed range.
type Range = (u64, u64);

/// How many sequences of each stream of a tenant are not stored although later ones are. They start at 1.
pub(super) async fn missing(
    connection: &mut SqliteConnection,
    tenant: &str,
) -> Result<HashMap<(String, String), u64>, StoreError> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT actor, instance, MAX(last), SUM(last - first + 1) FROM sequences \
         WHERE tenant = ? GROUP BY actor, instance",
    )
    .bind(tenant)
    .fetch_all(connection)
    .await?;
    let missing = |highest, stored| unsigned(highest).saturating_sub(unsigned(stored));
    Ok(rows
        .into_iter()
        .map(|(actor, instance, highest, stored)| ((actor, instance), missing(highest, stored)))
        .collect())
}

/// Notes sequences as stored and returns those that were not.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    tenant: &str,
    (actor, instance): (&str, &str),
    sequences: impl Iterator<Item = u64>,
) -> Result<BTreeSet<u64>, StoreError> {
    let mut fresh: BTreeSet<u64> = sequences.collect();
    let (Some(first), Some(last)) = (fresh.first().copied(), fresh.last().copied()) else { return Ok(fresh) };
    // Also the neighbours, with which new ranges grow together.
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT first, last FROM sequences \
         WHERE tenant = ? AND actor = ? AND instance = ? AND first <= ? AND last >= ? ORDER BY first",
    )
    .bind(tenant)
    .bind(actor)
    .bind(instance)
    .bind(signed(last.saturating_add(1)))
    .bind(signed(first.saturating_sub(1)))
    .fetch_all(&mut *connection)
    .await?;
    let known: Vec<Range> = rows.into_iter().map(|(first, last)| (unsigned(first), unsigned(last))).collect();
    for (first, last) in &known {
        // One look per range and one per event in it, whichever way they lie.
        let inside: Vec<u64> = fresh.range(first..=last).copied().collect();
        for sequence in inside {
            fresh.remove(&sequence);
        }
    }
    if fresh.is_empty() {
        return Ok(fresh);
    }
    let grown = joined(known.iter().copied().chain(fresh.iter().map(|one| (*one, *one))).collect());
    if let ([before], [after]) = (known.as_slice(), grown.as_slice())
        && before.0 == after.0
    {
        sqlx::query(
            "UPDATE sequences SET last = ? WHERE tenant = ? AND actor = ? AND instance = ? AND first = ?",
        )
        .bind(signed(after.1))
        .bind(tenant)
        .bind(actor)
        .bind(instance)
        .bind(signed(after.0))
        .execute(connection)
        .await?;
        return Ok(fresh);
    }
    for (first, _) in &known {
        sqlx::query("DELETE FROM sequences WHERE tenant = ? AND actor = ? AND instance = ? AND first = ?")
            .bind(tenant)
            .bind(actor)
            .bind(instance)
            .bind(signed(*first))
            .execute(&mut *connection)
            .await?;
    }
    for (first, last) in grown {
        sqlx::query("INSERT INTO sequences (tenant, actor, instance, first, last) VALUES (?, ?, ?, ?, ?)")
            .bind(tenant)
            .bind(actor)
            .bind(instance)
            .bind(signed(first))
            .bind(signed(last))
            .execute(&mut *connection)
            .await?;
    }
    Ok(fresh)
}

/// The same numbers in as few ranges as possible.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut out: Vec<Range> = Vec::new();
    for (first, last) in ranges {
        match out.last_mut() {
            Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn ranges_that_meet_become_one() {
        for (ranges, expected) in [
            (vec![], vec![]),
            (vec![(3, 3), (1, 1), (2, 2)], vec![(1, 3)]),
            (vec![(1, 4), (6, 6)], vec![(1, 4), (6, 6)]),
            (vec![(1, 4), (6, 9), (5, 5)], vec![(1, 9)]),
            (vec![(1, 9), (2, 3)], vec![(1, 9)]),
            (vec![(u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX - 1)], vec![(u64::MAX - 1, u64::MAX)]),
        ] {
            assert_eq!(joined(ranges), expected);
        }
    }
}
