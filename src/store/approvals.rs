//! Statements about approvals.

use chrono::{DateTime, Utc};

use super::column::{get, parsed};
use super::sql::{Connection, Statement, sql};
use super::{Approval, Author, Error, guilds, trail};
use crate::model::GuildId;

pub(super) async fn approve(connection: &mut Connection<'_>, approval: &Approval) -> Result<(), Error> {
    let Approval { guild, plan_digest, granted_by, granted_at, expires_at } = approval;
    guilds::ensure(connection, *guild, *granted_at).await?;
    sql("INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)")
    .bind(trail::new_id(*granted_at).to_string())
    .bind(*guild)
    .bind(plan_digest)
    .bind(granted_by)
    .bind(*granted_at)
    .bind(*expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// The oldest approval that counts at a time.
fn oldest(guild: GuildId, plan_digest: &str, at: DateTime<Utc>) -> Statement {
    sql("SELECT approval_id, granted_by, granted_at, expires_at FROM approvals
         WHERE server_id = ? AND plan_digest = ? AND used_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
         ORDER BY approval_id LIMIT 1")
    .bind(guild)
    .bind(plan_digest)
    .bind(at)
}

/// The approval a run that begins now would use.
pub(super) async fn left(
    connection: &mut Connection<'_>,
    guild: GuildId,
    plan_digest: &str,
    at: DateTime<Utc>,
) -> Result<Option<Approval>, Error> {
    let row = oldest(guild, plan_digest, at).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(Approval {
            guild,
            plan_digest: plan_digest.to_owned(),
            granted_by: parsed(&row, "granted_by")?,
            granted_at: get(&row, "granted_at")?,
            expires_at: get(&row, "expires_at")?,
        })
    })
    .transpose()
}

/// Uses the oldest approval that is left, for a run that begins in the same transaction. Gives whose it was.
pub(super) async fn take(
    connection: &mut Connection<'_>,
    guild: GuildId,
    plan_digest: &str,
    used_at: DateTime<Utc>,
) -> Result<Author, Error> {
    let unused = oldest(guild, plan_digest, used_at).locked().fetch_optional(connection).await?;
    let Some(row) = unused else { return Err(Error::NotApproved) };
    let used = sql("UPDATE approvals SET used_at = ? WHERE approval_id = ? AND used_at IS NULL")
        .bind(used_at)
        .bind(get::<String>(&row, "approval_id")?)
        .execute(connection)
        .await?;
    if used == 1 { parsed(&row, "granted_by") } else { Err(Error::NotApproved) }
}
