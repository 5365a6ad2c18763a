//! Statements, connections and rows of either database, so that every statement is written once.
//!
//! Statements keep to the SQL that SQLite and MySQL share. The few things each says in its own way are methods of
//! [`Statement`], and stand together in [`Dialect`].

use std::borrow::Cow;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, MySql, SqlSafeStr, SqlStr, Sqlite};
use twilight_model::id::Id;

use super::column::get;
use super::{Author, CommandId, DriftId, Error, OperationId, RunId};
use crate::model::Key;

/// A connection to either database, usually within a transaction.
pub(super) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    MySql(&'c mut MySqlConnection),
}

impl Connection<'_> {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// What time the database says it is. Within one statement it does not move, so it is asked anew each time.
    pub(super) async fn now(&mut self) -> Result<DateTime<Utc>, Error> {
        let row = sql(self.dialect().clock()).fetch_one(self).await?;
        get(&row, "now")
    }

    /// Executes statements that come from a file of ours.
    pub(super) async fn execute_script(&mut self, script: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(script).execute(&mut **connection).await.map(|_| ()),
            Self::MySql(connection) => sqlx::raw_sql(script).execute(&mut **connection).await.map(|_| ()),
        }
    }
}

/// A row of either database.
pub(super) enum Row {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
}

/// What each database says in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    MySql,
}

impl Dialect {
    fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') AS now",
            Self::MySql => "SELECT UTC_TIMESTAMP(6) AS now",
        }
    }

    /// Ends an insert that is to do nothing when there is such a row already.
    fn unless_there(self, key: &str) -> String {
        match self {
            Self::Sqlite => format!(" ON CONFLICT ({key}) DO NOTHING"),
            // Not INSERT IGNORE, which ignores everything else that is wrong too.
            Self::MySql => format!(" ON DUPLICATE KEY UPDATE {key} = {key}"),
        }
    }

    /// Ends an insert that is to change the row that is there already. In `changes`, `new.c` is what `c` would have become.
    /// A server sees in each change what those before it did, and SQLite does not: what another one looks at is changed last.
    fn or_change(self, key: &str, changes: &str) -> String {
        match self {
            Self::Sqlite => format!(" ON CONFLICT ({key}) DO UPDATE SET {}", changes.replace("new.", "excluded.")),
            Self::MySql => {
                let mut pieces = changes.split("new.");
                let mut text = format!(" ON DUPLICATE KEY UPDATE {}", pieces.next().unwrap_or_default());
                for piece in pieces {
                    let end = piece.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(piece.len());
                    let (column, rest) = piece.split_at(end);
                    text.push_str(&format!("VALUES({column}){rest}"));
                }
                text
            }
        }
    }

    /// Ends a query whose rows nobody else may change until the transaction ends.
    fn locked(self) -> &'static str {
        match self {
            // A transaction that writes has the whole database for itself from its start.
            Self::Sqlite => "",
            Self::MySql => " FOR UPDATE",
        }
    }
}

/// A value in a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nothing,
    Flag(bool),
    Number(i64),
    Snowflake(u64),
    Text(String),
    /// With microseconds, which both databases can keep.
    Time(DateTime<Utc>),
}

/// What an insert does where there is a row with the same key.
#[derive(Clone, Copy)]
enum Clash {
    /// It fails.
    Refused,
    /// It does nothing.
    Nothing { key: &'static str },
    /// It changes that row.
    Changes { key: &'static str, changes: &'static str },
}

impl Clash {
    fn tail(self, dialect: Dialect) -> String {
        match self {
            Self::Refused => String::new(),
            Self::Nothing { key } => dialect.unless_there(key),
            Self::Changes { key, changes } => dialect.or_change(key, changes),
        }
    }
}

/// A statement with its values.
#[derive(Clone)]
#[must_use = "a statement does nothing until it is executed"]
pub(super) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
    clash: Clash,
    is_locked: bool,
}

/// A statement; `?` stands for each value.
pub(super) fn sql(text: &'static str) -> Statement {
    let text = Cow::Borrowed(text);
    Statement { text, values: Vec::new(), clash: Clash::Refused, is_locked: false }
}

impl Statement {
    /// Gives the next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds a piece with its value when there is one: what is not asked for is not in the statement, and no index is
    /// missed because of it.
    pub(super) fn and_if(self, piece: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.and(piece).bind(value),
            None => self,
        }
    }

    /// Adds a piece.
    pub(super) fn and(mut self, piece: &'static str) -> Self {
        self.text.to_mut().push_str(piece);
        self
    }

    /// Inserts only when there is no row with the same value in the column `key`.
    pub(super) fn unless_there(mut self, key: &'static str) -> Self {
        self.clash = Clash::Nothing { key };
        self
    }

    /// Changes the row with the same value in the column `key` where there is one. `new.c` is the value that was to be
    /// inserted in the column `c`, and `c` alone the one that is there, as long as no change before it was of `c`.
    pub(super) fn or_change(mut self, key: &'static str, changes: &'static str) -> Self {
        self.clash = Clash::Changes { key, changes };
        self
    }

    /// Keeps what is read from being changed by anybody else until the transaction ends.
    pub(super) fn locked(mut self) -> Self {
        self.is_locked = true;
        self
    }

    /// The question how SQLite goes about it.
    #[cfg(test)]
    pub(super) fn explained(mut self) -> Self {
        self.text.to_mut().insert_str(0, "EXPLAIN QUERY PLAN ");
        self
    }

    pub(super) async fn execute(self, connection: &mut Connection<'_>) -> Result<u64, Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => self.for_sqlite().execute(&mut **connection).await?.rows_affected(),
            Connection::MySql(connection) => self.for_mysql().execute(&mut **connection).await?.rows_affected(),
        })
    }

    pub(super) async fn fetch_all(self, connection: &mut Connection<'_>) -> Result<Vec<Row>, Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => {
                self.for_sqlite().fetch_all(&mut **connection).await?.into_iter().map(Row::Sqlite).collect()
            }
            Connection::MySql(connection) => {
                self.for_mysql().fetch_all(&mut **connection).await?.into_iter().map(Row::MySql).collect()
            }
        })
    }

    pub(super) async fn fetch_optional(self, connection: &mut Connection<'_>) -> Result<Option<Row>, Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => {
                self.for_sqlite().fetch_optional(&mut **connection).await?.map(Row::Sqlite)
            }
            Connection::MySql(connection) => self.for_mysql().fetch_optional(&mut **connection).await?.map(Row::MySql),
        })
    }

    pub(super) async fn fetch_one(self, connection: &mut Connection<'_>) -> Result<Row, Error> {
        Ok(self.fetch_optional(connection).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// The whole text. Every piece of it is a literal of this crate.
    fn text_for(text: Cow<'static, str>, clash: Clash, is_locked: bool, dialect: Dialect) -> SqlStr {
        let tail = clash.tail(dialect);
        let lock = if is_locked { dialect.locked() } else { "" };
        match text {
            Cow::Borrowed(text) if tail.is_empty() && lock.is_empty() => text.into_sql_str(),
            text => AssertSqlSafe(format!("{text}{tail}{lock}")).into_sql_str(),
        }
    }

    fn for_sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let Self { text, values, clash, is_locked } = self;
        let query = sqlx::query(Self::text_for(text, clash, is_locked, Dialect::Sqlite));
        values.into_iter().fold(query, |query, value| match value {
            Value::Nothing => query.bind(None::<String>),
            Value::Flag(flag) => query.bind(flag),
            Value::Number(number) => query.bind(number),
            // SQLite has no unsigned integers; the upper half of the snowflakes is negative there.
            Value::Snowflake(id) => query.bind(id.cast_signed()),
            Value::Text(text) => query.bind(text),
            Value::Time(time) => query.bind(time),
        })
    }

    fn for_mysql(self) -> Query<'static, MySql, MySqlArguments> {
        let Self { text, values, clash, is_locked } = self;
        let query = sqlx::query(Self::text_for(text, clash, is_locked, Dialect::MySql));
        values.into_iter().fold(query, |query, value| match value {
            Value::Nothing => query.bind(None::<String>),
            Value::Flag(flag) => query.bind(flag),
            Value::Number(number) => query.bind(number),
            Value::Snowflake(id) => query.bind(id),
            Value::Text(text) => query.bind(text),
            Value::Time(time) => query.bind(time),
        })
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl<M> From<Id<M>> for Value {
    fn from(id: Id<M>) -> Self {
        Self::Snowflake(id.get())
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time.trunc_subsecs(6))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What is kept as its text.
macro_rules! as_text {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::Text(value.to_string())
            }
        })*
    };
}

as_text!(&str, &String, &Key, &Author, RunId, OperationId, DriftId, CommandId);

#[cfg(test)]
mod tests {
    use super::*;

    fn text(statement: Statement, dialect: Dialect) -> String {
        Statement::text_for(statement.text, statement.clash, statement.is_locked, dialect).as_str().to_owned()
    }

    #[test]
    fn each_database_is_addressed_in_its_own_way() {
        let insert = || sql("INSERT INTO t (a, b) VALUES (?, ?)").unless_there("a");
        assert_eq!(text(insert(), Dialect::Sqlite), "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO NOTHING");
        assert_eq!(text(insert(), Dialect::MySql), "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE a = a");
        let change =
            || sql("INSERT INTO t (a, b) VALUES (?, ?)").or_change("a", "b = COALESCE(new.b, b), c_1 = new.c_1");
        assert_eq!(
            text(change(), Dialect::Sqlite),
            "INSERT INTO t (a, b) VALUES (?, ?) \
             ON CONFLICT (a) DO UPDATE SET b = COALESCE(excluded.b, b), c_1 = excluded.c_1"
        );
        assert_eq!(
            text(change(), Dialect::MySql),
            "INSERT INTO t (a, b) VALUES (?, ?) \
             ON DUPLICATE KEY UPDATE b = COALESCE(VALUES(b), b), c_1 = VALUES(c_1)"
        );
        let query = || sql("SELECT a FROM t WHERE b = ?").bind(1_i64).locked();
        assert_eq!(text(query(), Dialect::Sqlite), "SELECT a FROM t WHERE b = ?");
        assert_eq!(text(query(), Dialect::MySql), "SELECT a FROM t WHERE b = ? FOR UPDATE");
    }

    #[test]
    fn a_condition_nobody_asked_for_is_not_there() {
        let query = sql("SELECT a FROM t WHERE TRUE").and_if(" AND b = ?", None::<i64>).and_if(" AND c = ?", Some("x"));
        let query = query.and(" LIMIT ?").bind(3_u32);
        assert_eq!(query.values, [Value::Text("x".to_owned()), Value::Number(3)]);
        assert_eq!(text(query, Dialect::Sqlite), "SELECT a FROM t WHERE TRUE AND c = ? LIMIT ?");
    }
}
