//! What replicas ask of each other through Redis: each look is taken once, and nothing is lost with whoever took it.

use std::collections::BTreeSet;
use std::time::Duration;

use setai::cache::{Cache, Call, Entry, Lane, Look, Streams, Taken};
use setai::clock::Clock;
use setai::model::GuildId;

use crate::support::redis::RedisServer;

fn guild(id: u64) -> GuildId {
    GuildId::new(id)
}

fn look(id: u64, why: &str) -> Look {
    Look { guild: guild(id), why: why.to_owned() }
}

fn member(server: &RedisServer, name: &str) -> Streams {
    let cache = Cache::in_redis(&server.url(), Clock::system()).expect("an address");
    cache.streams("bot", name).expect("it is Redis")
}

async fn ready(server: &RedisServer, name: &str) -> Streams {
    let streams = member(server, name);
    streams.make_ready().await.expect("ready");
    streams
}

fn entries(taken: &[Taken]) -> Vec<Entry> {
    taken.iter().map(|taken| taken.entry.clone()).collect()
}

fn guilds(taken: &[Taken]) -> BTreeSet<u64> {
    taken.iter().map(|taken| taken.look.as_ref().expect("readable").guild.get()).collect()
}

#[tokio::test]
async fn each_look_is_taken_once_whoever_takes_it() {
    let server = RedisServer::start();
    let (one, other) = (ready(&server, "one").await, ready(&server, "other").await);
    let looks: Vec<Look> = (1..=20).map(|id| look(id, "event")).collect();
    one.tell(Lane::Rest, &looks).await.expect("told");
    let (mut ear, mut other_ear) = (one.listen().await.expect("an ear"), other.listen().await.expect("an ear"));
    let first = ear.take(Lane::Rest, 7).await.expect("taken");
    let second = other_ear.take(Lane::Rest, 100).await.expect("taken");
    assert_eq!((first.len(), second.len()), (7, 13));
    assert!(guilds(&first).is_disjoint(&guilds(&second)));
    assert_eq!(first[0].look, Some(look(1, "event")));
    assert!(ear.take(Lane::Rest, 100).await.expect("nothing").is_empty());
}

#[tokio::test]
async fn what_is_asked_for_and_has_not_begun_is_not_asked_for_again() {
    let server = RedisServer::start();
    let (one, other) = (ready(&server, "one").await, ready(&server, "other").await);
    let mut ear = one.listen().await.expect("an ear");
    one.tell(Lane::Rest, &[look(1, "event")]).await.expect("told");
    other.tell(Lane::Rest, &[look(1, "event"), look(2, "event")]).await.expect("told");
    let taken = ear.take(Lane::Rest, 10).await.expect("taken");
    assert_eq!(guilds(&taken), BTreeSet::from([1, 2]));
    other.tell(Lane::Rest, &[look(1, "event")]).await.expect("told");
    assert!(ear.take(Lane::Rest, 10).await.expect("nothing").is_empty(), "it was taken, and has not begun");
    other.tell(Lane::People, &[look(1, "person")]).await.expect("told");
    assert_eq!(ear.take(Lane::People, 10).await.expect("taken").len(), 1, "somebody waits for it");
    one.begin(&[guild(1)]).await.expect("begun");
    other.tell(Lane::Rest, &[look(1, "event")]).await.expect("told");
    assert_eq!(ear.take(Lane::Rest, 10).await.expect("taken").len(), 1, "what happens during a look is another one");
}

#[tokio::test]
async fn what_a_member_leaves_another_takes_over_and_what_is_done_nobody_does() {
    let server = RedisServer::start();
    let (one, other) = (ready(&server, "one").await, ready(&server, "other").await);
    one.tell(Lane::Rest, &[look(1, "event"), look(2, "event")]).await.expect("told");
    let taken = one.listen().await.expect("an ear").take(Lane::Rest, 10).await.expect("taken");
    let hour = Duration::from_secs(3_600);
    assert!(other.take_over(Lane::Rest, hour).await.expect("asked").is_empty(), "it is not forgotten");
    one.done(&entries(&taken[..1])).await.expect("done");
    one.keep(&entries(&taken[1..])).await.expect("kept");
    let left = other.take_over(Lane::Rest, Duration::ZERO).await.expect("asked");
    assert_eq!(guilds(&left), BTreeSet::from([2]));
    other.done(&entries(&left)).await.expect("done");
    assert!(one.take_over(Lane::Rest, Duration::ZERO).await.expect("asked").is_empty());
    let mut connection = server.connect().await;
    let length: usize =
        redis::cmd("XLEN").arg("stream:looks:bot").query_async(&mut connection).await.expect("a length");
    assert_eq!(length, 0, "nothing stays");
    one.leave().await.expect("left");
    other.tidy().await.expect("tidied");
}

#[tokio::test]
async fn looks_that_nobody_takes_are_so_many_and_no_more() {
    let server = RedisServer::start();
    let one = ready(&server, "one").await;
    for thousand in 0..12 {
        let looks: Vec<Look> = (1..=1_000).map(|id| look(1_000 * thousand + id, "revision main@1")).collect();
        one.tell(Lane::Rest, &looks).await.expect("told");
    }
    let mut connection = server.connect().await;
    let length: usize =
        redis::cmd("XLEN").arg("stream:looks:bot").query_async(&mut connection).await.expect("a length");
    assert!((10_000..11_000).contains(&length), "{length}");
}

#[tokio::test]
async fn everybody_hears_a_call_but_who_made_it() {
    let server = RedisServer::start();
    let (one, other) = (ready(&server, "one").await, ready(&server, "other").await);
    let (mut ear, mut other_ear) = (one.listen().await.expect("an ear"), other.listen().await.expect("an ear"));
    assert!(ear.hear().await.expect("nothing").is_empty());
    assert!(other_ear.hear().await.expect("nothing").is_empty());
    let call = Call { source: "main".to_owned(), revision: Some("main@2".to_owned()) };
    one.call(&call).await.expect("called");
    one.call(&Call { revision: None, ..call.clone() }).await.expect("called");
    assert_eq!(other_ear.hear().await.expect("heard"), [call.clone(), Call { revision: None, ..call }]);
    assert!(other_ear.hear().await.expect("nothing").is_empty(), "once");
    assert!(ear.hear().await.expect("nothing").is_empty());
}

#[tokio::test]
async fn what_others_put_there_is_told_with_what_to_do() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let set = |key: &'static str, value: &'static str| redis::cmd("SET").arg(key).arg(value).clone();
    set("stream:looks:bot", "another program's").exec_async(&mut connection).await.expect("set");
    let error = member(&server, "one").make_ready().await.expect_err("something else is there");
    let remedy = error.remedy().expect("a remedy");
    assert!(remedy.contains("SETAI_REDIS_URL") && remedy.contains("stream:*"), "{remedy}");
    redis::cmd("DEL").arg("stream:looks:bot").exec_async(&mut connection).await.expect("deleted");
    let streams = ready(&server, "one").await;
    // An entry nobody can read is nobody's look, and can be done away with.
    let mut junk = redis::cmd("XADD");
    junk.arg("stream:looks:bot").arg("*").arg("guild").arg("none").exec_async(&mut connection).await.expect("added");
    let taken = streams.listen().await.expect("an ear").take(Lane::Rest, 1).await.expect("taken");
    assert_eq!(taken[0].look, None);
    streams.done(&entries(&taken)).await.expect("done");
    // Something in the place of a mark is written over.
    let mut list = redis::cmd("RPUSH");
    list.arg("stream:asked:bot:1").arg("x").exec_async(&mut connection).await.expect("pushed");
    streams.tell(Lane::Rest, &[look(1, "event")]).await.expect("told");

    let mut lock = redis::cmd("CONFIG");
    lock.arg("SET").arg("requirepass").arg("secret").exec_async(&mut connection).await.expect("a password");
    let remedy = member(&server, "one").make_ready().await.expect_err("a password").remedy().expect("a remedy");
    assert!(remedy.contains("password") && remedy.contains("SETAI_REDIS_URL"), "{remedy}");
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_made_ready_again() {
    let server = RedisServer::start();
    let streams = ready(&server, "one").await;
    let mut ear = streams.listen().await.expect("an ear");
    redis::cmd("FLUSHALL").exec_async(&mut server.connect().await).await.expect("emptied");
    ear.take(Lane::Rest, 1).await.expect_err("the group is gone");
    streams.make_ready().await.expect("ready");
    streams.tell(Lane::Rest, &[look(1, "event")]).await.expect("told");
    assert_eq!(ear.take(Lane::Rest, 1).await.expect("taken").len(), 1);
}

/// Places for requests of three processes: whatever they ask for together is one speed.
#[tokio::test]
async fn all_processes_of_a_bot_have_one_speed() {
    let server = RedisServer::start();
    let caches: Vec<Cache> =
        (0..3).map(|_| Cache::in_redis(&server.url(), Clock::system()).expect("an address")).collect();
    let mut places = Vec::new();
    for round in 0..40 {
        for cache in &caches {
            let wait = cache.next_place("bot", 45).await.expect("asked").expect("it is Redis");
            let now = cache.next_place("somebody else", 1_000_000).await.expect("asked");
            assert_eq!(now, Some(Duration::ZERO), "round {round}: another bot has a speed of its own");
            places.push(wait);
        }
    }
    // 120 places are two seconds and two thirds; asking for them took some of that.
    let mut list = redis::cmd("LRANGE");
    list.arg("ratelimit:rate:bot").arg(0).arg(-1);
    let kept: Vec<u64> = list.query_async(&mut server.connect().await).await.expect("a list");
    assert_eq!(kept.len(), 45, "no more than needed");
    let fifths = kept.windows(10).all(|some| some[9] - some[0] >= 200_200);
    assert!(fifths && kept.is_sorted(), "{kept:?}");
    assert!(places.last().is_some_and(|last| *last > Duration::from_millis(1_200)), "{places:?}");
    let alone = Cache::in_process(Clock::system());
    assert_eq!(alone.next_place("bot", 45).await.expect("nothing to ask"), None);
}

#[tokio::test]
async fn places_of_a_clock_that_was_set_back_are_forgotten() {
    let server = RedisServer::start();
    let cache = Cache::in_redis(&server.url(), Clock::system()).expect("an address");
    let mut future = redis::cmd("RPUSH");
    future.arg("ratelimit:rate:bot").arg(vec!["9000000000000000"; 45]);
    future.exec_async(&mut server.connect().await).await.expect("pushed");
    assert_eq!(cache.next_place("bot", 45).await.expect("asked"), Some(Duration::ZERO));
    let mut other = redis::cmd("SET");
    other.arg("ratelimit:rate:bot").arg("x").exec_async(&mut server.connect().await).await.expect("set");
    assert_eq!(cache.next_place("bot", 45).await.expect("asked"), Some(Duration::ZERO));
}
