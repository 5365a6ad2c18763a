//! Random guilds in the simulated Discord, as communities leave them: odd positions, bits nobody knows, overwrites for roles
//! that are gone, names used twice; and people who change them by hand.

use serde_json::{Map, json};
use setai::simulator::world::{Bits, Channel, Guild, Member, Overwrite, Role, Snowflake, kind};

use super::harness::Harness;
use super::rng::Rng;
use super::wish::{PLAYED, ROLE_NAMES, some_bits, some_fields, some_name};

/// Bits without a name in this build: 47 and 53 are in use undocumented, 60 is nobody's.
pub(crate) const UNKNOWN_BITS: [Bits; 3] = [Bits(1 << 47), Bits(1 << 53), Bits(1 << 60)];
/// Channel flags nobody may set: 1 << 7 is in use undocumented.
const UNKNOWN_FLAGS: [u64; 2] = [1 << 7, 1 << 9];

fn mint(discord: &Harness) -> Snowflake {
    let now = discord.clock.now();
    discord.simulator.with_world(|world| world.mint(now))
}

/// Fills the guild and returns its members.
pub(crate) fn furnish(discord: &Harness, rng: &mut Rng) -> Vec<Snowflake> {
    let community = rng.percent(30);
    discord.edit(|guild| {
        guild.roles.get_mut(&guild.id).expect("@everyone").permissions = some_bits(rng) | Bits::VIEW_CHANNEL;
        guild.channels.retain(|_, _| rng.percent(50));
        let kept: Vec<Snowflake> = guild.channels.keys().copied().collect();
        for channel in guild.channels.values_mut() {
            channel.parent_id = channel.parent_id.filter(|id| kept.contains(id));
        }
        guild.system_channel_id = guild.system_channel_id.filter(|id| kept.contains(id));
    });
    for _ in 0..rng.below(7) {
        add_role(discord, rng);
    }
    let members: Vec<Snowflake> = (0..rng.between(2, 5)).map(|_| add_member(discord, rng)).collect();
    for _ in 0..rng.below(4) {
        add_channel(discord, rng, kind::CATEGORY, &members);
    }
    for _ in 0..rng.below(10) {
        let kinds = [kind::TEXT, kind::TEXT, kind::TEXT, kind::VOICE, kind::FORUM, kind::MEDIA];
        let channel_kind = *rng.pick(&kinds);
        add_channel(discord, rng, channel_kind, &members);
    }
    if community {
        let rules = add_channel(discord, rng, kind::TEXT, &members);
        let updates = add_channel(discord, rng, kind::TEXT, &members);
        add_channel(discord, rng, kind::ANNOUNCEMENT, &members);
        add_channel(discord, rng, kind::STAGE, &members);
        discord.edit(|guild| {
            guild.features = ["COMMUNITY", "NEWS"].map(str::to_owned).to_vec();
            (guild.rules_channel_id, guild.public_updates_channel_id) = (Some(rules), Some(updates));
            (guild.verification_level, guild.explicit_content_filter) = (1, 2);
        });
    }
    members
}

pub(crate) fn add_role(discord: &Harness, rng: &mut Rng) -> Snowflake {
    let id = mint(discord);
    let mut permissions = some_bits(rng);
    if rng.percent(20) {
        permissions |= *rng.pick(&UNKNOWN_BITS);
    }
    let managed = rng.percent(12);
    let role = Role {
        id,
        name: (*rng.pick(&ROLE_NAMES)).to_owned(),
        position: rng.between(1, 8) as i64,
        permissions,
        hoist: rng.percent(30),
        managed,
        tags: managed.then(|| Map::from_iter([("premium_subscriber".to_owned(), json!(null))])),
        ..Role::default()
    };
    discord.edit(|guild| guild.roles.insert(id, role));
    id
}

fn add_member(discord: &Harness, rng: &mut Rng) -> Snowflake {
    let now = discord.clock.now();
    let id = discord.simulator.with_world(|world| world.add_user("somebody", false, now));
    discord.edit(|guild| {
        let assignable: Vec<Snowflake> = guild.roles.values().filter(|r| r.id != guild.id).map(|r| r.id).collect();
        let bots: Vec<Snowflake> =
            guild.roles.values().filter(|r| r.permissions.has(Bits::ADMINISTRATOR)).map(|r| r.id).collect();
        let roles = rng.some(&assignable, 45).into_iter().filter(|id| !bots.contains(id)).collect();
        guild.members.insert(id, Member { user_id: id, joined_at: now, roles, ..Member::default() });
    });
    id
}

/// Overwrites as guilds have them: a few alike, and some odd ones.
fn messy_overwrites(rng: &mut Rng, guild: &Guild, members: &[Snowflake]) -> Vec<Overwrite> {
    let mut list = Vec::new();
    let one = |rng: &mut Rng| if rng.percent(50) { *rng.pick(&PLAYED[..3]) } else { some_bits(rng) };
    let role = |id, allow, deny| Overwrite { id, kind: Overwrite::ROLE, allow, deny };
    if rng.percent(60) {
        list.push(role(guild.id, one(rng), one(rng)));
    }
    for id in guild.roles.keys().filter(|id| **id != guild.id) {
        if rng.percent(30) {
            list.push(role(*id, one(rng), one(rng)));
        }
    }
    if rng.percent(15) && !members.is_empty() {
        list.push(Overwrite { id: *rng.pick(members), kind: Overwrite::MEMBER, allow: one(rng), deny: one(rng) });
    }
    if rng.percent(12) {
        // Of long before the guild was, so nobody has it.
        let gone = Snowflake(guild.id.0 - (1 << 40));
        list.push(role(gone, Bits::VIEW_CHANNEL, Bits::NONE));
    }
    if rng.percent(12) {
        list.push(role(guild.id, Bits::NONE, Bits::NONE));
        list.reverse();
        list.dedup_by_key(|o| o.id);
    }
    if rng.percent(12)
        && let Some(first) = list.first_mut()
    {
        first.allow |= *rng.pick(&UNKNOWN_BITS);
    }
    let mut seen = Vec::new();
    list.retain(|o| {
        !seen.contains(&o.id) && {
            seen.push(o.id);
            true
        }
    });
    list
}

pub(crate) fn add_channel(discord: &Harness, rng: &mut Rng, channel_kind: u8, members: &[Snowflake]) -> Snowflake {
    let id = mint(discord);
    discord.edit(|guild| {
        let categories: Vec<Snowflake> = guild.channels.values().filter(|c| c.is_category()).map(|c| c.id).collect();
        let inside = channel_kind != kind::CATEGORY && !categories.is_empty() && rng.percent(75);
        let parent_id = inside.then(|| *rng.pick(&categories));
        let synced = parent_id.filter(|_| rng.percent(60)).map(|id| guild.channels[&id].permission_overwrites.clone());
        let mut channel = Channel {
            id,
            kind: channel_kind,
            name: some_name(rng, channel_kind).1,
            position: rng.below(12) as i64,
            parent_id,
            permission_overwrites: synced.unwrap_or_else(|| messy_overwrites(rng, guild, members)),
            ..Channel::default()
        };
        if channel.is_vocal() {
            channel.bitrate = 64_000;
            channel.user_limit = if channel_kind == kind::STAGE { 10_000 } else { 0 };
        }
        if rng.percent(15) && !channel.is_category() {
            channel.flags |= *rng.pick(&UNKNOWN_FLAGS);
        }
        if rng.percent(50) && !channel.is_category() && !channel.is_vocal() {
            channel.topic = Some("by hand".to_owned());
            channel.rate_limit_per_user = 10;
        }
        guild.channels.insert(id, channel);
    });
    id
}

/// What people do in a guild between two runs.
pub(crate) fn disturb(discord: &Harness, rng: &mut Rng, members: &[Snowflake]) {
    for _ in 0..rng.below(8) {
        let (channels, roles): (Vec<Snowflake>, Vec<Snowflake>) = discord.edit(|guild| {
            let roles = guild.roles.values().filter(|r| r.id != guild.id && !r.managed).map(|r| r.id);
            (guild.channels.keys().copied().collect(), roles.collect())
        });
        match rng.below(11) {
            0 => _ = add_role(discord, rng),
            1 => {
                let channel_kind = *rng.pick(&[kind::TEXT, kind::VOICE, kind::CATEGORY]);
                add_channel(discord, rng, channel_kind, members);
            }
            2 if !channels.is_empty() => delete_channel(discord, *rng.pick(&channels)),
            3 if !roles.is_empty() => delete_role(discord, *rng.pick(&roles)),
            4..=8 if !channels.is_empty() => {
                let id = *rng.pick(&channels);
                discord.edit(|guild| touch(guild, rng, id, members));
            }
            _ if !roles.is_empty() => {
                let id = *rng.pick(&roles);
                discord.edit(|guild| {
                    let role = guild.roles.get_mut(&id).expect("a role of the guild");
                    match rng.below(4) {
                        0 => role.name = (*rng.pick(&ROLE_NAMES)).to_owned(),
                        1 => role.permissions = some_bits(rng),
                        2 => role.position = rng.between(1, 12) as i64,
                        _ => role.hoist = !role.hoist,
                    }
                });
            }
            _ => {}
        }
    }
}

fn delete_channel(discord: &Harness, id: Snowflake) {
    discord.edit(|guild| {
        let needed = [guild.rules_channel_id, guild.public_updates_channel_id].contains(&Some(id));
        if needed {
            return;
        }
        guild.channels.remove(&id);
        guild.system_channel_id = guild.system_channel_id.filter(|system| *system != id);
        for child in guild.channels.values_mut().filter(|c| c.parent_id == Some(id)) {
            child.parent_id = None;
        }
    });
}

fn delete_role(discord: &Harness, id: Snowflake) {
    discord.edit(|guild| {
        guild.roles.remove(&id);
        guild.members.values_mut().for_each(|m| m.roles.retain(|r| *r != id));
        guild.channels.values_mut().for_each(|c| c.permission_overwrites.retain(|o| o.id != id));
    });
}

fn touch(guild: &mut Guild, rng: &mut Rng, id: Snowflake, members: &[Snowflake]) {
    let overwrites = messy_overwrites(rng, guild, members);
    let categories: Vec<Snowflake> = guild.channels.values().filter(|c| c.is_category()).map(|c| c.id).collect();
    let synced = guild.channels[&id].parent_id.map(|p| guild.channels[&p].permission_overwrites.clone());
    let channel = guild.channels.get_mut(&id).expect("a channel of the guild");
    match rng.below(6) {
        0 => channel.name = some_name(rng, channel.kind).1,
        1 => channel.position = rng.below(15) as i64,
        2 => channel.permission_overwrites = overwrites,
        3 if !channel.is_category() => {
            channel.parent_id = (!categories.is_empty() && rng.percent(70)).then(|| *rng.pick(&categories));
        }
        4 => channel.permission_overwrites = synced.unwrap_or(overwrites),
        _ => {
            let fields = some_fields(rng, channel.kind);
            if let Some(nsfw) = fields.get("nsfw").and_then(|v| v.as_bool()) {
                channel.nsfw = nsfw;
            }
            if let Some(topic) = fields.get("topic") {
                channel.topic = topic.as_str().map(str::to_owned);
            }
        }
    }
}
