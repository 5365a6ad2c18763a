//! Guilds as communities build them: ranks, tiers of access that many channels share, and a few exceptions.

use setai::model::{
    BoostTier, Channel, ChannelAttributes, ChannelKind, ChannelRef, Colors, ContentFilter, Features, Guild,
    GuildSettings, Managed, NotificationLevel, Overwrite, Overwrites, Permissions, Role, RoleAttributes, RoleRef,
    SystemChannelFlags, Target, VerificationLevel,
};
use twilight_model::id::Id;

use super::guilds::GUILD_ID;

/// How large a guild is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Roles, @everyone included.
    pub(crate) roles: usize,
    pub(crate) categories: usize,
    /// Channels besides categories.
    pub(crate) channels: usize,
    /// Overwrites of each channel.
    pub(crate) overwrites_each: usize,
    /// Channels that do not have their category's overwrites.
    pub(crate) own_overwrites: usize,
}

/// The guild of a layout: always the same one.
pub(crate) fn guild_of(layout: Layout) -> Guild {
    let roles = roles(layout.roles);
    let mut channels = Vec::new();
    for at in 0..layout.categories {
        let mut attributes = ChannelAttributes::named(format!("📁 Area {at}"), ChannelKind::Category);
        attributes.overwrites = tier(at, layout.overwrites_each, &roles);
        channels.push(Channel { id: id(10_000 + at), position: at as i64, attributes });
    }
    for at in 0..layout.channels {
        let kinds = [ChannelKind::Text, ChannelKind::Text, ChannelKind::Forum, ChannelKind::Voice];
        let category = &channels[at % layout.categories];
        let mut attributes = ChannelAttributes::named(format!("room-{at}"), kinds[at % kinds.len()]);
        attributes.parent = Some(category.id.clone());
        attributes.topic = (attributes.kind == ChannelKind::Text).then(|| format!("What room {at} is about."));
        attributes.overwrites = category.attributes.overwrites.clone();
        if at < layout.own_overwrites {
            attributes.overwrites = tier(at + layout.categories, layout.overwrites_each, &roles);
        }
        channels.push(Channel { id: id(20_000 + at), position: at as i64, attributes });
    }
    let mut guild = Guild {
        id: Id::new(GUILD_ID),
        owner: Id::new(1),
        boost_tier: BoostTier(0),
        requires_mfa: false,
        settings: settings(),
        roles,
        channels,
    };
    guild.sort();
    guild
}

fn id(number: usize) -> ChannelRef {
    ChannelRef::Live(Id::new(1_000_000_000_000_000_000 + number as u64))
}

fn basics() -> Permissions {
    Permissions::VIEW_CHANNEL
        | Permissions::SEND_MESSAGES
        | Permissions::READ_MESSAGE_HISTORY
        | Permissions::ADD_REACTIONS
        | Permissions::CONNECT
        | Permissions::SPEAK
}

fn roles(count: usize) -> Vec<Role> {
    let ranks = (1..count).map(|at| {
        let extra = if at % 5 == 0 { Permissions::MANAGE_MESSAGES } else { Permissions::NONE };
        let colors = Colors { primary: 0x10_0000 + at as u32 * 0x1234, ..Colors::default() };
        let attributes = RoleAttributes {
            permissions: basics() | extra,
            colors,
            hoist: at % 3 == 0,
            ..RoleAttributes::named(format!("Rank {at}"))
        };
        let id = RoleRef::Live(Id::new(2_000_000_000_000_000_000 + at as u64));
        Role { id, position: (count - at) as i64, managed: Managed::No, attributes }
    });
    let attributes = RoleAttributes { permissions: basics(), ..RoleAttributes::named("@everyone") };
    let everyone = Role { id: RoleRef::Live(Id::new(GUILD_ID)), position: 0, managed: Managed::No, attributes };
    ranks.chain([everyone]).collect()
}

/// @everyone is shut out or only reads, and some ranks have more.
fn tier(at: usize, size: usize, roles: &[Role]) -> Overwrites {
    let hidden = Overwrite { allow: Permissions::NONE, deny: Permissions::VIEW_CHANNEL };
    let read = Overwrite { allow: Permissions::VIEW_CHANNEL, deny: Permissions::SEND_MESSAGES };
    let write = Overwrite { allow: Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES, deny: Permissions::NONE };
    let everyone = Target::Role(RoleRef::Live(Id::new(GUILD_ID)));
    let ranks = (0..size - 1).map(|i| {
        let role = roles[(at * 7 + i * 3) % (roles.len() - 1)].id.clone();
        (Target::Role(role), if i % 2 == 0 { write } else { read })
    });
    ranks.chain([(everyone, if at.is_multiple_of(2) { hidden } else { read })]).collect()
}

fn settings() -> GuildSettings {
    GuildSettings {
        name: "A large community".to_owned(),
        description: None,
        verification_level: VerificationLevel::Medium,
        default_message_notifications: NotificationLevel::OnlyMentions,
        explicit_content_filter: ContentFilter::AllMembers,
        afk_channel: None,
        afk_timeout: 300,
        system_channel: None,
        system_channel_flags: SystemChannelFlags(0),
        rules_channel: None,
        public_updates_channel: None,
        safety_alerts_channel: None,
        preferred_locale: "en-US".to_owned(),
        premium_progress_bar_enabled: false,
        features: Features::default(),
        icon: None,
        splash: None,
        discovery_splash: None,
        banner: None,
    }
}
