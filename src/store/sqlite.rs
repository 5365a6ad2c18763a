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
use super::{
    Approval, AuditFilter, AuditRow, DatabaseUrl, Error, Finish, GuildState, IntendedStep, NewRun, Rebinding, RunId,
    RunRecord, RunSummary, SettledStep, Store, UnfinishedRun, approvals, bindings, guilds, migration, runs, trail,
};
use crate::model::{Bindings, GuildId};
use crate::plan::StepId;

/// How long another process may hold the write lock before we give up. Its transactions take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Readers beside the one writer a file can have.
const CONNECTIONS: u32 = 4;

/// A store in SQLite.
#[derive(Debug)]
pub(super) struct SqliteStore(SqlitePool);

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
        Ok(Self(pool))
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.0.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn read(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.0.begin().await?)
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
        self.0.close().await;
    }
}
