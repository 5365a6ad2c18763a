//! Two controllers at one guild, each with a view of its own on the same source.

use std::time::Duration;

use setai::cache::Cache;
use setai::clock::Clock;
use setai::store::{Trigger, open};

use crate::support::hall::{Hall, Run, until};
use crate::support::mariadb::TestDatabase;
use crate::support::redis::RedisServer;

struct Town {
    hall: Hall,
    database: TestDatabase,
    redis: RedisServer,
}

impl Town {
    async fn new() -> Self {
        let town = Self { hall: Hall::new(), database: TestDatabase::new().await, redis: RedisServer::start() };
        town.commit(1);
        town
    }

    fn commit(&self, seconds: u32) {
        self.hall.commit("drift: heal", seconds);
    }

    fn is_at(&self, seconds: u32) -> bool {
        self.hall.pace() == Some(seconds)
    }

    async fn replica(&self, has_redis: bool) -> Run {
        let engine = self.hall.engine(open(&self.database.url()).await.expect("a database"));
        let engine = match has_redis {
            true => {
                let cache = Cache::in_redis(&self.redis.url(), Clock::system()).expect("an address");
                engine.with_cache(cache).sharing_rate()
            }
            false => engine,
        };
        self.hall.run(engine, 2, true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_one_replica_hears_makes_all_of_them_look() {
    let town = Town::new().await;
    let (one, other) = (town.replica(true).await, town.replica(true).await);
    until("the first revision", || town.is_at(1)).await;
    // Who hears nothing yet has no group to be in.
    let clock = Clock::system();
    while other.looks() < 2 {
        assert!(clock.elapsed() < Duration::from_secs(30), "the other one hears no call");
        one.handle.look_at_source("main");
        clock.sleep(Duration::from_millis(20)).await;
    }
    town.commit(2);
    one.handle.look_at_source("main");
    until("the second revision", || town.is_at(2)).await;
    town.hall.somebody_meddles();
    other.handle.look_at(town.hall.guild(), Trigger::Person);
    until("that it is healed", || town.is_at(2)).await;
    one.stop().await;
    town.hall.somebody_meddles();
    other.handle.look_at(town.hall.guild(), Trigger::Person);
    until("that it is healed by the one that is left", || town.is_at(2)).await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_wants_nothing_new_keeps_no_other_away() {
    let town = Town::new().await;
    let replica = town.replica(true).await;
    until("the first revision", || town.is_at(1)).await;
    // As a commit about another guild is, over and over.
    for seconds in 2..5 {
        let before = replica.looks();
        town.commit(seconds - 1);
        replica.handle.look_at_source("main");
        until("that it was read", || replica.looks() > before).await;
        town.commit(seconds);
        replica.handle.look_at_source("main");
        until("the revision after it", || town.is_at(seconds)).await;
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_behind_does_not_take_back_what_another_has_done() {
    let town = Town::new().await;
    let (one, other) = (town.replica(false).await, town.replica(false).await);
    until("the first revision", || town.is_at(1)).await;
    until("that both have read it", || one.looks() > 0 && other.looks() > 0).await;
    town.commit(2);
    one.handle.look_at_source("main");
    until("the second revision", || town.is_at(2)).await;
    let is_ready = |replica: &Run, revision: &str| {
        replica.standing().is_some_and(|standing| standing.applied.as_deref() == Some(revision))
    };
    until("that it is written down", || is_ready(&one, "main@2")).await;
    let before = other.looks();
    town.hall.discord.simulator.forget_requests();
    other.handle.look_at(town.hall.guild(), Trigger::Person);
    until("that the other one has been there", || is_ready(&other, "main@2")).await;
    assert!(other.looks() > before, "it looked at its source first");
    assert_eq!(town.hall.writes(), 0);
    assert!(town.is_at(2));
    one.stop().await;
    other.stop().await;
}
