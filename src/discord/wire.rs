//! The shape of Discord's answers, read tolerantly: unknown fields are skipped, numbers may be texts, and what is only
//! there for other uses is not asked for. Bit fields are whole `u64`s.

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::model::{ChannelId, EmojiId, GuildId, RoleId, TagId, UserId};

#[derive(Debug, Deserialize)]
pub(super) struct WireGuild {
    pub(super) id: GuildId,
    pub(super) owner_id: UserId,
    pub(super) name: String,
    pub(super) roles: Vec<WireRole>,
    #[serde(default, deserialize_with = "number")]
    pub(super) premium_tier: u64,
    #[serde(default, deserialize_with = "number")]
    pub(super) mfa_level: u64,
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) verification_level: u64,
    #[serde(deserialize_with = "number")]
    pub(super) default_message_notifications: u64,
    #[serde(deserialize_with = "number")]
    pub(super) explicit_content_filter: u64,
    pub(super) afk_channel_id: Option<ChannelId>,
    #[serde(deserialize_with = "number")]
    pub(super) afk_timeout: u64,
    pub(super) system_channel_id: Option<ChannelId>,
    #[serde(default, deserialize_with = "number")]
    pub(super) system_channel_flags: u64,
    pub(super) rules_channel_id: Option<ChannelId>,
    pub(super) public_updates_channel_id: Option<ChannelId>,
    pub(super) safety_alerts_channel_id: Option<ChannelId>,
    pub(super) preferred_locale: String,
    #[serde(default)]
    pub(super) premium_progress_bar_enabled: bool,
    pub(super) features: Vec<String>,
    pub(super) icon: Option<String>,
    pub(super) splash: Option<String>,
    pub(super) discovery_splash: Option<String>,
    pub(super) banner: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRole {
    pub(super) id: RoleId,
    pub(super) name: String,
    #[serde(deserialize_with = "number")]
    pub(super) permissions: u64,
    pub(super) position: i64,
    #[serde(default)]
    pub(super) color: u32,
    pub(super) colors: Option<WireColors>,
    #[serde(default)]
    pub(super) hoist: bool,
    #[serde(default)]
    pub(super) mentionable: bool,
    #[serde(default)]
    pub(super) managed: bool,
    #[serde(default)]
    pub(super) tags: WireRoleTags,
    pub(super) icon: Option<String>,
    pub(super) unicode_emoji: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireColors {
    pub(super) primary_color: u32,
    pub(super) secondary_color: Option<u32>,
    pub(super) tertiary_color: Option<u32>,
}

/// A tag whose value is `null` is set; one that is not set is absent (Discord's role documentation).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireRoleTags {
    pub(super) bot_id: Option<UserId>,
    #[serde(deserialize_with = "present")]
    pub(super) premium_subscriber: bool,
    #[serde(deserialize_with = "present")]
    pub(super) available_for_purchase: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireChannel {
    pub(super) id: ChannelId,
    #[serde(rename = "type")]
    pub(super) kind: u8,
    pub(super) guild_id: Option<GuildId>,
    pub(super) name: String,
    pub(super) position: Option<i64>,
    pub(super) parent_id: Option<ChannelId>,
    pub(super) topic: Option<String>,
    pub(super) nsfw: Option<bool>,
    pub(super) rate_limit_per_user: Option<u32>,
    pub(super) bitrate: Option<u32>,
    pub(super) user_limit: Option<u32>,
    pub(super) rtc_region: Option<String>,
    pub(super) video_quality_mode: Option<u64>,
    pub(super) default_auto_archive_duration: Option<u32>,
    pub(super) default_thread_rate_limit_per_user: Option<u32>,
    pub(super) available_tags: Option<Vec<WireTag>>,
    pub(super) default_reaction_emoji: Option<WireEmoji>,
    pub(super) default_sort_order: Option<u64>,
    pub(super) default_forum_layout: Option<u64>,
    pub(super) default_tag_setting: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) flags: u64,
    pub(super) permission_overwrites: Option<Vec<WireOverwrite>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireOverwrite {
    pub(super) id: RoleId,
    #[serde(rename = "type", deserialize_with = "number")]
    pub(super) kind: u64,
    #[serde(default, deserialize_with = "number")]
    pub(super) allow: u64,
    #[serde(default, deserialize_with = "number")]
    pub(super) deny: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireTag {
    pub(super) id: Option<TagId>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) moderated: bool,
    #[serde(flatten)]
    pub(super) emoji: WireEmoji,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireEmoji {
    /// 0 stands for none in old objects.
    #[serde(default, deserialize_with = "emoji")]
    pub(super) emoji_id: Option<EmojiId>,
    pub(super) emoji_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireMember {
    pub(super) roles: Vec<RoleId>,
    pub(super) communication_disabled_until: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireAuditLog {
    pub(super) audit_log_entries: Vec<WireAuditEntry>,
    #[serde(default)]
    pub(super) users: Vec<WireUser>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireUser {
    pub(super) id: UserId,
    pub(super) username: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireAuditEntry {
    #[serde(default, deserialize_with = "number")]
    pub(super) id: u64,
    #[serde(deserialize_with = "number")]
    pub(super) action_type: u64,
    pub(super) user_id: Option<UserId>,
    pub(super) target_id: Option<String>,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(u64),
    Text(String),
    Null(()),
}

/// A number or the decimal text of one; `null` is 0.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Integer(number) => Ok(number),
        Number::Text(text) => text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not a number"))),
        Number::Null(()) => Ok(0),
    }
}

fn emoji<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EmojiId>, D::Error> {
    number(deserializer).map(EmojiId::new_checked)
}

/// True for a key that is there, unless it says `false`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Presence {
        Said(bool),
        Other(IgnoredAny),
    }
    Ok(match Presence::deserialize(deserializer)? {
        Presence::Said(said) => said,
        Presence::Other(_) => true,
    })
}
