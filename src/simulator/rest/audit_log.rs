//! Reading the audit log.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::visit::Visit;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{AuditEntry, Bits, Snowflake, World};

/// How long entries are kept.
const KEPT: TimeDelta = TimeDelta::days(45);

/// `GET /guilds/{guild}/audit-logs`: newest first, or oldest first with `after`.
pub(crate) fn list(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::VIEW_AUDIT_LOG)?;
    let number = |key| call.query(key).and_then(|text| text.parse::<u64>().ok());
    let limit = usize::try_from(number("limit").unwrap_or(50).clamp(1, 100)).unwrap_or(50);
    let wanted = |entry: &&AuditEntry| {
        number("user_id").is_none_or(|id| entry.user_id == Snowflake(id))
            && number("target_id").is_none_or(|id| entry.target_id == Some(Snowflake(id)))
            && number("action_type").is_none_or(|kind| u64::from(entry.action_type) == kind)
            && number("before").is_none_or(|id| entry.id < Snowflake(id))
            && number("after").is_none_or(|id| entry.id > Snowflake(id))
            && entry.id.time() + KEPT > call.now
    };
    let log = &visit.guild.audit_log;
    let entries: Vec<&AuditEntry> = if number("after").is_some() {
        log.iter().filter(wanted).take(limit).collect()
    } else {
        log.iter().rev().filter(wanted).take(limit).collect()
    };
    let users: BTreeSet<Snowflake> = entries.iter().map(|e| e.user_id).collect();
    Reply::ok(json!({
        "audit_log_entries": entries.iter().map(|e| view::audit_entry(e)).collect::<Value>(),
        "users": users.iter().filter_map(|id| visit.users.get(id)).map(view::user).collect::<Value>(),
        "integrations": [], "webhooks": [], "guild_scheduled_events": [], "threads": [],
        "application_commands": [], "auto_moderation_rules": [],
    }))
}
