//! A process that dies at a chosen moment: the engine's future is dropped there, and nothing of it goes on.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use setai::discord::{Exchange, ExchangeError};
use setai::model::{Bindings, GuildId};
use setai::plan::StepId;
use setai::store::{
    Approval, AuditFilter, AuditRow, Error, Finish, GuildState, IntendedStep, Lease, NewRun, Rebinding, RunId,
    RunRecord, RunSummary, SettledStep, Store, UnfinishedRun,
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
}

impl Fate {
    pub(crate) fn new(moment: Moment, nth: usize) -> Arc<Self> {
        Arc::new(Self { moment, nth, seen: AtomicUsize::new(0), died: Notify::new() })
    }

    /// Returns once it is time to drop everything.
    pub(crate) async fn sealed(&self) {
        self.died.notified().await;
    }

    async fn at(&self, moment: Moment) {
        if moment == self.moment && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
            self.died.notify_one();
            pending::<()>().await;
        }
    }
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

/// A store whose process may die around a record.
pub(crate) struct MortalStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) fate: Arc<Fate>,
}

impl fmt::Debug for MortalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MortalStore")
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn begin(&self, run: &NewRun) -> Result<(), Error> {
        self.fate.at(Moment::BeforeBegin).await;
        self.inner.begin(run).await?;
        self.fate.at(Moment::AfterBegin).await;
        Ok(())
    }

    async fn intend(&self, run: RunId, step: &IntendedStep) -> Result<(), Error> {
        self.fate.at(Moment::BeforeIntent).await;
        self.inner.intend(run, step).await
    }

    async fn settle(&self, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error> {
        self.fate.at(Moment::AfterAnswer).await;
        self.inner.settle(run, step, settled).await?;
        self.fate.at(Moment::AfterSettle).await;
        Ok(())
    }

    async fn finish(&self, run: RunId, finish: &Finish) -> Result<(), Error> {
        self.fate.at(Moment::BeforeFinish).await;
        self.inner.finish(run, finish).await
    }

    async fn bindings(&self, guild: GuildId) -> Result<Bindings, Error> {
        self.inner.bindings(guild).await
    }

    async fn rebind(&self, rebinding: &Rebinding) -> Result<(), Error> {
        self.inner.rebind(rebinding).await
    }

    async fn lease(&self, guild: GuildId) -> Result<Lease, Error> {
        self.inner.lease(guild).await
    }

    async fn unfinished(&self, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
        self.inner.unfinished(guild).await
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

    async fn state_after(&self, run: RunId) -> Result<Option<GuildState>, Error> {
        self.inner.state_after(run).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
        self.inner.audit(filter).await
    }

    async fn approve(&self, approval: &Approval) -> Result<(), Error> {
        self.inner.approve(approval).await
    }

    async fn use_approval(&self, guild: GuildId, plan_digest: &str, used_at: DateTime<Utc>) -> Result<bool, Error> {
        self.inner.use_approval(guild, plan_digest, used_at).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
