//! The embedded database: one SQLite file, or memory.
//!
//! Decides how the file is opened. Every transaction that writes takes the write lock at its start, so none has to be given
//! up half-way; with the write-ahead log, readers never wait for it.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::time::sleep;

use super::Error;
use super::database::{Database, Opened, Pool};
use super::error::{code, primary_code};
use super::migration::{self, MigrationStatus, migrate, migrations};
use super::sign::Signs;
use super::sql::{Connection, Dialect};

/// How long others may keep the write lock from us before we give up. Their transactions take milliseconds; but the lock
/// goes to whoever asks at the right moment, and on a busy disk several writers can keep one waiting for long.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a file that is locked is left alone.
const PAUSE: Duration = Duration::from_millis(20);

/// Readers beside the one writer a file can have.
const CONNECTIONS: u32 = 4;

/// How the user's databases are opened.
pub(super) fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().busy_timeout(PATIENCE)
}

fn safe(options: SqliteConnectOptions) -> SqliteConnectOptions {
    let options = options.foreign_keys(true).journal_mode(SqliteJournalMode::Wal);
    // An intent must be on the disk before its request leaves, even when the power fails in between.
    options.synchronous(SqliteSynchronous::Full)
}

/// A database that lasts as long as its only connection.
pub(super) async fn in_memory() -> Result<Opened, Error> {
    let pool = SqlitePoolOptions::new().min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None);
    // A check that somebody gives up half-way costs the connection, and with it everything.
    let pool = pool.test_before_acquire(false);
    let pool = pool.connect_with(safe(options()).in_memory(true)).await?;
    opened(pool, Signs::Here(Mutex::default())).await
}

/// A file, made where there is none.
pub(super) async fn in_file(path: &Path, options: SqliteConnectOptions) -> Result<Opened, Error> {
    make_directory(path).await?;
    let options = safe(options).filename(path).create_if_missing(true);
    let pool = || SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options.clone());
    let pool: SqlitePool = while_locked(pool).await.map_err(|source| cannot_open(path, source))?;
    opened(pool, Signs::Beside(path.to_owned())).await
}

/// Tries again while somebody else has the file. SQLite waits by itself, except where a new file gets its write-ahead log:
/// two that do so at once would wait for each other, so one of them is told at once that the file is locked.
async fn while_locked<T, F>(open: impl Fn() -> F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        match open().await {
            Err(error) if matches!(primary_code(&error), Some(code::BUSY | code::LOCKED)) => sleep(PAUSE).await,
            opened => return opened,
        }
    }
    open().await
}

async fn opened(pool: SqlitePool, signs: Signs) -> Result<Opened, Error> {
    let mut connection = pool.acquire().await?;
    let migrated = migrate(&mut Connection::Sqlite(&mut connection), migrations(Dialect::Sqlite)).await?;
    drop(connection);
    Ok(Opened { database: Database { pool: Pool::Sqlite(pool), signs }, migrated })
}

/// How the tables of a file stand. Nothing is made and nothing is changed.
pub(super) async fn status(path: &Path) -> Result<Vec<MigrationStatus>, Error> {
    if !path.exists() {
        return Ok(migration::all_pending(Dialect::Sqlite));
    }
    let connection = options().filename(path).read_only(true).connect().await;
    let mut connection = connection.map_err(|source| cannot_open(path, source))?;
    migration::status(&mut Connection::Sqlite(&mut connection), migrations(Dialect::Sqlite)).await
}

/// Makes the directory of the file, for the user's eyes only: what is stored tells much about private channels.
async fn make_directory(file: &Path) -> Result<(), Error> {
    let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    let made = builder.create(directory).await;
    made.map_err(|source| Error::CannotOpen { path: file.to_owned(), source: source.into() })
}

/// Says which file it was that could not be opened.
pub(super) fn cannot_open(path: &Path, source: sqlx::Error) -> Error {
    match primary_code(&source) {
        Some(code::CANTOPEN) => Error::CannotOpen { path: path.to_owned(), source: source.into() },
        Some(code::NOTADB) => Error::NotADatabase { path: path.to_owned() },
        _ => source.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use chrono::{DateTime, Utc};
    use sqlx::Executor as _;

    use super::*;
    use crate::model::{GuildId, Key, ObjectKind, Provenance};
    use crate::plan::BindingChange;
    use crate::store::{AuditFilter, Author, Lease, Rebinding, Store};

    const GUILD: GuildId = GuildId::new(22);

    fn in_directory(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("setai.db")
    }

    async fn open(path: &Path) -> Database {
        open_with(path, options()).await.expect("open")
    }

    async fn open_with(path: &Path, options: SqliteConnectOptions) -> Result<Database, Error> {
        in_file(path, options).await.map(|opened| opened.database)
    }

    fn pool(database: &Database) -> &SqlitePool {
        match &database.pool {
            Pool::Sqlite(pool) => pool,
            Pool::MySql(_) => panic!("it is a file"),
        }
    }

    async fn lease(store: &Database) -> Lease {
        store.lease(GUILD, "a test", Duration::from_secs(30)).await.expect("nobody has it")
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_793_000_000, 0).expect("valid time")
    }

    /// A rebinding that takes much room: the key is small, the author is not.
    fn large_rebinding(id: u64) -> Rebinding {
        let key: Key = "rules".parse().expect("valid key");
        let (kind, provenance) = (ObjectKind::Channel, Provenance::Adopted);
        let change = BindingChange::Bind { kind, key, id: id.to_string(), provenance, protected: false };
        Rebinding {
            guild: GUILD,
            run: None,
            author: Author::Local("ada".repeat(2_000)),
            at: at(),
            changes: vec![change],
        }
    }

    #[tokio::test]
    async fn a_file_is_opened_for_safety_first() {
        let directory = tempfile::tempdir().expect("directory");
        let store = open(&in_directory(&directory)).await;
        let pragma = async |sql: &'static str| {
            sqlx::query_scalar::<_, String>(sql).fetch_one(pool(&store)).await.expect("pragma")
        };
        assert_eq!(pragma("SELECT journal_mode FROM pragma_journal_mode").await, "wal");
        assert_eq!(pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2", "FULL");
        assert_eq!(pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await, "1");
        assert_eq!(pragma("SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout").await, "30000");
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_nothing_is_half_done() {
        let directory = tempfile::tempdir().expect("directory");
        let url = in_directory(&directory);
        open(&url).await.close().await;
        let small = SqliteConnectOptions::new().pragma("max_page_count", "90");
        let store = open_with(&url, small).await.expect("open");

        let lease = lease(&store).await;
        let mut stored = 0;
        let error = loop {
            match store.rebind(&lease, &large_rebinding(stored + 1)).await {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
            assert!(stored < 1_000, "the limit was never met");
        };
        assert!(matches!(error, Error::Full) && error.is_transient(), "{error:?}");
        assert!(stored > 0, "there was room for something");

        let bound = store.bindings(GUILD).await.expect("reading still works");
        let ids: Vec<u64> = bound.channels.values().map(|binding| binding.id.get()).collect();
        assert_eq!(ids, [stored], "the last change that was acknowledged");
        let trail = store.audit(&AuditFilter { limit: 2_000, ..AuditFilter::default() }).await.expect("audit");
        assert_eq!(trail.len() as u64, stored, "a row for each, none for the one that failed");

        store.close().await;
        drop(lease);
        let roomy = open(&url).await;
        let lease = self::lease(&roomy).await;
        roomy.rebind(&lease, &large_rebinding(stored + 1)).await.expect("goes on when there is room");
    }

    #[tokio::test]
    async fn a_full_disk_stops_the_very_first_opening_too() {
        let directory = tempfile::tempdir().expect("directory");
        let tiny = SqliteConnectOptions::new().pragma("max_page_count", "4");
        let error = open_with(&in_directory(&directory), tiny).await.expect_err("no room for tables");
        assert!(matches!(error, Error::Full), "{error:?}");
        in_file(&in_directory(&directory), options()).await.expect("nothing half-made is in the way");
    }

    #[tokio::test]
    async fn a_lock_that_is_held_is_said() {
        let directory = tempfile::tempdir().expect("directory");
        let url = in_directory(&directory);
        let holder = open(&url).await;
        let impatient = SqliteConnectOptions::new().busy_timeout(Duration::ZERO);
        let store = open_with(&url, impatient).await.expect("open");

        let lease = lease(&holder).await;
        let held = pool(&holder).begin_with("BEGIN IMMEDIATE").await.expect("lock");
        let error = store.rebind(&lease, &large_rebinding(1)).await.expect_err("locked");
        assert!(matches!(error, Error::Locked) && error.is_transient(), "{error:?}");
        store.bindings(GUILD).await.expect("readers do not wait");
        drop(held);
        holder.close().await;
        store.rebind(&lease, &large_rebinding(1)).await.expect("free again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_file_that_somebody_else_sets_up_is_waited_for() {
        let directory = tempfile::tempdir().expect("directory");
        let url = in_directory(&directory);
        let other = options().filename(&url).create_if_missing(true).connect().await;
        let other = tokio::sync::Mutex::new(Some(other.expect("a file without a write-ahead log")));
        other
            .lock()
            .await
            .as_mut()
            .expect("open")
            .execute("CREATE TABLE a (x); BEGIN IMMEDIATE")
            .await
            .expect("a lock");

        let tries = AtomicU32::new(0);
        let opened = while_locked(|| async {
            if tries.fetch_add(1, Ordering::Relaxed) == 2 {
                *other.lock().await = None;
            }
            safe(options()).filename(&url).connect().await
        });
        opened.await.expect("it is free in the end");
        assert!(tries.into_inner() >= 3, "SQLite did not wait by itself");
    }

    #[tokio::test]
    async fn a_value_that_means_nothing_is_named_and_never_taken_for_none() {
        let store = in_memory().await.expect("open").database;
        store.rebind(&lease(&store).await, &large_rebinding(1)).await.expect("rebind");
        sqlx::query("UPDATE channels SET manifest_key = 'not a key'").execute(pool(&store)).await.expect("spoilt");
        let error = store.bindings(GUILD).await.expect_err("not a binding less");
        assert!(matches!(error, Error::Unreadable { column: "manifest_key", .. }), "{error:?}");
    }

    #[tokio::test]
    async fn the_audit_trail_cannot_be_changed_by_anybody() {
        let store = in_memory().await.expect("open").database;
        store.rebind(&lease(&store).await, &large_rebinding(1)).await.expect("rebind");
        for sql in ["UPDATE audit_logs SET actor = 'nobody'", "DELETE FROM audit_logs"] {
            let error = sqlx::query(sql).execute(pool(&store)).await.expect_err("refused");
            assert!(error.to_string().contains("append-only"), "{error}");
        }
    }
}
