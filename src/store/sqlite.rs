//! The embedded database: one SQLite file, or memory.
//!
//! Decides how the file is opened and how transactions run. Every transaction that writes takes the write lock at its
//! start, so none has to be given up half-way; with the write-ahead log, readers never wait for it.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use super::error::{code, primary_code};
use super::lease::Leases;
use super::{
    Approval, AuditFilter, AuditRow, DatabaseUrl, Error, Finish, GuildState, IntendedStep, Lease, NewRun, Rebinding,
    RunId, RunRecord, RunSummary, SettledStep, Store, UnfinishedRun, approvals, bindings, guilds, migration, runs,
    trail,
};
use crate::model::{Bindings, GuildId};
use crate::plan::StepId;

/// How long another process may hold the write lock before we give up. Its transactions take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Readers beside the one writer a file can have.
const CONNECTIONS: u32 = 4;

/// A store in SQLite.
#[derive(Debug)]
pub(super) struct SqliteStore {
    pool: SqlitePool,
    leases: Leases,
}

impl SqliteStore {
    pub(super) async fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        Self::open_with(url, SqliteConnectOptions::new().busy_timeout(PATIENCE)).await
    }

    async fn open_with(url: &DatabaseUrl, options: SqliteConnectOptions) -> Result<Self, Error> {
        let options = options
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An intent must be on the disk before its request leaves, even when the power fails in between.
            .synchronous(SqliteSynchronous::Full);
        let pool = match url {
            // Each connection to memory is a database of its own, which lasts as long as the connection.
            DatabaseUrl::Memory => {
                let pool = SqlitePoolOptions::new().min_connections(1).max_connections(1);
                let pool = pool.idle_timeout(None).max_lifetime(None);
                pool.connect_with(options.in_memory(true)).await?
            }
            DatabaseUrl::File(path) => {
                make_directory(path).await?;
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS);
                let pool = pool.connect_with(options.filename(path).create_if_missing(true));
                pool.await.map_err(|source| cannot_open(path, source))?
            }
        };
        let mut connection = pool.acquire().await?;
        migration::migrate(&mut connection, migration::MIGRATIONS).await?;
        drop(connection);
        let leases = match url {
            DatabaseUrl::Memory => Leases::of(None),
            DatabaseUrl::File(path) => Leases::of(Some(path.clone())),
        };
        Ok(Self { pool, leases })
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn read(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.pool.begin().await?)
    }
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

fn cannot_open(path: &Path, source: sqlx::Error) -> Error {
    match primary_code(&source) {
        Some(code::CANTOPEN) => Error::CannotOpen { path: path.to_owned(), source: source.into() },
        Some(code::NOTADB) => Error::NotADatabase { path: path.to_owned() },
        _ => source.into(),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error> {
        bindings::read(&mut *self.read().await?, guild).await
    }

    async fn rebind(&self, rebinding: &Rebinding) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        runs::rebind(&mut transaction, rebinding).await?;
        Ok(transaction.commit().await?)
    }

    async fn lease(&self, guild: GuildId) -> Result<Lease, Error> {
        self.leases.take(guild)
    }

    async fn begin(&self, run: &NewRun) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        runs::begin(&mut transaction, run).await?;
        Ok(transaction.commit().await?)
    }

    async fn intend(&self, run: RunId, step: &IntendedStep) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        runs::intend(&mut transaction, run, step).await?;
        Ok(transaction.commit().await?)
    }

    async fn settle(&self, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        runs::settle(&mut transaction, run, step, settled).await?;
        Ok(transaction.commit().await?)
    }

    async fn finish(&self, run: RunId, finish: &Finish) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        runs::finish(&mut transaction, run, finish).await?;
        Ok(transaction.commit().await?)
    }

    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
        runs::unfinished(&mut *self.read().await?, guild).await
    }

    async fn history(&self, guild: Option<GuildId>, limit: u32) -> Result<Vec<RunSummary>, Error> {
        runs::history(&mut *self.read().await?, guild, limit).await
    }

    async fn runs_of_plan(&self, guild: GuildId, plan_digest: &str) -> Result<Vec<RunSummary>, Error> {
        runs::of_plan(&mut *self.read().await?, guild, plan_digest).await
    }

    async fn find_run(&self, part: &str) -> Result<Option<RunId>, Error> {
        runs::find(&mut *self.read().await?, part).await
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error> {
        runs::record(&mut *self.read().await?, id).await
    }

    async fn state_before(&self, run: RunId) -> Result<Option<GuildState>, Error> {
        guilds::state_before(&mut *self.read().await?, run).await
    }

    async fn state_after(&self, run: RunId) -> Result<Option<GuildState>, Error> {
        guilds::state_after(&mut *self.read().await?, run).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
        trail::read(&mut *self.read().await?, filter).await
    }

    async fn approve(&self, approval: &Approval) -> Result<(), Error> {
        let mut transaction = self.write().await?;
        approvals::approve(&mut transaction, approval).await?;
        Ok(transaction.commit().await?)
    }

    async fn use_approval(&self, guild: GuildId, plan_digest: &str, used_at: DateTime<Utc>) -> Result<bool, Error> {
        let mut transaction = self.write().await?;
        let used = approvals::take(&mut transaction, guild, plan_digest, used_at).await?;
        transaction.commit().await?;
        Ok(used)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Key, ObjectKind, Provenance};
    use crate::plan::BindingChange;
    use crate::store::Author;

    fn in_file(directory: &tempfile::TempDir) -> DatabaseUrl {
        DatabaseUrl::File(directory.path().join("setai.db"))
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
            guild: GuildId::new(22),
            run: None,
            author: Author::Local("ada".repeat(2_000)),
            at: at(),
            changes: vec![change],
        }
    }

    #[tokio::test]
    async fn a_file_is_opened_for_safety_first() {
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(&in_file(&directory)).await.expect("open");
        let pragma = async |sql: &'static str| {
            sqlx::query_scalar::<_, String>(sql).fetch_one(&store.pool).await.expect("pragma")
        };
        assert_eq!(pragma("SELECT journal_mode FROM pragma_journal_mode").await, "wal");
        assert_eq!(pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2", "FULL");
        assert_eq!(pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await, "1");
        assert_eq!(pragma("SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout").await, "10000");
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_nothing_is_half_done() {
        let directory = tempfile::tempdir().expect("directory");
        let url = in_file(&directory);
        SqliteStore::open(&url).await.expect("open").close().await;
        let small = SqliteConnectOptions::new().pragma("max_page_count", "60");
        let store = SqliteStore::open_with(&url, small).await.expect("open");

        let mut stored = 0;
        let error = loop {
            match store.rebind(&large_rebinding(stored + 1)).await {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
            assert!(stored < 1_000, "the limit was never met");
        };
        assert!(matches!(error, Error::Full) && error.is_transient(), "{error:?}");
        assert!(stored > 0, "there was room for something");

        let bound = store.bindings(GuildId::new(22)).await.expect("reading still works");
        let ids: Vec<u64> = bound.channels.values().map(|binding| binding.id.get()).collect();
        assert_eq!(ids, [stored], "the last change that was acknowledged");
        let trail = store.audit(&AuditFilter { limit: 2_000, ..AuditFilter::default() }).await.expect("audit");
        assert_eq!(trail.len() as u64, stored, "a row for each, none for the one that failed");

        store.close().await;
        let roomy = SqliteStore::open(&url).await.expect("open");
        roomy.rebind(&large_rebinding(stored + 1)).await.expect("goes on when there is room");
    }

    #[tokio::test]
    async fn a_full_disk_stops_the_very_first_opening_too() {
        let directory = tempfile::tempdir().expect("directory");
        let tiny = SqliteConnectOptions::new().pragma("max_page_count", "4");
        let error = SqliteStore::open_with(&in_file(&directory), tiny).await.expect_err("no room for tables");
        assert!(matches!(error, Error::Full), "{error:?}");
        SqliteStore::open(&in_file(&directory)).await.expect("nothing half-made is in the way");
    }

    #[tokio::test]
    async fn a_lock_that_is_held_is_said() {
        let directory = tempfile::tempdir().expect("directory");
        let url = in_file(&directory);
        let holder = SqliteStore::open(&url).await.expect("open");
        let impatient = SqliteConnectOptions::new().busy_timeout(Duration::ZERO);
        let store = SqliteStore::open_with(&url, impatient).await.expect("open");

        let held = holder.write().await.expect("lock");
        let error = store.rebind(&large_rebinding(1)).await.expect_err("locked");
        assert!(matches!(error, Error::Locked) && error.is_transient(), "{error:?}");
        store.bindings(GuildId::new(22)).await.expect("readers do not wait");
        drop(held);
        holder.close().await;
        store.rebind(&large_rebinding(1)).await.expect("free again");
    }

    #[tokio::test]
    async fn a_value_that_means_nothing_is_named_and_never_taken_for_none() {
        let store = SqliteStore::open(&DatabaseUrl::Memory).await.expect("open");
        store.rebind(&large_rebinding(1)).await.expect("rebind");
        sqlx::query("UPDATE channels SET manifest_key = 'not a key'").execute(&store.pool).await.expect("spoilt");
        let error = store.bindings(GuildId::new(22)).await.expect_err("not a binding less");
        assert!(matches!(error, Error::Unreadable { column: "manifest_key", .. }), "{error:?}");
    }

    #[tokio::test]
    async fn the_audit_trail_cannot_be_changed_by_anybody() {
        let store = SqliteStore::open(&DatabaseUrl::Memory).await.expect("open");
        store.rebind(&large_rebinding(1)).await.expect("rebind");
        for sql in ["UPDATE audit_logs SET actor = 'nobody'", "DELETE FROM audit_logs"] {
            let error = sqlx::query(sql).execute(&store.pool).await.expect_err("refused");
            assert!(error.to_string().contains("append-only"), "{error}");
        }
    }
}
