//! What can be said of a guild without asking Discord: that there is nothing to do.
//!
//! Only ever that. Whatever differs, or cannot be told, is a reason to look, and whoever changes something has looked.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cache::{Cache, Seen, Source};
use crate::manifest::Manifest;
use crate::model::{GuildId, Snapshot};
use crate::plan::{Plan, propose};
use crate::telemetry::metrics;

use super::engine::{Engine, Error};

/// A guild that was as its manifest says when it was seen.
#[derive(Clone, Debug)]
pub struct Glance {
    /// The plan, with nothing to do and nothing in doubt.
    pub plan: Plan,
    /// When Discord was asked.
    pub seen_at: DateTime<Utc>,
}

impl Engine {
    /// The same engine with another cache than its own process.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { cache, ..self }
    }

    /// That there was nothing to do when the guild was last seen, at most `age` ago. None means: look.
    ///
    /// # Errors
    /// When the store cannot be read. A cache that cannot be reached has seen nothing.
    pub async fn glance(
        &self,
        manifest: &Manifest,
        revision: Option<&str>,
        age: Duration,
    ) -> Result<Option<Glance>, Error> {
        let seen = self.cache.seen(manifest.guild, age).await;
        let result = match &seen {
            Ok(Some(_)) => "hit",
            Ok(None) => "miss",
            Err(_) => "error",
        };
        metrics::CACHE_REQUESTS.count(&[result]);
        let seen = seen.inspect_err(|error| tell("reading", manifest.guild, error)).unwrap_or_default();
        let Some(Seen { snapshot, at, source: _ }) = seen else { return Ok(None) };
        metrics::CACHE_AGE.observe((self.clock.now() - at).to_std().unwrap_or_default(), &[]);
        let bindings = self.bound(manifest.guild).await?;
        let plan = propose(manifest, &snapshot, &bindings, revision);
        Ok(plan.is_settled().then_some(Glance { plan, seen_at: at }))
    }

    /// Keeps what was read at `at`, for the next glance.
    pub(super) async fn keep(&self, snapshot: &Snapshot, at: DateTime<Utc>) {
        let seen = Seen { snapshot: snapshot.clone(), at, source: Source::Read };
        if let Err(error) = self.cache.keep(&seen).await {
            tell("keeping", snapshot.guild.id, &error);
        }
    }

    /// Lets nobody believe what was seen of a guild, because it changes.
    pub(super) async fn hide(&self, guild: GuildId) {
        if let Err(error) = self.cache.hide(guild).await {
            tell("hiding", guild, &error);
        }
    }

    /// Keeps what was read at `at`, after the guild changed.
    pub(super) async fn renew(&self, snapshot: &Snapshot, at: DateTime<Utc>) {
        let seen = Seen { snapshot: snapshot.clone(), at, source: Source::Read };
        if let Err(error) = self.cache.renew(&seen).await {
            tell("renewing", snapshot.guild.id, &error);
        }
    }
}

fn tell(doing: &str, guild: GuildId, error: &crate::cache::Error) {
    tracing::warn!(%guild, error = error as &dyn std::error::Error, "the cache failed at {doing} a guild; going on without it");
}
