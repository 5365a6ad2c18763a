//! Channels and categories.

use serde::{Deserialize, Serialize};

use super::record::record;
use super::{ChannelRef, EmojiId, Overlay, OverwriteChoice, Overwrites, TagId};

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Messages.
    Text,
    /// Talk.
    Voice,
    /// A heading with channels under it.
    Category,
    /// Messages other guilds can follow; needs the guild feature `NEWS`.
    Announcement,
    /// Talk with an audience; needs the guild feature `COMMUNITY`.
    Stage,
    /// Posts with tags.
    Forum,
    /// Posts with pictures.
    Media,
    /// A kind this build has no name for, by Discord's number; never created, never changed.
    Other(u8),
}

/// A part of the sidebar inside one parent: text-like channels stand above voice-like ones, whatever their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Text, announcement, forum, media and kinds without a name.
    Text,
    /// Voice and stage.
    Voice,
    /// Categories, which all have the same parent: none.
    Category,
}

impl ChannelKind {
    /// Every kind with a name.
    pub const NAMED: [Self; 7] =
        [Self::Text, Self::Voice, Self::Category, Self::Announcement, Self::Stage, Self::Forum, Self::Media];

    /// Discord's number of the kind.
    pub fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Voice => 2,
            Self::Category => 4,
            Self::Announcement => 5,
            Self::Stage => 13,
            Self::Forum => 15,
            Self::Media => 16,
            Self::Other(number) => number,
        }
    }

    /// The kind of Discord's number.
    pub fn of_number(number: u8) -> Self {
        Self::NAMED.into_iter().find(|kind| kind.number() == number).unwrap_or(Self::Other(number))
    }

    /// Where it stands inside its parent.
    pub fn bucket(self) -> Bucket {
        match self {
            Self::Voice | Self::Stage => Bucket::Voice,
            Self::Category => Bucket::Category,
            Self::Text | Self::Announcement | Self::Forum | Self::Media | Self::Other(_) => Bucket::Text,
        }
    }

    /// True when Discord turns its names into slugs.
    pub fn has_slug_name(self) -> bool {
        self.bucket() == Bucket::Text
    }

    /// The word for it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Text => "text channel",
            Self::Voice => "voice channel",
            Self::Category => "category",
            Self::Announcement => "announcement channel",
            Self::Stage => "stage channel",
            Self::Forum => "forum channel",
            Self::Media => "media channel",
            Self::Other(_) => "channel of an unknown kind",
        }
    }

    /// Discord's snake_case name of it, as written in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Voice => "voice",
            Self::Category => "category",
            Self::Announcement => "announcement",
            Self::Stage => "stage",
            Self::Forum => "forum",
            Self::Media => "media",
            Self::Other(_) => "other",
        }
    }

    /// True when Discord lets a channel of this kind have the field (its channel documentation, "Modify Channel").
    pub fn has_field(self, field: &str) -> bool {
        let postable = matches!(self, Self::Text | Self::Announcement | Self::Forum | Self::Media);
        let forum = matches!(self, Self::Forum | Self::Media);
        let talk = matches!(self, Self::Voice | Self::Stage);
        match field {
            "name" | "overwrites" | "kind" => true,
            "topic" => postable || self == Self::Stage,
            "nsfw" | "parent" | "flags" => self != Self::Category,
            "rate_limit_per_user" => postable || talk,
            "bitrate" | "user_limit" | "rtc_region" | "video_quality_mode" => talk,
            "default_auto_archive_duration" | "default_thread_rate_limit_per_user" => postable,
            "available_tags" | "default_reaction_emoji" | "default_sort_order" | "default_tag_setting" => forum,
            "default_forum_layout" => self == Self::Forum,
            _ => false,
        }
    }
}

/// An emoji: one of Unicode's, or a guild's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emoji {
    /// The characters of a Unicode emoji.
    Unicode(String),
    /// A custom emoji.
    Custom(EmojiId),
}

/// How the video of a voice channel is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VideoQuality {
    /// Discord decides.
    #[default]
    Auto,
    /// 720p.
    Full,
}

/// How the posts of a forum are sorted for who has not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// The one with the latest message first.
    LatestActivity,
    /// The newest first.
    CreationDate,
}

/// How the posts of a forum are shown for who has not chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForumLayout {
    /// Discord decides.
    #[default]
    NotSet,
    /// A list.
    ListView,
    /// Tiles.
    GalleryView,
}

/// How several chosen tags narrow the list of posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagMatching {
    /// A post with any of them.
    #[default]
    MatchSome,
    /// A post with all of them.
    MatchAll,
}

/// A tag posts of a forum can carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ForumTag {
    /// Its snowflake; none for a tag that is still to be made. Sending it keeps the tag and the posts that carry it.
    pub id: Option<TagId>,
    /// Its name, unique in the channel.
    pub name: String,
    /// Only members who may manage threads can set it.
    pub moderated: bool,
    /// Shown before the name.
    pub emoji: Option<Emoji>,
}

/// The tags a manifest wants, in order. A live tag of the same name keeps its snowflake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagChoices(pub Option<Vec<ForumTag>>);

impl Overlay<Vec<ForumTag>> for TagChoices {
    fn lay(&self, value: &mut Vec<ForumTag>) {
        let Some(wanted) = &self.0 else { return };
        let live = |name: &str| value.iter().find(|tag| tag.name == name).and_then(|tag| tag.id);
        *value = wanted.iter().map(|tag| ForumTag { id: tag.id.or_else(|| live(&tag.name)), ..tag.clone() }).collect();
    }

    fn is_silent(&self) -> bool {
        self.0.is_none()
    }
}

/// Flags of a channel, raw: bits without a name here survive every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelFlags(pub u64);

impl ChannelFlags {
    /// Posts must carry a tag; forum and media channels.
    pub const REQUIRE_TAG: u64 = 1 << 4;
    /// No download button on media; media channels.
    pub const HIDE_MEDIA_DOWNLOAD_OPTIONS: u64 = 1 << 15;
    /// Discord hid what the channel is; gateway only.
    pub const OBFUSCATED: u64 = 1 << 17;
    /// Everything in it is behind a spoiler; not on age-restricted or stage channels.
    pub const SPOILER: u64 = 1 << 21;

    /// True when all bits of `flag` are set.
    pub fn has(self, flag: u64) -> bool {
        self.0 & flag == flag
    }
}

/// Flags a manifest sets and clears; the others stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagMask {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
}

impl FlagMask {
    /// Says of `flag` that it is to be `on`, when anything is said.
    pub fn say(&mut self, flag: u64, on: Option<bool>) {
        match on {
            Some(true) => self.set |= flag,
            Some(false) => self.clear |= flag,
            None => {}
        }
    }
}

impl Overlay<ChannelFlags> for FlagMask {
    fn lay(&self, value: &mut ChannelFlags) {
        value.0 = value.0 & !self.clear | self.set;
    }

    fn is_silent(&self) -> bool {
        self.set | self.clear == 0
    }
}

record! {
    /// What can be set on a channel or category. Fields a kind does not have keep their default.
    /// Its place in the sidebar is the order of [`super::Guild::channels`].
    ChannelAttributes / ChannelOverlay / ChannelPatch {
        /// The name, 1 to 100 characters; not unique. Text-like channels have slugs.
        name: String => Option<String>,
        /// What it is. Only text and announcement can become each other.
        kind: ChannelKind => Option<ChannelKind>,
        /// The category it stands in.
        parent: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// What it is about; an empty one counts as none.
        topic: Option<String> => Option<Option<String>>,
        /// Age-restricted.
        nsfw: bool => Option<bool>,
        /// Slowmode in seconds, 0 to 21600.
        rate_limit_per_user: u32 => Option<u32>,
        /// Bits per second of a voice or stage channel, from 8000.
        bitrate: u32 => Option<u32>,
        /// Most members in a voice or stage channel, 0 for no limit.
        user_limit: u32 => Option<u32>,
        /// Voice region; none lets Discord choose.
        rtc_region: Option<String> => Option<Option<String>>,
        /// How video is sent.
        video_quality_mode: VideoQuality => Option<VideoQuality>,
        /// Minutes after which clients archive a silent thread: 60, 1440, 4320 or 10080.
        default_auto_archive_duration: Option<u32> => Option<Option<u32>>,
        /// Slowmode in seconds that new threads start with.
        default_thread_rate_limit_per_user: u32 => Option<u32>,
        /// The tags of a forum, in order.
        available_tags: Vec<ForumTag> => TagChoices,
        /// The emoji on the button that reacts to a post.
        default_reaction_emoji: Option<Emoji> => Option<Option<Emoji>>,
        /// How posts are sorted.
        default_sort_order: Option<SortOrder> => Option<Option<SortOrder>>,
        /// How posts are shown.
        default_forum_layout: ForumLayout => Option<ForumLayout>,
        /// How several tags narrow the list.
        default_tag_setting: TagMatching => Option<TagMatching>,
        /// Flags, raw.
        flags: ChannelFlags => FlagMask,
        /// Who may do what here, beyond their roles.
        overwrites: Overwrites => OverwriteChoice,
    }
}

impl ChannelAttributes {
    /// Bits per second Discord gives a new voice channel (its channel documentation).
    pub const DEFAULT_BITRATE: u32 = 64_000;

    /// A new channel of which nothing is said but its name and kind, as Discord would make it.
    pub fn named(name: impl Into<String>, kind: ChannelKind) -> Self {
        let talk = matches!(kind, ChannelKind::Voice | ChannelKind::Stage);
        Self {
            name: name.into(),
            kind,
            parent: None,
            topic: None,
            nsfw: false,
            rate_limit_per_user: 0,
            bitrate: if talk { Self::DEFAULT_BITRATE } else { 0 },
            user_limit: 0,
            rtc_region: None,
            video_quality_mode: VideoQuality::Auto,
            default_auto_archive_duration: None,
            default_thread_rate_limit_per_user: 0,
            available_tags: Vec::new(),
            default_reaction_emoji: None,
            default_sort_order: None,
            default_forum_layout: ForumLayout::NotSet,
            default_tag_setting: TagMatching::MatchSome,
            flags: ChannelFlags::default(),
            overwrites: Overwrites::default(),
        }
    }
}

/// A channel or category.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Channel {
    /// Which channel.
    pub id: ChannelRef,
    /// Discord's raw position: neither unique nor dense. 0 for a channel that does not exist yet.
    pub position: i64,
    /// What can be set.
    pub attributes: ChannelAttributes,
}

impl Channel {
    /// Where it stands: its parent, and the bucket inside it. Only the order within one such place means anything.
    pub fn place(&self) -> (Option<&ChannelRef>, Bucket) {
        (self.attributes.parent.as_ref(), self.attributes.kind.bucket())
    }

    /// True for a category.
    pub fn is_category(&self) -> bool {
        self.attributes.kind == ChannelKind::Category
    }
}
