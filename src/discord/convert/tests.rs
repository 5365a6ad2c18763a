//! What is converted, there and back.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::discord::Error;
use crate::discord::apply::{Names, Resolved};
use crate::discord::wire::{WireChannel, WireGuild, WireRole};
use crate::model::{
    Change, Channel, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Colors,
    ContentFilter, Emoji, EmojiId, Features, ForumLayout, ForumTag, Guild, GuildId, Image, ImageSource, Managed,
    NotificationLevel, Overwrite, Overwrites, Permissions, Role, RoleAttributes, RoleId, RolePatch, RoleRef,
    SettingsPatch, SortOrder, SystemChannelFlags, TagId, TagMatching, Target, UserId, VerificationLevel, VideoQuality,
};

const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);
/// Bits Discord uses or reserves and its documentation does not name.
const STRANGE: u64 = 1 << 47 | 1 << 48 | 1 << 53 | 1 << 60 | 1 << 63;

fn names() -> (GuildId, Resolved) {
    let key = |text: &str| text.parse().expect("a key");
    let resolved = Resolved {
        roles: [(key("crew"), RoleId::new(501))].into(),
        categories: [(key("study"), ChannelId::new(601))].into(),
        channels: [(key("study"), ChannelId::new(602))].into(),
    };
    (GUILD, resolved)
}

/// Writes with `write` and every name known.
fn written<T>(write: impl FnOnce(Names<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let (guild, resolved) = names();
    write(Names { guild, resolved: &resolved })
}

fn parse<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a shape we can read")
}

fn overwrites() -> Overwrites {
    let bits = |bits| Permissions::from_bits(bits);
    Overwrites::from_iter([
        (Target::Role(RoleId::new(77).into()), Overwrite { allow: bits(STRANGE), deny: bits(1 << 10) }),
        (Target::Member(UserId::new(88)), Overwrite { allow: bits(1), deny: bits(u64::MAX) }),
    ])
}

/// A channel of this kind in which every field the kind has is something else than in a new one.
fn full_channel(kind: ChannelKind) -> ChannelAttributes {
    let mut full = ChannelAttributes {
        name: "a-name".into(),
        kind,
        parent: Some(ChannelRef::Live(ChannelId::new(9))),
        topic: Some("what it is about".into()),
        nsfw: true,
        rate_limit_per_user: 30,
        bitrate: 96_000,
        user_limit: 8,
        rtc_region: Some("rotterdam".into()),
        video_quality_mode: VideoQuality::Full,
        default_auto_archive_duration: Some(4320),
        default_thread_rate_limit_per_user: 15,
        available_tags: vec![
            ForumTag {
                id: Some(TagId::new(5)),
                name: "kept".into(),
                moderated: true,
                emoji: Some(Emoji::Custom(EmojiId::new(6))),
            },
            ForumTag { id: None, name: "new".into(), moderated: false, emoji: Some(Emoji::Unicode("⚙️".into())) },
            ForumTag { id: None, name: "plain".into(), moderated: false, emoji: None },
        ],
        default_reaction_emoji: Some(Emoji::Unicode("👍".into())),
        default_sort_order: Some(SortOrder::CreationDate),
        default_forum_layout: ForumLayout::GalleryView,
        default_tag_setting: TagMatching::MatchAll,
        flags: ChannelFlags(ChannelFlags::REQUIRE_TAG | 1 << 7 | 1 << 40),
        overwrites: overwrites(),
    };
    let plain = ChannelAttributes::named("a-name", kind);
    let mut back = full.diff(&plain);
    back.without(|field| kind.has_field(field));
    back.apply(&mut full);
    full
}

#[test]
fn every_field_of_every_kind_of_channel_survives_writing_and_reading() {
    for kind in ChannelKind::NAMED {
        let wanted = full_channel(kind);
        let (mut body, images) = written(|names| channel_body(&wanted, names)).expect("a body");
        assert!(images.is_empty());
        let fields = body.as_object_mut().expect("an object");
        fields.insert("id".into(), json!("1234"));
        fields.insert("position".into(), json!(3));
        let read = channel(parse::<WireChannel>(body)).expect("a channel");
        let id = ChannelRef::Live(ChannelId::new(1234));
        assert_eq!(read, Channel { id, position: 3, attributes: wanted }, "{kind:?}");
    }
}

#[test]
fn a_new_channel_says_only_what_discord_would_not_do_by_itself() {
    let body = |kind| written(|names| channel_body(&ChannelAttributes::named("x", kind), names)).expect("a body").0;
    assert_eq!(body(ChannelKind::Text), json!({ "name": "x", "type": 0, "permission_overwrites": [] }));
    assert_eq!(body(ChannelKind::Voice), json!({ "name": "x", "type": 2, "permission_overwrites": [] }));
}

#[test]
fn every_field_of_a_role_survives_writing_and_reading() {
    let wanted = RoleAttributes {
        name: "Crew".into(),
        permissions: Permissions::from_bits(STRANGE | 1 << 10),
        colors: Colors::HOLOGRAPHIC,
        hoist: true,
        mentionable: true,
        icon: None,
        unicode_emoji: Some("🦀".into()),
    };
    let (mut body, _) = written(|names| role_body(&wanted, names)).expect("a body");
    assert!(body.get("color").is_none(), "only `colors` is written");
    let fields = body.as_object_mut().expect("an object");
    fields.insert("id".into(), json!("1234"));
    fields.insert("position".into(), json!(3));
    let read = role(parse::<WireRole>(body));
    let id = RoleRef::Live(RoleId::new(1234));
    assert_eq!(read, Role { id, position: 3, managed: Managed::No, attributes: wanted });
}

/// A guild as Discord shows it, with `change` made to it.
fn live_guild(change: impl FnOnce(&mut Value)) -> WireGuild {
    let mut guild = json!({
        "id": "1146231231231231232", "owner_id": "80351110224678912", "name": "Rust Study Group",
        "premium_tier": 2, "mfa_level": 1, "description": null, "verification_level": 3,
        "default_message_notifications": 1, "explicit_content_filter": 2, "afk_channel_id": "11", "afk_timeout": 900,
        "system_channel_id": null, "system_channel_flags": 129, "rules_channel_id": "12",
        "public_updates_channel_id": "13", "safety_alerts_channel_id": null, "preferred_locale": "en-US",
        "premium_progress_bar_enabled": true, "features": ["NEWS", "COMMUNITY", "SOMETHING_NEW"], "icon": "a_1f",
        "splash": null, "discovery_splash": null, "banner": "b2", "something_new": { "x": [1, 2] },
        "roles": [{
            "id": "1146231231231231232", "name": "@everyone", "permissions": "1024", "position": 0, "color": 0,
            "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
            "hoist": false, "mentionable": false, "managed": false, "icon": null, "unicode_emoji": null, "flags": 0,
        }],
    });
    change(&mut guild);
    parse(guild)
}

#[test]
fn every_setting_survives_writing_and_reading() {
    let read = |value| guild(value, Vec::new()).expect("a guild").settings;
    let before = read(live_guild(|_| {}));
    assert_eq!(before.system_channel_flags, SystemChannelFlags(129));
    let channel = |id| Some(ChannelRef::Live(ChannelId::new(id)));
    let mut wanted = before.clone();
    wanted.name = "Another".into();
    wanted.description = Some("About".into());
    wanted.verification_level = VerificationLevel::VeryHigh;
    wanted.default_message_notifications = NotificationLevel::AllMessages;
    wanted.explicit_content_filter = ContentFilter::MembersWithoutRoles;
    wanted.afk_channel = channel(21);
    wanted.afk_timeout = 60;
    wanted.system_channel = channel(22);
    wanted.system_channel_flags = SystemChannelFlags(1 << 8 | 2);
    wanted.rules_channel = channel(23);
    wanted.public_updates_channel = channel(24);
    wanted.safety_alerts_channel = channel(25);
    wanted.preferred_locale = "de".into();
    wanted.premium_progress_bar_enabled = false;
    wanted.features = Features(["NEWS", "SOMETHING_NEW", "INVITES_DISABLED"].map(str::to_owned).into());
    let changes = before.diff(&wanted);
    assert_eq!(changes.changes().len(), SettingsPatch::FIELDS.len() - 4, "all but the images, which do not read back");
    let (body, _) = written(|names| settings_patch(&changes, names)).expect("a body");
    let after = live_guild(|guild| {
        guild.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    });
    assert_eq!(read(after), wanted);
}

#[test]
fn images_are_uploaded_or_removed_but_a_hash_is_never_sent() {
    let source = ImageSource {
        path: "icon.png".into(),
        sha256: "abc".into(),
        data_uri: "data:image/png;base64,iVBORw0KGgo=".into(),
    };
    let to = |to: Option<Image>| {
        let icon = Some(Change { from: None, to });
        written(|names| role_patch(&RolePatch { icon, ..RolePatch::default() }, names))
    };
    let (body, images) = to(Some(Image::Upload(source.clone()))).expect("a body");
    assert_eq!(body, json!({ "icon": "data:image/png;base64,iVBORw0KGgo=" }));
    assert_eq!(images, [("icon", source)]);
    assert_eq!(to(None).expect("a body").0, json!({ "icon": null }));
    assert_eq!(to(Some(Image::Hash("1f".into()))), Err(Error::NoImage { field: "icon" }));
}

#[test]
fn planned_references_become_snowflakes_or_nothing_is_written() {
    let planned = |key: &str| key.parse().map(ChannelRef::Planned).expect("a key");
    let role = |key: &str| Target::Role(key.parse().map(RoleRef::Planned).expect("a key"));
    let allow = Overwrite { allow: Permissions::VIEW_CHANNEL, deny: Permissions::NONE };
    let mut wanted = ChannelAttributes::named("x", ChannelKind::Text);
    wanted.parent = Some(planned("study"));
    wanted.overwrites = Overwrites::from_iter([(role("crew"), allow), (role("everyone"), allow)]);
    let (body, _) = written(|names| channel_body(&wanted, names)).expect("a body");
    assert_eq!(body["parent_id"], "601", "a parent is a category, whatever channel has the same key");
    let ids: Vec<&str> =
        body["permission_overwrites"].as_array().expect("a list").iter().filter_map(|o| o["id"].as_str()).collect();
    assert_eq!(ids, ["501", "1146231231231231232"]);

    let system_channel = Some(Change { from: None, to: Some(planned("study")) });
    let changes = SettingsPatch { system_channel, ..SettingsPatch::default() };
    assert_eq!(
        written(|names| settings_patch(&changes, names)).expect("a body").0,
        json!({ "system_channel_id": "602" })
    );

    wanted.parent = Some(planned("nowhere"));
    let error = written(|names| channel_body(&wanted, names)).expect_err("nothing has that key");
    assert_eq!(error, Error::Unresolved { reference: "nowhere".into(), what: "category" });
}

#[test]
fn a_patch_holds_the_changed_fields_and_empty_values_are_values() {
    fn change<T>(from: T, to: T) -> Option<Change<T>> {
        Some(Change { from, to })
    }
    let emptied = ChannelPatch {
        parent: change(Some(ChannelRef::Live(ChannelId::new(9))), None),
        topic: change(Some("x".into()), None),
        nsfw: change(true, false),
        rate_limit_per_user: change(5, 0),
        user_limit: change(8, 0),
        rtc_region: change(Some("x".into()), None),
        default_auto_archive_duration: change(Some(60), None),
        available_tags: change(vec![], vec![]),
        default_reaction_emoji: change(Some(Emoji::Unicode("x".into())), None),
        default_sort_order: change(Some(SortOrder::CreationDate), None),
        flags: change(ChannelFlags(16), ChannelFlags(0)),
        overwrites: change(overwrites(), Overwrites::default()),
        ..ChannelPatch::default()
    };
    let (body, _) = written(|names| channel_patch(&emptied, names)).expect("a body");
    assert_eq!(
        body,
        json!({
            "parent_id": null, "topic": null, "nsfw": false, "rate_limit_per_user": 0, "user_limit": 0,
            "rtc_region": null, "default_auto_archive_duration": null, "available_tags": [],
            "default_reaction_emoji": null, "default_sort_order": null, "flags": 0, "permission_overwrites": [],
        })
    );
    let (nothing, _) = written(|names| channel_patch(&ChannelPatch::default(), names)).expect("a body");
    assert_eq!(nothing, json!({}));
}

#[test]
fn a_role_is_read_in_all_its_shapes() {
    let read = |extra: Value| {
        let mut value = json!({ "id": 42, "name": "r", "permissions": "0", "position": 1 });
        value.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        role(parse::<WireRole>(value))
    };
    assert_eq!(read(json!({ "permissions": 9_223_372_036_854_775_808u64 })).attributes.permissions.bits(), 1 << 63);
    assert_eq!(read(json!({ "permissions": "11529215046068469760" })).attributes.permissions.bits(), 0xA << 60);
    assert_eq!(
        read(json!({ "color": 255 })).attributes.colors,
        Colors { primary: 255, secondary: None, tertiary: None }
    );
    let both = json!({ "color": 255, "colors": { "primary_color": 1, "secondary_color": 2 } });
    assert_eq!(read(both).attributes.colors, Colors { primary: 1, secondary: Some(2), tertiary: None });
    let managed = |extra: Value| read(extra).managed;
    assert_eq!(managed(json!({ "tags": {} })), Managed::No);
    assert_eq!(managed(json!({ "tags": { "guild_connections": null } })), Managed::No);
    assert_eq!(managed(json!({ "tags": { "premium_subscriber": null } })), Managed::Integration);
    assert_eq!(managed(json!({ "tags": { "premium_subscriber": false } })), Managed::No);
    assert_eq!(managed(json!({ "managed": true, "tags": { "integration_id": "7" } })), Managed::Integration);
    assert_eq!(managed(json!({ "managed": true, "tags": { "bot_id": "7" } })), Managed::Bot(7));
}

#[test]
fn a_channel_is_read_in_all_its_shapes() {
    let read = |extra: Value| {
        let mut value = json!({ "id": "42", "type": 0, "name": "c", "position": 1, "permission_overwrites": [] });
        value.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        channel(parse::<WireChannel>(value))
    };
    let attributes = |extra: Value| read(extra).expect("a channel").attributes;
    assert_eq!(attributes(json!({ "topic": "" })).topic, None);
    assert_eq!(attributes(json!({ "flags": "1099511627776" })).flags, ChannelFlags(1 << 40));
    assert_eq!(attributes(json!({ "type": 99 })).kind, ChannelKind::Other(99));
    let zero_emoji = json!({ "available_tags": [{ "id": "1", "name": "t", "emoji_id": "0", "emoji_name": "⚙️" }] });
    assert_eq!(attributes(zero_emoji).available_tags[0].emoji, Some(Emoji::Unicode("⚙️".into())));
    let dangling = json!({ "permission_overwrites": [{ "id": "999", "type": "0", "allow": null }] });
    let kept = attributes(dangling).overwrites;
    assert!(kept.is_empty(), "it says nothing, but it is no error");

    let refused = |extra: Value| read(extra).expect_err("not to be guessed");
    assert_eq!(refused(json!({ "permission_overwrites": null })), "channel 42: it has no overwrites");
    assert_eq!(refused(json!({ "position": null })), "channel 42: it has no position");
    assert_eq!(
        refused(json!({ "default_sort_order": 9 })),
        "channel 42: this build does not know default_sort_order 9"
    );
    assert_eq!(
        refused(json!({ "video_quality_mode": 0 })),
        "channel 42: this build does not know video_quality_mode 0"
    );
}

#[test]
fn what_is_not_whole_is_not_a_guild() {
    let plain = |id: u64, more: Value| {
        let mut value =
            json!({ "id": id.to_string(), "type": 0, "name": "c", "position": 1, "permission_overwrites": [] });
        value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        parse::<WireChannel>(value)
    };
    let read = |change: fn(&mut Value), channels: Vec<WireChannel>| guild(live_guild(change), channels);
    assert!(read(|guild| guild["roles"] = json!([]), vec![]).is_err());
    assert!(read(|guild| guild["verification_level"] = json!(9), vec![]).is_err());
    assert!(read(|_| {}, vec![plain(1, json!({ "guild_id": "77" }))]).is_err());
    assert!(read(|_| {}, vec![plain(1, json!({})), plain(1, json!({}))]).is_err());

    let threads = [10u64, 11, 12].map(|kind| plain(kind, json!({ "type": kind })));
    let Guild { channels, boost_tier, requires_mfa, .. } = read(|_| {}, threads.into()).expect("a guild");
    assert!(channels.is_empty(), "threads are not channels");
    assert_eq!((boost_tier.0, requires_mfa), (2, true));
}
