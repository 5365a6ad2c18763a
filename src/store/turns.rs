//! Whose turn it is to look at a guild, among processes that share a database.
//!
//! A turn is no right to change anything; it only keeps two processes from doing the same work. So it needs no number: who
//! has one that is over does no harm. Time is the database's own, because clocks of machines differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Error;
use super::column::{get, id};
use super::sql::{Connection, Statement, sql};
use crate::model::GuildId;

/// What goes on in guilds, as everybody at the database sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Guilds that somebody has the right to change.
    pub held: BTreeSet<GuildId>,
    /// Guilds whose last holder is gone without giving the right back, and when the right was over.
    pub abandoned: BTreeMap<GuildId, DateTime<Utc>>,
    /// Guilds whose time has come, and that nobody has the right to change.
    pub due: BTreeSet<GuildId>,
}

/// Whose turn a guild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The one who asks.
    Ours,
    /// Nobody's before this time has passed: somebody else is at it, or was.
    Later(Duration),
}

pub(super) async fn read(connection: &mut Connection<'_>) -> Result<Turns, Error> {
    let now = connection.now().await?;
    let mut turns = Turns::default();
    let held = sql("SELECT server_id, expires_at FROM leases WHERE holder IS NOT NULL").fetch_all(connection).await?;
    for row in held {
        let (guild, expires_at): (GuildId, DateTime<Utc>) = (id(&row, "server_id")?, get(&row, "expires_at")?);
        match expires_at > now {
            true => _ = turns.held.insert(guild),
            false => _ = turns.abandoned.insert(guild, expires_at),
        }
    }
    let due = sql("SELECT server_id FROM schedules WHERE next_sweep_at <= ?").bind(now).fetch_all(connection).await?;
    for row in due {
        let guild: GuildId = id(&row, "server_id")?;
        if !turns.held.contains(&guild) {
            turns.due.insert(guild);
        }
    }
    Ok(turns)
}

/// Takes the turn for a time, when nobody has it and the guild's time has come.
pub(super) async fn take(connection: &mut Connection<'_>, guild: GuildId, duration: Duration) -> Result<Turn, Error> {
    let planned = match planned(connection, guild).await? {
        Some(planned) => planned,
        None => {
            let now = connection.now().await?;
            let free = sql("INSERT INTO schedules (server_id, next_sweep_at) VALUES (?, ?)").bind(guild).bind(now);
            free.unless_there("server_id").execute(connection).await?;
            // Somebody may have been faster, and is waited for.
            planned(connection, guild).await?.ok_or(Error::Contended)?
        }
    };
    // Asked after the row is locked: whoever had it before may have kept us waiting.
    let now = connection.now().await?;
    let left = (planned - now).to_std().ok();
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        return Ok(Turn::Later(left));
    }
    next(guild, None, after(now, duration)).execute(connection).await?;
    Ok(Turn::Ours)
}

/// When a guild is to be looked at, in a row that nobody else may change meanwhile.
async fn planned(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<DateTime<Utc>>, Error> {
    let row = sql("SELECT next_sweep_at FROM schedules WHERE server_id = ?").bind(guild).locked();
    row.fetch_optional(connection).await?.map(|row| get(&row, "next_sweep_at")).transpose()
}

/// Ends the turn, and says how long nobody needs to look.
pub(super) async fn plan(connection: &mut Connection<'_>, guild: GuildId, rest: Duration) -> Result<(), Error> {
    let now = connection.now().await?;
    next(guild, Some(now), after(now, rest)).execute(connection).await?;
    Ok(())
}

/// The one statement that plans a guild. What is known of the last time stays when nothing is said of it.
fn next(guild: GuildId, last: Option<DateTime<Utc>>, next: DateTime<Utc>) -> Statement {
    sql("INSERT INTO schedules (server_id, last_sweep_at, next_sweep_at) VALUES (?, ?, ?)")
        .bind(guild)
        .bind(last)
        .bind(next)
        .or_change(
            "server_id",
            "last_sweep_at = COALESCE(new.last_sweep_at, last_sweep_at), next_sweep_at = new.next_sweep_at",
        )
}

/// What is further away than a year is a year away.
fn after(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let year = TimeDelta::days(365);
    now + TimeDelta::from_std(duration).map_or(year, |duration| duration.min(year))
}
