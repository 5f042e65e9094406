//! The schema's history, compiled into the binary. A released migration is never edited; a new file follows it.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// All migrations in order. Listed by hand: the macro that would find them costs a second build of the driver.
pub(super) fn migrator() -> Migrator {
    Migrator::with_migrations(vec![
        step(1, "first", include_str!("../../../migrations/sqlite/0001_first.sql")),
        step(2, "issuer keys", include_str!("../../../migrations/sqlite/0002_issuer_keys.sql")),
        step(3, "identity fields", include_str!("../../../migrations/sqlite/0003_identity_fields.sql")),
        step(4, "exchange", include_str!("../../../migrations/sqlite/0004_exchange.sql")),
        step(5, "consumptions", include_str!("../../../migrations/sqlite/0005_consumptions.sql")),
        step(6, "admission", include_str!("../../../migrations/sqlite/0006_admission.sql")),
        step(7, "trail", include_str!("../../../migrations/sqlite/0007_trail.sql")),
    ])
}

fn step(version: i64, description: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
}
