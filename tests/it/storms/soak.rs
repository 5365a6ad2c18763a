//! Many guilds for a long time, with a change a second and everything failing now and then: in the end each is as its
//! manifest says, nothing was made twice or deleted, and the process takes no more than before.
//!
//! A share of every day, and for as many minutes as `SETAI_SOAK` says with two hundred guilds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use setai::clock::Clock;
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::gateway::GatewayOrder;
use setai::simulator::limits::Scope;
use setai::simulator::world::{Guild, Snowflake};

use crate::support::git::{Repository, WebServer};
use crate::support::keeper::{Keeper, Means};
use crate::support::mariadb::TestDatabase;
use crate::support::mortal_mariadb::MortalServer;
use crate::support::redis::RedisServer;
use crate::support::rng::Rng;
use crate::support::terminal::Terminal;

/// Discord's words for channels and roles that were deleted, in its audit log.
const DELETIONS: [u32; 2] = [12, 32];

/// How much is done.
struct Size {
    guilds: usize,
    /// How many changes, one a second.
    changes: u32,
    /// After so many of them the next dependency goes away.
    rhythm: u32,
    /// And after so many more it comes back.
    away: u32,
}

impl Size {
    /// A share, or what somebody asks for: everything goes away six times.
    fn asked_for() -> Self {
        let minutes: Option<u32> = std::env::var("SETAI_SOAK").ok().map(|text| text.parse().expect("a number"));
        match minutes {
            None => Self { guilds: 12, changes: 24, rhythm: 6, away: 2 },
            Some(minutes) => Self { guilds: 200, changes: 60 * minutes, rhythm: 10 * minutes, away: 5 },
        }
    }
}

/// What is wanted of a guild.
#[derive(Clone)]
struct Wish {
    guild: Snowflake,
    /// Once in how many seconds people may write in each room.
    rooms: Vec<u32>,
    hoists: bool,
}

impl Wish {
    fn text(&self) -> String {
        let Self { guild, rooms, hoists } = self;
        let rooms = rooms.iter().enumerate();
        let rooms: String =
            rooms.map(|(room, pace)| format!("  room-{room}: {{ rate_limit_per_user: {pace} }}\n")).collect();
        let roles = format!("roles: {{ crew: {{ hoist: {hoists} }}, staff: {{}} }}");
        format!("version: 1\nguild: \"{guild}\"\npolicy: {{ drift: heal }}\n{roles}\nchannels:\n{rooms}")
    }

    /// True when the guild has exactly this, each once.
    fn is_met_by(&self, live: &Guild) -> bool {
        let rooms = live.channels.values().filter(|channel| channel.name.starts_with("room-"));
        let mut found: Vec<_> = rooms.map(|room| (room.name.clone(), room.rate_limit_per_user)).collect();
        let wanted = self.rooms.iter().enumerate();
        let mut wanted: Vec<_> = wanted.map(|(room, pace)| (format!("room-{room}"), *pace)).collect();
        found.sort();
        wanted.sort();
        let crew: Vec<bool> = live.roles.values().filter(|role| role.name == "crew").map(|role| role.hoist).collect();
        let staff = live.roles.values().filter(|role| role.name == "staff").count();
        found == wanted && crew == [self.hoists] && staff == 1
    }
}

/// Everything there is.
struct Town {
    size: Size,
    terminal: Terminal,
    repository: Repository,
    forge: WebServer,
    database: MortalServer,
    redis: RedisServer,
    keeper: Keeper,
    wishes: Vec<Wish>,
    /// Channels that people made by hand, which are nobody's business.
    strays: Vec<(Snowflake, Snowflake)>,
    dice: Rng,
}

/// What may go away.
#[derive(Clone, Copy, Debug)]
enum Dependency {
    Database,
    Redis,
    Forge,
    Gateway,
}

impl Dependency {
    const ALL: [Self; 4] = [Self::Database, Self::Redis, Self::Forge, Self::Gateway];
}

impl Town {
    /// With all guilds equal to their manifests.
    async fn new(size: Size) -> Self {
        let (database, redis, repository) = (MortalServer::start(), RedisServer::start(), Repository::empty());
        let (mut terminal, guilds) = Terminal::of_guilds(size.guilds).await;
        let at: TestDatabase = database.database().await;
        terminal.use_database_server(at.setting());
        terminal.use_redis(redis.address());
        let wish = |guild: &Snowflake| Wish { guild: *guild, rooms: vec![1; 4], hoists: false };
        let wishes: Vec<Wish> = guilds.iter().map(wish).collect();
        wishes.iter().for_each(|wish| repository.write(&format!("{}.yaml", wish.guild), wish.text()));
        repository.push("All guilds");
        let forge = WebServer::start(&repository).await;
        let source = format!("name: guilds, git: \"{}\", branch: main, guilds: all", forge.url());
        let keeper = Keeper::start(&terminal, &[source]);
        let dice = Rng::seeded(7);
        let town =
            Self { size, terminal, repository, forge, database, redis, keeper, wishes, strays: Vec::new(), dice };
        town.comes_to_rest("all guilds").await;
        town
    }

    /// Returns once every guild is as its manifest says, and it is said that it is.
    async fn comes_to_rest(&self, what: &str) {
        // With many guilds that takes longer than anything else: one after the other is known to be.
        for wish in &self.wishes {
            let is_met = || {
                let is_ready = self.keeper.standing(wish.guild)["state"] == "ready";
                is_ready && self.terminal.simulator.with_world(|world| wish.is_met_by(&world.guilds[&wish.guild]))
            };
            self.keeper.until(what, is_met).await;
        }
    }

    /// Some of everything that Discord does wrong: one request in fifty.
    fn weather(&self) {
        let faults = [
            Fault::ServerError { status: 503, done: false },
            Fault::ServerError { status: 500, done: true },
            Fault::ConnectionLost { done: true },
            Fault::RateLimit { scope: Scope::User, retry_after: 300 },
        ];
        let rules = faults.map(|fault| Rule { probability: Some(0.005), ..Rule::new(fault) }).to_vec();
        self.terminal.simulator.set_faults(Faults { seed: 7, rules });
    }

    /// One change: three of five by a commit, the others by hand.
    async fn changes(&mut self, number: u32) {
        // Each has its turn, so that nobody seems to fight with us.
        let which = usize::try_from(number).expect("a small number") % self.wishes.len();
        match self.dice.below(5) {
            0 => {
                self.wishes[which].rooms.push(number);
                self.commits(which).await;
            }
            1 => {
                let wish = &mut self.wishes[which];
                wish.hoists = !wish.hoists;
                self.commits(which).await;
            }
            2 => {
                let room = self.dice.below(self.wishes[which].rooms.len());
                self.wishes[which].rooms[room] = number;
                self.commits(which).await;
            }
            3 => self.meddles(which),
            _ => self.strays(which, number),
        }
    }

    async fn commits(&self, which: usize) {
        let wish = &self.wishes[which];
        self.repository.write(&format!("{}.yaml", wish.guild), wish.text());
        self.repository.push("A change");
        self.keeper.hears_of_a_push_to("guilds").await;
    }

    /// Somebody slows a room down by hand, which is undone.
    fn meddles(&self, which: usize) {
        let guild = self.wishes[which].guild;
        let room =
            self.terminal.simulator.with_world(|world| world.guilds[&guild].channel_named("room-0").map(|r| r.id));
        self.by_hand(
            which,
            "PATCH",
            &format!("/channels/{}", room.expect("it is there")),
            json!({ "rate_limit_per_user": 20_000 }),
        );
    }

    /// Somebody makes a channel by hand, which stays.
    fn strays(&mut self, which: usize, number: u32) {
        let guild = self.wishes[which].guild;
        let made = self.by_hand(
            which,
            "POST",
            &format!("/guilds/{guild}/channels"),
            json!({ "name": format!("stray-{number}") }),
        );
        let id = made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        self.strays.push((guild, id));
    }

    fn by_hand(&self, which: usize, method: &str, path: &str, body: serde_json::Value) -> serde_json::Value {
        let guild = self.wishes[which].guild;
        let owner = self.terminal.simulator.with_world(|world| world.guilds[&guild].owner_id);
        let done = self.terminal.simulator.act(&Act::new(owner, method, path, body));
        done.expect("the owner may do anything").body.unwrap_or_default()
    }

    /// One dependency after the other goes away for a while.
    async fn loses_one_in_turn(&mut self, number: u32, storm: &mut Storm) {
        let Size { rhythm, away, .. } = self.size;
        let place = number % rhythm;
        if place == rhythm / 2 {
            let dependency = Dependency::ALL[storm.restarts % Dependency::ALL.len()];
            self.goes(dependency).await;
            storm.away = Some(dependency);
            storm.restarts += 1;
        }
        if place == rhythm / 2 + away {
            self.gets_it_back(storm).await;
        }
    }

    async fn gets_it_back(&mut self, storm: &mut Storm) {
        if let Some(dependency) = storm.away.take() {
            self.comes(dependency).await;
        }
    }

    /// Counts what happened with one change.
    fn counts(&self, number: u32, storm: &mut Storm) {
        let means = self.keeper.means();
        storm.most = storm.most.most(means);
        // Half of it warms up what is kept: connections, memories, pools.
        if number < self.size.changes / 2 {
            storm.warm = storm.warm.most(means);
        }
        let answered = self.terminal.simulator.requests();
        storm.requests += answered.len();
        storm.failed += answered.iter().filter(|request| request.status == 0 || request.status >= 429).count();
        // In a long run the logs would take all memory there is.
        self.terminal.simulator.forget_requests();
        self.terminal.simulator.forget_gateway();
    }

    async fn goes(&mut self, dependency: Dependency) {
        match dependency {
            Dependency::Database => self.database.kill(),
            Dependency::Redis => self.redis.stop(),
            Dependency::Forge => self.forge.stop().await,
            Dependency::Gateway => self.terminal.simulator.break_gateways(),
        }
    }

    async fn comes(&mut self, dependency: Dependency) {
        match dependency {
            Dependency::Database => self.database.restart(),
            Dependency::Redis => self.redis.resume(),
            Dependency::Forge => self.forge.resume().await,
            // Whoever was cut off connects again by itself; the second time everything has to be told anew.
            Dependency::Gateway => {
                let invalid = GatewayOrder::InvalidateSessions { resumable: false };
                self.terminal.simulator.order(&invalid).expect("it concerns no guild");
            }
        }
    }

    /// What SetAI deleted, and what people had made and is gone.
    fn losses(&self) -> (usize, usize) {
        self.terminal.simulator.with_world(|world| {
            let bots: BTreeSet<Snowflake> = world.users.values().filter(|user| user.bot).map(|user| user.id).collect();
            let entries = world.guilds.values().flat_map(|guild| &guild.audit_log);
            let deleted =
                entries.filter(|entry| DELETIONS.contains(&entry.action_type) && bots.contains(&entry.user_id)).count();
            let is_gone = |(guild, stray): &&(Snowflake, Snowflake)| !world.guilds[guild].channels.contains_key(stray);
            (deleted, self.strays.iter().filter(is_gone).count())
        })
    }

    /// Names that are there more than once in a guild.
    fn duplicates(&self) -> usize {
        self.terminal.simulator.with_world(|world| {
            let mut named: BTreeMap<(Snowflake, &str), usize> = BTreeMap::new();
            for guild in world.guilds.values() {
                let channels = guild.channels.values().map(|channel| channel.name.as_str());
                let names = channels.chain(guild.roles.values().map(|role| role.name.as_str()));
                names.for_each(|name| *named.entry((guild.id, name)).or_default() += 1);
            }
            named.values().filter(|times| **times > 1).count()
        })
    }

    /// Every guild is as its manifest says, and nothing is there that should not be or gone that should.
    async fn is_whole(&self) {
        assert_eq!(self.losses(), (0, 0), "what SetAI deleted, and what is gone that people made");
        assert_eq!(self.duplicates(), 0);
        for wish in &self.wishes {
            let file = self.repository.work().join(format!("{}.yaml", wish.guild)).display().to_string();
            self.terminal.run(&["plan", &file, "--detailed-exitcode"]).await.works(&["Nothing to do."]);
        }
    }
}

/// What was seen of a storm.
#[derive(Default)]
struct Storm {
    /// What is away at the moment.
    away: Option<Dependency>,
    restarts: usize,
    requests: usize,
    failed: usize,
    /// What the process took at most while it warmed up.
    warm: Means,
    /// And at all.
    most: Means,
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guilds_stay_equal_whatever_goes_away_and_nothing_grows() {
    let mut town = Town::new(Size::asked_for()).await;
    let (clock, changes, mut storm) = (Clock::system(), town.size.changes, Storm::default());
    town.terminal.simulator.forget_requests();
    town.weather();
    for number in 0..changes {
        town.loses_one_in_turn(number, &mut storm).await;
        town.changes(number).await;
        town.counts(number, &mut storm);
        let tick = Duration::from_secs(u64::from(number) + 1);
        clock.sleep(tick.saturating_sub(clock.elapsed())).await;
    }
    town.gets_it_back(&mut storm).await;
    let took = clock.elapsed();
    town.terminal.simulator.set_faults(Faults::default());
    town.comes_to_rest("the rest after the storm").await;
    let (rested, end) = (clock.elapsed().saturating_sub(took), town.keeper.means());
    town.is_whole().await;
    let Storm { away: _, restarts, requests, failed, warm, most } = storm;
    println!(
        "soak: {} guilds, {changes} changes in {} s, {restarts} restarts, {requests} requests of which {failed} \
         failed: all equal {:.1} s after the storm, 0 duplicates, 0 unintended deletes; memory {} KiB warm, {} at most, {} at the end; \
         descriptors {}, {}, {}; connections {}, {}, {}",
        town.wishes.len(),
        took.as_secs(),
        rested.as_secs_f64(),
        warm.memory,
        most.memory,
        end.memory,
        warm.descriptors,
        most.descriptors,
        end.descriptors,
        warm.sockets,
        most.sockets,
        end.sockets
    );
    assert!(end.memory <= warm.memory + warm.memory / 8, "memory grows");
    assert!(end.descriptors <= warm.descriptors + 4, "descriptors are left open");
    assert!(end.sockets <= warm.sockets + 4, "connections are left open");
    town.keeper.end().await;
}
