//! The JSON Discord gives out for each object.

mod message;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::simulator::world::{
    Application, AuditEntry, Channel, ForumTag, Guild, Member, Overwrite, Role, User, World, kind,
};

pub(crate) use message::{file_url, is_meant_for, message, without_content};

/// A time the way Discord writes it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

fn with_extra(mut value: Value, extra: &Map<String, Value>) -> Value {
    if let Value::Object(map) = &mut value {
        for (key, extra) in extra {
            map.entry(key.clone()).or_insert_with(|| extra.clone());
        }
    }
    value
}

/// A user as others see it.
pub(crate) fn user(user: &User) -> Value {
    let User { id, username, global_name, bot, tokens: _, avatar, banner, application: _, extra } = user;
    let mut value = json!({
        "id": id, "username": username, "global_name": global_name, "avatar": avatar, "banner": banner,
        "discriminator": if *bot { "0001" } else { "0" }, "public_flags": 0, "flags": 0, "accent_color": null,
        "avatar_decoration_data": null, "collectibles": null, "primary_guild": null, "clan": null,
    });
    if *bot {
        value["bot"] = json!(true);
    }
    with_extra(value, extra)
}

/// A user as it sees itself.
pub(crate) fn own_user(own: &User) -> Value {
    let mut value = user(own);
    value["mfa_enabled"] = json!(true);
    value["locale"] = json!("en-US");
    value["verified"] = json!(true);
    value["email"] = Value::Null;
    value
}

/// An application as its bot sees it.
pub(crate) fn application(app: &Application, bot: &User, world: &World) -> Value {
    let Application { id, name, description, flags, owner_id, interactions_endpoint_url, .. } = app;
    let owner = world.users.get(owner_id).unwrap_or(bot);
    json!({
        "id": id, "name": name, "icon": null, "description": description, "summary": "", "type": null,
        "bot": user(bot), "bot_public": true, "bot_require_code_grant": false, "verify_key": app.verify_key(),
        "flags": flags & 0x7fff_ffff, "flags_new": flags.to_string(), "redirect_uris": [],
        "interactions_endpoint_url": interactions_endpoint_url, "role_connections_verification_url": null, "owner": user(owner),
        "approximate_guild_count": world.guilds.values().filter(|g| g.members.contains_key(&bot.id)).count(),
        "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0, "team": null, "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "rpc_origins": [], "tags": [], "hook": true, "integration_types_config": {},
    })
}

/// A role. `color` repeats the primary colour.
pub(crate) fn role(role: &Role) -> Value {
    let Role {
        id,
        name,
        position,
        permissions,
        colors,
        hoist,
        mentionable,
        managed,
        icon,
        unicode_emoji,
        flags,
        tags,
        extra,
    } = role;
    let mut value = json!({
        "id": id, "name": name, "description": null, "permissions": permissions, "position": position,
        "color": colors.primary_color, "colors": colors, "hoist": hoist, "managed": managed,
        "mentionable": mentionable, "icon": icon, "unicode_emoji": unicode_emoji, "flags": flags,
    });
    if let Some(tags) = tags {
        value["tags"] = json!(tags);
    }
    with_extra(value, extra)
}

/// All roles, by id.
pub(crate) fn roles(guild: &Guild) -> Value {
    guild.roles.values().map(role).collect()
}

fn overwrite(overwrite: &Overwrite) -> Value {
    json!(overwrite)
}

fn tag(tag: &ForumTag) -> Value {
    json!(tag)
}

/// A channel with the fields its kind has.
pub(crate) fn channel(channel: &Channel, guild: &Guild) -> Value {
    let mut value = json!({
        "id": channel.id, "type": channel.kind, "guild_id": guild.id, "name": channel.name,
        "position": channel.position, "parent_id": channel.parent_id, "flags": channel.flags,
        "permission_overwrites": channel.permission_overwrites.iter().map(overwrite).collect::<Value>(),
    });
    let Value::Object(map) = &mut value else { return value };
    let mut put = |key: &str, value: Value| drop(map.insert(key.to_owned(), value));
    if !channel.is_category() && channel.kind != kind::DIRECTORY {
        put("nsfw", json!(channel.nsfw));
        put("rate_limit_per_user", json!(channel.rate_limit_per_user));
        put("last_message_id", json!(channel.messages.last().map(|m| m.id)));
    }
    if channel.is_vocal() {
        put("bitrate", json!(channel.bitrate));
        put("user_limit", json!(channel.user_limit));
        put("rtc_region", json!(channel.rtc_region));
        channel.video_quality_mode.iter().for_each(|mode| put("video_quality_mode", json!(mode)));
    }
    if !channel.is_category() && channel.kind != kind::VOICE {
        put("topic", json!(channel.topic));
    }
    let threads = channel.is_forum() || matches!(channel.kind, kind::TEXT | kind::ANNOUNCEMENT);
    if threads {
        let (archive, slowmode) = (channel.default_auto_archive_duration, channel.default_thread_rate_limit_per_user);
        archive.iter().for_each(|minutes| put("default_auto_archive_duration", json!(minutes)));
        slowmode.iter().for_each(|seconds| put("default_thread_rate_limit_per_user", json!(seconds)));
    }
    if channel.is_forum() {
        put("available_tags", channel.available_tags.iter().map(tag).collect());
        put("default_reaction_emoji", json!(channel.default_reaction_emoji));
        put("default_sort_order", json!(channel.default_sort_order));
        put("default_tag_setting", json!(channel.default_tag_setting.as_deref().unwrap_or("match_some")));
    }
    if channel.kind == kind::FORUM {
        put("default_forum_layout", json!(channel.default_forum_layout));
    }
    with_extra(value, &channel.extra)
}

/// A member.
pub(crate) fn member(member: &Member, world_user: Option<&User>) -> Value {
    let Member { user_id, roles, nick, joined_at, communication_disabled_until, mute, deaf, flags, extra } = member;
    let unknown = User { id: *user_id, username: "deleted_user".to_owned(), ..User::default() };
    let value = json!({
        "user": user(world_user.unwrap_or(&unknown)), "nick": nick, "roles": roles, "joined_at": time(*joined_at),
        "communication_disabled_until": communication_disabled_until.map(time), "mute": mute, "deaf": deaf,
        "flags": flags, "avatar": null, "banner": null, "pending": false, "premium_since": null,
    });
    with_extra(value, extra)
}

/// The guild's settings and roles; channels are not part of it.
pub(crate) fn guild(guild: &Guild) -> Value {
    let mut value = settings(guild);
    value["roles"] = roles(guild);
    value
}

/// The guild without lists: what the audit log compares.
pub(crate) fn settings(guild: &Guild) -> Value {
    let value = json!({
        "id": guild.id, "name": guild.name, "icon": guild.icon, "description": guild.description,
        "home_header": guild.home_header, "splash": guild.splash, "discovery_splash": guild.discovery_splash,
        "features": guild.features, "banner": guild.banner, "owner_id": guild.owner_id, "application_id": null,
        "region": "deprecated", "afk_channel_id": guild.afk_channel_id, "afk_timeout": guild.afk_timeout,
        "system_channel_id": guild.system_channel_id, "system_channel_flags": guild.system_channel_flags,
        "widget_enabled": guild.widget_enabled, "widget_channel_id": guild.widget_channel_id,
        "verification_level": guild.verification_level,
        "default_message_notifications": guild.default_message_notifications, "mfa_level": guild.mfa_level,
        "explicit_content_filter": guild.explicit_content_filter, "max_presences": null, "max_members": 500_000,
        "max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": null,
        "premium_tier": guild.premium_tier, "premium_subscription_count": guild.premium_subscription_count,
        "premium_progress_bar_enabled": guild.premium_progress_bar_enabled,
        "preferred_locale": guild.preferred_locale, "rules_channel_id": guild.rules_channel_id,
        "safety_alerts_channel_id": guild.safety_alerts_channel_id,
        "public_updates_channel_id": guild.public_updates_channel_id, "nsfw": guild.nsfw_level == 1 || guild.nsfw_level == 3,
        "nsfw_level": guild.nsfw_level, "emojis": [], "stickers": [], "incidents_data": null,
    });
    with_extra(value, &guild.extra)
}

/// An audit entry.
pub(crate) fn audit_entry(entry: &AuditEntry) -> Value {
    let AuditEntry { id, action_type, user_id, target_id, changes, options, reason } = entry;
    let mut value = json!({"id": id, "action_type": action_type, "user_id": user_id, "target_id": target_id});
    if !changes.is_empty() {
        value["changes"] = json!(changes);
    }
    if let Some(options) = options {
        value["options"] = json!(options);
    }
    if let Some(reason) = reason {
        value["reason"] = json!(reason);
    }
    value
}
