//! Where nobody outside Discord knows what Discord does, there is a switch.

use serde::{Deserialize, Serialize};

/// All open questions, answered. The default is the likeliest answer, or the stricter one where none is likelier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// How text-like channel names are rewritten.
    pub slug: SlugRule,
    /// At most 50 categories in a guild.
    pub categories_limited: bool,
    /// `permission_overwrites: []` on create inherits from the category, as if the key were absent.
    pub empty_overwrites_inherit: bool,
    /// A bulk role order may repeat the position of roles the caller may not move.
    pub unchanged_higher_roles_tolerated: bool,
    /// A role edit may take away a bit the caller does not hold.
    pub removing_unheld_bits_allowed: bool,
    /// A role edit may repeat bits of that role the caller does not hold. Observed: it may not.
    pub repeating_unheld_bits_allowed: bool,
    /// Overwrites given again unchanged are not checked for bits the caller does not hold.
    pub unchanged_overwrites_unchecked: bool,
    /// Bits this Discord knows: 54 of them by the largest value its API description allows.
    pub known_bits: u64,
    /// What happens to other bits on write. Bits that are stored already are known.
    pub unknown_bits: UnknownBits,
    /// `position` in a channel create is obeyed.
    pub position_on_create_obeyed: bool,
    /// Where a channel created without `position` goes.
    pub created_channel_position: CreatedPosition,
    /// Every change of places numbers all channels or roles of the guild anew, in the same order.
    pub places_renumbered: bool,
    /// Overwrites are listed by id instead of as they were sent.
    pub overwrites_sorted: bool,
    /// A new role at position 1 pushes all others up instead of tying.
    pub new_role_renumbers: bool,
    /// Where a channel lands when one edit gives it a parent and a position.
    pub parent_move_position: ParentMovePosition,
    /// Channels the caller cannot view are missing from the channel list.
    pub hidden_channels_omitted: bool,
    /// The limit of 250 roles includes @everyone.
    pub role_limit_counts_everyone: bool,
    /// A cleared topic reads back as an empty text instead of null.
    pub cleared_topic_is_empty: bool,
    /// Name lengths are counted in UTF-16 units instead of characters.
    pub utf16_lengths: bool,
    /// Longest name of a forum tag: 20 says the documentation, 50 the API description.
    pub longest_tag_name: usize,
    /// The topic of a forum or media channel may have 4096 characters when it is created, too: so says the API description, and
    /// 1024 the documentation.
    pub long_topics_on_create: bool,
    /// Forum and media channels need the feature COMMUNITY, as stages do.
    pub forums_need_community: bool,
    /// Enabling COMMUNITY needs a verification level and a content filter for everyone.
    pub community_needs_safety: bool,
    /// A bitrate over the tier is a form error (50035) instead of 30052.
    pub bitrate_is_form_error: bool,
    /// A forbidden change of type is 50024 instead of a form error (50035).
    pub wrong_type_is_50024: bool,
    /// An overwrite for a role that is not in the guild is refused instead of stored.
    pub unknown_overwrite_targets_refused: bool,
    /// How a guild answers somebody who is not in it.
    pub not_in_guild: NotInGuild,
    /// HTTP statuses of errors whose status is not documented.
    pub statuses: Statuses,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            slug: SlugRule::Likely,
            categories_limited: true,
            empty_overwrites_inherit: false,
            unchanged_higher_roles_tolerated: true,
            removing_unheld_bits_allowed: false,
            repeating_unheld_bits_allowed: false,
            unchanged_overwrites_unchecked: false,
            known_bits: (1 << 54) - 1,
            unknown_bits: UnknownBits::Mask,
            position_on_create_obeyed: true,
            created_channel_position: CreatedPosition::LastInGuild,
            places_renumbered: false,
            overwrites_sorted: false,
            new_role_renumbers: false,
            parent_move_position: ParentMovePosition::Last,
            hidden_channels_omitted: true,
            role_limit_counts_everyone: true,
            cleared_topic_is_empty: false,
            utf16_lengths: true,
            longest_tag_name: 20,
            long_topics_on_create: false,
            forums_need_community: false,
            community_needs_safety: true,
            bitrate_is_form_error: false,
            wrong_type_is_50024: false,
            unknown_overwrite_targets_refused: false,
            not_in_guild: NotInGuild::UnknownGuild,
            statuses: Statuses::default(),
        }
    }
}

/// Readings of the slug rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlugRule {
    /// ASCII punctuation but `-` and `_` vanishes, dashes collapse and are trimmed; forums and media too.
    Likely,
    /// As likely, but punctuation survives.
    KeepPunctuation,
    /// As likely, but repeated, leading and trailing dashes survive.
    KeepDashes,
    /// As likely, but forum and media channels keep case and spaces.
    ForumsKeepNames,
}

/// What happens to permission bits Discord does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownBits {
    /// They are dropped without a word.
    Mask,
    /// The request is refused.
    Refuse,
}

/// The position of a channel created without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedPosition {
    /// One more than the highest in the guild.
    LastInGuild,
    /// One more than the highest among its siblings.
    LastInParent,
    /// 0, so that it ties with others and its id decides.
    Zero,
}

/// Where `position` together with `parent_id` puts a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentMovePosition {
    /// Before its new siblings.
    First,
    /// After its new siblings.
    Last,
}

/// The answer to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotInGuild {
    /// 404 with code 10004.
    UnknownGuild,
    /// 403 with code 50001.
    MissingAccess,
}

/// Statuses that are not documented; 400 is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Statuses {
    /// 50074: a Community guild needs this channel.
    pub community_channel: u16,
    /// 30013: 500 channels.
    pub max_channels: u16,
    /// 30005: 250 roles.
    pub max_roles: u16,
    /// 40061: two tags of one name.
    pub duplicate_tags: u16,
    /// 50027: the token of an interaction has expired; 401 or 404.
    pub expired_token: u16,
}

impl Default for Statuses {
    fn default() -> Self {
        Self { community_channel: 400, max_channels: 400, max_roles: 400, duplicate_tags: 400, expired_token: 401 }
    }
}
