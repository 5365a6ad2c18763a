//! Statements about people: who they are, what they are in which guild, and which commands they used.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::column::{get, id, json, json_if, json_text, parsed};
use super::record::CommandId;
use super::sql::{Connection, Row, sql};
use super::words::words;
use super::{Error, guilds};
use crate::model::{GuildId, Permissions, UserId, UserPreferences};

words! {
    /// What somebody is in a guild, in the words of the data model.
    Membership {
        /// Anybody.
        Member = "member",
        /// Somebody with the permission `administrator`.
        Admin = "admin",
        /// Whose guild it is.
        Owner = "owner",
    }
}

words! {
    /// What sort of command it is, in the words of the data model.
    CommandType {
        /// About channels and categories.
        ChannelManagement = "channel_management",
        /// About roles.
        RoleManagement = "role_management",
        /// About who may do what.
        PermissionConfiguration = "permission_configuration",
        /// About the guild itself, or about SetAI in it.
        ServerConfiguration = "server_configuration",
        /// About a template.
        TemplateApplication = "template_application",
        /// About several of these.
        BulkOperations = "bulk_operations",
    }
}

words! {
    /// How far a command is, in the words of the data model.
    CommandStatus {
        /// It waits for its turn.
        Pending = "pending",
        /// It is being carried out.
        InProgress = "in_progress",
        /// It was carried out.
        Completed = "completed",
        /// It could not be.
        Failed = "failed",
        /// Somebody did not want it after all, or may not have it.
        Cancelled = "cancelled",
    }
}

/// Somebody who was met in a guild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// The four digits of old names; `0` for everybody else.
    pub discriminator: String,
    /// Their picture.
    pub avatar: Option<String>,
    /// The language of their Discord, such as `en-GB`.
    pub locale: Option<String>,
    /// What they may do where they were met.
    pub permissions: Permissions,
    /// What they are in the guild.
    pub membership: Membership,
}

/// A command that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommand {
    /// Its id.
    pub id: CommandId,
    /// Where.
    pub guild: GuildId,
    /// Who uses it.
    pub person: Person,
    /// What sort it is.
    pub kind: CommandType,
    /// As it was written.
    pub text: String,
    /// What was given with it.
    pub parameters: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandEnd {
    /// How it ended.
    pub status: CommandStatus,
    /// How its words were understood.
    pub interpretation: Option<Value>,
    /// What came of it.
    pub results: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// When.
    pub at: DateTime<Utc>,
}

/// A command that was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandRecord {
    /// Its id.
    pub id: CommandId,
    /// Where.
    pub guild: GuildId,
    /// Who used it.
    pub user: UserId,
    /// Their name, as last seen.
    pub username: Option<String>,
    /// What sort it is.
    pub kind: CommandType,
    /// As it was written.
    pub text: String,
    /// What was given with it.
    pub parameters: Value,
    /// How its words were understood.
    pub interpretation: Option<Value>,
    /// What came of it.
    pub results: Option<Value>,
    /// How far it is.
    pub status: CommandStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was used.
    pub executed_at: DateTime<Utc>,
    /// When it was over.
    pub completed_at: Option<DateTime<Utc>>,
}

/// Records that somebody uses a command, and who that is.
pub(super) async fn begin(connection: &mut Connection<'_>, command: &NewCommand) -> Result<(), Error> {
    let NewCommand { id, guild, person, kind, text, parameters, at } = command;
    meet(connection, *guild, person, *at).await?;
    sql("INSERT INTO command_history
         (execution_id, server_id, user_id, command_type, command_text, parameters, status, executed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(*id)
    .bind(*guild)
    .bind(person.user)
    .bind(kind.word())
    .bind(text)
    .bind(json_text(parameters)?)
    .bind(CommandStatus::InProgress.word())
    .bind(*at)
    .execute(connection)
    .await
    .map(|_| ())
}

async fn meet(
    connection: &mut Connection<'_>,
    guild: GuildId,
    person: &Person,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let Person { user, username, discriminator, avatar, locale, permissions, membership } = person;
    guilds::ensure(connection, guild, at).await?;
    // As many characters as the column holds, which is as many as Discord's names have.
    let username: String = username.chars().take(32).collect();
    let known = preferences_if(connection, *user).await?.unwrap_or_default();
    let preferred_language = locale.clone().or(known.preferred_language);
    let preferences = json_text(&UserPreferences { preferred_language, ..known })?;
    sql("INSERT INTO users (user_id, username, discriminator, avatar_hash, preferences, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)")
    .bind(*user)
    .bind(username)
    .bind(discriminator)
    .bind(avatar.as_deref())
    .bind(preferences)
    .bind(at)
    .bind(at)
    .or_change(
        "user_id",
        "username = new.username, discriminator = new.discriminator, avatar_hash = new.avatar_hash,
         preferences = new.preferences, updated_at = new.updated_at",
    )
    .execute(connection)
    .await?;
    let there = sql("SELECT user_id FROM user_servers WHERE user_id = ? AND server_id = ?");
    let statement = match there.bind(*user).bind(guild).locked().fetch_optional(connection).await? {
        None => sql("INSERT INTO user_servers
             (user_permissions, role, is_active, joined_at, updated_at, user_id, server_id)
             VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(json_text(permissions)?)
        .bind(membership.word())
        .bind(true)
        .bind(at)
        .bind(at),
        Some(_) => sql("UPDATE user_servers SET user_permissions = ?, role = ?, is_active = ?, updated_at = ?
             WHERE user_id = ? AND server_id = ?")
        .bind(json_text(permissions)?)
        .bind(membership.word())
        .bind(true)
        .bind(at),
    };
    statement.bind(*user).bind(guild).execute(connection).await.map(|_| ())
}

/// What somebody prefers; what is usual for somebody who was never met.
pub(super) async fn preferences(connection: &mut Connection<'_>, user: UserId) -> Result<UserPreferences, Error> {
    Ok(preferences_if(connection, user).await?.unwrap_or_default())
}

async fn preferences_if(connection: &mut Connection<'_>, user: UserId) -> Result<Option<UserPreferences>, Error> {
    let row = sql("SELECT preferences FROM users WHERE user_id = ?").bind(user).fetch_optional(connection).await?;
    Ok(row.map(|row| json_if(&row, "preferences")).transpose()?.flatten())
}

/// Records what somebody prefers who was met before.
pub(super) async fn prefer(
    connection: &mut Connection<'_>,
    user: UserId,
    preferences: &UserPreferences,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sql("UPDATE users SET preferences = ?, updated_at = ? WHERE user_id = ?")
        .bind(json_text(preferences)?)
        .bind(at)
        .bind(user)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Records what became of a command.
pub(super) async fn end(connection: &mut Connection<'_>, command: CommandId, end: &CommandEnd) -> Result<(), Error> {
    let CommandEnd { status, interpretation, results, error, took, at } = end;
    sql("UPDATE command_history
         SET ai_interpretation = ?, results = ?, status = ?, execution_time = ?, error_message = ?, completed_at = ?
         WHERE execution_id = ?")
    .bind(interpretation.as_ref().map(json_text).transpose()?)
    .bind(results.as_ref().map(json_text).transpose()?)
    .bind(status.word())
    .bind(format!("{:.6}", took.as_secs_f64()))
    .bind(error.as_deref())
    .bind(*at)
    .bind(command)
    .execute(connection)
    .await
    .map(|_| ())
}

const ALL: &str =
    "SELECT c.execution_id, c.server_id, c.user_id, u.username, c.command_type, c.command_text, c.parameters,
        c.ai_interpretation, c.results, c.status, c.error_message, c.executed_at, c.completed_at
 FROM command_history c LEFT JOIN users u ON u.user_id = c.user_id";

/// A command.
pub(super) async fn command(
    connection: &mut Connection<'_>,
    command: CommandId,
) -> Result<Option<CommandRecord>, Error> {
    let row = sql(ALL).and(" WHERE c.execution_id = ?").bind(command).fetch_optional(connection).await?;
    row.map(|row| record(&row)).transpose()
}

/// The latest commands of a guild, the newest first.
pub(super) async fn commands(
    connection: &mut Connection<'_>,
    guild: GuildId,
    limit: u32,
) -> Result<Vec<CommandRecord>, Error> {
    let latest = sql(ALL).and(" WHERE c.server_id = ?").bind(guild);
    let latest = latest.and(" ORDER BY c.executed_at DESC, c.execution_id DESC LIMIT ?").bind(i64::from(limit));
    latest.fetch_all(connection).await?.iter().map(record).collect()
}

fn record(row: &Row) -> Result<CommandRecord, Error> {
    Ok(CommandRecord {
        id: parsed(row, "execution_id")?,
        guild: id(row, "server_id")?,
        user: id(row, "user_id")?,
        username: get(row, "username")?,
        kind: parsed(row, "command_type")?,
        text: get(row, "command_text")?,
        parameters: json(row, "parameters")?,
        interpretation: json_if(row, "ai_interpretation")?,
        results: json_if(row, "results")?,
        status: parsed(row, "status")?,
        error: get(row, "error_message")?,
        executed_at: get(row, "executed_at")?,
        completed_at: get(row, "completed_at")?,
    })
}
