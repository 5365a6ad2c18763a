//! Statements about the audit trail: rows are added and read, never changed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::{NoContext, Timestamp, Uuid};

use super::column::{Connection, Row, get, id, json, json_if, json_text, moment, number, parsed, parsed_if, stored};
use super::{ActionDetails, ActionType, AuditFilter, AuditRow, Author, Error, OperationId, Phase, RunId};
use crate::model::GuildId;

/// A row to be added.
pub(super) struct Entry<'a> {
    pub(super) guild: GuildId,
    pub(super) action: ActionType,
    pub(super) phase: Phase,
    pub(super) run: Option<RunId>,
    pub(super) operation: Option<OperationId>,
    pub(super) author: &'a Author,
    pub(super) details: ActionDetails,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
    pub(super) reason: Option<&'a str>,
    pub(super) at: DateTime<Utc>,
}

/// A new id that sorts by the time that is given.
pub(super) fn new_id(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}

pub(super) async fn add(connection: &mut Connection, entry: Entry<'_>) -> Result<(), Error> {
    let Entry { guild, action, phase, run, operation, author, details, before, after, reason, at } = entry;
    let last = sqlx::query("SELECT COALESCE(MAX(sequence), 0) AS last FROM audit_logs");
    let last: i64 = get(&last.fetch_one(&mut *connection).await?, "last")?;
    sqlx::query(
        "INSERT INTO audit_logs
         (log_id, server_id, user_id, action_type, action_details, before_state, after_state, logged_at, sequence,
          correlation_id, operation_id, phase, target_id, actor, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new_id(at).to_string())
    .bind(stored(guild))
    .bind(author.user().map(stored))
    .bind(action.word())
    .bind(json_text(&details)?)
    .bind(before.map(json_text).transpose()?)
    .bind(after.map(json_text).transpose()?)
    .bind(moment(at))
    .bind(last + 1)
    .bind(run.map(|run| run.to_string()))
    .bind(operation.map(|operation| operation.to_string()))
    .bind(phase.word())
    .bind(details.target_id.and_then(|id| id.parse::<u64>().ok()).map(u64::cast_signed))
    .bind(author.to_string())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Each condition holds when its parameter is missing; both are bound together.
const SELECT: &str = "SELECT log_id, sequence, server_id, action_type, phase, correlation_id, operation_id, actor,
       action_details, before_state, after_state, reason, logged_at
     FROM audit_logs
     WHERE (? IS NULL OR server_id = ?) AND (? IS NULL OR correlation_id = ?) AND (? IS NULL OR operation_id = ?)
       AND (? IS NULL OR action_type = ?) AND (? IS NULL OR phase = ?) AND (? IS NULL OR target_id = ?)
       AND (? IS NULL OR logged_at >= ?) AND (? IS NULL OR logged_at < ?)
     ORDER BY sequence DESC LIMIT ?";

pub(super) async fn read(connection: &mut Connection, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
    let AuditFilter { guild, run, operation, action, phase, target, since, until, limit } = filter;
    let guild = guild.map(stored);
    let run = run.map(|run| run.to_string());
    let operation = operation.map(|operation| operation.to_string());
    let (action, phase) = (action.map(ActionType::word), phase.map(Phase::word));
    let target = target.map(u64::cast_signed);
    let (since, until) = (since.map(moment), until.map(moment));
    let query = sqlx::query(SELECT).bind(guild).bind(guild).bind(&run).bind(&run).bind(&operation).bind(&operation);
    let query = query.bind(action).bind(action).bind(phase).bind(phase).bind(target).bind(target);
    let query = query.bind(since).bind(since).bind(until).bind(until).bind(i64::from(*limit));
    query.fetch_all(connection).await?.iter().map(row).collect()
}

fn row(row: &Row) -> Result<AuditRow, Error> {
    Ok(AuditRow {
        log_id: parsed(row, "log_id")?,
        sequence: number(row, "sequence")?,
        guild: id(row, "server_id")?,
        action: parsed(row, "action_type")?,
        phase: parsed(row, "phase")?,
        correlation_id: parsed_if(row, "correlation_id")?,
        operation_id: parsed_if(row, "operation_id")?,
        author: parsed(row, "actor")?,
        details: json(row, "action_details")?,
        before: json_if(row, "before_state")?,
        after: json_if(row, "after_state")?,
        reason: get(row, "reason")?,
        logged_at: get(row, "logged_at")?,
    })
}
