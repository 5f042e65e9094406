//! The schema's history, compiled into the binary. A released migration is never edited; a new file follows it.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// All migrations in order. Listed by hand: the macro that would find them costs a second build of the driver.
pub(super) fn migrator() -> Migrator {
    Migrator::with_migrations(vec![Migration::new(
        1,
        "first".into(),
        MigrationType::Simple,
        include_str!("../../../migrations/sqlite/0001_first.sql").into_sql_str(),
        false,
    )])
}
