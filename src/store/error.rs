//! What can go wrong with a database, and what that means for who asked.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteError;

use super::{DriftId, DriftStatus, RunId, SETTING, ServerUrl};
use crate::model::{GuildId, Key};
use crate::plan::StepId;

/// Why the store could not do what it was asked. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting does not name a database. It is not repeated: a password may be in it.
    #[error("{SETTING} is neither `sqlite:PATH` nor `mysql://USER:PASSWORD@HOST/DATABASE`")]
    BadUrl,
    /// The setting names a kind of database this build cannot use.
    #[error("{SETTING} names a `{scheme}` database; there are `sqlite` and `mysql`, which is MariaDB too")]
    UnsupportedDatabase {
        /// What stands before the first colon.
        scheme: String,
    },
    /// The setting has a parameter that means nothing here.
    #[error("{SETTING} has the parameter `{name}`; there are {}", super::database_url::PARAMETERS.join(", "))]
    UnknownParameter {
        /// The parameter.
        name: String,
    },
    /// A parameter of the setting has a value that means nothing.
    #[error("{SETTING} has a value for `{name}` that means nothing")]
    BadParameter {
        /// The parameter.
        name: String,
    },
    /// The server does not answer.
    #[error("cannot reach the database server that {SETTING} names, {server}")]
    Unreachable {
        /// The server, without the password.
        server: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server does not know the user or the password is wrong.
    #[error("the database server refuses the user and password in {SETTING}")]
    AccessDenied {
        /// What the server says.
        source: sqlx::Error,
    },
    /// The server has no such database.
    #[error("the database server has no such database as {SETTING} names; it has to be made first")]
    UnknownDatabase {
        /// What the server says.
        source: sqlx::Error,
    },
    /// The user may not do what is needed.
    #[error(
        "the database server does not let the user in {SETTING} do this; docs/database.md lists the rights it needs"
    )]
    Forbidden {
        /// What the server says.
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error(
        "the database server that {SETTING} names is `{version}`; it must be MySQL 8.0.16 or MariaDB 10.11, or later"
    )]
    OldServer {
        /// What it calls itself.
        version: String,
    },
    /// The connection broke before anything was committed.
    #[error("the connection to the database was lost; nothing of this was written")]
    ConnectionLost {
        /// What is known.
        source: sqlx::Error,
    },
    /// The connection broke while everything was committed.
    #[error("the connection to the database was lost at the last moment; whether this was written is not known")]
    Unsure {
        /// What is known.
        source: sqlx::Error,
    },
    /// Others wrote at the same time, again and again.
    #[error("others are writing to the database at the same time; nothing of this was written")]
    Contended,
    /// There is no place for a default database.
    #[error("neither HOME nor XDG_STATE_HOME is set; set {SETTING} to `sqlite:PATH`")]
    NoStateDirectory,
    /// The file cannot be made or opened.
    #[error("cannot open the database `{}`; {SETTING} can name another place", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is something else.
    #[error("`{}` is not a database; {SETTING} can name another place", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Another process held the database for longer than we wait.
    #[error("the database is locked by another process")]
    Locked,
    /// Somebody else is changing the guild.
    #[error(
        "another setai is changing the guild {guild}: {holder}, since {} and at least until {} UTC",
        since.format("%H:%M:%S"), until.format("%H:%M:%S")
    )]
    GuildBusy {
        /// The guild.
        guild: GuildId,
        /// Who has the right to change it.
        holder: String,
        /// Since when, by the database's clock.
        since: DateTime<Utc>,
        /// When the right ends unless it is renewed, by the same clock.
        until: DateTime<Utc>,
    },
    /// A run rests on an approval, and none of its plan is left.
    #[error("nobody's approval of this plan is left; an approval counts once, and until it expires")]
    NotApproved,
    /// Somebody else has taken over.
    #[error("the right to change the guild {guild} was lost: somebody else has it by now (this was number {fence})")]
    LeaseLost {
        /// The guild.
        guild: GuildId,
        /// The fencing number that is out of date.
        fence: i64,
    },
    /// A lease of one guild was shown to change another.
    #[error("the right to change the guild {lease} is none to change the guild {guild}")]
    WrongLease {
        /// Whose lease it was.
        lease: GuildId,
        /// What was to be changed.
        guild: GuildId,
    },
    /// There is no space left.
    #[error("the disk of the database is full; nothing can be recorded, so nothing may be changed")]
    Full,
    /// The disk does not take or give what it should: a quota or a limit on the size of files is met, or it is failing.
    #[error("the disk of the database fails; nothing can be recorded, so nothing may be changed")]
    Disk {
        /// What the database says.
        source: sqlx::Error,
    },
    /// The file or its folder may not be written.
    #[error("the database cannot be written to")]
    ReadOnly,
    /// The server takes no writes.
    #[error(
        "the database server that {SETTING} names is read-only; nothing can be recorded, so nothing may be changed"
    )]
    ReadOnlyServer {
        /// What the server says.
        source: sqlx::Error,
    },
    /// A table keeps texts in another character set than it was made with.
    #[error(
        "a table of the database that {SETTING} names is not utf8mb4 any more, and cannot hold every text; restore it as it \
         was, or convert it: docs/database.md says how"
    )]
    WrongCharset {
        /// What the server says, with the column.
        source: sqlx::Error,
    },
    /// A text is longer than its column.
    #[error("a text is too long for the database; nothing of this was written")]
    TooLong {
        /// What the server says, with the column.
        source: sqlx::Error,
    },
    /// The file is damaged.
    #[error("the database is damaged; restore it from a backup")]
    Damaged {
        /// What the database says.
        source: sqlx::Error,
    },
    /// A later build was here.
    #[error("the database has migration `{version}`, which this build does not know: use the newer build")]
    NewerSchema {
        /// The first unknown migration.
        version: String,
    },
    /// What was applied is not what this build has under the same name.
    #[error("migration `{version}` was changed after it had been applied to the database")]
    EditedMigration {
        /// The migration.
        version: String,
    },
    /// A migration was begun and never ended, in a database that cannot take back half of one.
    #[error(
        "migration `{version}` was begun and never finished, so the tables are between two versions. Restore the backup \
         from before the upgrade; a database that was new can be dropped and made again"
    )]
    HalfMigrated {
        /// The migration.
        version: String,
    },
    /// A migration failed half-way, in a database that cannot take back half of one.
    #[error(
        "migration `{version}` failed at statement {failed} of {all}, after the ones before had been carried out. Restore \
         the backup from before the upgrade; a database that was new can be dropped and made again"
    )]
    BrokenMigration {
        /// The migration.
        version: String,
        /// The statement that failed, from 1.
        failed: usize,
        /// How many there are.
        all: usize,
        /// Why.
        source: sqlx::Error,
    },
    /// Another process is bringing the tables up to date and does not come to an end.
    #[error("another setai is bringing the tables of the database up to date; try again when it is done")]
    MigrationUnderWay,
    /// The server keeps a binary log and lets administrators only make triggers.
    #[error(
        "the database server that {SETTING} names lets only administrators make the triggers that protect the audit trail. \
         Run `setai migrate up` once as one, or set `log_bin_trust_function_creators` on the server"
    )]
    TriggersForbidden {
        /// What the server says.
        source: sqlx::Error,
    },
    /// A migration failed.
    #[error("migration `{version}` failed; the database is as it was")]
    Migration {
        /// The migration.
        version: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The run has not begun, or is over.
    #[error("run {run} is not under way")]
    RunNotOpen {
        /// The run.
        run: RunId,
    },
    /// The step was intended before in the same run.
    #[error("step {} of run {run} was intended before", step.0)]
    AlreadyIntended {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// The step was not intended, or has its outcome already.
    #[error("step {} of run {run} waits for no outcome", step.0)]
    NotIntended {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// A part of an id fits several runs.
    #[error("`{part}` fits more than one run")]
    AmbiguousRun {
        /// What was asked for.
        part: String,
        /// Some that fit.
        fitting: Vec<RunId>,
    },
    /// A part of a digest fits the held plans of several guilds, or several plans.
    #[error("`{part}` fits more than one held plan")]
    AmbiguousPlan {
        /// What was asked for.
        part: String,
        /// Some that fit, with their guilds.
        fitting: Vec<(GuildId, String)>,
    },
    /// A part of an id fits several differences.
    #[error("`{part}` fits more than one drift record")]
    AmbiguousDrift {
        /// What was asked for.
        part: String,
        /// Some that fit.
        fitting: Vec<DriftId>,
    },
    /// There is no such difference.
    #[error("there is no drift record {id}")]
    UnknownDrift {
        /// The difference.
        id: DriftId,
    },
    /// Somebody answered the difference before, or it is gone.
    #[error("drift record {id} is {status} already")]
    DriftSettled {
        /// The difference.
        id: DriftId,
        /// What became of it.
        status: DriftStatus,
    },
    /// A key was to be bound to what a step created, but it created nothing of that kind.
    #[error("`{key}` was to be bound to a new object, but none of its kind was created")]
    NothingCreated {
        /// The key.
        key: Key,
    },
    /// A binding change does not hold a snowflake.
    #[error("`{key}` was to be bound to `{id}`, which is not a snowflake")]
    NotASnowflake {
        /// The key.
        key: Key,
        /// What was given.
        id: String,
    },
    /// The object is known to belong to another guild.
    #[error("`{key}` was to be bound to {id}, which belongs to guild {guild}")]
    OtherGuild {
        /// The key.
        key: Key,
        /// The object.
        id: u64,
        /// Whose it is.
        guild: GuildId,
    },
    /// A value in the database means nothing to this build.
    #[error("the database has a value in `{column}` that this build cannot read")]
    Unreadable {
        /// The column.
        column: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value cannot be written as JSON.
    #[error("a value cannot be written as JSON")]
    Unwritable {
        /// Why.
        source: serde_json::Error,
    },
    /// Anything else the database says.
    #[error("the database refused")]
    Database {
        /// What it says.
        source: sqlx::Error,
    },
}

impl Error {
    /// Says which server it was that could not be reached.
    pub(super) fn at_server(self, server: &ServerUrl) -> Self {
        match self {
            Self::ConnectionLost { source } => Self::Unreachable { server: server.to_string(), source: source.into() },
            other => other,
        }
    }

    /// True when the database cannot be asked at the moment, and nothing is wrong with what was asked.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Locked
                | Self::Unreachable { .. }
                | Self::ConnectionLost { .. }
                | Self::Unsure { .. }
                | Self::Contended
        )
    }

    /// True when the same call may succeed later without anybody changing a setting or a file.
    pub fn is_transient(&self) -> bool {
        let passes = matches!(self, Self::Full | Self::Disk { .. } | Self::GuildBusy { .. } | Self::MigrationUnderWay);
        passes || self.is_outage()
    }
}

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>) of conditions that have their own error here.
pub(super) mod code {
    pub(in crate::store) const BUSY: i32 = 5;
    pub(in crate::store) const LOCKED: i32 = 6;
    pub(in crate::store) const READONLY: i32 = 8;
    pub(in crate::store) const IOERR: i32 = 10;
    pub(in crate::store) const CORRUPT: i32 = 11;
    pub(in crate::store) const FULL: i32 = 13;
    pub(in crate::store) const CANTOPEN: i32 = 14;
    pub(in crate::store) const NOTADB: i32 = 26;
}

/// The primary result code of an error that came from SQLite; the extended one says more than is needed.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<SqliteError>()?;
    let extended: i32 = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
    Some(extended & 0xff)
}

/// The number of an error that came from a server. Those of MariaDB
/// (<https://mariadb.com/docs/server/reference/error-codes>) and MySQL
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>) agree where they are used here.
pub(super) fn server_number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// True when the error is that there is nobody to talk to any more.
pub(super) fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
        // Too many connections, shutting down, network trouble, killed, hung up on for having said nothing for too long.
        error => matches!(server_number(error), Some(1040 | 1053 | 1152 | 1158..=1161 | 1317 | 1927 | 4031)),
    }
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        if is_connection_lost(&source) {
            return Self::ConnectionLost { source };
        }
        match server_number(&source) {
            Some(1045 | 1698) => return Self::AccessDenied { source },
            Some(1049) => return Self::UnknownDatabase { source },
            Some(1044 | 1142 | 1143 | 1227 | 1370) => return Self::Forbidden { source },
            Some(1419) => return Self::TriggersForbidden { source },
            // A deadlock, a lock that was not given, a row or a table that changed meanwhile, a statement that took longer
            // than it may (MariaDB, MySQL).
            Some(1213 | 1205 | 1020 | 1412 | 1969 | 3024) => return Self::Contended,
            Some(1021 | 1026 | 1114) => return Self::Full,
            Some(1290 | 1792 | 1836) => return Self::ReadOnlyServer { source },
            // A text that cannot be turned into the character set of its column, or compared with it.
            Some(1366 | 1267 | 3988) => return Self::WrongCharset { source },
            Some(1406) => return Self::TooLong { source },
            _ => {}
        }
        match primary_code(&source) {
            Some(code::BUSY | code::LOCKED) => Self::Locked,
            Some(code::FULL) => Self::Full,
            Some(code::IOERR) => Self::Disk { source },
            Some(code::READONLY) => Self::ReadOnly,
            Some(code::CORRUPT | code::NOTADB) => Self::Damaged { source },
            _ => Self::Database { source },
        }
    }
}
