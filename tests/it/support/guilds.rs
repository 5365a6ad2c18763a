//! Random guilds: every kind of channel, every field, hostile names, shared and odd overwrites; all of it something
//! Discord could hold.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use setai::model::{
    BoostTier, Channel, ChannelAttributes, ChannelFlags, ChannelKind, ChannelRef, Colors, ContentFilter, Emoji,
    Features, ForumLayout, ForumTag, Guild, GuildSettings, Image, Managed, NotificationLevel, Overwrite, Overwrites,
    Permission, Permissions, Role, RoleAttributes, RoleRef, SortOrder, SystemChannelFlags, TagMatching, Target,
    VerificationLevel, VideoQuality, normalise_channel_name,
};
use twilight_model::id::Id;

/// The id of the first object; the others follow.
const FIRST_ID: u64 = 1_000_000_000_000_000_000;
/// The guild, and so the @everyone role.
pub(crate) const GUILD_ID: u64 = 900_000_000_000_000_000;

/// How large the guilds are, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) roles: usize,
    pub(crate) categories: usize,
    pub(crate) channels_each: usize,
}

impl Size {
    /// A handful of everything.
    pub(crate) const SMALL: Self = Self { roles: 6, categories: 4, channels_each: 5 };
}

/// The guild of a seed: always the same one.
pub(crate) fn guild_of_seed(seed: u64, size: Size) -> Guild {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    guilds(size).new_tree(&mut runner).expect("guilds are never rejected").current()
}

/// Texts that tempt a writer of YAML to forget quotes.
pub(crate) const HOSTILE: &[&str] = &[
    "null",
    "true",
    "No",
    "~",
    "0",
    "1.5",
    "0x1F",
    "1e3",
    "2026-11-22",
    "12:30",
    "1_000",
    "#general",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "*a",
    "&a",
    "!a",
    "%a",
    "@everyone",
    "`a`",
    "[a]",
    "{a}",
    "a, b",
    "'a'",
    "\"a\"",
    "a\\b",
    "|",
    ">",
    "---",
    "...",
    "<<",
    "use",
    "everyone",
    "unmanaged",
    "two\nlines",
    "a\n\nb",
    "trailing \nspace",
    "tab\there",
    "\u{feff}bom",
    "a\u{2028}b",
    "a\u{85}b",
    "a\u{a0}b",
    "👩‍👩‍👧‍👦 family",
    "규칙",
    "e\u{301}",
    "bell\u{7}",
    "-",
    "=",
    "key: |-",
    "${{ topic }}",
    "🎉",
];

/// Texts of 1 to `most` characters, without spaces at the ends, which Discord trims.
fn texts(most: usize) -> impl Strategy<Value = String> {
    let any = prop_oneof![
        4 => "[A-Za-z][a-z ]{0,12}[a-z]",
        2 => select(HOSTILE).prop_map(str::to_owned),
        1 => "\\PC{1,30}",
        1 => "[ -~\n]{1,60}",
    ];
    any.prop_map(move |text| {
        let text: String = text.trim().chars().take(most).collect();
        if text.trim().is_empty() { "x".to_owned() } else { text.trim().to_owned() }
    })
}

fn names(kind: ChannelKind) -> impl Strategy<Value = String> {
    texts(100).prop_map(move |name| {
        let stored = normalise_channel_name(kind, &name);
        if stored.is_empty() { "x".to_owned() } else { stored }
    })
}

fn permissions() -> impl Strategy<Value = Permissions> {
    let few = vec(select(Permission::ALL), 0..4);
    let few = few.prop_map(|list| list.iter().map(|p| Permissions::from_bits(1 << p.bit)).collect());
    prop_oneof![
        6 => few,
        1 => any::<u64>().prop_map(Permissions::from_bits),
        1 => Just(Permissions::documented()),
        1 => Just(Permissions::NONE),
    ]
}

fn overwrite() -> impl Strategy<Value = Overwrite> {
    let common = vec![
        Overwrite { allow: Permissions::NONE, deny: Permissions::VIEW_CHANNEL },
        Overwrite { allow: Permissions::VIEW_CHANNEL, deny: Permissions::SEND_MESSAGES },
        Overwrite { allow: Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES, deny: Permissions::NONE },
    ];
    let odd = (permissions(), permissions()).prop_map(|(allow, deny)| Overwrite { allow, deny });
    prop_oneof![3 => select(common), 1 => odd]
}

/// An overwrite for @everyone, a role of the guild, a role that is gone, or a member.
type DraftOverwrite = (u8, Index, Overwrite);

fn draft_overwrites() -> impl Strategy<Value = Vec<DraftOverwrite>> {
    vec((0..8u8, any::<Index>(), overwrite()), 0..5)
}

fn settled(drafts: &[DraftOverwrite], roles: &[Role]) -> Overwrites {
    let entry = |(kind, index, overwrite): &DraftOverwrite| {
        let target = match kind {
            0..=4 => Target::Role(index.get(roles).id.clone()),
            5 => Target::Role(RoleRef::Live(Id::new(GUILD_ID))),
            6 => Target::Role(RoleRef::Live(Id::new(FIRST_ID - 1 - index.index(9) as u64))),
            _ => Target::Member(Id::new(800_000_000_000_000_000 + index.index(5) as u64)),
        };
        (target, *overwrite)
    };
    drafts.iter().map(entry).collect()
}

fn emoji() -> impl Strategy<Value = Emoji> {
    let unicode = select(&["⚙️", "1️⃣", "🙂", "👩‍👩‍👧‍👦"][..]).prop_map(|e| Emoji::Unicode(e.to_owned()));
    prop_oneof![unicode, (1..u64::MAX).prop_map(|id| Emoji::Custom(Id::new(id)))]
}

prop_compose! {
    fn role_attributes()(
        name in texts(100),
        permissions in permissions(),
        colors in prop_oneof![
            3 => (0..0x100_0000u32).prop_map(|primary| Colors { primary, ..Colors::default() }),
            1 => Just(Colors::default()),
            1 => Just(Colors::HOLOGRAPHIC),
            1 => (0..0x100_0000u32, 0..0x100_0000u32)
                .prop_map(|(primary, second)| Colors { primary, secondary: Some(second), tertiary: None }),
        ],
        hoist: bool,
        mentionable: bool,
        icon in option::of("[a-f0-9]{32}".prop_map(Image::Hash)),
        unicode_emoji in option::of(select(&["⚙️", "🙂"][..]).prop_map(str::to_owned)),
    ) -> RoleAttributes {
        RoleAttributes { name, permissions, colors, hoist, mentionable, icon, unicode_emoji }
    }
}

fn managed() -> impl Strategy<Value = Managed> {
    prop_oneof![8 => Just(Managed::No), 1 => Just(Managed::Bot(7)), 1 => Just(Managed::Integration)]
}

/// A channel whose place and overwrites are still to be found.
#[derive(Clone, Debug)]
struct DraftChannel {
    attributes: ChannelAttributes,
    overwrites: Vec<DraftOverwrite>,
    is_synced: bool,
}

prop_compose! {
    fn tags()(names in vec(texts(50), 0..6), moderated: bool, emoji in option::of(emoji())) -> Vec<ForumTag> {
        let mut names = names;
        names.sort();
        names.dedup();
        let tags = names.into_iter().enumerate();
        tags.map(|(at, name)| ForumTag {
            id: Some(Id::new(at as u64 + 1)),
            name,
            moderated: moderated && at % 2 == 0,
            emoji: emoji.clone().filter(|_| at % 3 == 0),
        }).collect()
    }
}

prop_compose! {
    fn writing_fields()(
        topic in option::of(texts(1024)),
        archive in option::of(select(&[60, 1440, 4320, 10080][..])),
        thread_slowmode in prop_oneof![Just(0), 0..=21_600u32],
        tags in tags(),
        reaction in option::of(emoji()),
        sort in option::of(select(&[SortOrder::LatestActivity, SortOrder::CreationDate][..])),
        layout in select(&[ForumLayout::NotSet, ForumLayout::ListView, ForumLayout::GalleryView][..]),
        matching in select(&[TagMatching::MatchSome, TagMatching::MatchAll][..]),
    ) -> ChannelAttributes {
        ChannelAttributes {
            topic,
            default_auto_archive_duration: archive,
            default_thread_rate_limit_per_user: thread_slowmode,
            available_tags: tags,
            default_reaction_emoji: reaction,
            default_sort_order: sort,
            default_forum_layout: layout,
            default_tag_setting: matching,
            ..ChannelAttributes::named("", ChannelKind::Forum)
        }
    }
}

prop_compose! {
    fn channel_attributes(kind: ChannelKind)(
        name in names(kind),
        full in writing_fields(),
        nsfw: bool,
        slowmode in prop_oneof![Just(0), 0..=21_600u32],
        bitrate in prop_oneof![Just(64_000), 8_000..=64_000u32],
        user_limit in 0..=99u32,
        region in option::of(select(&["rotterdam", "us-east"][..]).prop_map(str::to_owned)),
        quality in select(&[VideoQuality::Auto, VideoQuality::Full][..]),
        flags: u64,
    ) -> ChannelAttributes {
        let mut new = ChannelAttributes::named(name, kind);
        macro_rules! take {
            ($($field:ident: $value:expr),* $(,)?) => { $( if kind.has_field(stringify!($field)) { new.$field = $value; } )* };
        }
        take! {
            topic: full.topic, nsfw: nsfw, rate_limit_per_user: slowmode, bitrate: bitrate, user_limit: user_limit,
            rtc_region: region, video_quality_mode: quality,
            default_auto_archive_duration: full.default_auto_archive_duration,
            default_thread_rate_limit_per_user: full.default_thread_rate_limit_per_user,
            available_tags: full.available_tags, default_reaction_emoji: full.default_reaction_emoji,
            default_sort_order: full.default_sort_order, default_forum_layout: full.default_forum_layout,
            default_tag_setting: full.default_tag_setting,
        }
        new.flags = ChannelFlags(flags & possible_flags(kind, nsfw));
        new
    }
}

/// Bit 7 stands for those this build has no name for.
fn possible_flags(kind: ChannelKind, nsfw: bool) -> u64 {
    let forum = matches!(kind, ChannelKind::Forum | ChannelKind::Media);
    let spoiler = !nsfw && !matches!(kind, ChannelKind::Stage | ChannelKind::Category);
    let named = [
        (ChannelFlags::REQUIRE_TAG, forum),
        (ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS, kind == ChannelKind::Media),
        (ChannelFlags::SPOILER, spoiler),
        (1 << 7, true),
    ];
    named.into_iter().filter(|(_, possible)| *possible).map(|(bit, _)| bit).sum()
}

fn draft_channel(kind: ChannelKind) -> impl Strategy<Value = DraftChannel> {
    (channel_attributes(kind), draft_overwrites(), any::<bool>())
        .prop_map(|(attributes, overwrites, is_synced)| DraftChannel { attributes, overwrites, is_synced })
}

fn draft_channels(most: usize) -> impl Strategy<Value = Vec<DraftChannel>> {
    let kinds = ChannelKind::NAMED.into_iter().filter(|kind| *kind != ChannelKind::Category).collect::<Vec<_>>();
    vec(select(kinds).prop_flat_map(draft_channel), 0..=most)
}

prop_compose! {
    fn settings()(
        name in texts(100).prop_map(|name| name + "!!"),
        description in option::of(texts(300)),
        verification_level in select(&[VerificationLevel::None, VerificationLevel::High, VerificationLevel::VeryHigh][..]),
        default_message_notifications in select(&[NotificationLevel::AllMessages, NotificationLevel::OnlyMentions][..]),
        explicit_content_filter in select(&[ContentFilter::Disabled, ContentFilter::AllMembers][..]),
        afk_timeout in select(&[60, 300, 900, 1800, 3600][..]),
        suppressed in 0..256u64,
        preferred_locale in select(&["en-US", "de", "no"][..]).prop_map(str::to_owned),
        premium_progress_bar_enabled: bool,
        features in vec(select(&["COMMUNITY", "DISCOVERABLE", "INVITES_DISABLED", "NEWS", "ROLE_ICONS"][..]), 0..4),
        icon in option::of("[a-f0-9]{32}".prop_map(Image::Hash)),
    ) -> GuildSettings {
        GuildSettings {
            name: name.chars().rev().take(100).collect::<Vec<_>>().into_iter().rev().collect(),
            description, verification_level, default_message_notifications, explicit_content_filter,
            afk_channel: None, afk_timeout, system_channel: None, system_channel_flags: SystemChannelFlags(suppressed),
            rules_channel: None, public_updates_channel: None, safety_alerts_channel: None, preferred_locale,
            premium_progress_bar_enabled, features: Features(features.into_iter().map(str::to_owned).collect()),
            icon, splash: None, discovery_splash: None, banner: None,
        }
    }
}

/// A category and what is in it.
type DraftCategory = (DraftChannel, Vec<DraftChannel>);

/// Random guilds as Discord reports them: everything live, in canonical order.
pub(crate) fn guilds(size: Size) -> impl Strategy<Value = Guild> {
    let roles = vec((role_attributes(), managed()), 0..=size.roles);
    let categories =
        vec((draft_channel(ChannelKind::Category), draft_channels(size.channels_each)), 0..=size.categories);
    let everyone = permissions();
    let chosen = (any::<[Index; 5]>(), any::<bool>());
    (roles, everyone, draft_channels(size.channels_each), categories, settings(), chosen).prop_map(
        |(roles, everyone, outside, categories, settings, (chosen, names_channels))| {
            let mut builder = Builder { next: FIRST_ID, roles: Vec::new(), channels: Vec::new() };
            builder.add_roles(roles, everyone);
            builder.add_channels(outside, categories);
            let mut settings = settings;
            if names_channels {
                builder.name_channels(&mut settings, &chosen);
            }
            let Builder { next: _, roles, channels } = builder;
            let mut guild = Guild {
                id: Id::new(GUILD_ID),
                owner: Id::new(1),
                boost_tier: BoostTier(0),
                requires_mfa: false,
                settings,
                roles,
                channels,
            };
            guild.sort();
            guild
        },
    )
}

struct Builder {
    next: u64,
    roles: Vec<Role>,
    channels: Vec<Channel>,
}

impl Builder {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn add_roles(&mut self, drafts: Vec<(RoleAttributes, Managed)>, everyone: Permissions) {
        let count = drafts.len() as i64;
        for (at, (attributes, managed)) in drafts.into_iter().enumerate() {
            let id = RoleRef::Live(Id::new(self.id()));
            self.roles.push(Role { id, position: count - at as i64, managed, attributes });
        }
        let attributes = RoleAttributes { permissions: everyone, ..RoleAttributes::named("@everyone") };
        let id = RoleRef::Live(Id::new(GUILD_ID));
        self.roles.push(Role { id, position: 0, managed: Managed::No, attributes });
    }

    fn add_channels(&mut self, outside: Vec<DraftChannel>, categories: Vec<DraftCategory>) {
        for draft in outside {
            self.add_channel(draft, None);
        }
        for (draft, inside) in categories {
            let category = self.add_channel(draft, None);
            for draft in inside {
                self.add_channel(draft, Some(&category));
            }
        }
    }

    fn add_channel(&mut self, draft: DraftChannel, parent: Option<&Channel>) -> Channel {
        let DraftChannel { mut attributes, overwrites, is_synced } = draft;
        attributes.parent = parent.map(|parent| parent.id.clone());
        attributes.overwrites = match parent.filter(|_| is_synced) {
            Some(parent) => parent.attributes.overwrites.clone(),
            None => settled(&overwrites, &self.roles),
        };
        let id = ChannelRef::Live(Id::new(self.id()));
        let channel = Channel { id, position: self.channels.len() as i64, attributes };
        self.channels.push(channel.clone());
        channel
    }

    fn name_channels(&self, settings: &mut GuildSettings, chosen: &[Index; 5]) {
        let of_kind = |kind: ChannelKind, index: &Index| {
            let fitting: Vec<&Channel> = self.channels.iter().filter(|c| c.attributes.kind == kind).collect();
            (!fitting.is_empty()).then(|| index.get(&fitting).id.clone())
        };
        let [afk, system, rules, updates, safety] = chosen;
        settings.afk_channel = of_kind(ChannelKind::Voice, afk);
        settings.system_channel = of_kind(ChannelKind::Text, system);
        settings.rules_channel = of_kind(ChannelKind::Text, rules);
        settings.public_updates_channel = of_kind(ChannelKind::Text, updates);
        settings.safety_alerts_channel = of_kind(ChannelKind::Text, safety);
    }
}
