//! Statements about plans that wait for an approval. One waits for each guild; a newer one takes its place.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::column::{get, id, json, json_text, parsed_if, without_images};
use super::sql::{Connection, Row, sql};
use super::words::words;
use super::{Error, guilds, trail};
use crate::model::GuildId;

words! {
    /// Why a plan waits no more.
    Closing {
        /// Somebody approved it, and it is to be applied.
        Approved = "approved",
        /// It was applied.
        Applied = "applied",
        /// Nobody approved it in time.
        Expired = "expired",
        /// Another plan waits instead.
        Superseded = "superseded",
        /// The guild or its manifest is not what it rests on any more.
        Stale = "stale",
    }
}

/// A plan that is to wait for an approval.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldPlan {
    /// Where.
    pub guild: GuildId,
    /// The digest of the plan, which an approval is bound to.
    pub plan_digest: String,
    /// The plan, as it is shown. Image files in it are not kept.
    pub plan: Value,
    /// The revision of the manifest, when it has one.
    pub revision: Option<String>,
    /// When it begins to wait.
    pub held_at: DateTime<Utc>,
    /// Until when it waits; none when it does so for ever.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A plan that waits or waited, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldSummary {
    /// Where.
    pub guild: GuildId,
    /// What the guild is called, as last seen.
    pub guild_name: String,
    /// The digest of the plan.
    pub plan_digest: String,
    /// The revision of the manifest.
    pub revision: Option<String>,
    /// Since when it waits.
    pub held_at: DateTime<Utc>,
    /// Until when it waits.
    pub expires_at: Option<DateTime<Utc>>,
    /// What became of it; none while it waits.
    pub closed: Option<Closed>,
}

/// What became of a plan that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// What.
    pub how: Closing,
    /// When.
    pub at: DateTime<Utc>,
}

/// A plan that waits or waited, in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldRecord {
    /// In short.
    pub summary: HeldSummary,
    /// The plan, as it was shown.
    pub plan: Value,
}

/// The statement that reads held plans without the plans, with its conditions.
macro_rules! held {
    ($rest:literal) => {
        concat!(
            "SELECT h.hold_id, h.server_id, COALESCE(s.name, '') AS guild_name, h.plan_digest, h.revision, h.held_at,
                    h.expires_at, h.closing, h.closed_at
             FROM held_plans h LEFT JOIN servers s ON s.server_id = h.server_id ",
            $rest
        )
    };
}

/// Lets a plan wait. False when it waits already.
pub(super) async fn hold(connection: &mut Connection<'_>, held: &HeldPlan) -> Result<bool, Error> {
    let HeldPlan { guild, plan_digest, plan, revision, held_at, expires_at } = held;
    guilds::lock(connection, *guild, *held_at).await?;
    let waiting = sql(held!("WHERE h.waiting_for = ?")).bind(*guild).fetch_optional(connection).await?;
    if let Some(row) = waiting {
        let before = summary(&row)?;
        let is_over = before.expires_at.is_some_and(|end| end <= *held_at);
        let how = match (is_over, before.plan_digest == *plan_digest) {
            (false, true) => return Ok(false),
            (false, false) => Closing::Superseded,
            (true, _) => Closing::Expired,
        };
        close_row(connection, get(&row, "hold_id")?, how, *held_at).await?;
    }
    sql("INSERT INTO held_plans (hold_id, server_id, plan_digest, plan, revision, held_at, expires_at, waiting_for)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(trail::new_id(*held_at).to_string())
    .bind(*guild)
    .bind(plan_digest)
    .bind(json_text(&without_images(plan.clone()))?)
    .bind(revision.as_deref())
    .bind(*held_at)
    .bind(*expires_at)
    .bind(*guild)
    .execute(connection)
    .await?;
    Ok(true)
}

async fn close_row(connection: &mut Connection<'_>, hold: &str, how: Closing, at: DateTime<Utc>) -> Result<(), Error> {
    let close = sql("UPDATE held_plans SET closing = ?, closed_at = ?, waiting_for = NULL WHERE hold_id = ?");
    close.bind(how.word()).bind(at).bind(hold).execute(connection).await?;
    Ok(())
}

/// Says what became of a plan. False when that is not news: it does not wait, and was not merely approved.
pub(super) async fn close(
    connection: &mut Connection<'_>,
    guild: GuildId,
    plan_digest: &str,
    how: Closing,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    // The one that waits, or the last one that did.
    let latest = sql("SELECT hold_id, closing FROM held_plans WHERE server_id = ? AND plan_digest = ?
         ORDER BY hold_id DESC LIMIT 1");
    let latest = latest.bind(guild).bind(plan_digest).locked().fetch_optional(connection).await?;
    let Some(row) = latest else { return Ok(false) };
    let is_news = match parsed_if(&row, "closing")? {
        None => true,
        Some(Closing::Approved) => how != Closing::Approved,
        Some(Closing::Applied | Closing::Expired | Closing::Superseded | Closing::Stale) => false,
    };
    if is_news {
        close_row(connection, get(&row, "hold_id")?, how, at).await?;
    }
    Ok(is_news)
}

/// The plans that wait, longest first.
pub(super) async fn waiting(
    connection: &mut Connection<'_>,
    guild: Option<GuildId>,
) -> Result<Vec<HeldSummary>, Error> {
    let query = sql(held!("WHERE h.closed_at IS NULL")).and_if(" AND h.waiting_for = ?", guild);
    let mut waiting = query.fetch_all(connection).await?.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
    waiting.sort_by_key(|held| (held.held_at, held.guild));
    Ok(waiting)
}

/// The plans that were approved and wait for the one who applies them, by guild and digest.
pub(super) async fn approved(
    connection: &mut Connection<'_>,
    at: DateTime<Utc>,
) -> Result<BTreeSet<(GuildId, String)>, Error> {
    let query = sql("SELECT h.server_id, h.plan_digest FROM held_plans h
         JOIN approvals a ON a.server_id = h.server_id AND a.plan_digest = h.plan_digest
         WHERE h.closing = ? AND a.used_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > ?)");
    let rows = query.bind(Closing::Approved.word()).bind(at).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((id(row, "server_id")?, get(row, "plan_digest")?))).collect()
}

/// The plan whose digest begins like this: one that waits, or else the last one that did.
pub(super) async fn find(connection: &mut Connection<'_>, part: &str) -> Result<Option<HeldRecord>, Error> {
    let part = part.strip_prefix("sha256:").unwrap_or(part).to_ascii_lowercase();
    // Anything else cannot be the beginning of a digest.
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(None);
    }
    // Up to behind everything a digest can go on with.
    let end = format!("{part}~");
    let queries = [
        held!("WHERE h.plan_digest >= ? AND h.plan_digest < ? AND h.closed_at IS NULL ORDER BY h.plan_digest LIMIT 10"),
        held!("WHERE h.plan_digest >= ? AND h.plan_digest < ? ORDER BY h.hold_id DESC LIMIT 100"),
    ];
    for query in queries {
        let rows = sql(query).bind(&part).bind(&end).fetch_all(connection).await?;
        let found = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        let fitting: BTreeSet<_> = found.iter().map(|held| (held.guild, held.plan_digest.clone())).collect();
        match (found.into_iter().next(), rows.first()) {
            (Some(_), Some(_)) if fitting.len() > 1 => {
                return Err(Error::AmbiguousPlan { part, fitting: fitting.into_iter().collect() });
            }
            (Some(summary), Some(row)) => {
                let plan = sql("SELECT plan FROM held_plans WHERE hold_id = ?").bind(get::<&str>(row, "hold_id")?);
                let plan = json(&plan.fetch_one(connection).await?, "plan")?;
                return Ok(Some(HeldRecord { summary, plan }));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn summary(row: &Row) -> Result<HeldSummary, Error> {
    let closed = parsed_if(row, "closing")?.zip(get(row, "closed_at")?);
    Ok(HeldSummary {
        guild: id(row, "server_id")?,
        guild_name: get(row, "guild_name")?,
        plan_digest: get(row, "plan_digest")?,
        revision: get(row, "revision")?,
        held_at: get(row, "held_at")?,
        expires_at: get(row, "expires_at")?,
        closed: closed.map(|(how, at)| Closed { how, at }),
    })
}
