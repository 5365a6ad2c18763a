//! Reads a guild and proposes a plan for it.

use std::sync::Arc;

use crate::clock::Clock;
use crate::discord::{self, Client};
use crate::manifest::Manifest;
use crate::model::{Bindings, Facet, GuildId, Snapshot};
use crate::plan::{Plan, propose};
use crate::store::{self, Store};

/// A bot, a store and a clock: everything a reconciliation needs.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) client: Arc<Client>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
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
    #[error("the plan is stale: the guild, the manifest or the bindings have changed since it was made. Plan again")]
    Stale,
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
    /// An engine.
    pub fn new(client: Arc<Client>, store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { client, store, clock }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The way to Discord.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Reads a guild and what the bot is in it.
    ///
    /// # Errors
    /// When Discord cannot be read.
    pub async fn observe(&self, guild: GuildId) -> Result<Snapshot, Error> {
        let mut snapshot = self.client.snapshot(guild).await?;
        self.client.identify(&mut snapshot).await?;
        Ok(snapshot)
    }

    /// Reads the guild and proposes what to do. Two requests when there is nothing to do.
    ///
    /// # Errors
    /// When Discord or the store cannot be read.
    pub async fn propose(&self, manifest: &Manifest, revision: Option<&str>) -> Result<Proposal, Error> {
        let bindings = self.store.bindings(manifest.guild).await?;
        let mut snapshot = self.client.snapshot(manifest.guild).await?;
        let mut plan = propose(manifest, &snapshot, &bindings, revision);
        if matches!(snapshot.bot, Facet::Unknown(_)) && !plan.is_settled() {
            // Who the bot is only matters once there is something to do or something unsure.
            self.client.identify(&mut snapshot).await?;
            plan = propose(manifest, &snapshot, &bindings, revision);
        }
        Ok(Proposal { plan, snapshot, bindings })
    }
}
