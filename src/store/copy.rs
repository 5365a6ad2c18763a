//! Whole copies of the embedded database: making one while others write, looking into one, and putting one in its place.
//!
//! Decides when a file may be replaced: while nobody has it open and nobody holds a lease. What was there is moved aside
//! and never destroyed, and at no moment is there nothing in its place that somebody could take for an empty database.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::migration::{self, MigrationStatus, migrate, migrations};
use super::sql::{Connection, Dialect, sql};
use super::{Error, column, sign, sqlite};
use crate::model::GuildId;

/// What a database file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// What is damaged, in SQLite's words; nothing in a sound file.
    pub damage: Vec<String>,
    /// How its tables stand.
    pub migrations: Vec<MigrationStatus>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// The guilds it speaks of.
    pub guilds: Vec<GuildId>,
}

/// Copies an embedded database as it is at one moment, while others read and write. Neither is brought up to date. There
/// must be nothing at `to`.
///
/// # Errors
/// When the database cannot be read, or the copy cannot be written.
pub async fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let connection = sqlite::options().filename(from).create_if_missing(false).connect().await;
    let mut connection = connection.map_err(|source| sqlite::cannot_open(from, source))?;
    let target = to.to_string_lossy().into_owned();
    sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Reads a file that nobody writes, and proves every page of it. Nothing is changed, and nothing is made beside it.
///
/// # Errors
/// When it cannot be read at all; a file that is merely damaged says so in [`Examination::damage`].
pub async fn examine(path: &Path) -> Result<Examination, Error> {
    let options = sqlite::options().filename(path).read_only(true).immutable(true);
    let mut connection = options.connect().await.map_err(|source| sqlite::cannot_open(path, source))?;
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await?;
    let mut damage: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
    let broken: Vec<String> = sqlx::query_scalar("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(&mut connection)
        .await?;
    damage.extend(broken.iter().map(|table| format!("a row of `{table}` refers to nothing")));
    let migrations = migration::status(&mut Connection::Sqlite(&mut connection), migrations(Dialect::Sqlite)).await?;
    let (rows, guilds) = (rows(&mut connection).await?, guilds(&mut connection).await?);
    connection.close().await?;
    Ok(Examination { damage, migrations, rows, guilds })
}

async fn rows(connection: &mut SqliteConnection) -> Result<BTreeMap<String, u64>, Error> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        // The name is one the database itself just gave, and quoted as SQL asks.
        let count = format!("SELECT COUNT(*) FROM \"{}\"", table.replace('"', "\"\""));
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *connection).await?;
        rows.insert(table, count.unsigned_abs());
    }
    Ok(rows)
}

async fn guilds(connection: &mut SqliteConnection) -> Result<Vec<GuildId>, Error> {
    let exists = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'servers'";
    if sqlx::query_scalar::<_, i64>(exists).fetch_one(&mut *connection).await? == 0 {
        return Ok(Vec::new());
    }
    let rows = sql("SELECT server_id FROM servers ORDER BY server_id");
    let rows = rows.fetch_all(&mut Connection::Sqlite(connection)).await?;
    rows.iter().map(|row| column::id(row, "server_id")).collect()
}

/// Makes an old copy fit to be worked with: brings it up to date, and takes back what was granted when it was made, because
/// it may have been used since. Nobody has a lease in it, and approvals that look unused are void. It is one file
/// afterwards, with nothing beside it.
///
/// # Errors
/// When it is damaged, or from a later build.
pub async fn revive(path: &Path) -> Result<Vec<String>, Error> {
    let options = sqlite::options().filename(path).create_if_missing(false).foreign_keys(true);
    let options = options.journal_mode(SqliteJournalMode::Delete);
    let mut connection = options.connect().await.map_err(|source| sqlite::cannot_open(path, source))?;
    let migrated = migrate(&mut Connection::Sqlite(&mut connection), migrations(Dialect::Sqlite)).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let revived = &mut Connection::Sqlite(&mut transaction);
    let now = revived.now().await?;
    sql("UPDATE leases SET holder = NULL").execute(revived).await?;
    sql("UPDATE approvals SET used_at = ? WHERE used_at IS NULL").bind(now).execute(revived).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(migrated)
}

/// Puts the file `new` in the place of a database, and moves what is there to `aside`. True when there was something.
/// All three are on one disk.
///
/// # Errors
/// [`Error::Locked`] while a process that lives holds a lease or has the database open, and [`Error::CannotOpen`] when files cannot be moved. Then everything is as it was.
pub async fn replace(place: &Path, new: &Path, aside: &Path) -> Result<bool, Error> {
    let failed = |source: io::Error| Error::CannotOpen { path: place.to_owned(), source: source.into() };
    if !place.exists() {
        move_companions(place, aside).map_err(failed)?;
        // Unlike renaming, this fails when somebody makes a database there at the same moment.
        std::fs::hard_link(new, place).map_err(failed)?;
        std::fs::remove_file(new).map_err(failed)?;
        return sync_folder(place).map_err(failed).map(|()| false);
    }
    let _signs = sign::claim_all(place)?;
    let held = claim(place).await?;
    std::fs::hard_link(place, aside).map_err(failed)?;
    move_companions(place, aside).map_err(failed)?;
    std::fs::rename(new, place).map_err(failed)?;
    if let Some(held) = held {
        held.close().await?;
    }
    sync_folder(place).map_err(failed).map(|()| true)
}

/// Moves what a damaged or deleted database left beside it; a sound one that was claimed has nothing there. SQLite would take
/// it for a part of the new one.
fn move_companions(place: &Path, aside: &Path) -> io::Result<()> {
    for ending in ["-wal", "-shm", "-journal"] {
        match std::fs::rename(with_ending(place, ending), with_ending(aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The whole database for this process alone, with everything in its one file. Whoever opens it meanwhile waits, and finds
/// that the file was moved (SQLite then refuses to write, SQLITE_READONLY_DBMOVED). None when it is too damaged for that.
async fn claim(place: &Path) -> Result<Option<SqliteConnection>, Error> {
    let options = SqliteConnectOptions::new().filename(place).create_if_missing(false).busy_timeout(Duration::ZERO);
    let claimed = async {
        let mut connection = options.connect().await?;
        // Only the last one to have it open can leave the write-ahead log. Not SQLite's exclusive mode: its end would remove
        // a journal of this name, which by then is the new database's.
        connection.execute("PRAGMA journal_mode = DELETE").await?;
        connection.execute("BEGIN EXCLUSIVE").await?;
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await?;
        Ok::<_, sqlx::Error>((connection, mode))
    };
    match claimed.await.map_err(|source| sqlite::cannot_open(place, source)) {
        Ok((connection, mode)) if mode == "delete" => Ok(Some(connection)),
        // Somebody opened it in between.
        Ok(_) => Err(Error::Locked),
        Err(Error::NotADatabase { .. } | Error::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes sure that a folder still knows its files after a power failure.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
