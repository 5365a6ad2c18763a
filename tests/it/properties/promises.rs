//! Promises that are kept whatever happens: no false drift, renames lose nothing, protection outlives the manifest, foreign
//! objects are not touched, a stale plan writes nothing, and equal inputs give equal plans.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use setai::controller::{Error, Request, Silent, StopSignal};
use setai::plan::{Consent, Operation, judge};
use setai::simulator::limits::Limits;
use setai::simulator::world::{Bits, Overwrite, Snowflake};
use setai::store::{Author, Rebinding, Trigger};

use super::expected::Ids;
use super::seeds;
use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::stage::{Stage, shown};
use crate::support::wish::{Origin, Wish, Wisher};
use crate::support::worlds::{disturb, furnish};

/// A random guild, a wish about it that is granted, and what is needed to go on.
async fn granted(seed: u64, change: impl FnOnce(&mut Wish, &mut Rng)) -> Option<(Stage, Wish, Rng, usize)> {
    let mut rng = Rng::seeded(seed);
    let discord = Harness::with(|options| {
        options.seed = seed;
        options.limits = Limits::none();
    });
    let users = furnish(&discord, &mut rng);
    let stage = Stage::on(discord).await;
    let live = stage.discord.edit(|guild| guild.clone());
    let mut wisher = Wisher { rng: &mut rng, count: 0, users, features: live.features.clone() };
    let mut wish = wisher.about(&live);
    let count = wisher.count;
    change(&mut wish, &mut rng);
    grant(&stage, &wish).await.then_some((stage, wish, rng, count))
}

/// Applies a wish with somebody's consent; false when it is refused all the same.
async fn grant(stage: &Stage, wish: &Wish) -> bool {
    let manifest = stage.manifest(&wish.yaml());
    let proposal = stage.propose(&manifest).await;
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    stage.attempt(&manifest, &proposal, &consent, 1).await.is_ok()
}

async fn bound(stage: &Stage) -> Ids {
    Ids::of(&stage.engine.store().bindings(stage.guild()).await.expect("bindings"))
}

#[tokio::test]
async fn a_server_that_rearranges_what_means_nothing_is_no_drift() {
    let (mut passes, mut changes) = (0, 0);
    for seed in 0..100 {
        let Some((stage, wish, mut rng, _)) = granted(seed, |_, _| {}).await else { continue };
        stage.discord.edit(|guild| {
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
                    let neutral =
                        Overwrite { id: guild.id, kind: Overwrite::ROLE, allow: Bits::NONE, deny: Bits::NONE };
                    channel.permission_overwrites.push(neutral);
                }
                channel.topic = channel.topic.take().or_else(|| Some(String::new()));
            }
            guild.features.reverse();
        });
        let plan = stage.propose(&stage.manifest(&wish.yaml())).await.plan;
        passes += 1;
        changes += plan.steps.len();
        assert!(plan.is_empty(), "seed {seed}\n{}", shown(&plan));
    }
    println!("false drift: {passes} passes, {changes} changes planned");
    assert!(passes >= 95, "{passes}");
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

#[tokio::test]
async fn renames_keep_every_object() {
    let (mut renames, mut lost) = (0, 0);
    for seed in seeds(30) {
        let calm = |wish: &mut Wish, _: &mut Rng| (wish.prune, wish.on_remove) = ("managed", "delete");
        let Some((stage, mut wish, _, count)) = granted(2_000_000 + seed, calm).await else { continue };
        let before = bound(&stage).await.all();
        // By key, by name, and by hand in Discord.
        let fresh = |old: &str, at: usize| format!("{}{}", &old[..1], count + at + 1);
        for (at, role) in wish.roles.iter_mut().enumerate() {
            let key = fresh(&role.key, at);
            let old = std::mem::replace(&mut role.key, key.clone());
            for channel in wish.categories.iter_mut().chain(&mut wish.channels) {
                if let crate::support::wish::Wanted::Exactly(list) = &mut channel.overwrites {
                    for (who, _, _) in
                        list.iter_mut().filter(|(who, _, _)| *who == crate::support::wish::Who::Role(old.clone()))
                    {
                        *who = crate::support::wish::Who::Role(key.clone());
                    }
                }
            }
            role.origin = Origin::Renamed(old);
            role.name.push_str(" renamed");
            renames += 1;
        }
        for (at, channel) in wish.categories.iter_mut().chain(&mut wish.channels).enumerate() {
            if channel.kind != setai::simulator::world::kind::CATEGORY {
                let key = fresh(&channel.key, 100 + at);
                let old = std::mem::replace(&mut channel.key, key);
                channel.origin = Origin::Renamed(old);
            } else {
                channel.origin = Origin::Known;
            }
            channel.name = (format!("renamed{at}"), format!("renamed{at}"));
            renames += 1;
        }
        wish.settings.clear();
        stage.discord.edit(|guild| guild.channels.values_mut().for_each(|c| c.name.push_str("-by-hand")));
        let manifest = stage.manifest(&wish.yaml());
        let proposal = stage.propose(&manifest).await;
        let loses = |operation: &Operation| {
            operation.is_irreversible()
                || matches!(operation, Operation::CreateRole { .. } | Operation::CreateChannel { .. })
        };
        lost += proposal.plan.steps.iter().filter(|step| loses(&step.operation)).count();
        assert!(grant(&stage, &wish).await, "seed {seed}\n{}", shown(&proposal.plan));
        let now = bound(&stage).await.all();
        assert_eq!(before, now, "seed {seed}: every key still has its object\n{}", shown(&proposal.plan));
    }
    println!("renames: {renames} by key, name and hand, {lost} objects deleted or created");
    assert!(lost == 0 && renames > 0);
}

#[tokio::test]
async fn protection_outlives_the_manifest() {
    let (mut trials, mut protected, mut lost) = (0, 0, 0);
    for seed in seeds(60) {
        let mut chosen = Vec::new();
        let protect = |wish: &mut Wish, rng: &mut Rng| {
            let roles = wish.roles.iter().map(|r| format!("roles.{}", r.key));
            let categories = wish.categories.iter().map(|c| format!("categories.{}", c.key));
            let channels = wish.channels.iter().map(|c| format!("channels.{}", c.key));
            let all: Vec<String> = roles.chain(categories).chain(channels).collect();
            chosen = rng.some(&all, 50);
            wish.protect.clone_from(&chosen);
        };
        let Some((stage, wish, mut rng, count)) = granted(3_000_000 + seed, protect).await else { continue };
        let ids = bound(&stage).await;
        let safe: Vec<(String, Snowflake)> =
            chosen.iter().filter_map(|name| Some((name.clone(), id_of(&ids, name)?))).collect();
        let mut next = wish.clone();
        next.protect.clear();
        (next.prune, next.on_remove) = (*rng.pick(&["managed", "all"]), *rng.pick(&["delete", "archive"]));
        let gone = |section: &str, key: &str| chosen.contains(&format!("{section}.{key}"));
        match rng.below(4) {
            // One by one.
            0 => {
                next.roles.retain(|r| !gone("roles", &r.key));
                next.categories.retain(|c| !gone("categories", &c.key));
                next.channels.retain(|c| !gone("channels", &c.key));
            }
            // Whole sections, as when a file goes.
            1 => next.roles.clear(),
            2 => {
                next.channels.clear();
                next.categories.clear();
            }
            // Other keys, without a word about it: certainly new ones.
            _ => {
                for (at, role) in next.roles.iter_mut().enumerate() {
                    (role.key, role.origin) = (format!("r{}", count + at + 1), Origin::New);
                }
                for (at, channel) in next.channels.iter_mut().enumerate() {
                    (channel.key, channel.origin) = (format!("c{}", count + 100 + at), Origin::New);
                }
            }
        }
        for role in next.roles.iter_mut().filter(|r| matches!(r.origin, Origin::Pinned(_))) {
            role.origin = Origin::Known;
        }
        next.settle();
        let places = |stage: &Stage| -> Vec<Option<Option<Snowflake>>> {
            stage.discord.edit(|guild| {
                let place = |(_, id): &(String, Snowflake)| {
                    let role = guild.roles.contains_key(id).then_some(None);
                    role.or_else(|| guild.channels.get(id).map(|c| c.parent_id))
                };
                safe.iter().map(place).collect()
            })
        };
        grant(&stage, &next).await;
        trials += 1;
        protected += safe.len();
        let gone: Vec<_> = safe.iter().zip(places(&stage)).filter(|(_, place)| place.is_none()).collect();
        lost += gone.len();
        assert!(gone.is_empty(), "seed {seed}: {gone:?}");
    }
    println!("protection: {protected} protected objects in {trials} trials, {lost} deleted");
    assert!(protected > 0);
}

fn id_of(ids: &Ids, name: &str) -> Option<Snowflake> {
    let (section, key) = name.split_once('.')?;
    let bound = match section {
        "roles" => &ids.roles,
        "categories" => &ids.categories,
        _ => &ids.channels,
    };
    bound.get(key).map(|b| b.id)
}

#[tokio::test]
async fn a_stale_plan_writes_nothing() {
    let (mut stale, mut refused) = (0, 0);
    for seed in seeds(60) {
        let Some((stage, wish, mut rng, _)) = granted(4_000_000 + seed, |_, _| {}).await else { continue };
        let mut next = wish.clone();
        next.settings.insert("name".to_owned(), json!("Another name"));
        for role in &mut next.roles {
            role.origin = Origin::Known;
        }
        next.channels.iter_mut().chain(&mut next.categories).for_each(|c| c.origin = Origin::Known);
        let manifest = stage.manifest(&next.yaml());
        let old = stage.engine.propose(&manifest, Some("one")).await.expect("a plan");
        let Ok(approved) = judge(old.plan.clone(), &Consent::Digest(old.plan.digest.to_string())) else { continue };
        let mut revision = "one";
        let mut manifest_now = manifest.clone();
        match rng.below(4) {
            0 => {
                let base = old.plan.base.clone();
                while stage.engine.propose(&manifest, Some("one")).await.expect("a plan").plan.base == base {
                    disturb(&stage.discord, &mut rng, &[]);
                }
            }
            1 => revision = "two",
            2 => rebind(&stage, &mut rng).await,
            _ => {
                next.settings.insert("name".to_owned(), json!("A third name"));
                manifest_now = stage.manifest(&next.yaml());
            }
        }
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
        stale += 1;
        refused += usize::from(matches!(result, Err(Error::Stale)));
        assert!(matches!(result, Err(Error::Stale)), "seed {seed}: {result:?}");
        assert!(stage.writes().is_empty() && stage.discord.simulator.world() == before);
    }
    println!("stale plans: {refused} of {stale} refused, 0 writes");
    assert!(stale > 0);
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
    let rebinding = Rebinding {
        guild: stage.guild(),
        run: None,
        author: Author::Controller,
        at: stage.discord.clock.now(),
        changes: vec![change],
    };
    stage.engine.store().rebind(&rebinding).await.expect("a database");
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

#[tokio::test]
async fn equal_inputs_give_equal_plans_however_they_are_written() {
    let mut compared = 0;
    for seed in seeds(100) {
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
        assert_eq!(plans.len(), 1, "seed {seed}");
        compared += 1;
    }
    println!("determinism: {compared} manifests, each written in two ways, each planned three times: equal bytes");
}
