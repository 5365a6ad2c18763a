//! What is imported says what the guild is: nothing is left to plan, and importing it again writes the same bytes.

use std::fs;

use serde_json::{Value, json};
use setai::model::{ChannelKind, normalise_channel_name};
use setai::simulator::world::{Bits, Channel, Colors, Role, kind};

use super::trial::limit;
use crate::support::guilds::HOSTILE;
use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::seeds::{seeds, trials};
use crate::support::terminal::Terminal;
use crate::support::wish::some_fields;
use crate::support::worlds::{disturb, furnish};

/// Gives everything names that tempt a writer of YAML, and fields that only few guilds use.
fn adorn(discord: &Harness, rng: &mut Rng) {
    discord.edit(|guild| {
        guild.features.extend(["ROLE_ICONS", "ENHANCED_ROLE_COLORS"].map(str::to_owned));
        let everyone = guild.id;
        for role in guild.roles.values_mut().filter(|role| role.id != everyone && !role.managed) {
            adorn_role(role, rng);
        }
        guild.channels.values_mut().for_each(|channel| adorn_channel(channel, rng));
        guild.name = format!("{} guild", rng.pick(HOSTILE).replace(|c: char| c.is_control(), " ").trim());
        guild.description = rng.percent(30).then(|| rng.pick(HOSTILE).trim().to_owned());
        guild.preferred_locale = (*rng.pick(&["en-US", "de", "no"])).to_owned();
        guild.afk_timeout = *rng.pick(&[60, 300, 3600]);
        guild.system_channel_flags = rng.next() & 0x1ff;
        guild.verification_level = guild.verification_level.max(rng.below(5) as u8);
        guild.default_message_notifications = rng.below(2) as u8;
        guild.premium_progress_bar_enabled = rng.percent(30);
        let voice = guild.channels.values().find(|c| c.kind == kind::VOICE).map(|c| c.id);
        guild.afk_channel_id = voice.filter(|_| rng.percent(50));
        guild.icon = rng.percent(20).then(|| "0123456789abcdef".repeat(2));
    });
}

fn adorn_role(role: &mut Role, rng: &mut Rng) {
    if rng.percent(40) {
        rng.pick(HOSTILE).trim().clone_into(&mut role.name);
    }
    role.colors = match rng.below(5) {
        0 => Colors { primary_color: 0xe7_4c3c, ..Colors::default() },
        1 => Colors { primary_color: 1, secondary_color: Some(2), tertiary_color: None },
        2 => Colors { primary_color: 11_127_295, secondary_color: Some(16_759_788), tertiary_color: Some(16_761_760) },
        _ => Colors::default(),
    };
    role.mentionable = rng.percent(30);
    role.unicode_emoji = rng.percent(20).then(|| "⚙️".to_owned());
    role.icon = rng.percent(20).then(|| "fedcba9876543210".repeat(2));
    if rng.percent(20) {
        role.permissions = Bits(rng.next());
    }
}

fn adorn_channel(channel: &mut Channel, rng: &mut Rng) {
    let hostile: &str = rng.pick::<&str>(HOSTILE);
    let name = normalise_channel_name(ChannelKind::of_number(channel.kind), hostile);
    if rng.percent(40) && !name.is_empty() {
        channel.name = name;
    }
    let mut fields = some_fields(rng, channel.kind);
    let mut add = |rng: &mut Rng, name: &str, values: &[Value]| {
        if rng.percent(30) {
            fields.insert(name.to_owned(), rng.pick(values).clone());
        }
    };
    if channel.is_forum() {
        let tag = |id: u64, name: &str, emoji: Value| json!({"id": id.to_string(), "name": name, "moderated": id.is_multiple_of(2), "emoji_name": emoji});
        let tags = [tag(11, "yes", Value::Null), tag(12, "- 1.5", json!("🙂")), tag(13, "a: b", Value::Null)];
        add(rng, "available_tags", &[json!(tags), json!(tags[1..]), json!([])]);
        add(rng, "default_reaction_emoji", &[json!({"emoji_name": "⚙️"}), json!({"emoji_id": "77"})]);
        add(rng, "default_sort_order", &[json!(0), json!(1)]);
        add(rng, "default_tag_setting", &[json!("match_all"), json!("match_some")]);
        add(rng, "flags", &[json!(1 << 4), json!(1 << 7 | 1 << 4)]);
    }
    if channel.kind == kind::FORUM {
        add(rng, "default_forum_layout", &[json!(1), json!(2)]);
    }
    if channel.is_vocal() {
        add(rng, "video_quality_mode", &[json!(1), json!(2)]);
    } else if !channel.is_category() {
        let topic = rng.pick(HOSTILE).trim().to_owned();
        add(rng, "topic", &[json!(topic), json!(""), json!("one\n\ntwo  \n three")]);
    }
    let mut raw = json!(channel);
    fields.into_iter().for_each(|(field, value)| raw[field] = value);
    *channel = serde_json::from_value(raw).expect("a channel");
}

/// One guild is imported, planned, and imported again; gives the lines of its manifest.
async fn imported(seed: u64) -> usize {
    let mut rng = Rng::seeded(7_000_000 + seed);
    let discord = Harness::with(|options| options.seed = seed);
    let members = furnish(&discord, &mut rng);
    disturb(&discord, &mut rng, &members);
    adorn(&discord, &mut rng);
    if rng.percent(25) {
        limit(&discord, &mut rng);
    }
    let mut terminal = Terminal::in_front_of(&discord).await;
    let guild = discord.guild.to_string();
    let path = terminal.folder.path().to_owned();
    let text = |folder: &str| fs::read_to_string(path.join(folder).join("guild.yaml")).expect("a manifest");
    terminal.run(&["import", "--guild", &guild, "--output", "first"]).await.works(&[]);
    terminal.run(&["plan", "first", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    terminal.run(&["import", "--guild", &guild, "--output", "second"]).await.works(&[]);
    assert_eq!(text("first"), text("second"));
    terminal.run(&["import", "--guild", &guild, "--output", "pinned", "--pin"]).await.works(&[]);
    let lines = text("first").lines().count();
    // Somebody who knows nothing but the file, which says each object's id.
    terminal.use_database("other.db");
    terminal.run(&["plan", "pinned", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    assert!(discord.simulator.requests().iter().all(|r| r.method == "GET"), "nothing was written");
    lines
}

#[test]
fn an_imported_guild_plans_to_nothing_and_is_imported_alike() {
    let lines = trials(seeds(40, 1_000), imported);
    let total: usize = lines.iter().sum();
    println!("import round trip: {} guilds, {total} lines, nothing to plan, equal bytes the second time", lines.len());
}
