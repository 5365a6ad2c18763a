//! One attempt at one plan: which step may run next, which are skipped, and how it ended.
//!
//! A pure state machine. Somebody else sends the requests and says here what became of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Bindings, ChannelKind, ChannelPatch, ChannelRef, Ref, Snapshot};

use super::guard::{Lift, Refusal};
use super::note::Note;
use super::operation::{ChannelSubject, Operation, Phase, Step, StepId};
use super::{Digest, Plan, rest};

/// What somebody said to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nobody looked at it.
    Nobody,
    /// A person saw it and said yes.
    Seen,
    /// A person approved exactly the plan of this digest, with what it is refused for.
    Digest(String),
}

/// A plan that may be applied: the only thing that starts a reconciliation.
#[derive(Clone, Debug)]
pub struct Approved {
    plan: Plan,
    rests_on_approval: bool,
    /// What is left as it is for the time being, and why.
    left: Vec<(Operation, String)>,
}

impl Approved {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// True when it may be applied only because somebody approved exactly this plan. Such an approval counts once, so
    /// whoever applies the plan has to use it up first.
    pub fn rests_on_approval(&self) -> bool {
        self.rests_on_approval
    }

    /// The same without these steps, each with the reason that is told: they and what rests on them are skipped. Nothing is
    /// opened for which one of them should have closed something first.
    #[must_use]
    pub fn leaving(self, steps: impl IntoIterator<Item = (StepId, String)>) -> Self {
        let operation = |(id, why)| {
            let step = self.plan.steps.iter().find(|step| step.id == id);
            step.map(|step| (step.operation.clone(), why))
        };
        let left = steps.into_iter().filter_map(operation).collect();
        Self { left, ..self }
    }

    /// The consent to this plan, for what is left of it after it was broken off: `now`, made for the guild and bindings
    /// the broken-off attempt left behind. None when `now` wants anything this plan did not.
    #[must_use]
    pub fn for_rest(&self, now: &Plan, snapshot: &Snapshot, bindings: &Bindings) -> Option<Self> {
        let is_rest = rest::is_rest(now, &self.plan, snapshot, bindings);
        // An approval was used up when the attempt began.
        is_rest.then(|| Self { plan: now.clone(), rests_on_approval: false, left: self.left.clone() })
    }
}

/// Why a plan may not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Somebody has to decide something first.
    #[error("the plan waits for a decision")]
    Blocked(Vec<Note>),
    /// Guards refuse it.
    #[error("the plan is refused")]
    Refused(Vec<Refusal>),
    /// The policy wants somebody to look at it.
    #[error("the plan needs an approval")]
    NeedsApproval(Digest),
    /// Somebody approved another plan than this one.
    #[error("the approval is for another plan")]
    OtherPlan(Digest),
}

/// Decides whether the plan may be applied with this consent.
///
/// # Errors
/// [`Rejected`] with everything that stands against it.
pub fn judge(plan: Plan, consent: &Consent) -> Result<Approved, Box<Rejected>> {
    let blocking: Vec<Note> = plan.blocking().cloned().collect();
    if !blocking.is_empty() {
        return Err(Box::new(Rejected::Blocked(blocking)));
    }
    let by_digest = matches!(consent, Consent::Digest(digest) if plan.digest.matches(digest));
    let stands = |refusal: &&Refusal| refusal.lift == Lift::Never || !by_digest;
    let refusals: Vec<Refusal> = plan.refusals.iter().filter(stands).cloned().collect();
    if !refusals.is_empty() {
        return Err(Box::new(Rejected::Refused(refusals)));
    }
    match consent {
        // Whoever names a plan wants that one, also where no approval is needed.
        Consent::Digest(_) if !by_digest => return Err(Box::new(Rejected::OtherPlan(plan.digest))),
        Consent::Nobody if plan.needs_approval() => return Err(Box::new(Rejected::NeedsApproval(plan.digest))),
        Consent::Nobody | Consent::Seen | Consent::Digest(_) => {}
    }
    let rests_on_approval = by_digest && (!plan.refusals.is_empty() || plan.needs_approval());
    Ok(Approved { plan, rests_on_approval, left: Vec::new() })
}

/// The same for a guild in which every change needs somebody's approval of exactly this plan, whatever its policy says.
///
/// # Errors
/// As [`judge`]; [`Rejected::NeedsApproval`] comes last.
pub fn judge_strictly(plan: Plan, consent: &Consent) -> Result<Approved, Box<Rejected>> {
    let Approved { plan, rests_on_approval, left } = judge(plan, consent)?;
    let by_digest = matches!(consent, Consent::Digest(digest) if plan.digest.matches(digest));
    if !plan.is_empty() && !by_digest {
        return Err(Box::new(Rejected::NeedsApproval(plan.digest)));
    }
    Ok(Approved { rests_on_approval: rests_on_approval || !plan.is_empty(), plan, left })
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Discord did it.
    Done,
    /// Discord did not do it.
    Failed {
        /// Why, and what to do.
        why: String,
        /// Discord refused it (401 or 403).
        refused: bool,
    },
    /// It was not tried.
    Skipped {
        /// Because of this.
        why: String,
    },
}

/// How a reconciliation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every step was done.
    Applied,
    /// Some were.
    Partial,
    /// None was.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    /// It was tried and has to rest. Others need not wait for it, unless they rest on it; see [`Gap`].
    Parked,
    Ended(Outcome),
}

/// A reconciliation under way.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    plan: Plan,
    states: BTreeMap<StepId, State>,
    refused_in_a_row: u32,
    /// Why nothing is started any more.
    stopped: Option<String>,
}

impl Reconciliation {
    /// So many refusals in a row mean that something about the bot has changed, and not about the objects.
    pub const MOST_REFUSED: u32 = 3;

    /// Begins.
    pub fn begin(approved: Approved) -> Self {
        let Approved { plan, rests_on_approval: _, left } = approved;
        let state = |step: &Step| match left.iter().find(|(operation, _)| *operation == step.operation) {
            Some((_, why)) => State::Ended(Outcome::Skipped { why: why.clone() }),
            None => State::Pending,
        };
        let states = plan.steps.iter().map(|step| (step.id, state(step))).collect();
        let mut begun = Self { plan, states, refused_in_a_row: 0, stopped: None };
        begun.skip_dependents();
        begun
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The steps that may start now, marked as running. Call again after each [`record`](Self::record).
    ///
    /// Only creations overlap, and only in different places, because the order of creation is an order in Discord.
    /// Everything else waits for all before it, but not for what rests: only what would be unsafe or in vain without a
    /// resting step rests along with it.
    pub fn start(&mut self, most_running: usize) -> Vec<Step> {
        let mut running = self.states.values().filter(|s| **s == State::Running).count();
        let mut lanes: BTreeSet<Lane<'_>> = BTreeSet::new();
        let mut waiting = false;
        let mut resting = Resting::default();
        let mut started = Vec::new();
        for step in &self.plan.steps {
            let lane = Lane::of(&step.operation);
            match self.state(step.id) {
                State::Ended(_) => continue,
                State::Running => {
                    waiting = true;
                    match lane {
                        Some(lane) => _ = lanes.insert(lane),
                        None => break,
                    }
                    continue;
                }
                State::Parked => {
                    resting.add(step);
                    continue;
                }
                State::Pending if resting.holds(step) => {
                    resting.add(step);
                    continue;
                }
                State::Pending => {}
            }
            let ready = step.after.iter().all(|id| *self.state(*id) == State::Ended(Outcome::Done));
            let free = match &lane {
                Some(lane) => !lanes.contains(lane),
                None => !waiting,
            };
            if ready && free && running < most_running {
                running += 1;
                started.push(step.clone());
            }
            waiting = true;
            match lane {
                Some(lane) => _ = lanes.insert(lane),
                None => break,
            }
        }
        for step in &started {
            self.states.insert(step.id, State::Running);
        }
        started
    }

    /// Says what became of a step, and skips what can no longer run.
    pub fn record(&mut self, step: StepId, outcome: Outcome) {
        self.refused_in_a_row = match &outcome {
            Outcome::Failed { refused: true, .. } => self.refused_in_a_row + 1,
            Outcome::Done => 0,
            Outcome::Failed { .. } | Outcome::Skipped { .. } => self.refused_in_a_row,
        };
        self.states.insert(step, State::Ended(outcome));
        if self.refused_in_a_row >= Self::MOST_REFUSED {
            self.stop("Discord refused several requests in a row; something about the bot has changed.");
        }
        self.skip_dependents();
    }

    /// Lets a running step rest while others go on. Once everything is stopped, it ends instead.
    pub fn park(&mut self, step: StepId) {
        let state = match &self.stopped {
            Some(why) => State::Ended(Outcome::Skipped { why: why.clone() }),
            None => State::Parked,
        };
        self.states.insert(step, state);
        self.skip_dependents();
    }

    /// Ends the rest of a step: it can be started again. A step that ended meanwhile stays as it is.
    pub fn unpark(&mut self, step: StepId) {
        if *self.state(step) == State::Parked {
            self.states.insert(step, State::Pending);
        }
    }

    /// Skips everything that is not under way, for good: what has not started, and what rests.
    pub fn stop(&mut self, why: &str) {
        for state in self.states.values_mut().filter(|s| matches!(s, State::Pending | State::Parked)) {
            *state = State::Ended(Outcome::Skipped { why: why.to_owned() });
        }
        self.stopped.get_or_insert_with(|| why.to_owned());
    }

    /// What became of a step; none while it is pending or running.
    pub fn outcome(&self, step: StepId) -> Option<&Outcome> {
        match self.state(step) {
            State::Ended(outcome) => Some(outcome),
            State::Pending | State::Running | State::Parked => None,
        }
    }

    /// How it ended; none while steps are pending or running.
    pub fn verdict(&self) -> Option<Verdict> {
        let outcomes: Vec<&Outcome> = self.plan.steps.iter().filter_map(|s| self.outcome(s.id)).collect();
        if outcomes.len() < self.plan.steps.len() {
            return None;
        }
        let done = outcomes.iter().filter(|o| ***o == Outcome::Done).count();
        Some(match done {
            _ if done == outcomes.len() => Verdict::Applied,
            0 => Verdict::Failed,
            _ => Verdict::Partial,
        })
    }

    fn state(&self, step: StepId) -> &State {
        self.states.get(&step).unwrap_or(&State::Pending)
    }

    /// Skips steps whose conditions can no longer be met. Steps are in order, so one pass reaches the last dependent.
    fn skip_dependents(&mut self) {
        let mut lost = Gap::default();
        for step in &self.plan.steps {
            if *self.state(step.id) == State::Pending
                && let Some(why) = self.obstacle(step, lost)
            {
                self.states.insert(step.id, State::Ended(Outcome::Skipped { why }));
            }
            if self.outcome(step.id).is_some_and(|outcome| *outcome != Outcome::Done) {
                lost.widen(step);
            }
        }
    }

    /// Why a pending step can never run.
    fn obstacle(&self, step: &Step, lost: Gap) -> Option<String> {
        let needed = step.after.iter().find(|id| self.outcome(**id).is_some_and(|o| *o != Outcome::Done));
        if let Some(id) = needed {
            return Some(format!("Step {} was not done.", id.0));
        }
        lost.forbids(step).map(str::to_owned)
    }
}

/// What is missing of the steps before another one, because they were lost or still rest. The order of a plan is safe only
/// as far as each part of it was done before the next one: see [`Phase`].
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    /// Something that closes.
    closing: bool,
    /// Something that changes who may do what, or puts a channel where it changes along with its category.
    access: bool,
    /// Anything.
    any: bool,
}

impl Gap {
    fn widen(&mut self, step: &Step) {
        self.closing |= step.phase == Phase::Close;
        self.access |= step.operation.changes_access() || moves_a_channel(&step.operation);
        self.any = true;
    }

    /// Why the step must not be done while this is missing.
    fn forbids(self, step: &Step) -> Option<&'static str> {
        match step.phase {
            Phase::Shape if self.closing && step.operation.changes_access() => {
                Some("A role could not be restricted first, so nothing is opened.")
            }
            Phase::Open if self.closing || self.access => {
                Some("A channel or role could not be changed first, so no role gains anything.")
            }
            Phase::Remove if self.any => Some("Something before it was not done, and deletions come last of all."),
            Phase::Close | Phase::Prepare | Phase::Shape | Phase::Open | Phase::Remove => None,
        }
    }
}

/// True when a channel goes to another category. What is said of a role that is deleted is taken out there.
fn moves_a_channel(operation: &Operation) -> bool {
    matches!(operation, Operation::UpdateChannel { changes, .. } if changes.parent.is_some())
}

/// The steps that rest, and those that have to rest with them.
#[derive(Debug, Default)]
struct Resting<'a> {
    steps: BTreeSet<StepId>,
    objects: BTreeSet<u64>,
    gap: Gap,
    categories: Vec<&'a ChannelSubject>,
    channels: Vec<(&'a ChannelSubject, &'a ChannelPatch)>,
}

impl<'a> Resting<'a> {
    fn add(&mut self, step: &'a Step) {
        self.steps.insert(step.id);
        self.objects.extend(step.operation.target());
        self.gap.widen(step);
        match &step.operation {
            Operation::UpdateChannel { channel, .. } if leads_others(&step.operation) => self.categories.push(channel),
            Operation::UpdateChannel { channel, changes } => self.channels.push((channel, changes)),
            _ => {}
        }
    }

    /// True for a step that would be unsafe before these, or in vain: one that comes after them by its own word or by its
    /// part of the plan, one about the same object, whose last word it must stay, and one that would be taken along by a
    /// category that changes only later, or would take along what changes only later.
    fn holds(&self, step: &Step) -> bool {
        step.after.iter().any(|id| self.steps.contains(id))
            || self.gap.forbids(step).is_some()
            || step.operation.target().is_some_and(|object| self.objects.contains(&object))
            || self.categories.iter().any(|category| is_led_by(&step.operation, category))
            || self.leads(&step.operation)
    }

    /// True when the operation could take one of the channels along.
    fn leads(&self, operation: &Operation) -> bool {
        let Operation::UpdateChannel { channel: category, .. } = operation else { return false };
        leads_others(operation) && self.channels.iter().any(|(channel, changes)| is_in(channel, changes, category))
    }
}

/// True when Discord may change other channels along: those in a category that were like it.
fn leads_others(operation: &Operation) -> bool {
    match operation {
        Operation::UpdateChannel { channel, changes } => {
            channel.kind == ChannelKind::Category && changes.overwrites.is_some()
        }
        _ => false,
    }
}

/// True when the operation could leave something in a category that is like it.
fn is_led_by(operation: &Operation, category: &ChannelSubject) -> bool {
    match operation {
        Operation::CreateChannel { channel, .. } => channel.parent == Some(Ref::Live(category.id)),
        Operation::UpdateChannel { channel, changes } => is_in(channel, changes, category),
        _ => false,
    }
}

/// True when a channel that changes what it says of permissions, or where it stands, does so in this category.
fn is_in(channel: &ChannelSubject, changes: &ChannelPatch, category: &ChannelSubject) -> bool {
    let moves = changes.parent.as_ref().is_some_and(|parent| parent.to == Some(Ref::Live(category.id)));
    // A step does not say in which category its channel stands, only what that is called.
    let stays = changes.overwrites.is_some() && channel.category.as_ref() == Some(&category.name);
    moves || stays
}

/// Creations in one lane keep their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane<'a> {
    Roles,
    Place(Option<&'a ChannelRef>, crate::model::Bucket),
}

impl<'a> Lane<'a> {
    fn of(operation: &'a Operation) -> Option<Self> {
        match operation {
            Operation::CreateRole { .. } => Some(Self::Roles),
            Operation::CreateChannel { channel, .. } => {
                Some(Self::Place(channel.parent.as_ref(), channel.kind.bucket()))
            }
            _ => None,
        }
    }
}
