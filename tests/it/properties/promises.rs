//! Promises that are kept whatever happens: no false drift, renames lose nothing, a stale plan writes nothing, and equal
//! inputs give equal plans.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use setai::cache::Cache;
use setai::controller::{Error, Follower, Request, Silent, StopSignal};
use setai::discord::Event;
use setai::discord::gateway::Change;
use setai::model::Snapshot;
use setai::plan::{Consent, Operation, Plan, judge};
use setai::simulator::world::{Bits, Guild, Overwrite};
use setai::store::{Author, Trigger};

use super::granted::{bound, grant, granted};
use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::seeds::{makes_all, seeds, trials};
use crate::support::stage::{Stage, shown};
use crate::support::wish::{Origin, Wanted, Who, Wish, Wisher};
use crate::support::worlds::{disturb, furnish};

/// Other numbers for the same order, other spellings of nothing, and lists the other way round.
fn rearrange(guild: &mut Guild, rng: &mut Rng) {
    let mut roles: Vec<_> = guild.roles.values_mut().filter(|r| r.position < 200 && r.id != guild.id).collect();
    roles.sort_by_key(|r| r.rank());
    for (role, position) in roles.into_iter().zip(10..) {
        role.position = position * 2;
    }
    let mut channels: Vec<_> = guild.channels.values_mut().collect();
    channels.sort_by_key(|c| (c.position, c.id));
    let mut position = 0;
    for channel in channels {
        position += rng.between(1, 9) as i64;
        channel.position = position;
        channel.permission_overwrites.reverse();
        let said = |id| channel.permission_overwrites.iter().any(|o| o.id == id);
        if !said(guild.id) {
            let neutral = Overwrite { id: guild.id, kind: Overwrite::ROLE, allow: Bits::NONE, deny: Bits::NONE };
            channel.permission_overwrites.push(neutral);
        }
        channel.topic = channel.topic.take().or_else(|| Some(String::new()));
    }
    guild.features.reverse();
}

#[test]
fn a_server_that_rearranges_what_means_nothing_is_no_drift() {
    let pass = async |seed| {
        let (stage, wish, mut rng, _) = granted(seed, |_, _| {}).await?;
        stage.discord.edit(|guild| rearrange(guild, &mut rng));
        let plan = stage.propose(&stage.manifest(&wish.yaml())).await.plan;
        assert!(plan.is_empty(), "{}", shown(&plan));
        Some(())
    };
    let seeds = seeds(105, 1_000);
    let least = seeds.clone().count() * 95 / 100;
    let passes = trials(seeds, pass).into_iter().flatten().count();
    println!("false drift: {passes} passes, 0 changes planned");
    assert!(passes >= least, "{passes}");
}

/// What the gateway would tell of each object of a guild.
fn told(snapshot: &Snapshot) -> Vec<Change> {
    let Snapshot { guild, bot, hidden: _ } = snapshot;
    let bare = setai::model::Guild { channels: Vec::new(), ..guild.clone() };
    let channels = guild.channels.iter().map(|channel| Change::Channel(Box::new(channel.clone())));
    let roles = guild.roles.iter().map(|role| Change::Role(Box::new(role.clone())));
    let bot = bot.known().map(|bot| Change::OwnMember(bot.clone()));
    channels.chain(roles).chain(bot).chain([Change::Settings(Box::new(bare))]).collect()
}

#[test]
fn old_events_that_are_told_again_are_no_drift() {
    let pass = async |seed| {
        let (mut stage, wish, mut rng, _) = granted(9_000_000 + seed, |_, _| {}).await?;
        let (clock, guild) = (stage.discord.clock.clone(), stage.guild());
        let cache = Cache::in_process(clock.clone());
        stage.engine = stage.engine.clone().with_cache(cache.clone());
        let follower = Follower::new(cache.clone(), clock.clone());
        let manifest = stage.manifest(&wish.yaml());
        let old = stage.engine.observe(guild).await.expect("a guild");
        follower.hear(Event::Connected { shard: 0, resumed: false }).await;
        follower.hear(Event::Listed { shard: 0, of: 1, guilds: vec![guild] }).await;
        follower.hear(Event::Guild(Box::new(old.clone()))).await;
        stage.discord.edit(|guild| rearrange(guild, &mut rng));
        let new = stage.engine.observe(guild).await.expect("a guild");
        // Each of them late, twice, and in any order.
        let mut changes: Vec<Change> = [&old, &new, &old, &new].into_iter().flat_map(told).collect();
        rng.shuffle(&mut changes);
        let (mut looks, mut is_owed) = (0, false);
        let count = changes.len();
        for (at, change) in changes.into_iter().enumerate() {
            clock.advance(std::time::Duration::from_secs(1));
            is_owed |= !follower.hear(Event::Changed { guild, change }).await.is_empty();
            if is_owed && (at + 1 == count || rng.below(8) == 0) {
                clock.advance(std::time::Duration::from_secs(1));
                let plan = stage.propose(&manifest).await.plan;
                assert!(plan.is_empty(), "{}", shown(&plan));
                (looks, is_owed) = (looks + 1, false);
            }
        }
        let kept = cache.seen(guild, std::time::Duration::MAX).await.expect("a cache").expect("something is kept");
        assert_eq!(kept.snapshot.guild, new.guild, "what is kept is what is there");
        Some(looks)
    };
    let seeds = seeds(105, 1_000);
    let least = seeds.clone().count() * 95 / 100;
    let looks: Vec<u64> = trials(seeds, pass).into_iter().flatten().collect();
    println!(
        "false drift: {} passes with old events, {} looks, 0 changes planned",
        looks.len(),
        looks.iter().sum::<u64>()
    );
    assert!(looks.len() >= least && looks.iter().any(|looks| *looks > 0), "{looks:?}");
}

#[tokio::test]
async fn what_this_build_has_no_name_for_survives_every_write() {
    const BITS: Bits = Bits(1 << 47 | 1 << 48 | 1 << 53 | 1 << 60);
    const FLAG: u64 = 1 << 7;
    let stage = Stage::new().await;
    let role = stage.discord.role_by_hand("Crew", Bits::NONE, 3);
    let channel = stage.discord.channel_by_hand(json!({"name": "rules"}));
    let odd = Overwrite { id: role, kind: Overwrite::ROLE, allow: BITS, deny: Bits::VIEW_CHANNEL };
    stage.discord.edit(|guild| {
        guild.roles.get_mut(&role).expect("made above").permissions = BITS;
        let channel = guild.channels.get_mut(&channel).expect("made above");
        (channel.flags, channel.permission_overwrites) = (FLAG, vec![odd]);
        guild.system_channel_flags = 1 << 40;
    });
    let wish = "roles: { crew: { name: Crew, hoist: true } }\nchannels: { rules: { topic: One, spoiler: true } }\n\
                settings: { system_channel_flags: { join_notifications: false } }\n";
    let report = stage.converge(&stage.manifest(wish)).await;
    assert_eq!(report.steps.len(), 3);
    assert_eq!(stage.discord.role(role).permissions, BITS);
    let channel = stage.discord.channel(channel);
    assert_eq!((channel.flags & FLAG, &channel.permission_overwrites[..]), (FLAG, &[odd][..]));
    assert_eq!(stage.discord.edit(|guild| guild.system_channel_flags), 1 << 40 | 1);
    println!("unknown bits 47, 48, 53, 60 and unknown flags: 3 writes, none touched");
}

#[tokio::test]
async fn an_order_that_came_out_otherwise_is_mended_by_the_next_run() {
    use setai::simulator::world::CreatedPosition;
    let discord = Harness::switched(|switches| switches.created_channel_position = CreatedPosition::Zero);
    let stage = Stage::on(discord).await;
    stage.apply(&stage.manifest("channels: { b: {} }\n")).await;
    stage.discord.edit(|guild| guild.channels.values_mut().for_each(|c| c.position += 5));
    let manifest = stage.manifest("channels: { b: {}, a: {} }\n");
    let report = stage.apply(&manifest).await;
    assert_eq!(report.verdict, setai::store::Verdict::Partial, "where new channels begin is not documented");
    let report = stage.converge(&manifest).await;
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded);
}

/// Every role and channel gets another key and another name, every category another name; gives how many that were.
fn rename(wish: &mut Wish, count: usize) -> usize {
    let fresh = |old: &str, at: usize| format!("{}{}", &old[..1], count + at + 1);
    for (at, role) in wish.roles.iter_mut().enumerate() {
        let key = fresh(&role.key, at);
        let old = std::mem::replace(&mut role.key, key.clone());
        for channel in wish.categories.iter_mut().chain(&mut wish.channels) {
            if let Wanted::Exactly(list) = &mut channel.overwrites {
                let its = list.iter_mut().map(|(who, _, _)| who).filter(|who| **who == Who::Role(old.clone()));
                its.for_each(|who| *who = Who::Role(key.clone()));
            }
        }
        role.origin = Origin::Renamed(old);
        role.name.push_str(" renamed");
    }
    for (at, channel) in wish.categories.iter_mut().enumerate() {
        channel.origin = Origin::Known;
        channel.name = (format!("category {at}"), format!("category {at}"));
    }
    for (at, channel) in wish.channels.iter_mut().enumerate() {
        let key = fresh(&channel.key, 100 + at);
        channel.origin = Origin::Renamed(std::mem::replace(&mut channel.key, key));
        channel.name = (format!("renamed{at}"), format!("renamed{at}"));
    }
    wish.roles.len() + wish.categories.len() + wish.channels.len()
}

/// True when an object ends or begins with it.
fn loses(operation: &Operation) -> bool {
    operation.is_irreversible() || matches!(operation, Operation::CreateRole { .. } | Operation::CreateChannel { .. })
}

#[test]
fn renames_keep_every_object() {
    let trial = async |seed| {
        let calm = |wish: &mut Wish, _: &mut Rng| (wish.prune, wish.on_remove) = ("managed", "delete");
        let (stage, mut wish, _, count) = granted(2_000_000 + seed, calm).await?;
        let before = bound(&stage).await.all();
        // By key, by name, and by hand in Discord.
        let renames = rename(&mut wish, count);
        wish.settings.clear();
        stage.discord.edit(|guild| guild.channels.values_mut().for_each(|c| c.name.push_str("-by-hand")));
        let plan = stage.propose(&stage.manifest(&wish.yaml())).await.plan;
        let lost = plan.steps.iter().filter(|step| loses(&step.operation)).count();
        assert_eq!(lost, 0, "{}", shown(&plan));
        assert!(grant(&stage, &wish).await, "{}", shown(&plan));
        assert_eq!(before, bound(&stage).await.all(), "every key still has its object\n{}", shown(&plan));
        Some(renames)
    };
    let renames: usize = trials(seeds(30, 1_000), trial).into_iter().flatten().sum();
    println!("renames: {renames} by key, name and hand, 0 objects deleted or created");
    assert!(renames > 0);
}

/// The same plan as another build would propose it: its digest is another one.
fn of_another_build(plan: &Plan) -> Plan {
    let mut json = serde_json::to_value(plan).expect("JSON");
    (json["version"], json["digest"]) = (json!("0.0.1"), json!("0123456789abcdef".repeat(4)));
    serde_json::from_value(json).expect("a plan")
}

/// Something changes after a plan was approved, and it is not applied. None when there was no plan to approve.
async fn stale(seed: u64) -> Option<()> {
    let (stage, wish, mut rng, _) = granted(4_000_000 + seed, |_, _| {}).await?;
    let mut next = wish.clone();
    next.settings.insert("name".to_owned(), json!("Another name"));
    next.roles.iter_mut().for_each(|role| role.origin = Origin::Known);
    next.channels.iter_mut().chain(&mut next.categories).for_each(|c| c.origin = Origin::Known);
    let manifest = stage.manifest(&next.yaml());
    let mut plan = stage.engine.propose(&manifest, Some("one")).await.expect("a plan").plan;
    let (mut revision, mut manifest_now) = ("one", manifest.clone());
    match rng.below(5) {
        0 => {
            while stage.engine.propose(&manifest, Some("one")).await.expect("a plan").plan.base == plan.base {
                disturb(&stage.discord, &mut rng, &[]);
            }
        }
        1 => revision = "two",
        2 => rebind(&stage, &mut rng).await,
        3 => plan = of_another_build(&plan),
        _ => {
            next.settings.insert("name".to_owned(), json!("A third name"));
            manifest_now = stage.manifest(&next.yaml());
        }
    }
    let consent = Consent::Digest(plan.digest.to_string());
    let approved = judge(plan, &consent).ok()?;
    let now = stage.engine.propose(&manifest_now, Some(revision)).await.expect("a plan");
    let before = stage.discord.simulator.world();
    stage.discord.simulator.forget_requests();
    let request = Request {
        approved,
        proposal: &now,
        manifest: Some(&manifest_now),
        trigger: Trigger::Person,
        author: Author::Local("ann".to_owned()),
        rollback_of: None,
        patience: std::time::Duration::ZERO,
        concurrency: 4,
    };
    let result = stage.engine.apply(request, &Silent, &StopSignal::default()).await;
    assert!(matches!(result, Err(Error::Stale)), "{result:?}");
    assert!(stage.writes().is_empty() && stage.discord.simulator.world() == before);
    Some(())
}

#[test]
fn a_stale_plan_writes_nothing() {
    let refused = trials(seeds(60, 600), stale).into_iter().flatten().count();
    println!("stale plans: {refused} of {refused} refused, 0 writes");
    assert!(refused > 0 && (!makes_all() || refused >= 500), "{refused}");
}

/// Somebody else's run binds another key meanwhile.
async fn rebind(stage: &Stage, rng: &mut Rng) {
    let change = setai::plan::BindingChange::Bind {
        kind: setai::model::ObjectKind::Role,
        key: "meanwhile".parse().expect("a key"),
        id: (rng.next() | 1).to_string().chars().take(17).collect(),
        provenance: setai::model::Provenance::Adopted,
        protected: false,
    };
    stage.engine.rebind(stage.guild(), &[change], &Author::Controller).await.expect("a database");
}

/// Maps in which order says something.
const ORDERED: [&str; 3] = ["roles", "channels", "categories"];

/// The same with every map the other way round in which order says nothing.
fn turned(value: &Value, ordered: bool) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map
                .iter()
                .map(|(key, v)| (key.clone(), turned(v, !ordered && ORDERED.contains(&key.as_str()))))
                .collect();
            if !ordered {
                entries.reverse();
            }
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(list) => Value::Array(list.iter().map(|v| turned(v, false)).collect()),
        other => other.clone(),
    }
}

#[test]
fn equal_inputs_give_equal_plans_however_they_are_written() {
    let trial = async |seed| {
        let mut rng = Rng::seeded(5_000_000 + seed);
        let discord = Harness::new();
        let users = furnish(&discord, &mut rng);
        let stage = Stage::on(discord).await;
        let live = stage.discord.edit(|guild| guild.clone());
        let mut wisher = Wisher { rng: &mut rng, count: 0, users, features: live.features.clone() };
        let wish = wisher.about(&live).yaml();
        let mut sections: Vec<(&str, Value)> = wish
            .lines()
            .map(|line| line.split_once(": ").expect("a section in each line"))
            .map(|(name, text)| (name, serde_json::from_str(text).expect("JSON")))
            .collect();
        sections.reverse();
        let other: String = sections
            .iter()
            .map(|(name, section)| format!("{name}: {}\n", turned(section, ORDERED.contains(name))))
            .collect();
        assert_ne!(wish, other);
        let mut plans = BTreeSet::new();
        for yaml in [&wish, &wish, &other] {
            let plan = stage.propose(&stage.manifest(yaml)).await.plan;
            plans.insert(serde_json::to_string(&plan).expect("JSON"));
        }
        assert_eq!(plans.len(), 1);
    };
    let compared = trials(seeds(100, 1_000), trial).len();
    println!("determinism: {compared} manifests, each written in two ways, each planned three times: equal bytes");
}
