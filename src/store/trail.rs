//! Statements about the audit trail: rows are added to the chain of their guild and read, never changed.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::{NoContext, Timestamp, Uuid};

use super::chain::time_text;
use super::chain::{COLUMNS, ChainHead, ChainPage, ChainRow, FORMAT, GENESIS, Kind, MARKS, NAMES, Place, RowName};
use super::column::{get, id, json, json_if, json_text, number, parsed, parsed_if};
use super::sql::{self, Connection, Row, Statement, Value, sql};
use super::{
    ActionDetails, ActionType, AuditFilter, AuditMetadata, AuditRow, Author, Error, OperationId, Phase, RunId, guilds,
};
use crate::model::GuildId;

/// Rows that are read at once.
const PAGE: u32 = 500;

/// A row to be added.
pub(super) struct Entry<'a> {
    pub(super) action: ActionType,
    pub(super) phase: Phase,
    pub(super) operation: Option<OperationId>,
    pub(super) details: ActionDetails,
    pub(super) before: Option<&'a serde_json::Value>,
    pub(super) after: Option<&'a serde_json::Value>,
    pub(super) reason: Option<&'a str>,
}

/// What rows that are added together have in common.
pub(super) struct Occasion<'a> {
    pub(super) guild: GuildId,
    pub(super) run: Option<RunId>,
    pub(super) revision: Option<&'a str>,
    pub(super) author: &'a Author,
    /// Who approved the plan of the run, when it rests on that.
    pub(super) approved_by: Option<&'a Author>,
    pub(super) at: DateTime<Utc>,
}

impl<'a> Occasion<'a> {
    /// What somebody does outside of any run.
    pub(super) fn alone(guild: GuildId, author: &'a Author, at: DateTime<Utc>) -> Self {
        Self { guild, run: None, revision: None, author, approved_by: None, at }
    }
}

/// A new id that sorts by the time that is given.
pub(super) fn new_id(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}

/// The end of a guild's chain. Whoever has it keeps other writers of the guild waiting until the end of the transaction, so
/// that no number is given twice; take it last.
pub(super) struct End {
    guild: GuildId,
    length: i64,
    hash: String,
}

impl End {
    pub(super) async fn of(connection: &mut Connection<'_>, guild: GuildId) -> Result<Self, Error> {
        if let Some(end) = Self::look(connection, guild).await? {
            return Ok(end);
        }
        sql("INSERT INTO audit_chains (server_id, length, hash, pruned_through, pruned_hash) VALUES (?, 0, ?, 0, ?)")
            .bind(guild)
            .bind(GENESIS)
            .bind(GENESIS)
            .unless_there("server_id")
            .execute(connection)
            .await?;
        Self::look(connection, guild).await?.ok_or(Error::Contended)
    }

    async fn look(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<Self>, Error> {
        let row = sql("SELECT length, hash FROM audit_chains WHERE server_id = ?").bind(guild).locked();
        let row = row.fetch_optional(connection).await?;
        row.map(|row| Ok(Self { guild, length: get(&row, "length")?, hash: get(&row, "hash")? })).transpose()
    }

    /// Adds a row. `value` gives each column but those that make the chain.
    pub(super) async fn add(
        &mut self,
        connection: &mut Connection<'_>,
        mut value: impl FnMut(&'static str, Kind) -> Result<Value, Error>,
    ) -> Result<(), Error> {
        let (length, values) = (self.length + 1, COLUMNS.iter());
        let values = values.map(|(name, kind)| match *name {
            "format" => Ok(Value::Number(FORMAT)),
            "server_id" => Ok(self.guild.into()),
            "number" => Ok(length.into()),
            "previous_hash" => Ok(Value::from(&self.hash)),
            name => value(name, *kind),
        });
        let values = values.collect::<Result<Vec<Value>, Error>>()?;
        let hash = ChainRow::sealed(&values).digest();
        let insert = sql("INSERT INTO audit_logs (").and(NAMES).and(") VALUES (").and(MARKS).and(")");
        let insert = values.into_iter().fold(insert, Statement::bind);
        insert.bind(&hash).execute(connection).await?;
        (self.length, self.hash) = (length, hash);
        Ok(())
    }

    /// Makes what was added the end of the chain.
    pub(super) async fn keep(self, connection: &mut Connection<'_>) -> Result<(), Error> {
        let Self { guild, length, hash } = self;
        let keep = sql("UPDATE audit_chains SET length = ?, hash = ? WHERE server_id = ?");
        keep.bind(length).bind(hash).bind(guild).execute(connection).await?;
        Ok(())
    }
}

/// Adds rows to the chain of a guild, in order.
pub(super) async fn add(
    connection: &mut Connection<'_>,
    occasion: &Occasion<'_>,
    entries: Vec<Entry<'_>>,
) -> Result<(), Error> {
    let Occasion { guild, run, revision, author, approved_by, at } = occasion;
    if let Some(user) = author.user() {
        guilds::ensure_user(connection, user, *at).await?;
    }
    let ids: Vec<Uuid> = entries.iter().map(|_| new_id(*at)).collect();
    let Some(first) = ids.first() else { return Ok(()) };
    let metadata = json_text(&AuditMetadata::of(author, run.map_or(*first, |run| run.0), *approved_by))?;
    let mut end = End::of(connection, *guild).await?;
    for (id, entry) in ids.iter().zip(entries) {
        let Entry { action, phase, operation, details, before, after, reason } = entry;
        let target = details.target_id.as_ref().and_then(|id| id.parse().ok()).map(Value::Snowflake);
        let details = json_text(&details)?;
        let (before, after) = (before.map(json_text).transpose()?, after.map(json_text).transpose()?);
        let value = |column: &'static str, _| {
            Ok(match column {
                "log_id" => Value::Text(id.to_string()),
                "logged_at" => (*at).into(),
                "action_type" => action.word().into(),
                "phase" => phase.word().into(),
                "actor" => (*author).into(),
                "user_id" => author.user().into(),
                "correlation_id" => (*run).into(),
                "operation_id" => operation.into(),
                "source_revision" => (*revision).into(),
                "target_id" => target.clone().unwrap_or(Value::Nothing),
                "action_details" => details.as_str().into(),
                "before_state" => before.as_deref().into(),
                "after_state" => after.as_deref().into(),
                "reason" => reason.into(),
                "metadata" => metadata.as_str().into(),
                // Nothing that writes here has them yet.
                _ => Value::Nothing,
            })
        };
        end.add(connection, value).await?;
    }
    end.keep(connection).await
}

/// The query all typed rows are read with.
fn select() -> Statement {
    sql("SELECT log_id, server_id, number, action_type, phase, correlation_id, operation_id, actor, action_details,
                before_state, after_state, reason, source_revision, metadata, logged_at, previous_hash, hash
         FROM audit_logs WHERE TRUE")
}

pub(super) async fn read(connection: &mut Connection<'_>, filter: &AuditFilter) -> Result<Vec<AuditRow>, Error> {
    filtered(filter).fetch_all(connection).await?.iter().map(row).collect()
}

fn filtered(filter: &AuditFilter) -> Statement {
    let AuditFilter { guild, run, operation, action, phase, target, author, since, until, limit } = filter;
    let query = select()
        .and_if(" AND server_id = ?", *guild)
        .and_if(" AND correlation_id = ?", *run)
        .and_if(" AND operation_id = ?", *operation)
        .and_if(" AND action_type = ?", action.map(ActionType::word))
        .and_if(" AND phase = ?", phase.map(Phase::word))
        .and_if(" AND target_id = ?", target.map(sql::Value::Snowflake))
        .and_if(" AND actor = ?", author.as_ref())
        .and_if(" AND logged_at >= ?", *since)
        .and_if(" AND logged_at < ?", *until);
    // What belongs to one guild has an order of its own, which times only nearly have.
    let is_of_one_guild = guild.is_some() || run.is_some() || operation.is_some();
    let query = query.and(if is_of_one_guild {
        " ORDER BY number DESC LIMIT ?"
    } else {
        " ORDER BY logged_at DESC, server_id DESC, number DESC LIMIT ?"
    });
    query.bind(*limit)
}

/// The rows people may mean, not more than a few.
pub(super) async fn find(connection: &mut Connection<'_>, name: &RowName) -> Result<Vec<AuditRow>, Error> {
    let queries = match name {
        RowName::Number { guild, number } => {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            vec![select().and_if(" AND server_id = ?", *guild).and(" AND number = ?").bind(number)]
        }
        // Anything else cannot be a part of an id, and could be a pattern.
        RowName::Id(part) if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') => {
            return Ok(Vec::new());
        }
        RowName::Id(part) => {
            let part = part.to_ascii_lowercase();
            // Up to behind everything an id can go on with.
            let beginning =
                select().and(" AND log_id >= ?").bind(&part).and(" AND log_id < ?").bind(format!("{part}~"));
            // No index knows how ids end, so only the latest are looked at; an index has them in this order.
            let ending = select().and(
                " AND log_id IN (SELECT log_id FROM (
                      SELECT log_id FROM audit_logs ORDER BY logged_at DESC, server_id DESC, number DESC LIMIT ?
                  ) AS latest WHERE log_id LIKE ?)",
            );
            vec![beginning, ending.bind(LATEST).bind(format!("%{part}"))]
        }
    };
    let mut found: Vec<AuditRow> = Vec::new();
    for query in queries {
        for stored in query.and(" ORDER BY server_id, number LIMIT 10").fetch_all(connection).await? {
            let row = row(&stored)?;
            if found.iter().all(|other| other.log_id != row.log_id) {
                found.push(row);
            }
        }
    }
    Ok(found)
}

/// How many of the latest rows are known by the end of their ids. People type what they have just been shown.
const LATEST: u32 = 10_000;

fn row(row: &Row) -> Result<AuditRow, Error> {
    Ok(AuditRow {
        log_id: parsed(row, "log_id")?,
        guild: id(row, "server_id")?,
        number: number(row, "number")?,
        action: parsed(row, "action_type")?,
        phase: parsed(row, "phase")?,
        correlation_id: parsed_if(row, "correlation_id")?,
        operation_id: parsed_if(row, "operation_id")?,
        author: parsed(row, "actor")?,
        details: json(row, "action_details")?,
        before: json_if(row, "before_state")?,
        after: json_if(row, "after_state")?,
        reason: get(row, "reason")?,
        revision: get(row, "source_revision")?,
        metadata: json_if(row, "metadata")?,
        logged_at: get(row, "logged_at")?,
        previous_hash: get(row, "previous_hash")?,
        hash: get(row, "hash")?,
    })
}

/// The guilds that have a trail, or had one.
pub(super) async fn guilds(connection: &mut Connection<'_>) -> Result<Vec<GuildId>, Error> {
    let query = sql("SELECT server_id FROM audit_chains UNION SELECT DISTINCT server_id FROM audit_logs ORDER BY 1");
    query.fetch_all(connection).await?.iter().map(|row| id(row, "server_id")).collect()
}

/// A stretch of a chain and its head. In one transaction they are of the same moment.
pub(super) async fn page(connection: &mut Connection<'_>, guild: GuildId, from: &Place) -> Result<ChainPage, Error> {
    let stored = stretch(guild, from).fetch_all(connection).await?;
    let mut rows: Vec<ChainRow> = stored.iter().map(chain_row).collect();
    let last = rows.last().filter(|_| rows.len() == PAGE as usize).and_then(ChainRow::number);
    let next = last.map(|last| match rows.iter().take_while(|row| row.number() != Some(last)).count() {
        0 => Place(last.saturating_add(1)),
        whole => {
            // Where somebody inserted rows, several may have the number of the last one. They are read together.
            rows.truncate(whole);
            Place(last)
        }
    });
    let head = match head(connection, guild).await {
        // Whoever looks whether anything was changed is not stopped by what was.
        Err(Error::Unreadable { .. }) => None,
        head => head?,
    };
    Ok(ChainPage { head, rows, next })
}

/// Rows from a place on.
fn stretch(guild: GuildId, Place(from): &Place) -> Statement {
    let query = sql("SELECT ").and(NAMES).and(" FROM audit_logs WHERE server_id = ? AND number >= ?").bind(guild);
    query.bind(i64::try_from(*from).unwrap_or(i64::MAX)).and(" ORDER BY number LIMIT ?").bind(PAGE)
}

pub(super) async fn head(connection: &mut Connection<'_>, guild: GuildId) -> Result<Option<ChainHead>, Error> {
    let query = sql("SELECT length, hash, pruned_through, pruned_hash, pruned_at, pruned_by FROM audit_chains
         WHERE server_id = ?");
    let row = query.bind(guild).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(ChainHead {
            length: number(&row, "length")?,
            hash: get(&row, "hash")?,
            pruned_through: number(&row, "pruned_through")?,
            pruned_hash: get(&row, "pruned_hash")?,
            pruned_at: get(&row, "pruned_at")?,
            pruned_by: get(&row, "pruned_by")?,
        })
    })
    .transpose()
}

/// A row value for value. What is not stored as SetAI stores it is kept as it is, and marked.
fn chain_row(row: &Row) -> ChainRow {
    let mut odd = None;
    let mut value = |column: &'static str, kind| {
        stored(row, column, kind).unwrap_or_else(|raw| {
            odd = Some(column);
            raw
        })
    };
    let values = COLUMNS.iter().map(|(column, kind)| value(column, *kind)).collect();
    let hash = value("hash", Kind::Text);
    ChainRow { values, hash, odd }
}

/// The value of a column as a hash covers it, or as it is when it is not stored as SetAI stores it.
fn stored(row: &Row, column: &'static str, kind: Kind) -> Result<Option<Vec<u8>>, Option<Vec<u8>>> {
    match row {
        Row::Sqlite(row) => of_sqlite(row, column, kind),
        Row::MySql(row) => of_mysql(row, column, kind),
    }
}

/// SQLite keeps a value of any type in any column, and times as text.
fn of_sqlite(
    row: &sqlx::sqlite::SqliteRow,
    column: &'static str,
    kind: Kind,
) -> Result<Option<Vec<u8>>, Option<Vec<u8>>> {
    use sqlx::{TypeInfo as _, ValueRef as _};
    let raw = || row.try_get_unchecked::<Vec<u8>, _>(column).ok();
    let Ok(value) = row.try_get_raw(column) else { return Err(None) };
    if value.is_null() {
        return Ok(None);
    }
    let type_info = value.type_info();
    match (kind, type_info.name()) {
        (Kind::Text, "TEXT") => Ok(raw()),
        (Kind::Number, "INTEGER") => row.try_get_unchecked(column).map(|n: i64| text(n)).map_err(|_| raw()),
        (Kind::Snowflake, "INTEGER") => {
            row.try_get_unchecked(column).map(|n: i64| text(n.cast_unsigned())).map_err(|_| raw())
        }
        (Kind::Time, "TEXT") => {
            let time: DateTime<Utc> = row.try_get_unchecked(column).map_err(|_| raw())?;
            let spelling = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false);
            if raw() == Some(spelling.into_bytes()) { Ok(text(time_text(time))) } else { Err(raw()) }
        }
        _ => Err(raw()),
    }
}

fn of_mysql(row: &sqlx::mysql::MySqlRow, column: &'static str, kind: Kind) -> Result<Option<Vec<u8>>, Option<Vec<u8>>> {
    let odd = |_| None;
    match kind {
        Kind::Text => row.try_get_unchecked(column).map_err(odd),
        Kind::Number => row.try_get::<Option<i64>, _>(column).map(|n| n.and_then(text)).map_err(odd),
        Kind::Snowflake => row.try_get::<Option<u64>, _>(column).map(|n| n.and_then(text)).map_err(odd),
        Kind::Time => {
            row.try_get::<Option<DateTime<Utc>>, _>(column).map(|t| t.map(time_text).and_then(text)).map_err(odd)
        }
    }
}

fn text(value: impl ToString) -> Option<Vec<u8>> {
    Some(value.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::super::migration::{migrate, migrations};
    use super::super::sql::Dialect;
    use super::*;

    #[tokio::test]
    async fn every_query_goes_by_an_index() {
        let mut sqlite = SqliteConnection::connect("sqlite::memory:").await.expect("memory");
        let connection = &mut Connection::Sqlite(&mut sqlite);
        migrate(connection, migrations(Dialect::Sqlite)).await.expect("tables");
        let guild = GuildId::new(22);
        let all = AuditFilter::default();
        let operation = OperationId(Uuid::from_u128(1));
        let cases = [
            (stretch(guild, &Place::BEGINNING), "sqlite_autoindex_audit_logs_2 (server_id=? AND number>?)"),
            (filtered(&all), "audit_logs_by_time"),
            (
                filtered(&AuditFilter { since: Some(DateTime::UNIX_EPOCH), ..all.clone() }),
                "audit_logs_by_time (logged_at>?)",
            ),
            (
                filtered(&AuditFilter { guild: Some(guild), ..all.clone() }),
                "sqlite_autoindex_audit_logs_2 (server_id=?)",
            ),
            (filtered(&AuditFilter { run: Some(RunId(operation.0)), ..all.clone() }), "audit_logs_by_correlation"),
            (filtered(&AuditFilter { operation: Some(operation), ..all.clone() }), "(operation_id=?)"),
            (filtered(&AuditFilter { target: Some(5), ..all }), "audit_logs_by_target (target_id=?)"),
        ];
        for (query, index) in cases {
            let rows = query.explained().fetch_all(connection).await.expect("a plan");
            let plan: Vec<String> = rows.iter().map(|row| get(row, "detail").expect("a step")).collect();
            assert!(plan[0].contains("USING INDEX") && plan[0].contains(index), "{index}: {plan:?}");
        }
    }
}
