//! What is remembered: bindings, reconciliations, their operations, and the audit trail.
//!
//! Decides how facts are kept and that none is lost: an operation's intent is on disk before its request leaves, its
//! outcome after. Knows nothing of Discord, of plans beyond their operations, or of what time it is: callers say when.
//!
//! [`Store`] is the contract. The embedded database is behind it; a server's can stand beside it and share the tables,
//! the statements and the tests.

mod approvals;
mod audit;
mod bindings;
mod column;
mod database_url;
mod error;
mod guilds;
mod lease;
mod migration;
mod record;
mod runs;
mod sqlite;
mod trail;
mod words;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{Bindings, GuildId};
use crate::plan::StepId;

pub use audit::{ActionDetails, ActionType, AuditFilter, AuditRow, ImpactScope, TargetType};
pub use database_url::{DatabaseUrl, SETTING, default_url};
pub use error::Error;
pub use lease::Lease;
pub use record::{
    Approval, Author, Created, Fact, Finish, Finished, GuildState, IntendedStep, InvalidId, NewRun, OperationId,
    Outcome, Phase, Rebinding, RunId, RunRecord, RunSummary, Settled, SettledStep, StepCounts, StepRecord, Trigger,
    UnfinishedRun, Verdict,
};
pub use words::UnknownWord;

/// The contract of a database. Every method is one transaction: it happens entirely or not at all.
///
/// Times are kept in UTC with microseconds.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What is bound in a guild; nothing for a guild never heard of.
    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error>;

    /// Makes binding changes that cost no request, each with an audit row.
    async fn rebind(&self, rebinding: &Rebinding) -> Result<(), Error>;

    /// The right to change a guild, to be held through a whole run. Does not wait.
    ///
    /// Fails with [`Error::GuildBusy`] while somebody else has it.
    async fn lease(&self, guild: GuildId) -> Result<Lease, Error>;

    /// Records that a run starts, with its plan and the guild as it was.
    async fn begin(&self, run: &NewRun) -> Result<(), Error>;

    /// Records that a request is about to be sent, with an audit row. Must have returned before the request leaves.
    ///
    /// Fails with [`Error::RunNotOpen`] for a run that has not begun or is over, and with [`Error::AlreadyIntended`]
    /// when the run intended the step before.
    async fn intend(&self, run: RunId, step: &IntendedStep) -> Result<(), Error>;

    /// Records what became of an intended step, with its binding changes, what is to be remembered of it, and an audit
    /// row. Also works when the run is over: an outcome found out later is still an outcome.
    ///
    /// Fails with [`Error::NotIntended`] when the step has no open intent.
    async fn settle(&self, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error>;

    /// Records that a run is over. Steps without an outcome stay open and are found by [`unfinished`](Self::unfinished).
    async fn finish(&self, run: RunId, finish: &Finish) -> Result<(), Error>;

    /// Runs of a guild that are not over or have steps without an outcome, oldest first: what a crash left behind.
    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error>;

    /// The latest runs, newest first, of one guild or of all.
    async fn history(&self, guild: Option<GuildId>, limit: u32) -> Result<Vec<RunSummary>, Error>;

    /// The runs of one plan that did something or may have, oldest first.
    async fn runs_of_plan(&self, guild: GuildId, plan_digest: &str) -> Result<Vec<RunSummary>, Error>;

    /// The run whose id begins or ends with `part`, which is what people type.
    ///
    /// Fails with [`Error::AmbiguousRun`] when there are several.
    async fn find_run(&self, part: &str) -> Result<Option<RunId>, Error>;

    /// A run with all its steps.
    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error>;

    /// The guild and its bindings as they were before a run.
    async fn state_before(&self, run: RunId) -> Result<Option<GuildState>, Error>;

    /// The guild and its bindings as they were after a run, when that was read.
    async fn state_after(&self, run: RunId) -> Result<Option<GuildState>, Error>;

    /// The audit trail, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error>;

    /// Records that a plan was approved. The same plan can be approved again; each approval is used once.
    async fn approve(&self, approval: &Approval) -> Result<(), Error>;

    /// Uses one approval of the plan with this digest. True when there was an unused one.
    async fn use_approval(&self, guild: GuildId, plan_digest: &str, used_at: DateTime<Utc>) -> Result<bool, Error>;

    /// Writes everything to its final place and lets go of the database. Dropping the store loses nothing either.
    async fn close(&self);
}

/// Opens the database, makes it where there is none, and brings its tables up to date.
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(sqlite::SqliteStore::open(url).await?))
}
