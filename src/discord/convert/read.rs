//! Answers to model.

use std::collections::BTreeSet;

use crate::discord::wire::{
    WireChannel, WireColors, WireEmoji, WireGuild, WireOverwrite, WireRole, WireRoleTags, WireTag,
};
use crate::model::{
    BoostTier, Channel, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelRef, Colors, ContentFilter,
    Emoji, Features, ForumLayout, ForumTag, Guild, GuildSettings, Image, Managed, NotificationLevel, Overwrite,
    Overwrites, Permissions, Role, RoleAttributes, SortOrder, SystemChannelFlags, TagMatching, Target,
    VerificationLevel, VideoQuality,
};

/// Threads, which the channel list of a guild does not hold; Discord's numbers of their kinds.
const THREADS: std::ops::RangeInclusive<u8> = 10..=12;

/// A guild and its channels, in canonical order.
pub(crate) fn guild(wire: WireGuild, channels: Vec<WireChannel>) -> Result<Guild, String> {
    let WireGuild { id, owner_id, roles, premium_tier, mfa_level, .. } = &wire;
    let (id, owner) = (*id, *owner_id);
    if let Some(stray) = channels.iter().find(|channel| channel.guild_id.is_some_and(|other| other != id)) {
        return Err(format!("the list has the channel {} of another guild", stray.id));
    }
    let everyone = id.cast();
    if !roles.iter().any(|role| role.id == everyone) {
        return Err("the guild has no @everyone role, so the answer is not whole".to_owned());
    }
    let boost_tier = BoostTier(u8::try_from(*premium_tier).unwrap_or(u8::MAX));
    let requires_mfa = *mfa_level > 0;
    let channels = channels.into_iter().filter(|c| !THREADS.contains(&c.kind)).map(channel);
    let mut guild = Guild {
        id,
        owner,
        boost_tier,
        requires_mfa,
        channels: channels.collect::<Result<_, _>>()?,
        roles: Vec::new(),
        settings: settings(&wire)?,
    };
    guild.roles = wire.roles.into_iter().map(role).collect();
    let distinct: BTreeSet<u64> = guild.channels.iter().filter_map(|c| c.id.id()).map(ChannelId::get).collect();
    if distinct.len() != guild.channels.len() {
        return Err("the list has a channel twice".to_owned());
    }
    guild.sort();
    Ok(guild)
}

fn settings(wire: &WireGuild) -> Result<GuildSettings, String> {
    let image = |hash: &Option<String>| hash.clone().map(Image::Hash);
    let verification = [
        VerificationLevel::None,
        VerificationLevel::Low,
        VerificationLevel::Medium,
        VerificationLevel::High,
        VerificationLevel::VeryHigh,
    ];
    let notifications = [NotificationLevel::AllMessages, NotificationLevel::OnlyMentions];
    let filters = [ContentFilter::Disabled, ContentFilter::MembersWithoutRoles, ContentFilter::AllMembers];
    Ok(GuildSettings {
        name: wire.name.clone(),
        description: said(wire.description.clone()),
        verification_level: pick("verification_level", wire.verification_level, &verification)?,
        default_message_notifications: pick(
            "default_message_notifications",
            wire.default_message_notifications,
            &notifications,
        )?,
        explicit_content_filter: pick("explicit_content_filter", wire.explicit_content_filter, &filters)?,
        afk_channel: wire.afk_channel_id.map(ChannelRef::Live),
        afk_timeout: u32::try_from(wire.afk_timeout).map_err(|_| "afk_timeout is out of range".to_owned())?,
        system_channel: wire.system_channel_id.map(ChannelRef::Live),
        system_channel_flags: SystemChannelFlags(wire.system_channel_flags),
        rules_channel: wire.rules_channel_id.map(ChannelRef::Live),
        public_updates_channel: wire.public_updates_channel_id.map(ChannelRef::Live),
        safety_alerts_channel: wire.safety_alerts_channel_id.map(ChannelRef::Live),
        preferred_locale: wire.preferred_locale.clone(),
        premium_progress_bar_enabled: wire.premium_progress_bar_enabled,
        features: Features(wire.features.iter().cloned().collect()),
        icon: image(&wire.icon),
        splash: image(&wire.splash),
        discovery_splash: image(&wire.discovery_splash),
        banner: image(&wire.banner),
    })
}

/// A role.
pub(crate) fn role(wire: WireRole) -> Role {
    let WireRole {
        id,
        name,
        permissions,
        position,
        color,
        colors,
        hoist,
        mentionable,
        managed,
        tags,
        icon,
        unicode_emoji,
    } = wire;
    let colors = match colors {
        Some(WireColors { primary_color, secondary_color, tertiary_color }) => {
            Colors { primary: primary_color, secondary: secondary_color, tertiary: tertiary_color }
        }
        None => Colors { primary: color, ..Colors::default() },
    };
    let attributes = RoleAttributes {
        name,
        permissions: Permissions::from_bits(permissions),
        colors,
        hoist,
        mentionable,
        icon: icon.map(Image::Hash),
        unicode_emoji: said(unicode_emoji),
    };
    Role { id: id.into(), position, managed: self::managed(managed, &tags), attributes }
}

fn managed(flag: bool, tags: &WireRoleTags) -> Managed {
    match tags.bot_id {
        Some(bot) => Managed::Bot(bot.get()),
        None if flag || tags.premium_subscriber || tags.available_for_purchase => Managed::Integration,
        None => Managed::No,
    }
}

/// A channel.
pub(crate) fn channel(wire: WireChannel) -> Result<Channel, String> {
    let id = wire.id;
    channel_of(wire).map_err(|problem| format!("channel {id}: {problem}"))
}

fn channel_of(wire: WireChannel) -> Result<Channel, String> {
    let kind = ChannelKind::of_number(wire.kind);
    // Only of a kind nobody knows may these be missing: for the others that would be an answer that is not whole.
    let unknown = matches!(kind, ChannelKind::Other(_));
    let position = wire.position.or(unknown.then_some(0)).ok_or("it has no position")?;
    let entries = wire.permission_overwrites.or(unknown.then(Vec::new)).ok_or("it has no overwrites")?;
    let talk = matches!(kind, ChannelKind::Voice | ChannelKind::Stage);
    let default_bitrate = if talk { ChannelAttributes::DEFAULT_BITRATE } else { 0 };
    let attributes = ChannelAttributes {
        name: wire.name,
        kind,
        parent: wire.parent_id.map(ChannelRef::Live),
        topic: said(wire.topic),
        nsfw: wire.nsfw.unwrap_or(false),
        rate_limit_per_user: wire.rate_limit_per_user.unwrap_or(0),
        bitrate: if talk { wire.bitrate.unwrap_or(default_bitrate) } else { 0 },
        user_limit: if talk { wire.user_limit.unwrap_or(0) } else { 0 },
        rtc_region: said(wire.rtc_region),
        video_quality_mode: match wire.video_quality_mode {
            None => VideoQuality::Auto,
            Some(1) => VideoQuality::Auto,
            Some(2) => VideoQuality::Full,
            Some(other) => return Err(format!("this build does not know video_quality_mode {other}")),
        },
        default_auto_archive_duration: wire.default_auto_archive_duration,
        default_thread_rate_limit_per_user: wire.default_thread_rate_limit_per_user.unwrap_or(0),
        available_tags: wire.available_tags.unwrap_or_default().into_iter().map(tag).collect(),
        default_reaction_emoji: wire.default_reaction_emoji.and_then(emoji),
        default_sort_order: match wire.default_sort_order {
            None => None,
            Some(order) => {
                Some(pick("default_sort_order", order, &[SortOrder::LatestActivity, SortOrder::CreationDate])?)
            }
        },
        default_forum_layout: pick(
            "default_forum_layout",
            wire.default_forum_layout.unwrap_or(0),
            &[ForumLayout::NotSet, ForumLayout::ListView, ForumLayout::GalleryView],
        )?,
        default_tag_setting: match wire.default_tag_setting.as_deref() {
            None | Some("match_some") => TagMatching::MatchSome,
            Some("match_all") => TagMatching::MatchAll,
            Some(other) => return Err(format!("this build does not know default_tag_setting `{other}`")),
        },
        flags: ChannelFlags(wire.flags),
        overwrites: entries.into_iter().map(overwrite).collect::<Result<Overwrites, _>>()?,
    };
    Ok(Channel { id: wire.id.into(), position, attributes })
}

fn overwrite(wire: WireOverwrite) -> Result<(Target, Overwrite), String> {
    let WireOverwrite { id, kind, allow, deny } = wire;
    let target = match kind {
        0 => Target::Role(id.into()),
        1 => Target::Member(id.cast()),
        other => return Err(format!("this build does not know overwrites of type {other}")),
    };
    Ok((target, Overwrite { allow: Permissions::from_bits(allow), deny: Permissions::from_bits(deny) }))
}

fn tag(wire: WireTag) -> ForumTag {
    let WireTag { id, name, moderated, emoji } = wire;
    ForumTag { id, name, moderated, emoji: self::emoji(emoji) }
}

fn emoji(wire: WireEmoji) -> Option<Emoji> {
    let WireEmoji { emoji_id, emoji_name } = wire;
    emoji_id.map(Emoji::Custom).or_else(|| said(emoji_name).map(Emoji::Unicode))
}

/// Discord spells "none" as `null` or as an empty text.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The value Discord counts as `number`, where the first one is 0.
fn pick<T: Copy>(field: &str, number: u64, values: &[T]) -> Result<T, String> {
    let value = usize::try_from(number).ok().and_then(|index| values.get(index)).copied();
    value.ok_or_else(|| format!("this build does not know {field} {number}"))
}
