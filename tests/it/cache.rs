//! What was seen of guilds lately: the same contract in the process and in Redis, and nothing lost without either.

mod changed;
mod count;
mod rate;
mod streams;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use setai::cache::{Cache, Memory, Put, Redis, RedisUrl, Seen, Shape, Shelf, Slot, Source, Value};
use setai::clock::Clock;
use setai::model::{GuildId, ObjectKind, Snapshot};
use setai::plan::BindingChange;
use setai::store::{Rebinding, Verdict};

use crate::support::redis::RedisServer;
use crate::support::stage::{Stage, ann};
use crate::support::terminal::Terminal;

use changed::{
    a_change_is_made_only_to_what_it_was_worked_out_from, half_of_a_change_is_nothing,
    only_what_is_different_is_written, while_a_guild_changes_nothing_is_believed,
};
use told::{
    a_hash_is_added_to_and_stays_as_long_as_it_must, a_later_version_is_not_overwritten_by_an_earlier_one,
    a_run_tells_how_far_it_is, settings_are_remembered, windows_are_told_to_everybody_until_they_end,
};

const HOUR: Duration = Duration::from_secs(3600);

const YAML: &str = "
roles: { crew: { permissions: [kick_members] }, everyone: { permissions: [view_channel] } }
categories: { hall: { permissions: {}, channels: { lobby: { topic: Come in }, desk: {} } } }
";

/// The same test on either kind of shelf.
macro_rules! on_every_shelf {
    ($($test:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test] async fn $test() {
                let clock = setai::clock::Clock::virtual_at(chrono::Utc::now());
                super::$test(std::sync::Arc::new(setai::cache::Memory::new(clock.clone())), clock).await;
            })*
        }
        mod in_redis {
            $(#[tokio::test] async fn $test() {
                let server = crate::support::redis::RedisServer::start();
                let shelf = setai::cache::Redis::at(&server.url()).expect("an address");
                super::$test(std::sync::Arc::new(shelf), setai::clock::Clock::virtual_at(chrono::Utc::now())).await;
            })*
        }
    };
}

on_every_shelf!(
    what_is_kept_is_seen_again,
    what_is_kept_later_takes_the_place_of_all_before,
    a_shelf_gives_only_what_was_asked_for,
    what_is_too_old_is_not_seen,
    a_hash_is_added_to_and_stays_as_long_as_it_must,
    a_later_version_is_not_overwritten_by_an_earlier_one,
    windows_are_told_to_everybody_until_they_end,
    a_run_tells_how_far_it_is,
    settings_are_remembered,
    only_what_is_different_is_written,
    half_of_a_change_is_nothing,
    a_change_is_made_only_to_what_it_was_worked_out_from,
    while_a_guild_changes_nothing_is_believed,
);

async fn snapshot(yaml: &str) -> Snapshot {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(yaml)).await;
    stage.engine.observe(stage.guild()).await.expect("a snapshot")
}

fn seen(snapshot: Snapshot, clock: &Clock) -> Seen {
    Seen { snapshot, at: clock.now(), source: Source::Read }
}

async fn what_is_kept_is_seen_again(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(shelf, clock.clone());
    let kept = seen(snapshot(YAML).await, &clock);
    let guild = kept.snapshot.guild.id;
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), None);
    cache.keep(&kept).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable").as_ref(), Some(&kept));
    let another = GuildId::new(guild.get() + 1);
    assert_eq!(cache.seen(another, HOUR).await.expect("reachable"), None);
    cache.forget(another).await.expect("reachable");
    assert!(cache.seen(guild, HOUR).await.expect("reachable").is_some());
    cache.forget(guild).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), None);
}

async fn what_is_kept_later_takes_the_place_of_all_before(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(shelf, clock.clone());
    let before = seen(snapshot(YAML).await, &clock);
    cache.keep(&before).await.expect("reachable");
    clock.advance(Duration::from_secs(1));
    let mut after = before.clone();
    after.at = clock.now();
    after.snapshot.guild.channels.clear();
    after.snapshot.guild.settings.name = "Renamed".to_owned();
    cache.keep(&after).await.expect("reachable");
    let read = cache.seen(before.snapshot.guild.id, HOUR).await.expect("reachable");
    assert_eq!(read, Some(after), "a guild may have no channels, and none are left of before");
}

async fn a_shelf_gives_only_what_was_asked_for(shelf: Arc<dyn Shelf>, _: Clock) {
    let slot = |key: &str, shape: Shape| Slot { key: key.to_owned(), shape };
    let fields = BTreeMap::from([("1".to_owned(), "one".to_owned()), ("2".to_owned(), "two".to_owned())]);
    let text = Put { key: "text".to_owned(), value: Value::Text("✓ said".to_owned()), ttl: HOUR };
    let hash = Put { key: "hash".to_owned(), value: Value::Hash(fields.clone()), ttl: HOUR };
    shelf.put(&[text.clone(), hash]).await.expect("reachable");
    let asked = [
        slot("hash", Shape::Hash),
        slot("hash", Shape::Text),
        slot("nothing", Shape::Hash),
        slot("text", Shape::Text),
        slot("text", Shape::Hash),
    ];
    let found = shelf.fetch(&asked).await.expect("a wrong shape is no failure");
    assert_eq!(found, [Some(Value::Hash(fields)), None, None, Some(text.value), None]);
}

async fn what_is_too_old_is_not_seen(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(shelf, clock.clone());
    let kept = seen(snapshot(YAML).await, &clock);
    let guild = kept.snapshot.guild.id;
    cache.keep(&kept).await.expect("reachable");
    clock.advance(Duration::from_secs(60));
    assert!(cache.seen(guild, Duration::from_secs(60)).await.expect("reachable").is_some());
    assert_eq!(cache.seen(guild, Duration::from_secs(59)).await.expect("reachable"), None);
    assert!(
        cache.seen(guild, Duration::MAX).await.expect("reachable").is_some(),
        "no age is too great to be asked for"
    );
    // A clock that goes wrong elsewhere must not make something young for ever.
    let future = Seen { at: clock.now() + TimeDelta::seconds(5), ..kept };
    cache.keep(&future).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), None);
}

#[tokio::test]
async fn each_part_goes_at_its_own_time_and_the_whole_with_the_first() {
    let clock = Clock::virtual_at(chrono::Utc::now());
    let cache = Cache::in_process(clock.clone());
    let kept = seen(snapshot(YAML).await, &clock);
    cache.keep(&kept).await.expect("reachable");
    clock.advance(Duration::from_secs(15 * 60 - 1));
    assert!(cache.seen(kept.snapshot.guild.id, HOUR).await.expect("reachable").is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(cache.seen(kept.snapshot.guild.id, HOUR).await.expect("reachable"), None);
}

#[tokio::test]
async fn redis_lets_go_of_everything_in_time() {
    let server = RedisServer::start();
    let clock = Clock::system();
    let cache = Cache::in_redis(&server.url(), clock.clone()).expect("an address");
    let kept = seen(snapshot(YAML).await, &clock);
    let guild = kept.snapshot.guild.id;
    cache.keep(&kept).await.expect("reachable");
    let mut connection = server.connect().await;
    for (part, seconds) in [("info", 3600), ("channels", 1800), ("roles", 1800), ("permissions", 900)] {
        let key = format!("server:{guild}:{part}");
        let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await.expect("an answer");
        assert!((seconds - 60..=seconds).contains(&left), "{key}: {left}");
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("an answer");
    assert_eq!(keys.len(), 4, "nothing else is kept: {keys:?}");
}

#[tokio::test]
async fn a_guild_in_sync_needs_no_request() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(YAML);
    assert!(stage.engine.glance(&manifest, None, HOUR).await.expect("a store").is_none(), "nothing was seen yet");
    stage.converge(&manifest).await;
    stage.discord.simulator.forget_requests();
    let glance = stage.engine.glance(&manifest, None, HOUR).await.expect("a store").expect("seen after the run");
    assert!(glance.plan.is_settled() && glance.seen_at <= stage.discord.clock.now());
    assert!(stage.discord.simulator.requests().is_empty());
    let other = stage.manifest(&YAML.replace("Come in", "Go away"));
    assert!(stage.engine.glance(&other, None, HOUR).await.expect("a store").is_none(), "something to do is looked at");
    stage.discord.simulator.forget_requests();
    stage.discord.clock.advance(Duration::from_secs(61));
    let minute = Duration::from_secs(60);
    assert!(stage.engine.glance(&manifest, None, minute).await.expect("a store").is_none(), "too long ago");
}

#[tokio::test]
async fn what_another_process_binds_is_not_overlooked() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(YAML);
    stage.converge(&manifest).await;
    let joined = async || {
        let glance = stage.engine.glance(&manifest, None, HOUR).await.expect("a store").expect("nothing to do");
        glance.plan.bindings.len()
    };
    assert_eq!((joined().await, joined().await), (0, 0), "everything is bound");
    let (store, guild) = (stage.engine.store(), manifest.guild);
    let lease = store.lease(guild, "another process", HOUR).await.expect("nobody has it");
    let released = BindingChange::Release { kind: ObjectKind::Role, key: "crew".parse().expect("a key") };
    let rebinding =
        Rebinding { guild, run: None, author: ann(), at: stage.discord.clock.now(), changes: vec![released] };
    store.rebind(&lease, &rebinding).await.expect("released");
    assert_eq!(joined().await, 1, "while it is at it");
    store.release(lease).await.expect("given back");
    assert_eq!(joined().await, 1, "and afterwards");
}

#[tokio::test]
async fn a_run_is_not_overtaken_by_what_was_seen_before_it() {
    let stage = Stage::new().await;
    let first = stage.manifest(YAML);
    stage.converge(&first).await;
    let second = stage.manifest(&YAML.replace("Come in", "Go away"));
    stage.converge(&second).await;
    assert!(stage.engine.glance(&first, None, HOUR).await.expect("a store").is_none());
    assert!(stage.engine.glance(&second, None, HOUR).await.expect("a store").is_some());
}

#[tokio::test]
async fn without_redis_everything_works_and_with_it_again_too() {
    let mut server = RedisServer::start();
    let mut stage = Stage::new().await;
    let cache = Cache::in_redis(&server.url(), stage.discord.clock.clone()).expect("an address");
    stage.engine = stage.engine.clone().with_cache(cache);
    let manifest = stage.manifest(YAML);
    stage.converge(&manifest).await;
    assert!(stage.engine.glance(&manifest, None, HOUR).await.expect("a store").is_some());

    server.stop();
    assert!(stage.engine.glance(&manifest, None, HOUR).await.expect("a store").is_none(), "nothing is known");
    let next = stage.manifest(&YAML.replace("Come in", "Go away"));
    assert_eq!(stage.converge(&next).await.verdict, Verdict::Succeeded);

    server.resume();
    assert!(stage.propose(&next).await.plan.is_empty(), "a look fills the cache again");
    assert!(stage.engine.glance(&next, None, HOUR).await.expect("a store").is_some());
}

#[test]
fn an_address_that_is_none_is_not_repeated() {
    for wrong in ["redis://user:hunter2@", "http://hunter2", "hunter2", ""] {
        let error = wrong.parse::<RedisUrl>().expect_err("no address").to_string();
        assert!(!error.contains("hunter2") && error.contains("redis://host:6379/0"), "{error}");
    }
    let url: RedisUrl = "redis://setai:hunter2@cache.example:6379/3".parse().expect("an address");
    assert_eq!(format!("{url:?}"), "RedisUrl(cache.example:6379)");
}

#[test]
fn no_shelf_tells_its_password() {
    let url: RedisUrl = "redis://setai:hunter2@cache.example:6379/3".parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shelf = runtime.block_on(async { Redis::at(&url).expect("an address") });
    assert!(!format!("{shelf:?}").contains("hunter2"));
    assert!(format!("{:?}", Memory::new(Clock::system())).contains("Memory"));
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_answered_from_what_was_seen() {
    let server = RedisServer::start();
    let mut terminal = Terminal::new().await;
    terminal.use_redis(server.address());
    terminal.write("guild.yaml", YAML);
    terminal.run(&["apply", "--auto-approve"]).await.works(&[]);
    terminal.simulator.forget_requests();
    let ran = terminal.run(&["drift", "--max-age", "600"]).await;
    ran.works(&["no drift when it was seen at"]);
    assert!(terminal.simulator.requests().is_empty(), "nobody was asked");
    terminal.run(&["drift"]).await.works(&["no drift."]);
    assert!(!terminal.simulator.requests().is_empty());
    terminal.run(&["doctor"]).await.works(&["Redis answers"]);
}
