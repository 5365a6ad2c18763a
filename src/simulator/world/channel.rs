//! Channels, their overwrites and forum tags.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::listed::is_default;
use super::{Bits, Message, Snowflake};

/// Discord's numbers for kinds of channel.
pub mod kind {
    /// Text.
    pub const TEXT: u8 = 0;
    /// Voice.
    pub const VOICE: u8 = 2;
    /// Category.
    pub const CATEGORY: u8 = 4;
    /// Announcement.
    pub const ANNOUNCEMENT: u8 = 5;
    /// Stage.
    pub const STAGE: u8 = 13;
    /// Student hub directory.
    pub const DIRECTORY: u8 = 14;
    /// Forum.
    pub const FORUM: u8 = 15;
    /// Media.
    pub const MEDIA: u8 = 16;

    /// Names for people who write worlds by hand.
    pub const NAMES: [(&str, u8); 8] = [
        ("text", TEXT),
        ("voice", VOICE),
        ("category", CATEGORY),
        ("announcement", ANNOUNCEMENT),
        ("stage", STAGE),
        ("directory", DIRECTORY),
        ("forum", FORUM),
        ("media", MEDIA),
    ];
}

/// A channel or category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Snowflake.
    pub id: Snowflake,
    /// One of [`kind`].
    #[serde(default, rename = "type")]
    pub kind: u8,
    /// As stored: text-like channels hold a slug.
    pub name: String,
    /// One number space per guild, neither unique nor dense.
    #[serde(default)]
    pub position: i64,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Snowflake>,
    /// As given: dangling targets and entries without a bit are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub permission_overwrites: Vec<Overwrite>,
    /// Text under the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Age-restricted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nsfw: bool,
    /// Slowmode, seconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rate_limit_per_user: u32,
    /// Bits per second, for voice and stage.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bitrate: u32,
    /// Seats, for voice and stage; 0 is no limit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user_limit: u32,
    /// Voice region; none is automatic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtc_region: Option<String>,
    /// 1 automatic, 2 full; absent means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_quality_mode: Option<u8>,
    /// Minutes until clients archive a new thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_auto_archive_duration: Option<u32>,
    /// Slowmode copied to new threads, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_thread_rate_limit_per_user: Option<u32>,
    /// Tags of a forum or media channel, in order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub available_tags: Vec<ForumTag>,
    /// Emoji offered on posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_reaction_emoji: Option<TagEmoji>,
    /// 0 by activity, 1 by creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_sort_order: Option<u8>,
    /// 0 unset, 1 list, 2 gallery.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default_forum_layout: u8,
    /// `match_some` or `match_all`; absent means the former.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tag_setting: Option<String>,
    /// Channel flags, all bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u64,
    /// Its history, oldest first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub messages: Vec<Message>,
    /// Fields this version knows nothing of, given out as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Channel {
    /// Voice or stage.
    pub fn is_vocal(&self) -> bool {
        matches!(self.kind, kind::VOICE | kind::STAGE)
    }

    /// Forum or media.
    pub fn is_forum(&self) -> bool {
        matches!(self.kind, kind::FORUM | kind::MEDIA)
    }

    /// A category.
    pub fn is_category(&self) -> bool {
        self.kind == kind::CATEGORY
    }

    /// Its overwrite for that target.
    pub fn overwrite(&self, target: Snowflake) -> Option<&Overwrite> {
        self.permission_overwrites.iter().find(|o| o.id == target)
    }
}

/// Exception to the guild's permissions, in one channel, for one role or member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Overwrite {
    /// Role or user; may be gone.
    pub id: Snowflake,
    /// 0 role, 1 member.
    #[serde(default, rename = "type")]
    pub kind: u8,
    /// Granted bits.
    #[serde(default)]
    pub allow: Bits,
    /// Taken bits; a bit may stand on both sides.
    #[serde(default)]
    pub deny: Bits,
}

impl Overwrite {
    /// For a role.
    pub const ROLE: u8 = 0;
    /// For a member.
    pub const MEMBER: u8 = 1;
}

/// A tag of a forum or media channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForumTag {
    /// Snowflake.
    pub id: Snowflake,
    /// Shown name, unique in its channel.
    pub name: String,
    /// Only moderators use it.
    #[serde(default)]
    pub moderated: bool,
    /// Its emoji.
    #[serde(flatten)]
    pub emoji: TagEmoji,
}

/// A custom emoji, a plain one, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagEmoji {
    /// Of the guild.
    #[serde(default)]
    pub emoji_id: Option<Snowflake>,
    /// Unicode.
    #[serde(default)]
    pub emoji_name: Option<String>,
}
