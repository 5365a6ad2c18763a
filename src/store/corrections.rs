//! Statements about how often objects were brought back: what a breaker has to remember when its process starts anew.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::column::{get, json};
use super::sql::{Connection, sql};
use super::{DriftSubject, Error};
use crate::model::{GuildId, Key};
use crate::plan::Operation;

/// What is brought back, told apart from everything else in its guild.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Corrected {
    /// What it is.
    pub subject: DriftSubject,
    /// Which one.
    pub identity: Identity,
}

/// What tells two objects of a kind apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// What is made anew each time keeps its key, and nothing else.
    Key(Key),
    /// An object that no key names.
    Snowflake(u64),
    /// The settings, or one of the two orders.
    Whole(&'static str),
}

/// How often an object was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// What it is.
    pub object: Corrected,
    /// Its latest snowflake that is known; none for settings and orders, and for what was only created.
    pub target_id: Option<u64>,
    /// What people call it, as last known. Orders are `roles` or `channels`.
    pub name: String,
    /// When each request about it was to be sent that was done, or may have been; oldest first.
    pub times: Vec<DateTime<Utc>>,
}

impl Correction {
    /// What an operation brings back, with no time yet.
    pub fn by(operation: &Operation) -> Self {
        let about = |key: Option<&Key>, target_id: Option<u64>, name: &str| {
            let identity = match (key, target_id) {
                (Some(key), _) => Identity::Key(key.clone()),
                (None, Some(id)) => Identity::Snowflake(id),
                (None, None) => Identity::Whole(whole(operation)),
            };
            let object = Corrected { subject: DriftSubject::of(operation), identity };
            Self { object, target_id, name: name.to_owned(), times: Vec::new() }
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
            Operation::SetTopic { key, name, .. } => about(Some(key), None, name),
            Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => {
                about(channel.key.as_ref(), Some(channel.id.get()), &channel.name)
            }
        }
    }
}

/// Longest time a run takes: one that began earlier has nothing left that is done now. Discord's longest waits are minutes.
const LONGEST_RUN: TimeDelta = TimeDelta::days(1);

/// What was done since a time in runs nobody asked for, by object.
pub(super) async fn since(
    connection: &mut Connection<'_>,
    guild: GuildId,
    since: DateTime<Utc>,
) -> Result<Vec<Correction>, Error> {
    let query = sql("SELECT o.operation, o.intended_at FROM reconciliations r
         JOIN operations o ON o.reconciliation_id = r.reconciliation_id
         WHERE r.server_id = ? AND r.started_at >= ? AND r.triggered_by IN ('event', 'schedule', 'retry', 'start_up')
               AND o.intended_at >= ? AND o.phase IN ('done', 'intended')
         ORDER BY o.intended_at, o.operation_id");
    let rows = query.bind(guild).bind(since - LONGEST_RUN).bind(since).fetch_all(connection).await?;
    let mut by_object: BTreeMap<Corrected, Correction> = BTreeMap::new();
    for row in &rows {
        let operation: Operation = json(row, "operation")?;
        let one = Correction::by(&operation);
        let known = by_object.entry(one.object.clone()).or_insert_with(|| one.clone());
        known.times.push(get(row, "intended_at")?);
        known.target_id = one.target_id.or(known.target_id);
        known.name = one.name;
    }
    Ok(by_object.into_values().collect())
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
        Operation::CreateChannel { .. }
        | Operation::UpdateChannel { .. }
        | Operation::SetTopic { .. }
        | Operation::DeleteChannel { .. } => "channel",
    }
}
