//! What is no backup, or not one any more, or comes from somebody who means harm.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use setai::store::{DatabaseUrl, open};

use crate::support::terminal::{Terminal, finished};

use super::{backup, begun, made, sum};

async fn is_refused(terminal: &Terminal, path: &Path, words: &[&str]) {
    let path = path.display().to_string();
    let before = fs::read(terminal.path("setai.db")).expect("a database");
    backup(terminal, &["verify", &path]).await.fails(1, words);
    backup(terminal, &["restore", &path, "--auto-approve"]).await.fails(1, words);
    let guild = terminal.guild.to_string();
    backup(terminal, &["restore", &path, "--layout", &guild, "--output", "old"]).await.fails(1, words);
    assert_eq!(fs::read(terminal.path("setai.db")).expect("a database"), before);
    assert!(!terminal.path("old").exists(), "nothing was written");
}

/// Seals a backup again after it was tampered with.
fn reseal(path: &Path, change: impl FnOnce(String) -> String) {
    let sums = fs::read_to_string(path.join("SHA256SUMS")).expect("sums");
    fs::write(path.join("SHA256SUMS"), change(sums)).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_folder_is_no_backup_and_is_left_alone() {
    let terminal = begun().await;
    let foreign = terminal.path("backups/setai-20200101T000000.000Z");
    fs::create_dir_all(&foreign).expect("a folder");
    fs::write(foreign.join("thesis.txt"), "years of work").expect("a file");
    is_refused(&terminal, &foreign, &["there is no SHA256SUMS in it"]).await;
    is_refused(&terminal, &terminal.path("server"), &["there is no SHA256SUMS in it"]).await;
    backup(&terminal, &["list"]).await.works(&["damaged: there is no SHA256SUMS in it"]);
    backup(&terminal, &["create", "--keep", "1"]).await.works(&["was left where it is"]);
    backup(&terminal, &["create", "--keep", "1"]).await.works(&["Removed"]);
    assert!(foreign.join("thesis.txt").exists());
    backup(&terminal, &["restore", "nonsense"]).await.fails(1, &["there is no backup `nonsense`", "setai backup list"]);
    backup(&terminal, &["restore", "setai.db"]).await.fails(1, &["there is no backup `setai.db`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_cannot_lead_out_of_its_folder() {
    let terminal = begun().await;
    let path = made(&terminal, &[]).await;
    let sums = fs::read_to_string(path.join("SHA256SUMS")).expect("sums");
    for name in ["../../setai.db", "/etc/passwd", "guilds/../../../setai.db", "guilds/7/../../../x", "other"] {
        reseal(&path, |sums| format!("{sums}{}  {name}\n", "0".repeat(64)));
        is_refused(&terminal, &path, &["is not the sum of a backup's file"]).await;
        fs::write(path.join("SHA256SUMS"), &sums).expect("written");
    }
    let (layout, elsewhere) =
        (path.join(format!("guilds/{}/guild.yaml", terminal.guild)), terminal.path("elsewhere.yaml"));
    fs::rename(&layout, &elsewhere).expect("moved");
    symlink(&elsewhere, &layout).expect("a link");
    is_refused(&terminal, &path, &["it is not a plain file"]).await;
    fs::remove_file(&layout).expect("removed");
    fs::rename(&elsewhere, &layout).expect("moved back");
    fs::write(path.join("guilds/extra"), "").expect("a file");
    is_refused(&terminal, &path, &["guilds/extra: it does not belong to the backup"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_build_made_is_refused_with_the_reason() {
    let terminal = begun().await;
    let path = made(&terminal, &["--no-layouts"]).await;
    let resealed = |name: &str, bytes: &[u8]| {
        let old = sum(fs::read(path.join(name)).expect("a file"));
        fs::write(path.join(name), bytes).expect("written");
        reseal(&path, |sums| sums.replace(&old, &sum(bytes)));
    };
    let record = fs::read_to_string(path.join("backup.json")).expect("a record");
    resealed("backup.json", record.replace("\"format\": 1", "\"format\": 2").as_bytes());
    is_refused(&terminal, &path, &["its format is 2, and this build knows 1 at most: use a newer setai"]).await;
    resealed("backup.json", record.as_bytes());

    let database = terminal.path("later.db");
    fs::copy(path.join("store.db"), &database).expect("a copy");
    let url = format!("sqlite:{}", database.display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.expect("it opens");
    let later =
        "INSERT INTO schema_migrations (version, description, checksum) VALUES ('2099_01_01_001_later', '', '')";
    sqlx::query(later).execute(&mut connection).await.expect("it is later");
    sqlx::Connection::close(connection).await.expect("closed");
    resealed("store.db", &fs::read(&database).expect("a file"));
    let path = path.display().to_string();
    let words = ["it has migration `2099_01_01_001_later`, which this build does not know: use the newer build"];
    backup(&terminal, &["verify", &path]).await.fails(1, &words);
    backup(&terminal, &["restore", &path, "--auto-approve"]).await.fails(1, &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_not_backed_up_and_is_replaced_by_a_whole_one() {
    let terminal = begun().await;
    made(&terminal, &["--no-layouts"]).await;
    for damaged in [b"not a database at all, but long enough to look like something".to_vec(), vec![0; 8192]] {
        fs::write(terminal.path("setai.db"), &damaged).expect("damaged");
        backup(&terminal, &["create", "--no-layouts"]).await.fails(1, &["database"]);
        let restored = backup(&terminal, &["restore", "latest", "--auto-approve"]).await;
        restored.works(&["The present one cannot be read", "so what is lost is not known", "Restored"]);
        terminal.run(&["history"]).await.works(&["succeeded"]);
        let kept = fs::read_dir(terminal.folder.path())
            .expect("a folder")
            .filter_map(|entry| fs::read(entry.ok()?.path()).ok());
        assert_eq!(kept.filter(|bytes| *bytes == damaged).count(), 1, "the damaged one is kept too");
    }
    let backups = fs::read_dir(terminal.path("backups")).expect("a folder").count();
    assert_eq!(backups, 1, "what failed left nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_database_that_is_gone_is_not_taken_for_the_new_ones() {
    let terminal = begun().await;
    made(&terminal, &["--no-layouts"]).await;
    let history = terminal.run(&["history"]).await.out;
    // Writes of another time: they are in the journal only, because the one who wrote was killed.
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("open");
    let guild = terminal.guild.to_string().parse().expect("an id");
    drop(store.lease(guild, "a test", Duration::from_secs(1)).await.expect("nobody has it"));
    let journal = fs::read(terminal.path("setai.db-wal")).expect("a journal");
    assert!(!journal.is_empty());
    store.close().await;
    fs::remove_file(terminal.path("setai.db")).expect("gone");
    fs::write(terminal.path("setai.db-wal"), journal).expect("left behind");
    backup(&terminal, &["restore", "latest", "--auto-approve"]).await.works(&["Restored"]);
    assert_eq!(terminal.run(&["history"]).await.out, history);
    backup(&terminal, &["create", "--no-layouts"]).await.works(&["Wrote and verified"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_leaves_nothing_half_made() {
    let terminal = begun().await;
    let path = made(&terminal, &[]).await;
    let store = fs::metadata(path.join("store.db")).expect("a database").len() / 1024;
    fs::remove_dir_all(path).expect("removed");
    for kibibytes in [0, 1, store / 2, store - 4] {
        let command = terminal.limited_command(kibibytes, &["backup", "--folder", "backups", "create"]);
        finished(command).await.fails(1, &["cannot", "backups/"]);
        assert_eq!(fs::read_dir(terminal.path("backups")).map_or(0, Iterator::count), 0, "with {kibibytes} KiB");
    }
    made(&terminal, &[]).await;
    let before = fs::read(terminal.path("setai.db")).expect("a database");
    for kibibytes in [0, store / 2, store - 4] {
        let restore = ["backup", "--folder", "backups", "restore", "latest", "--auto-approve"];
        finished(terminal.limited_command(kibibytes, &restore)).await.fails(1, &["cannot write"]);
    }
    assert_eq!(fs::read(terminal.path("setai.db")).expect("a database"), before);
    terminal.run(&["backup", "--folder", "server/guild.yaml", "create"]).await.fails(1, &["cannot write"]);
    terminal.run(&["backup", "--folder", "server/guild.yaml", "list"]).await.fails(1, &["cannot read the backups"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_that_cannot_be_read_is_named_and_never_taken_for_empty() {
    let terminal = begun().await;
    let guild = terminal.guild.to_string();
    let ran = backup(&terminal, &["create", "--guild", &guild, "--guild", "1146231231231231299"]).await;
    ran.fails(4, &["missing: 1146231231231231299", "Wrote and verified"]);
    backup(&terminal, &["list"]).await.works(&["1 guild(s), 1 missing"]);
    let layout = ["restore", "latest", "--layout", "1146231231231231299"];
    backup(&terminal, &layout).await.fails(1, &["no layout of the guild", "It could not be read then"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_without_a_database_is_not_backed_up_as_one() {
    let mut terminal = begun().await;
    terminal.use_database("nowhere.db");
    backup(&terminal, &["create"]).await.fails(1, &["there is no database", "SETAI_DATABASE_URL"]);
    assert!(!terminal.path("nowhere.db").exists(), "and none was made");
    backup(&terminal, &["restore", "latest"]).await.fails(1, &["there is no backup in", "setai backup create"]);
    backup(&terminal, &["verify"]).await.fails(1, &["there is no backup"]);
    backup(&terminal, &["list"]).await.works(&["There is no backup in backups."]);
}
