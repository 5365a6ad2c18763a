//! The spelling of a manifest: which fields there are and what they are called.
//!
//! Decides the shape of the language, version 1; its comments are the descriptions an editor shows. Knows nothing of
//! what the fields mean together.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::model::{
    ContentFilter, ForumLayout, NotificationLevel, SortOrder, TagMatching, VerificationLevel, VideoQuality,
};

use super::diagnostic::{Problems, Spot};
use super::policy::{ApprovalMode, DriftMode, OnRemove, Prune};
use super::read::{Number, Object, Read, Said, Table, Text, object_schema, objects, text, unknown_fields, wrong_type};
use super::scalar::{
    AfkSeconds, ArchiveMinutes, Color, EmojiText, KindWord, Limit, PermissionName, Snowflake, WindowText,
};
use super::tree::{Node, Value};

/// The version of the language this build reads.
pub(super) const VERSION: u32 = 1;

/// A list of permissions, each with its place.
pub(super) type PermissionNames = Vec<Said<PermissionName>>;

objects! {
    /// A Discord guild, as a team wants it. Absent means unmanaged, `null` clears, an empty list is "none".
    GuildDoc = "a manifest" {
        /// The version of the language: 1.
        version: Number<1, 1>,
        /// Discord's id of the guild, in quotes. A file with this key is a manifest; others are parts of one.
        guild: Snowflake,
        /// What people call it.
        name: Text<1, 100>,
        /// A manifest this one builds on: what is said here wins, and `key: null` removes what was inherited.
        extends: String,
        /// Files, or patterns with `*`, whose sections are added to this one's.
        include: Vec<Said<String>>,
        /// How much a reconciliation may do by itself.
        policy: PolicyDoc,
        /// Settings of the guild.
        settings: SettingsDoc,
        /// Named bundles of permissions.
        permission_sets: Table<PermissionSetDoc>,
        /// Named sets of overwrites, for the tiers of access that many channels share.
        access: Table<OverwritesDoc>,
        /// Roles by key, highest first. The key `everyone` is the @everyone role.
        roles: Table<RoleDoc>,
        /// Channels outside any category, by key.
        channels: Table<ChannelDoc>,
        /// Categories by key, in the order of the sidebar.
        categories: Table<CategoryDoc>,
        /// What has to be true of the permissions that result; checked in every plan.
        expectations: Vec<Said<ExpectationDoc>>,
    }

    /// How much a reconciliation may do by itself.
    PolicyDoc = "`policy`" {
        /// What happens when Discord differs and nobody's commit explains it.
        drift: DriftMode,
        /// Which objects are removed that the manifest does not have.
        prune: Prune,
        /// What removing a channel means.
        on_remove: OnRemove,
        /// Which plans wait for an approval.
        approval: ApprovalMode,
        /// How much one plan may remove: a number, or a percentage.
        max_deletions: Limit,
        /// How much one plan may change: a number, or a percentage; unlimited when absent.
        max_updates: Limit,
        /// Objects that are never removed, such as `roles.admin` or `channels.*`.
        protect: Vec<Said<String>>,
        /// Fields that are neither compared nor written, such as `channels.*.topic`.
        ignore: Vec<Said<String>>,
        /// When changes may be made, such as `Mon-Fri 09:00-18:00 Europe/Berlin`; always when empty.
        windows: Vec<Said<WindowText>>,
    }

    /// Settings of the guild. Channels are named by their keys.
    SettingsDoc = "`settings`" {
        /// The name.
        name: Text<2, 100>,
        /// What the guild is about.
        description: Option<Text<0, 300>>,
        /// What a new member must have before writing.
        verification_level: VerificationLevel,
        /// What members are notified of who have not chosen.
        default_message_notifications: NotificationLevel,
        /// Whose media Discord scans.
        explicit_content_filter: ContentFilter,
        /// The voice channel silent members are moved to.
        afk_channel: Option<String>,
        /// Seconds of silence before that.
        afk_timeout: AfkSeconds,
        /// The channel Discord writes its own messages into.
        system_channel: Option<String>,
        /// Which of them it writes; `false` suppresses one.
        system_channel_flags: SystemFlagsDoc,
        /// The channel of the rules, in a Community guild.
        rules_channel: Option<String>,
        /// The channel in which moderators get Discord's notices, in a Community guild.
        public_updates_channel: Option<String>,
        /// The channel in which Discord warns of raids and spam.
        safety_alerts_channel: Option<String>,
        /// The language of a Community guild, such as `en-US`.
        preferred_locale: Text<2, 10>,
        /// Shows how far the next boost level is.
        premium_progress_bar_enabled: bool,
        /// Features that can be switched.
        features: FeaturesDoc,
        /// The icon: an image file beside the manifest.
        icon: Option<String>,
        /// The picture behind an invite: an image file.
        splash: Option<String>,
        /// The picture in Server Discovery: an image file.
        discovery_splash: Option<String>,
        /// The picture above the channels: an image file.
        banner: Option<String>,
    }

    /// Features of the guild that can be switched; those not named stay as they are.
    FeaturesDoc = "`features`" {
        /// The guild is a Community guild.
        community: bool,
        /// The guild is shown in Server Discovery.
        discoverable: bool,
        /// Nobody can join by an invite.
        invites_disabled: bool,
        /// Discord does not warn of raids.
        raid_alerts_disabled: bool,
    }

    /// What Discord writes into the system channel; what is not named stays as it is.
    SystemFlagsDoc = "`system_channel_flags`" {
        /// Somebody joined.
        join_notifications: bool,
        /// Somebody boosted the guild.
        premium_subscriptions: bool,
        /// Tips on how to set the guild up.
        guild_reminder_notifications: bool,
        /// The button that answers a join with a sticker.
        join_notification_replies: bool,
        /// Somebody bought or renewed a role subscription.
        role_subscription_purchase_notifications: bool,
        /// The button that answers such a purchase with a sticker.
        role_subscription_purchase_notification_replies: bool,
    }

    /// A named bundle of permissions.
    PermissionSetDoc = "a permission set" {
        /// Sets this one builds on, in order; the later allow or deny of a permission wins.
        extends: Names,
        /// Permissions it grants.
        allow: PermissionNames,
        /// Permissions it takes away.
        deny: PermissionNames,
    }

    /// A role.
    RoleDoc: blank = "a role" {
        /// Pins the key to the role with this id.
        id: Snowflake,
        /// Former keys of this role; `[]` says that it is certainly new.
        previously: Vec<Said<String>>,
        /// What Discord shows; by default the key.
        name: Text<1, 100>,
        /// The colour of the name, as `"#rrggbb"` or a number; `null` for none.
        color: Option<Color>,
        /// The colour and what it blends into.
        colors: Option<ColorsDoc>,
        /// Shown apart in the member list.
        hoist: bool,
        /// May be mentioned by anyone.
        mentionable: bool,
        /// What everyone with the role may do in the whole guild.
        permissions: RolePermissions,
        /// The icon: an image file beside the manifest.
        icon: Option<String>,
        /// An emoji in the place of an icon.
        unicode_emoji: Option<EmojiText>,
    }

    /// The colours of a role.
    ColorsDoc = "`colors`" {
        /// The colour of the name.
        primary: Color,
        /// The colour it blends into.
        secondary: Color,
        /// The third colour of the holographic style.
        tertiary: Color,
    }

    /// Permissions of a role from sets and by name.
    BuiltPermissionsDoc = "a role's `permissions`" {
        /// Permission sets.
        r#use: Names,
        /// Further permissions.
        allow: PermissionNames,
    }

    /// What somebody is allowed and denied in a channel.
    OverwriteDoc = "an overwrite" {
        /// Permission sets.
        r#use: Names,
        /// Permissions granted, beyond the sets.
        allow: PermissionNames,
        /// Permissions taken away, beyond the sets.
        deny: PermissionNames,
    }

    /// A category and its channels.
    CategoryDoc: blank = "a category" {
        /// Pins the key to the category with this id.
        id: Snowflake,
        /// Former keys of this category; `[]` says that it is certainly new.
        previously: Vec<Said<String>>,
        /// What Discord shows; by default the key.
        name: Text<1, 100>,
        /// Who may do what here; channels that say nothing have the same.
        permissions: ChannelPermissions,
        /// Channels by key, in the order of the sidebar.
        channels: Table<ChannelDoc>,
    }

    /// A channel.
    ChannelDoc: blank = "a channel" {
        /// Pins the key to the channel with this id.
        id: Snowflake,
        /// Former keys of this channel; `[]` says that it is certainly new.
        previously: Vec<Said<String>>,
        /// What Discord shows; by default the key.
        name: Text<1, 100>,
        /// What it is; by default a text channel.
        r#type: KindWord,
        /// What it is about: 1024 characters, in forums and media channels 4096.
        topic: Option<Text<0, 4096>>,
        /// Age-restricted.
        nsfw: bool,
        /// Slowmode in seconds.
        rate_limit_per_user: Number<0, 21_600>,
        /// Bits per second; voice and stage.
        bitrate: Number<8_000, 384_000>,
        /// Most members, 0 for no limit; voice and stage.
        user_limit: Number<0, 10_000>,
        /// Voice region, `null` lets Discord choose; voice and stage.
        rtc_region: Option<Text<1, 100>>,
        /// How video is sent; voice and stage.
        video_quality_mode: VideoQuality,
        /// Minutes after which clients archive a silent thread.
        default_auto_archive_duration: Option<ArchiveMinutes>,
        /// Slowmode in seconds that new threads start with.
        default_thread_rate_limit_per_user: Number<0, 21_600>,
        /// Tags of a forum or media channel, in order.
        tags: Vec<Said<TagDoc>>,
        /// The emoji on the button that reacts to a post.
        default_reaction_emoji: Option<EmojiText>,
        /// How posts are sorted for who has not chosen.
        default_sort_order: Option<SortOrder>,
        /// How posts are shown for who has not chosen; forums.
        default_forum_layout: ForumLayout,
        /// How several chosen tags narrow the list of posts.
        default_tag_setting: TagMatching,
        /// Posts must carry a tag; forum and media.
        require_tag: bool,
        /// No download button on media; media channels.
        hide_media_download_options: bool,
        /// Everything in it is behind a spoiler.
        spoiler: bool,
        /// Who may do what here. Absent in a category: the same as there. Absent outside: left alone.
        permissions: ChannelPermissions,
    }

    /// A tag posts can carry.
    FullTagDoc = "a tag" {
        /// Its name, unique in the channel.
        name: Text<1, 50>,
        /// Only members who may manage threads can set it.
        moderated: bool,
        /// Shown before the name.
        emoji: Option<EmojiText>,
    }

    /// Something that has to be true of the permissions that result.
    ExpectationDoc = "an expectation" {
        /// The key of the role it is about; `everyone` for a member without roles.
        role: String,
        /// What the role must be able to do.
        can: PermissionNames,
        /// What the role must not be able to do.
        cannot: PermissionNames,
        /// Channels or categories by key; the whole guild when absent.
        r#in: Names,
    }
}

/// One name, or several.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) Vec<Said<String>>);

impl Read for Names {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar { .. } => Said::read(node, problems).map(|name| Self(vec![name])),
            Value::List(_) | Value::Map(_) => Vec::read(node, problems).map(Self),
        }
    }
}

impl JsonSchema for Names {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

/// A tag, in its short or its long form.
#[derive(Clone, Debug)]
pub(super) struct TagDoc(pub(super) FullTagDoc);

impl Read for TagDoc {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        if matches!(node.value, Value::Scalar { .. }) {
            let name = Said::read(node, problems)?;
            return Some(Self(FullTagDoc { spot: node.spot, name: Some(name), ..FullTagDoc::default() }));
        }
        FullTagDoc::read(node, problems).map(Self)
    }
}

impl JsonSchema for TagDoc {
    fn schema_name() -> Cow<'static, str> {
        "Tag".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let short = generator.subschema_for::<Text<1, 50>>();
        let long = generator.subschema_for::<FullTagDoc>();
        json_schema!({ "description": "A tag posts can carry: its name, or all of it.", "anyOf": [short, long] })
    }
}

/// What a role may do.
#[derive(Clone, Debug)]
pub(super) enum RolePermissions {
    /// These permissions.
    List(PermissionNames),
    /// Those of sets and further ones.
    Built(BuiltPermissionsDoc),
}

impl Read for RolePermissions {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(_) => Read::read(node, problems).map(Self::List),
            Value::Map(_) => Read::read(node, problems).map(Self::Built),
            Value::Scalar { .. } if node.is_null() => wrong_type(node, "a list of permissions", problems),
            Value::Scalar { .. } => {
                let set = Said { value: Names::read(node, problems)?, spot: node.spot, key: node.spot };
                Some(Self::Built(BuiltPermissionsDoc { spot: node.spot, r#use: Some(set), allow: None }))
            }
        }
    }
}

impl JsonSchema for RolePermissions {
    fn schema_name() -> Cow<'static, str> {
        "RolePermissions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<PermissionNames>();
        let built = generator.subschema_for::<BuiltPermissionsDoc>();
        json_schema!({
            "description": "A list of permissions, the name of a permission set, or both together.",
            "anyOf": [list, { "type": "string" }, built],
        })
    }
}

/// What one target has in a channel.
#[derive(Clone, Debug)]
pub(super) struct OverwriteChoiceDoc(pub(super) OverwriteDoc);

impl Read for OverwriteChoiceDoc {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) || node.is_null() {
            return OverwriteDoc::read(node, problems).map(Self);
        }
        let sets = Said { value: Names::read(node, problems)?, spot: node.spot, key: node.spot };
        Some(Self(OverwriteDoc { spot: node.spot, r#use: Some(sets), allow: None, deny: None }))
    }
}

impl JsonSchema for OverwriteChoiceDoc {
    fn schema_name() -> Cow<'static, str> {
        "OverwriteChoice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<OverwriteDoc>();
        json_schema!({
            "description": "The name of a permission set, several of them, or sets with further permissions.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }, full],
        })
    }
}

/// Overwrites by target.
#[derive(Clone, Debug, Default)]
pub(super) struct OverwritesDoc {
    /// An entry of `access` to start from.
    pub(super) r#use: Option<Said<String>>,
    /// Role keys, `role:ID` or `user:ID`, and what they have.
    pub(super) targets: Vec<(Said<String>, OverwriteDoc)>,
}

impl Read for OverwritesDoc {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Map(entries) = &node.value else { return wrong_type(node, "a map of overwrites", problems) };
        let mut overwrites = Self::default();
        for entry in entries {
            if entry.key == "use" {
                overwrites.r#use = Said::read_field(entry, problems);
            } else if let Some(OverwriteChoiceDoc(overwrite)) = Read::read(&entry.node, problems) {
                let target = Said { value: entry.key.to_string(), spot: entry.key_spot, key: entry.key_spot };
                overwrites.targets.push((target, overwrite));
            }
        }
        Some(overwrites)
    }
}

impl JsonSchema for OverwritesDoc {
    fn schema_name() -> Cow<'static, str> {
        "Overwrites".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let overwrite = generator.subschema_for::<OverwriteChoiceDoc>();
        json_schema!({
            "description": "Overwrites by target: the key of a role, `role:ID` or `user:ID`.",
            "type": "object",
            "properties": { "use": { "description": "An entry of `access` to start from.", "type": "string" } },
            "additionalProperties": overwrite,
        })
    }
}

/// What a channel says of its overwrites.
#[derive(Clone, Debug)]
pub(super) enum ChannelPermissions {
    /// They are left alone.
    Unmanaged,
    /// Those of an entry of `access`.
    Named(String),
    /// These.
    Exactly(OverwritesDoc),
}

impl ChannelPermissions {
    /// The word that leaves overwrites alone.
    pub(super) const UNMANAGED: &'static str = "unmanaged";
}

impl Read for ChannelPermissions {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar { .. } if !node.is_null() => text(node, problems).map(|name| match name {
                Self::UNMANAGED => Self::Unmanaged,
                name => Self::Named(name.to_owned()),
            }),
            _ => Read::read(node, problems).map(Self::Exactly),
        }
    }
}

impl JsonSchema for ChannelPermissions {
    fn schema_name() -> Cow<'static, str> {
        "ChannelPermissions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<OverwritesDoc>();
        json_schema!({
            "description": "The name of an entry of `access`, a map of overwrites, or `unmanaged`.",
            "anyOf": [{ "const": Self::UNMANAGED }, { "type": "string" }, map],
        })
    }
}
