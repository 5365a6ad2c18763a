//! What each operation sends, to the byte, and what is made of the answer.

use async_trait::async_trait;
use serde_json::{Value, json};
use setai::discord::{Applied, AuditReason, Disposition, Error, Hold, Permit, Resolved};
use setai::model::{
    Change, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Colors, ContentFilter,
    Emoji, EmojiId, Features, ForumLayout, ForumTag, GuildSettings, Image, ImageSource, Key, NotificationLevel,
    Overwrite, Overwrites, Permissions, RoleAttributes, RoleId, RolePatch, RoleRef, SettingsPatch, SortOrder,
    SystemChannelFlags, TagId, TagMatching, Target, UserId, VerificationLevel, VideoQuality,
};
use setai::plan::{ChannelSubject, Move, Operation, RoleSubject};

use crate::discord_script::{GUILD, Reply, Script, answer, lost, not_sent, refusal};

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

fn channel_id(id: u64) -> ChannelId {
    ChannelId::new(id)
}

fn names() -> Resolved {
    Resolved {
        roles: [(key("crew"), RoleId::new(501))].into(),
        categories: [(key("study"), channel_id(601)), (key("both"), channel_id(602))].into(),
        channels: [(key("rules"), channel_id(603)), (key("both"), channel_id(604))].into(),
    }
}

fn reason() -> AuditReason {
    AuditReason { operation: "0193-7".into(), revision: Some("a1b2c3d".into()), who: Some("Ann".into()) }
}

fn icon() -> ImageSource {
    ImageSource { path: "icon.png".into(), sha256: "5ha".into(), data_uri: "data:image/png;base64,iVBORw0KGgo=".into() }
}

fn rules() -> ChannelSubject {
    ChannelSubject {
        id: channel_id(700),
        key: Some(key("rules")),
        name: "rules".into(),
        kind: ChannelKind::Text,
        category: None,
    }
}

fn crew() -> RoleSubject {
    RoleSubject { id: RoleId::new(800), key: Some(key("crew")), name: "Crew".into() }
}

/// Nobody could take the right to these changes away.
struct Free;

#[async_trait]
impl Permit for Free {
    fn is_sound(&self) -> bool {
        true
    }

    async fn granted(&self) {}
}

async fn apply(reply: Reply, operation: &Operation) -> (Script, Result<Applied, Error>) {
    let script = Script::new([reply]);
    let applied = script.client().apply(GUILD, operation, &names(), &reason(), &Free).await;
    (script, applied)
}

/// The one request an operation sends, as text.
async fn sent(operation: Operation) -> String {
    let (script, applied) = apply(answer(200, json!({ "id": "999", "name": "got", "icon": "h45h" })), &operation).await;
    applied.expect("Discord said yes");
    let requests = script.requests.lock().expect("not poisoned");
    let [(_, request)] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    let reason = request.headers().get("x-audit-log-reason").map_or("no reason".into(), |value| {
        let value = value.to_str().expect("ASCII");
        percent_encoding::percent_decode_str(value).decode_utf8().expect("UTF-8").into_owned()
    });
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let path = request.uri().path();
    format!("{} {path}\n{reason}\n{}", request.method(), serde_json::to_string_pretty(&body).expect("JSON"))
}

/// The body of one operation in one line.
async fn body(operation: Operation) -> String {
    let (script, applied) = apply(answer(200, json!({ "id": "999", "name": "got" })), &operation).await;
    applied.expect("Discord said yes");
    script.body(0).to_string()
}

fn crew_may_read() -> Overwrites {
    let crew = Target::Role(RoleRef::Planned(key("crew")));
    let everyone = Target::Role(RoleRef::Live(GUILD.cast()));
    Overwrites::from_iter([
        (crew, Overwrite { allow: Permissions::VIEW_CHANNEL, deny: Permissions::NONE }),
        (everyone, Overwrite { allow: Permissions::NONE, deny: Permissions::VIEW_CHANNEL }),
        (
            Target::Member(UserId::new(42)),
            Overwrite { allow: Permissions::from_bits(1 << 53), deny: Permissions::NONE },
        ),
    ])
}

#[tokio::test]
async fn create_role() {
    let mut role = RoleAttributes::named("Crew");
    role.permissions = Permissions::MANAGE_MESSAGES | Permissions::from_bits(1 << 60);
    role.colors = Colors { primary: 0xE7_4C3C, secondary: Some(0x11_2233), tertiary: None };
    role.hoist = true;
    role.icon = Some(Image::Upload(icon()));
    insta::assert_snapshot!(sent(Operation::CreateRole { key: key("crew"), role: Box::new(role) }).await, @r#"
    POST /api/v10/guilds/1146231231231231232/roles
    setai op 0193-7 rev a1b2c3d by Ann: create role Crew
    {
      "name": "Crew",
      "permissions": "1152921504606855168",
      "colors": {
        "primary_color": 15158332,
        "secondary_color": 1122867,
        "tertiary_color": null
      },
      "hoist": true,
      "icon": "data:image/png;base64,iVBORw0KGgo="
    }
    "#);
}

#[tokio::test]
async fn create_channel() {
    let mut channel = ChannelAttributes::named("Mod Log", ChannelKind::Forum);
    channel.parent = Some(ChannelRef::Planned(key("study")));
    channel.topic = Some("Read <b>first</b> 📢".into());
    channel.overwrites = crew_may_read();
    channel.flags = ChannelFlags(ChannelFlags::REQUIRE_TAG);
    channel.available_tags =
        vec![ForumTag {
            id: None, name: "async".into(), moderated: false, emoji: Some(Emoji::Unicode("⚙️".into()))
        }];
    let operation = Operation::CreateChannel { key: key("mod-log"), channel: Box::new(channel) };
    insta::assert_snapshot!(sent(operation).await, @r#"
    POST /api/v10/guilds/1146231231231231232/channels
    setai op 0193-7 rev a1b2c3d by Ann: create forum channel Mod Log
    {
      "name": "Mod Log",
      "type": 15,
      "parent_id": "601",
      "topic": "Read <b>first</b> 📢",
      "available_tags": [
        {
          "name": "async",
          "moderated": false,
          "emoji_id": null,
          "emoji_name": "⚙️"
        }
      ],
      "flags": 16,
      "permission_overwrites": [
        {
          "id": "1146231231231231232",
          "type": 0,
          "allow": "0",
          "deny": "1024"
        },
        {
          "id": "501",
          "type": 0,
          "allow": "1024",
          "deny": "0"
        },
        {
          "id": "42",
          "type": 1,
          "allow": "9007199254740992",
          "deny": "0"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn update_guild() {
    let changes = SettingsPatch {
        system_channel: Some(Change { from: None, to: Some(ChannelRef::Planned(key("rules"))) }),
        afk_timeout: Some(Change { from: 300, to: 60 }),
        ..SettingsPatch::default()
    };
    insta::assert_snapshot!(sent(Operation::UpdateGuild { changes: Box::new(changes) }).await, @r#"
    PATCH /api/v10/guilds/1146231231231231232
    setai op 0193-7 rev a1b2c3d by Ann: change afk_timeout, system_channel
    {
      "afk_timeout": 60,
      "system_channel_id": "603"
    }
    "#);
}

#[tokio::test]
async fn update_role_and_channel() {
    let changes = RolePatch { hoist: Some(Change { from: true, to: false }), ..RolePatch::default() };
    insta::assert_snapshot!(sent(Operation::UpdateRole { role: crew(), changes: Box::new(changes) }).await, @r#"
    PATCH /api/v10/guilds/1146231231231231232/roles/800
    setai op 0193-7 rev a1b2c3d by Ann: change hoist of role Crew
    {
      "hoist": false
    }
    "#);
    let changes = ChannelPatch {
        topic: Some(Change { from: Some("x".into()), to: None }),
        overwrites: Some(Change { from: Overwrites::default(), to: crew_may_read() }),
        ..ChannelPatch::default()
    };
    insta::assert_snapshot!(sent(Operation::UpdateChannel { channel: rules(), changes: Box::new(changes) }).await, @r#"
    PATCH /api/v10/channels/700
    setai op 0193-7 rev a1b2c3d by Ann: change topic, overwrites of text channel rules
    {
      "topic": null,
      "permission_overwrites": [
        {
          "id": "1146231231231231232",
          "type": 0,
          "allow": "0",
          "deny": "1024"
        },
        {
          "id": "501",
          "type": 0,
          "allow": "1024",
          "deny": "0"
        },
        {
          "id": "42",
          "type": 1,
          "allow": "9007199254740992",
          "deny": "0"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn delete_role_and_channel() {
    let was = Box::new(RoleAttributes::named("Crew"));
    insta::assert_snapshot!(sent(Operation::DeleteRole { role: crew(), was }).await, @r"
    DELETE /api/v10/guilds/1146231231231231232/roles/800
    setai op 0193-7 rev a1b2c3d by Ann: delete role Crew
    null
    ");
    let was = Box::new(ChannelAttributes::named("rules", ChannelKind::Text));
    insta::assert_snapshot!(sent(Operation::DeleteChannel { channel: rules(), was }).await, @r"
    DELETE /api/v10/channels/700
    setai op 0193-7 rev a1b2c3d by Ann: delete text channel rules
    null
    ");
}

fn moving<R>(object: R, to: i64) -> Move<R> {
    Move { object, name: "x".into(), from: Some(0), to, is_category: false }
}

#[tokio::test]
async fn move_roles_and_channels() {
    let moves = vec![moving(RoleRef::Planned(key("crew")), 3), moving(RoleRef::Live(RoleId::new(800)), 2)];
    insta::assert_snapshot!(sent(Operation::MoveRoles { moves }).await, @r#"
    PATCH /api/v10/guilds/1146231231231231232/roles
    setai op 0193-7 rev a1b2c3d by Ann: move 2 roles
    [
      {
        "id": "501",
        "position": 3
      },
      {
        "id": "800",
        "position": 2
      }
    ]
    "#);
    let category = Move { is_category: true, ..moving(ChannelRef::Planned(key("study")), 1) };
    let moves = vec![category, moving(ChannelRef::Planned(key("rules")), 1)];
    insta::assert_snapshot!(sent(Operation::MoveChannels { moves }).await, @r#"
    PATCH /api/v10/guilds/1146231231231231232/channels
    no reason
    [
      {
        "id": "601",
        "position": 1
      },
      {
        "id": "603",
        "position": 1
      }
    ]
    "#);
}

/// The same record with one thing changed.
fn with<T: Clone>(record: &T, change: impl FnOnce(&mut T)) -> T {
    let mut record = record.clone();
    change(&mut record);
    record
}

#[tokio::test]
async fn every_field_of_a_role() {
    let plain = RoleAttributes::named("a");
    let rich = RoleAttributes {
        name: "b".into(),
        permissions: Permissions::from_bits(1 << 47 | 1 << 60),
        colors: Colors { primary: 255, secondary: Some(0), tertiary: None },
        hoist: true,
        mentionable: true,
        icon: Some(Image::Upload(icon())),
        unicode_emoji: Some("🦀".into()),
    };
    let mut lines = Vec::new();
    for field in RolePatch::FIELDS {
        for (from, to) in [(&plain, &rich), (&rich, &plain)] {
            let mut changes = from.diff(to);
            changes.without(|other| other != *field);
            lines.push(body(Operation::UpdateRole { role: crew(), changes: Box::new(changes) }).await);
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"name":"b"}
    {"name":"a"}
    {"permissions":"1153062242095202304"}
    {"permissions":"0"}
    {"colors":{"primary_color":255,"secondary_color":0,"tertiary_color":null}}
    {"colors":{"primary_color":0,"secondary_color":null,"tertiary_color":null}}
    {"hoist":true}
    {"hoist":false}
    {"mentionable":true}
    {"mentionable":false}
    {"icon":"data:image/png;base64,iVBORw0KGgo="}
    {"icon":null}
    {"unicode_emoji":"🦀"}
    {"unicode_emoji":null}
    "#);
}

#[tokio::test]
async fn every_field_of_a_channel() {
    let plain = ChannelAttributes { bitrate: 8_000, ..ChannelAttributes::named("a", ChannelKind::Text) };
    let tag = |id: Option<u64>, name: &str, emoji| ForumTag {
        id: id.map(TagId::new),
        name: name.into(),
        moderated: false,
        emoji,
    };
    let rich = ChannelAttributes {
        name: "b".into(),
        kind: ChannelKind::Announcement,
        parent: Some(ChannelRef::Planned(key("study"))),
        topic: Some("t".into()),
        nsfw: true,
        rate_limit_per_user: 5,
        bitrate: 96_000,
        user_limit: 8,
        rtc_region: Some("rotterdam".into()),
        video_quality_mode: VideoQuality::Full,
        default_auto_archive_duration: Some(60),
        default_thread_rate_limit_per_user: 5,
        available_tags: vec![tag(Some(5), "kept", Some(Emoji::Custom(EmojiId::new(6)))), tag(None, "new", None)],
        default_reaction_emoji: Some(Emoji::Unicode("👍".into())),
        default_sort_order: Some(SortOrder::LatestActivity),
        default_forum_layout: ForumLayout::ListView,
        default_tag_setting: TagMatching::MatchAll,
        flags: ChannelFlags(ChannelFlags::SPOILER | 1 << 40),
        overwrites: crew_may_read(),
    };
    let mut lines = Vec::new();
    for field in ChannelPatch::FIELDS {
        for (from, to) in [(&plain, &rich), (&rich, &plain)] {
            let mut changes = from.diff(to);
            changes.without(|other| other != *field);
            lines.push(body(Operation::UpdateChannel { channel: rules(), changes: Box::new(changes) }).await);
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"name":"b"}
    {"name":"a"}
    {"type":5}
    {"type":0}
    {"parent_id":"601"}
    {"parent_id":null}
    {"topic":"t"}
    {"topic":null}
    {"nsfw":true}
    {"nsfw":false}
    {"rate_limit_per_user":5}
    {"rate_limit_per_user":0}
    {"bitrate":96000}
    {"bitrate":8000}
    {"user_limit":8}
    {"user_limit":0}
    {"rtc_region":"rotterdam"}
    {"rtc_region":null}
    {"video_quality_mode":2}
    {"video_quality_mode":1}
    {"default_auto_archive_duration":60}
    {"default_auto_archive_duration":null}
    {"default_thread_rate_limit_per_user":5}
    {"default_thread_rate_limit_per_user":0}
    {"available_tags":[{"id":"5","name":"kept","moderated":false,"emoji_id":"6","emoji_name":null},{"name":"new","moderated":false,"emoji_id":null,"emoji_name":null}]}
    {"available_tags":[]}
    {"default_reaction_emoji":{"emoji_id":null,"emoji_name":"👍"}}
    {"default_reaction_emoji":null}
    {"default_sort_order":0}
    {"default_sort_order":null}
    {"default_forum_layout":1}
    {"default_forum_layout":0}
    {"default_tag_setting":"match_all"}
    {"default_tag_setting":"match_some"}
    {"flags":1099513724928}
    {"flags":0}
    {"permission_overwrites":[{"id":"1146231231231231232","type":0,"allow":"0","deny":"1024"},{"id":"501","type":0,"allow":"1024","deny":"0"},{"id":"42","type":1,"allow":"9007199254740992","deny":"0"}]}
    {"permission_overwrites":[]}
    "#);
    let custom = with(&plain, |c| c.default_reaction_emoji = Some(Emoji::Custom(EmojiId::new(6))));
    let newest = with(&custom, |c| c.default_sort_order = Some(SortOrder::CreationDate));
    let tiles = with(&newest, |c| c.default_forum_layout = ForumLayout::GalleryView);
    let changes = Box::new(plain.diff(&tiles));
    insta::assert_snapshot!(body(Operation::UpdateChannel { channel: rules(), changes }).await, @r#"{"default_reaction_emoji":{"emoji_id":"6","emoji_name":null},"default_sort_order":1,"default_forum_layout":2}"#);
}

fn settings() -> GuildSettings {
    GuildSettings {
        name: "one".into(),
        description: None,
        verification_level: VerificationLevel::None,
        default_message_notifications: NotificationLevel::AllMessages,
        explicit_content_filter: ContentFilter::Disabled,
        afk_channel: None,
        afk_timeout: 300,
        system_channel: None,
        system_channel_flags: SystemChannelFlags(0),
        rules_channel: None,
        public_updates_channel: None,
        safety_alerts_channel: None,
        preferred_locale: "en-US".into(),
        premium_progress_bar_enabled: false,
        features: Features(["NEWS".to_owned()].into()),
        icon: None,
        splash: None,
        discovery_splash: None,
        banner: None,
    }
}

#[tokio::test]
async fn every_field_of_the_guild() {
    let plain = settings();
    let image = || Some(Image::Upload(icon()));
    let planned = || Some(ChannelRef::Planned(key("rules")));
    let rich = GuildSettings {
        name: "two".into(),
        description: Some("d".into()),
        verification_level: VerificationLevel::VeryHigh,
        default_message_notifications: NotificationLevel::OnlyMentions,
        explicit_content_filter: ContentFilter::AllMembers,
        afk_channel: planned(),
        afk_timeout: 60,
        system_channel: Some(ChannelRef::Live(channel_id(77))),
        system_channel_flags: SystemChannelFlags(1 << 8 | 1),
        rules_channel: planned(),
        public_updates_channel: planned(),
        safety_alerts_channel: planned(),
        preferred_locale: "de".into(),
        premium_progress_bar_enabled: true,
        features: Features(["NEWS", "COMMUNITY", "NEW_ONE"].map(str::to_owned).into()),
        icon: image(),
        splash: image(),
        discovery_splash: image(),
        banner: image(),
    };
    let mut lines = Vec::new();
    for field in SettingsPatch::FIELDS {
        for (from, to) in [(&plain, &rich), (&rich, &plain)] {
            let mut changes = from.diff(to);
            changes.without(|other| other != *field);
            lines.push(body(Operation::UpdateGuild { changes: Box::new(changes) }).await);
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"name":"two"}
    {"name":"one"}
    {"description":"d"}
    {"description":null}
    {"verification_level":4}
    {"verification_level":0}
    {"default_message_notifications":1}
    {"default_message_notifications":0}
    {"explicit_content_filter":2}
    {"explicit_content_filter":0}
    {"afk_channel_id":"603"}
    {"afk_channel_id":null}
    {"afk_timeout":60}
    {"afk_timeout":300}
    {"system_channel_id":"77"}
    {"system_channel_id":null}
    {"system_channel_flags":257}
    {"system_channel_flags":0}
    {"rules_channel_id":"603"}
    {"rules_channel_id":null}
    {"public_updates_channel_id":"603"}
    {"public_updates_channel_id":null}
    {"safety_alerts_channel_id":"603"}
    {"safety_alerts_channel_id":null}
    {"preferred_locale":"de"}
    {"preferred_locale":"en-US"}
    {"premium_progress_bar_enabled":true}
    {"premium_progress_bar_enabled":false}
    {"features":["COMMUNITY","NEWS","NEW_ONE"]}
    {"features":["NEWS"]}
    {"icon":"data:image/png;base64,iVBORw0KGgo="}
    {"icon":null}
    {"splash":"data:image/png;base64,iVBORw0KGgo="}
    {"splash":null}
    {"discovery_splash":"data:image/png;base64,iVBORw0KGgo="}
    {"discovery_splash":null}
    {"banner":"data:image/png;base64,iVBORw0KGgo="}
    {"banner":null}
    "#);
}

#[tokio::test]
async fn the_answer_tells_what_discord_made_of_it() {
    let mut role = RoleAttributes::named(" Crew ");
    role.icon = Some(Image::Upload(icon()));
    let create = Operation::CreateRole { key: key("crew"), role: Box::new(role) };
    let (_, applied) = apply(answer(200, json!({ "id": "999", "name": "Crew", "icon": "h45h" })), &create).await;
    let expected =
        Applied { created: Some(999), name_got: Some("Crew".into()), images: vec![("5ha".into(), "h45h".into())] };
    assert_eq!(applied, Ok(expected));

    let (_, applied) = apply(answer(200, json!({ "id": "700", "name": "rules" })), &restrict()).await;
    assert_eq!(applied, Ok(Applied::default()), "nothing was created, and no name was asked for");
}

#[tokio::test]
async fn what_cannot_be_said_is_not_sent() {
    let unborn = Operation::MoveChannels { moves: vec![moving(ChannelRef::Planned(key("unborn")), 1)] };
    let nobody = Operation::MoveRoles { moves: vec![moving(RoleRef::Planned(key("nobody")), 1)] };
    let cases = [
        (unborn, Error::Unresolved { reference: "unborn".into(), what: "channel" }),
        (nobody, Error::Unresolved { reference: "nobody".into(), what: "role" }),
    ];
    for (operation, error) in cases {
        let (script, applied) = apply(answer(200, json!({})), &operation).await;
        assert_eq!(applied, Err(error));
        assert_eq!(script.lines(), [""; 0]);
    }
}

fn create() -> Operation {
    Operation::CreateChannel { key: key("x"), channel: Box::new(ChannelAttributes::named("x", ChannelKind::Text)) }
}

fn rename() -> Operation {
    let name = Some(Change { from: "a".to_owned(), to: "b".to_owned() });
    Operation::UpdateChannel { channel: rules(), changes: Box::new(ChannelPatch { name, ..ChannelPatch::default() }) }
}

fn delete() -> Operation {
    let was = Box::new(ChannelAttributes::named("rules", ChannelKind::Text));
    Operation::DeleteChannel { channel: rules(), was }
}

#[test]
fn every_call_can_be_made_from_any_thread() {
    fn check<T: Send>(_: T) {}
    let script = Script::new([]);
    let client = script.client();
    let (operation, names, reason) = (create(), names(), reason());
    check(client.apply(GUILD, &operation, &names, &reason, &Free));
    check(client.is_gone(GUILD, &operation));
    check(client.snapshot(GUILD));
    check(client.guilds());
}

async fn run(operation: &Operation, replies: impl IntoIterator<Item = Reply>) -> (usize, Result<Applied, Error>) {
    let script = Script::new(replies);
    let applied = script.client().apply(GUILD, operation, &names(), &reason(), &Free).await;
    assert!(script.is_used_up(), "every answer was asked for");
    (script.lines().len(), applied)
}

#[tokio::test]
async fn a_create_is_sent_again_only_when_it_surely_did_not_arrive() {
    let made = || answer(201, json!({ "id": "999", "name": "x" }));
    let unknown =
        [lost(), answer(500, json!({})), answer(502, json!({})), answer(503, json!({})), answer(504, json!({}))];
    for reply in unknown {
        let (_, result) = run(&create(), [reply.clone()]).await;
        assert_eq!(result.expect_err("not known").disposition(), Disposition::Unknown, "{reply:?}");
    }
    let limited = answer(429, json!({ "message": "limited", "retry_after": 1.5, "global": false }));
    let (requests, result) = run(&create(), [not_sent(), limited, not_sent(), made()]).await;
    assert_eq!((requests, result.expect("made").created), (4, Some(999)));

    let (_, result) = run(&create(), [not_sent(), not_sent(), not_sent()]).await;
    assert!(matches!(result, Err(Error::Unavailable { .. })), "nothing was made: {result:?}");
    let (_, result) = run(&create(), [not_sent(), lost()]).await;
    assert_eq!(result.expect_err("not known").disposition(), Disposition::Unknown);
}

#[tokio::test]
async fn a_create_whose_answer_is_cut_off_is_not_taken_for_a_failure() {
    for body in ["", "{\"id\":\"99", "[]", "{\"name\":\"x\"}"] {
        let cut = crate::discord_script::with_headers(201, &[], body);
        let (_, result) = run(&create(), [cut]).await;
        assert_eq!(result.expect_err("not known").disposition(), Disposition::Unknown, "{body:?}");
    }
}

fn restrict() -> Operation {
    let nsfw = Some(Change { from: false, to: true });
    Operation::UpdateChannel { channel: rules(), changes: Box::new(ChannelPatch { nsfw, ..ChannelPatch::default() }) }
}

#[tokio::test]
async fn a_change_that_can_be_made_twice_is_sent_again_a_few_times() {
    let done = || answer(200, json!({ "id": "700", "name": "b" }));
    let (_, result) = run(&restrict(), [lost(), answer(503, json!({})), done()]).await;
    assert_eq!(result, Ok(Applied::default()));
    let (requests, result) = run(&restrict(), [lost(), lost(), lost()]).await;
    assert_eq!((requests, result.expect_err("not known").disposition()), (3, Disposition::Unknown));
    let (requests, result) = run(&restrict(), [answer(500, json!({}))]).await;
    assert_eq!((requests, result.expect_err("not known").disposition()), (1, Disposition::Unknown));
    let refused = || refusal(403, 50013, "Missing Permissions");
    let (_, result) = run(&restrict(), [lost(), refused()]).await;
    assert_eq!(result.expect_err("not known").disposition(), Disposition::Unknown, "the first may have worked");
    let (_, result) = run(&restrict(), [not_sent(), refused()]).await;
    assert_eq!(result.expect_err("refused").disposition(), Disposition::Refused);
    // Two renames may have been made; a third is not allowed now, but what matters is that the outcome is not known.
    let (requests, result) = run(&rename(), [lost(), lost()]).await;
    assert_eq!((requests, result.expect_err("not known").disposition()), (2, Disposition::Unknown));
}

#[tokio::test]
async fn a_delete_that_finds_nothing_is_done_only_if_it_may_have_been_the_one() {
    let gone = || refusal(404, 10003, "Unknown Channel");
    let (_, result) = run(&delete(), [lost(), gone()]).await;
    assert_eq!(result, Ok(Applied::default()));
    let (_, result) = run(&delete(), [gone()]).await;
    assert_eq!(result.expect_err("somebody else did").disposition(), Disposition::Gone);
    let (_, result) = run(&delete(), [not_sent(), gone()]).await;
    assert_eq!(result.expect_err("somebody else did").disposition(), Disposition::Gone);
    let (_, result) = run(&delete(), [lost(), refusal(404, 10004, "Unknown Guild")]).await;
    assert_eq!(result.expect_err("not ours to see").disposition(), Disposition::Unknown);
}

#[tokio::test]
async fn a_third_rename_is_parked_before_it_is_sent_and_other_changes_are_not() {
    let done = || answer(200, json!({ "id": "700", "name": "b" }));
    let script = Script::new([done(), done(), done()]);
    let client = script.client();
    for _ in 0..2 {
        client.apply(GUILD, &rename(), &names(), &reason(), &Free).await.expect("done");
    }
    let error = client.apply(GUILD, &rename(), &names(), &reason(), &Free).await.expect_err("parked");
    assert!(matches!(error, Error::Parked { why: Hold::Renames, .. }), "{error:?}");
    insta::assert_snapshot!(error, @"a channel can be renamed twice in 10 minutes; it can go on in 10 min");
    client.apply(GUILD, &restrict(), &names(), &reason(), &Free).await.expect("another field");
    assert!(script.is_used_up());
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let said = async |reply: Reply| {
        let (_, result) = run(&rename(), [reply]).await;
        result.expect_err("refused").to_string()
    };
    insta::assert_snapshot!(said(refusal(401, 0, "401: Unauthorized")).await, @"Discord does not know the bot token; it may have been reset or belong to another environment. Copy it again from the Bot page of the Developer Portal into DISCORD_TOKEN");
    insta::assert_snapshot!(said(refusal(403, 50013, "Missing Permissions")).await, @r"
    Discord refused PATCH /channels/700: Missing Permissions (status 403, code 50013)
      The bot may not do this: it needs the permission for it, its role must be above the role concerned, and it can only give permissions it has. `setai doctor` says what is missing.
    ");
    insta::assert_snapshot!(said(refusal(404, 0, "404: Not Found")).await, @r"
    Discord refused PATCH /channels/700: 404: Not Found (status 404, code 0)
      Is SETAI_DISCORD_URL the address of Discord, or of a simulated one?
    ");
    insta::assert_snapshot!(said(refusal(400, 30013, "Maximum number of guild channels reached (500)")).await, @r"
    Discord refused PATCH /channels/700: Maximum number of guild channels reached (500) (status 400, code 30013)
      The guild has 500 channels, which is the most Discord allows; remove one first.
    ");
    insta::assert_snapshot!(said(crate::discord_script::with_headers(403, &[], "<html>")).await, @r"
    Discord refused PATCH /channels/700: the answer did not come from Discord's API (status 403, code 0)
      The request was stopped in front of Discord's API; this address may be blocked for a while.
    ");
    insta::assert_snapshot!(said(refusal(404, 10003, "Unknown Channel")).await, @"what PATCH /channels/700 is about does not exist any more (Unknown Channel, code 10003)");
}
