//! What is asked for and what came of it: a plan is applied in one run, or in several when the database goes away in
//! between.

use std::time::Duration;

use tracing::Instrument as _;
use uuid::Uuid;

use crate::manifest::Manifest;
use crate::model::GuildId;
use crate::plan::{Approved, BindingChange, Outcome, Plan, Step};
use crate::store::{self, Author, Lease, Rebinding, RunId, Trigger};

use super::attempt::Attempt;
use super::engine::{Engine, Error, Proposal};
use super::progress::{Progress, Silent, StopSignal};
use super::share::Told;
use super::trace;
use super::wait::Wait;

/// What to apply, and on whose word.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The plan.
    pub approved: Approved,
    /// What it was made from, not older than a moment.
    pub proposal: &'a Proposal,
    /// What the guild should equal afterwards; none for a rollback, which equals no manifest.
    pub manifest: Option<&'a Manifest>,
    /// Why.
    pub trigger: Trigger,
    /// On whose word.
    pub author: Author,
    /// The run this one takes back.
    pub rollback_of: Option<RunId>,
    /// Longest wait for a limit of Discord's; what waits longer is left for another run.
    pub patience: Duration,
    /// Most requests at once.
    pub concurrency: usize,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub verdict: crate::store::Verdict,
    /// What became of each step.
    pub steps: Vec<(Step, Outcome)>,
    /// What a fresh read would still plan; none when it was not read.
    pub left: Option<Plan>,
    /// One sentence about the end.
    pub remark: Option<String>,
    /// The runs of the same request that the database's absence broke off, oldest first.
    pub earlier: Vec<Self>,
}

impl Report {
    /// The steps that were done in this run.
    pub fn done(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|(_, outcome)| *outcome == Outcome::Done).map(|(step, _)| step)
    }

    /// All runs of the request, oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &Self> {
        self.earlier.iter().chain([self])
    }
}

impl Engine {
    /// Applies an approved plan. Waits for what goes by itself as long as the engine has [`Patience`](super::Patience); when
    /// the database was away in the middle, the run is closed as interrupted, and what is left goes on as another run.
    ///
    /// # Errors
    /// [`Error::Store`] when nothing can be recorded, or somebody else is changing the guild: then nothing more is sent.
    /// [`Error::Stale`] when the plan is not of this moment, [`Error::NotApproved`] when it rests on an approval and none
    /// is left, [`Error::ApprovalRequired`] when it must, and [`Error::Unsettled`] when it could create something twice.
    /// [`Error::Overtaken`] when what is left after an outage is not what was approved. What goes wrong with single steps is
    /// in the report.
    pub async fn apply(
        &self,
        request: Request<'_>,
        progress: &dyn Progress,
        stop: &StopSignal,
    ) -> Result<Report, Error> {
        let plan = request.approved.plan();
        if !plan.is_still(&request.proposal.plan) {
            return Err(Error::Stale);
        }
        let (told, span) = (Told::beside(progress, &self.clock), trace::apply(plan));
        let applying = self.telling(Some(&told), self.apply_with(&request, &told, stop));
        let report = applying.instrument(span.clone()).await;
        trace::applied(&span, &report);
        report
    }

    async fn apply_with(
        &self,
        request: &Request<'_>,
        progress: &dyn Progress,
        stop: &StopSignal,
    ) -> Result<Report, Error> {
        let guild = request.approved.plan().guild;
        let mut wait = Wait::of(self, progress, stop);
        let mut lease = self.take(guild, &mut wait).await?;
        self.take_limits(guild).await;
        let is_late = wait.has_waited();
        let mut broken = Vec::new();
        loop {
            let (run, held, before) = (RunId(Uuid::now_v7()), &lease, &broken);
            let is_first = broken.is_empty() && !is_late;
            let ended = self.hold(held, |right| async move {
                let attempt = Attempt { engine: self, lease: held, right: &right, run, request, progress, stop };
                if is_first { attempt.apply().await } else { attempt.go_on(before).await }
            });
            match ended.await {
                Err(Error::Store(error)) if error.is_outage() || matches!(error, store::Error::LeaseLost { .. }) => {
                    lease = self.return_to(lease, error, &mut wait).await?;
                    broken.push(run);
                }
                ended => {
                    self.give_back(lease).await;
                    return ended;
                }
            }
        }
    }

    /// Waits until the database is back, and takes the guild anew.
    async fn return_to(&self, lease: Lease, error: store::Error, wait: &mut Wait<'_>) -> Result<Lease, Error> {
        if error.is_outage() {
            if let Err(error) = wait.after(error).await {
                self.give_back(lease).await;
                return Err(error);
            }
            return self.take_anew(lease, wait).await;
        }
        self.take_anew(lease, wait).await.map_err(|later| match later {
            // That the right was lost is what matters to whoever does not wait.
            Error::Store(later) if later.is_outage() => error.into(),
            later => later,
        })
    }

    /// Records what is bound and released without a request and outside of a run.
    ///
    /// # Errors
    /// When the store cannot record it, or somebody else is changing the guild.
    pub async fn rebind(&self, guild: GuildId, changes: &[BindingChange], author: &Author) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let lease = self.take(guild, &mut Wait::of(self, &Silent, &StopSignal::default())).await?;
        let rebound = self.hold(&lease, |_| self.rebind_with(&lease, changes, None, author)).await;
        self.give_back(lease).await;
        rebound
    }

    pub(super) async fn rebind_with(
        &self,
        lease: &Lease,
        changes: &[BindingChange],
        run: Option<RunId>,
        author: &Author,
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let (guild, author, at) = (lease.guild(), author.clone(), self.clock.now());
        let rebinding = Rebinding { guild, run, author, at, changes: changes.to_vec() };
        Ok(self.store.rebind(lease, &rebinding).await?)
    }
}
