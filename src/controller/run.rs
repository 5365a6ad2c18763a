//! Carries out a plan step by step: intent, request, outcome; and looks afterwards whether the guild is as it should be.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::discord::{self, Applied, AuditReason, Disposition, Found, Resolved};
use crate::manifest::Manifest;
use crate::model::{Bindings, ChannelKind, Guild, GuildId, Key, KindBindings, NameEcho, ObjectKind, Snapshot};
use crate::plan::{Approved, BindingChange, Operation, Outcome, Plan, Reconciliation, Step, StepId, propose, render};
use crate::store::{
    Author, Created, Fact, Finish, IntendedStep, NewRun, OperationId, Rebinding, RunId, SettledStep, Trigger,
};

use super::engine::{Engine, Error, Proposal};

/// Is told what happens, while it happens.
pub trait Progress: Debug + Send + Sync {
    /// A run of so many steps begins.
    fn begin(&self, plan: &Plan, run: RunId);
    /// A step starts.
    fn started(&self, step: &Step);
    /// A step ended.
    fn ended(&self, step: &Step, outcome: &Outcome);
    /// Nothing can go on for a while.
    fn paused(&self, pause: &Pause);
    /// All steps ended; the guild is read once more.
    fn verifying(&self);
}

/// A wait that people should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// For how long.
    pub duration: Duration,
    /// What waits, and for which limit.
    pub why: String,
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &Plan, _: RunId) {}
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &Outcome) {}
    fn paused(&self, _: &Pause) {}
    fn verifying(&self) {}
}

/// A request to stop after the steps under way.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Asks to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once somebody asked.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

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
}

impl Report {
    /// The steps that were done.
    pub fn done(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|(_, outcome)| *outcome == Outcome::Done).map(|(step, _)| step)
    }
}

impl Engine {
    /// Applies an approved plan.
    ///
    /// # Errors
    /// [`Error::Store`] when nothing can be recorded, or somebody else is changing the guild: then nothing more is sent.
    /// [`Error::Stale`] when the plan is not of this moment, [`Error::NotApproved`] when it rests on an approval and none
    /// is left, and [`Error::Unsettled`] when it could create something twice. What goes wrong with single steps is in the
    /// report.
    pub async fn apply(
        &self,
        request: Request<'_>,
        progress: &dyn Progress,
        stop: &StopSignal,
    ) -> Result<Report, Error> {
        let run = RunId(Uuid::now_v7());
        let plan = request.approved.plan().clone();
        if plan.base != request.proposal.plan.base || plan.digest != request.proposal.plan.digest {
            return Err(Error::Stale);
        }
        let lease = self.store.lease(plan.guild).await?;
        self.is_still_so(&request).await?;
        if request.approved.rests_on_approval()
            && !self.store.use_approval(plan.guild, plan.digest.as_str(), self.clock.now()).await?
        {
            return Err(Error::NotApproved);
        }
        self.begin(run, &request, &plan).await?;
        progress.begin(&plan, run);
        let mut driver = Driver {
            engine: self,
            run,
            guild: plan.guild,
            before: &request.proposal.snapshot,
            objects: Objects::of(&request.proposal.snapshot.guild),
            who: request.author.to_string(),
            revision: plan.revision.clone(),
            names: resolved(&request.proposal.bindings, &plan.bindings),
            intended: BTreeMap::new(),
            patience: request.patience,
            resting_since: BTreeMap::new(),
            progress,
        };
        let mut reconciliation = Reconciliation::begin(request.approved.clone());
        let driven = driver.drive(&mut reconciliation, request.concurrency.max(1), stop).await;
        // What cannot be recorded is not sent. The run then stays open, and the next one settles it.
        driven?;
        let interrupted = stop.is_raised();
        let steps = outcomes(&reconciliation);
        let report = self.conclude(run, &request, &steps, interrupted, progress).await;
        drop(lease);
        report
    }

    /// Another process may have been at work between the look at the guild and the lease.
    async fn is_still_so(&self, request: &Request<'_>) -> Result<(), Error> {
        let guild = request.proposal.plan.guild;
        if self.store.bindings(guild).await? != request.proposal.bindings {
            return Err(Error::Stale);
        }
        for run in self.store.unfinished(guild).await? {
            if run.summary.finished.is_none() {
                return Err(Error::Stale);
            }
            let created: Vec<_> = run.open.iter().filter_map(|open| created_key(&open.operation)).collect();
            let steps = &request.approved.plan().steps;
            let again = steps.iter().filter_map(|step| created_key(&step.operation)).find(|key| created.contains(key));
            if let Some((_, key)) = again {
                let why = format!("run {}", run.summary.id.short());
                return Err(Error::Unsettled { key: key.clone(), why });
            }
        }
        Ok(())
    }

    async fn begin(&self, run: RunId, request: &Request<'_>, plan: &Plan) -> Result<(), Error> {
        let new = NewRun {
            id: run,
            before: request.proposal.snapshot.guild.clone(),
            trigger: request.trigger,
            author: request.author.clone(),
            revision: plan.revision.clone(),
            rollback_of: request.rollback_of,
            plan_digest: plan.digest.to_string(),
            plan: json!(plan),
            started_at: self.clock.now(),
        };
        self.store.begin(&new).await?;
        self.rebind(request.proposal, plan, Some(run), &request.author).await
    }

    /// Records what a plan binds and releases without a request.
    ///
    /// # Errors
    /// When the store cannot record it.
    pub async fn rebind(
        &self,
        proposal: &Proposal,
        plan: &Plan,
        run: Option<RunId>,
        author: &Author,
    ) -> Result<(), Error> {
        if plan.bindings.is_empty() {
            return Ok(());
        }
        let rebinding = Rebinding {
            guild: proposal.snapshot.guild.id,
            run,
            author: author.clone(),
            at: self.clock.now(),
            changes: plan.bindings.clone(),
        };
        Ok(self.store.rebind(&rebinding).await?)
    }

    /// Reads the guild once more, says how it went, and closes the run.
    async fn conclude(
        &self,
        run: RunId,
        request: &Request<'_>,
        steps: &[(Step, Outcome)],
        interrupted: bool,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        progress.verifying();
        let seen = self.client.snapshot(request.proposal.plan.guild).await;
        let bindings = self.store.bindings(request.proposal.plan.guild).await?;
        let after = seen
            .as_ref()
            .ok()
            .map(|snapshot| Snapshot { bot: request.proposal.snapshot.bot.clone(), ..snapshot.clone() });
        let left = match (&after, request.manifest) {
            (Some(after), Some(manifest)) => {
                Some(propose(manifest, after, &bindings, request.proposal.plan.revision.as_deref()))
            }
            _ => None,
        };
        let done = steps.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count();
        let (verdict, remark) = judge(steps, done, left.as_ref(), interrupted, seen.as_ref().err());
        let finish = Finish {
            verdict,
            remark: remark.clone(),
            after: after.map(|snapshot| snapshot.guild),
            finished_at: self.clock.now(),
        };
        self.store.finish(run, &finish).await?;
        Ok(Report { run, verdict, steps: steps.to_vec(), left, remark })
    }
}

fn judge(
    steps: &[(Step, Outcome)],
    done: usize,
    left: Option<&Plan>,
    interrupted: bool,
    unread: Option<&discord::Error>,
) -> (crate::store::Verdict, Option<String>) {
    use crate::store::Verdict as Stored;
    let missing = steps.len() - done;
    if interrupted && missing > 0 {
        return (Stored::Interrupted, Some(format!("stopped on request with {missing} steps to go")));
    }
    if let Some(error) = unread {
        return (Stored::Partial, Some(format!("the guild could not be read afterwards: {error}")));
    }
    let remaining = left.filter(|plan| !plan.is_empty()).map(render::summary);
    match (missing, remaining) {
        (0, None) => (Stored::Succeeded, None),
        (0, Some(remaining)) => (Stored::Partial, Some(format!("a fresh read finds more to do. {remaining}"))),
        (_, _) if done == 0 => (Stored::Failed, Some(format!("none of {} steps was done", steps.len()))),
        (missing, _) => (Stored::Partial, Some(format!("{missing} of {} steps were not done", steps.len()))),
    }
}

fn outcomes(reconciliation: &Reconciliation) -> Vec<(Step, Outcome)> {
    let unknown = || Outcome::Skipped { why: "It was not reached.".to_owned() };
    let outcome = |step: &Step| reconciliation.outcome(step.id).cloned().unwrap_or_else(unknown);
    reconciliation.plan().steps.iter().map(|step| (step.clone(), outcome(step))).collect()
}

/// What every key stands for before the first step.
fn resolved(bindings: &Bindings, changes: &[BindingChange]) -> Resolved {
    fn ids<I: Copy>(bound: &KindBindings<I>) -> BTreeMap<Key, I> {
        bound.iter().map(|(key, binding)| (key.clone(), binding.id)).collect()
    }
    let mut names = Resolved {
        roles: ids(&bindings.roles),
        categories: ids(&bindings.categories),
        channels: ids(&bindings.channels),
    };
    for change in changes {
        if let BindingChange::Bind { kind, key, id, .. } = change
            && let Ok(id) = id.parse::<u64>()
        {
            name(&mut names, *kind, key, id);
        }
    }
    names
}

pub(super) fn name(names: &mut Resolved, kind: ObjectKind, key: &Key, id: u64) {
    match kind {
        ObjectKind::Role => _ = twilight_id(id).map(|id| names.roles.insert(key.clone(), id)),
        ObjectKind::Category => _ = twilight_id(id).map(|id| names.categories.insert(key.clone(), id)),
        ObjectKind::Channel => _ = twilight_id(id).map(|id| names.channels.insert(key.clone(), id)),
    }
}

fn twilight_id<M>(id: u64) -> Option<twilight_model::id::Id<M>> {
    twilight_model::id::Id::new_checked(id)
}

/// The objects of a guild as they were read, for the audit trail.
struct Objects(BTreeMap<u64, Value>);

impl Objects {
    fn of(guild: &Guild) -> Self {
        let roles = guild.roles.iter().filter_map(|r| Some((r.id.id()?.get(), json!(r.attributes))));
        let channels = guild.channels.iter().filter_map(|c| Some((c.id.id()?.get(), json!(c.attributes))));
        let mut objects: BTreeMap<u64, Value> = roles.chain(channels).collect();
        // @everyone has the guild's own id, so the settings stand under 0.
        objects.insert(0, json!(guild.settings));
        Self(objects)
    }

    fn before(&self, operation: &Operation) -> Option<Value> {
        let id = match operation {
            Operation::UpdateGuild { .. } => 0,
            Operation::UpdateRole { role, .. } | Operation::DeleteRole { role, .. } => role.id.get(),
            Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => channel.id.get(),
            Operation::CreateRole { .. }
            | Operation::CreateChannel { .. }
            | Operation::MoveRoles { .. }
            | Operation::MoveChannels { .. } => return None,
        };
        self.0.get(&id).cloned()
    }
}

/// Drives one reconciliation.
struct Driver<'a> {
    engine: &'a Engine,
    run: RunId,
    guild: GuildId,
    before: &'a Snapshot,
    objects: Objects,
    who: String,
    revision: Option<String>,
    names: Resolved,
    intended: BTreeMap<StepId, OperationId>,
    patience: Duration,
    /// When each step that rested was told to for the first time.
    resting_since: BTreeMap<StepId, Duration>,
    progress: &'a dyn Progress,
}

/// What came of sending a step.
enum Sent {
    Applied(Applied),
    /// It has to rest and can be sent again.
    Parked(Duration, String),
    Failed {
        why: String,
        refused: bool,
        fatal: bool,
    },
    /// It may have happened. Its outcome stays open until somebody has looked.
    Unknown(String),
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

impl Driver<'_> {
    async fn drive(
        &mut self,
        reconciliation: &mut Reconciliation,
        concurrency: usize,
        stop: &StopSignal,
    ) -> Result<(), Error> {
        let engine = self.engine;
        let (guild, before) = (self.guild, self.before);
        let mut running: FuturesUnordered<Sending<'_>> = FuturesUnordered::new();
        let mut parked: BTreeMap<StepId, Rest> = BTreeMap::new();
        loop {
            if stop.is_raised() {
                reconciliation.stop("Stopped on request.");
                self.give_up(reconciliation, &mut parked).await?;
            }
            wake(reconciliation, &mut parked, engine.clock.elapsed());
            for step in reconciliation.start(concurrency) {
                self.progress.started(&step);
                let reason = self.intend(&step).await?;
                let names = self.names.clone();
                running.push(Box::pin(async move {
                    let sent = send(engine, guild, &step, &names, &reason, before).await;
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

    /// Ends all steps that rest without trying them again.
    async fn give_up(
        &mut self,
        reconciliation: &mut Reconciliation,
        parked: &mut BTreeMap<StepId, Rest>,
    ) -> Result<(), Error> {
        for (_, Rest { until: _, why, step }) in std::mem::take(parked) {
            self.settle(reconciliation, &step, Sent::Parked(Duration::ZERO, why)).await?;
        }
        Ok(())
    }

    /// Writes down what is about to be sent, once for each step.
    async fn intend(&mut self, step: &Step) -> Result<AuditReason, Error> {
        let known = self.intended.get(&step.id).copied();
        let operation_id = known.unwrap_or_else(|| OperationId(Uuid::now_v7()));
        let reason = AuditReason {
            operation: operation_id.to_string(),
            revision: self.revision.clone(),
            who: Some(self.who.clone()),
        };
        if known.is_none() {
            let intended = IntendedStep {
                operation_id,
                step: step.id,
                operation: step.operation.clone(),
                before: self.objects.before(&step.operation),
                reason: Some(reason.to_string()),
                intended_at: self.engine.clock.now(),
            };
            self.engine.store.intend(self.run, &intended).await?;
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
            Sent::Parked(_, why) => {
                (crate::store::Outcome::Withdrawn { why: why.clone() }, Outcome::Failed { why, refused: false }, false)
            }
            Sent::Failed { why, refused, fatal } => {
                (crate::store::Outcome::Failed { error: why.clone() }, Outcome::Failed { why, refused }, fatal)
            }
        };
        let settled = SettledStep { outcome: stored, settled_at: self.engine.clock.now() };
        self.engine.store.settle(self.run, step.id, &settled).await?;
        self.progress.ended(step, &outcome);
        reconciliation.record(step.id, outcome);
        if fatal {
            reconciliation.stop("Nothing can be sent any more.");
        }
        Ok(())
    }
}

/// Sends a step, and looks for what it made when its answer was lost.
async fn send(
    engine: &Engine,
    guild: GuildId,
    step: &Step,
    names: &Resolved,
    reason: &AuditReason,
    before: &Snapshot,
) -> Sent {
    let client = &engine.client;
    let operation = &step.operation;
    if operation.is_irreversible() {
        match client.is_gone(guild, operation).await {
            Ok(false) => {}
            Ok(true) => return Sent::Applied(Applied::default()),
            Err(error) => return failed(&error),
        }
    }
    match still_exists(client, guild, operation, names).await {
        Ok(None) => {}
        Ok(Some(key)) => {
            let why = format!("`{key}` exists after all: the guild was read too old. Plan again");
            return Sent::Failed { why, refused: false, fatal: false };
        }
        Err(error) => return failed(&error),
    }
    let mut result = client.apply(guild, operation, names, reason).await;
    for _ in 0..MOST_LOOKS {
        let Err(error) = &result else { break };
        let creates = created_key(operation).is_some();
        if error.disposition() != Disposition::Unknown || !creates {
            break;
        }
        match client.find_created(guild, operation, names, reason, before).await {
            Ok(Found::Exactly(id)) => return Sent::Applied(Applied { created: Some(id), ..Applied::default() }),
            Ok(Found::No) => result = client.apply(guild, operation, names, reason).await,
            Ok(Found::Uncertain(why)) => return Sent::Unknown(format!("{error}; {why}")),
            // Not being able to look is no reason to believe that nothing happened.
            Err(looking) => return Sent::Unknown(format!("{error}; {looking}")),
        }
    }
    match result {
        Ok(applied) => Sent::Applied(applied),
        Err(error) if operation.is_irreversible() && error.disposition() == Disposition::Gone => {
            Sent::Applied(Applied::default())
        }
        Err(error) => failed(&error),
    }
}

/// The key an operation creates an object for, when the object it is bound to exists. A list of channels or roles can be
/// older than the binding; an object that is asked for by its id is there or is gone.
async fn still_exists<'a>(
    client: &discord::Client,
    guild: GuildId,
    operation: &'a Operation,
    names: &Resolved,
) -> Result<Option<&'a Key>, discord::Error> {
    let Some((kind, key)) = created_key(operation) else { return Ok(None) };
    let channels = if kind == ObjectKind::Category { &names.categories } else { &names.channels };
    let exists = match (kind, names.roles.get(key), channels.get(key)) {
        (ObjectKind::Role, Some(role), _) => client.has_role(guild, *role).await?,
        (ObjectKind::Category | ObjectKind::Channel, _, Some(channel)) => client.has_channel(*channel).await?,
        (ObjectKind::Role, None, _) | (ObjectKind::Category | ObjectKind::Channel, _, None) => false,
    };
    Ok(exists.then_some(key))
}

/// How often a create whose answer is lost is looked for and, when it is not there, sent again.
const MOST_LOOKS: usize = 3;

fn failed(error: &discord::Error) -> Sent {
    match error.disposition() {
        Disposition::Parked(rest) => Sent::Parked(rest, error.to_string()),
        Disposition::Unknown => Sent::Unknown(error.to_string()),
        disposition => Sent::Failed {
            why: error.to_string(),
            refused: disposition == Disposition::Refused && is_permission(error),
            fatal: disposition == Disposition::Fatal,
        },
    }
}

/// True for Discord's "you may not", as opposed to "this cannot be".
fn is_permission(error: &discord::Error) -> bool {
    matches!(error, discord::Error::Refused(refusal) if refusal.status == 403)
}

/// The name space and key an operation creates an object for.
pub(super) fn created_key(operation: &Operation) -> Option<(ObjectKind, &Key)> {
    match operation {
        Operation::CreateRole { key, .. } => Some((ObjectKind::Role, key)),
        Operation::CreateChannel { key, channel } if channel.kind == ChannelKind::Category => {
            Some((ObjectKind::Category, key))
        }
        Operation::CreateChannel { key, .. } => Some((ObjectKind::Channel, key)),
        _ => None,
    }
}

/// The stored outcome of a step Discord carried out.
pub(super) fn done(step: &Step, applied: &Applied) -> crate::store::Outcome {
    let created = applied.created.and_then(|id| match created_key(&step.operation)?.0 {
        ObjectKind::Role => twilight_id(id).map(Created::Role),
        ObjectKind::Category | ObjectKind::Channel => twilight_id(id).map(Created::Channel),
    });
    let mut facts: Vec<Fact> = applied
        .images
        .iter()
        .map(|(sha256, hash)| Fact::Image { sha256: sha256.clone(), hash: hash.clone() })
        .collect();
    facts.extend(name_echo(&step.operation, applied.name_got.as_deref()));
    let after = match &step.operation {
        Operation::CreateRole { role, .. } => Some(json!(role)),
        Operation::CreateChannel { channel, .. } => Some(json!(channel)),
        Operation::UpdateGuild { changes } => Some(json!(changes)),
        Operation::UpdateRole { changes, .. } => Some(json!(changes)),
        Operation::UpdateChannel { changes, .. } => Some(json!(changes)),
        Operation::MoveRoles { moves } => Some(json!(moves)),
        Operation::MoveChannels { moves } => Some(json!(moves)),
        Operation::DeleteRole { .. } | Operation::DeleteChannel { .. } => None,
    };
    crate::store::Outcome::Done { created, after, bindings: step.bindings.clone(), facts }
}

/// What Discord made of a channel name, when it is not what was asked for.
fn name_echo(operation: &Operation, got: Option<&str>) -> Option<Fact> {
    let got = got?.to_owned();
    let (kind, key, asked) = match operation {
        Operation::CreateChannel { key, channel } => {
            let kind = if channel.kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel };
            (kind, key, channel.name.clone())
        }
        Operation::UpdateChannel { channel, changes } => {
            let kind = if channel.kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel };
            (kind, channel.key.as_ref()?, changes.name.as_ref()?.to.clone())
        }
        _ => return None,
    };
    (asked != got).then(|| Fact::Name { kind, key: key.clone(), echo: NameEcho { asked, got } })
}
