//! A database with the trail of real runs in it, and somebody who can do anything to it behind the store's back.

use std::sync::Arc;

use setai::model::GuildId;
use setai::plan::Outcome;
use setai::store::{DatabaseUrl, Inspection, Pin, Store, inspect, open};
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _, SqliteConnection};
use tempfile::TempDir;

use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::stage::{InProcess, Stage, engine};

/// What is built first.
const FIRST: &str = "
policy: { on_remove: delete, max_deletions: 100 }
roles:
  admin: { name: Admin, permissions: [manage_channels] }
  moderator: { name: Moderator, permissions: [manage_messages] }
  guest: { name: Guest, permissions: [view_channel] }
categories:
  information:
    name: 📢 Information
    channels:
      rules: { topic: Be kind. }
      news: { topic: Größer }
      old: { topic: Soon gone }
  study:
    permissions: { everyone: { deny: [send_messages] } }
    channels:
      questions: { topic: Ask }
      room-1: { type: voice }
      room-2: { type: voice, user_limit: 8 }
";

/// What it becomes: something renamed, moved, opened, closed and removed.
const SECOND: &str = "
policy: { on_remove: delete, max_deletions: 100 }
roles:
  admin: { name: Admin, permissions: [manage_channels, manage_messages] }
  moderator: { name: Moderators, permissions: [] }
categories:
  information:
    name: 📢 Information
    channels:
      rules: { topic: \"Be kind, 'or =else'\" }
      news: { topic: Größer, permissions: { everyone: { allow: [send_messages] } } }
  study:
    permissions: { everyone: { deny: [send_messages, add_reactions] } }
    channels:
      room-2: { type: voice, user_limit: 9 }
      questions: { topic: Ask away }
      answers: { topic: Answer }
";

/// The database under a trail.
pub(super) enum Place {
    File(TempDir),
    Server(TestDatabase),
}

/// A connection past the store.
pub(super) enum Intruder {
    File(SqliteConnection),
    Server(MySqlConnection),
}

/// A database, and the guild whose trail is in it.
pub(super) struct Ground {
    pub(super) place: Place,
    pub(super) store: Arc<dyn Store>,
    pub(super) guild: GuildId,
}

impl Place {
    pub(super) fn file() -> Self {
        Self::File(tempfile::tempdir().expect("a folder"))
    }

    pub(super) async fn server() -> Self {
        Self::Server(TestDatabase::new().await)
    }

    pub(super) fn url(&self) -> DatabaseUrl {
        self.setting().parse().expect("a URL")
    }

    /// As users set it.
    pub(super) fn setting(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}", folder.path().join("setai.db").display()),
            Self::Server(database) => database.setting(),
        }
    }

    pub(super) async fn intruder(&self) -> Intruder {
        match self {
            Self::File(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("setai.db")).foreign_keys(false);
                Intruder::File(options.connect().await.expect("a file"))
            }
            Self::Server(database) => Intruder::Server(database.connect().await),
        }
    }
}

/// Builds a guild and changes it, and gives the stage with its request log.
pub(super) async fn two_runs(store: Arc<dyn Store>) -> Stage {
    let discord = Harness::new();
    let engine = engine(&discord, InProcess(discord.simulator.router()), store);
    let stage = Stage { discord, engine };
    for layout in [FIRST, SECOND] {
        let report = stage.apply(&stage.manifest(layout)).await;
        assert!(report.steps.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{:#?}", report.steps);
    }
    stage
}

impl Ground {
    pub(super) async fn at(place: Place) -> Self {
        let store = open(&place.url()).await.expect("open");
        let guild = two_runs(Arc::clone(&store)).await.guild();
        Self { place, store, guild }
    }

    pub(super) async fn inspect(&self, pins: &[Pin]) -> Inspection {
        inspect(&*self.store, self.guild, pins).await.expect("inspected")
    }

    /// The head as an auditor keeps it.
    pub(super) async fn pin(&self) -> Pin {
        let inspection = self.inspect(&[]).await;
        assert!(inspection.is_intact(), "{:#?}", inspection.findings);
        inspection.pin().expect("a head")
    }
}

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Null,
    Number(String),
    Text(Vec<u8>),
}

impl Intruder {
    pub(super) async fn execute(&mut self, sql: &str) {
        self.attempt(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) async fn attempt(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::File(connection) => connection.execute(sql).await.map(|_| ()),
            Self::Server(connection) => connection.execute(sql).await.map(|_| ()),
        }
    }

    /// The first column of every row, as text.
    pub(super) async fn texts(&mut self, sql: &str) -> Vec<Option<String>> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::File(connection) => {
                let rows = query.fetch_all(connection).await.expect("rows");
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::Server(connection) => {
                let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
                let rows = query.fetch_all(connection).await.expect("rows");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// The columns of a table, and whether each holds numbers.
    pub(super) async fn columns(&mut self, table: &str) -> Vec<(String, bool)> {
        let sql = match self {
            Self::File(_) => format!(
                "SELECT name || ' ' || (type IN ('BIGINT', 'INTEGER')) FROM pragma_table_info('{table}') ORDER BY cid"
            ),
            Self::Server(_) => format!(
                "SELECT CONCAT(column_name, ' ', data_type IN ('bigint', 'int')) FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        let split = |line: Option<String>| {
            let line = line.expect("a name");
            let (name, is_number) = line.split_once(' ').expect("two words");
            (name.to_owned(), is_number == "1")
        };
        self.texts(&sql).await.into_iter().map(split).collect()
    }

    /// Takes away what the database itself watches over: triggers, keys and checks. What is left is bare values.
    pub(super) async fn loosen(&mut self, table: &str) {
        let triggers = match self {
            Self::File(_) => "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
            Self::Server(_) => "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
        };
        for trigger in self.texts(triggers).await.into_iter().flatten() {
            self.execute(&format!("DROP TRIGGER {trigger}")).await;
        }
        let columns = match self {
            Self::File(_) => format!("SELECT name || ' ' || type FROM pragma_table_info('{table}') ORDER BY cid"),
            Self::Server(_) => format!(
                "SELECT CONCAT(column_name, ' ', column_type, ' NULL') FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        let columns: Vec<String> = self.texts(&columns).await.into_iter().flatten().collect();
        let tail = match self {
            Self::File(_) => "",
            Self::Server(_) => "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        };
        self.execute(&format!("CREATE TABLE bare ({}) {tail}", columns.join(", "))).await;
        self.execute(&format!("INSERT INTO bare SELECT * FROM {table}")).await;
        self.execute(&format!("DROP TABLE {table}")).await;
        self.execute(&format!("ALTER TABLE bare RENAME TO {table}")).await;
    }

    /// The value of a column in the row that a condition picks.
    pub(super) async fn value(&mut self, table: &str, column: &str, is_number: bool, condition: &str) -> Stored {
        let shown = match (&self, is_number) {
            (Self::File(_), true) => format!("CAST({column} AS TEXT)"),
            (Self::Server(_), true) => format!("CAST({column} AS CHAR)"),
            (Self::File(_), false) => format!("CASE WHEN {column} IS NULL THEN NULL ELSE HEX({column}) END"),
            (Self::Server(_), false) => format!("HEX(CAST({column} AS CHAR))"),
        };
        let found = self.texts(&format!("SELECT {shown} FROM {table} WHERE {condition}")).await;
        match found.into_iter().next().expect("a row") {
            None => Stored::Null,
            Some(number) if is_number => Stored::Number(number),
            Some(hex) => Stored::Text(bytes(&hex)),
        }
    }

    /// Sets the value of a column in the row that a condition picks.
    pub(super) async fn set(&mut self, table: &str, column: &str, value: &Stored, condition: &str) {
        let sql = format!("UPDATE {table} SET {column} = {} WHERE {condition}", self.literal(value));
        self.execute(&sql).await;
    }

    fn literal(&self, value: &Stored) -> String {
        match (self, value) {
            (_, Stored::Null) => "NULL".to_owned(),
            (_, Stored::Number(number)) => number.clone(),
            (_, Stored::Text(text)) if text.is_empty() => "''".to_owned(),
            (Self::File(_), Stored::Text(text)) => format!("CAST(X'{}' AS TEXT)", hex(text)),
            (Self::Server(_), Stored::Text(text)) => format!("CONVERT(X'{}' USING utf8mb4)", hex(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(pair).collect()
}
