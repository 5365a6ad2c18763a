//! One attempt at one plan: which step may run next, which are skipped, and how it ended.
//!
//! A pure state machine. Somebody else sends the requests and says here what became of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Bindings, ChannelRef, Snapshot};

use super::guard::{Lift, Refusal};
use super::note::Note;
use super::operation::{Operation, Phase, Step, StepId};
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
    /// It was tried and has to rest. Others need not wait for it, unless they come after everything.
    Parked,
    Ended(Outcome),
}

/// A reconciliation under way.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    plan: Plan,
    states: BTreeMap<StepId, State>,
    refused_in_a_row: u32,
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
        let mut begun = Self { plan, states, refused_in_a_row: 0 };
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
    /// Everything else waits for all before it.
    pub fn start(&mut self, most_running: usize) -> Vec<Step> {
        let mut running = self.states.values().filter(|s| **s == State::Running).count();
        let mut lanes: BTreeSet<Lane<'_>> = BTreeSet::new();
        let mut waiting = false;
        let mut resting = false;
        let mut started = Vec::new();
        for step in &self.plan.steps {
            match self.state(step.id) {
                State::Ended(_) => continue,
                State::Parked => {
                    resting = true;
                    continue;
                }
                State::Running => {
                    waiting = true;
                    lanes.extend(Lane::of(&step.operation));
                    continue;
                }
                State::Pending => {}
            }
            if resting && matches!(step.phase, Phase::Open | Phase::Remove) {
                break;
            }
            let lane = Lane::of(&step.operation);
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

    /// Lets a running step rest while others go on.
    pub fn park(&mut self, step: StepId) {
        self.states.insert(step, State::Parked);
    }

    /// Ends the rest of a step: it can be started again.
    pub fn unpark(&mut self, step: StepId) {
        self.states.insert(step, State::Pending);
    }

    /// Skips everything that has not started.
    pub fn stop(&mut self, why: &str) {
        for state in self.states.values_mut().filter(|s| **s == State::Pending) {
            *state = State::Ended(Outcome::Skipped { why: why.to_owned() });
        }
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
        let mut closed = true;
        let mut shaped = true;
        let mut all = true;
        for step in &self.plan.steps {
            if *self.state(step.id) == State::Pending
                && let Some(why) = self.obstacle(step, closed, shaped, all)
            {
                self.states.insert(step.id, State::Ended(Outcome::Skipped { why }));
            }
            let lost = self.outcome(step.id).is_some_and(|outcome| *outcome != Outcome::Done);
            if lost {
                all = false;
                closed &= step.phase != Phase::Close;
                shaped &= !step.operation.changes_access();
            }
        }
    }

    /// Why a pending step can never run.
    fn obstacle(&self, step: &Step, closed: bool, shaped: bool, all: bool) -> Option<String> {
        let lost = step.after.iter().find(|id| self.outcome(**id).is_some_and(|o| *o != Outcome::Done));
        if let Some(id) = lost {
            return Some(format!("Step {} was not done.", id.0));
        }
        match step.phase {
            Phase::Shape if !closed && step.operation.changes_access() => {
                Some("A role could not be restricted first, so nothing is opened.".to_owned())
            }
            Phase::Open if !(closed && shaped) => {
                Some("A channel or role could not be restricted first, so no role gains anything.".to_owned())
            }
            Phase::Remove if !all => {
                Some("Something before it was not done, and deletions come last of all.".to_owned())
            }
            Phase::Close | Phase::Prepare | Phase::Shape | Phase::Open | Phase::Remove => None,
        }
    }
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
