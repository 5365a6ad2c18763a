//! From a guild to a manifest a person could have written.
//!
//! Decides which keys, sets and lines say what the guild is, and leaves out what goes without saying. Knows nothing of
//! policies: how much may be done is for people to write.

mod keys;
mod sets;
pub(super) mod yaml;

use crate::model::{
    Channel, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelRef, Emoji, ForumLayout, ForumTag, Guild,
    GuildSettings, Image, Key, Managed, Overwrites, Permissions, Role, RoleAttributes, SystemChannelFlags, TagMatching,
    VideoQuality,
};

use super::document::VERSION;
use keys::choose_keys;
pub use keys::{Keys, fresh_key};
use sets::Shared;
use yaml::Yaml;

/// How a guild is to be rendered.
#[derive(Clone, Debug)]
pub struct Style {
    /// Writes the id of every object. Without, only roles that people cannot make are pinned.
    pub pin: bool,
    /// Where the JSON Schema is, for editors; no line about it when empty.
    pub schema: String,
    /// Keys objects already have.
    pub keys: Keys,
}

impl Default for Style {
    fn default() -> Self {
        Self { pin: false, schema: "schemas/guild.v1.json".to_owned(), keys: Keys::default() }
    }
}

/// A guild as a manifest.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The keys it uses, by id.
    pub keys: Keys,
    /// Channels it cannot speak of: of kinds without a name, or in a category that is not known.
    pub left_out: Vec<ChannelRef>,
    /// Channels whose overwrites are left alone, because there are more of them than one request carries.
    pub unmanaged: Vec<ChannelRef>,
}

/// Renders a guild. Parsing the text says exactly what the guild is, except for images, of which Discord only tells a
/// hash, flags without a name, and overwrites of roles that are gone.
pub fn render(guild: &Guild, style: &Style) -> Rendered {
    let guild = &*guild.without_dangling();
    let (speakable, left_out): (Vec<&Channel>, Vec<&Channel>) =
        guild.channels.iter().partition(|channel| is_speakable(guild, channel));
    let keys = choose_keys(guild, &speakable, &style.keys);
    let shared = Shared::find(guild, &speakable, &keys);
    let renderer = Renderer { guild, style, keys: &keys, shared: &shared, channels: &speakable };
    let sections = [
        ("version", Some(Yaml::number(VERSION))),
        ("guild", Some(Yaml::quoted(guild.id.get()))),
        ("settings", renderer.settings(&guild.settings).non_empty()),
        ("permission_sets", shared.permission_sets().non_empty()),
        ("access", shared.access().non_empty()),
        ("roles", renderer.roles().non_empty()),
        ("channels", renderer.channels_in(None).non_empty()),
        ("categories", renderer.categories().non_empty()),
    ];
    let mut text = match style.schema.as_str() {
        "" => String::new(),
        schema => format!("# yaml-language-server: $schema={schema}\n"),
    };
    for (name, section) in sections {
        let Some(section) = section else { continue };
        if !matches!(name, "version" | "guild") {
            text.push('\n');
        }
        section.write_section(name, &mut text);
    }
    let has_too_many = |channel: &&&Channel| sets::is_too_long(&channel.attributes.overwrites);
    let ids = |channels: &[&Channel]| channels.iter().map(|channel| channel.id.clone()).collect();
    Rendered {
        text,
        keys: keys.known(),
        left_out: ids(&left_out),
        unmanaged: speakable.iter().filter(has_too_many).map(|channel| channel.id.clone()).collect(),
    }
}

/// True when the language has words for the channel and for where it stands.
fn is_speakable(guild: &Guild, channel: &Channel) -> bool {
    let is_known = |channel: &Channel| {
        let has_name = !matches!(channel.attributes.kind, ChannelKind::Other(_));
        has_name && !channel.attributes.flags.has(ChannelFlags::OBFUSCATED)
    };
    let parent = channel.attributes.parent.as_ref();
    is_known(channel) && parent.is_none_or(|parent| guild.channel(parent).is_some_and(is_known))
}

struct Renderer<'g> {
    guild: &'g Guild,
    style: &'g Style,
    keys: &'g keys::Chosen,
    shared: &'g Shared,
    channels: &'g [&'g Channel],
}

impl Renderer<'_> {
    fn roles(&self) -> Yaml {
        let everyone = self.guild.everyone_id();
        let entries = self.guild.roles.iter().map(|role| {
            let key = self.keys.role(&role.id);
            let value = match role.id.id() {
                Some(id) if id == everyone => {
                    Yaml::map([("permissions", self.shared.role(role.attributes.permissions))])
                }
                _ => self.role(role, &key),
            };
            (key.to_string(), value)
        });
        Yaml::Map(entries.collect())
    }

    fn role(&self, role: &Role, key: &Key) -> Yaml {
        let id = |pinned: bool| role.id.id().filter(|_| pinned).map(|id| Yaml::quoted(id.get()));
        if role.managed != Managed::No {
            return Yaml::fields([("id", id(true))]);
        }
        let RoleAttributes { name, permissions, colors, hoist, mentionable, icon, unicode_emoji } = &role.attributes;
        let color = |color: u32| Yaml::text(&format!("#{color:06x}"));
        let is_plain = colors.secondary.is_none() && colors.tertiary.is_none();
        let blend = || {
            Yaml::fields([
                ("primary", Some(color(colors.primary))),
                ("secondary", colors.secondary.map(color)),
                ("tertiary", colors.tertiary.map(color)),
            ])
        };
        Yaml::fields([
            ("id", id(self.style.pin)),
            ("name", (name != key.as_str() || self.style.pin).then(|| Yaml::text(name))),
            ("color", (is_plain && colors.primary != 0).then(|| color(colors.primary))),
            ("colors", (!is_plain).then(blend)),
            ("hoist", hoist.then(|| Yaml::Bool(true))),
            ("mentionable", mentionable.then(|| Yaml::Bool(true))),
            ("icon", image(icon)),
            ("unicode_emoji", unicode_emoji.as_deref().map(Yaml::text)),
            ("permissions", Some(self.shared.role(*permissions))),
        ])
    }

    fn categories(&self) -> Yaml {
        let categories = self.channels.iter().filter(|channel| channel.is_category());
        let entries = categories.map(|category| {
            let key = self.keys.channel(&category.id);
            let name = &category.attributes.name;
            let value = Yaml::fields([
                ("id", self.id(category)),
                ("name", (name != key.as_str()).then(|| Yaml::text(name))),
                ("permissions", Some(self.overwrites(&category.attributes.overwrites))),
                ("channels", self.channels_in(Some(&category.id)).non_empty()),
            ]);
            (key.to_string(), value.in_block())
        });
        Yaml::Map(entries.collect())
    }

    fn channels_in(&self, parent: Option<&ChannelRef>) -> Yaml {
        let inside = self.channels.iter().filter(|c| !c.is_category() && c.attributes.parent.as_ref() == parent);
        let entries = inside.map(|channel| {
            let key = self.keys.channel(&channel.id);
            (key.to_string(), self.channel(channel, &key))
        });
        Yaml::Map(entries.collect())
    }

    fn id(&self, channel: &Channel) -> Option<Yaml> {
        channel.id.id().filter(|_| self.style.pin).map(|id| Yaml::quoted(id.get()))
    }

    /// What Discord would do by itself is not said.
    fn channel(&self, channel: &Channel, key: &Key) -> Yaml {
        let ChannelAttributes {
            name,
            kind,
            parent: _,
            topic,
            nsfw,
            rate_limit_per_user,
            bitrate,
            user_limit,
            rtc_region,
            video_quality_mode,
            default_auto_archive_duration,
            default_thread_rate_limit_per_user,
            available_tags,
            default_reaction_emoji,
            default_sort_order,
            default_forum_layout,
            default_tag_setting,
            flags,
            overwrites,
        } = &channel.attributes;
        let new = ChannelAttributes::named("", *kind);
        let number = |value: u32, standard: u32| (value != standard).then(|| Yaml::number(value));
        let flag = |bit: u64| flags.has(bit).then_some(Yaml::Bool(true));
        let is_synced = self.guild.is_synced(channel);
        Yaml::fields([
            ("id", self.id(channel)),
            ("name", (name != key.as_str()).then(|| Yaml::text(name))),
            ("type", (*kind != ChannelKind::Text).then(|| Yaml::text(kind.name()))),
            ("topic", topic.as_deref().filter(|text| !text.is_empty()).map(Yaml::prose)),
            ("nsfw", nsfw.then_some(Yaml::Bool(true))),
            ("rate_limit_per_user", number(*rate_limit_per_user, new.rate_limit_per_user)),
            ("bitrate", number(*bitrate, new.bitrate)),
            ("user_limit", number(*user_limit, new.user_limit)),
            ("rtc_region", rtc_region.as_deref().map(Yaml::text)),
            ("video_quality_mode", (*video_quality_mode != VideoQuality::Auto).then(|| Yaml::word(video_quality_mode))),
            ("default_auto_archive_duration", default_auto_archive_duration.map(Yaml::number)),
            ("default_thread_rate_limit_per_user", number(*default_thread_rate_limit_per_user, 0)),
            ("tags", Yaml::List(available_tags.iter().map(tag).collect()).non_empty()),
            ("default_reaction_emoji", default_reaction_emoji.as_ref().map(emoji)),
            ("default_sort_order", default_sort_order.as_ref().map(Yaml::word)),
            (
                "default_forum_layout",
                (*default_forum_layout != ForumLayout::NotSet).then(|| Yaml::word(default_forum_layout)),
            ),
            (
                "default_tag_setting",
                (*default_tag_setting != TagMatching::MatchSome).then(|| Yaml::word(default_tag_setting)),
            ),
            ("require_tag", flag(ChannelFlags::REQUIRE_TAG)),
            ("hide_media_download_options", flag(ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS)),
            ("spoiler", flag(ChannelFlags::SPOILER)),
            ("permissions", (!is_synced).then(|| self.overwrites(overwrites))),
        ])
    }

    fn overwrites(&self, overwrites: &Overwrites) -> Yaml {
        self.shared.overwrites(overwrites, self.keys)
    }

    fn settings(&self, settings: &GuildSettings) -> Yaml {
        /// What Discord gives a new guild.
        const AFK_TIMEOUT: u32 = 300;
        const LOCALE: &str = "en-US";
        let GuildSettings {
            name,
            description,
            verification_level,
            default_message_notifications,
            explicit_content_filter,
            afk_channel,
            afk_timeout,
            system_channel,
            system_channel_flags,
            rules_channel,
            public_updates_channel,
            safety_alerts_channel,
            preferred_locale,
            premium_progress_bar_enabled,
            features,
            icon,
            splash,
            discovery_splash,
            banner,
        } = settings;
        let channel = |said: &Option<ChannelRef>| said.as_ref().map(|channel| self.setting_channel(channel));
        let is_on =
            |(name, key): (&str, &'static str)| features.has(name).then_some((key.to_owned(), Yaml::Bool(true)));
        let switched = crate::model::Features::MUTABLE.into_iter().zip(FEATURES);
        Yaml::fields([
            ("name", Some(Yaml::text(name))),
            ("description", description.as_deref().map(Yaml::prose)),
            ("verification_level", Some(Yaml::word(verification_level))),
            ("default_message_notifications", Some(Yaml::word(default_message_notifications))),
            ("explicit_content_filter", Some(Yaml::word(explicit_content_filter))),
            ("afk_channel", channel(afk_channel)),
            ("afk_timeout", (*afk_timeout != AFK_TIMEOUT).then(|| Yaml::number(*afk_timeout))),
            ("system_channel", channel(system_channel)),
            ("system_channel_flags", system_flags(*system_channel_flags).non_empty()),
            ("rules_channel", channel(rules_channel)),
            ("public_updates_channel", channel(public_updates_channel)),
            ("safety_alerts_channel", channel(safety_alerts_channel)),
            ("preferred_locale", (preferred_locale != LOCALE).then(|| Yaml::text(preferred_locale))),
            ("premium_progress_bar_enabled", premium_progress_bar_enabled.then_some(Yaml::Bool(true))),
            ("features", Yaml::Map(switched.filter_map(is_on).collect()).non_empty()),
            ("icon", image(icon)),
            ("splash", image(splash)),
            ("discovery_splash", image(discovery_splash)),
            ("banner", image(banner)),
        ])
        .in_block()
    }

    /// A channel that is not in the manifest is named by its id.
    fn setting_channel(&self, channel: &ChannelRef) -> Yaml {
        match (self.channels.iter().any(|c| c.id == *channel), channel) {
            (false, ChannelRef::Live(id)) => Yaml::text(&channel_by_id(*id)),
            _ => Yaml::text(self.keys.channel(channel).as_str()),
        }
    }
}

/// The names of the features that can be switched, as they are spelled here, in the order of the model's list.
const FEATURES: [&str; 4] = ["community", "discoverable", "invites_disabled", "raid_alerts_disabled"];

fn channel_by_id(id: ChannelId) -> String {
    format!("channel:{id}")
}

/// Discord tells only the hash of an image it has, and the hash is no file to name.
fn image(image: &Option<Image>) -> Option<Yaml> {
    match image {
        Some(Image::Upload(source)) => Some(Yaml::text(&source.path)),
        Some(Image::Hash(_)) | None => None,
    }
}

fn system_flags(flags: SystemChannelFlags) -> Yaml {
    let suppressed = SystemChannelFlags::NAMED.into_iter().filter(|(_, bit)| flags.0 & bit != 0);
    Yaml::Map(suppressed.map(|(name, _)| (name.to_owned(), Yaml::Bool(false))).collect())
}

fn emoji(emoji: &Emoji) -> Yaml {
    match emoji {
        Emoji::Unicode(characters) => Yaml::text(characters),
        Emoji::Custom(id) => Yaml::text(&format!("<:emoji:{id}>")),
    }
}

fn tag(tag: &ForumTag) -> Yaml {
    let ForumTag { id: _, name, moderated, emoji: sign } = tag;
    if !moderated && sign.is_none() {
        return Yaml::text(name);
    }
    Yaml::fields([
        ("name", Some(Yaml::text(name))),
        ("moderated", moderated.then_some(Yaml::Bool(true))),
        ("emoji", sign.as_ref().map(emoji)),
    ])
}

/// A list of permissions by their official names.
fn permission_list(permissions: Permissions) -> Yaml {
    Yaml::List(permissions.names().iter().map(|name| Yaml::text(name)).collect())
}
