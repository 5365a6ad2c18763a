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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use sqlx::SqliteConnection;

    use super::*;
    use crate::model::{BindingState, ChannelKind, GuildId, ObjectKind, Provenance};
    use crate::store::column::{Row, word_of};
    use crate::store::{ActionType, AuditFilter, Phase, Trigger, Verdict, bindings, runs, trail};

    fn repository(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    async fn memory() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.expect("memory")
    }

    fn rows_after(migration: &Migration) -> String {
        let path = repository("tests/migrations/sqlite").join(format!("{}.sql", migration.version));
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("every migration has rows: {}", path.display()))
    }

    #[test]
    fn every_file_is_in_the_list_and_the_list_is_in_order() {
        let files = std::fs::read_dir(repository("migrations/sqlite")).expect("folder");
        let files = files.map(|file| file.expect("file").path().file_stem().expect("name").to_owned());
        let files: BTreeSet<_> = files.map(|name| name.into_string().expect("text")).collect();
        let listed: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version.to_owned()).collect();
        assert_eq!(listed, files.into_iter().collect::<Vec<_>>());
        for migration in MIGRATIONS {
            assert!(migration.version.len() <= 50 && migration.sql.starts_with("-- "), "{}", migration.version);
        }
    }

    #[tokio::test]
    async fn rows_survive_every_step_from_the_first_migration_to_the_last() {
        let mut connection = memory().await;
        for number in 1..=MIGRATIONS.len() {
            migrate(&mut connection, &MIGRATIONS[..number]).await.expect("migration");
            let rows = rows_after(&MIGRATIONS[number - 1]);
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut connection).await.expect("rows");
        }
        migrate(&mut connection, MIGRATIONS).await.expect("once more changes nothing");

        let guild = GuildId::new(22);
        let bound = bindings::read(&mut connection, guild).await.expect("bindings");
        assert_eq!((bound.roles.len(), bound.categories.len(), bound.channels.len(), bound.images.len()), (1, 1, 1, 1));
        assert_eq!(trail::read(&mut connection, &AuditFilter::default()).await.expect("trail").len(), 1);
        let unfinished = runs::unfinished(&mut connection, guild).await.expect("unfinished");
        assert_eq!((unfinished.len(), unfinished[0].open.len(), unfinished[0].summary.steps.failed), (1, 1, 1));
    }

    #[tokio::test]
    async fn the_table_of_migrations_is_the_data_models() {
        let mut connection = memory().await;
        migrate(&mut connection, MIGRATIONS).await.expect("migration");
        let rows = sqlx::query("SELECT version, description, applied_at, checksum FROM schema_migrations ORDER BY 1");
        let rows: Vec<Row> = rows.fetch_all(&mut connection).await.expect("rows");
        assert_eq!(rows.len(), MIGRATIONS.len());
        let first = &rows[0];
        assert_eq!(get::<String>(first, "version").expect("version"), "2026_11_22_001_create_base_tables");
        let description: String = get(first, "description").expect("description");
        assert_eq!(description, "Create the tables of guilds, what is bound in them, and the audit trail");
        assert_eq!(get::<String>(first, "checksum").expect("checksum").len(), 64);
        get::<chrono::DateTime<chrono::Utc>>(first, "applied_at").expect("a time");
    }

    #[tokio::test]
    async fn a_newer_database_and_an_edited_migration_are_refused_untouched() {
        let mut connection = memory().await;
        migrate(&mut connection, MIGRATIONS).await.expect("migration");
        let older = &MIGRATIONS[..MIGRATIONS.len() - 1];
        let error = migrate(&mut connection, older).await.expect_err("newer");
        assert!(matches!(error, Error::NewerSchema { ref version } if version == MIGRATIONS[older.len()].version));

        let mut edited = MIGRATIONS.to_vec();
        edited[0].sql = "-- Something else\nSELECT 1;";
        edited.push(Migration { version: "9999_never", sql: "-- Never\nCREATE TABLE never (x INTEGER);" });
        let error = migrate(&mut connection, &edited).await.expect_err("edited");
        assert!(matches!(error, Error::EditedMigration { ref version } if version == MIGRATIONS[0].version));
        let never = sqlx::query("SELECT * FROM never").execute(&mut connection).await;
        assert!(never.is_err(), "nothing was applied");
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing_behind() {
        let mut connection = memory().await;
        let broken = Migration { version: "1_broken", sql: "-- Broken\nCREATE TABLE half (x INTEGER); NONSENSE;" };
        let error = migrate(&mut connection, &[broken]).await.expect_err("broken");
        assert!(matches!(error, Error::Migration { ref version, .. } if version == "1_broken"), "{error:?}");
        assert!(sqlx::query("SELECT * FROM half").execute(&mut connection).await.is_err());
    }

    #[test]
    fn every_word_passes_the_check_of_its_column() {
        let all: String = MIGRATIONS.iter().map(|migration| migration.sql).collect();
        let mut words: Vec<String> = Vec::new();
        words.extend(ActionType::ALL.iter().map(ToString::to_string));
        words.extend(Phase::ALL.iter().map(ToString::to_string));
        words.extend(Trigger::ALL.iter().map(ToString::to_string));
        words.extend(Verdict::ALL.iter().map(ToString::to_string));
        words.extend(ChannelKind::NAMED.iter().map(|kind| kind.name().to_owned()));
        words.push(ChannelKind::Other(99).name().to_owned());
        for provenance in [Provenance::Created, Provenance::Adopted, Provenance::Pinned] {
            words.push(word_of(&provenance).expect("word"));
        }
        for state in [BindingState::Active, BindingState::Archived] {
            words.push(word_of(&state).expect("word"));
        }
        for kind in [ObjectKind::Category, ObjectKind::Channel] {
            words.push(word_of(&kind).expect("word"));
        }
        for word in words {
            assert!(all.contains(&format!("'{word}'")), "{word}");
        }
    }
}
