//! A guild that changed: only what is different is written, and half of that is nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use setai::cache::{Cache, Put, Seen, Shape, Shelf, Slot, Value};
use setai::clock::Clock;
use setai::model::{Facet, GuildId, Snapshot};

use super::{HOUR, YAML, seen, snapshot};
use crate::support::redis::RedisServer;
use crate::support::stage::Stage;

fn slots(guild: GuildId) -> [Slot; 4] {
    let slot = |part: &str, shape: Shape| Slot { key: format!("server:{guild}:{part}"), shape };
    [
        slot("info", Shape::Text),
        slot("permissions", Shape::Text),
        slot("channels", Shape::Hash),
        slot("roles", Shape::Hash),
    ]
}

/// All that lies there, by slot and field.
type Lying = BTreeMap<(usize, String), String>;

async fn lying(shelf: &dyn Shelf, guild: GuildId) -> Lying {
    let found = shelf.fetch(&slots(guild)).await.expect("reachable");
    let texts = |(at, value): (usize, Option<Value>)| -> Vec<((usize, String), String)> {
        match value {
            None => Vec::new(),
            Some(Value::Text(text)) => vec![((at, String::new()), text)],
            Some(Value::Hash(fields)) => fields.into_iter().map(|(field, text)| ((at, field), text)).collect(),
        }
    };
    found.into_iter().enumerate().flat_map(texts).collect()
}

async fn lay(shelf: &dyn Shelf, guild: GuildId, lying: &Lying) {
    let slots = slots(guild);
    shelf.remove(&slots).await.expect("reachable");
    let mut puts: BTreeMap<usize, Value> = BTreeMap::new();
    for ((at, field), text) in lying {
        match slots[*at].shape {
            Shape::Text => _ = puts.insert(*at, Value::Text(text.clone())),
            Shape::Hash => match puts.entry(*at).or_insert_with(|| Value::Hash(BTreeMap::new())) {
                Value::Hash(fields) => _ = fields.insert(field.clone(), text.clone()),
                Value::Text(_) => unreachable!("a hash"),
            },
        }
    }
    let put = |(at, value): (usize, Value)| Put { key: slots[at].key.clone(), value, ttl: HOUR };
    shelf.put(&puts.into_iter().map(put).collect::<Vec<_>>()).await.expect("reachable");
}

/// The guild after somebody changed one channel, deleted one, made one, changed a role, and the bot lost its own.
fn after(before: &Snapshot) -> Snapshot {
    let mut after = before.clone();
    let channels = &mut after.guild.channels;
    let gone = channels.iter().position(|channel| channel.attributes.name == "desk").expect("it is there");
    let mut made = channels.remove(gone);
    made.id = setai::model::ChannelId::new(1_146_231_231_231_239_999).into();
    made.attributes.name = "counter".to_owned();
    channels.push(made);
    channels.iter_mut().find(|c| c.attributes.name == "lobby").expect("it is there").attributes.topic = None;
    after.guild.roles.iter_mut().find(|r| r.attributes.name == "crew").expect("it is there").attributes.hoist = true;
    if let Facet::Known(bot) = &mut after.bot {
        bot.roles.clear();
    }
    after.guild.sort();
    after
}

/// A guild as it was kept, and as it is after a change, a second later.
async fn changed(cache: &Cache, clock: &Clock) -> (Seen, Seen) {
    let before = seen(snapshot(YAML).await, clock);
    cache.keep(&before).await.expect("reachable");
    clock.advance(Duration::from_secs(1));
    let after = seen(after(&before.snapshot), clock);
    (before, after)
}

pub(super) async fn only_what_is_different_is_written(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    let (before, after) = changed(&cache, &clock).await;
    let guild = before.snapshot.guild.id;
    let old = lying(&*shelf, guild).await;
    cache.renew(&after).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable").as_ref(), Some(&after));
    let new = lying(&*shelf, guild).await;
    let same = old.iter().filter(|(place, text)| new.get(place) == Some(text)).count();
    // Info and permissions, one role and one channel are others, and of two channels only one is there each time.
    assert_eq!((old.len() - same, new.len() - same), (5, 5), "of {} values", old.len());
    // Again and again, until writing everything once is cheaper.
    let mut latest = after;
    for n in 0..120 {
        clock.advance(Duration::from_secs(1));
        latest.at = clock.now();
        let at = n % latest.snapshot.guild.channels.len();
        latest.snapshot.guild.channels[at].attributes.name = format!("name-{n}");
        cache.renew(&latest).await.expect("reachable");
        assert_eq!(cache.seen(guild, HOUR).await.expect("reachable").as_ref(), Some(&latest), "{n}");
    }
    latest.snapshot.guild.channels.clear();
    cache.renew(&latest).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), Some(latest));
}

pub(super) async fn half_of_a_change_is_nothing(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    let (before, after) = changed(&cache, &clock).await;
    let guild = before.snapshot.guild.id;
    let old = lying(&*shelf, guild).await;
    cache.renew(&after).await.expect("reachable");
    let new = lying(&*shelf, guild).await;
    let places: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let different: Vec<_> = places.into_iter().filter(|place| old.get(place) != new.get(place)).collect();
    assert_eq!(different.len(), 6);
    let mut believed = 0;
    for choice in 0..1_u32 << different.len() {
        let mut mixed = old.clone();
        for (n, place) in different.iter().enumerate().filter(|(n, _)| choice >> n & 1 == 1) {
            match new.get(place) {
                Some(text) => _ = mixed.insert(place.clone(), text.clone()),
                None => assert!(mixed.remove(place).is_some(), "{n}"),
            }
        }
        lay(&*shelf, guild, &mixed).await;
        match cache.seen(guild, HOUR).await.expect("reachable") {
            Some(seen) if choice == 0 => assert_eq!(seen, before),
            Some(seen) => {
                assert_eq!(choice + 1, 1 << different.len(), "half of a change was believed: {choice:b}");
                assert_eq!(seen, after);
            }
            None => continue,
        }
        believed += 1;
    }
    assert_eq!(believed, 2, "all of it or nothing of it");
}

pub(super) async fn a_change_is_made_only_to_what_it_was_worked_out_from(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    let (before, after) = changed(&cache, &clock).await;
    let guild = before.snapshot.guild.id;
    // Somebody sees the guild later, and is done sooner.
    clock.advance(Duration::from_secs(1));
    let mut later = Seen { at: clock.now(), ..after.clone() };
    later.snapshot.guild.settings.name = "Renamed".to_owned();
    cache.keep(&later).await.expect("reachable");
    cache.renew(&after).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), Some(later), "what is newer stays");
    let edit = setai::cache::Edit {
        key: "nothing".to_owned(),
        text: Some("text".to_owned()),
        set: BTreeMap::new(),
        gone: Vec::new(),
        ttl: 60_000,
    };
    for key in ["nothing", &slots(guild)[0].key, &slots(guild)[2].key] {
        assert!(!shelf.swap(key, "what nobody wrote", std::slice::from_ref(&edit)).await.expect("reachable"), "{key}");
    }
    let nothing = [Slot { key: "nothing".to_owned(), shape: Shape::Text }];
    assert_eq!(shelf.fetch(&nothing).await.expect("reachable"), [None]);
}

pub(super) async fn while_a_guild_changes_nothing_is_believed(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    let (before, after) = changed(&cache, &clock).await;
    let guild = before.snapshot.guild.id;
    let old = lying(&*shelf, guild).await;
    for _ in 0..2 {
        cache.hide(guild).await.expect("reachable");
        assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), None);
    }
    cache.renew(&after).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), Some(after));
    let new = lying(&*shelf, guild).await;
    assert!(old.iter().any(|(place, text)| place.0 > 1 && new.get(place) == Some(text)), "the rest was left as it was");
    // Where nothing is kept there is nothing to hide.
    cache.forget(guild).await.expect("reachable");
    cache.hide(guild).await.expect("reachable");
    cache.renew(&before).await.expect("reachable");
    assert_eq!(cache.seen(guild, HOUR).await.expect("reachable"), Some(before));
}

#[tokio::test]
async fn a_run_rewrites_what_it_changed_and_nothing_else() {
    let server = RedisServer::start();
    let mut stage = Stage::new().await;
    let shelf: Arc<dyn Shelf> = Arc::new(setai::cache::Redis::at(&server.url()).expect("an address"));
    stage.engine = stage.engine.clone().with_cache(Cache::on(Arc::clone(&shelf), stage.discord.clock.clone()));
    stage.converge(&stage.manifest(YAML)).await;
    let old = lying(&*shelf, stage.guild()).await;
    let manifest = stage.manifest(&YAML.replace("Come in", "Go away"));
    let proposal = stage.propose(&manifest).await;
    let looked = lying(&*shelf, stage.guild()).await;
    let consent = setai::plan::Consent::Digest(proposal.plan.digest.to_string());
    stage.apply_proposal(&manifest, &proposal, &consent).await;
    let new = lying(&*shelf, stage.guild()).await;
    let different = |a: &Lying, b: &Lying| a.iter().filter(|(place, text)| b.get(place) != Some(text)).count();
    assert_eq!(different(&looked, &new), 2, "the info and one channel");
    assert!(different(&old, &looked) > 2, "a look writes everything");
    assert!(stage.engine.glance(&manifest, None, HOUR).await.expect("a store").is_some());
}
