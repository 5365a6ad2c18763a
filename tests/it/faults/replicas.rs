//! Three replicas of `setai run`, real processes with clocks 5 s apart, at one database, one Redis and one simulated Discord.
//! Whoever is writing is killed, frozen or asked to stop, again and again.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use setai::clock::Clock;
use setai::discord::AuditReason;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::Snowflake;
use setai::store::open;
use sqlx::Row as _;

use crate::support::mariadb::TestDatabase;
use crate::support::oracle::audited;
use crate::support::redis::RedisServer;
use crate::support::seeds::makes_all;
use crate::support::skew::Skew;
use crate::support::terminal::{Terminal, finished};

/// How far the clock of each replica is off, in seconds.
const SKEWS: [i64; 3] = [-5, 0, 5];

const GUILDS: usize = 4;

/// Each takes a run of its own: long enough to be killed in.
const CHANNELS: usize = 14;

/// What happens to the one that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Terminated,
    Killed,
    Frozen,
}

impl Fate {
    fn signal(self) -> &'static str {
        match self {
            Self::Terminated => "-TERM",
            Self::Killed => "-KILL",
            Self::Frozen => "-STOP",
        }
    }
}

/// A moment in the life of a lease, as the database saw it.
#[derive(Clone, Debug)]
struct Holding {
    at: DateTime<Utc>,
    guild: u64,
    fence: i64,
    holder: Option<String>,
}

/// The beginning or the end of a run, as the database saw it.
#[derive(Clone, Debug)]
struct Milestone {
    at: DateTime<Utc>,
    guild: u64,
    run: String,
    fence: i64,
    verdict: Option<String>,
}

/// The database writes down by itself who had which right when.
const WATCH: [&str; 5] = [
    "CREATE TABLE seen_leases (number BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6), server_id BIGINT UNSIGNED,
         fence BIGINT, holder VARCHAR(128))",
    "CREATE TABLE seen_runs (number BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6), server_id BIGINT UNSIGNED,
         run VARCHAR(36), fence BIGINT, verdict VARCHAR(16))",
    "CREATE TRIGGER see_leases AFTER UPDATE ON leases FOR EACH ROW
         INSERT INTO seen_leases (at, server_id, fence, holder)
         SELECT UTC_TIMESTAMP(6), NEW.server_id, NEW.fence, NEW.holder FROM DUAL
         WHERE NEW.fence <> OLD.fence OR NOT (NEW.holder <=> OLD.holder)",
    "CREATE TRIGGER see_runs AFTER INSERT ON reconciliations FOR EACH ROW
         INSERT INTO seen_runs (at, server_id, run, fence)
         SELECT UTC_TIMESTAMP(6), NEW.server_id, NEW.reconciliation_id, fence FROM leases WHERE server_id = NEW.server_id",
    "CREATE TRIGGER see_ends AFTER UPDATE ON reconciliations FOR EACH ROW
         INSERT INTO seen_runs (at, server_id, run, fence, verdict)
         SELECT UTC_TIMESTAMP(6), NEW.server_id, NEW.reconciliation_id, fence, NEW.verdict FROM leases
         WHERE server_id = NEW.server_id AND OLD.verdict IS NULL AND NEW.verdict IS NOT NULL",
];

struct Fleet {
    terminal: Terminal,
    guilds: Vec<Snowflake>,
    database: TestDatabase,
    redis: RedisServer,
    clocks: Vec<Skew>,
    replicas: Vec<Option<Child>>,
    started: usize,
}

impl Fleet {
    async fn new() -> Self {
        let (mut terminal, guilds) = Terminal::of_guilds(GUILDS).await;
        let (database, redis) = (TestDatabase::new().await, RedisServer::start());
        terminal.use_redis(redis.address());
        open(&database.url()).await.expect("a database").close().await;
        for statement in WATCH {
            database.execute(statement).await;
        }
        let slow = Fault::Latency { milliseconds: 250, jitter: 200 };
        let rules = ["POST", "PATCH"].map(|method| Rule::new(slow.clone()).on(method, "*"));
        terminal.simulator.set_faults(Faults { seed: 0, rules: rules.into() });
        let mut fleet = Self {
            terminal,
            guilds,
            database,
            redis,
            clocks: SKEWS.map(Skew::of).into(),
            replicas: Vec::new(),
            started: 0,
        };
        fleet.write(1);
        for index in 0..SKEWS.len() {
            fleet.replicas.push(None);
            fleet.start(index);
        }
        fleet
    }

    fn start(&mut self, index: usize) {
        self.started += 1;
        let log = |what: &str| File::create(self.terminal.path(&format!("{}.{what}", self.started))).expect("a file");
        let mut command = self.terminal.command(&["run", "m", "--every", "15"]);
        command.env("SETAI_DATABASE_URL", self.database.setting()).env("SETAI_LOG", "setai=info");
        command.envs(self.clocks[index].environment());
        let child = command.stdout(log("out")).stderr(log("err")).spawn().expect("a process");
        self.replicas[index] = Some(child);
    }

    /// A revision in which everything is different from the one before.
    fn write(&self, revision: u32) {
        let channels: Vec<String> =
            (1..=CHANNELS).map(|n| format!("room-{n}: {{ rate_limit_per_user: {revision} }}")).collect();
        std::fs::create_dir_all(self.terminal.path("m")).expect("a folder");
        for guild in &self.guilds {
            let text = format!("version: 1\nguild: \"{guild}\"\nchannels: {{ {} }}\n", channels.join(", "));
            std::fs::write(self.terminal.path(&format!("m/{guild}.yaml")), text).expect("a file");
        }
    }

    /// True when every guild is as a revision says.
    fn is_at(&self, revision: u32) -> bool {
        self.terminal.simulator.with_world(|world| {
            self.guilds.iter().all(|guild| {
                let channels = world.guilds[guild].channels.values();
                let ours = channels.filter(|channel| channel.name.starts_with("room-"));
                let rates: Vec<i64> = ours.map(|channel| channel.rate_limit_per_user.into()).collect();
                rates.len() == CHANNELS && rates.iter().all(|rate| *rate == i64::from(revision))
            })
        })
    }

    async fn leases(&self) -> Vec<Holding> {
        let rows = "SELECT at, server_id, fence, holder FROM seen_leases ORDER BY number";
        let rows = sqlx::query(rows).fetch_all(&mut self.database.connect().await).await.expect("rows");
        let holding = |row: &sqlx::mysql::MySqlRow| Holding {
            at: row.get::<NaiveDateTime, _>("at").and_utc(),
            guild: row.get("server_id"),
            fence: row.get("fence"),
            holder: row.get("holder"),
        };
        rows.iter().map(holding).collect()
    }

    async fn runs(&self) -> Vec<Milestone> {
        let rows = "SELECT at, server_id, run, fence, verdict FROM seen_runs ORDER BY number";
        let rows = sqlx::query(rows).fetch_all(&mut self.database.connect().await).await.expect("rows");
        let milestone = |row: &sqlx::mysql::MySqlRow| Milestone {
            at: row.get::<NaiveDateTime, _>("at").and_utc(),
            guild: row.get("server_id"),
            run: row.get("run"),
            fence: row.get("fence"),
            verdict: row.get("verdict"),
        };
        rows.iter().map(milestone).collect()
    }

    /// A guild that is being written to, with a request answered, and the replica that does it. Not one of `spared`.
    async fn writer(&self, spared: &[usize]) -> Option<(u64, usize)> {
        let rows = "SELECT r.server_id, l.holder FROM reconciliations r JOIN leases l ON l.server_id = r.server_id
             WHERE r.verdict IS NULL AND l.holder IS NOT NULL AND l.expires_at > UTC_TIMESTAMP(6) AND EXISTS
                 (SELECT 1 FROM operations o WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'done')
               AND (SELECT COUNT(*) FROM operations o WHERE o.reconciliation_id = r.reconciliation_id) < 10";
        let rows = sqlx::query(rows).fetch_all(&mut self.database.connect().await).await.expect("rows");
        rows.iter().find_map(|row| {
            let replica = self.replica(&row.get::<String, _>("holder"))?;
            (!spared.contains(&replica)).then_some((row.get("server_id"), replica))
        })
    }

    /// The replica that goes by this name in the database.
    fn replica(&self, holder: &str) -> Option<usize> {
        self.replicas.iter().position(|replica| {
            let process = replica.as_ref().map(|child| format!("process {} ", child.id()));
            process.is_some_and(|process| holder.contains(&process))
        })
    }

    fn signal(&self, replica: usize, signal: &str) {
        let process = self.replicas[replica].as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{process} is there");
    }

    /// What replicas said, when something is wrong.
    fn told(&self) -> String {
        let log = |number: usize| {
            let text = std::fs::read_to_string(self.terminal.path(&format!("{number}.err"))).unwrap_or_default();
            let out = std::fs::read_to_string(self.terminal.path(&format!("{number}.out"))).unwrap_or_default();
            format!("--- {number}\n{out}{text}\n")
        };
        (1..=self.started).map(log).collect()
    }

    /// Waits until something is so.
    async fn until<T>(&self, what: &str, most: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let clock = Clock::system();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(clock.elapsed() < most, "{what} did not come within {most:?}\n{}", self.told());
            clock.sleep(Duration::from_millis(20)).await;
        }
    }

    /// Something happens to somebody who writes. None when it came too late.
    async fn strike(&self, fate: Fate, spared: &[usize]) -> Option<Blow> {
        let minute = Duration::from_secs(60);
        let (guild, replica) = self.until("somebody who writes", minute, async || self.writer(spared).await).await;
        let at = Utc::now();
        self.signal(replica, fate.signal());
        let last = self.leases().await.into_iter().rfind(|holding| holding.guild == guild)?;
        let is_held = last.holder.as_deref().and_then(|holder| self.replica(holder)) == Some(replica);
        (is_held || fate == Fate::Terminated).then_some(Blow { fate, guild, replica, at })
    }

    /// How long it took until another replica had the guild; none when there was nothing left to do.
    async fn taken_over(&self, blow: &Blow) -> Option<Duration> {
        let Blow { fate, guild, replica, at } = blow;
        let most = Duration::from_secs(if *fate == Fate::Terminated { 45 } else { 75 });
        self.until(&format!("a takeover after {fate:?}"), most, async || {
            let next = self.leases().await.into_iter().find(|holding| {
                let by = holding.holder.as_deref().and_then(|holder| self.replica(holder));
                holding.guild == *guild && holding.at > *at && by.is_some_and(|by| by != *replica)
            });
            if let Some(next) = next {
                return Some((next.at - at).to_std().ok());
            }
            // It was just done: nothing was interrupted.
            let ends = self.runs().await.into_iter().rfind(|run| run.guild == *guild);
            let is_done = ends.is_some_and(|end| end.verdict.as_deref() == Some("succeeded"));
            (is_done && *fate == Fate::Terminated).then_some(None)
        })
        .await
    }

    /// Whoever is gone comes back.
    async fn restore(&mut self, blows: &[Blow]) {
        for Blow { fate, replica, .. } in blows {
            if *fate == Fate::Frozen {
                self.signal(*replica, "-CONT");
                continue;
            }
            let child = self.replicas[*replica].take().expect("it ran");
            let mut child = child;
            let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("no panic");
            let status = ended.expect("it ends");
            assert!(status.success() || *fate == Fate::Killed, "{fate:?}: {status}\n{}", self.told());
            self.start(*replica);
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.replicas.iter_mut().flatten() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

struct Blow {
    fate: Fate,
    guild: u64,
    replica: usize,
    at: DateTime<Utc>,
}

/// No request of a holder after another had the right, and no two runs of a guild at once.
async fn judge(fleet: &Fleet) -> (usize, usize) {
    let (leases, milestones) = (fleet.leases().await, fleet.runs().await);
    let mut runs: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    let mut open_runs: BTreeMap<u64, String> = BTreeMap::new();
    for Milestone { at, guild, run, fence, verdict } in &milestones {
        match verdict {
            None => {
                let before = open_runs.insert(*guild, run.clone());
                assert_eq!(before, None, "the runs {before:?} and {run} of {guild} overlap at {at}");
                runs.insert(run.clone(), (*guild, *fence));
            }
            Some(_) => {
                assert_eq!(open_runs.remove(guild).as_ref(), Some(run), "the run that ends is the one that began");
            }
        }
    }
    let operations = "SELECT operation_id, reconciliation_id FROM operations";
    let operations = sqlx::query(operations).fetch_all(&mut fleet.database.connect().await).await.expect("rows");
    let run_of: BTreeMap<String, String> = operations.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut judged = 0;
    for record in fleet.terminal.simulator.requests().iter().filter(|record| record.is_write()) {
        let Some(reason) = record.reason.as_deref().and_then(|text| text.parse::<AuditReason>().ok()) else { continue };
        let run = run_of.get(&reason.operation).unwrap_or_else(|| panic!("nobody intended {}", reason.operation));
        let (guild, fence) = runs[run];
        let later = leases.iter().find(|holding| holding.guild == guild && holding.fence > fence);
        let outdated = later.filter(|later| record.arrived > later.at + TimeDelta::milliseconds(1));
        assert!(outdated.is_none(), "{} {} of {fence} after {outdated:?}", record.method, record.path);
        judged += 1;
    }
    (judged, runs.len())
}

/// Each round is a revision, and what happens to whoever writes it.
async fn goes_on(rounds: &[&[Fate]]) {
    let mut fleet = Fleet::new().await;
    let (minute, mut revision) = (Duration::from_secs(60), 1);
    fleet.until("the first revision", 2 * minute, async || fleet.is_at(1).then_some(())).await;
    let mut takeovers: BTreeMap<Fate, Vec<Duration>> = BTreeMap::new();
    for round in rounds {
        revision += 1;
        fleet.write(revision);
        let mut blows: Vec<Blow> = Vec::new();
        for fate in *round {
            let spared: Vec<usize> = blows.iter().map(|blow| blow.replica).collect();
            blows.extend(fleet.strike(*fate, &spared).await);
        }
        for blow in &blows {
            takeovers.entry(blow.fate).or_default().extend(fleet.taken_over(blow).await);
        }
        fleet.restore(&blows).await;
        fleet.until("equality", 2 * minute, async || fleet.is_at(revision).then_some(())).await;
    }
    // Whoever was frozen has found out by now.
    let is_quiet = async || fleet.leases().await.last().is_none_or(|last| last.holder.is_none()).then_some(());
    fleet.until("quiet", minute, is_quiet).await;
    let mut plan = fleet.terminal.command(&["plan", "m", "--detailed-exitcode"]);
    plan.env("SETAI_DATABASE_URL", fleet.database.setting());
    finished(plan).await.works(&[]);
    let (judged, runs) = judge(&fleet).await;
    let store = open(&fleet.database.url()).await.expect("a database");
    let requests = fleet.terminal.simulator.requests();
    let operations = audited(&requests, &*store).await;
    store.close().await;
    let mut figures = String::new();
    for (fate, times) in &takeovers {
        let slowest = times.iter().max().copied().unwrap_or_default();
        figures += &format!("; {fate:?}: {} takeovers, at most {:.1} s", times.len(), slowest.as_secs_f64());
        let most = if *fate == Fate::Terminated { 15 } else { 50 };
        assert!(slowest < Duration::from_secs(most), "{takeovers:?}");
    }
    println!(
        "acceptance 20: three replicas, clocks {SKEWS:?} s off, {} rounds: {judged} requests of {operations} operations, 0 with \
         an outdated fencing number, {runs} runs, 0 overlapping, {} requests in all{figures}",
        rounds.len(),
        requests.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_is_killed_frozen_or_asked_to_stop_and_another_goes_on() {
    let share: [&[Fate]; 2] = [&[Fate::Terminated], &[Fate::Killed, Fate::Frozen]];
    let all: Vec<&[Fate]> = share.iter().cycle().take(24).copied().collect();
    goes_on(if makes_all() { &all } else { &share }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_database_alone_brings_them_together() {
    let mut fleet = Fleet::new().await;
    let minute = Duration::from_secs(60);
    fleet.until("the first revision", 2 * minute, async || fleet.is_at(1).then_some(())).await;
    fleet.redis.stop();
    fleet.write(2);
    let blow = fleet.strike(Fate::Terminated, &[]).await.expect("it is asked to stop");
    let took = fleet.taken_over(&blow).await;
    fleet.until("equality", minute, async || fleet.is_at(2).then_some(())).await;
    assert!(fleet.told().contains("SETAI_REDIS_URL"), "it is said what is wrong: {}", fleet.told());
    fleet.redis.resume();
    let said = async || fleet.told().contains("redis  can be read again").then_some(());
    fleet.until("Redis", minute, said).await;
    fleet.write(3);
    fleet.until("equality", minute, async || fleet.is_at(3).then_some(())).await;
    let (judged, runs) = judge(&fleet).await;
    let took = took.map_or_else(|| "it was done".to_owned(), |took| format!("{:.1} s", took.as_secs_f64()));
    println!("without Redis: takeover after SIGTERM: {took}; {judged} requests and {runs} runs, one at a time");
}
