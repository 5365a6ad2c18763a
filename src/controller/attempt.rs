//! One attempt at a request under one lease: a run from its beginning to the last look at the guild.

use std::collections::BTreeMap;

use serde_json::{from_value, json};

use crate::discord;
use crate::model::Snapshot;
use crate::plan::{Approved, Outcome, Plan, Reconciliation, Step, propose, render};
use crate::store::{self, Finish, Lease, NewRun, RunId, RunRecord, StepRecord, Verdict};

use super::drive::Driver;
use super::engine::{Engine, Error, Proposal};
use super::hold::Right;
use super::note::{Objects, created_key, resolved};
use super::progress::{Progress, StopSignal};
use super::run::{Report, Request};

/// Everything a run needs.
pub(super) struct Attempt<'a> {
    pub(super) engine: &'a Engine,
    pub(super) lease: &'a Lease,
    pub(super) right: &'a Right,
    pub(super) run: RunId,
    pub(super) request: &'a Request<'a>,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopSignal,
}

impl Attempt<'_> {
    /// Applies the plan as it was asked for.
    pub(super) async fn apply(&self) -> Result<Report, Error> {
        self.carry_out(&self.request.approved, self.request.proposal).await
    }

    /// Applies what is left of the plan, after attempts that were broken off or a long wait for the guild. Everything is
    /// looked at afresh: what those attempts did, and what would be done now.
    pub(super) async fn go_on(&self, broken: &[RunId]) -> Result<Report, Error> {
        let (engine, request) = (self.engine, self.request);
        engine.recover_with(self.lease, "the database was away in the middle").await?;
        let now = self.look_again().await?;
        let mut earlier = Vec::new();
        for run in broken {
            earlier.extend(engine.store.run(*run).await?.map(told));
        }
        let Some(last) = earlier.last() else {
            // Nothing had begun, and an approval is still there.
            return match request.approved.plan().is_still(&now.plan) {
                true => self.carry_out(&request.approved, &now).await,
                false => Err(Error::Stale),
            };
        };
        let rest = request.approved.for_rest(&now.plan, &now.snapshot, &now.bindings);
        let rest = rest.ok_or(Error::Overtaken { run: last.run })?;
        if !now.plan.is_empty() {
            let report = self.carry_out(&rest, &now).await?;
            return Ok(Report { earlier, ..report });
        }
        engine.rebind_with(self.lease, &now.plan.bindings, None, &request.author).await?;
        let last = earlier.pop().ok_or(Error::Stale)?;
        let left = request.manifest.map(|_| now.plan);
        Ok(Report { verdict: Verdict::Succeeded, left, earlier, ..last })
    }

    /// What would be done now.
    async fn look_again(&self) -> Result<Proposal, Error> {
        let plan = &self.request.proposal.plan;
        match (self.request.manifest, self.request.rollback_of) {
            (Some(manifest), _) => self.engine.propose(manifest, plan.revision.as_deref()).await,
            (None, Some(run)) => self.engine.way_back(run).await,
            (None, None) => Err(Error::Stale),
        }
    }

    async fn carry_out(&self, approved: &Approved, proposal: &Proposal) -> Result<Report, Error> {
        let Self { engine, lease, right, run, request, progress, stop } = *self;
        let plan = approved.plan();
        self.is_still_so(approved, proposal).await?;
        self.is_allowed(plan).await?;
        // What is not begun uses no approval up.
        if stop.is_raised() {
            return Err(Error::NotBegun);
        }
        self.begin(approved, proposal).await?;
        engine.hide(plan.guild).await;
        progress.begin(plan, run);
        let mut driver = Driver {
            engine,
            lease,
            right,
            run,
            before: &proposal.snapshot,
            objects: Objects::of(&proposal.snapshot.guild),
            who: request.author.to_string(),
            revision: plan.revision.clone(),
            names: resolved(&proposal.bindings, &plan.bindings),
            intended: BTreeMap::new(),
            patience: request.patience,
            resting_since: BTreeMap::new(),
            progress,
            members: None,
        };
        let mut reconciliation = Reconciliation::begin(approved.clone());
        // What cannot be recorded is not sent. The run then stays open, and the next one settles it.
        driver.drive(&mut reconciliation, request.concurrency.max(1), stop).await?;
        let interrupted = stop.is_raised();
        self.conclude(proposal, &outcomes(&reconciliation), interrupted).await
    }

    /// Every change of the guild may need an approval. What is left of a plan rests on that of the whole.
    async fn is_allowed(&self, plan: &Plan) -> Result<(), Error> {
        let is_free = plan.is_empty() || self.request.approved.rests_on_approval();
        // The store is asked, never the cache: what was set a moment ago counts.
        if !is_free && self.engine.servers().require_approval(plan.guild).await? {
            return Err(Error::ApprovalRequired { guild: plan.guild });
        }
        Ok(())
    }

    /// Another process may have been at work between the look at the guild and the lease.
    async fn is_still_so(&self, approved: &Approved, proposal: &Proposal) -> Result<(), Error> {
        let (store, guild) = (&self.engine.store, proposal.plan.guild);
        if store.bindings(guild).await? != proposal.bindings {
            return Err(Error::Stale);
        }
        for run in store.unfinished(guild).await? {
            if run.summary.finished.is_none() {
                return Err(Error::Stale);
            }
            let created: Vec<_> = run.open.iter().filter_map(|open| created_key(&open.operation)).collect();
            let steps = &approved.plan().steps;
            let again = steps.iter().filter_map(|step| created_key(&step.operation)).find(|key| created.contains(key));
            if let Some((_, key)) = again {
                let why = format!("run {}", run.summary.id.short());
                return Err(Error::Unsettled { key: key.clone(), why });
            }
        }
        Ok(())
    }

    async fn begin(&self, approved: &Approved, proposal: &Proposal) -> Result<(), Error> {
        let (engine, request, plan) = (self.engine, self.request, approved.plan());
        let new = NewRun {
            id: self.run,
            before: proposal.snapshot.guild.clone(),
            trigger: request.trigger,
            author: request.author.clone(),
            revision: plan.revision.clone(),
            rollback_of: request.rollback_of,
            plan_digest: plan.digest.to_string(),
            plan: json!(plan),
            rests_on_approval: approved.rests_on_approval(),
            started_at: engine.clock.now(),
        };
        engine.store.begin(self.lease, &new).await.map_err(|error| match error {
            store::Error::NotApproved => Error::NotApproved,
            error => error.into(),
        })?;
        engine.rebind_with(self.lease, &plan.bindings, Some(self.run), &request.author).await
    }

    /// Reads the guild once more, says how it went, and closes the run.
    async fn conclude(
        &self,
        proposal: &Proposal,
        steps: &[(Step, Outcome)],
        interrupted: bool,
    ) -> Result<Report, Error> {
        let (engine, Plan { guild, revision, .. }) = (self.engine, &proposal.plan);
        self.progress.verifying();
        let read_at = engine.clock.now();
        let seen = engine.client.snapshot(*guild).await;
        let bindings = engine.store.bindings(*guild).await?;
        let after =
            seen.as_ref().ok().map(|snapshot| Snapshot { bot: proposal.snapshot.bot.clone(), ..snapshot.clone() });
        if let Some(after) = &after {
            engine.renew(after, read_at).await;
        }
        let left = match (&after, self.request.manifest) {
            (Some(after), Some(manifest)) => Some(propose(manifest, after, &bindings, revision.as_deref())),
            _ => None,
        };
        let done = steps.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count();
        let (verdict, remark) = judge(steps, done, left.as_ref(), interrupted, seen.as_ref().err());
        let finish = Finish {
            verdict,
            remark: remark.clone(),
            after: after.map(|snapshot| snapshot.guild),
            finished_at: engine.clock.now(),
        };
        engine.store.finish(self.lease, self.run, &finish).await?;
        Ok(Report { run: self.run, verdict, steps: steps.to_vec(), left, remark, earlier: Vec::new() })
    }
}

fn judge(
    steps: &[(Step, Outcome)],
    done: usize,
    left: Option<&Plan>,
    interrupted: bool,
    unread: Option<&discord::Error>,
) -> (Verdict, Option<String>) {
    let missing = steps.len() - done;
    if interrupted && missing > 0 {
        return (Verdict::Interrupted, Some(format!("stopped on request with {missing} steps to go")));
    }
    if let Some(error) = unread {
        return (Verdict::Partial, Some(format!("the guild could not be read afterwards: {error}")));
    }
    let remaining = left.filter(|plan| !plan.is_empty()).map(render::summary);
    match (missing, remaining) {
        (0, None) => (Verdict::Succeeded, None),
        (0, Some(remaining)) => (Verdict::Partial, Some(format!("a fresh read finds more to do. {remaining}"))),
        (_, _) if done == 0 => (Verdict::Failed, Some(format!("none of {} steps was done", steps.len()))),
        (missing, _) => (Verdict::Partial, Some(format!("{missing} of {} steps were not done", steps.len()))),
    }
}

fn outcomes(reconciliation: &Reconciliation) -> Vec<(Step, Outcome)> {
    let unknown = || Outcome::Skipped { why: "It was not reached.".to_owned() };
    let outcome = |step: &Step| reconciliation.outcome(step.id).cloned().unwrap_or_else(unknown);
    reconciliation.plan().steps.iter().map(|step| (step.clone(), outcome(step))).collect()
}

/// A run as the store tells of it.
fn told(record: RunRecord) -> Report {
    let RunRecord { summary, plan, steps } = record;
    let plan: Option<Plan> = from_value(plan).ok();
    let outcome = |step: &Step| {
        let settled = steps.iter().find(|s: &&StepRecord| s.step == step.id).and_then(|s| s.settled.as_ref());
        match settled.map(|settled| &settled.outcome) {
            Some(store::Outcome::Done { .. }) => Outcome::Done,
            Some(store::Outcome::Failed { error }) => Outcome::Failed { why: error.clone(), refused: false },
            Some(store::Outcome::Withdrawn { why }) => Outcome::Skipped { why: why.clone() },
            None => Outcome::Skipped { why: "It was not reached.".to_owned() },
        }
    };
    let steps = plan.iter().flat_map(|plan| &plan.steps).map(|step| (step.clone(), outcome(step))).collect();
    let (verdict, remark) = match summary.finished {
        Some(finished) => (finished.verdict, finished.remark),
        None => (Verdict::Interrupted, None),
    };
    Report { run: summary.id, verdict, steps, left: None, remark, earlier: Vec::new() }
}
