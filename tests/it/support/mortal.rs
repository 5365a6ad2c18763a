//! A process that dies at a chosen moment: the engine's future is dropped there, and nothing of it goes on. And a store
//! around which anything else can happen.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use setai::discord::{Exchange, ExchangeError};
use setai::model::{Bindings, GuildId, ServerConfiguration, UserId, UserPreferences};
use setai::plan::StepId;
use setai::store::{
    Approval, AuditFilter, AuditRow, Author, Bound, ChainPage, Closing, CommandEnd, CommandId, CommandRecord,
    Correction, DriftAnswer, DriftChanges, DriftFilter, DriftId, DriftRecord, Error, Expiry, Finish, GuildState,
    GuildStatus, HeldPlan, HeldRecord, HeldSummary, IntendedStep, Lease, NewCommand, NewRun, ObservedDrift, Place,
    Prunable, Rebinding, Reconfiguration, RowName, RunId, RunRecord, RunSummary, ServerSummary, SettledStep, Store,
    Suspension, Tidied, Turn, Turns, UnfinishedRun,
};
use tokio::sync::Notify;

/// A moment in the life of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeIntent,
    BeforeSend,
    AfterSend,
    AfterAnswer,
    AfterSettle,
    BeforeBegin,
    AfterBegin,
    BeforeFinish,
}

impl Moment {
    /// Those that each step has.
    pub(crate) const OF_STEPS: [Self; 5] =
        [Self::BeforeIntent, Self::BeforeSend, Self::AfterSend, Self::AfterAnswer, Self::AfterSettle];
}

/// When to die.
#[derive(Debug)]
pub(crate) struct Fate {
    moment: Moment,
    /// At the n-th such moment, from 1.
    nth: usize,
    seen: AtomicUsize,
    died: Notify,
    /// The whole process dies, and nobody has to drop anything.
    is_real: bool,
}

impl Fate {
    pub(crate) fn new(moment: Moment, nth: usize) -> Arc<Self> {
        Arc::new(Self { moment, nth, seen: AtomicUsize::new(0), died: Notify::new(), is_real: false })
    }

    /// The fate of this whole process.
    pub(crate) fn of_process(moment: Moment, nth: usize) -> Arc<Self> {
        Arc::new(Self { moment, nth, seen: AtomicUsize::new(0), died: Notify::new(), is_real: true })
    }

    /// Returns once it is time to drop everything.
    pub(crate) async fn sealed(&self) {
        self.died.notified().await;
    }

    async fn at(&self, moment: Moment) {
        if moment == self.moment && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
            if self.is_real {
                kill(std::process::id());
            }
            self.died.notify_one();
            pending::<()>().await;
        }
    }
}

/// Kills a process that this one started, or this one.
pub(crate) fn kill(process: u32) {
    let killed = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()), "{process} is there to be killed");
}

/// An exchange whose process may die around a write.
pub(crate) struct MortalExchange<E> {
    pub(crate) inner: E,
    pub(crate) fate: Arc<Fate>,
}

#[async_trait]
impl<E: Exchange> Exchange for MortalExchange<E> {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let writes = request.method() != http::Method::GET;
        if writes {
            self.fate.at(Moment::BeforeSend).await;
        }
        let answer = self.inner.exchange(request).await;
        if writes {
            self.fate.at(Moment::AfterSend).await;
        }
        answer
    }
}

/// What a store is asked, as far as anybody cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Bindings,
    Rebind,
    Lease,
    Renew,
    Release,
    Begin,
    Intend,
    Settle,
    Finish,
    Unfinished,
    Status,
}

/// Something that happens when a store is asked.
#[async_trait]
pub(crate) trait Hook: Send + Sync {
    /// Before anything is done. An error is the answer, and nothing is done.
    async fn before(&self, ask: Ask) -> Result<(), Error>;
    /// After it was done. An error is the answer although it was done.
    async fn after(&self, ask: Ask) -> Result<(), Error>;
    /// True for what is said to be done and is not.
    fn leaves_out(&self, _: Ask) -> bool {
        false
    }
}

#[async_trait]
impl Hook for Fate {
    async fn before(&self, ask: Ask) -> Result<(), Error> {
        match ask {
            Ask::Begin => self.at(Moment::BeforeBegin).await,
            Ask::Intend => self.at(Moment::BeforeIntent).await,
            Ask::Settle => self.at(Moment::AfterAnswer).await,
            Ask::Finish => self.at(Moment::BeforeFinish).await,
            _ => {}
        }
        Ok(())
    }

    async fn after(&self, ask: Ask) -> Result<(), Error> {
        match ask {
            Ask::Begin => self.at(Moment::AfterBegin).await,
            Ask::Settle => self.at(Moment::AfterSettle).await,
            _ => {}
        }
        Ok(())
    }
}

/// A store around which something happens.
pub(crate) struct MortalStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) fate: Arc<dyn Hook>,
}

impl MortalStore {
    async fn around<T>(&self, ask: Ask, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.fate.before(ask).await?;
        let result = work.await?;
        self.fate.after(ask).await?;
        Ok(result)
    }
}

impl fmt::Debug for MortalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MortalStore")
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn begin(&self, lease: &Lease, run: &NewRun) -> Result<(), Error> {
        self.around(Ask::Begin, self.inner.begin(lease, run)).await
    }

    async fn intend(&self, lease: &Lease, run: RunId, step: &IntendedStep) -> Result<(), Error> {
        if self.fate.leaves_out(Ask::Intend) {
            return Ok(());
        }
        self.around(Ask::Intend, self.inner.intend(lease, run, step)).await
    }

    async fn settle(&self, lease: &Lease, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error> {
        if self.fate.leaves_out(Ask::Settle) {
            return Ok(());
        }
        self.around(Ask::Settle, self.inner.settle(lease, run, step, settled)).await
    }

    async fn finish(&self, lease: &Lease, run: RunId, finish: &Finish) -> Result<(), Error> {
        self.around(Ask::Finish, self.inner.finish(lease, run, finish)).await
    }

    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error> {
        self.around(Ask::Bindings, self.inner.bindings(guild)).await
    }

    async fn bindings_since(&self, guild: GuildId, known: Option<Bound>) -> Result<Bound, Error> {
        self.around(Ask::Bindings, self.inner.bindings_since(guild, known)).await
    }

    async fn rebind(&self, lease: &Lease, rebinding: &Rebinding) -> Result<(), Error> {
        self.around(Ask::Rebind, self.inner.rebind(lease, rebinding)).await
    }

    async fn lease(&self, guild: GuildId, holder: &str, duration: Duration) -> Result<Lease, Error> {
        self.around(Ask::Lease, self.inner.lease(guild, holder, duration)).await
    }

    async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        self.around(Ask::Renew, self.inner.renew(lease)).await
    }

    async fn release(&self, lease: Lease) -> Result<(), Error> {
        self.around(Ask::Release, self.inner.release(lease)).await
    }

    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
        self.around(Ask::Unfinished, self.inner.unfinished(guild)).await
    }

    async fn history(&self, guild: Option<GuildId>, limit: u32) -> Result<Vec<RunSummary>, Error> {
        self.inner.history(guild, limit).await
    }

    async fn runs_of_plan(&self, guild: GuildId, plan_digest: &str) -> Result<Vec<RunSummary>, Error> {
        self.inner.runs_of_plan(guild, plan_digest).await
    }

    async fn find_run(&self, part: &str) -> Result<Option<RunId>, Error> {
        self.inner.find_run(part).await
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, Error> {
        self.inner.run(id).await
    }

    async fn state_before(&self, run: RunId) -> Result<Option<GuildState>, Error> {
        self.inner.state_before(run).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
        self.inner.audit(filter).await
    }

    async fn audit_rows(&self, name: &RowName) -> Result<Vec<AuditRow>, Error> {
        self.inner.audit_rows(name).await
    }

    async fn audited_guilds(&self) -> Result<Vec<GuildId>, Error> {
        self.inner.audited_guilds().await
    }

    async fn audit_page(&self, guild: GuildId, from: &Place) -> Result<ChainPage, Error> {
        self.inner.audit_page(guild, from).await
    }

    async fn prunable(&self, guild: GuildId, older_than: DateTime<Utc>) -> Result<Prunable, Error> {
        self.inner.prunable(guild, older_than).await
    }

    async fn prune(&self, expiry: &Expiry) -> Result<Prunable, Error> {
        self.inner.prune(expiry).await
    }

    async fn approve(&self, approval: &Approval) -> Result<(), Error> {
        self.inner.approve(approval).await
    }

    async fn server(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, Error> {
        self.inner.server(guild).await
    }

    async fn servers(&self) -> Result<Vec<ServerSummary>, Error> {
        self.inner.servers().await
    }

    async fn configure(&self, change: &Reconfiguration) -> Result<ServerConfiguration, Error> {
        self.inner.configure(change).await
    }

    async fn approval(&self, guild: GuildId, plan_digest: &str, at: DateTime<Utc>) -> Result<Option<Approval>, Error> {
        self.inner.approval(guild, plan_digest, at).await
    }

    async fn status(&self, guild: GuildId) -> Result<Option<GuildStatus>, Error> {
        self.around(Ask::Status, self.inner.status(guild)).await
    }

    async fn statuses(&self) -> Result<Vec<GuildStatus>, Error> {
        self.inner.statuses().await
    }

    async fn report(&self, status: &GuildStatus) -> Result<(), Error> {
        self.inner.report(status).await
    }

    async fn suspend(&self, suspension: &Suspension) -> Result<(), Error> {
        self.inner.suspend(suspension).await
    }

    async fn resume(&self, guild: GuildId, by: &Author, at: DateTime<Utc>) -> Result<bool, Error> {
        self.inner.resume(guild, by, at).await
    }

    async fn suspension(&self, guild: GuildId, at: DateTime<Utc>) -> Result<Option<Suspension>, Error> {
        self.inner.suspension(guild, at).await
    }

    async fn suspensions(&self, at: DateTime<Utc>) -> Result<Vec<Suspension>, Error> {
        self.inner.suspensions(at).await
    }

    async fn hold(&self, held: &HeldPlan) -> Result<bool, Error> {
        self.inner.hold(held).await
    }

    async fn approved_plans(&self, at: DateTime<Utc>) -> Result<BTreeSet<(GuildId, String)>, Error> {
        self.inner.approved_plans(at).await
    }

    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        self.inner.now().await
    }

    async fn held_plans(&self, guild: Option<GuildId>) -> Result<Vec<HeldSummary>, Error> {
        self.inner.held_plans(guild).await
    }

    async fn find_held_plan(&self, part: &str) -> Result<Option<HeldRecord>, Error> {
        self.inner.find_held_plan(part).await
    }

    async fn close_held_plan(
        &self,
        guild: GuildId,
        plan_digest: &str,
        how: Closing,
        at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.inner.close_held_plan(guild, plan_digest, how, at).await
    }

    async fn record_drift(
        &self,
        guild: GuildId,
        observed: &[ObservedDrift],
        at: DateTime<Utc>,
    ) -> Result<DriftChanges, Error> {
        self.inner.record_drift(guild, observed, at).await
    }

    async fn drift(&self, guild: Option<GuildId>, filter: DriftFilter, limit: u32) -> Result<Vec<DriftRecord>, Error> {
        self.inner.drift(guild, filter, limit).await
    }

    async fn drift_record(&self, id: DriftId) -> Result<Option<DriftRecord>, Error> {
        self.inner.drift_record(id).await
    }

    async fn find_drift(&self, part: &str) -> Result<Option<DriftId>, Error> {
        self.inner.find_drift(part).await
    }

    async fn resolve_drift(
        &self,
        id: DriftId,
        answer: DriftAnswer,
        by: &Author,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.inner.resolve_drift(id, answer, by, at).await
    }

    async fn turns(&self) -> Result<Turns, Error> {
        self.inner.turns().await
    }

    async fn take_turn(&self, guild: GuildId, duration: Duration) -> Result<Turn, Error> {
        self.inner.take_turn(guild, duration).await
    }

    async fn plan_turn(&self, guild: GuildId, rest: Duration) -> Result<(), Error> {
        self.inner.plan_turn(guild, rest).await
    }

    async fn corrections(&self, guild: GuildId, since: DateTime<Utc>) -> Result<Vec<Correction>, Error> {
        self.inner.corrections(guild, since).await
    }

    async fn begin_command(&self, command: &NewCommand) -> Result<(), Error> {
        self.inner.begin_command(command).await
    }

    async fn end_command(&self, command: CommandId, end: &CommandEnd) -> Result<(), Error> {
        self.inner.end_command(command, end).await
    }

    async fn command(&self, command: CommandId) -> Result<Option<CommandRecord>, Error> {
        self.inner.command(command).await
    }

    async fn commands(&self, guild: GuildId, limit: u32) -> Result<Vec<CommandRecord>, Error> {
        self.inner.commands(guild, limit).await
    }

    async fn preferences(&self, user: UserId) -> Result<UserPreferences, Error> {
        self.inner.preferences(user).await
    }

    async fn prefer(&self, user: UserId, preferences: &UserPreferences, at: DateTime<Utc>) -> Result<(), Error> {
        self.inner.prefer(user, preferences, at).await
    }

    async fn tidy(&self, before: DateTime<Utc>) -> Result<Tidied, Error> {
        self.inner.tidy(before).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
