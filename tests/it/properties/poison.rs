//! A cache that holds anything but what it was given: the worst it does is to be of no use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use setai::cache::{Cache, Memory, Put, Redis, Seen, Shape, Shelf, Slot, Source, Value};
use setai::controller::Engine;
use setai::plan::{Consent, Plan};

use super::granted::granted;
use crate::support::redis::RedisServer;
use crate::support::rng::Rng;
use crate::support::seeds::{makes_all, seeds, trials};
use crate::support::stage::{InProcess, Stage, engine, shown};
use crate::support::worlds::disturb;

const HOUR: Duration = Duration::from_secs(3600);

/// What somebody or something did to the values of a guild.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Poison {
    /// One of the four slots is gone.
    SlotGone,
    /// One role or channel is gone.
    FieldGone,
    /// Everything was flushed while it was written: only some slots are of the latest look.
    Mixed,
    /// A text was cut short.
    Cut,
    /// One bit of a text is another.
    Bit,
    /// The values of another guild lie in this one's slots.
    Foreign,
    /// Two objects have changed places.
    Swapped,
    /// Something that is no value of ours.
    Nonsense,
    /// A slot has another shape.
    Shape,
    /// Everything is whole, and of a time before somebody changed the guild.
    Stale,
    /// Of what was written alone after a change, only some arrived.
    HalfChange,
}

const POISONS: [Poison; 11] = [
    Poison::SlotGone,
    Poison::FieldGone,
    Poison::Mixed,
    Poison::Cut,
    Poison::Bit,
    Poison::Foreign,
    Poison::Swapped,
    Poison::Nonsense,
    Poison::Shape,
    Poison::Stale,
    Poison::HalfChange,
];

fn slots(guild: u64) -> [Slot; 4] {
    let parts =
        [("info", Shape::Text), ("permissions", Shape::Text), ("channels", Shape::Hash), ("roles", Shape::Hash)];
    parts.map(|(part, shape)| Slot { key: format!("server:{guild}:{part}"), shape })
}

type Values = [Value; 4];

async fn values(shelf: &dyn Shelf, guild: u64) -> Option<Values> {
    let found = shelf.fetch(&slots(guild)).await.expect("reachable");
    let values: Vec<Value> = found.into_iter().collect::<Option<_>>()?;
    Some(values.try_into().expect("as many as were asked for"))
}

async fn lay(shelf: &dyn Shelf, guild: u64, values: impl IntoIterator<Item = Option<Value>>) {
    shelf.remove(&slots(guild)).await.expect("reachable");
    let put = |(slot, value): (Slot, Option<Value>)| Some(Put { key: slot.key, value: value?, ttl: HOUR });
    let puts: Vec<Put> = slots(guild).into_iter().zip(values).filter_map(put).collect();
    shelf.put(&puts).await.expect("reachable");
}

/// One text of a value, to be spoilt.
fn some_text<'a>(value: &'a mut Value, rng: &mut Rng) -> &'a mut String {
    match value {
        Value::Text(text) => text,
        Value::Hash(fields) => {
            let at = rng.between(0, fields.len() - 1);
            fields.values_mut().nth(at).expect("a guild has roles and channels")
        }
    }
}

fn cut(text: &mut String, rng: &mut Rng) {
    let mut end = rng.between(0, text.len() - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

fn flip(text: &mut String, rng: &mut Rng) {
    let ascii: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()).map(|(at, _)| at).collect();
    let mut bytes = std::mem::take(text).into_bytes();
    bytes[*rng.pick(&ascii)] ^= 1 << rng.between(0, 6);
    *text = String::from_utf8(bytes).expect("ASCII stays ASCII");
}

fn swap(fields: &mut BTreeMap<String, String>) {
    let mut two = fields.values_mut().take(2);
    if let (Some(a), Some(b)) = (two.next(), two.next()) {
        std::mem::swap(a, b);
    }
}

/// The values after a poison; `before` are those of an earlier look, `foreign` those of another guild.
fn poisoned(now: Values, before: Values, foreign: Values, poison: Poison, rng: &mut Rng) -> Vec<Option<Value>> {
    let which = rng.between(0, 3);
    let hash = 2 + which % 2;
    let mut values = now;
    match poison {
        Poison::SlotGone => return values.into_iter().enumerate().map(|(at, v)| (at != which).then_some(v)).collect(),
        Poison::FieldGone => {
            if let Value::Hash(fields) = &mut values[hash] {
                let keys: Vec<String> = fields.keys().cloned().collect();
                fields.remove(rng.pick(&keys));
            }
        }
        Poison::Mixed => {
            let [a, b, c, d] = before;
            values[which] = [a, b, c, d].into_iter().nth(which).expect("one of four");
        }
        Poison::Cut => cut(some_text(&mut values[which], rng), rng),
        Poison::Bit => flip(some_text(&mut values[which], rng), rng),
        Poison::Foreign => values = foreign,
        Poison::Swapped => {
            if let Value::Hash(fields) = &mut values[hash] {
                swap(fields);
            }
        }
        Poison::Nonsense => {
            let nonsense = ["", "{}", "null", "setai-2", "setai-2 0 0 {}", "[1,2,3]"];
            *some_text(&mut values[which], rng) = (*rng.pick(&nonsense)).to_owned();
        }
        Poison::Shape => {
            values[which] = match values[which] {
                Value::Text(_) => Value::Hash(BTreeMap::from([("a".to_owned(), "b".to_owned())])),
                Value::Hash(_) => Value::Text("a text".to_owned()),
            };
        }
        Poison::Stale => values = before,
        Poison::HalfChange => values = mixed(values, before, rng),
    }
    values.into_iter().map(Some).collect()
}

/// Each text and each field as it is now or as it was before.
fn mixed(now: Values, before: Values, rng: &mut Rng) -> Values {
    let mut mixed = now.into_iter().zip(before).map(|pair| match pair {
        (Value::Hash(now), Value::Hash(before)) => {
            let fields: BTreeSet<String> = now.keys().chain(before.keys()).cloned().collect();
            let one = |field: String| {
                let text = if rng.percent(50) { now.get(&field) } else { before.get(&field) };
                text.cloned().map(|text| (field, text))
            };
            Value::Hash(fields.into_iter().filter_map(one).collect())
        }
        (now, before) => [now, before].into_iter().nth(rng.between(0, 1)).expect("one of two"),
    });
    std::array::from_fn(|_| mixed.next().expect("one for each"))
}

/// The plan of an engine that never saw a cache.
async fn plan_without(stage: &Stage, engine_of: &Engine, yaml: &str) -> Plan {
    let store = Arc::clone(engine_of.store());
    let fresh = engine(&stage.discord, InProcess(stage.discord.simulator.router()), store);
    fresh.propose(&stage.manifest(yaml), None).await.expect("a plan").plan
}

/// One guild in order, somebody who changes it or not, and a poisoned cache; gives the writes that followed.
async fn trial(seed: u64, shelf: Arc<dyn Shelf>) -> Option<usize> {
    let (mut stage, wish, mut rng, _) = granted(7_000_000 + seed, |_, _| {}).await?;
    let poison = POISONS[(seed % POISONS.len() as u64) as usize];
    let guild = stage.guild().get();
    stage.engine = stage.engine.clone().with_cache(Cache::on(Arc::clone(&shelf), stage.discord.clock.clone()));
    let (yaml, manifest) = (wish.yaml(), stage.manifest(&wish.yaml()));

    // Two looks, one of which somebody changes something between.
    stage.propose(&manifest).await;
    let before = values(&*shelf, guild).await?;
    let changed = [Poison::Stale, Poison::HalfChange].contains(&poison) || rng.percent(50);
    if changed {
        disturb(&stage.discord, &mut rng, &[]);
    }
    if poison == Poison::HalfChange {
        let snapshot = stage.engine.observe(stage.guild()).await.expect("a snapshot");
        let seen = Seen { snapshot, at: stage.discord.clock.now(), source: Source::Read };
        Cache::on(Arc::clone(&shelf), stage.discord.clock.clone()).renew(&seen).await.expect("reachable");
    } else {
        stage.propose(&manifest).await;
    }
    let now = values(&*shelf, guild).await?;
    let foreign = another_guild(&shelf, guild, seed).await?;

    let laid = poisoned(now.clone(), before.clone(), foreign, poison, &mut rng);
    let is = |values: &Values| laid.iter().flatten().eq(values.iter());
    let is_as_it_was = is(&now) || is(&before);
    lay(&*shelf, guild, laid).await;

    let glance = stage.engine.glance(&manifest, None, HOUR).await.expect("a store");
    // What is whole and old is believed for as long as the caller asked for, and leads to nothing.
    let may_be_believed = poison == Poison::Stale || is_as_it_was;
    assert!(glance.is_none() || may_be_believed, "{poison:?} was believed");

    let right = plan_without(&stage, &stage.engine, &yaml).await;
    let proposal = stage.propose(&manifest).await;
    assert_eq!(proposal.plan, right, "{poison:?} changed a plan:\n{}", shown(&proposal.plan));
    stage.discord.simulator.forget_requests();
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    if let Ok(report) = stage.attempt(&manifest, &proposal, &consent, 1).await {
        assert_eq!(report.steps.len(), right.steps.len());
    }
    let writes = stage.writes().len();
    assert!(writes <= right.steps.len(), "{poison:?}: {writes} writes for {} steps", right.steps.len());
    Some(writes)
}

/// What the same shelf holds of another guild.
async fn another_guild(shelf: &Arc<dyn Shelf>, guild: u64, seed: u64) -> Option<Values> {
    let mut other = Stage::new().await;
    other.engine = other.engine.clone().with_cache(Cache::on(Arc::clone(shelf), other.discord.clock.clone()));
    let manifest = other.manifest("channels: { lobby: {} }");
    other.converge(&manifest).await;
    let values = values(&**shelf, other.guild().get()).await?;
    if other.guild().get() == guild {
        // Simulated guilds may have the same id; then its values must at least not be those of this guild's looks.
        return Some(values.map(|value| damaged(value, seed)));
    }
    Some(values)
}

fn damaged(mut value: Value, seed: u64) -> Value {
    flip(some_text(&mut value, &mut Rng::seeded(seed)), &mut Rng::seeded(seed));
    value
}

#[test]
fn a_poisoned_cache_changes_nothing() {
    // About one wish in forty is refused before there is anything to spoil; those do not count.
    let in_process = trials(seeds(60, 1_050), async |seed| {
        let clock = setai::clock::Clock::virtual_at(chrono::DateTime::UNIX_EPOCH);
        trial(seed, Arc::new(Memory::new(clock))).await
    });
    let in_redis = trials(seeds(20, 1_050), async |seed| {
        let server = RedisServer::start();
        trial(seed, Arc::new(Redis::at(&server.url()).expect("an address"))).await
    });
    for (shelf, made) in [("in the process", in_process), ("in Redis", in_redis)] {
        let writes: usize = made.iter().flatten().sum();
        let trials = made.iter().flatten().count();
        println!("poisoned cache {shelf}: {trials} trials, {writes} writes, 0 wrong");
        assert!(trials >= if makes_all() { 1_000 } else { 1 });
    }
}
