//! One visit to one guild: what is wanted, what is there, and what is done about the difference.
//!
//! Reads and writes, and decides nothing that [`super::decision`] does not say. Whatever goes wrong ends in a standing that
//! says why and when to come again; nothing that goes wrong is ever taken for nothing being wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::Instrument as _;

use crate::discord::{self, Disposition};
use crate::manifest::{Manifest, Window, window};
use crate::model::GuildId;
use crate::plan::{Approved, Plan, Reconciliation, Step, render};
use crate::store::{self, Author, Corrected, Correction, GuildStatus, Suspension, Trigger, Verdict};

use super::breaker::{self, Fights};
use super::decision::{Circumstances, Decision, decide};
use super::desired::{Obstacle, Wanted, Wish};
use super::engine::{Engine, Error, Proposal};
use super::progress::{Progress, Silent, StopSignal};
use super::run::{Report, Request};
use super::standing::{Again, Standing, State};
use super::trace;

/// Requests under way at once in one guild. More would gain nothing under Discord's limits.
const CONCURRENCY: usize = 4;

/// Longest wait for one of Discord's limits; what rests longer is left for another visit.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told of a step that is left alone.
const LEFT_ALONE: &str = "Somebody keeps changing it back.";

/// The word for a visit that failed because the database is away.
pub(super) const DATABASE_AWAY: &str = "DatabaseUnavailable";

/// When something is in the way that goes by itself, and nothing says when.
const SOON: Duration = Duration::from_secs(30);

/// What came of a visit.
#[derive(Clone, Debug)]
pub struct Visited {
    /// How the guild stands.
    pub standing: Standing,
    /// When to come again.
    pub again: Again,
    /// The plan it is about: what was applied, what waits for somebody's word, or what would undo what somebody did.
    pub plan: Option<Box<Plan>>,
    /// What was applied.
    pub report: Option<Box<Report>>,
    /// It was said that the guild is being changed, whatever came of that.
    pub has_begun: bool,
    /// What is left alone for the time being, to be handed to the next visit.
    pub fights: Fights,
}

/// What a visit is about.
#[derive(Debug)]
pub struct Errand<'a> {
    /// Where.
    pub guild: GuildId,
    /// What is wanted there.
    pub wish: Wish,
    /// How it stood before.
    pub before: Option<&'a Standing>,
    /// What the last visit left alone.
    pub fights: Fights,
    /// Why somebody comes.
    pub trigger: Trigger,
    /// On whose word.
    pub author: Author,
    /// Discord says it has an outage of this guild.
    pub is_away: bool,
    /// How old may be what is remembered of the guild, when nothing differs in it; none to ask Discord in any case.
    pub remembered: Option<Duration>,
}

impl Engine {
    /// Visits a guild, and does what is to be done there.
    pub async fn visit(&self, errand: &Errand<'_>, progress: &dyn Progress, stop: &StopSignal) -> Visited {
        let span = trace::visit(errand);
        let visited = self.visit_now(errand, progress, stop).instrument(span.clone()).await;
        trace::visited(&span, &visited);
        visited
    }

    async fn visit_now(&self, errand: &Errand<'_>, progress: &dyn Progress, stop: &StopSignal) -> Visited {
        let visit = Visit { engine: self, errand, progress, stop };
        match self.store.suspension(errand.guild, self.clock.now()).await {
            Ok(None) => {}
            Ok(Some(suspension)) => return visit.suspended(&suspension),
            Err(error) => return visit.failed(None, &error.into()),
        }
        if errand.is_away {
            let message = "Discord has an outage of this guild; nothing is done to it before that is over".to_owned();
            return visit.stalled("GuildUnavailable", message, None, true);
        }
        match usable(&errand.wish) {
            Ok(wanted) => Box::pin(visit.go(&wanted)).await.unwrap_or_else(|error| visit.failed(Some(&wanted), &error)),
            Err(obstacle) => visit.stalled(obstacle.reason, obstacle.message, obstacle.attempted, obstacle.is_passing),
        }
    }
}

/// The manifest that counts. What is wrong for good stops the guild; what passes does not, as long as there is a last good one.
fn usable(wish: &Wish) -> Result<Arc<Wanted>, Obstacle> {
    match (&wish.last_good, &wish.obstacle) {
        (Some(wanted), None) => Ok(Arc::clone(wanted)),
        (Some(wanted), Some(obstacle)) if obstacle.is_passing => Ok(Arc::clone(wanted)),
        (_, Some(obstacle)) => Err(obstacle.clone()),
        (None, None) => Err(Obstacle {
            reason: "NoManifest",
            message: "no source was read yet".to_owned(),
            attempted: None,
            is_passing: true,
        }),
    }
}

impl Engine {
    /// What comes of a visit before which nobody could read how the guild stood. Nothing is done without knowing that: whoever
    /// takes a guild for new takes what people changed in it for something to put right.
    pub(super) fn blind(&self, errand: &Errand<'_>, error: store::Error) -> Visited {
        let stop = StopSignal::default();
        Visit { engine: self, errand, progress: &Silent, stop: &stop }.failed(None, &error.into())
    }
}

struct Visit<'a> {
    engine: &'a Engine,
    errand: &'a Errand<'a>,
    progress: &'a dyn Progress,
    stop: &'a StopSignal,
}

impl Visit<'_> {
    async fn go(&self, wanted: &Wanted) -> Result<Visited, Error> {
        let (engine, errand, revision) = (self.engine, self.errand, Some(wanted.revision.as_str()));
        let manifest = match wanted.manifest() {
            Ok(manifest) => manifest,
            Err(Obstacle { reason, message, attempted, is_passing }) => {
                return Ok(self.stalled(reason, message, attempted, is_passing));
            }
        };
        if let Some(age) = errand.remembered
            && let Some(glance) = engine.glance(&manifest, revision, age).await?
            && glance.plan.bindings.is_empty()
            && engine.store().unfinished(errand.guild).await?.is_empty()
        {
            return Ok(self.ready("InOrder", "the guild was as the manifest says when it was seen last", wanted));
        }
        engine.recover(errand.guild, self.progress, self.stop).await?;
        let proposal = engine.propose(&manifest, revision).await?;
        let windows = &manifest.policy.windows;
        let is_shut = !window::is_open(windows, engine.clock.now());
        let circumstances = Circumstances {
            was_equal: self.was_equal(wanted),
            drift: manifest.policy.drift,
            strictly: engine.servers().require_approval(errand.guild).await?,
            is_shut,
        };
        match decide(&proposal.plan, &circumstances) {
            Decision::Rest => {
                engine.rebind(errand.guild, &proposal.plan.bindings, &errand.author).await?;
                let fights = errand.fights.clone().settled(engine.clock.now());
                Ok(Visited { fights, ..self.ready("InOrder", "the guild is as the manifest says", wanted) })
            }
            Decision::Apply(approved) if circumstances.was_equal => {
                self.correct(approved, &proposal, wanted, &manifest).await
            }
            Decision::Apply(approved) => {
                let fights = Fights::over(engine.clock.now());
                Ok(Visited { fights, ..self.apply(approved, &proposal, wanted, &manifest, None).await? })
            }
            Decision::ApplyOnApproval(approved, why) => {
                let digest = proposal.plan.digest.to_string();
                let word = engine.store().approval(errand.guild, &digest, engine.clock.now()).await?;
                if word.is_none() {
                    return Ok(self.held(proposal.plan, why, wanted));
                }
                if is_shut {
                    return Ok(self.waiting(proposal.plan, windows, wanted));
                }
                match self.apply(approved, &proposal, wanted, &manifest, None).await {
                    // Somebody else used it up.
                    Err(Error::NotApproved) => Ok(Visited { has_begun: true, ..self.held(proposal.plan, why, wanted) }),
                    applied => applied,
                }
            }
            Decision::Report => Ok(self.drifted(proposal.plan, wanted)),
            Decision::Wait => Ok(self.waiting(proposal.plan, windows, wanted)),
            Decision::Stall { reason, message } => {
                Ok(self.stalled(reason, message, Some(wanted.revision.clone()), false))
            }
        }
    }

    /// Undoes what was changed in Discord, but for what somebody keeps changing.
    async fn correct(
        &self,
        approved: Approved,
        proposal: &Proposal,
        wanted: &Wanted,
        manifest: &Manifest,
    ) -> Result<Visited, Error> {
        let (engine, errand, now) = (self.engine, self.errand, self.engine.clock.now());
        let mut fights = errand.fights.clone();
        let corrections = engine.store().corrections(errand.guild, fights.counted_from(now)).await?;
        let plan = &proposal.plan;
        let objects = plan.steps.iter().map(|step| Correction::by(&step.operation).object).collect();
        let left = fights.weigh(now, errand.trigger == Trigger::Event, &objects, &corrections);
        if left.is_empty() {
            return Ok(Visited { fights, ..self.apply(approved, proposal, wanted, manifest, None).await? });
        }
        let message = self.fought_over(plan, &left).await;
        let is_left = |step: &&Step| left.contains(&Correction::by(&step.operation).object);
        let approved = approved.leaving(plan.steps.iter().filter(is_left).map(|step| (step.id, LEFT_ALONE.to_owned())));
        let visited = match Reconciliation::begin(approved.clone()).verdict() {
            // Nothing of it can be done.
            Some(_) => Visited { plan: Some(Box::new(plan.clone())), ..self.fought(message, wanted) },
            None => self.apply(approved, proposal, wanted, manifest, Some(message)).await?,
        };
        Ok(Visited { fights, ..visited })
    }

    /// What is left alone, because of whom, and until when.
    async fn fought_over(&self, plan: &Plan, left: &BTreeSet<Corrected>) -> String {
        // Not being able to read the log is no reason to say nothing.
        let log = self.engine.client.changes(plan.guild).await.unwrap_or_default();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for step in &plan.steps {
            let Correction { object, target_id, name, times: _ } = Correction::by(&step.operation);
            if left.contains(&object) {
                let by =
                    log.iter().find(|change| change.target.is_some() && change.target == target_id && !change.ours);
                names.insert(by.map_or_else(|| format!("`{name}`"), |by| format!("`{name}` (last by {})", by.who)));
            }
        }
        let names: Vec<String> = names.into_iter().collect();
        format!(
            "somebody keeps changing back what SetAI corrects, so it gives in: {}. It is tried again when nobody has changed it \
             for {} minutes, or with a new commit. `setai drift` shows what differs, and `setai drift --adopt` keeps it",
            names.join(", "),
            breaker::REST.num_minutes()
        )
    }

    fn fought(&self, message: String, wanted: &Wanted) -> Visited {
        let rest = breaker::REST.to_std().unwrap_or(SOON);
        self.at(State::Drifted, breaker::FOUGHT_OVER, message, wanted, Again::After(rest))
    }

    /// Applies a plan. `fought` is what is said of what it leaves alone.
    async fn apply(
        &self,
        approved: Approved,
        proposal: &Proposal,
        wanted: &Wanted,
        manifest: &Manifest,
        fought: Option<String>,
    ) -> Result<Visited, Error> {
        self.begin(&proposal.plan, wanted).await?;
        let request = Request {
            approved,
            proposal,
            manifest: Some(manifest),
            trigger: self.trigger(wanted),
            author: self.author(wanted).await,
            rollback_of: None,
            patience: PATIENCE,
            concurrency: CONCURRENCY,
        };
        // A run is a large future, and this is awaited from several places.
        let visited = match Box::pin(self.engine.apply(request, self.progress, self.stop)).await {
            Ok(report) => {
                let left = report.left.clone().filter(|_| fought.is_some());
                let plan = Some(Box::new(left.unwrap_or_else(|| proposal.plan.clone())));
                Visited { plan, ..self.reported(report, wanted, fought) }
            }
            Err(Error::NotApproved) => return Err(Error::NotApproved),
            Err(error) => self.failed(Some(wanted), &error),
        };
        Ok(Visited { has_begun: true, ..self.on_the_way(visited, wanted) })
    }

    /// True when the guild was equal to this very manifest before.
    fn was_equal(&self, wanted: &Wanted) -> bool {
        let applied = self.errand.before.and_then(|before| before.applied_manifest.as_deref());
        applied == Some(wanted.fingerprint.as_str())
    }

    /// Why the guild is changed, which need not be why somebody looked: a revision that wants nothing else of it is only an
    /// occasion, and what a new manifest wants stays its doing when it is tried again. Only what is no revision's doing counts
    /// as a correction.
    fn trigger(&self, wanted: &Wanted) -> Trigger {
        match (self.errand.trigger, self.was_equal(wanted)) {
            (Trigger::Revision, true) => Trigger::Schedule,
            (Trigger::Event | Trigger::Schedule | Trigger::Retry | Trigger::StartUp, false) => Trigger::Revision,
            (trigger, _) => trigger,
        }
    }

    /// On whose word the guild is changed: theirs who proposed in Discord what the manifest says now, where somebody did.
    async fn author(&self, wanted: &Wanted) -> Author {
        let asked = match self.trigger(wanted) {
            Trigger::Revision => self.engine.proposed_by(self.errand.guild, &wanted.fingerprint).await,
            Trigger::Person | Trigger::Event | Trigger::Schedule | Trigger::StartUp | Trigger::Retry => None,
        };
        asked.unwrap_or_else(|| self.errand.author.clone())
    }

    /// A guild that was left between two manifests is equal to neither.
    fn on_the_way(&self, mut visited: Visited, wanted: &Wanted) -> Visited {
        if visited.standing.applied_manifest.as_deref() != Some(wanted.fingerprint.as_str()) {
            visited.standing.applied_manifest = None;
        }
        visited
    }

    /// Says that a guild is on its way to another manifest. Whoever finds it in the middle, after a crash or after the manifest
    /// was taken back, must not take our own changes for somebody's.
    async fn begin(&self, plan: &Plan, wanted: &Wanted) -> Result<(), Error> {
        let message = render::summary(plan);
        let visited = self.at(State::Reconciling, "Applying", message, wanted, Again::AtSweep);
        let Visited { standing, .. } = self.on_the_way(visited, wanted);
        let now = self.engine.clock.now();
        let status = standing.status(self.errand.guild, Some(wanted.source.clone()), now, None);
        let observed_at = self.engine.store.now().await?;
        Ok(self.engine.store.report(&GuildStatus { observed_at, ..status }).await?)
    }

    fn reported(&self, report: Report, wanted: &Wanted, fought: Option<String>) -> Visited {
        let done = report.done().count();
        let visited = match report.verdict {
            Verdict::Succeeded => self.ready("Applied", &made(done), wanted),
            Verdict::Interrupted => {
                let message = "it was stopped in the middle and goes on".to_owned();
                self.at(State::Reconciling, "Interrupted", message, wanted, Again::After(Duration::ZERO))
            }
            Verdict::Partial | Verdict::Failed => {
                let remark = report.remark.clone().unwrap_or_default();
                match (first_failure(&report), fought) {
                    // The same would be refused again until somebody changes something.
                    (Some((why, true)), _) => {
                        let message = format!("{remark}: {why}");
                        self.stalled("MissingPermissions", message, Some(wanted.revision.clone()), false)
                    }
                    (Some((why, false)), _) => {
                        let message = format!("{remark}: {why}");
                        self.at(State::Reconciling, "StepsFailed", message, wanted, Again::BackOff)
                    }
                    (None, Some(message)) => self.fought(message, wanted),
                    (None, None) => self.at(State::Reconciling, "NotThereYet", remark, wanted, Again::BackOff),
                }
            }
        };
        Visited { report: Some(Box::new(report)), ..visited }
    }

    fn ready(&self, reason: &'static str, message: &str, wanted: &Wanted) -> Visited {
        let visited = self.at(State::Ready, reason, message.to_owned(), wanted, Again::AtSweep);
        let (applied, applied_manifest) = (Some(wanted.revision.clone()), Some(wanted.fingerprint.clone()));
        let standing = Standing { applied, applied_manifest, ..visited.standing };
        // That it was applied a moment ago and that it was found in order are the same state to whoever asks since when.
        let since = self.errand.before.filter(|before| before.state == State::Ready).map(|before| before.since);
        Visited { standing: Standing { since: since.unwrap_or(standing.since), ..standing }, ..visited }
    }

    fn drifted(&self, plan: Plan, wanted: &Wanted) -> Visited {
        let message = format!(
            "somebody changed the guild in Discord. {} `setai drift` shows who; `policy: {{ drift: heal }}` undoes it",
            render::summary(&plan)
        );
        let visited = self.at(State::Drifted, "ChangedInDiscord", message, wanted, Again::AtSweep);
        Visited { plan: Some(Box::new(plan)), ..visited }
    }

    fn held(&self, plan: Plan, why: String, wanted: &Wanted) -> Visited {
        let visited = self.at(State::AwaitingApproval, "ApprovalNeeded", why, wanted, Again::AtSweep);
        Visited { plan: Some(Box::new(plan)), ..visited }
    }

    /// Until the policy lets anything be changed. Comes again when it does.
    fn waiting(&self, plan: Plan, windows: &[Window], wanted: &Wanted) -> Visited {
        let now = self.engine.clock.now();
        let opens = window::opens_at(windows, now);
        let again = opens.and_then(|opens| (opens - now).to_std().ok()).map_or(Again::AtSweep, Again::After);
        let when = opens.map_or_else(String::new, |opens| format!(" at {}", opens.format("%Y-%m-%d %H:%M UTC")));
        let message = format!("{} It is made when the next window of the policy opens{when}", render::summary(&plan));
        let visited = self.at(State::Reconciling, "OutsideWindow", message, wanted, again);
        Visited { plan: Some(Box::new(plan)), ..visited }
    }

    fn suspended(&self, suspension: &Suspension) -> Visited {
        let Suspension { guild, by, reason, at: _, until } = suspension;
        let until = until.map_or_else(String::new, |until| format!(" until {}", until.format("%Y-%m-%d %H:%M UTC")));
        let message = format!("{by} said to leave it alone{until}: {reason}. `setai resume {guild}` ends that");
        let attempted = self.errand.before.and_then(|before| before.attempted.clone());
        let visited = self.standing(State::Suspended, "Suspended", message, attempted, Again::AtSweep);
        Visited { fights: Fights::over(self.engine.clock.now()), ..visited }
    }

    fn failed(&self, wanted: Option<&Wanted>, error: &Error) -> Visited {
        let (state, reason, again) = classify(error);
        let attempted = wanted.map(|wanted| wanted.revision.clone());
        self.standing(state, reason, error.to_string(), attempted, again)
    }

    fn stalled(&self, reason: &'static str, message: String, attempted: Option<String>, is_passing: bool) -> Visited {
        let (state, again) =
            if is_passing { (State::Reconciling, Again::BackOff) } else { (State::Stalled, Again::AtSweep) };
        self.standing(state, reason, message, attempted, again)
    }

    fn at(&self, state: State, reason: &'static str, message: String, wanted: &Wanted, again: Again) -> Visited {
        let message = match &self.errand.wish.obstacle {
            None => message,
            // The last good manifest counts meanwhile, and whoever asks has to hear that it may not be the newest.
            Some(Obstacle { message: why, .. }) => {
                format!("{message}. Whether there is anything newer cannot be seen: {why}; it is tried again by itself")
            }
        };
        self.standing(state, reason, message, Some(wanted.revision.clone()), again)
    }

    fn standing(
        &self,
        state: State,
        reason: &'static str,
        message: String,
        attempted: Option<String>,
        again: Again,
    ) -> Visited {
        let (before, now): (_, DateTime<Utc>) = (self.errand.before, self.engine.clock.now());
        let same = before.filter(|before| before.state == state && before.reason == reason);
        let failures = match again {
            Again::BackOff => before.map_or(0, |before| before.failures).saturating_add(1),
            Again::AtSweep | Again::After(_) => 0,
        };
        let standing = Standing {
            state,
            reason: reason.to_owned(),
            message,
            attempted,
            applied: before.and_then(|before| before.applied.clone()),
            applied_manifest: before.and_then(|before| before.applied_manifest.clone()),
            since: same.map_or(now, |before| before.since),
            failures,
        };
        Visited { standing, again, plan: None, report: None, has_begun: false, fights: self.errand.fights.clone() }
    }
}

fn made(changes: usize) -> String {
    match changes {
        1 => "one change was made".to_owned(),
        many => format!("{many} changes were made"),
    }
}

/// The first step that failed by itself, and whether Discord refused it.
fn first_failure(report: &Report) -> Option<(String, bool)> {
    report.steps.iter().find_map(|(_, outcome)| match outcome {
        crate::plan::Outcome::Failed { why, refused } => Some((why.clone(), *refused)),
        crate::plan::Outcome::Done | crate::plan::Outcome::Skipped { .. } => None,
    })
}

/// What an error means for the guild.
fn classify(error: &Error) -> (State, &'static str, Again) {
    match error {
        Error::Discord(error) => of_discord(error),
        Error::Store(error) => of_store(error),
        // The world changed between the look and the deed: look again.
        Error::Stale => (State::Reconciling, "Stale", Again::After(Duration::ZERO)),
        Error::Overtaken { .. } => (State::Reconciling, "Overtaken", Again::After(Duration::ZERO)),
        Error::NotBegun | Error::Stopped { .. } => (State::Reconciling, "Stopped", Again::After(Duration::ZERO)),
        Error::NotApproved | Error::ApprovalRequired { .. } => {
            (State::AwaitingApproval, "ApprovalNeeded", Again::AtSweep)
        }
        Error::ApprovalSpent { .. } => (State::AwaitingApproval, "ApprovalSpent", Again::AtSweep),
        Error::Unsettled { .. } => (State::Reconciling, "Unsettled", Again::BackOff),
        Error::UnreadablePlan { .. } => (State::Stalled, "UnreadablePlan", Again::AtSweep),
        Error::NoSuchRun { .. } => (State::Stalled, "NoSuchRun", Again::AtSweep),
    }
}

fn of_discord(error: &discord::Error) -> (State, &'static str, Again) {
    match error.disposition() {
        Disposition::RetryAfter(wait) => (State::Reconciling, "DiscordUnavailable", after(wait)),
        Disposition::Parked(wait) => (State::Reconciling, "RateLimited", after(wait)),
        Disposition::Refused => (State::Stalled, "AccessDenied", Again::AtSweep),
        Disposition::Gone => (State::Stalled, "GuildNotFound", Again::AtSweep),
        Disposition::Stale => (State::Reconciling, "Stale", Again::After(Duration::ZERO)),
        Disposition::Unknown => (State::Reconciling, "AnswerLost", Again::BackOff),
        Disposition::Fatal => (State::Stalled, "DiscordRefuses", Again::AtSweep),
    }
}

fn of_store(error: &store::Error) -> (State, &'static str, Again) {
    match error {
        // Another replica is at it, and tells how it went.
        store::Error::GuildBusy { .. } => (State::Reconciling, "BusyElsewhere", Again::After(SOON)),
        store::Error::LeaseLost { .. } => (State::Reconciling, "Overtaken", Again::After(SOON)),
        error if error.is_transient() => (State::Reconciling, DATABASE_AWAY, Again::BackOff),
        _ => (State::Stalled, "DatabaseError", Again::AtSweep),
    }
}

/// A wait Discord asks for; without a time of its own, the usual growing one.
fn after(wait: Duration) -> Again {
    if wait.is_zero() { Again::BackOff } else { Again::After(wait) }
}
