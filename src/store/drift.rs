//! Statements about differences that were found: each is recorded once, with who made it, until it is gone or answered.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::column::{get, id, id_if, json, json_text, json_value, parsed, parsed_if, snowflake_if, without_images};
use super::migration::hex;
use super::record::DriftId;
use super::sql::{Connection, Row, Statement, Value, sql};
use super::trail::{self, Entry, Occasion};
use super::words::words;
use super::{ActionDetails, ActionType, Author, Error, ImpactScope, Phase, TargetType, guilds};
use crate::model::{ChannelKind, GuildId, Key, UserId};
use crate::plan::Operation;

words! {
    /// What a difference or a correction is about.
    DriftSubject {
        /// A role.
        Role = "role",
        /// A channel that is not a category.
        Channel = "channel",
        /// A category.
        Category = "category",
        /// The guild's settings.
        Settings = "settings",
        /// The order of roles or channels.
        Order = "order",
    }
}

impl DriftSubject {
    /// What an operation is about.
    pub fn of(operation: &Operation) -> Self {
        let by_kind = |kind: ChannelKind| if kind == ChannelKind::Category { Self::Category } else { Self::Channel };
        match operation {
            Operation::UpdateGuild { .. } => Self::Settings,
            Operation::CreateRole { .. }
            | Operation::UpdateRole { .. }
            | Operation::DeleteRole { .. }
            | Operation::GiveRole { .. } => Self::Role,
            Operation::MoveRoles { .. } | Operation::MoveChannels { .. } => Self::Order,
            Operation::CreateChannel { channel, .. } => by_kind(channel.kind),
            Operation::SetTopic { kind, .. } => by_kind(*kind),
            Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => {
                by_kind(channel.kind)
            }
        }
    }

    fn target_type(self) -> TargetType {
        match self {
            Self::Role => TargetType::Role,
            Self::Channel | Self::Category => TargetType::Channel,
            Self::Settings | Self::Order => TargetType::Setting,
        }
    }

    fn impact_scope(self) -> ImpactScope {
        match self {
            Self::Role => ImpactScope::Role,
            Self::Channel | Self::Category => ImpactScope::Channel,
            Self::Settings | Self::Order => ImpactScope::Server,
        }
    }
}

words! {
    /// How a difference stands.
    DriftStatus {
        /// It is there, and nobody answered it.
        Open = "open",
        /// The guild was changed back.
        Reverted = "reverted",
        /// The manifest says it now.
        Adopted = "adopted",
        /// Somebody said that it is well as it is. The same difference is not reported again.
        Ignored = "ignored",
        /// It is not there any more.
        Gone = "gone",
    }
}

words! {
    /// An answer to a difference. Until an answer takes effect, the same difference is found again as another one; so say it
    /// when it has.
    DriftAnswer {
        /// The guild was changed back.
        Reverted = "reverted",
        /// The manifest says it now.
        Adopted = "adopted",
        /// It is well as it is.
        Ignored = "ignored",
    }
}

impl DriftAnswer {
    fn status(self) -> DriftStatus {
        match self {
            Self::Reverted => DriftStatus::Reverted,
            Self::Adopted => DriftStatus::Adopted,
            Self::Ignored => DriftStatus::Ignored,
        }
    }
}

/// Which differences are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftFilter {
    /// Those that are open.
    Open,
    /// All that are remembered.
    All,
}

/// Who made a difference, as far as Discord's audit log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DriftCause {
    /// The user.
    pub by: Option<UserId>,
    /// What they were called then. At most 100 characters.
    pub by_name: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// The reason they gave.
    pub reason: Option<String>,
    /// The entry of Discord's audit log.
    pub audit_entry_id: Option<u64>,
}

/// A difference as it was just seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedDrift {
    /// What it is about.
    pub subject: DriftSubject,
    /// Its snowflake, when it has one and is the only one.
    pub target_id: Option<u64>,
    /// Its key, when it has one.
    pub key: Option<Key>,
    /// What differs, in one line.
    pub summary: String,
    /// What would bring it back. Image files in it are not kept.
    pub operation: Operation,
    /// Who made it, when that is known.
    pub cause: Option<DriftCause>,
}

impl ObservedDrift {
    /// A number for what differs and how: SHA-256 in hex. The same difference has the same one whenever it is seen.
    ///
    /// # Errors
    /// [`Error::Unwritable`] when the operation cannot be written as JSON.
    pub fn fingerprint(&self) -> Result<String, Error> {
        let Self { subject, target_id, key, summary: _, operation, cause: _ } = self;
        let text = json_text(&(subject, target_id, key, without_images(json_value(operation)?)))?;
        Ok(hex(&Sha256::digest(text)))
    }
}

/// What was new in what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftChanges {
    /// Differences nobody knew of, in the order they were given in.
    pub opened: Vec<DriftId>,
    /// Differences that were open before and are still there.
    pub seen_again: Vec<DriftId>,
    /// Differences that are there and that somebody said to ignore.
    pub ignored: Vec<DriftId>,
    /// Differences that were open before and are not there any more.
    pub gone: Vec<DriftId>,
}

/// A difference that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftRecord {
    /// Its id.
    pub id: DriftId,
    /// Where.
    pub guild: GuildId,
    /// What it is about.
    pub subject: DriftSubject,
    /// Its snowflake.
    pub target_id: Option<u64>,
    /// Its key.
    pub key: Option<Key>,
    /// What differs, in one line.
    pub summary: String,
    /// What would have brought it back.
    pub operation: Operation,
    /// A number for what differs and how.
    pub fingerprint: String,
    /// Who made it.
    pub cause: Option<DriftCause>,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// How it stands.
    pub status: DriftStatus,
    /// When it was answered or found to be gone; none while it is open.
    pub resolved_at: Option<DateTime<Utc>>,
    /// On whose word it was answered.
    #[serde(serialize_with = "super::record::as_text_if")]
    pub resolved_by: Option<Author>,
}

/// The statement that reads differences, with its conditions.
macro_rules! drift {
    ($rest:literal) => {
        concat!(
            "SELECT drift_id, server_id, subject, target_id, manifest_key, summary, operation, fingerprint, changed_by,
                    changed_by_name, changed_at, change_reason, audit_entry_id, first_seen_at, last_seen_at, status,
                    resolved_at, resolved_by
             FROM drift_records WHERE ",
            $rest
        )
    };
}

/// A difference that is still looked out for.
struct Watched {
    id: DriftId,
    is_ignored: bool,
    has_cause: bool,
}

/// Records what differs in a guild now: all of it, and nothing else.
pub(super) async fn record(
    connection: &mut Connection<'_>,
    guild: GuildId,
    observed: &[ObservedDrift],
    at: DateTime<Utc>,
) -> Result<DriftChanges, Error> {
    guilds::lock(connection, guild, at).await?;
    let mut watched = watched(connection, guild).await?;
    let mut changes = DriftChanges::default();
    let mut new = Vec::new();
    let mut seen = BTreeSet::new();
    for drift in observed {
        let fingerprint = drift.fingerprint()?;
        if !seen.insert(fingerprint.clone()) {
            continue;
        }
        let Some(Watched { id, is_ignored, has_cause }) = watched.remove(&fingerprint) else {
            new.push((fingerprint, drift));
            continue;
        };
        if let (false, Some(cause)) = (has_cause, &drift.cause) {
            note_cause(connection, id, cause).await?;
        }
        if is_ignored {
            see(connection, sql(SEEN).bind(at).bind(at).and(" WHERE drift_id = ?").bind(id)).await?;
            changes.ignored.push(id);
        } else {
            changes.seen_again.push(id);
        }
    }
    let gone = sql("UPDATE drift_records SET status = 'gone', resolved_at = ? WHERE drift_id = ?");
    for Watched { id, is_ignored, has_cause: _ } in watched.into_values() {
        if !is_ignored {
            gone.clone().bind(at).bind(id).execute(connection).await?;
            changes.gone.push(id);
        }
    }
    if !changes.seen_again.is_empty() {
        // Whatever is open by now was seen.
        let all = sql(SEEN).bind(at).bind(at).and(" WHERE server_id = ? AND status = 'open'").bind(guild);
        see(connection, all).await?;
    }
    for (fingerprint, drift) in new {
        changes.opened.push(open(connection, guild, drift, fingerprint, at).await?);
    }
    Ok(changes)
}

/// No clock that is behind takes anything back.
const SEEN: &str = "UPDATE drift_records SET last_seen_at = CASE WHEN last_seen_at < ? THEN ? ELSE last_seen_at END";

async fn see(connection: &mut Connection<'_>, statement: Statement) -> Result<(), Error> {
    statement.execute(connection).await.map(|_| ())
}

async fn watched(connection: &mut Connection<'_>, guild: GuildId) -> Result<BTreeMap<String, Watched>, Error> {
    let rows = sql("SELECT drift_id, fingerprint, status, changed_by, audit_entry_id FROM drift_records
         WHERE server_id = ? AND status IN ('open', 'ignored')");
    let rows = rows.bind(guild).locked().fetch_all(connection).await?;
    let watched = rows.iter().map(|row| {
        let is_ignored = parsed::<DriftStatus>(row, "status")? == DriftStatus::Ignored;
        let has_cause = snowflake_if(row, "changed_by")?.or(snowflake_if(row, "audit_entry_id")?).is_some();
        Ok((get(row, "fingerprint")?, Watched { id: parsed(row, "drift_id")?, is_ignored, has_cause }))
    });
    watched.collect()
}

async fn note_cause(connection: &mut Connection<'_>, id: DriftId, cause: &DriftCause) -> Result<(), Error> {
    let DriftCause { by, by_name, at, reason, audit_entry_id } = cause;
    sql("UPDATE drift_records SET changed_by = ?, changed_by_name = ?, changed_at = ?, change_reason = ?,
                audit_entry_id = ?
         WHERE drift_id = ?")
    .bind(*by)
    .bind(by_name.as_deref())
    .bind(*at)
    .bind(reason.as_deref())
    .bind(audit_entry_id.map(Value::Snowflake))
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn open(
    connection: &mut Connection<'_>,
    guild: GuildId,
    drift: &ObservedDrift,
    fingerprint: String,
    at: DateTime<Utc>,
) -> Result<DriftId, Error> {
    let ObservedDrift { subject, target_id, key, summary, operation, cause } = drift;
    let id = DriftId(trail::new_id(at));
    sql("INSERT INTO drift_records
         (drift_id, server_id, subject, target_id, manifest_key, summary, operation, fingerprint, first_seen_at,
          last_seen_at, status)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')")
    .bind(id)
    .bind(guild)
    .bind(subject.word())
    .bind(target_id.map(Value::Snowflake))
    .bind(key.as_ref())
    .bind(summary)
    .bind(json_text(&without_images(json_value(operation)?))?)
    .bind(fingerprint)
    .bind(at)
    .bind(at)
    .execute(connection)
    .await?;
    if let Some(cause) = cause {
        note_cause(connection, id, cause).await?;
    }
    Ok(id)
}

/// The latest differences, newest first.
pub(super) async fn list(
    connection: &mut Connection<'_>,
    guild: Option<GuildId>,
    filter: DriftFilter,
    limit: u32,
) -> Result<Vec<DriftRecord>, Error> {
    let query = sql(drift!("TRUE")).and_if(" AND server_id = ?", guild);
    let query = match filter {
        DriftFilter::Open => query.and(" AND status = 'open'"),
        DriftFilter::All => query,
    };
    let query = query.and(" ORDER BY drift_id DESC LIMIT ?").bind(limit);
    query.fetch_all(connection).await?.iter().map(drift_record).collect()
}

pub(super) async fn one(connection: &mut Connection<'_>, id: DriftId) -> Result<Option<DriftRecord>, Error> {
    let row = sql(drift!("drift_id = ?")).bind(id).fetch_optional(connection).await?;
    row.map(|row| drift_record(&row)).transpose()
}

/// How many of the latest differences are known by the end of their ids. People type what they have just been shown.
const LATEST: u32 = 10_000;

pub(super) async fn find(connection: &mut Connection<'_>, part: &str) -> Result<Option<DriftId>, Error> {
    // Anything else cannot be a part of an id, and could be a pattern.
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(None);
    }
    let part = part.to_ascii_lowercase();
    let beginning =
        sql("SELECT drift_id FROM drift_records WHERE drift_id >= ? AND drift_id < ? ORDER BY drift_id LIMIT 10");
    // Behind everything an id can go on with.
    let beginning = beginning.bind(&part).bind(format!("{part}~")).fetch_all(connection).await?;
    // No index knows how ids end, so only the latest are looked at; an index has them in this order.
    let ending =
        sql("SELECT drift_id FROM (SELECT drift_id FROM drift_records ORDER BY drift_id DESC LIMIT ?) AS latest
         WHERE drift_id LIKE ? LIMIT 10");
    let ending = ending.bind(LATEST).bind(format!("%{part}")).fetch_all(connection).await?;
    let fitting = beginning.iter().chain(&ending).map(|row| parsed(row, "drift_id"));
    let fitting = fitting.collect::<Result<BTreeSet<DriftId>, _>>()?.into_iter().collect::<Vec<_>>();
    match fitting[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Error::AmbiguousDrift { part, fitting }),
    }
}

/// Records an answer. What was ignored can still be answered in another way.
pub(super) async fn resolve(
    connection: &mut Connection<'_>,
    id: DriftId,
    answer: DriftAnswer,
    by: &Author,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = sql(drift!("drift_id = ?")).bind(id).locked().fetch_optional(connection).await?;
    let Some(row) = row else { return Err(Error::UnknownDrift { id }) };
    let drift = drift_record(&row)?;
    let status = answer.status();
    if drift.status != DriftStatus::Open && (drift.status != DriftStatus::Ignored || status == DriftStatus::Ignored) {
        return Err(Error::DriftSettled { id, status: drift.status });
    }
    sql("UPDATE drift_records SET status = ?, resolved_at = ?, resolved_by = ? WHERE drift_id = ?")
        .bind(status.word())
        .bind(at)
        .bind(by)
        .bind(id)
        .execute(connection)
        .await?;
    let DriftRecord { guild, subject, target_id, key, summary, operation, .. } = drift;
    let target_id = target_id.map(|id| id.to_string());
    let entry = Entry {
        action: ActionType::ConfigurationChanged,
        phase: Phase::Done,
        operation: None,
        details: ActionDetails {
            target_type: subject.target_type(),
            affected_entities: target_id.iter().cloned().collect(),
            target_id,
            target_name: key.map(|key| key.to_string()),
            action_parameters: json!({
                "drift": id, "answer": answer, "summary": summary, "operation": json_value(&operation)?
            }),
            impact_scope: subject.impact_scope(),
            error: None,
        },
        before: None,
        after: None,
        reason: None,
    };
    trail::add(connection, &Occasion::alone(guild, by, at), vec![entry]).await
}

fn drift_record(row: &Row) -> Result<DriftRecord, Error> {
    let cause = DriftCause {
        by: id_if(row, "changed_by")?,
        by_name: get(row, "changed_by_name")?,
        at: get(row, "changed_at")?,
        reason: get(row, "change_reason")?,
        audit_entry_id: snowflake_if(row, "audit_entry_id")?,
    };
    Ok(DriftRecord {
        id: parsed(row, "drift_id")?,
        guild: id(row, "server_id")?,
        subject: parsed(row, "subject")?,
        target_id: snowflake_if(row, "target_id")?,
        key: parsed_if(row, "manifest_key")?,
        summary: get(row, "summary")?,
        operation: json(row, "operation")?,
        fingerprint: get(row, "fingerprint")?,
        cause: Some(cause).filter(|cause| *cause != DriftCause::default()),
        first_seen_at: get(row, "first_seen_at")?,
        last_seen_at: get(row, "last_seen_at")?,
        status: parsed(row, "status")?,
        resolved_at: get(row, "resolved_at")?,
        resolved_by: parsed_if(row, "resolved_by")?,
    })
}
