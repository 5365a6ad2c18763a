//! Every field of every kind: set, changed, cleared.

use super::groups::{Group, community};

/// A field of some kinds of channel: what is written, and what is sent.
struct Field {
    name: &'static str,
    kinds: &'static [&'static str],
    written: [&'static str; 3],
    sent: [&'static str; 3],
}

const WRITING: &[&str] = &["text", "announcement", "forum", "media"];
const ALL: &[&str] = &["text", "announcement", "forum", "media", "voice", "stage"];
const TALK: &[&str] = &["voice", "stage"];
const FORUMS: &[&str] = &["forum", "media"];

const fn field(
    name: &'static str,
    kinds: &'static [&'static str],
    written: [&'static str; 3],
    sent: [&'static str; 3],
) -> Field {
    Field { name, kinds, written, sent }
}

const FIELDS: &[Field] = &[
    field("name", ALL, ["one", "two", "it"], [r#""one""#, r#""two""#, r#""it""#]),
    field(
        "topic",
        &["text", "announcement", "forum", "media", "stage"],
        ["One", "Two", "null"],
        [r#""One""#, r#""Two""#, "null"],
    ),
    field("nsfw", ALL, ["true", "false", "true"], ["true", "false", "true"]),
    field("rate_limit_per_user", ALL, ["5", "21600", "0"], ["5", "21600", "0"]),
    field("bitrate", TALK, ["8000", "32000", "64000"], ["8000", "32000", "64000"]),
    field("user_limit", &["voice"], ["5", "99", "0"], ["5", "99", "0"]),
    field("user_limit", &["stage"], ["5", "99", "10000"], ["5", "99", "10000"]),
    field("rtc_region", TALK, ["rotterdam", "us-east", "null"], [r#""rotterdam""#, r#""us-east""#, "null"]),
    field("video_quality_mode", TALK, ["full", "auto", "full"], ["2", "1", "2"]),
    field("default_auto_archive_duration", WRITING, ["60", "4320", "null"], ["60", "4320", "null"]),
    field("default_thread_rate_limit_per_user", WRITING, ["5", "21600", "0"], ["5", "21600", "0"]),
    field(
        "default_reaction_emoji",
        FORUMS,
        ["⚙️", "🙂", "null"],
        [r#"{"emoji_id":null,"emoji_name":"⚙️"}"#, r#"{"emoji_id":null,"emoji_name":"🙂"}"#, "null"],
    ),
    field("default_sort_order", FORUMS, ["latest_activity", "creation_date", "null"], ["0", "1", "null"]),
    field("default_forum_layout", &["forum"], ["list_view", "gallery_view", "not_set"], ["1", "2", "0"]),
    field(
        "default_tag_setting",
        FORUMS,
        ["match_all", "match_some", "match_all"],
        [r#""match_all""#, r#""match_some""#, r#""match_all""#],
    ),
];

/// Flags share one field in Discord.
const FLAGS: &[(&str, &[&str], u64)] = &[
    ("require_tag", FORUMS, 1 << 4),
    ("hide_media_download_options", &["media"], 1 << 15),
    ("spoiler", &["text", "announcement", "forum", "media", "voice"], 1 << 21),
];

/// Fields of channels.
pub(super) fn channels() -> Vec<Group> {
    let mut groups = Vec::new();
    for Field { name, kinds, written, sent } in FIELDS {
        for kind in *kinds {
            let mut group = Group::new(format!("{kind}: {name}")).live(community).given(it(kind, ""));
            let mut called = "it";
            for (written, sent) in written.iter().zip(sent) {
                let request = format!(r#"PATCH /channels/<{called}> {{"{name}":{sent}}}"#);
                group = group.then(it(kind, &format!("{name}: {written}")), &[&request]);
                called = if *name == "name" { written } else { called };
            }
            groups.push(group);
        }
    }
    for (flag, kinds, bit) in FLAGS {
        for kind in *kinds {
            let request = |bits: u64| format!(r#"PATCH /channels/<it> {{"flags":{bits}}}"#);
            let group = Group::new(format!("{kind}: {flag}")).live(community).given(it(kind, ""));
            let group = group.then(it(kind, &format!("{flag}: true")), &[&request(*bit)]);
            groups.push(group.then(it(kind, &format!("{flag}: false")), &[&request(0)]));
        }
    }
    for kind in ALL {
        groups.push(overwrites(kind));
    }
    for kind in FORUMS {
        groups.push(tags(kind));
    }
    groups.push(category_name());
    groups.push(category_overwrites());
    groups
}

fn it(kind: &str, rest: &str) -> String {
    format!("channels:\n  it: {{ type: {kind}, {rest} }}\n")
}

fn overwrites(kind: &str) -> Group {
    let role = "roles:\n  crew: { permissions: [] }\n";
    let with = |said: &str| format!("{role}{}", it(kind, &format!("permissions: {said}")));
    Group::new(format!("{kind}: overwrites of roles, of members, allowed, denied, neutral"))
        .live(community)
        .given(with("{}"))
        .then(with("{ everyone: { deny: [view_channel] }, crew: { allow: [view_channel] } }"), &[
            r#"PATCH /channels/<it> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"},{"id":"<@crew>","type":0,"allow":"1024","deny":"0"}]}"#,
        ])
        .then(with("{ everyone: { deny: [view_channel] }, crew: {}, 'user:80351110224678912': { allow: [view_channel], deny: [add_reactions] } }"), &[
            r#"PATCH /channels/<it> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"},{"id":"80351110224678912","type":1,"allow":"1024","deny":"64"}]}"#,
        ])
        .then(with("unmanaged"), &[])
        .then(with("{}"), &[r#"PATCH /channels/<it> {"permission_overwrites":[]}"#])
}

fn tags(kind: &str) -> Group {
    Group::new(format!("{kind}: tags keep their ids by name"))
        .given(it(kind, ""))
        .then(it(kind, "tags: [help, { name: news, moderated: true, emoji: 🙂 }]"), &[
            r#"PATCH /channels/<it> {"available_tags":[{"name":"help","moderated":false,"emoji_id":null,"emoji_name":null},{"name":"news","moderated":true,"emoji_id":null,"emoji_name":"🙂"}]}"#,
        ])
        .then(it(kind, "tags: [{ name: news, moderated: true, emoji: 🙂 }, { name: help, moderated: true }]"), &[
            r#"PATCH /channels/<it> {"available_tags":[{"id":"<tag news>","name":"news","moderated":true,"emoji_id":null,"emoji_name":"🙂"},{"id":"<tag help>","name":"help","moderated":true,"emoji_id":null,"emoji_name":null}]}"#,
        ])
        .then(it(kind, "tags: []"), &[r#"PATCH /channels/<it> {"available_tags":[]}"#])
}

fn category_name() -> Group {
    Group::new("category: name")
        .given("categories:\n  it: {}\n")
        .then("categories:\n  it: { name: 📁 One }\n", &[r#"PATCH /channels/<it> {"name":"📁 One"}"#])
        .then("categories:\n  it: { name: Two }\n", &[r#"PATCH /channels/<📁 One> {"name":"Two"}"#])
        .then("categories:\n  it: {}\n", &[r#"PATCH /channels/<Two> {"name":"it"}"#])
}

fn category_overwrites() -> Group {
    Group::new("category: overwrites")
        .given("categories:\n  it: { permissions: {} }\n")
        .then("categories:\n  it: { permissions: { everyone: { deny: [view_channel] } } }\n", &[
            r#"PATCH /channels/<it> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
        ])
        .then("categories:\n  it: { permissions: { everyone: { allow: [connect] } } }\n", &[
            r#"PATCH /channels/<it> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"1048576","deny":"0"}]}"#,
        ])
        .then("categories:\n  it: { permissions: {} }\n", &[r#"PATCH /channels/<it> {"permission_overwrites":[]}"#])
}

/// Fields of roles: what is written, and what is sent.
const ROLES: &[(&str, [&str; 3], [&str; 3])] = &[
    ("name", ["One", "Two", "it"], [r#""name":"One""#, r#""name":"Two""#, r#""name":"it""#]),
    (
        "color",
        ["'#e74c3c'", "255", "null"],
        [
            r#""colors":{"primary_color":15158332,"secondary_color":null,"tertiary_color":null}"#,
            r#""colors":{"primary_color":255,"secondary_color":null,"tertiary_color":null}"#,
            r#""colors":{"primary_color":0,"secondary_color":null,"tertiary_color":null}"#,
        ],
    ),
    (
        "colors",
        [
            "{ primary: '#000001', secondary: '#000002' }",
            "{ primary: 11127295, secondary: 16759788, tertiary: 16761760 }",
            "null",
        ],
        [
            r#""colors":{"primary_color":1,"secondary_color":2,"tertiary_color":null}"#,
            r#""colors":{"primary_color":11127295,"secondary_color":16759788,"tertiary_color":16761760}"#,
            r#""colors":{"primary_color":0,"secondary_color":null,"tertiary_color":null}"#,
        ],
    ),
    ("hoist", ["true", "false", "true"], [r#""hoist":true"#, r#""hoist":false"#, r#""hoist":true"#]),
    (
        "mentionable",
        ["true", "false", "true"],
        [r#""mentionable":true"#, r#""mentionable":false"#, r#""mentionable":true"#],
    ),
    (
        "permissions",
        ["[kick_members]", "[kick_members, bit_53]", "[]"],
        // A bit without a name can be given, and is nobody's to take away.
        [r#""permissions":"2""#, r#""permissions":"9007199254740994""#, r#""permissions":"9007199254740992""#],
    ),
    ("icon", ["one.png", "two.png", "null"], [r#""icon":"<one.png>""#, r#""icon":"<two.png>""#, r#""icon":null"#]),
    (
        "unicode_emoji",
        ["⚙️", "🙂", "null"],
        [r#""unicode_emoji":"⚙️""#, r#""unicode_emoji":"🙂""#, r#""unicode_emoji":null"#],
    ),
];

/// Fields of roles.
pub(super) fn roles() -> Vec<Group> {
    let mut groups = Vec::new();
    for (name, written, sent) in ROLES {
        let mut group = Group::new(format!("role: {name}")).live(community).given("roles:\n  it: {}\n");
        let mut called = "it";
        for (written, sent) in written.iter().zip(sent) {
            let request = format!("PATCH /guilds/<guild>/roles/<@{called}> {{{sent}}}");
            group = group.then(format!("roles:\n  it: {{ {name}: {written} }}\n"), &[&request]);
            called = if *name == "name" { written } else { called };
        }
        groups.push(group);
    }
    let everyone = |list: &str| format!("roles:\n  everyone: {{ permissions: {list} }}\n");
    let group = Group::new("@everyone: permissions").given(everyone("[view_channel]"));
    let request = |bits: u64| format!(r#"PATCH /guilds/<guild>/roles/<guild> {{"permissions":"{bits}"}}"#);
    let group = group.then(everyone("[view_channel, send_messages]"), &[&request(3072)]);
    let closing = request(2048);
    groups.push(group.then(everyone("[send_messages]"), &[&closing]).then(everyone("[]"), &[&request(0)]));
    groups
}

const SETTINGS: &[(&str, [&str; 3], [&str; 3])] = &[
    (
        "name",
        ["One guild", "Two guilds", "Rust Study Group"],
        [r#""name":"One guild""#, r#""name":"Two guilds""#, r#""name":"Rust Study Group""#],
    ),
    (
        "description",
        ["One", "Two", "null"],
        [r#""description":"One""#, r#""description":"Two""#, r#""description":null"#],
    ),
    (
        "verification_level",
        ["medium", "very_high", "low"],
        [r#""verification_level":2"#, r#""verification_level":4"#, r#""verification_level":1"#],
    ),
    (
        "default_message_notifications",
        ["only_mentions", "all_messages", "only_mentions"],
        [
            r#""default_message_notifications":1"#,
            r#""default_message_notifications":0"#,
            r#""default_message_notifications":1"#,
        ],
    ),
    (
        "explicit_content_filter",
        ["members_without_roles", "disabled", "all_members"],
        [r#""explicit_content_filter":1"#, r#""explicit_content_filter":0"#, r#""explicit_content_filter":2"#],
    ),
    (
        "afk_channel",
        ["talk", "chat", "null"],
        [r#""afk_channel_id":"<talk>""#, r#""afk_channel_id":"<chat>""#, r#""afk_channel_id":null"#],
    ),
    ("afk_timeout", ["60", "3600", "300"], [r#""afk_timeout":60"#, r#""afk_timeout":3600"#, r#""afk_timeout":300"#]),
    (
        "system_channel",
        ["a", "b", "null"],
        [r#""system_channel_id":"<a>""#, r#""system_channel_id":"<b>""#, r#""system_channel_id":null"#],
    ),
    (
        "system_channel_flags",
        [
            "{ join_notifications: false, premium_subscriptions: false }",
            "{ join_notifications: true, guild_reminder_notifications: false, join_notification_replies: false }",
            "{ premium_subscriptions: true, guild_reminder_notifications: true, join_notification_replies: true, role_subscription_purchase_notifications: false, role_subscription_purchase_notification_replies: false }",
        ],
        [r#""system_channel_flags":3"#, r#""system_channel_flags":14"#, r#""system_channel_flags":48"#],
    ),
    (
        "rules_channel",
        ["a", "b", "a"],
        [r#""rules_channel_id":"<a>""#, r#""rules_channel_id":"<b>""#, r#""rules_channel_id":"<a>""#],
    ),
    (
        "public_updates_channel",
        ["a", "b", "a"],
        [
            r#""public_updates_channel_id":"<a>""#,
            r#""public_updates_channel_id":"<b>""#,
            r#""public_updates_channel_id":"<a>""#,
        ],
    ),
    (
        "safety_alerts_channel",
        ["a", "b", "null"],
        [
            r#""safety_alerts_channel_id":"<a>""#,
            r#""safety_alerts_channel_id":"<b>""#,
            r#""safety_alerts_channel_id":null"#,
        ],
    ),
    (
        "preferred_locale",
        ["de", "fr", "en-US"],
        [r#""preferred_locale":"de""#, r#""preferred_locale":"fr""#, r#""preferred_locale":"en-US""#],
    ),
    (
        "premium_progress_bar_enabled",
        ["true", "false", "true"],
        [
            r#""premium_progress_bar_enabled":true"#,
            r#""premium_progress_bar_enabled":false"#,
            r#""premium_progress_bar_enabled":true"#,
        ],
    ),
    (
        "features",
        [
            "{ invites_disabled: true }",
            "{ invites_disabled: false, raid_alerts_disabled: true }",
            "{ raid_alerts_disabled: false }",
        ],
        [
            r#""features":["BANNER","COMMUNITY","DISCOVERABLE","ENHANCED_ROLE_COLORS","INVITES_DISABLED","INVITE_SPLASH","NEWS","ROLE_ICONS"]"#,
            r#""features":["BANNER","COMMUNITY","DISCOVERABLE","ENHANCED_ROLE_COLORS","INVITE_SPLASH","NEWS","RAID_ALERTS_DISABLED","ROLE_ICONS"]"#,
            r#""features":["BANNER","COMMUNITY","DISCOVERABLE","ENHANCED_ROLE_COLORS","INVITE_SPLASH","NEWS","ROLE_ICONS"]"#,
        ],
    ),
    ("icon", ["one.png", "two.png", "null"], [r#""icon":"<one.png>""#, r#""icon":"<two.png>""#, r#""icon":null"#]),
    (
        "splash",
        ["one.png", "two.png", "null"],
        [r#""splash":"<one.png>""#, r#""splash":"<two.png>""#, r#""splash":null"#],
    ),
    (
        "discovery_splash",
        ["one.png", "two.png", "null"],
        [r#""discovery_splash":"<one.png>""#, r#""discovery_splash":"<two.png>""#, r#""discovery_splash":null"#],
    ),
    (
        "banner",
        ["one.png", "two.png", "null"],
        [r#""banner":"<one.png>""#, r#""banner":"<two.png>""#, r#""banner":null"#],
    ),
];

/// Settings of the guild.
pub(super) fn settings() -> Vec<Group> {
    let channels = "channels: { a: {}, b: {}, talk: { type: voice }, chat: { type: voice } }\n";
    let group = |(name, written, sent): &(&str, [&str; 3], [&str; 3])| {
        let mut group = Group::new(format!("settings: {name}")).live(community).given(channels);
        for (written, sent) in written.iter().zip(sent) {
            let request = format!("PATCH /guilds/<guild> {{{sent}}}");
            group = group.then(format!("{channels}settings:\n  {name}: {written}\n"), &[&request]);
        }
        group
    };
    let mut groups: Vec<Group> = SETTINGS.iter().map(group).collect();
    groups.push(enabling_community());
    groups
}

fn enabling_community() -> Group {
    Group::new("settings: Community is enabled before channels that need it").then(
        "settings:\n  features: { community: true }\n  rules_channel: rules\n  public_updates_channel: updates\n  \
         verification_level: low\n  explicit_content_filter: all_members\n\
         channels: { rules: {}, updates: {}, news: { type: announcement }, hall: { type: stage } }\n",
        &[
            r#"POST /guilds/<guild>/channels {"name":"rules","type":0,"permission_overwrites":[]}"#,
            r#"POST /guilds/<guild>/channels {"name":"updates","type":0,"permission_overwrites":[]}"#,
            r#"PATCH /guilds/<guild> {"verification_level":1,"explicit_content_filter":2,"rules_channel_id":"<rules>","public_updates_channel_id":"<updates>","features":["COMMUNITY"]}"#,
            r#"POST /guilds/<guild>/channels {"name":"news","type":5,"permission_overwrites":[]}"#,
            r#"POST /guilds/<guild>/channels {"name":"hall","type":13,"permission_overwrites":[]}"#,
        ],
    )
}

/// Everything about a new object is in the one request that makes it.
pub(super) fn creations() -> Vec<Group> {
    let post = |fields: &str| format!("POST /guilds/<guild>/channels {{{fields}}}");
    let new = |kind: &str, written: &str, sent: &str| {
        Group::new(format!("{kind}: created whole")).live(community).then(it(kind, written), &[&post(sent)])
    };
    let thread = "default_auto_archive_duration: 60, default_thread_rate_limit_per_user: 7";
    let sent_thread = r#""default_auto_archive_duration":60,"default_thread_rate_limit_per_user":7"#;
    let talk = "nsfw: true, rate_limit_per_user: 5, bitrate: 32000, user_limit: 9, rtc_region: rotterdam, video_quality_mode: full";
    let sent_talk = r#""nsfw":true,"rate_limit_per_user":5,"bitrate":32000,"user_limit":9,"rtc_region":"rotterdam","video_quality_mode":2"#;
    let forum = "tags: [help], default_reaction_emoji: 🙂, default_sort_order: creation_date, default_tag_setting: match_all, require_tag: true";
    let sent_forum = r#""available_tags":[{"name":"help","moderated":false,"emoji_id":null,"emoji_name":null}],"default_reaction_emoji":{"emoji_id":null,"emoji_name":"🙂"},"default_sort_order":1"#;
    let none = r#""permission_overwrites":[]"#;
    vec![
        new("text", &format!("topic: One, nsfw: true, rate_limit_per_user: 5, {thread}"), &format!(
            r#""name":"it","type":0,"topic":"One","nsfw":true,"rate_limit_per_user":5,{sent_thread},{none}"#
        )),
        new("announcement", &format!("topic: One, {thread}, spoiler: true"), &format!(
            r#""name":"it","type":5,"topic":"One",{sent_thread},"flags":2097152,{none}"#
        )),
        new("voice", talk, &format!(r#""name":"it","type":2,{sent_talk},{none}"#)),
        new("stage", talk, &format!(r#""name":"it","type":13,{sent_talk},{none}"#)),
        new("forum", &format!("{forum}, default_forum_layout: list_view"), &format!(
            r#""name":"it","type":15,{sent_forum},"default_forum_layout":1,"default_tag_setting":"match_all","flags":16,{none}"#
        )),
        new("media", &format!("{forum}, hide_media_download_options: true"), &format!(
            r#""name":"it","type":16,{sent_forum},"default_tag_setting":"match_all","flags":32784,{none}"#
        )),
        Group::new("category: created whole, and its channels with its overwrites").then(
            "categories:\n  info:\n    permissions: { everyone: { deny: [view_channel] } }\n    channels: { a: {}, b: { permissions: {} } }\n",
            &[
                r#"POST /guilds/<guild>/channels {"name":"info","type":4,"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
                r#"POST /guilds/<guild>/channels {"name":"a","type":0,"parent_id":"<info>","permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
                r#"POST /guilds/<guild>/channels {"name":"b","type":0,"parent_id":"<info>","permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"0"}]}"#,
            ],
        ),
        Group::new("role: created whole").live(community).then(
            "roles:\n  it: { name: It, permissions: [kick_members], color: 255, hoist: true, mentionable: true, unicode_emoji: 🙂 }\n",
            &[r#"POST /guilds/<guild>/roles {"name":"It","permissions":"2","colors":{"primary_color":255,"secondary_color":null,"tertiary_color":null},"hoist":true,"mentionable":true,"unicode_emoji":"🙂"}"#],
        ),
    ]
}
