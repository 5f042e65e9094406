//! Opening and closing the database, and reading one without a service.

use core::time::Duration;
use std::path::Path;

use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::watch;

use super::{
    super::{
        StoreError,
        chain::{Link, Verification},
        records::Tenant,
    },
    SqliteStore, audit, epoch, schema, tenants,
};

const READERS: u32 = 8;
/// How long a request waits for a connection before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);
const BUSY: Duration = Duration::from_secs(5);

/// Pages of the write-ahead log before they are folded into the database: 16 MiB. Folding costs two waits for the disk.
const WAL_PAGES: &str = "4096";
/// What the writer keeps of the database in memory, in KiB.
const CACHE_KIB: u32 = 32 << 10;

/// What tests ask the writing connection.
#[derive(Clone, Copy, Debug)]
pub enum Pragma {
    /// `PRAGMA synchronous`.
    Synchronous,
    /// `PRAGMA journal_mode`.
    JournalMode,
}

// === impl SqliteStore ===

impl SqliteStore {
    /// Opens the database at `path`, creating it if there is none, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits when the power goes.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writing = options
            .clone()
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .pragma("cache_size", format!("-{CACHE_KIB}"));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(writing)
            .await?;
        schema::migrator().run(&writer).await.map_err(StoreError::new)?;
        seal(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await?;
        let heads = epoch::heads(&mut *readers.acquire().await?).await?;
        Ok(Self { writer, readers, heads: watch::Sender::new(heads) })
    }

    /// The value of a `PRAGMA` on the writing connection, for tests of durability.
    pub async fn writer_pragma(&self, pragma: Pragma) -> Result<String, StoreError> {
        let mut writer = self.writer.acquire().await?;
        Ok(match pragma {
            Pragma::Synchronous => {
                let (value,): (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(&mut *writer).await?;
                value.to_string()
            }
            Pragma::JournalMode => {
                let (value,): (String,) =
                    sqlx::query_as("PRAGMA journal_mode").fetch_one(&mut *writer).await?;
                value
            }
        })
    }

    /// Looks at the whole trail of every tenant in the database at `path`, which is only read.
    pub async fn verify_file(path: &Path) -> Result<Vec<(String, Verification)>, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut tx = connection.begin().await?;
        let mut found = Vec::new();
        for Tenant { tenant, .. } in tenants::all(&mut tx).await? {
            let whole = audit::verify(&mut tx, &tenant, Link::default(), u32::MAX).await?;
            found.push((tenant, whole));
        }
        Ok(found)
    }

    /// Ends all connections, so that the write-ahead log is folded into the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes a chain of audit rows from before there was one, a transaction at a time.
async fn seal(writer: &SqlitePool) -> Result<(), StoreError> {
    loop {
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
        let more = audit::seal(&mut tx).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
