//! Reading a guild, and who the bot is in it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use setai::discord::{Disposition, Error};
use setai::model::{Bot, ChannelId, Facet, Permissions, RoleId, UserId, Visibility};

use crate::discord_script::{GUILD, Reply, Script, answer, refusal};

const ME: UserId = UserId::new(80_351_110_224_678_912);

pub(crate) fn role(id: &str, name: &str, position: i64) -> Value {
    json!({
        "id": id, "name": name, "permissions": "0", "position": position, "color": 0, "hoist": false, "managed": false,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null }, "mentionable": false,
    })
}

/// A guild with these roles besides @everyone, who may view channels.
pub(crate) fn guild(roles: &[Value]) -> Value {
    let mut everyone = role("1146231231231231232", "@everyone", 0);
    everyone["permissions"] = json!("1024");
    let roles: Vec<Value> = roles.iter().cloned().chain([everyone]).collect();
    json!({
        "id": GUILD.to_string(), "owner_id": "1", "name": "Rust Study Group", "roles": roles, "premium_tier": 0,
        "mfa_level": 0, "description": null, "verification_level": 1, "default_message_notifications": 1,
        "explicit_content_filter": 2, "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null,
        "system_channel_flags": 0, "rules_channel_id": null, "public_updates_channel_id": null,
        "safety_alerts_channel_id": null, "preferred_locale": "en-US", "premium_progress_bar_enabled": false,
        "features": [], "icon": null, "splash": null, "discovery_splash": null, "banner": null,
    })
}

pub(crate) fn channel(id: &str, kind: u8, name: &str, position: i64, parent: Option<&str>) -> Value {
    json!({
        "id": id, "type": kind, "guild_id": GUILD.to_string(), "name": name, "position": position,
        "parent_id": parent, "permission_overwrites": [],
    })
}

fn member(roles: &[&str], until: Option<String>) -> Reply {
    answer(200, json!({ "user": { "id": ME.to_string() }, "roles": roles, "communication_disabled_until": until }))
}

#[tokio::test]
async fn a_snapshot_is_two_requests_and_in_canonical_order() {
    let guild = guild(&[role("11", "low", 1), role("13", "tied, newer", 2), role("12", "tied, older", 2)]);
    let channels = json!([
        channel("25", 2, "voice", 0, None),
        channel("22", 0, "second", 5, None),
        channel("23", 0, "third", 5, None),
        channel("20", 4, "category", 0, None),
        channel("21", 0, "first", 1, None),
        { "id": "29", "type": 11, "name": "a thread", "parent_id": "21" },
    ]);
    let script = Script::new([answer(200, guild), answer(200, channels)]);
    let snapshot = script.client().snapshot(GUILD).await.expect("a guild");
    assert_eq!(
        script.lines(),
        ["GET /api/v10/guilds/1146231231231231232", "GET /api/v10/guilds/1146231231231231232/channels"]
    );
    let roles: Vec<&str> = snapshot.guild.roles.iter().map(|r| r.attributes.name.as_str()).collect();
    assert_eq!(roles, ["tied, older", "tied, newer", "low", "@everyone"]);
    let channels: Vec<&str> = snapshot.guild.channels.iter().map(|c| c.attributes.name.as_str()).collect();
    assert_eq!(channels, ["first", "second", "third", "voice", "category"]);
    assert!(matches!(snapshot.bot, Facet::Unknown(_)));
}

#[tokio::test]
async fn what_is_referred_to_and_not_shown_is_hidden() {
    let mut guild = guild(&[]);
    guild["rules_channel_id"] = json!("31");
    guild["system_channel_id"] = json!("21");
    let mut masked = channel("32", 0, "___hidden___", 1, None);
    masked["flags"] = json!(1 << 17);
    let channels = json!([channel("21", 0, "seen", 1, Some("30")), channel("22", 0, "seen", 1, Some("30")), masked]);
    let script = Script::new([answer(200, guild), answer(200, channels)]);
    let snapshot = script.client().snapshot(GUILD).await.expect("a guild");
    assert_eq!(snapshot.hidden, [30, 31, 32].map(ChannelId::new));
    assert_eq!(snapshot.guild.channels.len(), 2, "a mask is not a channel");
    assert_eq!(snapshot.visibility(), Visibility::Partial { hidden: snapshot.hidden.clone() });
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_never_a_guild() {
    let mut of_another = guild(&[role("2", "@everyone", 0)]);
    of_another["id"] = json!("2");
    let mut without_roles = guild(&[]);
    without_roles.as_object_mut().expect("an object").remove("roles");
    let mut without_everyone = guild(&[]);
    without_everyone["roles"] = json!([role("11", "low", 1)]);
    let no_overwrites = json!([{ "id": "21", "type": 0, "name": "x", "position": 1 }]);
    let cases = [
        (of_another, json!([])),
        (without_roles, json!([])),
        (without_everyone, json!([])),
        (json!({}), json!([])),
        (json!(null), json!([])),
        (guild(&[]), json!({})),
        (guild(&[]), json!(null)),
        (guild(&[]), no_overwrites),
    ];
    for (guild, channels) in cases {
        let script = Script::new([answer(200, guild.clone()), answer(200, channels.clone())]);
        let error = script.client().snapshot(GUILD).await.expect_err("not whole");
        assert!(matches!(error, Error::Malformed { .. }), "{guild} {channels}: {error:?}");
    }
    for cut in ["", "[", "{\"id\":\"1146231231231231232\""] {
        let script = Script::new([crate::discord_script::with_headers(200, &[], cut)]);
        assert!(matches!(script.client().snapshot(GUILD).await, Err(Error::Malformed { .. })), "{cut:?}");
    }
}

#[tokio::test]
async fn a_guild_the_bot_is_not_in_is_refused_and_not_gone() {
    for reply in [refusal(404, 10004, "Unknown Guild"), refusal(403, 50001, "Missing Access")] {
        let script = Script::new([reply]);
        let error = script.client().snapshot(GUILD).await.expect_err("no guild");
        assert_eq!(error.disposition(), Disposition::Refused, "{error}");
    }
}

#[tokio::test]
async fn the_bot_is_known_after_one_request() {
    let script = Script::new([
        answer(200, guild(&[role("11", "bot", 1)])),
        answer(200, json!([])),
        member(&["11"], None),
        member(&[], None),
    ]);
    let client = script.client();
    let mut snapshot = client.snapshot(GUILD).await.expect("a guild");
    client.identify(&mut snapshot).await.expect("a member");
    assert_eq!(snapshot.bot, Facet::Known(Bot { user: ME, roles: vec![RoleId::new(11)], timed_out: false }));
    assert_eq!(snapshot.bot_permissions(), Some(Permissions::VIEW_CHANNEL));
    client.identify(&mut snapshot).await.expect("a member");
    let path = "GET /api/v10/guilds/1146231231231231232/members/80351110224678912";
    assert_eq!(script.lines()[2..], [path, path]);
}

#[tokio::test]
async fn a_token_that_does_not_tell_the_bots_id_costs_one_request_in_its_life() {
    let unknown_member = || refusal(404, 10007, "Unknown Member");
    let me = || answer(200, json!({ "id": ME.to_string(), "username": "setai", "bot": true }));
    let guild_read = || [answer(200, guild(&[])), answer(200, json!([]))];
    for (token, first) in [("demo", vec![]), ("OTk5OTk5OTk5OTk5OTk5OTk5.of.another", vec![unknown_member()])] {
        let replies = guild_read().into_iter().chain(first.clone()).chain([me(), member(&[], None), member(&[], None)]);
        let script = Script::new(replies);
        let client = script.client_with(|settings| settings.token = token.to_owned().into());
        let mut snapshot = client.snapshot(GUILD).await.expect("a guild");
        client.identify(&mut snapshot).await.expect("a member");
        assert_eq!(snapshot.bot.known().map(|bot| bot.user), Some(ME));
        client.identify(&mut snapshot).await.expect("a member");
        assert_eq!(script.lines().len(), 5 + first.len(), "{token}");
        assert!(script.is_used_up());
    }
}

#[tokio::test]
async fn a_bot_in_time_out_is_seen() {
    for (minutes, timed_out) in [(-1, false), (1, true)] {
        let script = Script::new([]);
        let until = (script.clock.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let replies = [answer(200, guild(&[])), answer(200, json!([])), member(&[], Some(until))];
        let script = Script::new(replies);
        let client = script.client();
        let mut snapshot = client.snapshot(GUILD).await.expect("a guild");
        client.identify(&mut snapshot).await.expect("a member");
        assert_eq!(snapshot.bot.known().map(|bot| bot.timed_out), Some(timed_out));
    }
}

#[tokio::test]
async fn all_guilds_are_listed_page_by_page() {
    let page = |ids: std::ops::Range<u64>| {
        let guild =
            |id: u64| json!({ "id": id.to_string(), "name": format!("g{id}"), "owner": false, "permissions": "8" });
        answer(200, ids.map(guild).collect())
    };
    let script = Script::new([page(1..201), page(201..204)]);
    let guilds = script.client().guilds().await.expect("guilds");
    assert_eq!(guilds.len(), 203);
    assert!(guilds.iter().all(|guild| guild.permissions == Permissions::ADMINISTRATOR));
    assert_eq!(script.lines()[1], "GET /api/v10/users/@me/guilds?after=200&limit=200");
}

#[tokio::test]
async fn the_application_has_raw_flags() {
    let script =
        Script::new([answer(200, json!({ "id": "5", "name": "setai", "flags": 8_953_856, "bot_public": true }))]);
    let application = script.client().application().await.expect("an application");
    assert_eq!((application.id.as_str(), application.flags), ("5", 8_953_856));
}
