//! No statement looks through a whole table: everything a working day asks of the database finds its rows by an index.
//!
//! The statements are not listed here. The server is asked which it was given while the command was used, by a guild among
//! two hundred, and then how it goes about each.

use std::collections::{BTreeMap, BTreeSet};

use setai::store::open;
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};

use super::desk::Desk;
use crate::support::mariadb::{TestDatabase, administrator};
use crate::support::terminal::{Terminal, finished};

const LAYOUT: &str = "roles:\n  staff: { permissions: [kick_members] }\n\
    categories:\n  area:\n    name: Area\n    channels:\n      rules: { topic: Be kind }\n      help: {}\n";

/// Everybody else's guilds, so that there is something to avoid. What the rows say in full is read by nobody here.
const CROWD: [&str; 18] = [
    "SET SESSION max_statement_time = 0",
    "INSERT INTO servers (server_id, joined_at, updated_at)
     SELECT seq, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_200",
    "INSERT INTO channels (channel_id, server_id, is_managed, created_at, updated_at, key_kind, manifest_key, provenance,
                           binding_state, is_protected)
     SELECT seq, 1 + seq MOD 200, TRUE, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), 'channel', CONCAT('c', seq), 'created',
            'active', FALSE FROM seq_1_to_6000",
    "INSERT INTO roles (role_id, server_id, is_managed, created_at, updated_at, manifest_key, provenance, binding_state,
                        is_protected)
     SELECT seq, 1 + seq MOD 200, TRUE, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), CONCAT('r', seq), 'created', 'active', FALSE
     FROM seq_1_to_3000",
    "INSERT INTO image_hashes (server_id, sha256, hash) SELECT 1 + seq MOD 200, SHA2(seq, 256), MD5(seq) FROM seq_1_to_1000",
    "INSERT INTO leases (server_id, fence, taken_at, expires_at)
     SELECT seq, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_200",
    "INSERT INTO guild_states (digest, server_id, state, recorded_at)
     SELECT SHA2(seq, 256), 1 + seq MOD 200, '{}', UTC_TIMESTAMP(6) FROM seq_1_to_2000",
    "INSERT INTO reconciliations (reconciliation_id, server_id, triggered_by, actor, plan_digest, plan, state_before,
                                  started_at, verdict, finished_at)
     SELECT UUID(), 1 + seq MOD 200, 'person', 'local:ann', SHA2(seq, 256), '{}', SHA2(seq, 256),
            UTC_TIMESTAMP(6), 'succeeded', UTC_TIMESTAMP(6) FROM seq_1_to_2000",
    "INSERT INTO operations (operation_id, reconciliation_id, step, operation, intended_at, phase, outcome, settled_at)
     SELECT UUID(), reconciliation_id, 1000 + seq, '{}', UTC_TIMESTAMP(6), 'done', '{}', UTC_TIMESTAMP(6)
     FROM reconciliations JOIN seq_1_to_3",
    "INSERT INTO approvals (approval_id, server_id, plan_digest, granted_by, granted_at)
     SELECT UUID(), 1 + seq MOD 200, SHA2(seq, 256), 'local:ann', UTC_TIMESTAMP(6) FROM seq_1_to_2000",
    "INSERT INTO audit_chains (server_id, length, hash, pruned_through, pruned_hash)
     SELECT seq, 30, SHA2(seq, 256), 0, SHA2(0, 256) FROM seq_1_to_200",
    "INSERT INTO audit_logs (log_id, server_id, action_type, action_details, logged_at, correlation_id, operation_id, phase,
                             actor, format, number, previous_hash, hash)
     SELECT UUID(), 1 + seq MOD 200, 'channel_modified', '{}', UTC_TIMESTAMP(6) - INTERVAL seq HOUR, UUID(), UUID(), 'done',
            'local:ann', 1, 1 + seq DIV 200, SHA2(seq, 256), SHA2(seq + 1, 256) FROM seq_0_to_5999",
    "INSERT INTO guild_statuses (server_id, state, reason, message, since, updated_at, failures, observed_at)
     SELECT seq, 'ready', 'InSync', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), 0, UTC_TIMESTAMP(6) FROM seq_100_to_2000",
    "INSERT INTO suspensions (server_id, suspended_by, suspended_reason, suspended_at, suspended_until)
     SELECT seq, 'local:ann', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_100_to_200",
    "INSERT INTO held_plans (hold_id, server_id, plan_digest, plan, held_at, waiting_for, closing, closed_at)
     SELECT UUID(), 1 + seq MOD 200, SHA2(seq, 256), '{}', UTC_TIMESTAMP(6), IF(seq > 20, NULL, 1 + seq),
            IF(seq > 20, 'applied', NULL), IF(seq > 20, UTC_TIMESTAMP(6), NULL) FROM seq_1_to_2000",
    "INSERT INTO drift_records (drift_id, server_id, subject, summary, operation, fingerprint, first_seen_at, last_seen_at,
                                status, resolved_at)
     SELECT UUID(), 1 + seq MOD 200, 'order', '', '{}', SHA2(seq, 256), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),
            IF(seq MOD 20 = 0, 'open', 'gone'), IF(seq MOD 20 = 0, NULL, UTC_TIMESTAMP(6)) FROM seq_1_to_4000",
    "INSERT INTO schedules (server_id, next_sweep_at) SELECT seq, UTC_TIMESTAMP(6) FROM seq_100_to_2000",
    "ANALYZE TABLE servers, channels, roles, image_hashes, leases, guild_states, reconciliations, operations, approvals,
                   audit_chains, audit_logs, guild_statuses, suspensions, held_plans, drift_records, schedules",
];

/// What stays small whatever happens: a row for each migration, and the latest runs, which a statement has picked out.
const SMALL: [&str; 2] = ["schema_migrations", "latest"];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_of_the_database_is_found_by_an_index() {
    let database = TestDatabase::new().await;
    let terminal = Terminal::new().await;
    let run = async |arguments: &[&str]| {
        let mut command = terminal.command(arguments);
        command.env("SETAI_DATABASE_URL", database.setting());
        finished(command).await
    };
    run(&["migrate", "up"]).await.works(&["applied"]);

    let mut server = administrator().await;
    server.execute("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON").await.expect("a log");
    working_day(&terminal, &run).await;
    let store = open(&database.url()).await.expect("open");
    super::controller::everything_a_controller_asks(&Desk::at(store)).await;
    server.execute("SET GLOBAL general_log = OFF").await.expect("no log");

    let statements = asked(&mut server, &database.name).await;
    assert!(statements.len() > 30, "a working day asks more than this: {statements:#?}");
    let mut connection = database.connect().await;
    for sql in CROWD {
        connection.execute(sql).await.expect(sql);
    }
    let mut slow = of_the_server(&mut connection, &statements).await;
    slow.extend(of_a_file(&terminal, &statements).await);
    assert!(slow.is_empty(), "{slow:#?}");
    println!("{} statements of a working day: each finds its rows by an index, in both databases", statements.len());
}

/// Everything that is done every day, and what is done when something went wrong.
async fn working_day(terminal: &Terminal, run: &impl AsyncFn(&[&str]) -> crate::support::terminal::Ran) {
    terminal.write("guild.yaml", LAYOUT);
    run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    terminal.write("guild.yaml", &LAYOUT.replace("Be kind", "Be kinder").replace("      help: {}\n", ""));
    run(&["plan", "."]).await.works(&["2 to change"]);
    run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    run(&["drift", "."]).await.works(&[]);
    run(&["history"]).await.works(&["succeeded"]);
    let guild = terminal.guild.to_string();
    let history = run(&["history", "--guild", &guild, "--json"]).await;
    let runs: serde_json::Value = serde_json::from_str(&history.out).expect("JSON");
    let id = runs[0]["id"].as_str().expect("an id").to_owned();
    run(&["history", &id]).await.works(&["help"]);
    // What was archived becomes public again, which somebody has to say.
    let back = run(&["rollback", &id[id.len() - 8..], "--auto-approve"]).await;
    let (_, digest) = back.err.split_once("--approve ").expect("it says how");
    let digest = digest.split('`').next().expect("a digest");
    run(&["rollback", &id[id.len() - 8..], "--approve", digest]).await.works(&["Applied"]);
    run(&["audit", "list"]).await.works(&["channel_modified"]);
    for filter in [["--guild", guild.as_str()], ["--run", id.as_str()], ["--since", "1h"]] {
        run(&[&["audit", "list"], &filter[..]].concat()).await.works(&["channel_modified"]);
    }
    let rows = run(&["audit", "list", "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&rows.out).expect("JSON");
    let row = rows[0]["log_id"].as_str().expect("an id");
    run(&["audit", "show", &row[row.len() - 8..]]).await.works(&[row]);
    run(&["audit", "verify", "--guild", &guild]).await.works(&["intact"]);
    run(&["audit", "export", "--guild", &guild, "--format", "jsonl"]).await.works(&["channel_modified"]);
}

/// One of each shape of the statements this database was given, with the values of that time.
async fn asked(server: &mut MySqlConnection, database: &str) -> Vec<String> {
    let connections = "SELECT thread_id FROM mysql.general_log WHERE command_type = 'Connect' AND argument LIKE ?";
    let ours: Vec<u64> = sqlx::query(connections)
        .bind(format!("%{database}%"))
        .fetch_all(&mut *server)
        .await
        .expect("the log")
        .iter()
        .map(|row| row.try_get(0).expect("a number"))
        .collect();
    let log = sqlx::query(
        "SELECT thread_id, CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE command_type = 'Execute'",
    );
    let mut shapes = BTreeMap::new();
    for row in log.fetch_all(server).await.expect("the log") {
        let thread: u64 = row.try_get(0).expect("a number");
        let text: String = row.try_get(1).expect("a text");
        let verb = text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        // What the server keeps about itself has no indexes.
        let is_about_data = !text.contains("information_schema");
        if is_about_data
            && ours.contains(&thread)
            && ["SELECT", "UPDATE", "DELETE"].contains(&&*verb)
            && text.contains(" FROM ") | (verb == "UPDATE")
        {
            shapes.entry(shape(&text)).or_insert(text);
        }
    }
    shapes.into_values().collect()
}

/// The statement without its values.
fn shape(statement: &str) -> String {
    let mut shape = String::new();
    let mut characters = statement.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                while let Some(c) = characters.next() {
                    match c {
                        '\\' => _ = characters.next(),
                        '\'' => break,
                        _ => {}
                    }
                }
                shape.push('?');
            }
            c if c.is_ascii_digit() && !shape.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                while characters.next_if(char::is_ascii_digit).is_some() {}
                shape.push('?');
            }
            c => shape.push(c),
        }
    }
    shape
}

/// The statements for which the server would look through a table.
async fn of_the_server(connection: &mut MySqlConnection, statements: &[String]) -> BTreeSet<String> {
    let mut slow = BTreeSet::new();
    for statement in statements {
        let explained = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN {statement}"))).await.expect(statement);
        for row in explained {
            let text = |column| row.try_get::<Option<String>, _>(column).expect(column).unwrap_or_default();
            let (table, how, key, extra) = (text("table"), text("type"), text("key"), text("Extra"));
            // A table of which nothing has to be read has no way of reading it; neither has a derived one.
            let is_read = !table.is_empty() && !table.starts_with('<') && !extra.contains("No matching");
            // Going along an index until there is enough is well; looking for something all along it is not.
            let is_whole = key.is_empty() || how == "ALL" || how == "index" && extra.contains("Using where");
            if is_read && is_whole && !SMALL.contains(&&*table) {
                slow.insert(format!("MariaDB reads all of {table}: {statement}"));
            }
        }
    }
    slow
}

/// The statements for which SQLite would look through a table.
async fn of_a_file(terminal: &Terminal, statements: &[String]) -> BTreeSet<String> {
    terminal.run(&["migrate", "up"]).await.works(&["applied"]);
    let options = SqliteConnectOptions::new().filename(terminal.path("setai.db"));
    let mut connection = options.connect().await.expect("a file");
    let mut slow = BTreeSet::new();
    for statement in statements {
        // Two things MariaDB says in its own way.
        let statement = statement.trim_end_matches(" FOR UPDATE").replace("TIMESTAMP'", "'");
        let plan =
            connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).await.expect(&statement);
        for row in plan {
            let detail: String = row.try_get("detail").expect("a text");
            let table = detail.strip_prefix("SCAN ").and_then(|rest| rest.split_whitespace().next());
            let is_scan = table.is_some_and(|table| !SMALL.contains(&table)) && !detail.contains(" INDEX ");
            if is_scan && detail != "SCAN CONSTANT ROW" {
                slow.insert(format!("SQLite: {detail}: {statement}"));
            }
        }
    }
    slow
}
