//! Brings tables from any earlier version to this one.
//!
//! The table `schema_migrations` has the columns of the data model, which sqlx's own migrator does not offer, and all
//! of it happens in one transaction, so two processes that meet an empty file do not trip over each other.

use sha2::{Digest, Sha256};
use sqlx::Connection as _;

use super::Error;
use super::column::{Connection, get};

/// A file of SQL. Once released it is never edited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// Its file name without the ending; migrations run in the order of their versions.
    pub(super) version: &'static str,
    /// The file. Its first line is a comment that says what it does.
    pub(super) sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal),* $(,)?) => {
        &[$( Migration {
            version: $version,
            sql: include_str!(concat!("../../migrations/sqlite/", $version, ".sql")),
        } ),*]
    };
}

/// All migrations, in order.
pub(super) const MIGRATIONS: &[Migration] =
    migrations!["2026_11_22_001_create_base_tables", "2026_11_22_002_create_engine_tables"];

impl Migration {
    fn description(&self) -> &'static str {
        self.sql.lines().next().unwrap_or_default().trim_start_matches("--").trim()
    }

    fn checksum(&self) -> String {
        hex(&Sha256::digest(self.sql))
    }
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version VARCHAR(50) NOT NULL PRIMARY KEY,
    description TEXT,
    applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    checksum VARCHAR(64) NOT NULL
)";

/// Applies those of `known` that the database does not have.
pub(super) async fn migrate(connection: &mut Connection, known: &[Migration]) -> Result<(), Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(CREATE_TABLE).execute(&mut *transaction).await?;
    let applied = sqlx::query("SELECT version, checksum FROM schema_migrations ORDER BY version")
        .fetch_all(&mut *transaction)
        .await?;
    let applied = applied.iter().map(|row| Ok((get(row, "version")?, get(row, "checksum")?)));
    let applied: Vec<(String, String)> = applied.collect::<Result<_, Error>>()?;
    for (version, checksum) in &applied {
        match known.iter().find(|migration| migration.version == version) {
            None => return Err(Error::NewerSchema { version: version.clone() }),
            Some(migration) if migration.checksum() != *checksum => {
                return Err(Error::EditedMigration { version: version.clone() });
            }
            Some(_) => {}
        }
    }
    for migration in known.iter().filter(|m| applied.iter().all(|(version, _)| version != m.version)) {
        apply(&mut transaction, migration).await?;
    }
    Ok(transaction.commit().await?)
}

async fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), Error> {
    let version = migration.version;
    sqlx::raw_sql(migration.sql).execute(&mut *connection).await.map_err(|source| failed(version, source))?;
    sqlx::query("INSERT INTO schema_migrations (version, description, checksum) VALUES (?, ?, ?)")
        .bind(version)
        .bind(migration.description())
        .bind(migration.checksum())
        .execute(connection)
        .await?;
    Ok(())
}

/// A full or locked disk has its own name, whatever was being done.
fn failed(version: &str, source: sqlx::Error) -> Error {
    match Error::from(source) {
        Error::Database { source } => Error::Migration { version: version.to_owned(), source },
        known => known,
    }
}
