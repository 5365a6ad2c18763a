//! Statements about how guilds stand: what the controller last said of each, and since when.
//!
//! Whoever looked last is right: a report of an earlier look changes nothing, in whatever order reports arrive. A report is
//! no change of a guild, so no lease is shown with it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Error;
use super::column::{get, id, number, parsed};
use super::sql::{Connection, Row, Statement, sql};
use super::words::words;
use crate::model::GuildId;

words! {
    /// How a guild stands.
    Standing {
        /// It equals its manifest.
        Ready = "ready",
        /// It is being changed.
        Reconciling = "reconciling",
        /// It differs from its manifest, and nothing is done about that by itself.
        Drifted = "drifted",
        /// A plan waits for somebody's approval.
        AwaitingApproval = "awaiting_approval",
        /// Nothing can be done until something changes or time passes.
        Stalled = "stalled",
        /// Somebody said to leave it alone.
        Suspended = "suspended",
    }
}

/// What is said of a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuildStatus {
    /// Which guild.
    pub guild: GuildId,
    /// How it stands.
    pub state: Standing,
    /// Why, as one word for programs, such as `LimitExceeded`. At most 64 characters; what it means does not change.
    pub reason: String,
    /// Why, as a sentence for people.
    pub message: String,
    /// Where its manifest comes from.
    pub source: Option<String>,
    /// The revision that was tried last.
    pub attempted_revision: Option<String>,
    /// The revision the guild was last equal to.
    pub applied_revision: Option<String>,
    /// The fingerprint of the manifest the guild was last equal to: what differs from the same wish later was changed in Discord.
    pub applied_manifest: Option<String>,
    /// When it began to stand like this for this reason. In a report it counts only when that is news.
    pub since: DateTime<Utc>,
    /// When this was reported.
    pub updated_at: DateTime<Utc>,
    /// When the next attempt is due, if one is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// How many attempts failed in a row.
    pub failures: u32,
    /// The moment it was true at. A report from before the one that is stored is not taken.
    pub observed_at: DateTime<Utc>,
}

/// The change of one column by a report that is not older than what is there.
macro_rules! newer {
    ($column:literal) => {
        concat!($column, " = CASE WHEN new.observed_at < observed_at THEN ", $column, " ELSE new.", $column, " END")
    };
}

/// What a report changes. Columns that others look at come after those: a server has changed them by then.
const CHANGES: &str = concat!(
    "since = CASE WHEN new.observed_at < observed_at OR (new.state = state AND new.reason = reason) THEN since
                  ELSE new.since END, ",
    newer!("state"),
    ", ",
    newer!("reason"),
    ", ",
    newer!("message"),
    ", ",
    newer!("source"),
    ", ",
    newer!("attempted_revision"),
    ", ",
    newer!("applied_revision"),
    ", ",
    newer!("applied_manifest"),
    ", ",
    newer!("updated_at"),
    ", ",
    newer!("next_attempt_at"),
    ", ",
    newer!("failures"),
    ", ",
    newer!("observed_at"),
);

/// The one statement a report is.
pub(super) fn report(status: &GuildStatus) -> Statement {
    let GuildStatus { guild, state, reason, message, source, attempted_revision, applied_revision, .. } = status;
    let GuildStatus { applied_manifest, since, updated_at, next_attempt_at, failures, observed_at, .. } = status;
    sql("INSERT INTO guild_statuses
         (server_id, state, reason, message, source, attempted_revision, applied_revision, applied_manifest,
          since, updated_at, next_attempt_at, failures, observed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(*guild)
    .bind(state.word())
    .bind(reason)
    .bind(message)
    .bind(source.as_deref())
    .bind(attempted_revision.as_deref())
    .bind(applied_revision.as_deref())
    .bind(applied_manifest.as_deref())
    .bind(*since)
    .bind(*updated_at)
    .bind(*next_attempt_at)
    .bind(*failures)
    .bind(*observed_at)
    .or_change("server_id", CHANGES)
}

/// The statement that reads statuses, with its end.
macro_rules! statuses {
    ($rest:literal) => {
        concat!(
            "SELECT server_id, state, reason, message, source, attempted_revision, applied_revision, applied_manifest,
                    since, updated_at, next_attempt_at, failures, observed_at
             FROM guild_statuses ",
            $rest
        )
    };
}

pub(super) async fn of(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<GuildStatus>, Error> {
    let row = sql(statuses!("WHERE server_id = ?")).bind(guild).fetch_optional(connection).await?;
    row.map(|row| status(&row)).transpose()
}

pub(super) async fn all(connection: &mut Connection<'_>) -> Result<Vec<GuildStatus>, Error> {
    sql(statuses!("ORDER BY server_id")).fetch_all(connection).await?.iter().map(status).collect()
}

fn status(row: &Row) -> Result<GuildStatus, Error> {
    Ok(GuildStatus {
        guild: id(row, "server_id")?,
        state: parsed(row, "state")?,
        reason: get(row, "reason")?,
        message: get(row, "message")?,
        source: get(row, "source")?,
        attempted_revision: get(row, "attempted_revision")?,
        applied_revision: get(row, "applied_revision")?,
        applied_manifest: get(row, "applied_manifest")?,
        since: get(row, "since")?,
        updated_at: get(row, "updated_at")?,
        next_attempt_at: get(row, "next_attempt_at")?,
        failures: number(row, "failures")?,
        observed_at: get(row, "observed_at")?,
    })
}
