//! Backups: what is kept, that damage is found, that nothing is destroyed by a restore, and what an old store means for a
//! guild that went on without it.

mod bad_input;
mod old_stores;
mod rehearsal;
mod servers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use setai::model::GuildId;
use setai::simulator::Act;
use setai::store::{AuditFilter, DatabaseUrl, open};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::terminal::{Ran, Terminal};

const LAYOUT: &str = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { moderator: { permissions: [manage_messages] } }
categories:
  study:
    channels:
      questions: { topic: Ask }
      room-1: { type: voice }
";

/// What was added after the backup.
const LATER: &str = "
      later: { topic: Came later }
      room-2: { type: voice }
";

async fn apply(terminal: &Terminal) {
    terminal.run(&["apply", "server", "--auto-approve"]).await.works(&["equals its manifest"]);
}

/// A guild with a layout that was applied.
async fn begun() -> Terminal {
    let terminal = Terminal::new().await;
    terminal.write("server/guild.yaml", LAYOUT);
    apply(&terminal).await;
    terminal
}

async fn backup(terminal: &Terminal, arguments: &[&str]) -> Ran {
    terminal.run(&[&["backup", "--folder", "backups"], arguments].concat()).await
}

/// Makes a backup and tells where it is.
async fn made(terminal: &Terminal, arguments: &[&str]) -> PathBuf {
    let ran = backup(terminal, &[&["create", "--json"], arguments].concat()).await;
    ran.works(&[]);
    let answer: Value = serde_json::from_str(&ran.out).expect("JSON");
    terminal.path(answer["path"].as_str().expect("a path"))
}

fn writes(terminal: &Terminal) -> usize {
    terminal.simulator.requests().iter().filter(|request| request.is_write()).count()
}

/// What people read, without what differs from run to run.
fn told(terminal: &Terminal, text: &str) -> String {
    let folder = terminal.folder.path().canonicalize().expect("a folder").display().to_string();
    let text = text.replace(&folder, "").replace(&terminal.guild.to_string(), "GUILD");
    let lines = text.lines().map(|line| line.split_once(", at 2").map_or(line, |(before, _)| before));
    let text = lines.collect::<Vec<_>>().join("\n");
    let is_digit = |c: char| c.is_ascii_digit();
    // Times and counts of bytes and rows.
    let mut stable = String::new();
    for c in text.chars() {
        match is_digit(c) {
            true if stable.ends_with('#') => {}
            true => stable.push('#'),
            false => stable.push(c),
        }
    }
    stable
}

async fn plan(terminal: &Terminal) -> Value {
    let ran = terminal.run(&["plan", "server", "--json"]).await;
    ran.works(&[]);
    serde_json::from_str(&ran.out).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_listed_verified_and_read_by_people() {
    let terminal = begun().await;
    let ran = backup(&terminal, &["create"]).await;
    ran.works(&[]);
    insta::assert_snapshot!(told(&terminal, &ran.out), @r"
    Backup of #-#-# #:#:# UTC, now, by setai #.#.#
      the database: # rows in # tables
      Rust Study Group GUILD: # roles, # channels
    Wrote and verified backups/setai-#T#.#Z.
    ");
    insta::assert_snapshot!(told(&terminal, &backup(&terminal, &["list"]).await.out), @"setai-#T#.#Z  the database and # guild(s), by setai #.#.#, # KiB");
    insta::assert_snapshot!(told(&terminal, &backup(&terminal, &["verify"]).await.out), @"setai-#T#.#Z  whole");
    let path = made(&terminal, &[]).await;
    let listed: Value = serde_json::from_str(&backup(&terminal, &["list", "--json"]).await.out).expect("JSON");
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(2));
    assert!(path.ends_with(listed["backups"][0]["path"].as_str().expect("a path")), "newest first: {listed}");

    // Everything is for its owner only, and other tools can check it too.
    let mode = |name: &str| fs::metadata(path.join(name)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("guilds"), mode(&format!("guilds/{}", terminal.guild))), (0o700, 0o700, 0o700));
    let files = ["backup.json", "SHA256SUMS", "store.db", &format!("guilds/{}/guild.yaml", terminal.guild)];
    assert_eq!(files.map(mode), [0o600; 4]);
    let mut check = std::process::Command::new("sha256sum");
    check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&path);
    assert!(check.status().expect("it runs").success());

    // The layout is what `import` writes, and plans to nothing.
    terminal.run(&["import", "--guild", &terminal.guild.to_string(), "--output", "imported"]).await.works(&[]);
    let imported = fs::read_to_string(terminal.path("imported/guild.yaml")).expect("a manifest");
    let kept = fs::read_to_string(path.join(format!("guilds/{}/guild.yaml", terminal.guild))).expect("a manifest");
    assert_eq!(kept, imported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_changes_nothing_and_binds_nothing() {
    let terminal = Terminal::new().await;
    terminal.write("server/guild.yaml", "roles: { moderator: {} }\n");
    apply(&terminal).await;
    terminal.simulator.forget_requests();
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("the database");
    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let (bound, trail) = (store.bindings(guild).await.expect("bindings"), store.audit(&AuditFilter::default()).await);
    made(&terminal, &[]).await;
    assert_eq!(writes(&terminal), 0);
    assert_eq!(store.bindings(guild).await.expect("bindings"), bound, "channels nobody bound are still nobody's");
    assert_eq!(store.audit(&AuditFilter::default()).await.expect("audit"), trail.expect("audit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_copied_while_others_write() {
    let terminal = begun().await;
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("the database");
    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let lease = store.lease(guild, "a writer", Duration::from_secs(60)).await.expect("nobody has it");
    let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (until, writing) = (is_over.clone(), store.clone());
    let writer = tokio::spawn(async move {
        let mut written = 0_u64;
        while !until.load(std::sync::atomic::Ordering::Relaxed) {
            writing.renew(&lease).await.expect("it writes");
            writing.rebind(&lease, &rebinding(guild, written)).await.expect("it writes");
            written += 1;
        }
        written
    });
    let mut rows = Vec::new();
    for _ in 0..5 {
        let path = made(&terminal, &["--no-layouts"]).await;
        let copy = setai::store::examine(&path.join("store.db")).await.expect("a database");
        assert_eq!(copy.damage, Vec::<String>::new());
        // One moment: the head of the trail is in the same transaction as its row.
        let opened = open(&DatabaseUrl::File(copy_of(&terminal, &path))).await.expect("it opens");
        let newest = opened.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.expect("audit");
        assert_eq!(newest[0].number, copy.rows["audit_logs"]);
        assert!(setai::store::inspect(&*opened, guild, &[]).await.expect("inspected").is_intact());
        rows.push(copy.rows["audit_logs"]);
    }
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    let written = writer.await.expect("no panic");
    assert!(rows.is_sorted() && rows[0] < rows[4] && written > 5, "{rows:?} of {written}");
}

fn rebinding(guild: GuildId, number: u64) -> setai::store::Rebinding {
    use setai::model::{ObjectKind, Provenance};
    let change = setai::plan::BindingChange::Bind {
        kind: ObjectKind::Channel,
        key: format!("key-{number}").parse().expect("a key"),
        id: (number + 1_000).to_string(),
        provenance: Provenance::Adopted,
        protected: false,
    };
    let author = setai::store::Author::Local("ann".to_owned());
    let at = setai::clock::Clock::system().now();
    setai::store::Rebinding { guild, run: None, author, at, changes: vec![change] }
}

fn copy_of(terminal: &Terminal, backup: &std::path::Path) -> PathBuf {
    let copy = terminal.path("copy.db");
    fs::copy(backup.join("store.db"), &copy).expect("a copy");
    copy
}

/// What must not happen: an old store is taken for the truth about what may be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_old_store_came_back_later_channels_are_found_by_name_and_nothing_is_deleted() {
    let terminal = begun().await;
    made(&terminal, &[]).await;
    terminal.write("server/guild.yaml", &format!("{LAYOUT}{LATER}").replace("roles: {", "roles: { guest: {},"));
    apply(&terminal).await;

    let preview = backup(&terminal, &["restore", "latest"]).await;
    preview.fails(3, &["nobody can be asked here, so nothing was changed"]);
    insta::assert_snapshot!(told(&terminal, &preview.out), @r"
    Backup of #-#-# #:#:# UTC, now, by setai #.#.#
      the database: # rows in # tables
      Rust Study Group GUILD: # roles, # channels

    It takes the place of /setai.db,
    which is kept as /setai.db.replaced-#T#.#Z.
    Runs: # now, # then. Audit rows: # now, # then.
      guild GUILD: # key(s) are bound now and will not be: roles.guest, channels.later, channels.room-#

    What this means: setai forgets what it did since. Objects made since belong to no key until a plan finds them by name,
    kind and category; where several fit it asks, and nothing unbound is deleted unless a policy says `prune: all`. Keys that
    were given up since belong to their objects again: if they are not in the manifest, a plan proposes to remove those.
    Approvals that were not used are void.
    ");
    let ran = backup(&terminal, &["restore", "latest", "--auto-approve"]).await;
    ran.works(&["Restored", "Next: `setai plan`"]);
    terminal.run(&["audit", "verify"]).await.works(&[]);

    terminal.simulator.forget_requests();
    let plan = plan(&terminal).await;
    assert_eq!(plan["steps"], json!([]), "nothing is made twice and nothing is deleted");
    let bound: Vec<&str> =
        plan["bindings"].as_array().expect("changes").iter().filter_map(|b| b["key"].as_str()).collect();
    assert_eq!(bound, ["guest", "later", "room-2"], "{plan:#}");
    terminal.run(&["apply", "server", "--auto-approve"]).await.works(&["Nothing to do."]);
    assert_eq!(writes(&terminal), 0);
    terminal.run(&["audit", "verify"]).await.works(&[]);
    // From then on they are ours again: a change is a change and no new channel.
    terminal.write("server/guild.yaml", &format!("{LAYOUT}{LATER}").replace("Came later", "Came back"));
    terminal.run(&["plan", "server"]).await.works(&["\"Came later\" -> \"Came back\"", "- role guest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_old_store_came_back_what_looks_like_two_things_is_asked_about() {
    let terminal = begun().await;
    made(&terminal, &[]).await;
    let later = LAYOUT.replace("      questions: { topic: Ask }\n", "") + "      news: { topic: Ask }\n";
    let renamed = later.replace("news: { topic: Ask }", "news: { topic: Ask, previously: [questions] }");
    terminal.write("server/guild.yaml", &renamed);
    apply(&terminal).await;
    backup(&terminal, &["restore", "latest", "--auto-approve"]).await.works(&["will be bound again"]);
    // As long as `previously` is there, the old key still leads to the channel.
    assert_eq!(plan(&terminal).await["steps"], json!([]));
    // Without it, the channel goes by the name it has now.
    terminal.write("server/guild.yaml", &later);
    let plan = plan(&terminal).await;
    assert_eq!(plan["steps"], json!([]), "{plan:#}");

    // Two channels of one name: which of them it was, nobody knows any more.
    let category = terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channels.values().find(|c| c.name == "study").expect("the category").id
    });
    let twin = json!({ "name": "news", "type": 0, "parent_id": category });
    terminal
        .simulator
        .act(&Act::new(terminal.owner, "POST", &format!("/guilds/{}/channels", terminal.guild), twin))
        .expect("made");
    terminal.run(&["apply", "server", "--auto-approve"]).await.fails(3, &["news", "nothing was changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_given_up_since_is_said_and_asked_about_before_anything_goes() {
    let terminal = begun().await;
    made(&terminal, &[]).await;
    // The team lets go of a channel, and somebody else looks after it.
    let without =
        LAYOUT.replace("      questions: { topic: Ask }\n", "").replace("on_remove: delete", "on_remove: forget");
    terminal.write("server/guild.yaml", &without);
    terminal.run(&["apply", "server", "--auto-approve"]).await.works(&[]);
    let restored = backup(&terminal, &["restore", "latest", "--auto-approve"]).await;
    restored.works(&["1 key(s) are bound to nothing now and will be bound again: channels.questions"]);
    assert_eq!(plan(&terminal).await["steps"], json!([]), "the manifest still lets it go");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_is_kept_and_can_come_back() {
    let terminal = begun().await;
    made(&terminal, &["--no-layouts"]).await;
    terminal.write("server/guild.yaml", &format!("{LAYOUT}{LATER}"));
    apply(&terminal).await;
    let history = terminal.run(&["history"]).await.out;
    let ran = backup(&terminal, &["restore", "latest", "--auto-approve", "--json"]).await;
    let answer: Value = serde_json::from_str(&ran.works(&[]).out).expect("JSON");
    assert_ne!(terminal.run(&["history"]).await.out, history);

    let aside = PathBuf::from(answer["moved_aside"].as_str().expect("a path"));
    assert_eq!(fs::metadata(&aside).expect("it is there").len() % 4096, 0);
    for ending in ["", "-wal", "-shm"] {
        drop(fs::remove_file(terminal.path(&format!("setai.db{ending}"))));
    }
    fs::rename(aside, terminal.path("setai.db")).expect("moved back");
    assert_eq!(terminal.run(&["history"]).await.out, history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_restored_into_an_empty_place() {
    let mut terminal = begun().await;
    made(&terminal, &[]).await;
    terminal.use_database("new/place/setai.db");
    backup(&terminal, &["restore", "latest", "--auto-approve"])
        .await
        .works(&["where there is nothing now", "Restored"]);
    let plan = plan(&terminal).await;
    assert_eq!((&plan["steps"], &plan["bindings"]), (&json!([]), &json!([])), "everything is bound as it was");
    let place = terminal.path("new/place");
    assert_eq!(fs::metadata(place.join("setai.db")).expect("a file").permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(place).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with("setai.db")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced_while_somebody_works_with_it() {
    let terminal = begun().await;
    made(&terminal, &["--no-layouts"]).await;
    let before = fs::read(terminal.path("setai.db")).expect("a database");
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("open");
    store.history(None, 1).await.expect("it reads");
    let restore = ["restore", "latest", "--auto-approve"];
    backup(&terminal, &restore).await.fails(3, &["locked by another process", "Stop every setai"]);

    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let lease = store.lease(guild, "a writer", Duration::from_secs(60)).await.expect("nobody has it");
    backup(&terminal, &restore).await.fails(3, &["locked by another process", "Stop every setai"]);
    store.release(lease).await.expect("given back");
    store.close().await;
    assert_eq!(fs::read(terminal.path("setai.db")).expect("a database").len(), before.len());
    backup(&terminal, &restore).await.works(&["Restored"]);
}

async fn unused_approvals(path: &Path) -> i64 {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("a database");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM approvals WHERE used_at IS NULL");
    count.fetch_one(&mut connection).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_granted_before_a_restore_counts_no_more() {
    let terminal = begun().await;
    let path = terminal.path("setai.db");
    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let store = open(&DatabaseUrl::File(path.clone())).await.expect("open");
    let approval = setai::store::Approval {
        guild,
        plan_digest: "digest".to_owned(),
        granted_by: setai::store::Author::Local("ann".to_owned()),
        granted_at: setai::clock::Clock::system().now(),
        expires_at: None,
    };
    store.approve(&approval).await.expect("approved");
    let lease = store.lease(guild, "a test", Duration::from_secs(600)).await.expect("nobody has it");
    let number = lease.fence();
    made(&terminal, &["--no-layouts"]).await;
    store.release(lease).await.expect("given back");
    store.close().await;
    assert_eq!(unused_approvals(&path).await, 1);

    backup(&terminal, &["restore", "latest", "--auto-approve"])
        .await
        .works(&["Approvals that were not used are void."]);
    assert_eq!(unused_approvals(&path).await, 0);
    let store = open(&DatabaseUrl::File(path)).await.expect("open");
    let lease = store.lease(guild, "a test", Duration::from_secs(60)).await.expect("nobody has it any more");
    assert!(lease.fence() > number);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_brings_a_deleted_channel_back_through_plan_and_apply() {
    let terminal = begun().await;
    made(&terminal, &[]).await;
    terminal.write("server/guild.yaml", &LAYOUT.replace("      questions: { topic: Ask }\n", ""));
    let digest = plan(&terminal).await["digest"].as_str().expect("a digest").to_owned();
    terminal.run(&["apply", "server", "--approve", &digest]).await.works(&["equals its manifest"]);

    let guild = terminal.guild.to_string();
    let ran = backup(&terminal, &["restore", "latest", "--layout", &guild, "--output", "old"]).await;
    ran.works(&[]);
    insta::assert_snapshot!(told(&terminal, &ran.out), @r"
    Wrote old/guild.yaml: Rust Study Group as it was at #-#-# #:#:# UTC. Nothing was sent to Discord.
    `setai plan old` shows the way back, and `setai apply old` goes it.
    It makes deleted channels and roles again. Their messages, threads, webhooks and invites, and who had a role, do not
    come back. What was made since is not in it, so a plan proposes to archive that. If you have a manifest of your own, copy
    what you miss from here to there: it has your policies and expectations too, which this has not.
    ");
    backup(&terminal, &["restore", "latest", "--layout", &guild, "--output", "old"])
        .await
        .fails(1, &["is there already"]);
    terminal.run(&["plan", "old"]).await.works(&["+ study / #questions", "1 to create"]);
    terminal.run(&["apply", "old", "--auto-approve"]).await.works(&["equals its manifest"]);
    let topic = terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channels.values().find(|c| c.name == "questions").expect("it is back").topic.clone()
    });
    assert_eq!(topic.as_deref(), Some("Ask"));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_are_wanted_are_kept_and_damaged_ones_count_for_nothing() {
    let terminal = begun().await;
    let first = made(&terminal, &["--no-layouts"]).await;
    let second = made(&terminal, &["--no-layouts"]).await;
    let third = made(&terminal, &["--no-layouts"]).await;
    let layouts = made(&terminal, &[]).await;
    let store = layouts.join("store.db");
    let mut bytes = fs::read(&store).expect("a file");
    bytes[5_000] ^= 1;
    fs::write(&store, bytes).expect("damaged");
    backup(&terminal, &["list"]).await.works(&["damaged: store.db: it is not what was written"]);
    backup(&terminal, &["verify"]).await.fails(1, &["damaged", "whole"]);

    fs::write(first.join("notes.txt"), "mine").expect("a note");
    let ran = backup(&terminal, &["create", "--no-layouts", "--keep", "2"]).await;
    ran.works(&["Removed", "was left where it is: it is damaged"]);
    assert!(
        !second.exists() && third.exists() && layouts.exists(),
        "two whole ones, and the damaged one for somebody to look at"
    );
    assert!(first.join("notes.txt").exists(), "what is not ours stays: {ran:#?}");
    backup(&terminal, &["verify", "latest"]).await.works(&["whole"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_is_the_latest_even_when_it_is_damaged() {
    let terminal = begun().await;
    made(&terminal, &["--no-layouts"]).await;
    let latest = made(&terminal, &["--no-layouts"]).await;
    fs::write(latest.join("store.db"), "").expect("damaged");
    // Something older is restored on somebody's word only.
    for arguments in [&["verify", "latest"][..], &["restore", "latest", "--auto-approve"]] {
        backup(&terminal, arguments).await.fails(1, &["store.db: it is not what was written"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_version_stays_as_it_is_and_is_brought_up_to_date_when_it_is_restored() {
    let terminal = Terminal::new().await;
    let (first, rows) = (migration("migrations/sqlite"), migration("tests/migrations/sqlite"));
    let url = format!("sqlite:{}?mode=rwc", terminal.path("setai.db").display());
    let mut old = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.expect("it is made");
    let table = "CREATE TABLE schema_migrations (version VARCHAR(50) NOT NULL PRIMARY KEY, description TEXT, \
        applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, checksum VARCHAR(64) NOT NULL)";
    for sql in [table, &first.1, &rows.1] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut old).await.expect(sql);
    }
    let applied = sqlx::query("INSERT INTO schema_migrations (version, description, checksum) VALUES (?, '', ?)");
    applied.bind(&first.0).bind(sum(&first.1)).execute(&mut old).await.expect("noted");
    sqlx::Connection::close(old).await.expect("closed");

    let path = made(&terminal, &[]).await;
    let copy = setai::store::examine(&path.join("store.db")).await.expect("a database");
    let applied = copy.migrations.iter().filter(|migration| migration.applied_at.is_some()).count();
    assert_eq!(applied, 1, "a backup from before an upgrade is one from before it");
    terminal.run(&["migrate", "status"]).await.works(&["pending"]);
    backup(&terminal, &["verify"]).await.works(&["whole"]);

    terminal.run(&["migrate", "up"]).await.works(&["Applied"]);
    let restored = backup(&terminal, &["restore", "latest", "--auto-approve"]).await;
    restored.works(&[&format!("Its tables were at {} and are brought up to date", first.0), "Restored"]);
    let status = terminal.run(&["migrate", "status"]).await;
    assert!(!status.works(&[&first.0]).out.contains("pending"), "{status:#?}");
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("open");
    let bindings = store.bindings(GuildId::new(22)).await.expect("bindings");
    assert_eq!(
        (bindings.roles.len(), bindings.categories.len(), bindings.channels.len()),
        (1, 1, 1),
        "its rows are there"
    );
}

/// The first migration in a folder of the repository: its version and its text.
fn migration(folder: &str) -> (String, String) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let first = files.min().expect("there is one");
    let version = first.file_stem().expect("a name").to_string_lossy().into_owned();
    (version, fs::read_to_string(first).expect("a text"))
}

/// The SHA-256 of something.
fn sum(bytes: impl AsRef<[u8]>) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_is_for_other_scripts() {
    let terminal = begun().await;
    let database = crate::support::mariadb::TestDatabase::new().await;
    let setting = database.setting();
    let at_server =
        async |arguments: &[&str]| backup(&terminal, &[arguments, &["--database-url", &setting]].concat()).await;
    at_server(&["create"])
        .await
        .works(&["deploy/backup/ backs up servers, and this holds layouts only", "Wrote and verified"]);
    at_server(&["create", "--no-layouts"]).await.fails(1, &["deploy/backup/"]);
    at_server(&["restore", "latest", "--auto-approve"]).await.fails(1, &["deploy/backup/restore.sh"]);
    let table = "CREATE TABLE schema_migrations \
        (version VARCHAR(50), description TEXT, applied_at DATETIME(6), checksum VARCHAR(64))";
    database.execute(table).await;
    let (version, text) = migration("migrations/mysql");
    let mut connection = database.connect().await;
    let noted = format!("INSERT INTO schema_migrations VALUES ('{version}', '', UTC_TIMESTAMP(6), '{}')", sum(&text));
    let noted = sqlx::AssertSqlSafe(noted);
    sqlx::Executor::execute(&mut connection, noted).await.expect("an older database");
    at_server(&["create"])
        .await
        .fails(1, &["the tables of mysql://", "are older than this build", "deploy/backup/full.sh"]);
    database.execute("DROP TABLE schema_migrations").await;
    let guild = terminal.guild.to_string();
    at_server(&["restore", "latest", "--layout", &guild, "--output", "old"]).await.works(&["Wrote old/guild.yaml"]);
    backup(&terminal, &["restore", "latest", "--auto-approve"]).await.fails(1, &["the backup holds no database"]);
}
