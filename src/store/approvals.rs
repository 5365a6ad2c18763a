//! Statements about approvals.

use chrono::{DateTime, Utc};

use super::column::get;
use super::sql::{Connection, sql};
use super::{Approval, Error, guilds, trail};
use crate::model::GuildId;

pub(super) async fn approve(connection: &mut Connection<'_>, approval: &Approval) -> Result<(), Error> {
    let Approval { guild, plan_digest, granted_by, granted_at } = approval;
    guilds::ensure(connection, *guild, *granted_at).await?;
    sql("INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at) VALUES (?, ?, ?, ?, ?)")
        .bind(trail::new_id(*granted_at).to_string())
        .bind(*guild)
        .bind(plan_digest)
        .bind(granted_by)
        .bind(*granted_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses the oldest approval that is left, for a run that begins in the same transaction.
pub(super) async fn take(
    connection: &mut Connection<'_>,
    guild: GuildId,
    plan_digest: &str,
    used_at: DateTime<Utc>,
) -> Result<(), Error> {
    let unused = sql("SELECT approval_id FROM approvals
         WHERE server_id = ? AND plan_digest = ? AND used_at IS NULL ORDER BY approval_id LIMIT 1")
    .locked()
    .bind(guild)
    .bind(plan_digest)
    .fetch_optional(connection)
    .await?;
    let Some(row) = unused else { return Err(Error::NotApproved) };
    let used = sql("UPDATE approvals SET used_at = ? WHERE approval_id = ? AND used_at IS NULL")
        .bind(used_at)
        .bind(get::<String>(&row, "approval_id")?)
        .execute(connection)
        .await?;
    if used == 1 { Ok(()) } else { Err(Error::NotApproved) }
}
