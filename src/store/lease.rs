//! The right to change a guild: at any time one holder has it, and everybody else's writes are refused.
//!
//! A lease is a row with an expiry and a number that grows whenever the right changes hands, the fencing number. Whoever
//! writes shows the number in the same transaction, so a holder that was frozen while somebody else took over can wake up
//! and do no harm. Time is the database's own, which all processes share, and the number is the time when the right was
//! taken: it grows even when the database is replaced by a backup of itself.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::column::get;
use super::sign::{Sign, Signs};
use super::sql::{Connection, sql};
use super::{Error, guilds};
use crate::model::{Bindings, GuildId};

/// The right to change one guild, until it expires. Every write of a reconciliation shows it.
#[derive(Debug)]
#[must_use = "nobody else can change the guild until this is released or expires"]
pub struct Lease {
    guild: GuildId,
    fence: i64,
    previous: i64,
    duration: Duration,
    /// Shows other processes at the same database that this holder lives.
    _sign: Sign,
}

impl Lease {
    /// Which guild.
    pub fn guild(&self) -> GuildId {
        self.guild
    }

    /// The fencing number: larger than that of everybody who had the right before. Microseconds since 1970, usually.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// The fencing number of whoever had the right last before.
    pub fn previous(&self) -> i64 {
        self.previous
    }

    /// Refuses to be shown for another guild.
    pub(super) fn covers(&self, guild: GuildId) -> Result<(), Error> {
        if guild == self.guild { Ok(()) } else { Err(Error::WrongLease { lease: self.guild, guild }) }
    }

    /// How long it lasts from when it is taken or renewed.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

/// The row of a guild, locked.
struct Held {
    fence: i64,
    /// None while nobody has the right.
    holder: Option<String>,
    taken_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

async fn look(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<Held>, Error> {
    let row = sql("SELECT fence, holder, taken_at, expires_at FROM leases WHERE server_id = ?");
    let row = row.bind(guild).locked().fetch_optional(connection).await?;
    row.map(|row| {
        Ok(Held {
            fence: get(&row, "fence")?,
            holder: get(&row, "holder")?,
            taken_at: get(&row, "taken_at")?,
            expires_at: get(&row, "expires_at")?,
        })
    })
    .transpose()
}

/// A moment in which nobody had the right to change a guild: until somebody takes it again, nothing changes that only a
/// holder writes. It is the holder's fencing number, so a database that was put back to an earlier state has another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(i64);

/// What is bound in a guild.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Everything that is bound.
    pub bindings: Arc<Bindings>,
    /// The moment it is of; none when somebody may have been changing it.
    pub mark: Option<Mark>,
}

/// The present moment of a guild; none while somebody has the right, and before anybody ever had it.
pub(super) async fn mark(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<Mark>, Error> {
    let free = sql("SELECT fence FROM leases WHERE server_id = ? AND holder IS NULL");
    let row = free.bind(guild).fetch_optional(connection).await?;
    row.map(|row| get(&row, "fence").map(Mark)).transpose()
}

/// Takes the right, unless somebody has it who is not known to be gone.
pub(super) async fn take(
    connection: &mut Connection<'_>,
    signs: &Signs,
    guild: GuildId,
    holder: &str,
    duration: Duration,
) -> Result<Lease, Error> {
    let held = match look(connection, guild).await? {
        Some(held) => held,
        None => {
            let now = connection.now().await?;
            guilds::ensure(connection, guild, now).await?;
            let free = sql("INSERT INTO leases (server_id, fence, taken_at, expires_at) VALUES (?, 0, ?, ?)");
            free.bind(guild).bind(now).bind(now).unless_there("server_id").execute(connection).await?;
            // Somebody may have been faster, and is waited for by whoever tries again.
            look(connection, guild).await?.ok_or(Error::Contended)?
        }
    };
    // Asked after the row is locked: whoever had it before may have kept us waiting.
    let now = connection.now().await?;
    let is_free = held.holder.is_none() || held.expires_at <= now;
    let Some(sign) = signs.raise(guild, is_free)? else {
        let holder = held.holder.unwrap_or_default();
        return Err(Error::GuildBusy { guild, holder, since: held.taken_at, until: held.expires_at });
    };
    // A database that was put back to an earlier state has forgotten numbers that somebody may still show. Time goes on.
    let fence = (held.fence + 1).max(now.timestamp_micros());
    sql("UPDATE leases SET fence = ?, holder = ?, taken_at = ?, expires_at = ? WHERE server_id = ?")
        .bind(fence)
        .bind(holder)
        .bind(now)
        .bind(after(now, duration))
        .bind(guild)
        .execute(connection)
        .await?;
    Ok(Lease { guild, fence, previous: held.fence, duration, _sign: sign })
}

/// Refuses whoever does not have the right any more. The answer holds until the end of the transaction.
pub(super) async fn check(connection: &mut Connection<'_>, lease: &Lease) -> Result<(), Error> {
    match look(connection, lease.guild).await? {
        Some(Held { fence, holder: Some(_), .. }) if fence == lease.fence => Ok(()),
        _ => Err(Error::LeaseLost { guild: lease.guild, fence: lease.fence }),
    }
}

/// Lets the right last for its whole duration again. One that expired and that nobody took is still there.
pub(super) async fn renew(connection: &mut Connection<'_>, lease: &Lease) -> Result<(), Error> {
    check(connection, lease).await?;
    let now = connection.now().await?;
    let renewal = sql("UPDATE leases SET expires_at = ? WHERE server_id = ?");
    renewal.bind(after(now, lease.duration)).bind(lease.guild).execute(connection).await?;
    Ok(())
}

/// Gives the right back.
pub(super) async fn release(connection: &mut Connection<'_>, lease: &Lease) -> Result<(), Error> {
    check(connection, lease).await?;
    let release = sql("UPDATE leases SET holder = NULL WHERE server_id = ?");
    release.bind(lease.guild).execute(connection).await?;
    Ok(())
}

fn after(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(duration).unwrap_or(TimeDelta::zero())
}
