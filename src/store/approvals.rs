//! Statements about approvals.

use chrono::{DateTime, Utc};

use super::column::{Connection, get, moment, stored};
use super::{Approval, Error, guilds, trail};
use crate::model::GuildId;

pub(super) async fn approve(connection: &mut Connection, approval: &Approval) -> Result<(), Error> {
    let Approval { guild, plan_digest, granted_by, granted_at } = approval;
    guilds::ensure(connection, *guild, *granted_at).await?;
    sqlx::query(
        "INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(trail::new_id(*granted_at).to_string())
    .bind(stored(*guild))
    .bind(plan_digest)
    .bind(granted_by.to_string())
    .bind(moment(*granted_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Uses the oldest approval that is left.
pub(super) async fn take(
    connection: &mut Connection,
    guild: GuildId,
    plan_digest: &str,
    used_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let unused = sqlx::query(
        "SELECT approval_id FROM approvals
         WHERE server_id = ? AND plan_digest = ? AND used_at IS NULL ORDER BY approval_id LIMIT 1",
    )
    .bind(stored(guild))
    .bind(plan_digest)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = unused else { return Ok(false) };
    let used = sqlx::query("UPDATE approvals SET used_at = ? WHERE approval_id = ? AND used_at IS NULL")
        .bind(moment(used_at))
        .bind(get::<String>(&row, "approval_id")?)
        .execute(connection)
        .await?;
    Ok(used.rows_affected() == 1)
}
