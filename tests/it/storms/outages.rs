//! The database or the cache goes away while `setai run` is in the middle of a guild: nothing is sent that could not be
//! written down, and everything goes on by itself when it is back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use setai::clock::Clock;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::open;

use crate::support::git::Repository;
use crate::support::keeper::Keeper;
use crate::support::mariadb::TestDatabase;
use crate::support::mortal_mariadb::MortalServer;
use crate::support::oracle::audited;
use crate::support::redis::RedisServer;
use crate::support::seeds::makes_all;
use crate::support::terminal::Terminal;

/// How long it is away at least.
fn away() -> Duration {
    Duration::from_secs(if makes_all() { 60 } else { 4 })
}

/// How soon everything must go on afterwards.
const SOON: Duration = Duration::from_secs(30);

/// How many rooms the guild has.
const ROOMS: usize = 24;

/// So many of their requests are answered when something goes away.
const MIDWAY: usize = 8;

/// How a server goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It hangs, with all connections open.
    Frozen,
    /// It is killed, and started again.
    Killed,
}

/// A guild that is looked after with a database and a cache of the test's own.
struct Town {
    terminal: Terminal,
    repository: Repository,
    database: TestDatabase,
    keeper: Keeper,
}

impl Town {
    async fn new(server: &MortalServer, redis: &RedisServer) -> Self {
        let mut terminal = Terminal::new().await;
        let (repository, database) = (Repository::empty(), server.database().await);
        terminal.use_database_server(database.setting());
        terminal.use_redis(redis.address());
        write(&repository, &terminal, 1, 1);
        repository.push("The first room");
        let source = format!("name: guilds, git: \"{}\", branch: main, guilds: all", repository.bare().display());
        let keeper = Keeper::start(&terminal, &[source]);
        let town = Self { terminal, repository, database, keeper };
        town.keeper.until("the first room", || town.is_settled(1, 1)).await;
        // Long enough for something to happen while a request is at Discord.
        let slow = Rule::new(Fault::Latency { milliseconds: 100, jitter: 50 });
        town.terminal.simulator.set_faults(Faults { seed: 0, rules: vec![slow] });
        town.terminal.simulator.forget_requests();
        town
    }

    async fn commits(&self, rooms: usize, pace: u32) {
        write(&self.repository, &self.terminal, rooms, pace);
        self.repository.push("Another pace");
        self.keeper.hears_of_a_push_to("guilds").await;
    }

    /// A commit of which nothing comes, because there is no database.
    async fn misses_it_at_a_commit(&self, pace: u32) {
        self.commits(ROOMS, pace).await;
        let is_missed = || self.keeper.standing(self.terminal.guild)["reason"] == "DatabaseUnavailable";
        self.keeper.until("that the database is missed", is_missed).await;
    }

    /// How many rooms have which pace.
    fn paces(&self) -> BTreeMap<u32, usize> {
        let mut paces = BTreeMap::new();
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            for room in guild.channels.values().filter(|channel| channel.name.starts_with("room-")) {
                *paces.entry(room.rate_limit_per_user).or_default() += 1;
            }
        });
        paces
    }

    /// True when all rooms are there, each once, and it is said that they are.
    fn is_settled(&self, pace: u32, rooms: usize) -> bool {
        let standing = self.keeper.standing(self.terminal.guild);
        standing["state"] == "ready" && self.paces() == BTreeMap::from([(pace, rooms)])
    }

    /// Writes that reached Discord after a moment, and before another if there is one.
    fn writes_between(&self, after: DateTime<Utc>, before: Option<DateTime<Utc>>) -> Vec<DateTime<Utc>> {
        let arrived = self.terminal.writes().into_iter().map(|write| write.arrived);
        arrived.filter(|at| *at > after && before.is_none_or(|before| *at < before)).collect()
    }

    async fn is_midway(&self) {
        self.keeper.until("the middle of it", || self.terminal.writes().len() >= MIDWAY).await;
    }

    /// Everything is as it should be, was done once, and is written down.
    async fn is_right(&self) {
        let work = self.repository.work().display().to_string();
        self.terminal.run(&["plan", &work, "--detailed-exitcode"]).await.works(&["Nothing to do."]);
        let store = open(&self.database.url()).await.expect("a database");
        audited(&self.terminal.simulator.requests(), &*store).await;
        store.close().await;
    }
}

fn write(repository: &Repository, terminal: &Terminal, rooms: usize, pace: u32) {
    let rooms: String = (1..=rooms).map(|room| format!("  room-{room}: {{ rate_limit_per_user: {pace} }}\n")).collect();
    let text = format!("version: 1\nguild: \"{}\"\npolicy: {{ drift: heal }}\nchannels:\n{rooms}", terminal.guild);
    repository.write("guild.yaml", text);
}

/// Returns when so much time has passed.
async fn passes(time: Duration) {
    Clock::system().sleep(time).await;
}

fn now() -> DateTime<Utc> {
    Clock::system().now()
}

/// When it went, and when it was back.
struct Outage {
    went: DateTime<Utc>,
    came: DateTime<Utc>,
}

/// The database is away for a while, during which somebody does something.
async fn without_database(server: &mut MortalServer, way: Way, meanwhile: impl Future<Output = ()>) -> Outage {
    match way {
        Way::Frozen => server.freeze(),
        Way::Killed => server.kill(),
    }
    let went = now();
    tokio::join!(passes(away()), meanwhile);
    let came = now();
    match way {
        Way::Frozen => server.thaw(),
        Way::Killed => server.restart(),
    }
    Outage { went, came }
}

/// How it went on.
struct Tale {
    /// Writes that were on their way when the database went.
    under_way: usize,
    waited: Duration,
}

/// Nothing was written while the database was away, and then soon.
async fn went_on_by_itself(town: &Town, outage: &Outage, pace: u32, what: &str) -> Tale {
    let Outage { went, came } = *outage;
    town.keeper.until(what, || town.is_settled(pace, ROOMS)).await;
    let meanwhile = town.writes_between(went, Some(came));
    // What was written down before may be on its way.
    assert!(meanwhile.len() <= 1, "{what}: sent without a database between {went} and {came}: {meanwhile:?}");
    let first = town.writes_between(came, None).into_iter().min().expect("something was left to do");
    let waited = (first - came).to_std().expect("time goes on");
    assert!(waited <= SOON, "{what}: after {waited:?}");
    town.is_right().await;
    Tale { under_way: meanwhile.len(), waited }
}

/// Goes through an outage in the middle of the rooms, one in the middle of a change that is replaced meanwhile, and one that
/// begins while there is nothing to do.
async fn goes_through(way: Way) {
    let (mut server, redis) = (MortalServer::start(), RedisServer::start());
    let town = Town::new(&server, &redis).await;
    town.commits(ROOMS, 1).await;
    town.is_midway().await;
    let outage = without_database(&mut server, way, async {}).await;
    let midway = went_on_by_itself(&town, &outage, 1, "the rooms").await;

    town.commits(ROOMS, 2).await;
    town.keeper.until("the middle of it", || town.paces().contains_key(&2)).await;
    let outage = without_database(&mut server, way, town.commits(ROOMS, 3)).await;
    let replaced = went_on_by_itself(&town, &outage, 3, "what came meanwhile").await;

    let outage = without_database(&mut server, way, town.misses_it_at_a_commit(4)).await;
    let late = went_on_by_itself(&town, &outage, 4, "the late commit").await;
    town.keeper.end().await;
    println!(
        "acceptance 19 through the controller: MariaDB {way:?} for at least {} s, three times: {} writes reached Discord while it was \
         down, all under way when it went; what was under way went on after {:.1} s, what was replaced meanwhile after {:.1} s, a \
         commit of that time after {:.1} s, all without a restart",
        away().as_secs(),
        midway.under_way + replaced.under_way + late.under_way,
        midway.waited.as_secs_f64(),
        replaced.waited.as_secs_f64(),
        late.waited.as_secs_f64()
    );
}

/// Acceptance 19, through the controller.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_gone_a_controller_sends_nothing_and_then_it_goes_on() {
    goes_through(Way::Killed).await;
}

/// Acceptance 19, through the controller.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_hangs_a_controller_sends_nothing_and_then_it_goes_on() {
    goes_through(Way::Frozen).await;
}

/// Acceptance 19, through the controller.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_cache_is_away_a_controller_stays_right_and_then_it_uses_it_again() {
    let (server, mut redis) = (MortalServer::start(), RedisServer::start());
    let town = Town::new(&server, &redis).await;
    town.commits(ROOMS, 1).await;
    town.is_midway().await;
    redis.stop();
    let clock = Clock::system();
    town.keeper.until("the rooms", || town.is_settled(1, ROOMS)).await;
    town.commits(ROOMS, 2).await;
    town.keeper.until("the commit of that time", || town.is_settled(2, ROOMS)).await;
    passes(away().saturating_sub(clock.elapsed())).await;
    redis.resume();
    let came = clock.elapsed();
    town.keeper.until("that it is used again", || town.keeper.has_said("through Redis again")).await;
    let used_after = clock.elapsed().saturating_sub(came);
    assert!(used_after <= SOON, "{used_after:?}");
    town.commits(ROOMS, 3).await;
    town.keeper.until("the commit after it", || town.is_settled(3, ROOMS)).await;
    town.is_right().await;
    town.keeper.end().await;
    println!(
        "acceptance 19 through the controller: Redis away for {} s from the middle of the rooms: everything right meanwhile, a \
         commit of that time included, and used again {:.1} s after its return without a restart",
        came.as_secs(),
        used_after.as_secs_f64()
    );
}
