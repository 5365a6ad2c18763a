//! Servers that are not as they should be: each is told from the others, names the setting, and has nothing half-written.

use std::net::Ipv4Addr;

use setai::model::ObjectKind;
use setai::store::{AuditFilter, DatabaseUrl, Error, MigrationState, Verdict, migrations, open};
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::desk::Desk;
use super::server::told;
use super::{
    GUILD, OTHER_GUILD, bind, create_rules, done, finish, guild, intent, new_run, rebinding, rows, run_id, settled,
};
use crate::support::mariadb::{TestDatabase, administrator};
use crate::support::own_mariadb::OwnServer;

fn url(setting: &str) -> DatabaseUrl {
    setting.parse().expect("a URL")
}

/// A port behind which the server seems to be another version, one as long.
async fn disguised(port: u16, version: &'static str, as_version: &'static str) -> u16 {
    assert_eq!(version.len(), as_version.len());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let own = listener.local_addr().expect("a port").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server");
            tokio::spawn(async move {
                let (mut from_client, mut from_server) = client.split();
                let (mut said, mut to_server) = server.split();
                let disguise = async {
                    let mut bytes = vec![0; 65_536];
                    while let Ok(count @ 1..) = said.read(&mut bytes).await {
                        for at in 0..=count.saturating_sub(version.len()) {
                            if bytes[at..count].starts_with(version.as_bytes()) {
                                bytes[at..at + version.len()].copy_from_slice(as_version.as_bytes());
                            }
                        }
                        if from_server.write_all(&bytes[..count]).await.is_err() {
                            return;
                        }
                    }
                };
                tokio::join!(disguise, async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) });
            });
        }
    });
    own
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_before_anything_is_made() {
    let database = TestDatabase::new().await;
    let port = disguised(database.port, "10.11.", "10.10.").await;
    let old = url(&database.setting_at(port));
    for error in [open(&old).await.expect_err("too old"), migrations(&old).await.expect_err("too old")] {
        assert!(matches!(&error, Error::OldServer { version } if version.starts_with("10.10.")), "{error:?}");
        let told = told(&error);
        assert!(told.contains("SETAI_DATABASE_URL") && told.contains("MariaDB 10.11"), "{told}");
    }
    let states: Vec<_> = migrations(&database.url()).await.expect("status").into_iter().map(|m| m.state).collect();
    assert!(states.iter().all(|state| *state == MigrationState::Pending), "{states:?}");
}

#[tokio::test]
async fn a_database_made_with_another_character_set_holds_every_text_all_the_same() {
    let database = TestDatabase::new().await;
    let alter = format!("ALTER DATABASE {} CHARACTER SET latin1 COLLATE latin1_swedish_ci", database.name);
    administrator().await.execute(AssertSqlSafe(alter)).await.expect("an administrator may");
    let store = Desk::at(open(&database.url()).await.expect("open"));
    let mut seen = guild(GUILD, Vec::new());
    seen.settings.name = "größer 🦀 日本".to_owned();
    store.begin(&new_run(1, seen)).await.expect("begin");
    assert_eq!(store.history(None, 1).await.expect("history")[0].guild_name, "größer 🦀 日本");
    // Capitals are told apart, whatever the database does by default.
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 5)])).await.expect("rebind");
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "RULES", 6)])).await.expect("another key");
    assert_eq!(store.bindings(GUILD).await.expect("bindings").channels.len(), 2);
}

#[tokio::test]
async fn tables_that_were_turned_to_another_character_set_take_no_text_they_cannot_keep() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    // What a dump that is read back in the wrong way does.
    database.execute("ALTER TABLE servers CONVERT TO CHARACTER SET latin1").await;
    let mut seen = guild(GUILD, Vec::new());
    seen.settings.name = "größer 🦀".to_owned();
    let error = store.begin(&new_run(1, seen)).await.expect_err("it has no crab");
    assert!(matches!(error, Error::WrongCharset { .. }), "{error:?}");
    let told = told(&error);
    assert!(told.contains("SETAI_DATABASE_URL") && told.contains("utf8mb4") && told.contains("name"), "{told}");
    assert_eq!(store.history(None, 10).await.expect("history"), [], "nothing of the run is there");
}

#[tokio::test]
async fn a_text_too_long_is_refused_with_the_name_of_its_column() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    let run = setai::store::NewRun { plan_digest: "x".repeat(65), ..new_run(1, guild(GUILD, Vec::new())) };
    let error = store.begin(&run).await.expect_err("64 characters are kept");
    assert!(matches!(&error, Error::TooLong { .. }), "{error:?}");
    assert!(told(&error).contains("plan_digest"), "{}", told(&error));
    assert_eq!(store.history(None, 10).await.expect("history"), []);
    // What was begun before goes on as if nothing had been.
    store.begin(&new_run(2, guild(GUILD, Vec::new()))).await.expect("begin");
    let mut intended = intent(1, create_rules());
    intended.reason = Some("y".repeat(513));
    let error = store.intend(run_id(2), &intended).await.expect_err("512 characters are kept");
    assert!(told(&error).contains("reason"), "{}", told(&error));
    assert_eq!(rows(&*store, AuditFilter::default()).await.len(), 0, "no row without its operation");
    store.intend(run_id(2), &intent(1, create_rules())).await.expect("the same step, with a shorter reason");
}

#[tokio::test]
async fn a_server_that_keeps_a_binary_log_is_read_only_or_full_says_which_it_is() {
    // Its tables have room for a few runs, and no more.
    let settings = ["--log-bin", "--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M"];
    let mut server = OwnServer::start(&settings).await;
    let setting = server.setting();
    let mut administrator = server.administrator().await;

    let error = open(&url(&setting)).await.expect_err("its user may not make triggers");
    assert!(matches!(error, Error::TriggersForbidden { .. } | Error::BrokenMigration { .. }), "{error:?}");
    let said = told(&error);
    for words in ["SETAI_DATABASE_URL", "log_bin_trust_function_creators", "setai migrate up"] {
        assert!(said.contains(words), "`{words}` is not said: {said}");
    }
    administrator.execute("SET GLOBAL log_bin_trust_function_creators = 1").await.expect("an administrator may");
    let store = Desk::at(open(&url(&setting)).await.expect("it takes up where it was"));
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 5)])).await.expect("rebind");

    administrator.execute("SET GLOBAL read_only = 1").await.expect("an administrator may");
    let error = store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 6)])).await.expect_err("read-only");
    assert!(matches!(error, Error::ReadOnlyServer { .. }), "{error:?}");
    assert!(told(&error).contains("SETAI_DATABASE_URL"), "{}", told(&error));
    let bound = store.bindings(GUILD).await.expect("it can be read").channels;
    assert_eq!(bound.values().map(|binding| binding.id.get()).collect::<Vec<_>>(), [5]);
    administrator.execute("SET GLOBAL read_only = 0").await.expect("an administrator may");
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "rules", 6)])).await.expect("and written again");

    until_it_is_full(&store).await;
}

/// Makes runs, each larger than all the tables can hold many of, until there is no room; then everything is whole.
async fn until_it_is_full(store: &Desk) {
    let (mut runs, mut steps) = (0, 0);
    let error = loop {
        let number = runs + 1;
        let plan = serde_json::json!({ "steps": "x".repeat(200_000) });
        let run = setai::store::NewRun { plan, ..new_run(number, guild(OTHER_GUILD, Vec::new())) };
        if let Err(error) = store.begin(&run).await {
            break error;
        }
        runs += 1;
        let mut intended = intent(1, create_rules());
        intended.operation_id = super::operation_id(number);
        match store.intend(run.id, &intended).await {
            Ok(()) => steps += 1,
            Err(error) => break error,
        }
        if let Err(error) = store.settle(run.id, intended.step, &settled(done())).await {
            break error;
        }
        steps += 1;
        if let Err(error) = store.finish(run.id, &finish(Verdict::Succeeded)).await {
            break error;
        }
        assert!(runs < 200, "20 MB are never full");
    };
    assert!(matches!(error, Error::Full), "{error:?}");
    assert!(told(&error).contains("disk of the database is full"), "{}", told(&error));
    let history = store.history(Some(OTHER_GUILD), 1000).await.expect("it can be read");
    assert_eq!(history.len() as u128, runs, "a run that was refused left nothing");
    let filter = AuditFilter { guild: Some(OTHER_GUILD), limit: 10_000, ..AuditFilter::default() };
    assert_eq!(rows(&**store, filter).await.len(), steps, "one row for each record that was made, and none beside");
    println!("full disk at a server: after {runs} runs and {steps} records of steps, nothing half-written");
}

/// The numbers with which servers refuse, by what becomes of them. The causes cannot all be had at will: some are another
/// server's, some are a matter of a moment. The numbers can: a trigger says any of them over the real connection.
const REFUSALS: [(&str, &[u16]); 9] = [
    ("ConnectionLost", &[1040, 1053, 1152, 1158, 1159, 1160, 1161, 1317, 1927, 4031]),
    ("Contended", &[1020, 1205, 1213, 1412, 1969, 3024]),
    ("AccessDenied", &[1045, 1698]),
    ("UnknownDatabase", &[1049]),
    ("Forbidden", &[1044, 1142, 1143, 1227, 1370]),
    ("TriggersForbidden", &[1419]),
    ("Full", &[1021, 1026, 1114]),
    ("ReadOnlyServer", &[1290, 1792, 1836]),
    ("WrongCharset", &[1267, 1366, 3988]),
];

/// Makes the server refuse every intent of a step with this number, as far as `times` goes.
async fn refuse(database: &TestDatabase, number: u16, times: u32) {
    let mut connection = database.connect().await;
    // What this table counts stays counted when the transaction is taken back.
    let counted = "CREATE OR REPLACE TABLE refusals (made INT UNSIGNED NOT NULL) ENGINE = Aria TRANSACTIONAL = 0";
    connection.execute(counted).await.expect("a table");
    connection.execute("INSERT INTO refusals VALUES (0)").await.expect("a row");
    let trigger = format!(
        "CREATE OR REPLACE TRIGGER refuses BEFORE INSERT ON operations FOR EACH ROW BEGIN \
             UPDATE refusals SET made = made + 1; \
             IF (SELECT made FROM refusals) <= {times} THEN \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'the server says so'; \
             END IF; \
         END"
    );
    sqlx::raw_sql(AssertSqlSafe(trigger)).execute(&mut connection).await.expect("a trigger");
}

#[tokio::test]
async fn every_number_a_server_refuses_with_is_told_as_what_it_means() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    let mut numbers = 0;
    for (name, of_them) in REFUSALS {
        for number in of_them {
            refuse(&database, *number, u32::MAX).await;
            let error = store.intend(run_id(1), &intent(1, create_rules())).await.expect_err("it is refused");
            let is = format!("{error:?}");
            assert!(is == name || is.starts_with(&format!("{name} ")), "{number} is {is}, not {name}");
            assert_eq!(rows(&*store, AuditFilter::default()).await.len(), 0, "{number}: no row without its operation");
            numbers += 1;
        }
    }
    // One that nobody has listed is told in the server's words.
    refuse(&database, 1644, u32::MAX).await;
    let error = store.intend(run_id(1), &intent(1, create_rules())).await.expect_err("it is refused");
    assert!(matches!(error, Error::Database { .. }) && told(&error).contains("the server says so"), "{}", told(&error));

    database.execute("DROP TRIGGER refuses").await;
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("the same step, once the server takes it");
    assert_eq!(rows(&*store, AuditFilter::default()).await.len(), 1);
    println!("refusals of a server: each of {numbers} numbers is told as what it means, nothing half-written");
}

#[tokio::test]
async fn a_write_that_loses_a_race_is_made_again_whatever_number_says_so() {
    let database = TestDatabase::new().await;
    let store = Desk::at(open(&database.url()).await.expect("open"));
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    for (step, number) in (1..).zip(REFUSALS[1].1) {
        refuse(&database, *number, 2).await;
        let intended = setai::store::IntendedStep {
            operation_id: super::operation_id(u128::from(*number)),
            ..intent(step, create_rules())
        };
        store.intend(run_id(1), &intended).await.expect("the third time");
        assert_eq!(rows(&*store, AuditFilter::default()).await.len(), step as usize, "{number}: written once");
    }
}
