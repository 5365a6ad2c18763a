//! Statements about how often objects were brought back: what a breaker has to remember when its process starts anew.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::column::json;
use super::sql::{Connection, sql};
use super::{DriftSubject, Error};
use crate::model::{GuildId, Key};
use crate::plan::Operation;

/// How often an object was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// What it is.
    pub subject: DriftSubject,
    /// Its key. What is made anew each time keeps its key, and nothing else.
    pub key: Option<Key>,
    /// Its latest snowflake that is known; none for settings and orders, and for what was only created.
    pub target_id: Option<u64>,
    /// What people call it, as last known. Orders are `roles` or `channels`.
    pub name: String,
    /// How many requests about it were done, or may have been.
    pub count: u32,
}

/// Longest time a run takes: one that began earlier has nothing left that is done now. Discord's longest waits are minutes.
const LONGEST_RUN: TimeDelta = TimeDelta::days(1);

/// What was done since a time in runs nobody asked for, by object.
pub(super) async fn since(
    connection: &mut Connection<'_>,
    guild: GuildId,
    since: DateTime<Utc>,
) -> Result<Vec<Correction>, Error> {
    let query =
        sql("SELECT o.operation FROM reconciliations r JOIN operations o ON o.reconciliation_id = r.reconciliation_id
         WHERE r.server_id = ? AND r.started_at >= ? AND r.triggered_by IN ('event', 'schedule', 'retry', 'start_up')
               AND o.intended_at >= ? AND o.phase IN ('done', 'intended')
         ORDER BY o.intended_at, o.operation_id");
    let rows = query.bind(guild).bind(since - LONGEST_RUN).bind(since).fetch_all(connection).await?;
    let operations: Vec<Operation> = rows.iter().map(|row| json(row, "operation")).collect::<Result<_, _>>()?;
    Ok(counted(&operations))
}

/// What tells two objects apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Key(Key),
    Snowflake(u64),
    Name(&'static str),
}

/// How often each object is spoken of, given what was done in order.
fn counted(operations: &[Operation]) -> Vec<Correction> {
    let mut counts: BTreeMap<(DriftSubject, Identity), Correction> = BTreeMap::new();
    for operation in operations {
        let one = correction(operation);
        let identity = match (&one.key, one.target_id) {
            (Some(key), _) => Identity::Key(key.clone()),
            (None, Some(id)) => Identity::Snowflake(id),
            (None, None) => Identity::Name(whole(operation)),
        };
        let known = counts.entry((one.subject, identity)).or_insert_with(|| Correction { count: 0, ..one.clone() });
        known.count += 1;
        known.target_id = one.target_id.or(known.target_id);
        known.name = one.name;
    }
    counts.into_values().collect()
}

/// The name of what has no snowflake.
fn whole(operation: &Operation) -> &'static str {
    match operation {
        Operation::MoveRoles { .. } => "roles",
        Operation::MoveChannels { .. } => "channels",
        Operation::UpdateGuild { .. } => "settings",
        Operation::CreateRole { .. }
        | Operation::UpdateRole { .. }
        | Operation::DeleteRole { .. }
        | Operation::GiveRole { .. } => "role",
        Operation::CreateChannel { .. } | Operation::UpdateChannel { .. } | Operation::DeleteChannel { .. } => {
            "channel"
        }
    }
}

/// What one operation brings back.
fn correction(operation: &Operation) -> Correction {
    let about = |key: Option<&Key>, target_id, name: &str| Correction {
        subject: DriftSubject::of(operation),
        key: key.cloned(),
        target_id,
        name: name.to_owned(),
        count: 1,
    };
    match operation {
        Operation::UpdateGuild { .. } | Operation::MoveRoles { .. } | Operation::MoveChannels { .. } => {
            about(None, None, whole(operation))
        }
        Operation::CreateRole { key, role } => about(Some(key), None, &role.name),
        Operation::UpdateRole { role, .. } | Operation::DeleteRole { role, .. } => {
            about(role.key.as_ref(), Some(role.id.get()), &role.name)
        }
        Operation::GiveRole { role, name, user: _ } => about(role.key(), role.id().map(|id| id.get()), name),
        Operation::CreateChannel { key, channel } => about(Some(key), None, &channel.name),
        Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => {
            about(channel.key.as_ref(), Some(channel.id.get()), &channel.name)
        }
    }
}
