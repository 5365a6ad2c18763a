//! The scripts of `deploy/backup/` for real, with servers on this machine: back to a chosen second, over to a replica, and
//! nothing removed that is still needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use setai::model::{Bindings, GuildId};
use setai::store::{AuditFilter, AuditRow, DatabaseUrl, RunSummary, open};

use super::servers::{Server, Site, refuses, works};
use crate::support::terminal::{Ran, Terminal};

/// So many channels, one after the other.
fn layout(channels: usize) -> String {
    (1..=channels).fold("channels:\n".to_owned(), |yaml, n| format!("{yaml}  room-{n}: {{ topic: Room {n} }}\n"))
}

async fn setai(terminal: &Terminal, server: &Server, arguments: &[&str]) -> Ran {
    terminal.run(&[arguments, &["--database-url", &server.setting()]].concat()).await
}

async fn apply(terminal: &Terminal, server: &Server, channels: usize) -> Ran {
    terminal.write("server/guild.yaml", &layout(channels));
    let ran = setai(terminal, server, &["apply", "server", "--auto-approve"]).await;
    ran.works(&[]);
    ran
}

/// Everything setai remembers of the guild.
async fn remembered(terminal: &Terminal, url: &DatabaseUrl) -> (Vec<RunSummary>, Vec<AuditRow>, Bindings) {
    let store = open(url).await.expect("it opens");
    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let rows = store.audit(&AuditFilter { limit: 1_000, ..AuditFilter::default() }).await.expect("audit");
    (store.history(None, 100).await.expect("history"), rows, store.bindings(guild).await.expect("bindings"))
}

/// How often each name is among the channels of the guild.
fn channels(terminal: &Terminal) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channels.values().for_each(|channel| *names.entry(channel.name.clone()).or_default() += 1);
    });
    names
}

fn utc(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).expect("a time").format("%Y-%m-%d %H:%M:%S").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_it_was_at_a_chosen_second() {
    let (site, terminal) = (Site::new(), Terminal::new().await);
    let server = Server::fresh(&site, "primary", 1).await;
    let config = server.backup_config();
    let script = |name: &str, arguments: &[&str]| site.script(name, arguments, &[("CLIENT_CONFIG", &config)]);

    // Time goes on by the hour, and starts tomorrow, so that everything scripts do lies before it.
    let tomorrow = Utc::now().timestamp() + 86_400;
    let hour = |n: i64| tomorrow + n * 3_600;
    refuses(script("incremental.sh", &[]), "run full.sh first");
    server.be_at(hour(0)).await;
    apply(&terminal, &server, 1).await;
    assert!(works(script("full.sh", &[])).contains("full backup"));
    server.be_at(hour(1)).await;
    apply(&terminal, &server, 2).await;
    assert!(works(script("incremental.sh", &[])).contains("incremental backup"));
    server.be_at(hour(2)).await;
    apply(&terminal, &server, 3).await;
    works(script("binlogs.sh", &[]));

    let chosen = hour(3);
    server.be_at(chosen - 1).await;
    apply(&terminal, &server, 4).await;
    let expected = remembered(&terminal, &server.url()).await;
    server.be_at(chosen).await;
    apply(&terminal, &server, 5).await;
    server.be_at(hour(4)).await;
    let mut mishap = server.connect().await;
    for sql in ["DELETE FROM channels", "DROP TABLE operations"] {
        sqlx::Executor::execute(&mut mishap, sql).await.expect(sql);
    }
    drop(mishap);
    works(script("binlogs.sh", &[]));

    let said = works(script("verify.sh", &["--all"]));
    assert!(said.contains("verified:") && said.contains("2 backup(s)"), "{said}");
    let (whole, target) = (site.path("restored"), site.path("restored").display().to_string());
    refuses(
        script("restore.sh", &["--target", &target, "--to", "2020-01-01 00:00:00"]),
        "no full backup is old enough",
    );
    let said = works(script("restore.sh", &["--target", &target, "--to", &utc(chosen)]));
    assert!(said.contains("replaying"), "{said}");
    refuses(script("restore.sh", &["--target", &target]), "is not empty");

    drop(server);
    let restored = Server::on(&site, "restored", 1).await;
    assert!(whole.join("setai-restored").exists());
    let found = remembered(&terminal, &restored.url()).await;
    assert_eq!(found.0.len(), 4, "the runs before that second: {:#?}", found.0);
    assert_eq!(found, expected);
    setai(&terminal, &restored, &["history"]).await.works(&["succeeded", "local:ann"]);

    // What was done since is found, not made again and not deleted.
    restored.be_at(hour(5)).await;
    let plan = setai(&terminal, &restored, &["plan", "server", "--json"]).await;
    let plan: Value = serde_json::from_str(&plan.works(&[]).out).expect("JSON");
    assert_eq!(
        (plan["steps"].as_array().map(Vec::len), &plan["bindings"][0]["key"]),
        (Some(0), &"room-5".into()),
        "{plan:#}"
    );
    apply(&terminal, &restored, 6).await;
    assert!(channels(&terminal).iter().all(|(name, times)| *times == 1 || !name.starts_with("room")));
    disaster(&site, &terminal, restored).await;
}

/// The server's data is another one now, so nothing is put together with what was. Then it dies with a log nobody archived, and
/// a backup turns out to be damaged.
async fn disaster(site: &Site, terminal: &Terminal, mut server: Server) {
    let config = server.backup_config();
    let script = |name: &str, arguments: &[&str]| site.script(name, arguments, &[("CLIENT_CONFIG", &config)]);
    refuses(script("incremental.sh", &[]), "run full.sh");
    works(script("full.sh", &[]));
    apply(terminal, &server, 7).await;
    works(script("incremental.sh", &[]));
    apply(terminal, &server, 8).await;
    let expected = remembered(terminal, &server.url()).await;
    server.kill();

    let chain = newest(&site.path("backups/chains"));
    let pages = newest(&chain).join("data/setai/channels.ibd.delta");
    fs::write(&pages, [fs::read(&pages).expect("a file"), vec![0]].concat()).expect("damaged");
    refuses(script("verify.sh", &[]), "damaged:");
    let (target, logs) = (site.path("again").display().to_string(), site.path("restored").display().to_string());
    let said = works(script("restore.sh", &["--target", &target, "--logs", &logs]));
    assert!(said.contains("is damaged; logs are replayed in its place") && said.contains("the logs end at"), "{said}");
    let again = Server::on(site, "again", 1).await;
    assert_eq!(remembered(terminal, &again.url()).await, expected, "to the last write");

    // A log that is missing is no reason to leave out what it held and go on.
    let line = newest(&site.path("backups/binlogs"));
    let first = fs::read_dir(&line).expect("a folder").map(|e| e.expect("an entry").path());
    let mut sums: Vec<_> = first.filter(|path| path.extension().is_some_and(|ending| ending == "sha256")).collect();
    sums.sort();
    let middle = &sums[sums.len() - 2];
    fs::remove_file(middle).expect("removed");
    fs::remove_file(middle.with_extension("")).expect("removed");
    let target = site.path("gap").display().to_string();
    refuses(script("restore.sh", &["--target", &target]), "is missing, and there are later ones");
    assert!(!Path::new(&target).exists(), "nothing half-made is left");
}

/// The last of a folder's entries by name that are no dot files.
fn newest(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let stamped = entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('2')));
    stamped.max().expect("there is one")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_and_nothing_is_made_twice() {
    let (site, terminal) = (Site::new(), Terminal::new().await);
    let mut primary = Server::fresh(&site, "primary", 1).await;
    apply(&terminal, &primary, 2).await;
    let (backups, config) = (primary.backup_config(), primary.remote_config());
    works(site.script("full.sh", &[], &[("CLIENT_CONFIG", &backups)]));
    let target = site.path("replica").display().to_string();
    works(site.script("restore.sh", &["--target", &target, "--for-replica"], &[("CLIENT_CONFIG", &backups)]));
    let replica = Server::on(&site, "replica", 2).await;

    let (password, environment) = (site.path("password"), site.path("setai.env"));
    fs::write(&password, "another secret").expect("written");
    fs::write(&environment, format!("SETAI_LOG=info\nSETAI_DATABASE_URL={}\n", primary.setting())).expect("written");
    let (replica_config, port, url) = (replica.failover_config(), primary.port.to_string(), replica.setting());
    let (password, authority) = (password.display().to_string(), site.path("ca.pem").display().to_string());
    let environment_file = environment.display().to_string();
    let backups = replica.backup_config();
    let settings: [(&str, &str); 10] = [
        ("CLIENT_CONFIG", &backups),
        ("REPLICA_CONFIG", &replica_config),
        ("PRIMARY_CONFIG", &config),
        ("PRIMARY_HOST", "127.0.0.1"),
        ("PRIMARY_PORT", &port),
        ("REPLICATION_USER", "setai_replication"),
        ("REPLICATION_PASSWORD_FILE", &password),
        ("PRIMARY_SSL_CA", &authority),
        ("SETAI_ENV_FILE", &environment_file),
        ("FAILOVER_DATABASE_URL", &url),
    ];
    let script = |name: &str, arguments: &[&str]| site.script(name, arguments, &settings);
    works(script("replica.sh", &[]));

    // What the primary writes, the replica has, and nobody else writes there.
    apply(&terminal, &primary, 4).await;
    let position = primary.value("@@gtid_binlog_pos").await;
    assert_eq!(replica.value(&format!("MASTER_GTID_WAIT('{position}', 60)")).await, "0");
    let expected = remembered(&terminal, &primary.url()).await;
    let before = channels(&terminal);
    terminal.write("server/guild.yaml", &layout(5));
    setai(&terminal, &replica, &["apply", "server", "--auto-approve"])
        .await
        .fails(1, &["is read-only; nothing can be recorded"]);
    assert_eq!(channels(&terminal), before);

    // The line to the second site is down, and the primary goes on; then it dies, with records nobody else has.
    replica.execute("STOP SLAVE IO_THREAD").await;
    apply(&terminal, &primary, 7).await;
    primary.kill();
    refuses(script("failover.sh", &[]), "--primary-is-gone");
    assert_eq!(replica.value("@@read_only").await, "ON", "nothing was promoted");
    works(script("failover.sh", &["--primary-is-gone"]));
    assert_eq!(remembered(&terminal, &replica.url()).await, expected, "all that had arrived");
    let environment = fs::read_to_string(environment).expect("a file");
    assert_eq!(environment, format!("SETAI_LOG=info\nSETAI_DATABASE_URL={url}\n"));

    // Three channels are in Discord that nobody remembers having made.
    let before = channels(&terminal);
    setai(&terminal, &replica, &["apply", "server", "--auto-approve"]).await.works(&["Nothing to do."]);
    assert_eq!(channels(&terminal), before);
    apply(&terminal, &replica, 9).await;
    let rooms: Vec<_> = channels(&terminal).into_iter().filter(|(name, _)| name.starts_with("room")).collect();
    assert_eq!(rooms.len(), 9);
    assert!(rooms.iter().all(|(_, times)| *times == 1), "{rooms:?}");
    setai(&terminal, &replica, &["plan", "server", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    works(script("full.sh", &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_over_loses_nothing_and_whoever_had_the_right_has_it_no_more() {
    let (site, terminal) = (Site::new(), Terminal::new().await);
    let primary = Server::fresh(&site, "primary", 1).await;
    apply(&terminal, &primary, 1).await;
    let (backups, config) = (primary.backup_config(), primary.remote_config());
    works(site.script("full.sh", &[], &[("CLIENT_CONFIG", &backups)]));
    let target = site.path("replica").display().to_string();
    works(site.script("restore.sh", &["--target", &target, "--for-replica"], &[("CLIENT_CONFIG", &backups)]));
    let replica = Server::on(&site, "replica", 2).await;
    let password = site.path("password");
    fs::write(&password, "another secret").expect("written");
    let (replica_config, port) = (replica.failover_config(), primary.port.to_string());
    let (password, authority) = (password.display().to_string(), site.path("ca.pem").display().to_string());
    let backups = replica.backup_config();
    let settings: [(&str, &str); 8] = [
        ("CLIENT_CONFIG", &backups),
        ("REPLICA_CONFIG", &replica_config),
        ("PRIMARY_CONFIG", &config),
        ("PRIMARY_HOST", "127.0.0.1"),
        ("PRIMARY_PORT", &port),
        ("REPLICATION_USER", "setai_replication"),
        ("REPLICATION_PASSWORD_FILE", &password),
        ("PRIMARY_SSL_CA", &authority),
    ];
    works(site.script("replica.sh", &[], &settings));
    refuses(site.script("replica.sh", &[], &settings), "follows somebody already");

    // What has arrived is not carried out at the replica, so the primary goes on, and so does what arrives.
    apply(&terminal, &primary, 2).await;
    let position = primary.value("@@gtid_binlog_pos").await;
    assert_eq!(replica.value(&format!("MASTER_GTID_WAIT('{position}', 60)")).await, "0");
    replica.execute("STOP SLAVE SQL_THREAD").await;
    refuses(site.script("failover.sh", &[], &settings), "nothing was promoted\nthe old primary goes on as before");
    assert_eq!((primary.value("@@read_only").await, replica.value("@@read_only").await), ("OFF".into(), "ON".into()));
    apply(&terminal, &primary, 3).await;
    replica.execute("START SLAVE SQL_THREAD").await;
    let position = primary.value("@@gtid_binlog_pos").await;
    assert_eq!(replica.value(&format!("MASTER_GTID_WAIT('{position}', 60)")).await, "0", "it follows as before");

    // Somebody holds the right to change the guild, and sleeps through everything.
    let guild: GuildId = terminal.guild.to_string().parse().expect("an id");
    let store = open(&primary.url()).await.expect("it opens");
    let asleep = store.lease(guild, "asleep", Duration::from_secs(600)).await.expect("nobody has it");
    works(site.script("failover.sh", &[], &settings));
    let refused = store.renew(&asleep).await.expect_err("the old primary takes no writes");
    assert!(matches!(refused, setai::store::Error::ReadOnlyServer { .. }), "{refused:?}");

    let after = open(&replica.url()).await.expect("it opens");
    assert_eq!(after.history(None, 100).await.expect("history").len(), 3, "nothing is lost");
    assert!(after.renew(&asleep).await.is_err(), "not even at the new one");
    let next = after.lease(guild, "a test", Duration::from_secs(60)).await.expect("nobody has it any more");
    assert!(next.fence() > asleep.fence());
    refuses(site.script("failover.sh", &[], &settings), "it is no replica");
}

/// A full backup, as far as pruning looks at it.
struct Full {
    at: DateTime<Utc>,
    line: String,
    log: u32,
    verified: bool,
}

/// Backups and logs of many days, made in a moment: a full backup a day, three incrementals, a log every hour.
fn days(site: &Site, from: DateTime<Utc>, days: i64) -> Vec<Full> {
    let (mut fulls, mut log, mut line) = (Vec::new(), 0, stamp(from));
    for hour in 0..days * 24 {
        let at = from + TimeDelta::hours(hour);
        if hour == 20 * 24 {
            // The server's data was replaced.
            (line, log) = (stamp(at), 0);
        }
        log += 1;
        let logs = site.path("backups/binlogs").join(&line);
        fs::create_dir_all(&logs).expect("a folder");
        fs::write(logs.join(format!("mariadb-bin.{log:06}")), "").expect("a log");
        fs::write(logs.join(format!("mariadb-bin.{log:06}.sha256")), "").expect("its sum");
        if hour % 6 == 0 {
            let chain = from + TimeDelta::days(hour / 24);
            let part = site.path("backups/chains").join(stamp(chain)).join(stamp(at));
            fs::create_dir_all(&part).expect("a folder");
            let info =
                format!("finished={}\nline={line}\nlog=mariadb-bin.{log:06}\n", stamp(at + TimeDelta::minutes(5)));
            fs::write(part.join("info"), info).expect("written");
            if hour % 24 == 0 {
                let verified = ![8, 9, 14].contains(&(hour / 24));
                if verified {
                    fs::write(part.join("verified"), "").expect("written");
                }
                fulls.push(Full { at: at + TimeDelta::minutes(5), line: line.clone(), log, verified });
            }
        }
    }
    fulls
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// True when a moment can be restored from what is there: a verified full backup before it, and every log from then on.
fn is_restorable(backups: &Path, fulls: &[Full], moment: DateTime<Utc>) -> bool {
    fulls.iter().rev().filter(|full| full.verified && full.at <= moment).any(|full| {
        let chain = backups.join("chains").join(stamp(full.at - TimeDelta::minutes(5)));
        let began = full.line.parse_stamp();
        let last = u32::try_from((moment - began).num_hours() + 1).expect("a number");
        let logs = backups.join("binlogs").join(&full.line);
        let is_there = |log: u32| {
            let name = logs.join(format!("mariadb-bin.{log:06}"));
            name.exists() && name.with_extension(format!("{log:06}.sha256")).exists()
        };
        chain.exists() && (full.log..=last).all(is_there)
    })
}

trait Stamp {
    fn parse_stamp(&self) -> DateTime<Utc>;
}

impl Stamp for str {
    fn parse_stamp(&self) -> DateTime<Utc> {
        chrono::NaiveDateTime::parse_from_str(self, "%Y%m%dT%H%M%SZ").expect("a time").and_utc()
    }
}

#[test]
fn what_is_needed_to_restore_any_moment_of_a_month_is_never_removed() {
    let site = Site::new();
    let from = "20260901T020000Z".parse_stamp();
    let fulls = days(&site, from, 45);
    let backups = site.path("backups");
    let moments = |from: DateTime<Utc>, to: DateTime<Utc>| {
        std::iter::successors(Some(from), |moment| Some(*moment + TimeDelta::minutes(30))).take_while(move |m| *m <= to)
    };
    let restorable = |from, to| -> BTreeSet<DateTime<Utc>> {
        moments(from, to).filter(|moment| is_restorable(&backups, &fulls, *moment)).collect()
    };
    // Everything but what comes before the first backup, and between the loss of the data and the next one.
    let end = from + TimeDelta::days(44);
    let (all, possible) = (moments(from, end).count(), restorable(from, end));
    assert_eq!(possible.len(), all - 2);
    let count = |folder: &str| fs::read_dir(backups.join(folder)).expect("a folder").count();
    let mut kept = Vec::new();
    for day in [20, 31, 39, 40, 44] {
        let now = from + TimeDelta::days(day) + TimeDelta::hours(1);
        let present = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        works(site.script("prune.sh", &[], &[("CLIENT_CONFIG", "none"), ("NOW", &present)]));
        let month = now - TimeDelta::days(30);
        assert_eq!(restorable(month.max(from), end), possible.range(month..).copied().collect(), "on day {day}");
        kept.push(count("chains"));
    }
    // On days 39 and 44 the month begins with backups nobody verified, so the one before them is kept.
    assert_eq!(kept, [45, 44, 38, 35, 32]);
    assert_eq!(count("binlogs"), 2);
}
