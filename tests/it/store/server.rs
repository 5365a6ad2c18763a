//! What only a server can go through: old tables and half-made ones, users without rights, connections that break.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use setai::model::{GuildId, ObjectKind};
use setai::store::{
    AuditFilter, DatabaseUrl, DriftFilter, Error, Finish, GuildState, IntendedStep, MigrationState, Outcome,
    StepCounts, Store, Verdict, migrate, migrations, open,
};
use sha2::{Digest, Sha256};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::chains::are_intact;
use super::desk::Desk;
use super::{
    GUILD, at, bind, channel, create_rules, done, finish, guild, intent, key, new_run, operation_id, rebinding, rows,
    run_id, settled,
};
use crate::support::mariadb::{TestDatabase, administrator};

// ---- tables ----

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("folder").map(|file| file.expect("file").path()).collect();
    files.sort();
    files
}

/// Does what a build with the first migrations alone did, with the rows it could have left.
async fn as_of(connection: &mut MySqlConnection, count: usize) {
    let create = "CREATE TABLE schema_migrations (version VARCHAR(50) NOT NULL PRIMARY KEY, description TEXT,
        applied_at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), checksum VARCHAR(64) NOT NULL)
        ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    connection.execute(create).await.expect("a table");
    let migrations = files("migrations/mysql");
    let rows = files("tests/migrations/mysql");
    assert_eq!(migrations.len(), rows.len(), "every migration has rows");
    for (migration, rows) in migrations.iter().zip(rows).take(count) {
        let text = std::fs::read_to_string(migration).expect("a file");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(text.clone()))).await.expect("a migration");
        let checksum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let version = migration.file_stem().expect("a name").to_string_lossy().into_owned();
        let noted = sqlx::query("INSERT INTO schema_migrations (version, checksum) VALUES (?, ?)");
        noted.bind(version).bind(checksum).execute(&mut *connection).await.expect("noted");
        let rows = std::fs::read_to_string(rows).expect("a file");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(rows))).await.expect("rows");
    }
}

#[tokio::test]
async fn a_guild_is_kept_as_a_run_left_it() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    let (before, after) = (guild(GUILD, Vec::new()), guild(GUILD, vec![channel(5, "talk")]));
    store.begin(&new_run(1, before)).await.expect("begin");
    store.finish(run_id(1), &Finish { after: Some(after.clone()), ..finish(Verdict::Partial) }).await.expect("finish");
    let kept =
        sqlx::query_scalar("SELECT s.state FROM reconciliations r JOIN guild_states s ON s.digest = r.state_after");
    let kept: String = kept.fetch_one(&mut database.connect().await).await.expect("a state");
    let kept: GuildState = serde_json::from_str(&kept).expect("what was written");
    assert_eq!(kept.guild, after);
}

#[tokio::test]
async fn rows_survive_the_way_from_every_version_to_this_one() {
    let all = files("migrations/mysql").len();
    for count in 1..=all {
        let database = TestDatabase::new().await;
        as_of(&mut database.connect().await, count).await;
        assert_eq!(migrate(&database.url()).await.expect("migrated").len(), all - count);
        let store = open(&database.url()).await.expect("open");
        let guild = GuildId::new(22);
        let bound = store.bindings(guild).await.expect("bindings");
        assert_eq!((bound.roles.len(), bound.categories.len(), bound.channels.len(), bound.images.len()), (1, 1, 1, 1));
        assert_eq!(rows(&*store, AuditFilter::default()).await.len(), 2);
        assert_eq!(are_intact(&*store).await, 1, "old rows are in the chain too");
        let unfinished = store.unfinished(guild).await.expect("unfinished");
        assert_eq!((unfinished.len(), unfinished[0].open.len(), unfinished[0].summary.steps.failed), (1, 1, 1));
        // The fifth made the tables of the controller.
        let has_them = count >= 5;
        assert_eq!(store.status(guild).await.expect("status").is_some(), has_them);
        assert_eq!(store.held_plans(Some(guild)).await.expect("plans").len(), usize::from(has_them));
        assert_eq!(store.drift(None, DriftFilter::Open, 10).await.expect("drift").len(), usize::from(has_them));
        let approval = store.approval(guild, "abd", at(0)).await.expect("approvals");
        assert_eq!(approval.is_some(), count >= 4, "an old approval does not expire");
        store.close().await;
    }
}

#[tokio::test]
async fn old_audit_rows_are_put_into_chains_and_an_interruption_costs_nothing() {
    const ROWS: u64 = 1_203;
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    as_of(&mut connection, 2).await;
    connection
        .execute("INSERT INTO servers (server_id, joined_at, updated_at) VALUES (23, NOW(6), NOW(6))")
        .await
        .expect("a guild");
    // In turns, so that the two chains are cut out of one trail.
    let more = format!(
        "INSERT INTO audit_logs (log_id, server_id, action_type, action_details, before_state, logged_at, sequence, phase,
                                 actor, reason)
         SELECT UUID(), 22 + seq % 2, 'channel_modified',
                '{{\"target_type\":\"channel\",\"action_parameters\":null,\"impact_scope\":\"channel\",\"affected_entities\":[]}}',
                CONCAT('{{\"n\":', seq, ',\"name\":\"größer 🦀\"}}'), '2026-11-22 11:00:00.000001', seq, 'done', 'local:ada',
                IF(seq % 3 = 0, NULL, '')
         FROM seq_3_to_{ROWS}"
    );
    connection.execute(AssertSqlSafe(more)).await.expect("rows");
    let before = texts_of(&mut connection, "SELECT log_id FROM audit_logs ORDER BY server_id, sequence").await;

    let mut interruptions = 0;
    let wire = Wire::to(database.port).await;
    let through_the_wire: DatabaseUrl = database.setting_at(wire.port).parse().expect("a URL");
    // The first time everything up to the copying is done, which is far from the end.
    for packets in [2_000, 1_700, 500] {
        wire.breaks_at(packets);
        let error = migrate(&through_the_wire).await.expect_err("it breaks");
        assert!(wire.mend() && matches!(error, Error::ConnectionLost { .. }), "{error:?}");
        let sealed = texts_of(&mut connection, "SELECT CAST(COUNT(*) AS CHAR) FROM audit_logs").await;
        assert!((1..ROWS).contains(&sealed[0].parse().expect("a number")), "{sealed:?}");
        interruptions += 1;
    }
    migrate(&database.url()).await.expect("whoever comes next goes on");
    let after = texts_of(&mut connection, "SELECT log_id FROM audit_logs ORDER BY server_id, number").await;
    assert_eq!(after, before, "each once, in the order they were written");
    let store = open(&database.url()).await.expect("open");
    assert_eq!(are_intact(&*store).await, 2);
    println!("sealing: {ROWS} old rows in 2 chains, interrupted {interruptions} times");
}

async fn texts_of(connection: &mut MySqlConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(connection).await.expect("texts")
}

#[tokio::test]
async fn several_starters_migrate_once() {
    let database = TestDatabase::new().await;
    let mut starters = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = database.url();
        starters.spawn(async move { migrate(&url).await.expect("one migrates and the others wait").len() });
    }
    let applied = starters.join_all().await;
    assert_eq!(applied.iter().sum::<usize>(), files("migrations/mysql").len(), "{applied:?}");
}

#[tokio::test]
async fn tables_of_another_build_are_left_alone() {
    let database = TestDatabase::new().await;
    open(&database.url()).await.expect("open").close().await;
    let refusal = async || open(&database.url()).await.expect_err("refused");
    let state = async || migrations(&database.url()).await.expect("status").pop().expect("one").state;
    assert_eq!(state().await, MigrationState::Applied);

    database.execute("INSERT INTO schema_migrations (version, checksum) VALUES ('9999_later', 'x')").await;
    let error = refusal().await;
    assert!(matches!(error, Error::NewerSchema { ref version } if version == "9999_later"), "{error:?}");
    assert_eq!(state().await, MigrationState::Unknown);
    database.execute("DELETE FROM schema_migrations WHERE version = '9999_later'").await;

    // A process died while it migrated.
    database.execute("UPDATE schema_migrations SET applied_at = NULL ORDER BY version DESC LIMIT 1").await;
    let error = refusal().await;
    assert!(matches!(error, Error::HalfMigrated { .. }), "{error:?}");
    assert!(error.to_string().contains("Restore the backup"), "{error}");
    assert_eq!(state().await, MigrationState::Unfinished);

    database.execute("UPDATE schema_migrations SET checksum = 'x' ORDER BY version DESC LIMIT 1").await;
    let error = refusal().await;
    assert!(matches!(error, Error::EditedMigration { .. }), "{error:?}");
    assert_eq!(state().await, MigrationState::Edited);
}

#[tokio::test]
async fn a_migration_that_cannot_begin_can_be_tried_again_and_one_that_breaks_is_named() {
    let database = TestDatabase::new().await;
    // A table of that name is there already, as the first one to be made.
    database.execute("CREATE TABLE users (x INT)").await;
    let error = open(&database.url()).await.expect_err("the table is in the way");
    assert!(matches!(error, Error::Migration { .. }), "{error:?}");
    database.execute("DROP TABLE users").await;
    // And now one that is made later.
    database.execute("CREATE TABLE leases (x INT)").await;
    let error = open(&database.url()).await.expect_err("the table is in the way");
    assert!(matches!(error, Error::BrokenMigration { failed, all, .. } if failed == all && all > 10), "{error:?}");
    let error = open(&database.url()).await.expect_err("half of it is there");
    assert!(matches!(error, Error::HalfMigrated { .. }), "{error:?}");
}

#[tokio::test]
async fn the_audit_trail_cannot_be_changed_by_anybody() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 5)])).await.expect("rebind");
    let mut connection = database.connect().await;
    for sql in ["UPDATE audit_logs SET actor = 'nobody'", "DELETE FROM audit_logs"] {
        let error = connection.execute(sql).await.expect_err("refused");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

// ---- bad settings ----

/// The whole of what somebody at a terminal is told.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn what_is_wrong_with_the_setting_is_said_without_the_password() {
    let database = TestDatabase::new().await;
    let (port, name) = (database.port, &database.name);
    let closed =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port").local_addr().expect("a port").port();
    let cases = [
        (format!("mysql://setai:hunter2@127.0.0.1:{port}/{name}"), "refuses the user and password"),
        (format!("mysql://nobody:hunter2@127.0.0.1:{port}/{name}"), "refuses the user and password"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{port}/setai_nothing"), "has no such database"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{port}/mysql"), "does not let the user"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{closed}/{name}"), "cannot reach the database server"),
        (format!("mysql://setai:a%20secret@nowhere.invalid/{name}"), "cannot reach the database server"),
        (
            format!("mysql://setai:a%20secret@127.0.0.1:{port}/{name}?ssl-mode=VERIFY_CA"),
            "cannot reach the database server",
        ),
    ];
    for (url, words) in cases {
        let error = open(&url.parse().expect("a URL")).await.expect_err(words);
        let (told, shown) = (told(&error), format!("{error:?}"));
        assert!(told.contains(words) && told.contains("SETAI_DATABASE_URL"), "{url}: {told}");
        assert!(!told.contains("secret") && !told.contains("hunter2"), "{told}");
        assert!(!shown.contains("a secret") && !shown.contains("hunter2"), "{shown}");
    }
    let store = open(&database.url()).await.expect("open");
    let shown = format!("{:?} {store:?}", database.url());
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_server_by_its_socket_is_a_server() {
    let database = TestDatabase::new().await;
    let (socket, _) = database.files().await;
    let url = format!("mysql://setai:a%20secret@localhost/{}?socket={socket}", database.name);
    let store = open(&url.parse::<DatabaseUrl>().expect("a URL")).await.expect("open");
    assert_eq!(store.history(None, 1).await.expect("history"), []);
}

#[tokio::test]
async fn the_connection_is_encrypted_as_the_setting_says() {
    let database = TestDatabase::new().await;
    let (_, authority) = database.files().await;
    // The server knows this user only when the connection is encrypted.
    let setting = |parameters: &str| {
        let setting = database.setting().replace("ssl-mode=DISABLED", parameters).replace("setai:", "setai_tls:");
        setting.parse::<DatabaseUrl>().expect("a URL")
    };
    for parameters in ["", "ssl-mode=REQUIRED", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={authority}")] {
        let store = open(&setting(parameters)).await.expect(parameters);
        assert_eq!(store.history(None, 1).await.expect("history"), []);
    }
    let error = open(&setting("ssl-mode=DISABLED")).await.expect_err("it is not encrypted");
    assert!(matches!(error, Error::AccessDenied { .. }), "{error:?}");
    let error = open(&setting("ssl-mode=VERIFY_IDENTITY")).await.expect_err("nobody knows the authority");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(told(&error).contains("certificate"), "{}", told(&error));
}

/// A user of the database with these rights.
async fn user_with(database: &TestDatabase, user: &str, rights: &str) -> DatabaseUrl {
    let (name, port) = (&database.name, database.port);
    // Names of users have at most 32 characters.
    let user = format!("{user}_{}", &name[name.len() - 20..]);
    let mut administrator = administrator().await;
    for sql in
        [format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'x'"), format!("GRANT {rights} ON {name}.* TO '{user}'@'%'")]
    {
        administrator.execute(AssertSqlSafe(sql)).await.expect("an administrator may");
    }
    format!("mysql://{user}:x@127.0.0.1:{port}/{name}").parse().expect("a URL")
}

#[tokio::test]
async fn the_rights_of_the_documentation_are_enough_and_less_is_said_to_be() {
    let database = TestDatabase::new().await;
    let documentation = include_str!("../../../docs/database.md");
    let grant = documentation.lines().find_map(|line| line.strip_prefix("GRANT ")).expect("it is there");
    let owner = user_with(&database, "owner", grant.split(" ON ").next().expect("rights")).await;
    let worker = user_with(&database, "worker", "SELECT, INSERT, UPDATE, DELETE").await;

    let error = open(&worker).await.expect_err("there are no tables, and it may not make any");
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    migrate(&owner).await.expect("somebody else makes them");
    for url in [worker, owner] {
        let store = Desk::at(open(&url).await.expect("open"));
        store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 5)])).await.expect("rebind");
        store.give_back().await;
    }
}

// ---- sessions ----

#[tokio::test]
async fn a_session_is_what_the_store_assumes() {
    let database = TestDatabase::new().await;
    // Whatever the administrator likes.
    let mut administrator = administrator().await;
    administrator.execute("SET GLOBAL time_zone = '-05:00'").await.expect("a setting");
    let store = Desk::at(open(&database.url()).await.expect("open"));
    administrator.execute("SET GLOBAL time_zone = 'SYSTEM'").await.expect("a setting");
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    assert_eq!(store.history(None, 1).await.expect("history")[0].started_at, at(0));
    let mut connection = database.connect().await;
    let same = sqlx::query_scalar::<_, i64>(
        "SELECT COUNT(*) FROM reconciliations WHERE started_at = FROM_UNIXTIME(1793000000.123456)",
    );
    assert_eq!(same.fetch_one(&mut connection).await.expect("a count"), 1, "in the database it is UTC as well");
}

#[tokio::test]
async fn writers_of_many_guilds_each_have_a_chain_of_their_own() {
    const WRITERS: u64 = 8;
    const STEPS: u32 = 6;
    let database = TestDatabase::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 1..=WRITERS {
        // Each has a pool of its own, as another process would.
        let url = database.url();
        writers.spawn(async move {
            let store = Desk::at(open(&url).await.expect("open"));
            let run = new_run(u128::from(writer), guild(GuildId::new(writer), Vec::new()));
            store.begin(&run).await.expect("begin");
            for step in 1..=STEPS {
                let operation_id = operation_id(u128::from(writer) * 1000 + u128::from(step));
                let intent = IntendedStep { operation_id, ..intent(step, create_rules()) };
                store.intend(run.id, &intent).await.expect("intend");
                store.settle(run.id, intent.step, &settled(done())).await.expect("settle");
            }
        });
    }
    writers.join_all().await;
    let store = open(&database.url()).await.expect("open");
    let history = store.history(None, 100).await.expect("history");
    assert!(history.len() as u64 == WRITERS && history.iter().all(|run| run.steps.done == STEPS), "{history:?}");
    let trail = rows(&*store, AuditFilter { limit: 1000, ..AuditFilter::default() }).await;
    assert_eq!(trail.len() as u64, WRITERS * u64::from(STEPS) * 2);
    assert_eq!(are_intact(&*store).await, WRITERS as usize, "a chain for each, none of which waited for another");
}

#[tokio::test]
async fn an_approval_is_used_once_by_everybody_together() {
    let database = TestDatabase::new().await;
    let store = open(&database.url()).await.expect("open");
    super::approve_abc(&*store).await;
    assert_eq!(super::begun_on_abc(vec![store; 8]).await, 1);
}

// ---- connections that break ----

/// Stands between the store and the server, and breaks everything off after so many packets from the store.
struct Wire {
    port: u16,
    left: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let wire =
            Self { port: listener.local_addr().expect("a port").port(), left: Arc::new(AtomicUsize::new(usize::MAX)) };
        let left = Arc::clone(&wire.left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server");
                tokio::spawn(carry(client, server, Arc::clone(&left)));
            }
        });
        wire
    }

    /// Breaks before the n-th packet from now.
    fn breaks_at(&self, packet: usize) {
        self.left.store(packet, Ordering::SeqCst);
    }

    /// Never breaks again. True when it had to break before.
    fn mend(&self) -> bool {
        self.left.swap(usize::MAX, Ordering::SeqCst) == 0
    }
}

/// Carries bytes both ways until the wire breaks.
async fn carry(mut client: TcpStream, mut server: TcpStream, left: Arc<AtomicUsize>) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            sent = client.read(&mut from_client) => {
                let Ok(count @ 1..) = sent else { return };
                let counted = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                    usize::MAX => Some(left),
                    left => left.checked_sub(1),
                });
                if counted.is_err() || server.write_all(&from_client[..count]).await.is_err() {
                    return;
                }
            }
            answered = server.read(&mut from_server) => {
                let Ok(count @ 1..) = answered else { return };
                if client.write_all(&from_server[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A short run, each of whose records goes through the wire.
async fn a_run(store: &Desk) -> Result<(), Error> {
    let created = Outcome::Done {
        created: Some(setai::store::Created::Channel(twilight_model::id::Id::new(77))),
        after: None,
        bindings: vec![setai::plan::BindingChange::BindCreated {
            kind: ObjectKind::Channel,
            key: key("rules"),
            protected: false,
        }],
        facts: Vec::new(),
    };
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await?;
    store.intend(run_id(1), &intent(1, create_rules())).await?;
    store.settle(run_id(1), intent(1, create_rules()).step, &settled(created)).await?;
    store.finish(run_id(1), &finish(Verdict::Succeeded)).await
}

#[tokio::test]
async fn a_connection_that_breaks_at_any_statement_of_a_run_leaves_nothing_half_written() {
    let mut breaks = 0;
    for packet in 0.. {
        let database = TestDatabase::new().await;
        let wire = Wire::to(database.port).await;
        let store = Desk::at(open(&database.setting_at(wire.port).parse().expect("a URL")).await.expect("open"));
        store.take_lease().await;
        wire.breaks_at(packet);
        let result = a_run(&store).await;
        if !wire.mend() {
            result.expect("it did not break");
            break;
        }
        breaks += 1;
        // Whoever looks sees whole records and one row for each, whether or not the last one was written.
        let aside = open(&database.url()).await.expect("open");
        is_whole(&*aside, &result).await;
        // The store itself goes on with another connection as if nothing had been.
        store.history(None, 1).await.expect("it mends itself");
        aside.close().await;
    }
    println!("connection lost: {breaks} of {breaks} places in a run left nothing half-written");
    assert!(breaks > 20, "{breaks}");
}

async fn is_whole(store: &dyn Store, result: &Result<(), Error>) {
    let trail = rows(store, AuditFilter::default()).await.len();
    let history = store.history(None, 10).await.expect("history");
    let steps = history.first().map_or(StepCounts::default(), |run| run.steps);
    let expected = (steps.open + 2 * steps.done) as usize;
    assert_eq!(trail, expected, "{history:?}");
    let bound = store.bindings(GUILD).await.expect("bindings").channels.len();
    assert_eq!(bound, steps.done as usize, "{history:?}");
    match result {
        // A pool that finds a dead connection makes another one, and nobody hears of it.
        Ok(()) => assert!(history[0].finished.is_some()),
        Err(Error::ConnectionLost { .. } | Error::Unsure { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}
