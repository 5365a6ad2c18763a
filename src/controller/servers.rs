//! What is set for guilds, and whose word that is taken on: the store decides, the cache only remembers.

use std::sync::Arc;

use crate::cache::Cache;
use crate::model::{GuildId, ServerConfiguration};
use crate::store::{self, Reconfiguration, ServerSummary, Store};

/// What is set for guilds.
#[derive(Clone, Debug)]
pub struct Servers {
    store: Arc<dyn Store>,
    cache: Cache,
}

impl Servers {
    /// In this store, remembered in this cache.
    pub fn new(store: Arc<dyn Store>, cache: Cache) -> Self {
        Self { store, cache }
    }

    /// What is set for a guild, or was at most an hour ago: for remarks, not for decisions. Nothing for a guild never heard
    /// of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn remembered(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, store::Error> {
        match self.cache.configuration(guild).await {
            Ok(Some(configuration)) => return Ok(Some(configuration)),
            Ok(None) => {}
            Err(error) => tell("reading", guild, &error),
        }
        self.get(guild).await
    }

    /// What is set for a guild now; nothing for one never heard of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, store::Error> {
        let configuration = self.store.server(guild).await?;
        if let Some(configuration) = &configuration {
            self.keep(configuration).await;
        }
        Ok(configuration)
    }

    /// True when every change of the guild needs an approval, as the store says now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn require_approval(&self, guild: GuildId) -> Result<bool, store::Error> {
        let configuration = self.store.server(guild).await?;
        Ok(configuration.is_some_and(|configuration| configuration.settings.moderation.require_admin_approval))
    }

    /// Changes what is set, and gives what is set afterwards.
    ///
    /// # Errors
    /// When the store cannot record it; then nothing is changed.
    pub async fn set(&self, change: &Reconfiguration) -> Result<ServerConfiguration, store::Error> {
        let configuration = self.store.configure(change).await?;
        self.keep(&configuration).await;
        Ok(configuration)
    }

    /// Every guild that was heard of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Vec<ServerSummary>, store::Error> {
        self.store.servers().await
    }

    async fn keep(&self, configuration: &ServerConfiguration) {
        if let Err(error) = self.cache.keep_configuration(configuration).await {
            tell("keeping", configuration.server_id, &error);
        }
    }
}

fn tell(doing: &str, guild: GuildId, error: &crate::cache::Error) {
    tracing::warn!(%guild, error = error as &dyn std::error::Error, "the cache failed at {doing} settings; going on without it");
}
