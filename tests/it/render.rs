//! Rendering a guild and reading it again says the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use setai::manifest::render::{Keys, Rendered, Style, render};
use setai::manifest::{Files, Manifest, parse, render_diagnostics};
use setai::model::{
    ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelRef, Features, ForumTag, Guild, GuildSettings, Key,
    Managed, Overwrite, OverwriteChoice, Overwrites, Permissions, RoleAttributes, RoleId, RoleRef, SystemChannelFlags,
    Target, UserId, VerificationLevel,
};

use crate::support::guilds::{GUILD_ID, Size, guild_of_seed, guilds};
use crate::support::layouts::{Layout, guild_of};

fn read(rendered: &Rendered) -> Manifest {
    let files = Files::single("guild.yaml", rendered.text.clone()).expect("a path");
    let parsed = parse(&files, "guild.yaml");
    let text = || render_diagnostics(&parsed.diagnostics, &files, false);
    parsed.manifest.unwrap_or_else(|| panic!("{}\n{}", text(), rendered.text))
}

/// Ids by key: what a manifest's references mean.
struct Meaning {
    roles: BTreeMap<Key, RoleId>,
    channels: BTreeMap<Key, ChannelId>,
    categories: BTreeMap<Key, ChannelId>,
}

impl Meaning {
    fn of(keys: &Keys) -> Self {
        let turn = |keys: &BTreeMap<ChannelId, Key>| keys.iter().map(|(id, key)| (key.clone(), *id)).collect();
        let mut roles: BTreeMap<Key, RoleId> = keys.roles.iter().map(|(id, key)| (key.clone(), *id)).collect();
        roles.insert(Key::everyone(), RoleId::new(GUILD_ID));
        Self { roles, channels: turn(&keys.channels), categories: turn(&keys.categories) }
    }

    fn role(&self, role: &RoleRef) -> RoleRef {
        role.key().map_or_else(|| role.clone(), |key| RoleRef::Live(self.roles[key]))
    }

    fn channel(&self, channel: Option<ChannelRef>) -> Option<ChannelRef> {
        channel.map(|c| c.key().map_or_else(|| c.clone(), |key| ChannelRef::Live(self.channels[key])))
    }
}

/// Everything a manifest says, laid over new objects, as `(id, attributes)` in its order.
struct SaidRole(RoleId, RoleAttributes);
struct SaidChannel(ChannelId, ChannelAttributes);

fn said_roles(manifest: &Manifest, meaning: &Meaning) -> Vec<SaidRole> {
    let say = |(key, spec): (&Key, &setai::manifest::RoleSpec)| {
        let mut role = RoleAttributes::named("");
        spec.attributes.lay(&mut role);
        SaidRole(spec.id.unwrap_or_else(|| meaning.roles[key]), role)
    };
    manifest.roles.iter().map(say).collect()
}

fn said_channels(manifest: &Manifest, meaning: &Meaning) -> Vec<SaidChannel> {
    let mut of_category: BTreeMap<ChannelId, Overwrites> = BTreeMap::new();
    let mut said = Vec::new();
    let categories = manifest.categories.iter().map(|(key, spec)| (meaning.categories[key], spec));
    let channels = manifest.channels.iter().map(|(key, spec)| (meaning.channels[key], spec));
    for (id, spec) in categories.chain(channels) {
        let mut channel = ChannelAttributes::named("", spec.attributes.kind.expect("the kind is always said"));
        spec.attributes.lay(&mut channel);
        let parent = channel.parent.map(|parent| meaning.categories[parent.key().expect("a key")]);
        channel.parent = parent.map(ChannelRef::Live);
        channel.overwrites = match &spec.attributes.overwrites {
            OverwriteChoice::Exactly(wanted) => wanted.map_roles(|role| meaning.role(role)),
            OverwriteChoice::Synced => of_category[&parent.expect("only channels in a category are synced")].clone(),
            OverwriteChoice::Unmanaged => panic!("{id} says nothing of its overwrites"),
        };
        of_category.insert(id, channel.overwrites.clone());
        said.push(SaidChannel(id, channel));
    }
    said
}

fn said_settings(manifest: &Manifest, meaning: &Meaning, live: &GuildSettings) -> GuildSettings {
    // What nothing is said of has Discord's standard; flags and features without a name stay as they are.
    let unnamed = !SystemChannelFlags::NAMED.iter().map(|(_, bit)| bit).sum::<u64>();
    let fixed = live.features.0.iter().filter(|f| !Features::MUTABLE.contains(&f.as_str())).cloned();
    let mut settings = GuildSettings {
        name: String::new(),
        description: None,
        verification_level: VerificationLevel::Low,
        default_message_notifications: live.default_message_notifications,
        explicit_content_filter: live.explicit_content_filter,
        afk_channel: None,
        afk_timeout: 300,
        system_channel: None,
        system_channel_flags: SystemChannelFlags(live.system_channel_flags.0 & unnamed),
        rules_channel: None,
        public_updates_channel: None,
        safety_alerts_channel: None,
        preferred_locale: "en-US".to_owned(),
        premium_progress_bar_enabled: false,
        features: Features(fixed.collect()),
        icon: None,
        splash: None,
        discovery_splash: None,
        banner: None,
    };
    manifest.settings.lay(&mut settings);
    settings.afk_channel = meaning.channel(settings.afk_channel);
    settings.system_channel = meaning.channel(settings.system_channel);
    settings.rules_channel = meaning.channel(settings.rules_channel);
    settings.public_updates_channel = meaning.channel(settings.public_updates_channel);
    settings.safety_alerts_channel = meaning.channel(settings.safety_alerts_channel);
    settings
}

/// The guild as far as a manifest can say it: images are only hashes, tags have ids of their own, other flags no name, and
/// of roles that are gone nothing is left to say.
fn sayable(guild: &Guild) -> Guild {
    let mut guild = guild.without_dangling().into_owned();
    const NAMED: u64 = ChannelFlags::REQUIRE_TAG | ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS | ChannelFlags::SPOILER;
    guild.settings.icon = None;
    for role in &mut guild.roles {
        role.attributes.icon = None;
        if role.managed != Managed::No {
            role.attributes = RoleAttributes::named("");
        }
        if role.id == RoleRef::Live(RoleId::new(GUILD_ID)) {
            role.attributes.name = String::new();
        }
    }
    for channel in &mut guild.channels {
        channel.attributes.flags.0 &= NAMED;
        let tags = channel.attributes.available_tags.iter();
        channel.attributes.available_tags = tags.map(|tag| ForumTag { id: None, ..tag.clone() }).collect();
    }
    guild
}

fn assert_says(manifest: &Manifest, keys: &Keys, guild: &Guild) {
    let (meaning, expected) = (Meaning::of(keys), sayable(guild));
    assert_eq!(manifest.guild, guild.id);
    assert_eq!(said_settings(manifest, &meaning, &guild.settings), expected.settings);
    let roles = said_roles(manifest, &meaning);
    assert_eq!(roles.len(), expected.roles.len());
    for (SaidRole(id, said), role) in roles.iter().zip(&expected.roles) {
        assert_eq!((RoleRef::Live(*id), said), (role.id.clone(), &role.attributes));
    }
    let channels = said_channels(manifest, &meaning);
    assert_eq!(channels.len(), expected.channels.len());
    for SaidChannel(id, said) in &channels {
        let channel = expected.channel(&ChannelRef::Live(*id)).expect("a channel of the guild");
        assert_eq!(said, &channel.attributes, "{id}");
    }
    // Order is only meant inside a place.
    for live in &expected.channels {
        let place = live.place();
        let wanted: Vec<_> = expected.in_place(place.0, place.1).map(|c| c.id.clone()).collect();
        let here = |c: &&SaidChannel| (c.1.parent.as_ref(), c.1.kind.bucket()) == place;
        let said: Vec<_> = channels.iter().filter(here).map(|c| ChannelRef::Live(c.0)).collect();
        assert_eq!(said, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_rendered_guild_is_read_as_what_it_is(guild in guilds(Size::SMALL), pin: bool) {
        let rendered = render(&guild, &Style { pin, ..Style::default() });
        assert_says(&read(&rendered), &rendered.keys, &guild);
        prop_assert!(rendered.left_out.is_empty());
    }

    #[test]
    fn keys_that_were_chosen_once_are_kept(guild in guilds(Size::SMALL)) {
        let first = render(&guild, &Style::default());
        let mut renamed = guild;
        for role in &mut renamed.roles {
            role.attributes.name.insert_str(0, "new ");
        }
        for channel in &mut renamed.channels {
            channel.attributes.name = "renamed".to_owned();
        }
        let second = render(&renamed, &Style { keys: first.keys.clone(), ..Style::default() });
        prop_assert_eq!(second.keys, first.keys);
    }

}

#[test]
fn equal_guilds_have_equal_manifests() {
    for seed in 0..20 {
        let (one, other) = (guild_of_seed(seed, Size::SMALL), guild_of_seed(seed, Size::SMALL));
        assert_eq!(render(&one, &Style::default()).text, render(&other, &Style::default()).text);
    }
}

#[test]
fn channels_without_words_are_left_out_and_named() {
    let mut guild = guild_of_seed(3, Size::SMALL);
    let victim = guild.channels.iter_mut().find(|c| !c.is_category()).expect("a channel");
    victim.attributes.kind = ChannelKind::Other(14);
    let id = victim.id.clone();
    let rendered = render(&guild, &Style::default());
    assert_eq!(rendered.left_out, vec![id]);
    read(&rendered);
}

#[test]
fn a_large_community_takes_fewer_than_400_lines() {
    for own_overwrites in [0, 30, 100] {
        let guild = guild_of(Layout { roles: 50, categories: 12, channels: 100, overwrites_each: 4, own_overwrites });
        let overwrites: usize = guild.channels.iter().map(|c| c.attributes.overwrites.len()).sum();
        assert!(guild.channels.len() >= 100 && guild.roles.len() == 50 && overwrites >= 400, "{overwrites} overwrites");
        let rendered = render(&guild, &Style::default());
        assert_says(&read(&rendered), &rendered.keys, &guild);
        let lines = rendered.text.lines().count();
        assert!(lines < 400, "{lines} lines\n{}", rendered.text);
    }
}

#[test]
fn a_small_guild_reads_like_something_a_person_wrote() {
    let guild = guild_of(Layout { roles: 4, categories: 2, channels: 7, overwrites_each: 2, own_overwrites: 1 });
    insta::assert_snapshot!(render(&guild, &Style::default()).text, @r##"
    # yaml-language-server: $schema=schemas/guild.v1.json
    version: 1
    guild: "900000000000000000"

    settings:
      name: A large community
      verification_level: medium
      default_message_notifications: only_mentions
      explicit_content_filter: all_members

    permission_sets:
      basics: { allow: [add_reactions, view_channel, send_messages, read_message_history, connect, speak] }
      hidden: { deny: [view_channel] }
      write: { allow: [view_channel, send_messages] }

    roles:
      rank-1: { name: Rank 1, color: "#101234", permissions: basics }
      rank-2: { name: Rank 2, color: "#102468", permissions: basics }
      rank-3: { name: Rank 3, color: "#10369c", hoist: true, permissions: basics }
      everyone: { permissions: basics }

    categories:
      area-0:
        name: 📁 Area 0
        permissions: { everyone: hidden, rank-1: write }
        channels:
          room-0: { topic: What room 0 is about., permissions: { everyone: hidden, rank-3: write } }
          room-2: { type: forum }
          room-4: { topic: What room 4 is about. }
          room-6: { type: forum }
      area-1:
        name: 📁 Area 1
        permissions: { everyone: { allow: [view_channel], deny: [send_messages] }, rank-2: write }
        channels:
          room-1: { topic: What room 1 is about. }
          room-5: { topic: What room 5 is about. }
          room-3: { type: voice }
    "##);
}

#[test]
fn what_stands_in_a_hidden_category_is_left_out_with_it() {
    let mut guild = guild_of(Layout { roles: 3, categories: 2, channels: 4, overwrites_each: 2, own_overwrites: 0 });
    let hidden = guild.channels.iter_mut().find(|c| c.is_category()).expect("a category");
    hidden.attributes.flags = ChannelFlags(ChannelFlags::OBFUSCATED);
    let hidden = hidden.id.clone();
    let rendered = render(&guild, &Style::default());
    assert_eq!(rendered.left_out.len(), 3, "the category and its two channels");
    assert!(rendered.left_out.contains(&hidden));
    assert_eq!(read(&rendered).channels.len(), 2);
}

#[test]
fn overwrites_no_request_could_carry_are_left_alone() {
    let mut guild = guild_of(Layout { roles: 3, categories: 1, channels: 3, overwrites_each: 2, own_overwrites: 0 });
    let crowded = guild.channels.iter_mut().find(|c| !c.is_category()).expect("a channel");
    let many = (1..=101).map(|user| {
        (Target::Member(UserId::new(user)), Overwrite { allow: Permissions::CONNECT, ..Overwrite::default() })
    });
    crowded.attributes.overwrites = many.collect();
    let id = crowded.id.clone();
    let rendered = render(&guild, &Style::default());
    assert_eq!(rendered.unmanaged, vec![id.clone()]);
    let key = &rendered.keys.channels[&id.id().expect("live")];
    assert_eq!(read(&rendered).channels[key].attributes.overwrites, OverwriteChoice::Unmanaged);
}
