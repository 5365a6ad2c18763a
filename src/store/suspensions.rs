//! Statements about guilds that are left alone because somebody said so.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::column::{get, id, json_value, parsed};
use super::sql::{Connection, Row, sql};
use super::trail::{self, Entry, Occasion};
use super::{ActionDetails, ActionType, Author, Error, ImpactScope, Phase, TargetType, guilds};
use crate::model::GuildId;

/// Somebody's word that a guild is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// Which guild.
    pub guild: GuildId,
    /// Whose word.
    #[serde(serialize_with = "super::record::as_text")]
    pub by: Author,
    /// Why, in their words.
    pub reason: String,
    /// When they said so.
    pub at: DateTime<Utc>,
    /// From when on it counts no more; none when somebody has to take it back.
    pub until: Option<DateTime<Utc>>,
}

impl Suspension {
    /// True while it counts.
    pub fn counts_at(&self, at: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}

const ALL: &str = "SELECT server_id, suspended_by, suspended_reason, suspended_at, suspended_until FROM suspensions";

pub(super) async fn of(
    connection: &mut Connection<'_>,
    guild: GuildId,
    at: DateTime<Utc>,
) -> Result<Option<Suspension>, Error> {
    let row = sql(ALL).and(" WHERE server_id = ?").bind(guild).fetch_optional(connection).await?;
    let found = row.map(|row| suspension(&row)).transpose()?;
    Ok(found.filter(|suspension| suspension.counts_at(at)))
}

pub(super) async fn all(connection: &mut Connection<'_>, at: DateTime<Utc>) -> Result<Vec<Suspension>, Error> {
    let rows = sql(ALL).and(" ORDER BY server_id").fetch_all(connection).await?;
    let mut all = rows.iter().map(suspension).collect::<Result<Vec<_>, _>>()?;
    all.retain(|suspension| suspension.counts_at(at));
    Ok(all)
}

fn suspension(row: &Row) -> Result<Suspension, Error> {
    Ok(Suspension {
        guild: id(row, "server_id")?,
        by: parsed(row, "suspended_by")?,
        reason: get(row, "suspended_reason")?,
        at: get(row, "suspended_at")?,
        until: get(row, "suspended_until")?,
    })
}

/// Takes the place of what was said before.
pub(super) async fn suspend(connection: &mut Connection<'_>, suspension: &Suspension) -> Result<(), Error> {
    let Suspension { guild, by, reason, at, until } = suspension;
    guilds::lock(connection, *guild, *at).await?;
    let before = of(connection, *guild, *at).await?;
    sql("INSERT INTO suspensions (server_id, suspended_by, suspended_reason, suspended_at, suspended_until)
         VALUES (?, ?, ?, ?, ?)")
    .bind(*guild)
    .bind(by)
    .bind(reason)
    .bind(*at)
    .bind(*until)
    .or_change(
        "server_id",
        "suspended_by = new.suspended_by, suspended_reason = new.suspended_reason, suspended_at = new.suspended_at,
         suspended_until = new.suspended_until",
    )
    .execute(connection)
    .await?;
    let parameters = json!({ "suspended": { "reason": reason, "until": until } });
    record(connection, &Occasion::alone(*guild, by, *at), parameters, before.as_ref(), Some(suspension)).await
}

/// Takes it back. False when there is none that counts.
pub(super) async fn resume(
    connection: &mut Connection<'_>,
    guild: GuildId,
    by: &Author,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    guilds::lock(connection, guild, at).await?;
    let before = of(connection, guild, at).await?;
    sql("DELETE FROM suspensions WHERE server_id = ?").bind(guild).execute(connection).await?;
    let Some(before) = before else { return Ok(false) };
    record(connection, &Occasion::alone(guild, by, at), json!({ "resumed": true }), Some(&before), None).await?;
    Ok(true)
}

async fn record(
    connection: &mut Connection<'_>,
    occasion: &Occasion<'_>,
    action_parameters: serde_json::Value,
    before: Option<&Suspension>,
    after: Option<&Suspension>,
) -> Result<(), Error> {
    let (before, after) = (before.map(json_value).transpose()?, after.map(json_value).transpose()?);
    let entry = Entry {
        action: ActionType::ConfigurationChanged,
        phase: Phase::Done,
        operation: None,
        details: ActionDetails {
            target_type: TargetType::Setting,
            target_id: None,
            target_name: Some("suspension".to_owned()),
            action_parameters,
            impact_scope: ImpactScope::Server,
            affected_entities: Vec::new(),
            error: None,
        },
        before: before.as_ref(),
        after: after.as_ref(),
        reason: None,
    };
    trail::add(connection, occasion, vec![entry]).await
}
