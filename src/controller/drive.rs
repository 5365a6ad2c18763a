//! Drives the steps of one plan: intent, request, outcome, each written down in its turn.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::discord::{self, AuditReason, Member, Resolved};
use crate::model::{Facet, Snapshot};
use crate::plan::{Operation, Outcome, Reconciliation, Step, StepId};
use crate::store::{IntendedStep, Lease, OperationId, RunId, SettledStep};
use crate::telemetry::metrics;

use super::engine::{Engine, Error};
use super::hold::Right;
use super::note::{Objects, created_key, done, name};
use super::progress::{Pause, Progress, StopSignal};
use super::send::{Sent, send};
use super::trace;

/// Drives one reconciliation.
pub(super) struct Driver<'a> {
    pub(super) engine: &'a Engine,
    pub(super) lease: &'a Lease,
    pub(super) right: &'a Right,
    pub(super) run: RunId,
    pub(super) before: &'a Snapshot,
    pub(super) objects: Objects,
    pub(super) who: String,
    pub(super) revision: Option<String>,
    pub(super) names: Resolved,
    pub(super) intended: BTreeMap<StepId, OperationId>,
    pub(super) patience: Duration,
    /// When each step that rested was told to for the first time.
    pub(super) resting_since: BTreeMap<StepId, Duration>,
    pub(super) progress: &'a dyn Progress,
    /// Everybody in the guild, once a role is to be deleted.
    pub(super) members: Option<Facet<Vec<Member>>>,
}

/// A step that rests because of one of Discord's limits.
struct Rest {
    until: Duration,
    why: String,
    step: Step,
}

fn wake(reconciliation: &mut Reconciliation, parked: &mut BTreeMap<StepId, Rest>, now: Duration) {
    parked.retain(|step, rest| {
        let rests = rest.until > now;
        if !rests {
            reconciliation.unpark(*step);
        }
        rests
    });
}

type Sending<'s> = Pin<Box<dyn Future<Output = (Step, Sent)> + Send + 's>>;

impl<'a> Driver<'a> {
    /// Drives all steps to their end. Ends early when something cannot be written down: then nothing more is sent.
    pub(super) async fn drive(
        &mut self,
        reconciliation: &mut Reconciliation,
        concurrency: usize,
        stop: &StopSignal,
    ) -> Result<(), Error> {
        let mut running = FuturesUnordered::new();
        let driven = self.go_through(reconciliation, &mut running, concurrency, stop).await;
        if driven.is_err() {
            // What is under way comes to its end, so that whoever looks afterwards can see what it did. What was about to
            // be sent waits for leave.
            self.right.doubt();
            while running.next().await.is_some() {}
        }
        driven
    }

    async fn go_through(
        &mut self,
        reconciliation: &mut Reconciliation,
        running: &mut FuturesUnordered<Sending<'a>>,
        concurrency: usize,
        stop: &StopSignal,
    ) -> Result<(), Error> {
        let (engine, right) = (self.engine, self.right);
        let (client, guild, before) = (&*engine.client, self.lease.guild(), self.before);
        let mut parked: BTreeMap<StepId, Rest> = BTreeMap::new();
        loop {
            if stop.is_raised() {
                reconciliation.stop("Stopped on request.");
            }
            self.give_up(reconciliation, &mut parked).await?;
            wake(reconciliation, &mut parked, engine.clock.elapsed());
            for step in reconciliation.start(concurrency) {
                self.progress.started(&step);
                let holders = match self.holders(&step).await {
                    Ok(holders) => holders,
                    Err(error) => {
                        let why = format!("who has the role cannot be read: {error}");
                        self.leave_open(reconciliation, &step, why);
                        continue;
                    }
                };
                let reason = self.intend(&step, holders).await?;
                let (names, span) = (self.names.clone(), trace::step(&step));
                running.push(Box::pin(async move {
                    let sending = send(client, guild, &step, &names, &reason, before, right);
                    let sent = sending.instrument(span.clone()).await;
                    trace::sent(&span, &sent);
                    (step, sent)
                }));
            }
            match running.next().await {
                Some((step, Sent::Parked(rest, why))) if self.is_worth_waiting(step.id, rest) => {
                    reconciliation.park(step.id);
                    parked.insert(step.id, Rest { until: engine.clock.elapsed() + rest, why, step });
                }
                Some((step, sent)) => self.settle(reconciliation, &step, sent).await?,
                None if parked.is_empty() => return Ok(()),
                None => self.wait(&parked).await,
            }
        }
    }

    /// True while a step has not rested for longer than anybody wants to wait, however often it is told to.
    fn is_worth_waiting(&mut self, step: StepId, rest: Duration) -> bool {
        let now = self.engine.clock.elapsed();
        let since = *self.resting_since.entry(step).or_insert(now);
        now + rest <= since + self.patience
    }

    /// Nothing else can be done: waits for the first step that rests, a second at a time so that it can be stopped.
    async fn wait(&self, parked: &BTreeMap<StepId, Rest>) {
        let Some(first) = parked.values().min_by_key(|rest| rest.until) else { return };
        let duration = first.until.saturating_sub(self.engine.clock.elapsed());
        self.progress.paused(&Pause { duration, why: first.why.clone() });
        self.engine.clock.sleep(duration.min(Duration::from_secs(1))).await;
    }

    /// Ends the steps that rested when everything was stopped, without trying them again.
    async fn give_up(
        &mut self,
        reconciliation: &mut Reconciliation,
        parked: &mut BTreeMap<StepId, Rest>,
    ) -> Result<(), Error> {
        let ended = parked.extract_if(.., |step, _| reconciliation.outcome(*step).is_some());
        for (_, Rest { until: _, why, step }) in ended.collect::<Vec<_>>() {
            self.settle(reconciliation, &step, Sent::Parked(Duration::ZERO, why)).await?;
        }
        Ok(())
    }

    /// Who has the role that a step deletes, to be written down with it; none for other steps. Everybody is listed once.
    async fn holders(&mut self, step: &Step) -> Result<Option<Value>, discord::Error> {
        let Operation::DeleteRole { role, .. } = &step.operation else { return Ok(None) };
        let members = match self.members.take() {
            Some(members) => members,
            None => self.engine.client.members(self.lease.guild()).await?,
        };
        let holders = match &members {
            Facet::Known(members) => {
                let has = |member: &&Member| member.roles.contains(&role.id);
                Facet::Known(members.iter().filter(has).map(|member| member.user).collect::<Vec<_>>())
            }
            Facet::Unknown(why) => Facet::Unknown(why.clone()),
        };
        self.members = Some(members);
        Ok(Some(json!(holders)))
    }

    /// Writes down what is about to be sent, once for each step. Whoever lost the right to send it is refused here, also
    /// before it is sent again.
    async fn intend(&mut self, step: &Step, holders: Option<Value>) -> Result<AuditReason, Error> {
        let known = self.intended.get(&step.id).copied();
        let operation_id = known.unwrap_or_else(|| OperationId(Uuid::now_v7()));
        let reason = AuditReason {
            operation: operation_id.to_string(),
            revision: self.revision.clone(),
            who: Some(self.who.clone()),
        };
        if known.is_some() {
            self.engine.store.renew(self.lease).await?;
        } else {
            let intended = IntendedStep {
                operation_id,
                step: step.id,
                operation: step.operation.clone(),
                before: self.objects.before(&step.operation, holders),
                reason: Some(reason.to_string()),
                intended_at: self.engine.clock.now(),
            };
            let began = self.engine.clock.elapsed();
            self.engine.store.intend(self.lease, self.run, &intended).await?;
            metrics::AUDIT_WRITE_SECONDS.observe(self.engine.clock.elapsed().saturating_sub(began), &[]);
            self.intended.insert(step.id, operation_id);
        }
        Ok(reason)
    }

    /// Ends a step here and leaves its outcome open in the store: it may have happened, and the next look tells.
    fn leave_open(&mut self, reconciliation: &mut Reconciliation, step: &Step, why: String) {
        let outcome = Outcome::Failed { why, refused: false };
        self.progress.ended(step, &outcome);
        reconciliation.record(step.id, outcome);
    }

    async fn settle(&mut self, reconciliation: &mut Reconciliation, step: &Step, sent: Sent) -> Result<(), Error> {
        let creates = created_key(&step.operation).is_some();
        let (stored, outcome, fatal) = match sent {
            // A change is sent again after a lost answer, and the limit may have met only the second try.
            Sent::Parked(_, why) if !creates => {
                self.leave_open(reconciliation, step, why);
                return Ok(());
            }
            Sent::Unknown(why) => {
                self.leave_open(reconciliation, step, why);
                return Ok(());
            }
            Sent::Applied(applied) => {
                if let (Some(id), Some((kind, key))) = (applied.created, created_key(&step.operation)) {
                    name(&mut self.names, kind, key, id);
                }
                (done(step, &applied), Outcome::Done, false)
            }
            // The guild is as it should be, and it was not us: whoever asks later must not take it for ours.
            Sent::Needless(why) => (crate::store::Outcome::Withdrawn { why: why.to_owned() }, Outcome::Done, false),
            Sent::Parked(_, why) => {
                (crate::store::Outcome::Withdrawn { why: why.clone() }, Outcome::Failed { why, refused: false }, false)
            }
            Sent::Failed { why, refused, fatal } => {
                (crate::store::Outcome::Failed { error: why.clone() }, Outcome::Failed { why, refused }, fatal)
            }
        };
        let settled = SettledStep { outcome: stored, settled_at: self.engine.clock.now() };
        self.engine.store.settle(self.lease, self.run, step.id, &settled).await?;
        self.progress.ended(step, &outcome);
        reconciliation.record(step.id, outcome);
        if fatal {
            reconciliation.stop("Nothing can be sent any more.");
        }
        Ok(())
    }
}
