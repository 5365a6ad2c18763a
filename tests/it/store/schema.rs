//! The tables of both databases against the list of the data model.

use std::collections::{BTreeMap, BTreeSet};

use setai::store::DatabaseUrl;
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};

use crate::support::mariadb::TestDatabase;

/// The ten tables of the data model with their columns, and then what the engine needs beside them.
const TABLES: &[(&str, &str)] = &[
    ("users", "user_id username discriminator avatar_hash status preferences created_at updated_at"),
    ("servers", "server_id name icon_hash owner_id bot_permissions status joined_at updated_at"),
    ("user_servers", "user_id server_id user_permissions role is_active server_specific_settings joined_at updated_at"),
    (
        "server_configurations",
        "server_id command_prefix response_language feature_flags rate_limits custom_settings created_at updated_at",
    ),
    (
        "templates",
        "template_id name description category created_by is_public version configuration variables metadata \
         usage_count rating status created_at updated_at",
    ),
    (
        "command_history",
        "execution_id server_id user_id command_type command_text parameters ai_interpretation results status \
         execution_time error_message executed_at completed_at",
    ),
    ("template_usage", "usage_id template_id server_id user_id applied_variables execution_results status applied_at"),
    (
        "audit_logs",
        "log_id execution_id server_id user_id action_type action_details before_state after_state metadata ip_address \
         user_agent logged_at correlation_id operation_id phase target_id actor reason source_revision format number \
         previous_hash hash",
    ),
    (
        "channels",
        "channel_id server_id name type category_id permissions is_managed created_at updated_at key_kind \
         manifest_key provenance binding_state is_protected name_asked name_got",
    ),
    (
        "roles",
        "role_id server_id name color permissions position is_managed created_at updated_at manifest_key provenance \
         binding_state is_protected name_asked name_got",
    ),
    (
        "reconciliations",
        "reconciliation_id server_id triggered_by actor revision rollback_of plan_digest plan state_before \
         state_after started_at verdict remark finished_at approved_by",
    ),
    (
        "operations",
        "operation_id reconciliation_id step operation before_state reason intended_at phase outcome settled_at",
    ),
    ("guild_states", "digest server_id state recorded_at"),
    ("image_hashes", "server_id sha256 hash"),
    ("approvals", "approval_id server_id plan_digest granted_by granted_at used_at expires_at"),
    ("leases", "server_id fence holder taken_at expires_at"),
    ("audit_chains", "server_id length hash pruned_through pruned_hash pruned_at pruned_by"),
    (
        "guild_statuses",
        "server_id state reason message source attempted_revision applied_revision applied_manifest since updated_at \
         next_attempt_at \
         failures observed_at",
    ),
    ("suspensions", "server_id suspended_by suspended_reason suspended_at suspended_until"),
    ("held_plans", "hold_id server_id plan_digest plan revision held_at expires_at waiting_for closing closed_at"),
    (
        "drift_records",
        "drift_id server_id subject target_id manifest_key summary operation fingerprint changed_by changed_by_name \
         changed_at change_reason audit_entry_id first_seen_at last_seen_at status resolved_at resolved_by",
    ),
    ("schedules", "server_id last_sweep_at next_sweep_at"),
    ("schema_migrations", "version description applied_at checksum"),
];

/// The closed sets of words of the data model.
const ENUMS: &[(&str, &str, &str)] = &[
    ("users", "status", "active suspended deleted"),
    ("servers", "status", "active inactive removed"),
    ("user_servers", "role", "member admin owner"),
    ("templates", "status", "active deprecated deleted"),
    ("templates", "category", "gaming education business community moderation events custom"),
    ("command_history", "status", "pending in_progress completed failed cancelled"),
    (
        "command_history",
        "command_type",
        "channel_management role_management permission_configuration server_configuration template_application \
         bulk_operations",
    ),
    ("template_usage", "status", "successful failed partial"),
    (
        "audit_logs",
        "action_type",
        "channel_created channel_modified channel_deleted role_created role_modified role_deleted permission_granted \
         permission_revoked template_applied configuration_changed command_executed error_occurred",
    ),
    ("guild_statuses", "state", "ready reconciling drifted awaiting_approval stalled suspended"),
    ("held_plans", "closing", "approved applied expired superseded stale"),
    ("drift_records", "subject", "role channel category settings order"),
    ("drift_records", "status", "open reverted adopted ignored gone"),
    ("channels", "type", "text voice category announcement stage forum media other"),
];

/// The foreign keys of the data model: table, column, and whom it refers to.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("servers", "owner_id", "users"),
    ("user_servers", "user_id", "users"),
    ("user_servers", "server_id", "servers"),
    ("server_configurations", "server_id", "servers"),
    ("templates", "created_by", "users"),
    ("command_history", "server_id", "servers"),
    ("command_history", "user_id", "users"),
    ("template_usage", "template_id", "templates"),
    ("template_usage", "server_id", "servers"),
    ("template_usage", "user_id", "users"),
    ("audit_logs", "execution_id", "command_history"),
    ("audit_logs", "server_id", "servers"),
    ("audit_logs", "user_id", "users"),
    ("channels", "server_id", "servers"),
    ("roles", "server_id", "servers"),
    ("leases", "server_id", "servers"),
    ("audit_chains", "server_id", "servers"),
    ("suspensions", "server_id", "servers"),
    ("held_plans", "server_id", "servers"),
    ("drift_records", "server_id", "servers"),
];

/// What a database has.
#[derive(Default)]
struct Schema {
    columns: BTreeMap<String, BTreeSet<String>>,
    references: BTreeSet<(String, String, String)>,
    /// The text of each table's definition.
    definitions: BTreeMap<String, String>,
}

impl Schema {
    fn is_the_data_models(&self) {
        let expected: BTreeMap<String, BTreeSet<String>> = TABLES
            .iter()
            .map(|(table, columns)| ((*table).to_owned(), columns.split_whitespace().map(str::to_owned).collect()))
            .collect();
        assert_eq!(self.columns, expected);
        for (table, column, target) in REFERENCES {
            let reference = ((*table).to_owned(), (*column).to_owned(), (*target).to_owned());
            assert!(self.references.contains(&reference), "{reference:?}");
        }
        for (table, column, words) in ENUMS {
            let list = words.split_whitespace().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(",");
            let definition: String = self.definitions[*table].split_whitespace().collect();
            assert!(definition.contains(&format!("({list})")), "{table}.{column}: {list} in {definition}");
        }
    }
}

#[tokio::test]
async fn the_tables_of_a_file_are_the_data_models() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    setai::store::open(&DatabaseUrl::File(path.clone())).await.expect("open").close().await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.expect("a file");
    sqlite_schema(&mut connection).await.is_the_data_models();
}

async fn sqlite_schema(connection: &mut SqliteConnection) -> Schema {
    let mut schema = Schema::default();
    let columns = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'";
    for row in sqlx::query(columns).fetch_all(&mut *connection).await.expect("columns") {
        schema.columns.entry(row.get(0)).or_default().insert(row.get(1));
    }
    let references = "SELECT m.name, f.\"from\", f.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f";
    for row in sqlx::query(references).fetch_all(&mut *connection).await.expect("references") {
        schema.references.insert((row.get(0), row.get(1), row.get(2)));
    }
    let definitions = "SELECT name, sql FROM sqlite_schema WHERE type = 'table'";
    for row in sqlx::query(definitions).fetch_all(&mut *connection).await.expect("definitions") {
        schema.definitions.insert(row.get(0), row.get(1));
    }
    schema
}

#[tokio::test]
async fn the_tables_of_a_server_are_the_data_models() {
    let database = TestDatabase::new().await;
    setai::store::open(&database.url()).await.expect("open").close().await;
    let mut connection = database.connect().await;
    mysql_schema(&mut connection).await.is_the_data_models();

    let of_type = async |connection: &mut MySqlConnection, condition: &'static str| {
        let columns = sqlx::query(condition).fetch_all(connection).await.expect("columns");
        columns.iter().map(|row| format!("{}.{}", row.get::<String, _>(0), row.get::<String, _>(1))).collect::<Vec<_>>()
    };
    let small = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()
         AND column_name IN ('server_id', 'user_id', 'owner_id', 'created_by', 'channel_id', 'role_id', 'category_id',
                             'target_id', 'waiting_for', 'changed_by', 'audit_entry_id')
         AND column_type <> 'bigint(20) unsigned'";
    assert_eq!(of_type(&mut connection, small).await, Vec::<String>::new(), "snowflakes have 64 bits and no sign");
    let coarse = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()
         AND (column_name LIKE '%\\_at' OR column_name IN ('since', 'suspended_until')) AND column_type <> 'datetime(6)'";
    assert_eq!(of_type(&mut connection, coarse).await, Vec::<String>::new(), "times have microseconds");
    let foreign = "SELECT table_name, COALESCE(column_name, '') FROM information_schema.columns
         WHERE table_schema = DATABASE() AND collation_name <> 'utf8mb4_bin'";
    assert_eq!(of_type(&mut connection, foreign).await, Vec::<String>::new(), "every text is compared byte for byte");
}

async fn mysql_schema(connection: &mut MySqlConnection) -> Schema {
    let mut schema = Schema::default();
    let columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()";
    for row in sqlx::query(columns).fetch_all(&mut *connection).await.expect("columns") {
        schema.columns.entry(row.get(0)).or_default().insert(row.get(1));
    }
    let references = "SELECT table_name, column_name, referenced_table_name FROM information_schema.key_column_usage
         WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL";
    for row in sqlx::query(references).fetch_all(&mut *connection).await.expect("references") {
        schema.references.insert((row.get(0), row.get(1), row.get(2)));
    }
    for (table, _) in TABLES {
        let definition = sqlx::query(sqlx::AssertSqlSafe(format!("SHOW CREATE TABLE {table}")));
        let row = definition.fetch_one(&mut *connection).await.expect("a definition");
        schema.definitions.insert((*table).to_owned(), row.get(1));
    }
    schema
}
