//! Reads a guild and proposes a plan for it.

use std::sync::Arc;

use tracing::Instrument as _;
use uuid::Uuid;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::discord::{self, Client};
use crate::manifest::Manifest;
use crate::model::{Bindings, Facet, GuildId, Key, Snapshot};
use crate::plan::{Plan, propose};
use crate::store::{self, Approval, Author, RunId, Store};

use super::bound;
use super::servers::Servers;
use super::trace;
use super::wait::Patience;

/// A bot, a store, a cache and a clock: everything a reconciliation needs.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) client: Arc<Client>,
    pub(super) store: Arc<dyn Store>,
    pub(super) cache: Cache,
    pub(super) clock: Clock,
    /// What the leases of this engine are taken as.
    pub(super) holder: String,
    pub(super) patience: Patience,
    pub(super) bound: bound::Shared,
}

/// Why a reconciliation could not even begin, or had to be left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Discord could not be read.
    #[error(transparent)]
    Discord(#[from] discord::Error),
    /// Nothing can be recorded, so nothing is done.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What was approved is not what would be done now.
    #[error(
        "the plan is stale: the guild, the manifest, the bindings or this version of setai have changed since it was made. Plan again"
    )]
    Stale,
    /// The plan is applied only on an approval of its own, and there is none left.
    #[error("nobody's approval of this plan is left; an approval counts once")]
    NotApproved,
    /// The database was away in the middle of a run, and what would be done now is not what was approved then.
    #[error(
        "the database was away in the middle of run {}, and since then something has changed that the approved plan does \
         not speak of. Plan again",
        run.short()
    )]
    Overtaken {
        /// The run, which is closed.
        run: RunId,
    },
    /// Somebody asked to stop before anything had begun.
    #[error("stopped on request, before anything was sent")]
    NotBegun,
    /// Somebody asked to stop while something was waited for.
    #[error("stopped on request, while waiting: {waiting}")]
    Stopped {
        /// For what.
        waiting: store::Error,
    },
    /// What a run did cannot be taken back, because its plan cannot be read.
    #[error("the plan of run {} cannot be read any more: {problem}", run.short())]
    UnreadablePlan {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such run.
    #[error("there is no run {run}")]
    NoSuchRun {
        /// Its id.
        run: RunId,
    },
    /// The plan was applied on an approval before.
    #[error("this very plan was approved before, and run {} used the approval up; it counts once", run.short())]
    ApprovalSpent {
        /// The run.
        run: RunId,
    },
    /// Every change of the guild needs an approval of its own, and this one has none.
    #[error(
        "every change of the guild {guild} needs an approval (`moderation.require_admin_approval`), and this plan has none"
    )]
    ApprovalRequired {
        /// The guild.
        guild: GuildId,
    },
    /// What an earlier run may have created is not found out yet.
    #[error("an earlier request may have created `{key}` ({why}); creating it again could make it twice")]
    Unsettled {
        /// The key.
        key: Key,
        /// What is known.
        why: String,
    },
}

/// A plan with what it was made from.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The plan.
    pub plan: Plan,
    /// The guild as it was read.
    pub snapshot: Snapshot,
    /// What was bound.
    pub bindings: Bindings,
}

impl Engine {
    /// An engine that remembers what it saw in this process.
    pub fn new(client: Arc<Client>, store: Arc<dyn Store>, clock: Clock) -> Self {
        let holder = format!("process {} ({})", std::process::id(), Uuid::now_v7());
        let cache = Cache::in_process(clock.clone());
        Self { client, store, cache, clock, holder, patience: Patience::default(), bound: bound::Shared::default() }
    }

    /// The same engine, known to others who wait for it as `name`.
    #[must_use]
    pub fn known_as(self, name: &str) -> Self {
        // The id tells engines of one process apart, and the column holds 128 characters.
        let name: String = name.chars().take(80).collect();
        Self { holder: format!("{name} ({})", Uuid::now_v7()), ..self }
    }

    /// The same engine, which waits so long for what goes by itself.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What is set for guilds.
    pub fn servers(&self) -> Servers {
        Servers::new(Arc::clone(&self.store), self.cache.clone())
    }

    /// The way to Discord.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Records that somebody approves exactly this plan, with what it is refused for. The approval counts once: the next
    /// [`apply`](Self::apply) of the plan uses it up.
    ///
    /// # Errors
    /// [`Error::ApprovalSpent`] when an approval of the same plan did its work before: the guild is then as it was, so
    /// somebody undid the plan, and has to be asked rather than overruled by a word given earlier.
    pub async fn approve(&self, plan: &Plan, author: &Author) -> Result<(), Error> {
        let digest = plan.digest.to_string();
        if let Some(run) = self.store.runs_of_plan(plan.guild, &digest).await?.pop() {
            return Err(Error::ApprovalSpent { run: run.id });
        }
        let (guild, granted_by, granted_at) = (plan.guild, author.clone(), self.clock.now());
        let approval = Approval { guild, plan_digest: digest, granted_by, granted_at, expires_at: None };
        Ok(self.store.approve(&approval).await?)
    }

    /// Reads a guild and what the bot is in it.
    ///
    /// # Errors
    /// When Discord cannot be read.
    pub async fn observe(&self, guild: GuildId) -> Result<Snapshot, Error> {
        self.take_limits(guild).await;
        let mut snapshot = self.client.snapshot(guild).await?;
        self.client.identify(&mut snapshot).await?;
        Ok(snapshot)
    }

    /// Reads the guild and proposes what to do. Two requests when there is nothing to do.
    ///
    /// # Errors
    /// When Discord or the store cannot be read.
    pub async fn propose(&self, manifest: &Manifest, revision: Option<&str>) -> Result<Proposal, Error> {
        let span = trace::plan();
        let proposing = async {
            self.take_limits(manifest.guild).await;
            self.telling(None, self.propose_now(manifest, revision)).await
        };
        let proposal = proposing.instrument(span.clone()).await;
        trace::planned(&span, &proposal);
        proposal
    }

    async fn propose_now(&self, manifest: &Manifest, revision: Option<&str>) -> Result<Proposal, Error> {
        let bindings = self.store.bindings(manifest.guild).await?;
        let read_at = self.clock.now();
        let mut snapshot = self.client.snapshot(manifest.guild).await?;
        let mut plan = propose(manifest, &snapshot, &bindings, revision);
        if matches!(snapshot.bot, Facet::Unknown(_)) && !plan.is_settled() {
            // Who the bot is only matters once there is something to do or something unsure.
            self.client.identify(&mut snapshot).await?;
            plan = propose(manifest, &snapshot, &bindings, revision);
        }
        self.tell_of_holders(&mut plan).await?;
        self.keep(&snapshot, read_at).await;
        Ok(Proposal { plan, snapshot, bindings })
    }
}
