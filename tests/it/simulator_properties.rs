//! Properties of the simulated Discord under many random calls, sensible and not.

use serde_json::{Value, json};
use setai::simulator::world::{Bits, Guild, Snowflake, World};

use crate::support::harness::Harness;
use crate::support::seeds::{seeds, trials};

/// A small generator: equal seeds, equal calls.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

/// Something a call can be about, mostly existing.
fn some_id(dice: &mut Dice, ids: &[Snowflake]) -> Snowflake {
    if ids.is_empty() || dice.roll(12) == 0 { Snowflake(4) } else { dice.pick(ids) }
}

fn some_id_or_null(dice: &mut Dice, ids: &[Snowflake]) -> Value {
    if dice.roll(2) == 0 { Value::Null } else { json!(some_id(dice, ids)) }
}

fn some_overwrites(dice: &mut Dice, roles: &[Snowflake]) -> Value {
    let some_bits =
        |dice: &mut Dice| dice.pick(&[json!("0"), json!("1024"), json!(2048), json!("268435456"), json!(-1)]);
    let entry = |dice: &mut Dice| json!({"id": some_id(dice, roles), "type": dice.roll(2), "allow": some_bits(dice), "deny": some_bits(dice)});
    (0..dice.roll(3)).map(|_| entry(dice)).collect()
}

/// A body with some of the fields of channels, roles and guilds; a few values are wrong.
fn some_body(dice: &mut Dice, roles: &[Snowflake], channels: &[Snowflake]) -> Value {
    let mut body = json!({});
    for _ in 0..=dice.roll(4) {
        let (key, value) = match dice.roll(16) {
            0..4 => {
                ("name", dice.pick(&[json!("General Chat!"), json!("x"), json!(""), json!("a".repeat(101)), json!(5)]))
            }
            4 => (
                "type",
                dice.pick(&[json!(0), json!(2), json!(4), json!(5), json!(13), json!(15), json!(16), json!(99)]),
            ),
            5 => ("parent_id", some_id_or_null(dice, channels)),
            6 => ("permission_overwrites", some_overwrites(dice, roles)),
            7 => ("permissions", dice.pick(&[json!("8"), json!(1024), json!("1152921504606846976"), json!("x")])),
            8 => ("position", dice.pick(&[json!(0), json!(7), json!(-1)])),
            9 => ("topic", dice.pick(&[json!("t"), Value::Null, json!("")])),
            10 => ("bitrate", dice.pick(&[json!(64_000), json!(1), json!(999_999)])),
            11 => (
                "available_tags",
                dice.pick(&[json!([]), json!([{"name": "a"}]), json!([{"name": "a"}, {"name": "a"}])]),
            ),
            12 => ("colors", dice.pick(&[json!({"primary_color": 5}), json!({}), Value::Null])),
            13 => ("rules_channel_id", some_id_or_null(dice, channels)),
            14 => ("features", dice.pick(&[json!(["COMMUNITY"]), json!([]), json!(["PARTNERED"])])),
            _ => ("hoist", dice.pick(&[json!(true), json!("yes")])),
        };
        body[key] = value;
    }
    body
}

fn some_call(dice: &mut Dice, discord: &Harness) -> (&'static str, String, Value) {
    let (roles, channels) = discord.edit(|guild: &mut Guild| {
        (guild.roles.keys().copied().collect::<Vec<_>>(), guild.channels.keys().copied().collect::<Vec<_>>())
    });
    let (role, channel) = (some_id(dice, &roles), some_id(dice, &channels));
    let body = some_body(dice, &roles, &channels);
    match dice.roll(14) {
        0..3 => ("POST", discord.in_guild("/channels"), body),
        3..5 => ("PATCH", format!("/channels/{channel}"), body),
        5 => ("DELETE", format!("/channels/{channel}"), Value::Null),
        6 => {
            ("PUT", format!("/channels/{channel}/permissions/{role}"), json!({"type": 0, "deny": body["permissions"]}))
        }
        7 => ("DELETE", format!("/channels/{channel}/permissions/{role}"), Value::Null),
        8 => {
            let entry = |dice: &mut Dice| {
                let parent = some_id_or_null(dice, &channels);
                json!({"id": some_id(dice, &channels), "position": dice.roll(9), "parent_id": parent, "lock_permissions": dice.roll(2) == 0})
            };
            ("PATCH", discord.in_guild("/channels"), (0..dice.roll(4)).map(|_| entry(dice)).collect())
        }
        9 => ("POST", discord.in_guild("/roles"), body),
        10 => ("PATCH", discord.in_guild(&format!("/roles/{role}")), body),
        11 => ("DELETE", discord.in_guild(&format!("/roles/{role}")), Value::Null),
        12 => {
            let entry = |dice: &mut Dice| json!({"id": some_id(dice, &roles), "position": dice.roll(12)});
            ("PATCH", discord.in_guild("/roles"), (0..dice.roll(4)).map(|_| entry(dice)).collect())
        }
        _ => ("PATCH", discord.in_guild(""), body),
    }
}

/// What must hold whatever was called.
fn assert_sound(guild: &Guild) {
    for channel in guild.channels.values() {
        let parent = channel.parent_id.map(|id| guild.channels.get(&id).expect("a parent exists"));
        assert!(parent.is_none_or(|p| p.is_category() && !channel.is_category()), "{channel:?}");
        assert!(!channel.name.is_empty());
    }
    assert!(guild.roles.contains_key(&guild.id), "@everyone stays");
    let held = guild.members.values().flat_map(|m| &m.roles);
    assert!(held.into_iter().all(|role| guild.roles.contains_key(role)));
}

/// Makes 400 random calls; gives how many of them were accepted.
async fn calls(seed: u64) -> usize {
    let discord = Harness::switched(|s| s.places_renumbered = seed.is_multiple_of(2));
    if seed % 4 > 1 {
        discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS | Bits::MANAGE_ROLES | Bits::MANAGE_GUILD);
    }
    let mut dice = Dice(seed);
    let mut accepted = 0;
    for _ in 0..400 {
        let (method, path, body) = some_call(&mut dice, &discord);
        let before = discord.simulator.world();
        let (answer, judgement) = discord.send_judged(method, &path, body.clone(), "t", None).await;
        assert_eq!(judgement.answer, Vec::<String>::new(), "{method} {path} {body}");
        assert!(matches!(answer.status, 200..300 | 400..500), "{method} {path} {body}: {}", answer.status);
        let after = discord.simulator.world();
        if answer.status >= 400 {
            assert_eq!(before.guilds, after.guilds, "{method} {path} {body} was refused: {}", answer.body);
        } else {
            accepted += 1;
            assert_sound(&after.guilds[&discord.guild]);
        }
    }
    let world = discord.simulator.world();
    let text = world.to_yaml().expect("writes");
    assert_eq!(World::from_yaml(&text, discord.clock.now()).expect("reads"), world);
    accepted
}

#[test]
fn refused_calls_change_nothing_and_accepted_ones_keep_the_guild_sound() {
    let seeds = seeds(4, 250);
    let calls = trials(seeds, calls);
    let (made, accepted): (usize, usize) = (calls.len() * 400, calls.iter().sum());
    println!("simulator: {made} random calls, {accepted} accepted, the others changed nothing");
    assert!(accepted * 100 > made * 15, "only {accepted} of {made} calls were accepted");
}

#[tokio::test]
async fn equal_seeds_and_calls_give_equal_worlds() {
    let run = async |seed| {
        let discord = Harness::with(|options| options.seed = seed);
        let mut dice = Dice(5);
        for _ in 0..100 {
            let (method, path, body) = some_call(&mut dice, &discord);
            discord.send_judged(method, &path, body, "t", None).await;
        }
        discord.simulator.world()
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}
