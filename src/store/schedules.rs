//! Statements about when guilds are looked at without a cause, so that a process that starts does not begin with all at once.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Error;
use super::column::{get, id};
use super::sql::{Connection, Row, Statement, sql};
use crate::model::GuildId;

/// When a guild is looked at without a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// Which guild.
    pub guild: GuildId,
    /// When that was last done, if it ever was.
    pub last_sweep_at: Option<DateTime<Utc>>,
    /// When it is to be done next.
    pub next_sweep_at: DateTime<Utc>,
}

pub(super) async fn of(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<Schedule>, Error> {
    let query = sql("SELECT server_id, last_sweep_at, next_sweep_at FROM schedules WHERE server_id = ?").bind(guild);
    query.fetch_optional(connection).await?.map(|row| schedule(&row)).transpose()
}

/// Everything that is planned, the next one first.
pub(super) async fn all(connection: &mut Connection<'_>) -> Result<Vec<Schedule>, Error> {
    let query = sql("SELECT server_id, last_sweep_at, next_sweep_at FROM schedules ORDER BY server_id");
    let mut all = query.fetch_all(connection).await?.iter().map(schedule).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_key(|schedule| (schedule.next_sweep_at, schedule.guild));
    Ok(all)
}

/// The one statement that plans a guild. What is known of the last time stays when nothing is said of it.
pub(super) fn next(guild: GuildId, last: Option<DateTime<Utc>>, next: DateTime<Utc>) -> Statement {
    sql("INSERT INTO schedules (server_id, last_sweep_at, next_sweep_at) VALUES (?, ?, ?)")
        .bind(guild)
        .bind(last)
        .bind(next)
        .or_change(
            "server_id",
            "last_sweep_at = COALESCE(new.last_sweep_at, last_sweep_at), next_sweep_at = new.next_sweep_at",
        )
}

fn schedule(row: &Row) -> Result<Schedule, Error> {
    Ok(Schedule {
        guild: id(row, "server_id")?,
        last_sweep_at: get(row, "last_sweep_at")?,
        next_sweep_at: get(row, "next_sweep_at")?,
    })
}
