//! Guild settings, Community, the audit log, and who the caller is.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use setai::simulator::Act;
use setai::simulator::world::{Bits, NotInGuild, action};

use crate::support::harness::Harness;

#[tokio::test]
async fn f22_moves_leave_no_trace_and_edits_leave_the_decoded_reason() {
    let discord = Harness::new();
    let [a, b] = ["a", "b"].map(|name| discord.channel_by_hand(json!({"name": name})));
    let role = discord.role_by_hand("r", Bits::NONE, 1);
    let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
    let before = discord.audited();
    discord
        .patch(&discord.in_guild("/channels"), json!([{"id": a, "position": 9}, {"id": b, "position": 8}]))
        .await
        .ok();
    discord.patch(&discord.in_guild("/roles"), json!([{"id": role, "position": 2}])).await.ok();
    discord.patch(&format!("/channels/{a}"), json!({"position": 3})).await.ok();
    discord.patch(&format!("/channels/{a}"), json!({"parent_id": category})).await.ok();
    discord.patch(&format!("/channels/{a}"), json!({"name": "a"})).await.ok();
    assert_eq!(discord.audited(), before, "neither moves nor edits without effect");

    let reason = Some("plan%207%20%E2%9C%93");
    discord.send("PATCH", &format!("/channels/{a}"), json!({"topic": "t"}), "t", reason).await.ok();
    let overwrite = json!({"permission_overwrites": [{"id": role, "type": 0, "allow": "1024", "deny": "0"}]});
    discord.send("PATCH", &format!("/channels/{b}"), overwrite, "t", reason).await.ok();
    discord.send("DELETE", &discord.in_guild(&format!("/roles/{role}")), Value::Null, "t", reason).await.ok();
    let said = Some("plan 7 ✓".to_owned());
    let expected = [action::CHANNEL_UPDATE, action::OVERWRITE_CREATE, action::ROLE_DELETE].map(|a| (a, said.clone()));
    assert_eq!(discord.audited()[before.len()..], expected);

    let log = discord.get(&discord.in_guild("/audit-logs?action_type=11&limit=1")).await.ok();
    let entry = &log["audit_log_entries"][0];
    assert_eq!((&entry["reason"], &entry["user_id"]), (&json!("plan 7 ✓"), &json!(discord.bot)));
    assert_eq!(entry["changes"], json!([{"key": "topic", "new_value": "t"}]));
    assert_eq!(log["users"][0]["id"], json!(discord.bot));
}

#[tokio::test]
async fn the_audit_log_is_read_from_both_ends() {
    let discord = Harness::new();
    for name in ["one", "two", "three"] {
        discord.post(&discord.in_guild("/roles"), json!({"name": name})).await.ok();
    }
    let entries = async |query: &str| {
        let log = discord.get(&discord.in_guild(&format!("/audit-logs?{query}"))).await.ok();
        let entries = log["audit_log_entries"].as_array().expect("entries").clone();
        entries.iter().map(|e| e["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let newest = entries("limit=100").await;
    assert_eq!(newest.len(), 3);
    let oldest = entries("after=0").await;
    assert_eq!(oldest.iter().rev().cloned().collect::<Vec<_>>(), newest);
    assert_eq!(entries(&format!("before={}", newest[0])).await, newest[1..]);
    assert_eq!(entries(&format!("user_id={}", discord.owner)).await, Vec::<String>::new());
    discord.limit_bot(Bits::VIEW_CHANNEL);
    assert_eq!(discord.get(&discord.in_guild("/audit-logs")).await.refusal(), (403, 50_013));
}

#[tokio::test]
async fn reasons_are_at_most_512_characters_of_encoded_text() {
    let discord = Harness::new();
    let path = discord.in_guild("/roles");
    let long = "%C3%BC".repeat(512);
    assert_eq!(discord.send("POST", &path, json!({}), "t", Some(&long)).await.status, 200);
    assert_eq!(discord.audited().last().and_then(|(_, reason)| reason.clone()), Some("ü".repeat(512)));
    let longer = "x".repeat(513);
    assert_eq!(discord.send("POST", &path, json!({}), "t", Some(&longer)).await.refusal(), (400, 50_035));
    assert_eq!(discord.send("POST", &path, json!({}), "t", Some("raw ü")).await.refusal(), (400, 50_035));
}

#[tokio::test]
async fn f28_channels_that_community_needs_cannot_be_deleted() {
    for status in [400, 403] {
        let discord = Harness::switched(|s| s.statuses.community_channel = status);
        let rules = discord.channel_by_hand(json!({"name": "rules"}));
        discord.by_hand("PATCH", &discord.in_guild(""), json!({"rules_channel_id": rules}));
        discord.edit(|guild| guild.features.push("COMMUNITY".to_owned()));
        assert_eq!(discord.delete(&format!("/channels/{rules}")).await.refusal(), (status, 50_074));
        discord.edit(|guild| guild.features.clear());
        assert_eq!(discord.delete(&format!("/channels/{rules}")).await.status, 200);
        assert_eq!(discord.get(&discord.in_guild("")).await.ok()["rules_channel_id"], Value::Null);
    }
}

#[tokio::test]
async fn f29_community_needs_an_administrator_and_its_channels_in_the_same_request() {
    for needs_safety in [true, false] {
        let discord = Harness::switched(|s| s.community_needs_safety = needs_safety);
        discord.edit(|guild| guild.features.push("VIP_REGIONS".to_owned()));
        let [rules, updates] = ["rules", "updates"].map(|name| discord.channel_by_hand(json!({"name": name})));
        let path = discord.in_guild("");
        let whole = json!({"features": ["COMMUNITY"], "rules_channel_id": rules, "public_updates_channel_id": updates});
        discord.limit_bot(Bits::MANAGE_GUILD);
        assert_eq!(discord.patch(&path, whole.clone()).await.refusal(), (403, 50_013));
        discord.limit_bot(Bits::ADMINISTRATOR);
        assert_eq!(discord.patch(&path, json!({"features": ["COMMUNITY"]})).await.refusal(), (403, 40_006));
        assert_eq!(discord.patch(&path, whole.clone()).await.status == 200, !needs_safety);
        let mut safe = whole;
        safe["verification_level"] = json!(1);
        safe["explicit_content_filter"] = json!(2);
        let community = discord.patch(&path, safe).await.ok();
        assert_eq!(community["features"], json!(["VIP_REGIONS", "COMMUNITY", "NEWS"]), "what was left out stays");
        let left = discord.patch(&path, json!({"features": []})).await.ok();
        assert_eq!(left["features"], json!(["VIP_REGIONS"]));
        assert_eq!(discord.patch(&path, json!({"features": ["PARTNERED"]})).await.refusal(), (400, 50_035));
    }
}

#[tokio::test]
async fn the_verification_gate_can_be_taken_away_and_not_put_up() {
    let discord = Harness::new();
    let (path, gate) = (discord.in_guild(""), json!({"features": ["MEMBER_VERIFICATION_GATE_ENABLED"]}));
    assert_eq!(discord.patch(&path, gate.clone()).await.refusal(), (400, 50_035));
    discord.edit(|guild| guild.features.push("MEMBER_VERIFICATION_GATE_ENABLED".to_owned()));
    assert_eq!(discord.patch(&path, gate.clone()).await.ok()["features"], gate["features"]);
    assert_eq!(discord.patch(&path, json!({"features": []})).await.ok()["features"], json!([]));
}

#[tokio::test]
async fn settings_are_trimmed_checked_and_kept() {
    let discord = Harness::new();
    let path = discord.in_guild("");
    discord.edit(|guild| guild.system_channel_flags = 1 << 8);
    let changed =
        json!({"name": "  New Name ", "description": "d", "afk_timeout": 900, "system_channel_flags": 1 << 8 | 1});
    let guild = discord.patch(&path, changed).await.ok();
    assert_eq!((&guild["name"], &guild["system_channel_flags"]), (&json!("New Name"), &json!(1 << 8 | 1)));
    assert_eq!(discord.patch(&path, json!({"name": " x "})).await.refusal(), (400, 50_035));
    assert_eq!(discord.nonsense("PATCH", &path, json!({"afk_timeout": 61})).await.refusal(), (400, 50_035));
    let text = discord.channel_by_hand(json!({"name": "a"}));
    let voice = discord.channel_by_hand(json!({"name": "v", "type": 2}));
    assert_eq!(discord.patch(&path, json!({"afk_channel_id": text})).await.refusal(), (400, 50_035));
    assert_eq!(discord.patch(&path, json!({"afk_channel_id": voice})).await.ok()["afk_channel_id"], json!(voice));
    assert_eq!(discord.patch(&path, json!({"rules_channel_id": voice})).await.refusal(), (400, 50_086));
    discord.limit_bot(Bits::MANAGE_ROLES);
    assert_eq!(discord.patch(&path, json!({"name": "no"})).await.refusal(), (403, 50_013));
}

#[tokio::test]
async fn f40_a_bot_that_loses_its_footing_meets_403_from_then_on() {
    let discord = Harness::new();
    discord.limit_bot(Bits::MANAGE_ROLES | Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS);
    let role = discord.role_by_hand("r", Bits::NONE, 1);
    let path = discord.in_guild(&format!("/roles/{role}"));
    assert_eq!(discord.patch(&path, json!({"name": "x"})).await.status, 200);
    let member = discord.in_guild(&format!("/members/{}", discord.bot));
    discord.by_hand("PATCH", &member, json!({"communication_disabled_until": "2026-11-20T00:00:00Z"}));
    assert_eq!(discord.patch(&path, json!({"name": "y"})).await.refusal(), (403, 50_013), "timed out");
    assert_eq!(discord.get(&discord.in_guild("/channels")).await.status, 200, "and still looking");
    discord.by_hand("PATCH", &member, json!({"communication_disabled_until": null}));
    discord.edit(|guild| guild.roles.get_mut(&role).expect("made").position = 11);
    assert_eq!(discord.patch(&path, json!({"name": "y"})).await.refusal(), (403, 50_013), "below");
    let bot = discord.bot;
    discord.edit(|guild| guild.members.get_mut(&bot).expect("there").roles.clear());
    assert_eq!(discord.post(&discord.in_guild("/roles"), json!({})).await.refusal(), (403, 50_013), "without its role");
}

#[tokio::test]
async fn two_factor_authentication_is_demanded_of_the_bots_owner() {
    let discord = Harness::new();
    discord.edit(|guild| guild.mfa_level = 1);
    let path = discord.in_guild("/roles");
    assert_eq!(discord.post(&path, json!({})).await.status, 200);
    let bot = discord.bot;
    discord.simulator.with_world(|world| {
        let bot = world.users.get_mut(&bot).expect("the bot");
        bot.application.as_mut().expect("its application").owner_mfa = false;
    });
    assert_eq!(discord.post(&path, json!({})).await.refusal(), (403, 60_003));
}

#[tokio::test]
async fn strangers_bad_tokens_and_nameless_clients_are_refused() {
    for (rule, refusal) in [(NotInGuild::UnknownGuild, (404, 10_004)), (NotInGuild::MissingAccess, (403, 50_001))] {
        let discord = Harness::switched(|s| s.not_in_guild = rule);
        let (guild, bot) = (discord.guild, discord.bot);
        assert_eq!(discord.get("/guilds/1").await.refusal(), (404, 10_004));
        discord.edit(|guild| guild.members.remove(&bot));
        assert_eq!(discord.get(&format!("/guilds/{guild}")).await.refusal(), refusal);
        discord.simulator.with_world(|w| w.users.get_mut(&bot).expect("the bot").tokens.push("secret".to_owned()));
        let wrong = discord.send("GET", "/users/@me", Value::Null, "wrong", None).await;
        assert_eq!((wrong.status, wrong.body), (401, json!({"message": "401: Unauthorized", "code": 0})));
        let right = discord.send("GET", "/users/@me", Value::Null, "secret", None).await;
        assert_eq!((right.status, right.header("via")), (200, Some("1.1 google")));
    }
    let discord = Harness::new();
    let nameless = Request::get("/api/v10/users/@me").header("authorization", "Bot t").body(Body::empty());
    assert_eq!(discord.send_raw(nameless.expect("a request")).await.0.refusal(), (403, 40_333));
    let named = async |agent: &str| {
        let request = Request::get("/api/v10/users/@me").header("authorization", "Bot t").header("user-agent", agent);
        discord.send_raw(request.body(Body::empty()).expect("a request")).await.0.status
    };
    for agent in ["curl/8.0", "DiscordBot", "DiscordBot ()", "DiscordBot (https://x.example)", "discordbot (x, 1)"] {
        assert_eq!(named(agent).await, 403, "{agent}");
    }
    for agent in ["DiscordBot (https://x.example, 1.0)", "DiscordBot (https://x.example 2.4) Python/3.12 aiohttp/3"] {
        assert_eq!(named(agent).await, 200, "{agent}");
    }
}

#[tokio::test]
async fn bodies_must_be_json_and_say_so() {
    let discord = Harness::new();
    let send = async |kind: &str, body: &'static str| {
        let request = Request::post(format!("/api{}", discord.in_guild("/roles"))).header("authorization", "Bot t");
        let request = request.header("user-agent", "DiscordBot (x, 1)").header("content-type", kind);
        let (answer, judgement) = discord.send_raw(request.body(Body::from(body)).expect("a request")).await;
        assert_eq!(judgement.answer, Vec::<String>::new());
        answer
    };
    assert_eq!(send("application/json", "{\"name\": ").await.refusal(), (400, 50_109));
    assert_eq!(send("text/plain", "{}").await.refusal(), (400, 50_035));
    assert_eq!(send("application/json", "[]").await.refusal(), (400, 50_035));
    let lenient = send("application/json", r#"{"name": "n", "color": "255", "permissions": 8, "hoist": true}"#).await;
    assert_eq!(lenient.ok()["color"], 255, "numbers may be strings, and paths without a version work");
}

#[tokio::test]
async fn what_is_not_simulated_says_so() {
    let discord = Harness::new();
    let (typing, _) = discord.send_judged("POST", "/channels/1/typing", Value::Null, "t", None).await;
    assert_eq!(typing.status, 501);
    assert_eq!(discord.nonsense("GET", "/guilds/1/nonsense", Value::Null).await.status, 404);
    assert_eq!(discord.nonsense("GET", "/nonsense", Value::Null).await.status, 404);
    assert_eq!(discord.nonsense("DELETE", &discord.in_guild("/channels"), Value::Null).await.status, 405);
}

#[tokio::test]
async fn a_client_can_log_in_and_look_around() {
    let discord = Harness::new();
    let me = discord.get("/users/@me").await.ok();
    assert_eq!((&me["id"], &me["bot"]), (&json!(discord.bot), &json!(true)));
    let gateway = discord.get("/gateway/bot").await.ok();
    assert!(gateway["url"].as_str().is_some_and(|url| url.starts_with("ws://")));
    let guilds = discord.get("/users/@me/guilds?with_counts=true&limit=10").await.ok();
    assert_eq!((&guilds[0]["owner"], &guilds[0]["approximate_member_count"]), (&json!(false), &json!(2)));
    let counted = discord.get(&discord.in_guild("?with_counts=true")).await.ok();
    assert_eq!(counted["approximate_member_count"], 2);
    for path in [
        "/applications/@me".to_owned(),
        "/oauth2/applications/@me".to_owned(),
        "/gateway".to_owned(),
        format!("/users/{}", discord.owner),
        "/voice/regions".to_owned(),
    ] {
        discord.get(&path).await.ok();
    }
    for list in [
        "/preview",
        "/regions",
        "/roles",
        "/channels",
        "/threads/active",
        "/webhooks",
        "/invites",
        "/emojis",
        "/stickers",
        "/soundboard-sounds",
        "/auto-moderation/rules",
        "/onboarding",
        "/widget",
        "/templates",
        "/scheduled-events",
        "/integrations",
        "/bans",
        "/vanity-url",
    ] {
        discord.get(&discord.in_guild(list)).await.ok();
    }
    assert_eq!(discord.get(&discord.in_guild("/welcome-screen")).await.refusal(), (404, 10_069));
}

#[tokio::test]
async fn somebody_else_can_act_and_is_not_in_the_request_log() {
    let discord = Harness::new();
    let made = discord.by_hand("POST", &discord.in_guild("/channels"), json!({"name": "by hand"}));
    assert_eq!(made["name"], "by-hand");
    assert_eq!(discord.simulator.requests().len(), 0);
    let stranger = Act::new(1.into(), "GET", &discord.in_guild(""), Value::Null);
    assert_eq!(discord.simulator.act(&stranger).map_err(|e| e.code), Err(10_004));
}
