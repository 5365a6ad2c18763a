//! Two controllers at one guild, each with a view of its own on the same source.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use setai::cache::Cache;
use setai::clock::Clock;
use setai::controller::{Controller, Engine, Handle, Rhythm, Settings, Watched};
use setai::discord::{Client, Settings as ClientSettings};
use setai::store::{Trigger, open};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::redis::RedisServer;
use crate::support::repository::{Repository, View};
use crate::support::stage::InProcess;

struct Replica {
    handle: Handle,
    source: Arc<View>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Replica {
    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic");
    }
}

struct Town {
    discord: Harness,
    database: TestDatabase,
    redis: RedisServer,
    repository: Arc<Repository>,
}

impl Town {
    async fn new() -> Self {
        let (discord, database, redis) = (Harness::new(), TestDatabase::new().await, RedisServer::start());
        let town = Self { discord, database, redis, repository: Arc::default() };
        town.commit(1);
        town
    }

    /// A revision in which people may write this often.
    fn commit(&self, seconds: u32) {
        let guild = self.discord.guild;
        let policy = "policy: { drift: heal }";
        let text = format!(
            "version: 1\nguild: \"{guild}\"\n{policy}\nchannels: {{ hall: {{ rate_limit_per_user: {seconds} }} }}\n"
        );
        self.repository.commit(&text);
    }

    fn is_at(&self, seconds: u32) -> bool {
        self.discord.edit(|guild| guild.channel_named("hall").is_some_and(|hall| hall.rate_limit_per_user == seconds))
    }

    fn somebody_meddles(&self) {
        let id = self.discord.edit(|guild| guild.channel_named("hall").map(|hall| hall.id)).expect("it is there");
        self.discord.by_hand("PATCH", &format!("/channels/{id}"), json!({ "rate_limit_per_user": 77 }));
    }

    async fn replica(&self, has_redis: bool) -> Replica {
        let clock = Clock::system();
        let mut settings = ClientSettings::new(SecretString::from("token"));
        settings.address = format!("https://{}.test", self.discord.guild);
        let exchange = Arc::new(InProcess(self.discord.simulator.router()));
        let client = Client::new(settings, exchange, clock.clone()).expect("a client");
        let store = open(&self.database.url()).await.expect("a database");
        let mut engine = Engine::new(Arc::new(client), store, clock.clone());
        if has_redis {
            engine = engine.with_cache(Cache::in_redis(&self.redis.url(), clock).expect("an address")).sharing_rate();
        }
        let source = Arc::new(View::of(&self.repository));
        let hour = Duration::from_secs(3_600);
        let watched = Watched { name: "main".to_owned(), source: source.clone(), interval: hour };
        let controller = Controller::new(
            engine,
            Settings {
                sources: vec![watched],
                assign: Arc::new(|_, _, _| Ok(None)),
                sweep: Rhythm::every(hour),
                approval_ends: hour,
                audit: None,
                workers: 2,
                grace: Duration::from_secs(10),
                shares: true,
                gateway: None,
                recorder: None,
            },
        );
        let (handle, stop) = (controller.handle(), CancellationToken::new());
        let running = tokio::spawn(controller.run(stop.clone()));
        Replica { handle, source, stop, running }
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let clock = Clock::system();
        while !is_so() {
            assert!(clock.elapsed() < Duration::from_secs(30), "{what}");
            clock.sleep(Duration::from_millis(10)).await;
        }
    }
}

fn looks(replica: &Replica) -> usize {
    replica.source.looks()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_one_replica_hears_makes_all_of_them_look() {
    let town = Town::new().await;
    let (one, other) = (town.replica(true).await, town.replica(true).await);
    town.until("the first revision", || town.is_at(1)).await;
    // Who hears nothing yet has no group to be in.
    let clock = Clock::system();
    while looks(&other) < 2 {
        assert!(clock.elapsed() < Duration::from_secs(30), "the other one hears no call");
        one.handle.look_at_source("main");
        clock.sleep(Duration::from_millis(20)).await;
    }
    town.commit(2);
    one.handle.look_at_source("main");
    town.until("the second revision", || town.is_at(2)).await;
    town.somebody_meddles();
    other.handle.look_at(guild(&town), Trigger::Person);
    town.until("that it is healed", || town.is_at(2)).await;
    one.stop().await;
    town.somebody_meddles();
    other.handle.look_at(guild(&town), Trigger::Person);
    town.until("that it is healed by the one that is left", || town.is_at(2)).await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_behind_does_not_take_back_what_another_has_done() {
    let town = Town::new().await;
    let (one, other) = (town.replica(false).await, town.replica(false).await);
    town.until("the first revision", || town.is_at(1)).await;
    town.until("that both have read it", || looks(&one) > 0 && looks(&other) > 0).await;
    town.commit(2);
    one.handle.look_at_source("main");
    town.until("the second revision", || town.is_at(2)).await;
    let is_ready = |replica: &Replica, revision: &str| {
        let standing = replica.handle.guilds().into_iter().next().and_then(|view| view.standing);
        standing.is_some_and(|standing| standing.applied.as_deref() == Some(revision))
    };
    town.until("that it is written down", || is_ready(&one, "main@2")).await;
    let before = looks(&other);
    town.discord.simulator.forget_requests();
    other.handle.look_at(guild(&town), Trigger::Person);
    town.until("that the other one has been there", || is_ready(&other, "main@2")).await;
    assert!(looks(&other) > before, "it looked at its source first");
    assert_eq!(town.discord.simulator.requests().iter().filter(|request| request.is_write()).count(), 0);
    assert!(town.is_at(2));
    one.stop().await;
    other.stop().await;
}

fn guild(town: &Town) -> setai::model::GuildId {
    town.discord.guild.to_string().parse().expect("a snowflake")
}
