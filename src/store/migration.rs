//! Brings tables from any earlier version to this one.
//!
//! The table `schema_migrations` has the columns of the data model, which sqlx's own migrator does not offer. However many
//! processes meet an empty or an old database, one of them migrates it and the others wait.
//!
//! SQLite does all of it in one transaction. A server commits with each statement that changes a table, so a migration is
//! noted before it begins and again when it is done: one that died in between is found by whoever comes next.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::Connection as _;

use super::Error;
use super::column::get;
use super::seal;
use super::sql::{Connection, Dialect, sql};
use super::words::words;

/// A file of SQL. Once released it is never edited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// Its file name without the ending; migrations run in the order of their versions.
    pub(super) version: &'static str,
    /// What has to be done before it that SQL cannot do.
    pub(super) groundwork: Groundwork,
    /// The file. Its first line is a comment that says what it does.
    pub(super) sql: &'static str,
}

/// What has to be done before the statements of a migration. When it is interrupted, it is simply done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Groundwork {
    None,
    /// Copy the audit rows from before there were chains into theirs.
    SealAuditTrail,
}

impl Groundwork {
    async fn lay(self, connection: &mut Connection<'_>) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::SealAuditTrail => seal::seal(connection).await,
        }
    }
}

macro_rules! migrations {
    ($folder:literal: $($version:literal $(after $groundwork:ident)?),* $(,)?) => {
        &[$( Migration {
            version: $version,
            groundwork: migrations!(@ $($groundwork)?),
            sql: include_str!(concat!("../../migrations/", $folder, "/", $version, ".sql")),
        } ),*]
    };
    (@) => { Groundwork::None };
    (@ $groundwork:ident) => { Groundwork::$groundwork };
}

/// All migrations of a dialect, in order.
pub(super) const fn migrations(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => migrations!["sqlite":
            "2026_11_22_001_create_base_tables",
            "2026_11_22_002_create_engine_tables",
            "2026_11_22_003_complete_the_data_model",
            "2026_11_23_004_chain_the_audit_trail",
            "2026_11_23_005_drop_the_unchained_trail" after SealAuditTrail,
            "2026_11_28_006_create_the_controllers_tables",
            "2026_11_28_007_index_what_is_open",
        ],
        Dialect::MySql => migrations!["mysql":
            "2026_11_22_001_create_tables",
            "2026_11_22_002_protect_the_audit_trail",
            "2026_11_23_003_chain_the_audit_trail",
            "2026_11_23_004_drop_the_unchained_trail" after SealAuditTrail,
            "2026_11_28_005_create_the_controllers_tables",
            "2026_11_28_006_index_what_is_open",
        ],
    }
}

impl Migration {
    fn description(&self) -> &'static str {
        self.sql.lines().next().unwrap_or_default().trim_start_matches("--").trim()
    }

    fn checksum(&self) -> String {
        hex(&Sha256::digest(self.sql))
    }

    /// Its statements, each of which ends with its line.
    fn statements(&self) -> Vec<&'static str> {
        self.sql.split(";\n").filter(|statement| !statement.trim().is_empty()).collect()
    }
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

words! {
    /// How a migration and a database stand to each other.
    MigrationState {
        /// The database has it.
        Applied = "applied",
        /// The database does not have it yet.
        Pending = "pending",
        /// It was begun and never finished, or is being carried out right now.
        Unfinished = "unfinished",
        /// The database has something else under its name.
        Edited = "edited",
        /// The database has it, and this build does not know it.
        Unknown = "unknown",
    }
}

/// A migration, as seen from a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// Its version, which is its file name.
    pub version: String,
    /// What it does.
    pub description: String,
    /// How it stands.
    pub state: MigrationState,
    /// When it was applied.
    pub applied_at: Option<DateTime<Utc>>,
}

/// What a database has, and what it lacks.
pub(super) async fn status(
    connection: &mut Connection<'_>,
    known: &[Migration],
) -> Result<Vec<MigrationStatus>, Error> {
    let applied = applied(connection).await?;
    let unknown = applied.iter().filter(|row| known.iter().all(|m| m.version != row.version));
    let unknown = unknown.map(|row| row.status(MigrationState::Unknown));
    let mut all: Vec<MigrationStatus> = known.iter().map(|m| m.status(&applied)).chain(unknown).collect();
    all.sort_by(|one, other| one.version.cmp(&other.version));
    Ok(all)
}

/// What a database lacks that has nothing yet.
pub(super) fn all_pending(dialect: Dialect) -> Vec<MigrationStatus> {
    migrations(dialect).iter().map(|migration| migration.status(&[])).collect()
}

impl Migration {
    fn status(&self, applied: &[Applied]) -> MigrationStatus {
        match applied.iter().find(|row| row.version == self.version) {
            None => MigrationStatus {
                version: self.version.to_owned(),
                description: self.description().to_owned(),
                state: MigrationState::Pending,
                applied_at: None,
            },
            Some(row) if row.checksum != self.checksum() => row.status(MigrationState::Edited),
            Some(row) if row.applied_at.is_none() => row.status(MigrationState::Unfinished),
            Some(row) => row.status(MigrationState::Applied),
        }
    }
}

/// A row of `schema_migrations`.
struct Applied {
    version: String,
    description: String,
    checksum: String,
    /// None while it is under way.
    applied_at: Option<DateTime<Utc>>,
}

impl Applied {
    fn status(&self, state: MigrationState) -> MigrationStatus {
        let (version, description) = (self.version.clone(), self.description.clone());
        MigrationStatus { version, description, state, applied_at: self.applied_at }
    }
}

async fn applied(connection: &mut Connection<'_>) -> Result<Vec<Applied>, Error> {
    let exists = sql(match connection.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) AS tables FROM sqlite_schema WHERE name = 'schema_migrations'",
        Dialect::MySql => {
            "SELECT COUNT(*) AS tables FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'"
        }
    });
    if get::<i64>(&exists.fetch_one(connection).await?, "tables")? == 0 {
        return Ok(Vec::new());
    }
    let rows = sql("SELECT version, description, checksum, applied_at FROM schema_migrations ORDER BY version");
    let rows = rows.fetch_all(connection).await?;
    let applied = rows.iter().map(|row| {
        Ok(Applied {
            version: get(row, "version")?,
            description: get::<Option<_>>(row, "description")?.unwrap_or_default(),
            checksum: get(row, "checksum")?,
            applied_at: get(row, "applied_at")?,
        })
    });
    applied.collect()
}

/// Applies those of `known` that the database does not have, and names them.
pub(super) async fn migrate(connection: &mut Connection<'_>, known: &[Migration]) -> Result<Vec<String>, Error> {
    match connection {
        Connection::Sqlite(sqlite) => {
            // A table that others refer to can only be made anew while nobody checks. The switch does nothing within a
            // transaction, so it is around it, and the references are checked at its end.
            sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut **sqlite).await?;
            let migrated = migrate_at_once(sqlite, known).await;
            sqlx::query("PRAGMA foreign_keys = ON").execute(&mut **sqlite).await?;
            migrated
        }
        Connection::MySql(_) => migrate_step_by_step(connection, known).await,
    }
}

async fn migrate_at_once(sqlite: &mut sqlx::SqliteConnection, known: &[Migration]) -> Result<Vec<String>, Error> {
    let mut transaction = sqlite.begin_with("BEGIN IMMEDIATE").await?;
    let mut connection = Connection::Sqlite(&mut transaction);
    let pending = pending(&mut connection, known).await?;
    if !pending.is_empty() {
        sql("CREATE TABLE IF NOT EXISTS schema_migrations (
                version VARCHAR(50) NOT NULL PRIMARY KEY,
                description TEXT,
                applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                checksum VARCHAR(64) NOT NULL
            )")
        .execute(&mut connection)
        .await?;
    }
    for migration in &pending {
        let version = migration.version;
        migration.groundwork.lay(&mut connection).await?;
        connection.execute_script(migration.sql).await.map_err(|source| failed(version, source))?;
        sql("INSERT INTO schema_migrations (version, description, checksum) VALUES (?, ?, ?)")
            .bind(version)
            .bind(migration.description())
            .bind(migration.checksum())
            .execute(&mut connection)
            .await?;
        if let Some(broken) = sql("PRAGMA foreign_key_check").fetch_optional(&mut connection).await? {
            let table: String = get(&broken, "table")?;
            let source = sqlx::Error::Protocol(format!("a row of `{table}` refers to nothing"));
            return Err(Error::Migration { version: version.to_owned(), source });
        }
    }
    transaction.commit().await?;
    Ok(pending.iter().map(|migration| migration.version.to_owned()).collect())
}

/// How long one process waits for another one's migration, in seconds.
const PATIENCE: u32 = 60;

async fn migrate_step_by_step(connection: &mut Connection<'_>, known: &[Migration]) -> Result<Vec<String>, Error> {
    let is_settled = |all: &[MigrationStatus]| all.iter().all(|one| one.state == MigrationState::Applied);
    if is_settled(&status(connection, known).await?) {
        return Ok(Vec::new());
    }
    // The lock goes with its connection, whatever becomes of it. Its name is the server's, so the database is part of it.
    let lock = sql("SELECT COALESCE(GET_LOCK(CONCAT('setai.', LEFT(SHA2(DATABASE(), 256), 40)), ?), 0) AS taken");
    let row = lock.bind(PATIENCE).fetch_one(connection).await?;
    if get::<i64>(&row, "taken")? != 1 {
        return Err(Error::MigrationUnderWay);
    }
    let migrated = migrate_alone(connection, known).await;
    let release = sql("SELECT RELEASE_LOCK(CONCAT('setai.', LEFT(SHA2(DATABASE(), 256), 40))) AS released");
    release.fetch_one(connection).await?;
    migrated
}

async fn migrate_alone(connection: &mut Connection<'_>, known: &[Migration]) -> Result<Vec<String>, Error> {
    let pending = pending(connection, known).await?;
    if !pending.is_empty() {
        sql("CREATE TABLE IF NOT EXISTS schema_migrations (
                version VARCHAR(50) NOT NULL PRIMARY KEY,
                description TEXT,
                applied_at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6),
                checksum VARCHAR(64) NOT NULL
            ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        .execute(connection)
        .await?;
    }
    for migration in &pending {
        migration.groundwork.lay(connection).await?;
        sql("INSERT INTO schema_migrations (version, description, applied_at, checksum) VALUES (?, ?, NULL, ?)")
            .bind(migration.version)
            .bind(migration.description())
            .bind(migration.checksum())
            .execute(connection)
            .await?;
        carry_out(connection, migration).await?;
        sql("UPDATE schema_migrations SET applied_at = CURRENT_TIMESTAMP(6) WHERE version = ?")
            .bind(migration.version)
            .execute(connection)
            .await?;
    }
    Ok(pending.iter().map(|migration| migration.version.to_owned()).collect())
}

async fn carry_out(connection: &mut Connection<'_>, migration: &Migration) -> Result<(), Error> {
    let version = migration.version;
    let statements = migration.statements();
    for (done, statement) in statements.iter().enumerate() {
        let Err(source) = connection.execute_script(statement).await else { continue };
        if done > 0 || super::error::is_connection_lost(&source) {
            let (version, failed, all) = (version.to_owned(), done + 1, statements.len());
            return Err(Error::BrokenMigration { version, failed, all, source });
        }
        // One statement is done or not done, also here; so nothing is done, and nothing needs to be remembered.
        sql("DELETE FROM schema_migrations WHERE version = ?").bind(version).execute(connection).await?;
        return Err(failed(version, source));
    }
    Ok(())
}

/// What is to be done, or why nothing may be done.
async fn pending<'m>(connection: &mut Connection<'_>, known: &'m [Migration]) -> Result<Vec<&'m Migration>, Error> {
    let all = status(connection, known).await?;
    for MigrationStatus { version, state, .. } in &all {
        let version = version.clone();
        match state {
            MigrationState::Applied | MigrationState::Pending => {}
            MigrationState::Unfinished => return Err(Error::HalfMigrated { version }),
            MigrationState::Edited => return Err(Error::EditedMigration { version }),
            MigrationState::Unknown => return Err(Error::NewerSchema { version }),
        }
    }
    let is_pending = |m: &&Migration| all.iter().any(|s| s.version == m.version && s.state == MigrationState::Pending);
    Ok(known.iter().filter(is_pending).collect())
}

/// What has a name of its own keeps it, whatever was being done.
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

    use sqlx::{AssertSqlSafe, Executor as _, SqliteConnection};

    use super::*;
    use crate::model::{BindingState, ChannelKind, GuildId, ObjectKind, Provenance};
    use crate::store::chain::{Inspector, Place};
    use crate::store::column::word_of;
    use crate::store::sql::Row;
    use crate::store::{
        ActionType, AuditFilter, Closing, DriftFilter, DriftStatus, DriftSubject, Phase, Standing, Trigger, Verdict,
        bindings, drift, runs, status, trail,
    };

    const MIGRATIONS: &[Migration] = migrations(Dialect::Sqlite);

    fn repository(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    async fn memory() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.expect("memory")
    }

    /// What is migrated here; its foreign keys are on, as they always are.
    async fn migrate(connection: &mut SqliteConnection, known: &[Migration]) -> Result<Vec<String>, Error> {
        super::migrate(&mut Connection::Sqlite(connection), known).await
    }

    fn rows_after(migration: &Migration) -> String {
        let path = repository("tests/migrations/sqlite").join(format!("{}.sql", migration.version));
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("every migration has rows: {}", path.display()))
    }

    #[test]
    fn every_file_is_in_the_list_and_the_list_is_in_order() {
        for (folder, dialect) in [("migrations/sqlite", Dialect::Sqlite), ("migrations/mysql", Dialect::MySql)] {
            let files = std::fs::read_dir(repository(folder)).expect("folder");
            let files = files.map(|file| file.expect("file").path().file_stem().expect("name").to_owned());
            let files: BTreeSet<_> = files.map(|name| name.into_string().expect("text")).collect();
            let listed: Vec<_> = migrations(dialect).iter().map(|migration| migration.version.to_owned()).collect();
            assert_eq!(listed, files.into_iter().collect::<Vec<_>>());
            for migration in migrations(dialect) {
                assert!(migration.version.len() <= 50 && migration.sql.starts_with("-- "), "{}", migration.version);
            }
        }
    }

    #[test]
    fn a_file_falls_into_statements() {
        let sql = "-- Two things\n\nCREATE TABLE a (x INTEGER);\n\n-- And then\nINSERT INTO a\nVALUES (1);\n";
        let statements = Migration { version: "1", groundwork: Groundwork::None, sql }.statements();
        assert_eq!(statements.len(), 2);
        assert!(statements[1].ends_with("INSERT INTO a\nVALUES (1)"));
    }

    #[tokio::test]
    async fn rows_survive_every_step_from_the_first_migration_to_the_last() {
        let mut connection = memory().await;
        for number in 1..=MIGRATIONS.len() {
            migrate(&mut connection, &MIGRATIONS[..number]).await.expect("migration");
            let rows = rows_after(&MIGRATIONS[number - 1]);
            connection.execute(sqlx::raw_sql(AssertSqlSafe(rows))).await.expect("rows");
        }
        let again = migrate(&mut connection, MIGRATIONS).await.expect("once more changes nothing");
        assert_eq!(again, Vec::<String>::new());

        let owner = sqlx::query_scalar::<_, i64>("SELECT user_id FROM users JOIN servers ON owner_id = user_id");
        assert_eq!(owner.fetch_all(&mut connection).await.expect("users"), [1], "the owner has a row of their own");
        let pragma = "SELECT foreign_keys FROM pragma_foreign_keys";
        assert_eq!(sqlx::query_scalar::<_, i64>(pragma).fetch_one(&mut connection).await.expect("pragma"), 1);
        let connection = &mut Connection::Sqlite(&mut connection);
        let guild = GuildId::new(22);
        let bound = bindings::read(connection, guild).await.expect("bindings");
        assert_eq!((bound.roles.len(), bound.categories.len(), bound.channels.len(), bound.images.len()), (1, 1, 1, 1));
        let trail = trail::read(connection, &AuditFilter::default()).await.expect("trail");
        let actors: Vec<_> = trail.iter().map(|row| (row.number, row.author.to_string())).collect();
        assert_eq!(actors, [(2, "user:80351110224678912".to_owned()), (1, "local:ada".to_owned())]);
        let page = trail::page(connection, guild, &Place::BEGINNING).await.expect("a page");
        let mut inspector = Inspector::new(guild, &[]);
        inspector.page(&page);
        let inspection = inspector.conclude(page.head);
        assert!(inspection.is_intact() && inspection.rows == 2, "{inspection:#?}");
        let unfinished = runs::unfinished(connection, guild).await.expect("unfinished");
        assert_eq!((unfinished.len(), unfinished[0].open.len(), unfinished[0].summary.steps.failed), (1, 1, 1));
        let status = status::of(connection, guild).await.expect("status").expect("reported");
        assert_eq!((status.state, status.failures), (Standing::AwaitingApproval, 0));
        let drift = drift::list(connection, Some(guild), DriftFilter::Open, 10).await.expect("drift");
        assert_eq!(drift.len(), 1);
    }

    #[tokio::test]
    async fn the_table_of_migrations_is_the_data_models() {
        let mut connection = memory().await;
        migrate(&mut connection, MIGRATIONS).await.expect("migration");
        let rows = sql("SELECT version, description, applied_at, checksum FROM schema_migrations ORDER BY 1");
        let rows: Vec<Row> = rows.fetch_all(&mut Connection::Sqlite(&mut connection)).await.expect("rows");
        assert_eq!(rows.len(), MIGRATIONS.len());
        let first = &rows[0];
        assert_eq!(get::<String>(first, "version").expect("version"), "2026_11_22_001_create_base_tables");
        let description: String = get(first, "description").expect("description");
        assert_eq!(description, "Create the tables of guilds, what is bound in them, and the audit trail");
        assert_eq!(get::<String>(first, "checksum").expect("checksum").len(), 64);
        get::<DateTime<Utc>>(first, "applied_at").expect("a time");
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
        let sql = "-- Never\nCREATE TABLE never (x INTEGER);";
        edited.push(Migration { version: "9999_never", groundwork: Groundwork::None, sql });
        let error = migrate(&mut connection, &edited).await.expect_err("edited");
        assert!(matches!(error, Error::EditedMigration { ref version } if version == MIGRATIONS[0].version));
        let never = sqlx::query("SELECT * FROM never").execute(&mut connection).await;
        assert!(never.is_err(), "nothing was applied");
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing_behind() {
        let mut connection = memory().await;
        let sql = "-- Broken\nCREATE TABLE half (x INTEGER); NONSENSE;";
        let broken = Migration { version: "1_broken", groundwork: Groundwork::None, sql };
        let error = migrate(&mut connection, &[broken]).await.expect_err("broken");
        assert!(matches!(error, Error::Migration { ref version, .. } if version == "1_broken"), "{error:?}");
        assert!(sqlx::query("SELECT * FROM half").execute(&mut connection).await.is_err());
    }

    #[test]
    fn every_word_passes_the_check_of_its_column() {
        let all = |dialect| migrations(dialect).iter().map(|migration| migration.sql).collect::<String>();
        let all = [all(Dialect::Sqlite), all(Dialect::MySql)];
        let mut words: Vec<String> = Vec::new();
        words.extend(ActionType::ALL.iter().map(ToString::to_string));
        words.extend(Phase::ALL.iter().map(ToString::to_string));
        words.extend(Trigger::ALL.iter().map(ToString::to_string));
        words.extend(Verdict::ALL.iter().map(ToString::to_string));
        words.extend(Standing::ALL.iter().map(ToString::to_string));
        words.extend(Closing::ALL.iter().map(ToString::to_string));
        words.extend(DriftSubject::ALL.iter().map(ToString::to_string));
        words.extend(DriftStatus::ALL.iter().map(ToString::to_string));
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
            assert!(all.iter().all(|sql| sql.contains(&format!("'{word}'"))), "{word}");
        }
    }
}
