//! The store in either database: which transactions there are, and what is tried again.
//!
//! Knows no SQL; the statements are in the modules beside it, each written once for both.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{MySql, MySqlPool, Sqlite, SqlitePool};

use super::sign::Signs;
use super::sql::{Connection, Statement};
use super::{
    Approval, AuditFilter, AuditRow, Author, Bound, ChainPage, Closing, CommandEnd, CommandId, CommandRecord,
    Correction, DriftAnswer, DriftChanges, DriftFilter, DriftId, DriftRecord, Error, Expiry, Finish, GuildState,
    GuildStatus, HeldPlan, HeldRecord, HeldSummary, IntendedStep, Lease, NewCommand, NewRun, ObservedDrift, Place,
    Prunable, Rebinding, Reconfiguration, RowName, RunId, RunRecord, RunSummary, ServerSummary, SettledStep, Store,
    Suspension, Tidied, Turn, Turns, UnfinishedRun, approvals, bindings, corrections, drift, guilds, held, lease,
    mysql, people, retention, runs, servers, status, suspensions, tidy, trail, turns,
};
use crate::model::{Bindings, GuildId, ServerConfiguration, UserId, UserPreferences};
use crate::plan::StepId;

/// The pause after a transaction lost a race for the first time; each after it is twice as long.
const PAUSE: Duration = Duration::from_millis(10);

/// Whoever loses after a pause of this length hears of it: seven races, and 1.3 seconds.
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// Connections to a database.
#[derive(Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

/// A store in a database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) pool: Pool,
    pub(super) signs: Signs,
}

/// A database that was opened, and the migrations that were applied for it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) migrated: Vec<String>,
}

/// A transaction under way; dropping it takes everything back.
enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    MySql(sqlx::Transaction<'static, MySql>),
}

impl Transaction {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(transaction) => Connection::Sqlite(transaction),
            Self::MySql(transaction) => Connection::MySql(transaction),
        }
    }

    async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
            Self::MySql(transaction) => mysql::commit(transaction).await,
        }
    }
}

/// A connection outside of any transaction.
enum Single {
    Sqlite(sqlx::pool::PoolConnection<Sqlite>),
    MySql(sqlx::pool::PoolConnection<MySql>),
}

impl Single {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::MySql(connection) => Connection::MySql(connection),
        }
    }
}

impl Database {
    /// A transaction that writes, after everything it waited for.
    async fn begin_writing(&self) -> Result<Transaction, Error> {
        Ok(match &self.pool {
            Pool::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Pool::MySql(pool) => Transaction::MySql(pool.begin().await?),
        })
    }

    /// A transaction that reads everything as it was at one moment.
    async fn begin_reading(&self) -> Result<Transaction, Error> {
        Ok(match &self.pool {
            Pool::Sqlite(pool) => Transaction::Sqlite(pool.begin().await?),
            Pool::MySql(pool) => Transaction::MySql(pool.begin_with(mysql::BEGIN_READING).await?),
        })
    }

    /// A connection for a single statement, which sees one moment by itself.
    async fn connection(&self) -> Result<Single, Error> {
        Ok(match &self.pool {
            Pool::Sqlite(pool) => Single::Sqlite(pool.acquire().await?),
            Pool::MySql(pool) => Single::MySql(pool.acquire().await?),
        })
    }

    /// What one statement writes, which is a transaction of its own, tried again while it loses races. Only for what may be
    /// written twice: when the connection breaks, it may have been written already.
    async fn write_at_once(&self, statement: Statement) -> Result<(), Error> {
        let mut pause = PAUSE;
        loop {
            let again = statement.clone();
            let attempt = async { again.execute(&mut self.connection().await?.connection()).await };
            match self.in_time(attempt).await {
                Err(Error::Contended) if pause <= LONGEST_PAUSE => tokio::time::sleep(pause).await,
                Err(Error::ConnectionLost { source }) => break Err(Error::Unsure { source }),
                outcome => break outcome.map(|_| ()),
            }
            pause *= 2;
        }
    }

    /// Work that may not take for ever, where it could.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match &self.pool {
            Pool::Sqlite(_) => work.await,
            Pool::MySql(_) => mysql::in_time(work).await,
        }
    }
}

// These are macros, because a function would take a closure that is lent the transaction, and what such a closure returns
// cannot be sent between threads.

/// What `$work` reads in one transaction.
macro_rules! reading {
    ($database:ident, |$connection:ident| $work:expr) => {
        $database
            .in_time(async {
                let mut transaction = $database.begin_reading().await?;
                let $connection = &mut transaction.connection();
                $work.await
            })
            .await
    };
}

/// What `$work` writes in one transaction, which is tried again while it loses races.
macro_rules! writing {
    ($database:ident, |$connection:ident| $work:expr) => {{
        let mut pause = PAUSE;
        loop {
            let attempt = async {
                let mut transaction = $database.begin_writing().await?;
                let $connection = &mut transaction.connection();
                let result = $work.await?;
                Ok((transaction, result))
            };
            let outcome = match $database.in_time(attempt).await {
                Ok((transaction, result)) => transaction.commit().await.map(|()| result),
                Err(error) => Err(error),
            };
            match outcome {
                Err(Error::Contended) if pause <= LONGEST_PAUSE => tokio::time::sleep(pause).await,
                outcome => break outcome,
            }
            pause *= 2;
        }
    }};
}

#[async_trait]
impl Store for Database {
    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error> {
        self.in_time(async { bindings::read(&mut self.connection().await?.connection(), guild).await }).await
    }

    async fn bindings_since(&self, guild: GuildId, known: Option<Bound>) -> Result<Bound, Error> {
        let work = async {
            let mut held = self.connection().await?;
            let connection = &mut held.connection();
            // Asked first: whoever takes the right while the bindings are read leaves another number.
            let mark = lease::mark(connection, guild).await?;
            match known {
                Some(known) if mark.is_some() && known.mark == mark => Ok(known),
                _ => Ok(Bound { bindings: Arc::new(bindings::read(connection, guild).await?), mark }),
            }
        };
        self.in_time(work).await
    }

    async fn rebind(&self, lease: &Lease, rebinding: &Rebinding) -> Result<(), Error> {
        writing!(self, |connection| runs::rebind(connection, lease, rebinding))
    }

    async fn lease(&self, guild: GuildId, holder: &str, duration: Duration) -> Result<Lease, Error> {
        writing!(self, |connection| lease::take(connection, &self.signs, guild, holder, duration))
    }

    async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        writing!(self, |connection| lease::renew(connection, lease))
    }

    async fn release(&self, lease: Lease) -> Result<(), Error> {
        writing!(self, |connection| lease::release(connection, &lease))
    }

    async fn begin(&self, lease: &Lease, run: &NewRun) -> Result<(), Error> {
        writing!(self, |connection| runs::begin(connection, lease, run))
    }

    async fn intend(&self, lease: &Lease, run: RunId, step: &IntendedStep) -> Result<(), Error> {
        writing!(self, |connection| runs::intend(connection, lease, run, step))
    }

    async fn settle(&self, lease: &Lease, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error> {
        writing!(self, |connection| runs::settle(connection, lease, run, step, settled))
    }

    async fn finish(&self, lease: &Lease, run: RunId, finish: &Finish) -> Result<(), Error> {
        writing!(self, |connection| runs::finish(connection, lease, run, finish))
    }

    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
        reading!(self, |connection| runs::unfinished(connection, guild))
    }

    async fn history(&self, guild: Option<GuildId>, limit: u32) -> Result<Vec<RunSummary>, Error> {
        reading!(self, |connection| runs::history(connection, guild, limit))
    }

    async fn runs_of_plan(&self, guild: GuildId, plan_digest: &str) -> Result<Vec<RunSummary>, Error> {
        reading!(self, |connection| runs::of_plan(connection, guild, plan_digest))
    }

    async fn find_run(&self, part: &str) -> Result<Option<RunId>, Error> {
        reading!(self, |connection| runs::find(connection, part))
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error> {
        reading!(self, |connection| runs::record(connection, id))
    }

    async fn state_before(&self, run: RunId) -> Result<Option<GuildState>, Error> {
        reading!(self, |connection| guilds::state_before(connection, run))
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
        reading!(self, |connection| trail::read(connection, filter))
    }

    async fn audit_rows(&self, name: &RowName) -> Result<Vec<AuditRow>, Error> {
        reading!(self, |connection| trail::find(connection, name))
    }

    async fn audited_guilds(&self) -> Result<Vec<GuildId>, Error> {
        reading!(self, |connection| trail::guilds(connection))
    }

    async fn audit_page(&self, guild: GuildId, from: &Place) -> Result<ChainPage, Error> {
        reading!(self, |connection| trail::page(connection, guild, from))
    }

    async fn prunable(&self, guild: GuildId, older_than: DateTime<Utc>) -> Result<Prunable, Error> {
        reading!(self, |connection| retention::prunable(connection, guild, older_than))
    }

    async fn prune(&self, expiry: &Expiry) -> Result<Prunable, Error> {
        writing!(self, |connection| retention::prune(connection, expiry))
    }

    async fn begin_command(&self, command: &NewCommand) -> Result<(), Error> {
        writing!(self, |connection| people::begin(connection, command))
    }

    async fn end_command(&self, command: CommandId, end: &CommandEnd) -> Result<(), Error> {
        writing!(self, |connection| people::end(connection, command, end))
    }

    async fn command(&self, command: CommandId) -> Result<Option<CommandRecord>, Error> {
        reading!(self, |connection| people::command(connection, command))
    }

    async fn commands(&self, guild: GuildId, limit: u32) -> Result<Vec<CommandRecord>, Error> {
        reading!(self, |connection| people::commands(connection, guild, limit))
    }

    async fn preferences(&self, user: UserId) -> Result<UserPreferences, Error> {
        reading!(self, |connection| people::preferences(connection, user))
    }

    async fn prefer(&self, user: UserId, preferences: &UserPreferences, at: DateTime<Utc>) -> Result<(), Error> {
        writing!(self, |connection| people::prefer(connection, user, preferences, at))
    }

    async fn approve(&self, approval: &Approval) -> Result<(), Error> {
        writing!(self, |connection| approvals::approve(connection, approval))
    }

    async fn server(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, Error> {
        reading!(self, |connection| servers::read(connection, guild))
    }

    async fn servers(&self) -> Result<Vec<ServerSummary>, Error> {
        reading!(self, |connection| servers::all(connection))
    }

    async fn configure(&self, change: &Reconfiguration) -> Result<ServerConfiguration, Error> {
        writing!(self, |connection| servers::configure(connection, change))
    }

    async fn approval(&self, guild: GuildId, plan_digest: &str, at: DateTime<Utc>) -> Result<Option<Approval>, Error> {
        reading!(self, |connection| approvals::left(connection, guild, plan_digest, at))
    }

    async fn status(&self, guild: GuildId) -> Result<Option<GuildStatus>, Error> {
        self.in_time(async { status::of(&mut self.connection().await?.connection(), guild).await }).await
    }

    async fn statuses(&self) -> Result<Vec<GuildStatus>, Error> {
        reading!(self, |connection| status::all(connection))
    }

    async fn report(&self, status: &GuildStatus) -> Result<(), Error> {
        self.write_at_once(status::report(status)).await
    }

    async fn suspend(&self, suspension: &Suspension) -> Result<(), Error> {
        writing!(self, |connection| suspensions::suspend(connection, suspension))
    }

    async fn resume(&self, guild: GuildId, by: &Author, at: DateTime<Utc>) -> Result<bool, Error> {
        writing!(self, |connection| suspensions::resume(connection, guild, by, at))
    }

    async fn suspension(&self, guild: GuildId, at: DateTime<Utc>) -> Result<Option<Suspension>, Error> {
        self.in_time(async { suspensions::of(&mut self.connection().await?.connection(), guild, at).await }).await
    }

    async fn suspensions(&self, at: DateTime<Utc>) -> Result<Vec<Suspension>, Error> {
        reading!(self, |connection| suspensions::all(connection, at))
    }

    async fn hold(&self, held: &HeldPlan) -> Result<bool, Error> {
        writing!(self, |connection| held::hold(connection, held))
    }

    async fn approved_plans(&self, at: DateTime<Utc>) -> Result<BTreeSet<(GuildId, String)>, Error> {
        reading!(self, |connection| held::approved(connection, at))
    }

    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        self.in_time(async { self.connection().await?.connection().now().await }).await
    }

    async fn held_plans(&self, guild: Option<GuildId>) -> Result<Vec<HeldSummary>, Error> {
        reading!(self, |connection| held::waiting(connection, guild))
    }

    async fn find_held_plan(&self, part: &str) -> Result<Option<HeldRecord>, Error> {
        reading!(self, |connection| held::find(connection, part))
    }

    async fn close_held_plan(
        &self,
        guild: GuildId,
        plan_digest: &str,
        how: Closing,
        at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        writing!(self, |connection| held::close(connection, guild, plan_digest, how, at))
    }

    async fn record_drift(
        &self,
        guild: GuildId,
        observed: &[ObservedDrift],
        at: DateTime<Utc>,
    ) -> Result<DriftChanges, Error> {
        writing!(self, |connection| drift::record(connection, guild, observed, at))
    }

    async fn drift(&self, guild: Option<GuildId>, filter: DriftFilter, limit: u32) -> Result<Vec<DriftRecord>, Error> {
        reading!(self, |connection| drift::list(connection, guild, filter, limit))
    }

    async fn drift_record(&self, id: DriftId) -> Result<Option<DriftRecord>, Error> {
        reading!(self, |connection| drift::one(connection, id))
    }

    async fn find_drift(&self, part: &str) -> Result<Option<DriftId>, Error> {
        reading!(self, |connection| drift::find(connection, part))
    }

    async fn resolve_drift(
        &self,
        id: DriftId,
        answer: DriftAnswer,
        by: &Author,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        writing!(self, |connection| drift::resolve(connection, id, answer, by, at))
    }

    async fn turns(&self) -> Result<Turns, Error> {
        reading!(self, |connection| turns::read(connection))
    }

    async fn take_turn(&self, guild: GuildId, duration: Duration) -> Result<Turn, Error> {
        writing!(self, |connection| turns::take(connection, guild, duration))
    }

    async fn plan_turn(&self, guild: GuildId, rest: Duration) -> Result<(), Error> {
        writing!(self, |connection| turns::plan(connection, guild, rest))
    }

    async fn corrections(&self, guild: GuildId, since: DateTime<Utc>) -> Result<Vec<Correction>, Error> {
        reading!(self, |connection| corrections::since(connection, guild, since))
    }

    async fn tidy(&self, before: DateTime<Utc>) -> Result<Tidied, Error> {
        writing!(self, |connection| tidy::tidy(connection, before))
    }

    async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::MySql(pool) => pool.close().await,
        }
    }
}
