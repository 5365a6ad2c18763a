//! Order, moves, names, adoption and removal.

use serde_json::json;
use setai::simulator::world::Bits;

use super::groups::{Group, community};
use crate::support::harness::Harness;

pub(super) fn groups() -> Vec<Group> {
    [order(), moves(), kinds(), adoption(), names(), removal(), pruning(), limits_of_say(), composition(), sync()]
        .concat()
}

fn order() -> Vec<Group> {
    let three = |first: &str, second: &str, third: &str| format!("{{ {first}: {{}}, {second}: {{}}, {third}: {{}} }}");
    let roles = |list: String| format!("roles: {list}\n");
    let channels = |list: String| format!("channels: {list}\n");
    let categories = |list: String| format!("categories: {list}\n");
    vec![
        Group::new("roles in another order").given(roles(three("a", "b", "c"))).then(roles(three("c", "a", "b")), &[
            r#"PATCH /guilds/<guild>/roles [{"id":"<@c>","position":3},{"id":"<@a>","position":2}]"#,
        ]),
        Group::new("a new role between others").given(roles("{ a: {}, c: {} }".to_owned())).then(roles(three("a", "b", "c")), &[
            r#"POST /guilds/<guild>/roles {"name":"b","permissions":"0"}"#,
            r#"PATCH /guilds/<guild>/roles [{"id":"<@a>","position":3},{"id":"<@b>","position":2},{"id":"<@c>","position":1}]"#,
        ]),
        Group::new("a role nobody manages keeps its slot")
            .live(|discord| _ = discord.role_by_hand("theirs", Bits::NONE, 5))
            .given(roles("{ a: {}, b: {} }".to_owned()))
            .then(roles("{ b: {}, a: {} }".to_owned()), &[
                r#"PATCH /guilds/<guild>/roles [{"id":"<@theirs>","position":3},{"id":"<@b>","position":2}]"#,
            ]),
        Group::new("channels in another order").given(channels(three("a", "b", "c"))).then(channels(three("c", "b", "a")), &[
            r#"PATCH /guilds/<guild>/channels [{"id":"<c>","position":0},{"id":"<a>","position":2}]"#,
        ]),
        Group::new("a channel that moved by hand comes back").given(channels(three("a", "b", "c"))).after(
            |discord| move_to(discord, "c", 0),
            channels(three("a", "b", "c")),
            &[r#"PATCH /guilds/<guild>/channels [{"id":"<c>","position":2}]"#],
        ),
        Group::new("odd positions in the right order are no difference").given(channels(three("a", "b", "c"))).after(
            |discord| {
                move_to(discord, "a", 40);
                move_to(discord, "b", 40);
                move_to(discord, "c", 1000);
            },
            channels(three("a", "b", "c")),
            &[],
        ),
        Group::new("voice and text have orders of their own")
            .given("channels: { a: {}, talk: { type: voice }, b: {} }\n")
            .then("channels: { talk: { type: voice }, a: {}, b: {} }\n", &[]),
        Group::new("categories in another order").given(categories(three("a", "b", "c"))).then(categories(three("b", "a", "c")), &[
            r#"PATCH /guilds/<guild>/channels [{"id":"<b>","position":0},{"id":"<a>","position":1}]"#,
        ]),
        Group::new("order is left alone when the policy says so")
            .given(channels(three("a", "b", "c")))
            .then(format!("policy: {{ ignore: [channels.*.position] }}\n{}", channels(three("c", "b", "a"))), &[]),
    ]
}

fn move_to(discord: &Harness, name: &str, position: i64) {
    discord.edit(|guild| {
        let channel = guild.channels.values_mut().find(|c| c.name == name).expect("a channel");
        channel.position = position;
    });
}

fn moves() -> Vec<Group> {
    let rooms = |a: &str, b: &str| {
        format!(
            "categories:\n  one: {{ permissions: {{}}, channels: {{ {a} }} }}\n  \
             two: {{ permissions: {{ everyone: {{ deny: [connect] }} }}, channels: {{ {b} }} }}\n"
        )
    };
    let denied = r#""permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1048576"}]"#;
    vec![
        Group::new("a channel into another category, with its overwrites").given(rooms("x: {}", "y: {}")).then(
            rooms("", "y: {}, x: {}"),
            &[
                &format!(r#"PATCH /channels/<x> {{"parent_id":"<two>",{denied}}}"#),
                r#"PATCH /guilds/<guild>/channels [{"id":"<y>","position":0},{"id":"<x>","position":1}]"#,
            ],
        ),
        Group::new("a channel into an empty category").given(rooms("x: {}", "")).then(rooms("", "x: {}"), &[&format!(
            r#"PATCH /channels/<x> {{"parent_id":"<two>",{denied}}}"#
        )]),
        Group::new("a channel out of its category keeps its overwrites").given(rooms("", "x: {}")).then(
            format!("channels: {{ x: {{}} }}\n{}", rooms("", "")),
            &[r#"PATCH /channels/<x> {"parent_id":null}"#],
        ),
        Group::new("a channel into a new category").given("channels: { x: {} }\n").then(
            "categories: { one: { permissions: {}, channels: { x: {} } } }\n",
            &[
                r#"POST /guilds/<guild>/channels {"name":"one","type":4,"permission_overwrites":[]}"#,
                r#"PATCH /channels/<x> {"parent_id":"<one>"}"#,
            ],
        ),
        Group::new("a category that goes while its channel stays").given(rooms("x: {}", "")).then(
            "policy: { max_deletions: 100% }\nchannels: { x: {} }\ncategories: { two: { permissions: { everyone: { deny: [connect] } } } }\n",
            &[r#"PATCH /channels/<x> {"parent_id":null}"#, "DELETE /channels/<one>"],
        ),
    ]
}

/// What a guild has to say to become a Community.
const TURNS: &str = "settings: { verification_level: low, explicit_content_filter: all_members, rules_channel: rules, public_updates_channel: updates, features: { community: true } }\n";

fn kinds() -> Vec<Group> {
    vec![
        Group::new("text to announcement and back")
            .live(community)
            .given("channels: { a: {} }\n")
            .then("channels: { a: { type: announcement } }\n", &[r#"PATCH /channels/<a> {"type":5}"#])
            .then("channels: { a: { type: text } }\n", &[r#"PATCH /channels/<a> {"type":0}"#]),
        Group::new("text to announcement where the guild has none")
            .given("channels: { a: {} }\n")
            .then("channels: { a: { type: announcement } }\n", &[]),
        Group::new("text to announcement once the guild is a Community, and back before it is none")
            .given("channels: { rules: {}, updates: {}, news: {} }\n")
            .then(
                format!("{TURNS}channels: {{ rules: {{}}, updates: {{}}, news: {{ type: announcement, topic: Now }} }}\n"),
                &[
                    r#"PATCH /channels/<news> {"topic":"Now"}"#,
                    r#"PATCH /guilds/<guild> {"verification_level":1,"explicit_content_filter":2,"rules_channel_id":"<rules>","public_updates_channel_id":"<updates>","features":["COMMUNITY"]}"#,
                    r#"PATCH /channels/<news> {"type":5}"#,
                ],
            )
            .then(
                "settings: { features: { community: false } }\nchannels: { rules: {}, updates: {}, news: {} }\n",
                &[r#"PATCH /channels/<news> {"type":0}"#, r#"PATCH /guilds/<guild> {"features":["NEWS"]}"#],
            ),
        Group::new("a guild that has the two channels of a Community names them once more when it becomes one")
            .given("settings: { verification_level: low, explicit_content_filter: all_members, rules_channel: rules, public_updates_channel: updates }\nchannels: { rules: {}, updates: {} }\n")
            .then(
                format!("{TURNS}channels: {{ rules: {{}}, updates: {{}} }}\n"),
                &[r#"PATCH /guilds/<guild> {"rules_channel_id":"<rules>","public_updates_channel_id":"<updates>","features":["COMMUNITY"]}"#],
            ),
        Group::new("text to voice cannot be")
            .given("channels: { a: {} }\n")
            .then("channels: { a: { type: voice } }\n", &[]),
    ]
}

fn adoption() -> Vec<Group> {
    vec![
        Group::new("a role of that name is adopted")
            .live(|discord| _ = discord.role_by_hand("Crew", Bits::NONE, 5))
            .then(
                "roles: { crew: { name: Crew, hoist: true } }\n",
                &[r#"PATCH /guilds/<guild>/roles/<@Crew> {"hoist":true}"#],
            ),
        Group::new("a channel of that kind, place and name is adopted")
            .live(|discord| _ = discord.channel_by_hand(json!({"name": "general-chat"})))
            .then(
                "channels: { lobby: { name: General Chat!, topic: One } }\n",
                &[r#"PATCH /channels/<general-chat> {"topic":"One"}"#],
            ),
        Group::new("a channel of another kind is not adopted")
            .live(|discord| _ = discord.channel_by_hand(json!({"name": "talk", "type": 2})))
            .then(
                "channels: { talk: {} }\n",
                &[r#"POST /guilds/<guild>/channels {"name":"talk","type":0,"permission_overwrites":[]}"#],
            ),
        Group::new("a category is adopted, and the channel in it")
            .live(|discord| {
                let category = discord.channel_by_hand(json!({"name": "Info", "type": 4}));
                discord.channel_by_hand(json!({"name": "rules", "parent_id": category}));
            })
            .then("categories: { info: { name: Info, channels: { rules: {} } } }\n", &[]),
        Group::new("a key that is certainly new adopts nothing")
            .live(|discord| _ = discord.channel_by_hand(json!({"name": "lobby", "topic": "theirs"})))
            .then(
                "channels: { mine: { name: lobby, previously: [] } }\n",
                &[r#"POST /guilds/<guild>/channels {"name":"lobby","type":0,"permission_overwrites":[]}"#],
            ),
    ]
}

fn names() -> Vec<Group> {
    let rename_by_hand = |discord: &Harness| {
        discord.edit(|guild| {
            guild.channels.values_mut().find(|c| c.name == "rules").expect("a channel").name = "laws".to_owned();
            guild.roles.values_mut().find(|r| r.name == "Crew").expect("a role").name = "Team".to_owned();
        });
    };
    let both = "roles: { crew: { name: Crew } }\nchannels: { rules: {} }\n";
    vec![
        Group::new("renamed by `previously`: nothing is sent")
            .given("channels: { rules: {} }\n")
            .then("channels: { laws: { name: rules, previously: [rules] } }\n", &[]),
        Group::new("renamed by key and name together")
            .given("channels: { rules: {} }\n")
            .then("channels: { laws: { previously: [rules] } }\n", &[r#"PATCH /channels/<rules> {"name":"laws"}"#]),
        Group::new("a role renamed by `previously`")
            .given("roles: { crew: { name: Crew } }\n")
            .then("roles: { team: { name: Crew, previously: [crew] } }\n", &[]),
        Group::new("renamed by name").given(both).then(
            "roles: { crew: { name: Team } }\nchannels: { rules: { name: laws } }\n",
            &[r#"PATCH /guilds/<guild>/roles/<@Crew> {"name":"Team"}"#, r#"PATCH /channels/<rules> {"name":"laws"}"#],
        ),
        Group::new("renamed by hand: the name comes back, the object stays").given(both).after(
            rename_by_hand,
            both,
            &[r#"PATCH /guilds/<guild>/roles/<@Team> {"name":"Crew"}"#, r#"PATCH /channels/<laws> {"name":"rules"}"#],
        ),
        Group::new("a name Discord rewrites is no difference").then(
            "channels: { a: { name: General Chat! } }\n",
            &[r#"POST /guilds/<guild>/channels {"name":"general-chat","type":0,"permission_overwrites":[]}"#],
        ),
    ]
}

fn removal() -> Vec<Group> {
    let two = "channels: { a: {}, b: {} }\n";
    let policy = |how: &str| format!("policy: {{ on_remove: {how}, max_deletions: 100% }}\nchannels: {{ a: {{}} }}\n");
    let hidden = r#""permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]"#;
    let archive = format!(r#"POST /guilds/<guild>/channels {{"name":"Archive","type":4,{hidden}}}"#);
    let archived = format!(r#"PATCH /channels/<b> {{"parent_id":"<Archive>",{hidden}}}"#);
    vec![
        Group::new("a channel is archived, and comes back")
            .given(two)
            .then(policy("archive"), &[&archive, &archived])
            .then(
                two,
                &[
                    r#"PATCH /channels/<b> {"parent_id":null}"#,
                    r#"PATCH /guilds/<guild>/channels [{"id":"<b>","position":1}]"#,
                ],
            ),
        Group::new("a channel is deleted").given(two).then(policy("delete"), &["DELETE /channels/<b>"]),
        Group::new("a channel is forgotten").given(two).then(policy("forget"), &[]),
        Group::new("a role is deleted").given("roles: { a: {}, b: { permissions: [view_channel] } }\n").then(
            "policy: { on_remove: delete, max_deletions: 100% }\nroles: { a: {} }\n",
            &["DELETE /guilds/<guild>/roles/<@b>"],
        ),
        Group::new("a role is not archived")
            .given("roles: { a: {}, b: {} }\n")
            .then("policy: { max_deletions: 100% }\nroles: { a: {} }\n", &[]),
        Group::new("a category with channels nobody manages stays")
            .given("categories: { info: {} }\nchannels: { a: {} }\n")
            .after(
                |discord| {
                    let info = discord.edit(|guild| guild.channel_named("info").expect("a category").id);
                    discord.channel_by_hand(json!({"name": "theirs", "parent_id": info}));
                },
                "policy: { on_remove: delete, max_deletions: 100% }\nchannels: { a: {} }\n",
                &[],
            ),
    ]
}

fn pruning() -> Vec<Group> {
    let theirs = |discord: &Harness| {
        discord.channel_by_hand(json!({"name": "theirs"}));
        discord.role_by_hand("Theirs", Bits::NONE, 3);
    };
    let policy = |prune: &str| {
        format!(
            "policy: {{ prune: {prune}, on_remove: delete, max_deletions: 100% }}\nchannels: {{ a: {{}} }}\nroles: {{ r: {{}} }}\n"
        )
    };
    let more = "channels: { a: {}, b: {} }\nroles: { r: {}, s: {} }\n";
    vec![
        Group::new("prune none removes nothing").live(theirs).given(more).then(policy("none"), &[]),
        Group::new("prune managed removes what was ours")
            .live(theirs)
            .given(more)
            .then(policy("managed"), &["DELETE /channels/<b>", "DELETE /guilds/<guild>/roles/<@s>"]),
        Group::new("prune all removes everything else").live(theirs).given(more).then(
            policy("all"),
            &[
                "DELETE /channels/<theirs>",
                "DELETE /channels/<b>",
                "DELETE /guilds/<guild>/roles/<@Theirs>",
                "DELETE /guilds/<guild>/roles/<@s>",
            ],
        ),
    ]
}

fn limits_of_say() -> Vec<Group> {
    vec![
        Group::new("an ignored field is neither compared nor written")
            .given("channels: { a: { topic: One } }\n")
            .then("policy: { ignore: [channels.*.topic] }\nchannels: { a: { topic: Two, nsfw: true } }\n", &[
                r#"PATCH /channels/<a> {"nsfw":true}"#,
            ]),
        Group::new("ignored permissions")
            .given("channels: { a: { permissions: {} } }\n")
            .then("policy: { ignore: [channels.a.permissions] }\nchannels: { a: { permissions: { everyone: { deny: [view_channel] } } } }\n", &[]),
        Group::new("an ignored setting")
            .given("settings: { name: One guild }\n")
            .then("policy: { ignore: [settings.name] }\nsettings: { name: Two guilds }\n", &[]),
        Group::new("a field nobody speaks of is left alone")
            .given("channels: { a: { topic: One, nsfw: true } }\n")
            .then("channels: { a: {} }\n", &[]),
        Group::new("a protected channel stays")
            .given("policy: { protect: [channels.b] }\nchannels: { a: {}, b: {} }\n")
            .then("policy: { on_remove: delete, max_deletions: 100% }\nchannels: { a: {} }\n", &[]),
        Group::new("a protected role stays")
            .given("policy: { protect: [roles.b] }\nroles: { a: {}, b: {} }\n")
            .then("policy: { on_remove: delete, max_deletions: 100% }\nroles: { a: {} }\n", &[]),
        Group::new("a managed role is never removed")
            .live(|discord| {
                let id = discord.role_by_hand("Boosters", Bits::NONE, 3);
                discord.edit(|guild| guild.roles.get_mut(&id).expect("a role").managed = true);
            })
            .given("channels: { a: {} }\n")
            .then("policy: { prune: all, on_remove: delete, max_deletions: 100% }\nchannels: { a: {} }\n", &[]),
    ]
}

fn composition() -> Vec<Group> {
    vec![
        Group::new("a manifest of several files").then(
            "include: [roles.yaml, channels/*.yaml]\n--- roles.yaml\nroles: { a: {} }\n--- channels/one.yaml\nchannels: { b: {} }\n",
            &[
                r#"POST /guilds/<guild>/roles {"name":"a","permissions":"0"}"#,
                r#"POST /guilds/<guild>/channels {"name":"b","type":0,"permission_overwrites":[]}"#,
            ],
        ),
        Group::new("a manifest over another: the later word wins, null removes").then(
            "extends: base.yaml\nchannels: { a: { topic: Two }, b: null }\n--- base.yaml\nversion: 1\nchannels: { a: { topic: One, nsfw: true }, b: {} }\n",
            &[r#"POST /guilds/<guild>/channels {"name":"a","type":0,"topic":"Two","nsfw":true,"permission_overwrites":[]}"#],
        ),
        Group::new("sets of permissions build on each other").then(
            "permission_sets:\n  read: { allow: [view_channel], deny: [send_messages] }\n  write: { extends: [read], allow: [send_messages] }\n\
             access: { notices: { everyone: read, crew: write } }\nroles: { crew: {} }\nchannels: { a: { permissions: notices } }\n",
            &[
                r#"POST /guilds/<guild>/roles {"name":"crew","permissions":"0"}"#,
                r#"POST /guilds/<guild>/channels {"name":"a","type":0,"permission_overwrites":[{"id":"<guild>","type":0,"allow":"1024","deny":"2048"},{"id":"<@crew>","type":0,"allow":"3072","deny":"0"}]}"#,
            ],
        ),
    ]
}

/// Everything a guard would deny first, and the view.
const DENIED: &str =
    "view_channel, connect, send_messages, add_reactions, use_embedded_activities, send_tts_messages, priority_speaker";

fn sync() -> Vec<Group> {
    let info = |bits: &str, b: &str| {
        format!(
            "categories:\n  info:\n    permissions: {{ everyone: {{ deny: [{bits}] }} }}\n    channels: {{ a: {{}}, b: {{ {b} }} }}\n"
        )
    };
    let category = |bits: u64| {
        format!(
            r#"PATCH /channels/<info> {{"permission_overwrites":[{{"id":"<guild>","type":0,"allow":"0","deny":"{bits}"}}]}}"#
        )
    };
    let guarded = |bits: u64| category(bits).replace("<info>", "<b>");
    let own = "permissions: { everyone: { deny: [view_channel] } }";
    vec![
        Group::new("channels follow their category without a request").given(info("view_channel", "")).then(
            info("connect", ""),
            &[&category(1 << 20)],
        ),
        Group::new("a channel that stays as it is, is guarded").given(info("view_channel", "")).then(
            info("connect", own),
            &[
                r#"PATCH /channels/<b> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1280"}]}"#,
                &category(1 << 20),
                r#"PATCH /channels/<b> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
            ],
        ),
        Group::new("a channel that ends different leaves first").given(info("view_channel", "")).then(
            info("connect", "permissions: {}"),
            &[r#"PATCH /channels/<b> {"permission_overwrites":[]}"#, &category(1 << 20)],
        ),
        Group::new("a channel changed by hand is synced again").given(info("view_channel", "")).after(
            |discord| {
                discord.edit(|guild| {
                    let b = guild.channels.values_mut().find(|c| c.name == "b").expect("a channel");
                    b.permission_overwrites.clear();
                });
            },
            info("view_channel", ""),
            &[r#"PATCH /channels/<b> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#],
        ),
        Group::new("what is archived leaves before its category opens").given(info("view_channel", "")).then(
            "policy: { max_deletions: 100% }\ncategories: { info: { permissions: {}, channels: { a: {} } } }\n",
            &[
                r#"POST /guilds/<guild>/channels {"name":"Archive","type":4,"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
                r#"PATCH /channels/<b> {"parent_id":"<Archive>"}"#,
                r#"PATCH /channels/<info> {"permission_overwrites":[]}"#,
            ],
        ),
        Group::new("what is deleted is hidden before its category opens").given(info("connect", "")).then(
            "policy: { on_remove: delete, max_deletions: 100% }\ncategories: { info: { permissions: {}, channels: { a: {} } } }\n",
            &[
                r#"PATCH /channels/<b> {"permission_overwrites":[{"id":"<guild>","type":0,"allow":"0","deny":"1024"}]}"#,
                r#"PATCH /channels/<info> {"permission_overwrites":[]}"#,
                "DELETE /channels/<b>",
            ],
        ),
        deletion_of_roles(),
        Group::new("an entry that says nothing is not written, and nothing waits for its role").then(
            "roles: { guest: {} }\nchannels: { a: { permissions: { guest: {} } } }\n",
            &[
                r#"POST /guilds/<guild>/roles {"name":"guest","permissions":"0"}"#,
                r#"POST /guilds/<guild>/channels {"name":"a","type":0,"permission_overwrites":[]}"#,
            ],
        ),
        Group::new("a guard differs even where everything harmless is denied already")
            .given(info(DENIED, ""))
            .then(info("connect", &format!("permissions: {{ everyone: {{ deny: [{DENIED}] }} }}")), &[
                &guarded((1 << 8) | (1 << 12) | (1 << 39) | (1 << 6) | (1 << 11) | (1 << 20) | (1 << 10) | 1),
                &category(1 << 20),
                &guarded((1 << 8) | (1 << 12) | (1 << 39) | (1 << 6) | (1 << 11) | (1 << 20) | (1 << 10)),
            ]),
        Group::new("a role that is deleted is not let into a channel that is synced again")
            .given("roles: { guest: {} }\ncategories: { info: { channels: { a: { permissions: {} } } } }\n")
            .after(
                |discord| {
                    let guest = discord.edit(|guild| guild.role_named("guest").expect("a role").id);
                    let info = discord.edit(|guild| guild.channel_named("info").expect("a category").id);
                    let allowed = json!({"type": 0, "allow": "2048"});
                    discord.by_hand("PUT", &format!("/channels/{info}/permissions/{guest}"), allowed);
                    let a = discord.edit(|guild| guild.channel_named("a").expect("a channel").id);
                    discord.edit(|guild| guild.channels.get_mut(&a).expect("found above").permission_overwrites.clear());
                },
                "policy: { on_remove: delete, max_deletions: 100% }\ncategories: { info: { channels: { a: {} } } }\n",
                &["DELETE /guilds/<guild>/roles/<@guest>"],
            ),
    ]
}

/// One role lets its members in, the other keeps its members from writing: whichever goes first, somebody with both could
/// do what they never could. So both leave the channel together.
fn deletion_of_roles() -> Group {
    let roles = "roles: { lets-in: {}, silences: {}, everyone: { permissions: [send_messages] } }\n";
    Group::new("roles that are deleted leave a channel together")
        .given(format!(
            "{roles}channels: {{ a: {{ permissions: {{ lets-in: {{ allow: [view_channel] }}, silences: {{ deny: [send_messages] }} }} }} }}\n"
        ))
        .then(
            "policy: { on_remove: delete, max_deletions: 100% }\nroles: { everyone: { permissions: [send_messages] } }\nchannels: { a: { permissions: unmanaged } }\n",
            &[
                r#"PATCH /channels/<a> {"permission_overwrites":[]}"#,
                "DELETE /guilds/<guild>/roles/<@lets-in>",
                "DELETE /guilds/<guild>/roles/<@silences>",
            ],
        )
}
