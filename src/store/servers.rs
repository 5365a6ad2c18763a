//! Statements about what is known of guilds and set for them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::column::{get, id, id_if, json_if, json_text, json_value, parsed_if, word};
use super::sql::{Connection, Row, sql};
use super::trail::{self, Entry, Occasion};
use super::{ActionDetails, ActionType, Author, Error, ImpactScope, Phase, RunId, TargetType, Verdict, guilds};
use crate::model::{GuildId, Moderation, ServerConfiguration, ServerSettings, ServerStatus, Setting};

/// A change of what is set for a guild.
#[derive(Clone, Debug)]
pub struct Reconfiguration {
    /// Where.
    pub guild: GuildId,
    /// On whose word.
    pub author: Author,
    /// When.
    pub at: DateTime<Utc>,
    /// What is set, in order; everything else stays as it is.
    pub settings: Vec<Setting>,
}

/// A guild in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerSummary {
    /// Which guild.
    pub guild: GuildId,
    /// Its name as last seen; none before that.
    pub name: Option<String>,
    /// Whether the bot is still there.
    pub status: ServerStatus,
    /// Every change there needs an approval.
    pub requires_approval: bool,
    /// Its latest run.
    pub last_run: Option<LastRun>,
}

/// The latest run of a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastRun {
    /// Which run.
    pub id: RunId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How it ended; none while it has not.
    pub verdict: Option<Verdict>,
}

/// The statement that reads what is set, with its end.
macro_rules! configurations {
    ($rest:literal) => {
        concat!(
            "SELECT s.server_id, s.name, s.icon_hash, s.owner_id, s.bot_permissions, s.status, s.joined_at,
                    c.command_prefix, c.response_language, c.feature_flags, c.rate_limits, c.custom_settings,
                    c.updated_at AS configured_at
             FROM servers s LEFT JOIN server_configurations c ON c.server_id = s.server_id
             WHERE s.server_id = ?",
            $rest
        )
    };
}

pub(super) async fn read(
    connection: &mut Connection<'_>,
    guild: GuildId,
) -> Result<Option<ServerConfiguration>, Error> {
    let row = sql(configurations!("")).bind(guild).fetch_optional(connection).await?;
    row.map(|row| configuration(&row)).transpose()
}

fn configuration(row: &Row) -> Result<ServerConfiguration, Error> {
    let joined_at = get(row, "joined_at")?;
    let configured_at: Option<DateTime<Utc>> = get(row, "configured_at")?;
    Ok(ServerConfiguration {
        server_id: id(row, "server_id")?,
        name: get(row, "name")?,
        icon_hash: get(row, "icon_hash")?,
        owner_id: id_if(row, "owner_id")?,
        bot_permissions: json_if(row, "bot_permissions")?,
        settings: if configured_at.is_some() { settings(row)? } else { ServerSettings::default() },
        status: word(row, "status")?,
        joined_at,
        updated_at: configured_at.unwrap_or(joined_at),
    })
}

fn settings(row: &Row) -> Result<ServerSettings, Error> {
    Ok(ServerSettings {
        command_prefix: get(row, "command_prefix")?,
        response_language: get(row, "response_language")?,
        feature_flags: json_if(row, "feature_flags")?.unwrap_or_default(),
        rate_limits: json_if(row, "rate_limits")?.unwrap_or_default(),
        moderation: moderation(row)?,
    })
}

/// The data model has no column of its own for it.
fn moderation(row: &Row) -> Result<Moderation, Error> {
    #[derive(serde::Deserialize)]
    struct Custom {
        #[serde(default)]
        moderation: Moderation,
    }
    Ok(json_if::<Custom>(row, "custom_settings")?.map(|custom| custom.moderation).unwrap_or_default())
}

pub(super) async fn configure(
    connection: &mut Connection<'_>,
    change: &Reconfiguration,
) -> Result<ServerConfiguration, Error> {
    let Reconfiguration { guild, author, at, settings } = change;
    guilds::ensure(connection, *guild, *at).await?;
    let defaults = sql("INSERT INTO server_configurations (server_id, created_at, updated_at) VALUES (?, ?, ?)");
    defaults.bind(*guild).bind(*at).bind(*at).unless_there("server_id").execute(connection).await?;
    let row = sql(configurations!("")).locked().bind(*guild).fetch_one(connection).await?;
    let before = configuration(&row)?;
    let mut after = before.clone();
    settings.iter().for_each(|setting| setting.apply(&mut after.settings));
    if after.settings == before.settings {
        return Ok(before);
    }
    // What was read before is older, whatever the clocks of two machines say.
    after.updated_at = (*at).max(before.updated_at + TimeDelta::microseconds(1));
    let custom: Option<Map<String, Value>> = json_if(&row, "custom_settings")?;
    write(connection, &after, custom.unwrap_or_default()).await?;
    let (old, new) = (json_value(&before.settings)?, json_value(&after.settings)?);
    let details = ActionDetails {
        target_type: TargetType::Setting,
        target_id: None,
        target_name: None,
        action_parameters: json!({ "set": changed(&before.settings, &after.settings) }),
        impact_scope: ImpactScope::Server,
        affected_entities: Vec::new(),
        error: None,
    };
    let occasion = Occasion::alone(*guild, author, *at);
    let entry = Entry {
        action: ActionType::ConfigurationChanged,
        phase: Phase::Done,
        operation: None,
        details,
        before: Some(&old),
        after: Some(&new),
        reason: None,
    };
    trail::add(connection, &occasion, vec![entry]).await?;
    Ok(after)
}

/// What differs, as it would be written.
fn changed(before: &ServerSettings, after: &ServerSettings) -> Map<String, Value> {
    let both = Setting::all_of(before).into_iter().zip(Setting::all_of(after));
    both.filter(|(old, new)| old != new).map(|(_, (name, value))| (name.to_owned(), Value::from(value))).collect()
}

async fn write(
    connection: &mut Connection<'_>,
    configuration: &ServerConfiguration,
    mut custom: Map<String, Value>,
) -> Result<(), Error> {
    let ServerSettings { command_prefix, response_language, feature_flags, rate_limits, moderation } =
        &configuration.settings;
    custom.insert("moderation".to_owned(), json_value(moderation)?);
    sql("UPDATE server_configurations SET command_prefix = ?, response_language = ?, feature_flags = ?, rate_limits = ?,
                custom_settings = ?, updated_at = ?
         WHERE server_id = ?")
    .bind(command_prefix)
    .bind(response_language)
    .bind(json_text(feature_flags)?)
    .bind(json_text(rate_limits)?)
    .bind(json_text(&custom)?)
    .bind(configuration.updated_at)
    .bind(configuration.server_id)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn all(connection: &mut Connection<'_>) -> Result<Vec<ServerSummary>, Error> {
    let query =
        sql("SELECT s.server_id, s.name, s.status, c.custom_settings, r.reconciliation_id, r.started_at, r.verdict
         FROM servers s
         LEFT JOIN server_configurations c ON c.server_id = s.server_id
         LEFT JOIN reconciliations r ON r.reconciliation_id = (
             SELECT l.reconciliation_id FROM reconciliations l WHERE l.server_id = s.server_id
             ORDER BY l.started_at DESC, l.reconciliation_id DESC LIMIT 1)
         ORDER BY s.name, s.server_id");
    query.fetch_all(connection).await?.iter().map(summary).collect()
}

fn summary(row: &Row) -> Result<ServerSummary, Error> {
    let run: Option<RunId> = parsed_if(row, "reconciliation_id")?;
    let last_run = run.map(|id| {
        Ok::<_, Error>(LastRun { id, started_at: get(row, "started_at")?, verdict: parsed_if(row, "verdict")? })
    });
    Ok(ServerSummary {
        guild: id(row, "server_id")?,
        name: get(row, "name")?,
        status: word(row, "status")?,
        requires_approval: moderation(row)?.require_admin_approval,
        last_run: last_run.transpose()?,
    })
}
