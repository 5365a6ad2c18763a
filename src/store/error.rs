//! What can go wrong with a database, and what that means for who asked.

use std::path::PathBuf;

use super::{RunId, SETTING};
use crate::model::{GuildId, Key};
use crate::plan::StepId;

/// Why the store could not do what it was asked. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting does not name a database. It is not repeated: a password may be in it.
    #[error("{SETTING} is neither `sqlite:PATH` nor `sqlite::memory:`")]
    BadUrl,
    /// The setting names a kind of database this build cannot use.
    #[error("{SETTING} names a `{scheme}` database; this build has SQLite only")]
    UnsupportedDatabase {
        /// What stands before the first colon.
        scheme: String,
    },
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
    #[error("another setai is changing the guild {guild} right now; wait until it is done")]
    GuildBusy {
        /// The guild.
        guild: GuildId,
    },
    /// There is no space left.
    #[error("the disk of the database is full; nothing can be recorded, so nothing may be changed")]
    Full,
    /// Writing is not allowed.
    #[error("the database cannot be written to")]
    ReadOnly,
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
    /// True when the same call may succeed later without anybody changing a setting or a file.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked | Self::Full | Self::GuildBusy { .. })
    }
}

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>) of conditions that have their own error here.
pub(super) mod code {
    pub(in crate::store) const BUSY: i32 = 5;
    pub(in crate::store) const LOCKED: i32 = 6;
    pub(in crate::store) const READONLY: i32 = 8;
    pub(in crate::store) const CORRUPT: i32 = 11;
    pub(in crate::store) const FULL: i32 = 13;
    pub(in crate::store) const CANTOPEN: i32 = 14;
    pub(in crate::store) const NOTADB: i32 = 26;
}

/// The primary result code of an error that came from SQLite; the extended one says more than is needed.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        match primary_code(&source) {
            Some(code::BUSY | code::LOCKED) => Self::Locked,
            Some(code::FULL) => Self::Full,
            Some(code::READONLY) => Self::ReadOnly,
            Some(code::CORRUPT | code::NOTADB) => Self::Damaged { source },
            _ => Self::Database { source },
        }
    }
}
