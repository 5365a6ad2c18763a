//! Somebody sets the clock while `setai run` is in the middle of a guild: forwards by hours and by a month, and back before it
//! started. What is under way goes on, what comes afterwards is heard, and nothing is made twice.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use setai::clock::Clock;
use setai::model::GuildId;
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::{DatabaseUrl, open};

use crate::support::git::Repository;
use crate::support::keeper::Keeper;
use crate::support::mariadb::TestDatabase;
use crate::support::oracle::audited;
use crate::support::redis::RedisServer;
use crate::support::skew::Skew;
use crate::support::terminal::Terminal;

const HOUR: i64 = 3_600;

/// By how many seconds the clock is wrong, one time after the other.
const TIMES: [i64; 5] = [2 * HOUR, -3 * HOUR, 30 * 24 * HOUR, -30 * 24 * HOUR, 0];

/// How many rooms the guild has.
const ROOMS: usize = 12;

struct Town {
    terminal: Terminal,
    repository: Repository,
    keeper: Keeper,
    clock: Skew,
}

impl Town {
    fn of(mut terminal: Terminal) -> Self {
        let (repository, clock) = (Repository::empty(), Skew::of(0));
        terminal.use_clock(&clock);
        // Long enough for something to happen while a request is at Discord.
        let slow = Rule::new(Fault::Latency { milliseconds: 100, jitter: 50 });
        terminal.simulator.set_faults(Faults { seed: 0, rules: vec![slow] });
        write(&repository, &terminal, 1);
        repository.push("The rooms");
        let source = format!("name: guilds, git: \"{}\", branch: main, guilds: all", repository.bare().display());
        let keeper = Keeper::start(&terminal, &[source]);
        Self { terminal, repository, keeper, clock }
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

    async fn settles(&self, pace: u32) {
        let is_settled = || {
            let standing = self.keeper.standing(self.terminal.guild);
            standing["state"] == "ready" && self.paces() == BTreeMap::from([(pace, ROOMS)])
        };
        self.keeper.until(&format!("the pace {pace}"), is_settled).await;
    }

    /// Somebody changes a room, which the policy says to undo.
    async fn is_meddled_with(&self, room: usize, pace: u32) {
        let id = self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            guild.channel_named(&format!("room-{room}")).expect("a room").id
        });
        let act =
            Act::new(self.terminal.owner, "PATCH", &format!("/channels/{id}"), json!({ "rate_limit_per_user": 99 }));
        self.terminal.simulator.act(&act).expect("the owner may do anything");
        self.settles(pace).await;
    }

    /// What was undone was written down with the time of the wrong clock.
    async fn went_by_it(&self, database: &DatabaseUrl, seconds: i64) {
        let store = open(database).await.expect("a database");
        let wrong = Clock::system().now() + TimeDelta::seconds(seconds);
        let runs = store.history(Some(GuildId::new(self.terminal.guild.0)), 100).await.expect("runs");
        let is_of_then = |at: DateTime<Utc>| (at - wrong).abs() < TimeDelta::minutes(30);
        assert!(runs.iter().any(|run| is_of_then(run.started_at)), "{seconds}: {runs:#?}");
        store.close().await;
    }

    async fn sees_the_clock_set(self, database: &DatabaseUrl) {
        self.settles(1).await;
        for (n, seconds) in TIMES.into_iter().enumerate() {
            let pace = n as u32 + 2;
            write(&self.repository, &self.terminal, pace);
            self.repository.push("Another pace");
            self.keeper.hears_of_a_push_to("guilds").await;
            self.keeper.until("the middle of it", || self.paces().contains_key(&pace)).await;
            self.clock.set(seconds);
            self.settles(pace).await;
            self.is_meddled_with(n + 1, pace).await;
            self.went_by_it(database, seconds).await;
        }
        let work = self.repository.work().display().to_string();
        self.terminal.run(&["plan", &work, "--detailed-exitcode"]).await.works(&["Nothing to do."]);
        self.terminal.run(&["audit", "verify"]).await.works(&[]);
        // Telling Discord of the command changes no guild.
        let writes = self.terminal.writes().iter().filter(|write| !write.path.contains("/applications/")).count();
        let expected = ROOMS + TIMES.len() * (ROOMS + 1);
        assert_eq!(writes, expected, "each room once for each pace, and once for each meddling");
        let store = open(database).await.expect("a database");
        audited(&self.terminal.simulator.requests(), &*store).await;
        store.close().await;
        self.keeper.end().await;
        println!(
            "the clock was set {} times by up to a month in the middle of a run: {writes} writes, each once",
            TIMES.len()
        );
    }
}

fn write(repository: &Repository, terminal: &Terminal, pace: u32) {
    let rooms: String = (1..=ROOMS).map(|room| format!("  room-{room}: {{ rate_limit_per_user: {pace} }}\n")).collect();
    let text = format!("version: 1\nguild: \"{}\"\npolicy: {{ drift: heal }}\nchannels:\n{rooms}", terminal.guild);
    repository.write("guild.yaml", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sets_the_clock_of_a_machine_that_keeps_its_own_records() {
    let terminal = Terminal::new().await;
    let file = DatabaseUrl::File(terminal.path("setai.db"));
    Town::of(terminal).sees_the_clock_set(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sets_the_clock_of_a_machine_whose_records_are_at_a_server() {
    let (mut terminal, database, redis) = (Terminal::new().await, TestDatabase::new().await, RedisServer::start());
    terminal.use_database_server(database.setting());
    terminal.use_redis(redis.address());
    Town::of(terminal).sees_the_clock_set(&database.url()).await;
}
