//! What is remembered: bindings, reconciliations, their operations, the audit trail, and what the controller has to know
//! when it starts anew.
//!
//! Decides how facts are kept and that none is lost: an operation's intent is on disk before its request leaves, its
//! outcome after. Knows nothing of Discord, of plans beyond their operations, or of what time it is: callers say when.
//!
//! [`Store`] is the contract. Behind it are SQLite, embedded, and MySQL or MariaDB, a server; both have the same tables,
//! statements and tests. Whole embedded databases are copied, looked into and put in place by [`copy()`], [`examine`],
//! [`revive`] and [`replace`].

mod approvals;
mod audit;
mod bindings;
mod chain;
mod column;
mod copy;
mod corrections;
mod database;
mod database_url;
mod drift;
mod error;
mod guilds;
mod held;
mod lease;
mod migration;
mod mysql;
mod people;
mod record;
mod retention;
mod runs;
mod seal;
mod servers;
mod sign;
mod sql;
mod sqlite;
mod status;
mod suspensions;
mod tidy;
mod trail;
mod turns;
mod words;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{Bindings, GuildId, ServerConfiguration, UserId, UserPreferences};
use crate::plan::StepId;

use database::Opened;
use sql::Dialect;

pub use audit::{
    ActionDetails, ActionType, AuditFilter, AuditMetadata, AuditRow, ExecutionSource, ImpactScope, Pruning, TargetType,
};
pub use chain::{
    ChainHead, ChainPage, ChainRow, Finding, Inspection, InvalidPin, Pin, Place, RowName, covered_columns,
};
pub use copy::{Examination, copy, examine, replace, revive};
pub use corrections::{Corrected, Correction, Identity};
pub use database_url::{DatabaseUrl, SETTING, ServerUrl, default_url};
pub use drift::{
    DriftAnswer, DriftCause, DriftChanges, DriftFilter, DriftRecord, DriftStatus, DriftSubject, ObservedDrift,
};
pub use error::Error;
pub use held::{Closed, Closing, HeldPlan, HeldRecord, HeldSummary};
pub use lease::{Bound, Lease, Mark};
pub use migration::{MigrationState, MigrationStatus};
pub use people::{CommandEnd, CommandRecord, CommandStatus, CommandType, Membership, NewCommand, Person};
pub use record::{
    Approval, Author, CommandId, Created, DriftId, Fact, Finish, Finished, GuildState, IntendedStep, InvalidId, NewRun,
    OperationId, Outcome, Phase, Rebinding, RunId, RunRecord, RunSummary, Settled, SettledStep, StepCounts, StepRecord,
    Trigger, UnfinishedRun, Verdict,
};
pub use retention::{Expiry, Prunable};
pub use servers::{LastRun, Reconfiguration, ServerSummary};
pub use status::{GuildStatus, Standing};
pub use suspensions::Suspension;
pub use tidy::Tidied;
pub use turns::{Turn, Turns};
pub use words::UnknownWord;

/// The contract of a database. Every method is one transaction: it happens entirely or not at all.
///
/// Writes of a reconciliation show the [`Lease`] of its guild, and fail with [`Error::LeaseLost`] when somebody else has it
/// by then. Times are kept in UTC with microseconds.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What is bound in a guild; nothing for a guild never heard of.
    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error>;

    /// The same, and `known` itself when nobody can have changed it since.
    async fn bindings_since(&self, guild: GuildId, known: Option<Bound>) -> Result<Bound, Error>;

    /// Makes binding changes that cost no request, each with an audit row.
    async fn rebind(&self, lease: &Lease, rebinding: &Rebinding) -> Result<(), Error>;

    /// The right to change a guild, to be held through a whole run and renewed before `duration` is over. `holder` is for
    /// people who look at the database. Does not wait.
    ///
    /// Fails with [`Error::GuildBusy`] while somebody else has it and is not known to be gone.
    async fn lease(&self, guild: GuildId, holder: &str, duration: Duration) -> Result<Lease, Error>;

    /// Lets a lease last for its whole duration from now.
    async fn renew(&self, lease: &Lease) -> Result<(), Error>;

    /// Gives a lease back.
    async fn release(&self, lease: Lease) -> Result<(), Error>;

    /// Records that a run starts, with its plan and the guild as it was, and uses up the approval it rests on.
    ///
    /// Fails with [`Error::NotApproved`] when it rests on one and none is left.
    async fn begin(&self, lease: &Lease, run: &NewRun) -> Result<(), Error>;

    /// Records that a request is about to be sent, with an audit row. Must have returned before the request leaves.
    ///
    /// Fails with [`Error::RunNotOpen`] for a run that has not begun or is over, and with [`Error::AlreadyIntended`]
    /// when the run intended the step before.
    async fn intend(&self, lease: &Lease, run: RunId, step: &IntendedStep) -> Result<(), Error>;

    /// Records what became of an intended step, with its binding changes, what is to be remembered of it, and an audit
    /// row. Also works when the run is over: an outcome found out later is still an outcome.
    ///
    /// Fails with [`Error::NotIntended`] when the step has no open intent.
    async fn settle(&self, lease: &Lease, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error>;

    /// Records that a run is over. Steps without an outcome stay open and are found by [`unfinished`](Self::unfinished).
    async fn finish(&self, lease: &Lease, run: RunId, finish: &Finish) -> Result<(), Error>;

    /// Runs of a guild that are not over or have steps without an outcome, oldest first: what a crash left behind.
    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error>;

    /// The latest runs, newest first, of one guild or of all.
    async fn history(&self, guild: Option<GuildId>, limit: u32) -> Result<Vec<RunSummary>, Error>;

    /// The runs of one plan that did something or may have, oldest first.
    async fn runs_of_plan(&self, guild: GuildId, plan_digest: &str) -> Result<Vec<RunSummary>, Error>;

    /// The run whose id begins or, among the latest 10,000, ends with `part`, which is what people type.
    ///
    /// Fails with [`Error::AmbiguousRun`] when there are several.
    async fn find_run(&self, part: &str) -> Result<Option<RunId>, Error>;

    /// A run with all its steps.
    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error>;

    /// The guild and its bindings as they were before a run.
    async fn state_before(&self, run: RunId) -> Result<Option<GuildState>, Error>;

    /// The audit trail, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error>;

    /// The rows of the audit trail that people may mean by a name; at most ten.
    async fn audit_rows(&self, name: &RowName) -> Result<Vec<AuditRow>, Error>;

    /// The guilds with an audit trail.
    async fn audited_guilds(&self) -> Result<Vec<GuildId>, Error>;

    /// The audit trail of a guild as it is stored, a few hundred rows from a place on, oldest first.
    async fn audit_page(&self, guild: GuildId, from: &Place) -> Result<ChainPage, Error>;

    /// The oldest part of a guild's audit trail that is from before a time and may be removed: whole runs, none of them
    /// unfinished.
    async fn prunable(&self, guild: GuildId, older_than: DateTime<Utc>) -> Result<Prunable, Error>;

    /// Removes it, or a large part of it, and records that in the trail. Says what was removed: no rows when none is left.
    async fn prune(&self, expiry: &Expiry) -> Result<Prunable, Error>;

    /// Records that a plan was approved. The same plan can be approved again; each approval is for one run.
    async fn approve(&self, approval: &Approval) -> Result<(), Error>;

    /// What is set for a guild; nothing for one never heard of.
    async fn server(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, Error>;

    /// Every guild that was heard of, by name.
    async fn servers(&self) -> Result<Vec<ServerSummary>, Error>;

    /// Changes what is set for a guild, with an audit row when that changes anything. Gives what is set afterwards.
    async fn configure(&self, change: &Reconfiguration) -> Result<ServerConfiguration, Error>;

    /// The oldest approval of a plan that is neither used nor expired at a time: the one [`begin`](Self::begin) would use.
    async fn approval(&self, guild: GuildId, plan_digest: &str, at: DateTime<Utc>) -> Result<Option<Approval>, Error>;

    /// What was last said of a guild.
    async fn status(&self, guild: GuildId) -> Result<Option<GuildStatus>, Error>;

    /// What was last said of every guild, by snowflake.
    async fn statuses(&self) -> Result<Vec<GuildStatus>, Error>;

    /// Says how a guild stands, in one statement and without a lease. A report that was true before the one that is there
    /// changes nothing; [`GuildStatus::since`] moves only with the state or the reason.
    async fn report(&self, status: &GuildStatus) -> Result<(), Error>;

    /// Says that a guild is to be left alone, with an audit row. Takes the place of what was said before.
    async fn suspend(&self, suspension: &Suspension) -> Result<(), Error>;

    /// Takes that back, with an audit row. False when nothing of the kind counts, and then there is no row.
    async fn resume(&self, guild: GuildId, by: &Author, at: DateTime<Utc>) -> Result<bool, Error>;

    /// Why a guild is left alone, if it is at this time.
    async fn suspension(&self, guild: GuildId, at: DateTime<Utc>) -> Result<Option<Suspension>, Error>;

    /// Every guild that is left alone at this time, by snowflake.
    async fn suspensions(&self, at: DateTime<Utc>) -> Result<Vec<Suspension>, Error>;

    /// Lets a plan wait for an approval; one that waits in the same guild is superseded, or expired. False when this very
    /// plan waits already, and then nothing changes.
    async fn hold(&self, held: &HeldPlan) -> Result<bool, Error>;

    /// The plans that wait, longest first, of one guild or of all. Those whose time is over are among them until they are
    /// closed.
    async fn held_plans(&self, guild: Option<GuildId>) -> Result<Vec<HeldSummary>, Error>;

    /// The plans that were approved and are not applied yet, by guild and digest, whose approval still counts at a time.
    async fn approved_plans(&self, at: DateTime<Utc>) -> Result<BTreeSet<(GuildId, String)>, Error>;

    /// What time the database says it is: the same for all who use it, whatever their own clocks say.
    async fn now(&self) -> Result<DateTime<Utc>, Error>;

    /// The plan whose digest begins with `part`: among those that wait, or, when none of them does, the last one that did.
    ///
    /// Fails with [`Error::AmbiguousPlan`] when there are several.
    async fn find_held_plan(&self, part: &str) -> Result<Option<HeldRecord>, Error>;

    /// Says what became of a plan that waits. False when that is not news: it does not wait. One that is closed as
    /// [`Closing::Approved`] can be closed once more, with what became of it then.
    async fn close_held_plan(
        &self,
        guild: GuildId,
        plan_digest: &str,
        how: Closing,
        at: DateTime<Utc>,
    ) -> Result<bool, Error>;

    /// Records everything that differs in a guild at a time. What was open and is not among it is gone; what is ignored stays
    /// so; who made a difference is added once it is known.
    async fn record_drift(
        &self,
        guild: GuildId,
        observed: &[ObservedDrift],
        at: DateTime<Utc>,
    ) -> Result<DriftChanges, Error>;

    /// Differences, newest first, of one guild or of all.
    async fn drift(&self, guild: Option<GuildId>, filter: DriftFilter, limit: u32) -> Result<Vec<DriftRecord>, Error>;

    /// One difference.
    async fn drift_record(&self, id: DriftId) -> Result<Option<DriftRecord>, Error>;

    /// The difference whose id begins or, among the latest 10,000, ends with `part`.
    ///
    /// Fails with [`Error::AmbiguousDrift`] when there are several.
    async fn find_drift(&self, part: &str) -> Result<Option<DriftId>, Error>;

    /// Records an answer to a difference, with an audit row. What is ignored can be answered in another way.
    ///
    /// Fails with [`Error::UnknownDrift`], and with [`Error::DriftSettled`] when it was answered or is gone.
    async fn resolve_drift(
        &self,
        id: DriftId,
        answer: DriftAnswer,
        by: &Author,
        at: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// What goes on in guilds, as everybody at the database sees it, by its clock.
    async fn turns(&self) -> Result<Turns, Error>;

    /// Takes the turn to look at a guild without a cause, for a time, when its time has come and nobody else has it.
    async fn take_turn(&self, guild: GuildId, duration: Duration) -> Result<Turn, Error>;

    /// Says that a guild was looked at, and that nobody needs to do so without a cause before this time has passed.
    async fn plan_turn(&self, guild: GuildId, rest: Duration) -> Result<(), Error>;

    /// How often each object of a guild was brought back since a time by runs nobody asked for (those started by an event,
    /// the schedule, a retry or the start), counting requests that were done or may have been.
    async fn corrections(&self, guild: GuildId, since: DateTime<Utc>) -> Result<Vec<Correction>, Error>;

    /// Removes what is over since before a time: plans that wait no more, differences that were answered or are gone,
    /// suspensions that ended, and statuses and schedules of guilds nobody spoke of since.
    async fn tidy(&self, before: DateTime<Utc>) -> Result<Tidied, Error>;

    /// Records that somebody uses a command, who that is, and what they are in the guild.
    async fn begin_command(&self, command: &NewCommand) -> Result<(), Error>;

    /// Records what became of a command.
    async fn end_command(&self, command: CommandId, end: &CommandEnd) -> Result<(), Error>;

    /// A command that was used.
    async fn command(&self, command: CommandId) -> Result<Option<CommandRecord>, Error>;

    /// The latest commands that were used in a guild, the newest first.
    async fn commands(&self, guild: GuildId, limit: u32) -> Result<Vec<CommandRecord>, Error>;

    /// What somebody prefers; what is usual for somebody who was never met.
    async fn preferences(&self, user: UserId) -> Result<UserPreferences, Error>;

    /// Records what somebody prefers who was met before.
    async fn prefer(&self, user: UserId, preferences: &UserPreferences, at: DateTime<Utc>) -> Result<(), Error>;

    /// Writes everything to its final place and lets go of the database. Dropping the store loses nothing either.
    async fn close(&self);
}

/// Removes everything of an audit trail that may be removed, a batch at a time, and says how many rows that was.
pub async fn prune_all(store: &dyn Store, expiry: &Expiry) -> Result<u64, Error> {
    let mut rows = 0;
    loop {
        match store.prune(expiry).await?.rows {
            0 => return Ok(rows),
            more => rows += more,
        }
    }
}

/// Looks whether the audit trail of a guild is as it was written, a page at a time. Others may write meanwhile.
///
/// A pin of the guild is held against the row it names; pins of other guilds are not looked at.
pub async fn inspect(store: &dyn Store, guild: GuildId, pins: &[Pin]) -> Result<Inspection, Error> {
    let mut inspector = chain::Inspector::new(guild, pins);
    let mut place = Place::BEGINNING;
    loop {
        let page = store.audit_page(guild, &place).await?;
        inspector.page(&page);
        match page.next {
            Some(next) => place = next,
            None => return Ok(inspector.conclude(page.head)),
        }
    }
}

/// Opens the database and brings its tables up to date. A file is made where there is none.
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(opened(url).await?.database))
}

/// Brings the tables up to date, and names the migrations that were applied.
pub async fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, Error> {
    let Opened { database, migrated } = opened(url).await?;
    database.close().await;
    Ok(migrated)
}

/// How the tables stand. Nothing is made and nothing is changed.
pub async fn migrations(url: &DatabaseUrl) -> Result<Vec<MigrationStatus>, Error> {
    match url {
        DatabaseUrl::File(path) => sqlite::status(path).await,
        DatabaseUrl::Memory => Ok(migration::all_pending(Dialect::Sqlite)),
        DatabaseUrl::Server(url) => mysql::status(url).await,
    }
}

async fn opened(url: &DatabaseUrl) -> Result<Opened, Error> {
    match url {
        DatabaseUrl::File(path) => sqlite::in_file(path, sqlite::options()).await,
        DatabaseUrl::Memory => sqlite::in_memory().await,
        DatabaseUrl::Server(url) => mysql::open(url).await,
    }
}
