//! What people ask of one guild, and what they say of it: the side of a controller that faces a chat.
//!
//! Everything here is about a guild somebody was named for by whoever believed them; who may do what is decided before. Reads
//! what it shows when it is asked, so that what is shown is as it is now, and does nothing but on a word that names exactly
//! the plan it is about.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::from_value;

use crate::discord;
use crate::forge;
use crate::manifest::{Files, Manifest};
use crate::model::{GuildId, UserId};
use crate::plan::{Approved, Consent, Plan, Rejected, judge, judge_strictly};
use crate::source;
use crate::store::{
    self, Approval, Author, Closing, DriftAnswer, DriftFilter, DriftRecord, GuildStatus, HeldSummary, RunId, RunRecord,
    RunSummary, Suspension, Trigger, Verdict,
};

use super::desired::{Obstacle, Wanted};
use super::engine::{self, Engine, Proposal};
use super::fleet::{Handle, Watched};
use super::interpret::Unanswered;
use super::progress::{Silent, StopSignal};
use super::proposals::Proposals;
use super::run::{Report, Request};
use super::tally::{MINUTE, Tally};

/// How long an approval counts that somebody gives in a chat.
const APPROVAL_LASTS: TimeDelta = TimeDelta::hours(24);

/// Most differences that are shown of a guild.
const MOST_DIFFERENCES: u32 = 20;

/// Requests under way at once in one guild.
const CONCURRENCY: usize = 4;

/// How long it is known that a message was answered: longer than it can be told of again.
const ONCE: Duration = Duration::from_mins(10);

/// Longest wait for one of Discord's limits while somebody waits for an answer.
const PATIENCE: Duration = Duration::from_mins(5);

/// Why somebody cannot be helped.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No source speaks of the guild.
    #[error("no manifest of this guild is known here")]
    Unmanaged,
    /// Its manifest cannot be used.
    #[error("{}", .0.message)]
    Obstacle(Obstacle),
    /// No run of this guild is called so.
    #[error("there is no run `{0}` in this guild")]
    NoSuchRun(String),
    /// No plan of this guild that waits is called so.
    #[error("no plan `{0}` waits in this guild")]
    NoSuchPlan(String),
    /// The plan waits no more.
    #[error("this plan waits no more: it is {0}")]
    Closed(Closing),
    /// Somebody said to leave the guild alone.
    #[error("this guild is left alone ({reason}), so nothing was done; resume it first")]
    Suspended {
        /// Why.
        reason: String,
    },
    /// What would be done now is not what was agreed to.
    #[error("the guild or its manifest changed since this was shown, so nothing was done")]
    Changed,
    /// The plan cannot be approved by anybody, or needs more than this.
    #[error(transparent)]
    Rejected(Box<Rejected>),
    /// The source cannot be read.
    #[error("the source `{name}` cannot be read: {error}")]
    Source {
        /// Which.
        name: String,
        /// Why.
        error: source::Error,
    },
    /// Nobody here understands plain words.
    #[error("plain words are not understood by this process")]
    NoProposals,
    /// Whoever understands plain words could not.
    #[error(transparent)]
    Interpreter(Unanswered),
    /// Nothing can be proposed to this source.
    #[error("the source `{source_name}` has no `forge` in the operator's file, so nothing can be proposed to it")]
    NoOutlet {
        /// Which.
        source_name: String,
    },
    /// The change cannot be written down.
    #[error("this cannot be proposed: {why}")]
    Unproposable {
        /// Why.
        why: String,
    },
    /// The forge does not take it.
    #[error(transparent)]
    Forge(forge::Error),
    /// Discord, or a run.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// How a guild stands.
#[derive(Clone, Debug)]
pub struct Stand {
    /// As it was reported last; none before the first visit.
    pub status: Option<GuildStatus>,
    /// What differs and nobody answered.
    pub drift: Vec<DriftRecord>,
    /// Plans that wait for somebody's word.
    pub waiting: Vec<HeldSummary>,
}

/// A plan for a guild as it is now.
#[derive(Debug)]
pub struct View {
    /// The plan with what it was made from.
    pub proposal: Proposal,
    /// It waits for somebody's approval.
    pub waits: bool,
}

/// A difference, and who made it.
#[derive(Clone, Debug)]
pub struct Culprit {
    /// The object, as plans name it.
    pub object: String,
    /// Who changed it last, as Discord's audit log tells.
    pub by: discord::Change,
}

/// The manifest of a guild as it stands in its source now.
#[derive(Clone, Debug)]
pub struct Written {
    /// The source, by the name the operator gave it.
    pub source: String,
    /// Where it was.
    pub revision: source::Revision,
    /// Everything that is there.
    pub files: Files,
    /// The file of the guild.
    pub entry: String,
}

/// What a controller says to people, and hears from them.
#[derive(Clone, Debug)]
pub struct Console {
    engine: Engine,
    handle: Handle,
    sources: Vec<Watched>,
    proposals: Option<Arc<Proposals>>,
    tally: Tally,
}

impl Console {
    pub(super) fn new(engine: Engine, handle: Handle, sources: Vec<Watched>) -> Self {
        let tally = Tally::new(engine.cache.clone(), engine.clock.clone());
        Self { engine, handle, sources, proposals: None, tally }
    }

    /// The same, which understands plain words and can put changes in front of teams.
    #[must_use]
    pub fn with_proposals(self, proposals: Proposals) -> Self {
        Self { proposals: Some(Arc::new(proposals)), ..self }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn sources(&self) -> &[Watched] {
        &self.sources
    }

    /// Who understands requests, and where proposals go.
    pub(super) fn proposals(&self) -> Option<&Proposals> {
        self.proposals.as_deref()
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Counts one more use of a command by somebody.
    ///
    /// # Errors
    /// How long to wait when that is more than so many in a minute.
    pub async fn counts(&self, user: UserId, most: u32) -> Result<(), Duration> {
        self.tally.use_of_command(user, most).await
    }

    /// Decides whether a typed command is answered: once, whichever process hears it first, and nobody's more often than so many
    /// times in a minute.
    pub async fn answers_message(&self, message: &str, author: UserId, most: u32) -> bool {
        let is_first = self.tally.count(&format!("ratelimit:message:{message}"), 1, ONCE).await.is_ok();
        is_first && self.tally.count(&format!("ratelimit:typed:{author}"), most, MINUTE).await.is_ok()
    }

    /// How the guild stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn stand(&self, guild: GuildId) -> Result<Stand, Trouble> {
        let store = self.engine.store();
        Ok(Stand {
            status: store.status(guild).await?,
            drift: store.drift(Some(guild), DriftFilter::Open, MOST_DIFFERENCES).await?,
            waiting: store.held_plans(Some(guild)).await?,
        })
    }

    /// What would be done in the guild now.
    ///
    /// # Errors
    /// When there is no manifest that counts, or Discord or the store cannot be read.
    pub async fn view(&self, guild: GuildId) -> Result<View, Trouble> {
        let (wanted, manifest) = self.wanted(guild)?;
        self.view_of(&manifest, &wanted.revision).await
    }

    /// What would be done in the guild if its manifest said this.
    ///
    /// # Errors
    /// When Discord or the store cannot be read.
    pub async fn view_of(&self, manifest: &Manifest, revision: &str) -> Result<View, Trouble> {
        let proposal = self.engine.propose(manifest, Some(revision)).await?;
        let held = self.engine.store().held_plans(Some(manifest.guild)).await?;
        let waits = held.iter().any(|held| held.plan_digest == proposal.plan.digest.as_str());
        Ok(View { proposal, waits })
    }

    /// Who changed what a plan would change back, as far as Discord tells.
    pub async fn culprits(&self, plan: &Plan) -> Vec<Culprit> {
        if plan.is_empty() {
            return Vec::new();
        }
        // Not being able to read the log is no reason to show nothing.
        let log = self.engine.client().changes(plan.guild).await.unwrap_or_default();
        let culprit = |step: &crate::plan::Step| {
            let target = step.operation.target()?;
            let by = log.iter().find(|change| change.target == Some(target) && !change.ours)?;
            Some(Culprit { object: step.operation.subject(), by: by.clone() })
        };
        plan.steps.iter().filter_map(culprit).collect()
    }

    /// The latest runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, guild: GuildId, limit: u32) -> Result<Vec<RunSummary>, Trouble> {
        Ok(self.engine.store().history(Some(guild), limit).await?)
    }

    /// The run of this guild whose id begins or ends so.
    ///
    /// # Errors
    /// [`Trouble::NoSuchRun`], also for runs of other guilds.
    pub async fn run(&self, guild: GuildId, part: &str) -> Result<RunRecord, Trouble> {
        let unknown = || Trouble::NoSuchRun(part.to_owned());
        let store = self.engine.store();
        let id = match store.find_run(part).await {
            Ok(found) => found.ok_or_else(unknown)?,
            // Which they are may be other guilds' business.
            Err(store::Error::AmbiguousRun { .. }) => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        store.run(id).await?.filter(|run| run.summary.guild == guild).ok_or_else(unknown)
    }

    /// The plan of this guild that waits and whose digest begins so; without that the one that waits.
    ///
    /// # Errors
    /// [`Trouble::NoSuchPlan`], also for plans of other guilds, and [`Trouble::Closed`].
    pub async fn waiting(&self, guild: GuildId, part: Option<&str>) -> Result<(HeldSummary, Plan), Trouble> {
        let unknown = || Trouble::NoSuchPlan(part.unwrap_or("any").to_owned());
        let store = self.engine.store();
        let part = match part {
            Some(part) => part.to_owned(),
            None => store.held_plans(Some(guild)).await?.first().ok_or_else(unknown)?.plan_digest.clone(),
        };
        let found = match store.find_held_plan(&part).await {
            Ok(found) => found.filter(|held| held.summary.guild == guild),
            // Which they are may be other guilds' business.
            Err(store::Error::AmbiguousPlan { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let held = found.ok_or_else(unknown)?;
        if let Some(closed) = held.summary.closed {
            return Err(Trouble::Closed(closed.how));
        }
        let plan = from_value(held.plan).map_err(|_| Trouble::Closed(Closing::Stale))?;
        Ok((held.summary, plan))
    }

    /// Approves the plan of this guild that waits and has exactly this digest. The controller applies it, if nothing changed.
    ///
    /// # Errors
    /// As [`waiting`](Self::waiting).
    pub async fn approve(&self, guild: GuildId, digest: &str, by: &Author) -> Result<HeldSummary, Trouble> {
        let (held, _) = self.waiting(guild, Some(digest)).await?;
        let (store, now) = (self.engine.store(), self.engine.clock.now());
        let approval = Approval {
            guild,
            plan_digest: held.plan_digest.clone(),
            granted_by: by.clone(),
            granted_at: now,
            expires_at: Some(now + APPROVAL_LASTS),
        };
        store.approve(&approval).await?;
        store.close_held_plan(guild, &held.plan_digest, Closing::Approved, now).await?;
        self.handle.look_at(guild, Trigger::Person);
        Ok(held)
    }

    /// Makes the guild equal to its manifest now, on somebody's word for exactly the plan with this digest, and answers the
    /// differences it undoes.
    ///
    /// # Errors
    /// [`Trouble::Suspended`], [`Trouble::Changed`] when the plan is another by now, and [`Trouble::Rejected`] when nobody may
    /// approve it.
    pub async fn revert(&self, guild: GuildId, digest: &str, by: &Author) -> Result<Report, Trouble> {
        if let Some(Suspension { reason, .. }) = self.engine.store().suspension(guild, self.engine.clock.now()).await? {
            return Err(Trouble::Suspended { reason });
        }
        let (wanted, manifest) = self.wanted(guild)?;
        let proposal = self.engine.propose(&manifest, Some(&wanted.revision)).await?;
        let report = self.carry_out(&proposal, digest, Some(&manifest), None, by).await?;
        if report.verdict == Verdict::Succeeded {
            self.answer_drift(guild, DriftAnswer::Reverted, by).await?;
        }
        self.handle.look_at(guild, Trigger::Person);
        Ok(report)
    }

    /// Says of everything that differs and nobody answered that it is well as it is.
    ///
    /// # Errors
    /// When the store cannot record it.
    pub async fn ignore_drift(&self, guild: GuildId, by: &Author) -> Result<usize, Trouble> {
        self.answer_drift(guild, DriftAnswer::Ignored, by).await
    }

    async fn answer_drift(&self, guild: GuildId, answer: DriftAnswer, by: &Author) -> Result<usize, Trouble> {
        let (store, now) = (self.engine.store(), self.engine.clock.now());
        let open = store.drift(Some(guild), DriftFilter::Open, u32::MAX).await?;
        let mut answered = 0;
        for record in open {
            match store.resolve_drift(record.id, answer, by, now).await {
                Ok(()) => answered += 1,
                // A visit found out meanwhile that it is gone.
                Err(store::Error::DriftSettled { .. } | store::Error::UnknownDrift { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(answered)
    }

    /// What would take back a run of this guild.
    ///
    /// # Errors
    /// [`Trouble::NoSuchRun`], or when Discord or the store cannot be read.
    pub async fn way_back(&self, guild: GuildId, part: &str) -> Result<(RunRecord, Proposal), Trouble> {
        let record = self.run(guild, part).await?;
        // What may have been done is found out first, or it would stay behind.
        self.engine.recover(guild, &Silent, &StopSignal::default()).await?;
        let proposal = self.engine.way_back(record.summary.id).await?;
        Ok((record, proposal))
    }

    /// Takes back a run, on somebody's word for exactly the plan with this digest. The guild is left alone from then on, because
    /// its manifest still says what was taken back.
    ///
    /// # Errors
    /// [`Trouble::Changed`] when the plan is another by now, and as [`way_back`](Self::way_back).
    pub async fn roll_back(&self, guild: GuildId, part: &str, digest: &str, by: &Author) -> Result<Report, Trouble> {
        let (record, proposal) = self.way_back(guild, part).await?;
        if !proposal.plan.digest.matches(digest) {
            return Err(Trouble::Changed);
        }
        let reason = format!("run {} is taken back, and the manifest still says it", record.summary.id.short());
        self.suspend(guild, &reason, None, by).await?;
        self.carry_out(&proposal, digest, None, Some(record.summary.id), by).await
    }

    async fn carry_out(
        &self,
        proposal: &Proposal,
        digest: &str,
        manifest: Option<&Manifest>,
        rollback_of: Option<RunId>,
        by: &Author,
    ) -> Result<Report, Trouble> {
        if !proposal.plan.digest.matches(digest) {
            return Err(Trouble::Changed);
        }
        let approved = self.agreed(&proposal.plan).await?;
        if approved.rests_on_approval() {
            self.engine.approve(&proposal.plan, by).await?;
        }
        let request = Request {
            approved,
            proposal,
            manifest,
            trigger: Trigger::Person,
            author: by.clone(),
            rollback_of,
            patience: PATIENCE,
            concurrency: if rollback_of.is_some() { 1 } else { CONCURRENCY },
        };
        Ok(Box::pin(self.engine.apply(request, &Silent, &StopSignal::default())).await?)
    }

    /// That a plan may be applied on somebody's word for exactly this one.
    async fn agreed(&self, plan: &Plan) -> Result<Approved, Trouble> {
        let consent = Consent::Digest(plan.digest.to_string());
        let strictly = self.engine.servers().require_approval(plan.guild).await?;
        let judged = if strictly { judge_strictly(plan.clone(), &consent) } else { judge(plan.clone(), &consent) };
        judged.map_err(Trouble::Rejected)
    }

    /// Leaves the guild alone.
    ///
    /// # Errors
    /// When the store cannot record it.
    pub async fn suspend(
        &self,
        guild: GuildId,
        reason: &str,
        until: Option<DateTime<Utc>>,
        by: &Author,
    ) -> Result<(), Trouble> {
        let (reason, at) = (reason.to_owned(), self.engine.clock.now());
        self.engine.store().suspend(&Suspension { guild, by: by.clone(), reason, at, until }).await?;
        self.handle.look_at(guild, Trigger::Person);
        Ok(())
    }

    /// Looks after the guild again. False when it was not left alone.
    ///
    /// # Errors
    /// When the store cannot record it.
    pub async fn resume(&self, guild: GuildId, by: &Author) -> Result<bool, Trouble> {
        let was_suspended = self.engine.store().resume(guild, by, self.engine.clock.now()).await?;
        self.handle.look_at(guild, Trigger::Person);
        Ok(was_suspended)
    }

    /// The manifest of the guild as its source has it at this moment.
    ///
    /// # Errors
    /// [`Trouble::Unmanaged`], or when the source cannot be read.
    pub async fn written(&self, guild: GuildId) -> Result<Written, Trouble> {
        let wish = self.handle.wish(guild).ok_or(Trouble::Unmanaged)?;
        let wanted = match (wish.last_good, wish.obstacle) {
            (Some(wanted), _) => wanted,
            (None, Some(obstacle)) => return Err(Trouble::Obstacle(obstacle)),
            (None, None) => return Err(Trouble::Unmanaged),
        };
        let name = wanted.source.clone();
        let watched = self.sources.iter().find(|watched| watched.name == name).ok_or(Trouble::Unmanaged)?;
        match watched.source.look(None).await {
            Ok(source::Look::New(content)) => {
                let source::Content { revision, files } = *content;
                Ok(Written { source: name, revision, files, entry: wanted.entry.clone() })
            }
            // Nothing was known that it could be at.
            Ok(source::Look::Unchanged) => Err(Trouble::Unmanaged),
            Err(error) => Err(Trouble::Source { name, error }),
        }
    }

    /// The manifest that counts for the guild. What is wrong for good stops it; what passes does not.
    fn wanted(&self, guild: GuildId) -> Result<(Arc<Wanted>, Arc<Manifest>), Trouble> {
        let wish = self.handle.wish(guild).ok_or(Trouble::Unmanaged)?;
        let wanted = match (wish.last_good, wish.obstacle) {
            (Some(wanted), None) => wanted,
            (Some(wanted), Some(obstacle)) if obstacle.is_passing => wanted,
            (_, Some(obstacle)) => return Err(Trouble::Obstacle(obstacle)),
            (None, None) => return Err(Trouble::Unmanaged),
        };
        let manifest = wanted.manifest().map_err(Trouble::Obstacle)?;
        Ok((wanted, manifest))
    }
}
