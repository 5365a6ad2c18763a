//! What is done now and then so that nothing is kept for longer than somebody wants.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::GuildId;
use crate::store::{self, Author, DriftFilter, Expiry, inspect, prune_all};
use crate::telemetry::metrics;

use super::engine::Engine;

/// How often it is done. A process that starts does it once.
pub(super) const RHYTHM: Duration = Duration::from_secs(3600);

/// How long it is remembered what waited, differed or was suspended, once that is over.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// Most differences that are looked through for the oldest.
const DIFFERENCES: u32 = 10_000;

impl Engine {
    /// Removes what is over, and rows of the audit trails that are older than `audit`, if they are to go at all. What cannot
    /// be done now is done the next time.
    pub async fn keep_house(&self, audit: Option<Duration>) {
        let now = self.clock.now();
        if let Err(error) = self.store.tidy(now - REMEMBERED).await {
            tracing::warn!(%error, "what is over could not be removed from the database");
        }
        match self.oldest_difference().await {
            Ok(oldest) => metrics::DRIFT_AGE.set(oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64()), &[]),
            Err(error) => tracing::debug!(%error, "the oldest difference cannot be read"),
        }
        let Some(older_than) = audit.and_then(|kept| TimeDelta::from_std(kept).ok()).map(|kept| now - kept) else {
            return;
        };
        if let Err(error) = self.prune(older_than).await {
            tracing::warn!(%error, "old rows of the audit trails could not be removed");
        }
    }

    async fn oldest_difference(&self) -> Result<Option<DateTime<Utc>>, store::Error> {
        let open = self.store.drift(None, DriftFilter::Open, DIFFERENCES).await?;
        Ok(open.into_iter().map(|record| record.first_seen_at).min())
    }

    async fn prune(&self, older_than: DateTime<Utc>) -> Result<(), store::Error> {
        for guild in self.store.audited_guilds().await? {
            if self.store.prunable(guild, older_than).await?.rows > 0 && self.is_whole(guild).await? {
                let expiry = Expiry { guild, older_than, author: Author::Controller, at: self.clock.now() };
                let rows = prune_all(&*self.store, &expiry).await?;
                tracing::info!(%guild, rows, "removed old rows of the audit trail");
            }
        }
        Ok(())
    }

    /// Rows that somebody changed are evidence, and the oldest of them are not to be removed.
    async fn is_whole(&self, guild: GuildId) -> Result<bool, store::Error> {
        let inspection = inspect(&*self.store, guild, &[]).await?;
        if let Some(finding) = inspection.findings.first() {
            tracing::error!(
                %guild,
                %finding,
                "the audit trail is not as it was written, so nothing of it is removed; `setai audit verify` says what to do"
            );
        }
        Ok(inspection.findings.is_empty())
    }
}
