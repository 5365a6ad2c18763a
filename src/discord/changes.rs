//! Who changed what lately, as the guild's audit log tells.

use chrono::{DateTime, Utc};
use serde::Serialize;
use twilight_http::routing::Route;

use crate::model::{GuildId, UserId};

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::reason::AuditReason;
use super::wire::{WireAuditEntry, WireAuditLog};

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Discord's number of what was done (its documentation, "Audit Log Events").
    #[serde(skip)]
    pub action: u64,
    /// The snowflake of what was changed.
    pub target: Option<u64>,
    /// Who did it: a name where Discord gives one, else `user:` and the id.
    pub who: String,
    /// Their user id.
    pub user: Option<UserId>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// True when it was one of our own operations.
    pub ours: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Client {
    /// The latest 100 changes of a guild, newest first. One request. Moves leave no entry in Discord's log.
    ///
    /// # Errors
    /// As of any read; without view_audit_log a refusal.
    pub async fn changes(&self, guild: GuildId) -> Result<Vec<Change>, Error> {
        let route = Route::GetAuditLogs {
            action_type: None,
            after: None,
            before: None,
            guild_id: guild.get(),
            limit: Some(100),
            user_id: None,
        };
        let log: WireAuditLog = self.transport.send(&Call::to(&route)).await?.json()?;
        let name = |id: UserId| log.users.iter().find(|user| user.id == id).map(|user| user.username.clone());
        Ok(log.audit_log_entries.iter().map(|entry| change(entry, entry.user_id.and_then(name))).collect())
    }
}

/// What an entry says, by somebody of this name.
pub(super) fn change(entry: &WireAuditEntry, name: Option<String>) -> Change {
    Change {
        action: entry.action_type,
        target: entry.target_id.as_deref().and_then(|id| id.parse().ok()),
        who: entry.user_id.map_or_else(|| "Discord".to_owned(), |id| name.unwrap_or_else(|| format!("user:{id}"))),
        user: entry.user_id,
        reason: entry.reason.clone(),
        ours: entry.reason.as_deref().is_some_and(|reason| reason.parse::<AuditReason>().is_ok()),
        at: created_at(entry.id),
    }
}

/// A snowflake holds the time it was made, in milliseconds since 2015 (Discord's API reference, "Snowflakes").
fn created_at(snowflake: u64) -> DateTime<Utc> {
    const DISCORD_EPOCH: i64 = 1_420_070_400_000;
    let milliseconds = i64::try_from(snowflake >> 22).unwrap_or_default() + DISCORD_EPOCH;
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}
