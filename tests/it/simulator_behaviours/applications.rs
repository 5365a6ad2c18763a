//! Interactions, application commands and onboarding.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::harness::{Answer, Harness};
use crate::support::openapi::Judgement;

/// A request without a bot token.
async fn without_token(discord: &Harness, method: &str, path: &str, body: &Value) -> Answer {
    let (answer, judgement) = judged(discord, method, path, body).await;
    assert!(judgement.is_clean(), "{judgement:#?}");
    answer
}

/// The same, of one that is wrong on purpose: only the answer has to be right.
async fn wrong(discord: &Harness, method: &str, path: &str, body: &Value) -> Answer {
    let (answer, judgement) = judged(discord, method, path, body).await;
    assert_eq!(judgement.answer, Vec::<String>::new());
    answer
}

async fn judged(discord: &Harness, method: &str, path: &str, body: &Value) -> (Answer, Judgement) {
    let request =
        Request::builder().method(method).uri(format!("/api/v10{path}")).header("user-agent", "DiscordBot (x, 1)");
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    discord.send_raw(request.expect("a request")).await
}

#[tokio::test]
async fn f37_interactions_are_answered_once_within_three_seconds_and_edited_for_fifteen_minutes() {
    for status in [401, 404] {
        let discord = Harness::switched(|s| s.statuses.expired_token = status);
        let channel = discord.channel_by_hand(json!({"name": "a"}));
        let begin = || {
            let (bot, owner, now) = (discord.bot, discord.owner, discord.clock.now());
            discord.simulator.with_world(|world| world.begin_interaction(bot, owner, channel, now))
        };
        let hello = json!({"type": 4, "data": {"content": "hello"}});
        let late = begin();
        discord.clock.advance(Duration::from_millis(3001));
        let callback = format!("/interactions/{}/{}/callback", late.id, late.token);
        assert_eq!(without_token(&discord, "POST", &callback, &hello).await.refusal(), (404, 10_062));

        let interaction = begin();
        let callback = format!("/interactions/{}/{}/callback", interaction.id, interaction.token);
        assert_eq!(without_token(&discord, "POST", &callback, &hello).await.status, 204);
        assert_eq!(without_token(&discord, "POST", &callback, &hello).await.refusal(), (400, 40_060));
        let original = format!("/webhooks/{}/{}/messages/@original", discord.bot, interaction.token);
        let edited = without_token(&discord, "PATCH", &original, &json!({"content": "done"})).await.ok();
        assert_eq!((&edited["content"], &edited["author"]["id"]), (&json!("done"), &json!(discord.bot)));
        let more = format!("/webhooks/{}/{}", discord.bot, interaction.token);
        without_token(&discord, "POST", &more, &json!({"content": "more"})).await.ok();
        assert_eq!(discord.channel(channel).messages.len(), 2);
        discord.clock.advance(Duration::from_mins(15));
        let expired = without_token(&discord, "PATCH", &original, &json!({"content": "late"})).await;
        assert_eq!(expired.refusal(), (status, 50_027));
    }
}

#[tokio::test]
async fn answers_say_something_and_not_too_much_and_a_promise_is_kept_by_the_next_message() {
    let discord = Harness::new();
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let begin = || {
        let (bot, owner, now) = (discord.bot, discord.owner, discord.clock.now());
        discord.simulator.with_world(|world| world.begin_interaction(bot, owner, channel, now))
    };
    let contents = || discord.channel(channel).messages.iter().map(|m| m.content.clone()).collect::<Vec<_>>();
    let begun = begin();
    let callback = format!("/interactions/{}/{}/callback", begun.id, begun.token);
    let answer = |content: &str| json!({"type": 4, "data": {"content": content}});
    assert_eq!(without_token(&discord, "POST", &callback, &answer("")).await.refusal(), (400, 50_006));
    let long = wrong(&discord, "POST", &callback, &answer(&"x".repeat(2001))).await;
    assert_eq!(long.body["errors"]["data"]["content"]["_errors"][0]["code"], "BASE_TYPE_BAD_LENGTH");
    assert!(contents().is_empty(), "what is refused is no answer");
    assert_eq!(without_token(&discord, "POST", &callback, &json!({"type": 5})).await.status, 204);

    let more = format!("/webhooks/{}/{}", discord.bot, begun.token);
    let follow = async |content: &str| without_token(&discord, "POST", &more, &json!({"content": content})).await;
    assert_eq!(follow("").await.refusal(), (400, 50_006));
    let long = wrong(&discord, "POST", &more, &json!({"content": "x".repeat(2001)})).await;
    assert_eq!(long.refusal(), (400, 50_035));
    follow("kept").await.ok();
    assert_eq!(contents(), ["kept"], "in its place");
    follow("and more").await.ok();
    let original = format!("{more}/messages/@original");
    without_token(&discord, "PATCH", &original, &json!({"content": "done"})).await.ok();
    without_token(&discord, "PATCH", &original, &json!({"embeds": []})).await.ok();
    assert_eq!(contents(), ["done", "and more"]);

    // Whoever edits the promise keeps it, too.
    let begun = begin();
    let callback = format!("/interactions/{}/{}/callback", begun.id, begun.token);
    without_token(&discord, "POST", &callback, &json!({"type": 5})).await;
    let more = format!("/webhooks/{}/{}", discord.bot, begun.token);
    without_token(&discord, "PATCH", &format!("{more}/messages/@original"), &json!({"content": "3"})).await.ok();
    without_token(&discord, "POST", &more, &json!({"content": "4"})).await.ok();
    assert_eq!(contents(), ["done", "and more", "3", "4"]);
}

#[tokio::test]
async fn options_of_commands_are_ordered_and_limited() {
    let discord = Harness::new();
    let path = format!("/applications/{}/commands", discord.bot);
    let command = |options: Value| json!({"name": "plan", "description": "d", "options": options});
    let option =
        |name: &str, required: bool| json!({"type": 3, "name": name, "description": "d", "required": required});
    let choices = |count: usize, value: &str| {
        let choices: Vec<_> =
            (0..count).map(|n| json!({"name": format!("c{n}"), "value": format!("{value}{n}")})).collect();
        json!([{"type": 3, "name": "o", "description": "d", "choices": choices}])
    };
    let within = |options: Value| json!([{"type": 1, "name": "s", "description": "d", "options": options}]);
    let unordered = json!([option("a", false), option("b", true)]);
    for wrong in [unordered.clone(), within(unordered.clone())] {
        assert_eq!(discord.post(&path, command(wrong)).await.refusal(), (400, 50_035));
    }
    let said = discord.post(&path, command(unordered)).await.body;
    let code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID";
    assert_eq!(said["errors"]["options"]["1"]["_errors"][0]["code"], code);
    let many = discord.nonsense("POST", &path, command(choices(26, ""))).await;
    assert_eq!(many.body["errors"]["options"]["0"]["choices"]["_errors"][0]["code"], "BASE_TYPE_BAD_LENGTH");
    let wordy: Vec<Value> = (0..4)
        .map(|n| json!({"type": 3, "name": format!("o{n}"), "description": "d", "choices": choices(25, &"x".repeat(90))[0]["choices"]}))
        .collect();
    let large = discord.post(&path, command(json!(wordy))).await;
    assert_eq!(large.body["errors"]["name"]["_errors"][0]["code"], "APPLICATION_COMMAND_TOO_LARGE");
    let right = json!([option("a", true), option("b", false)]);
    discord.post(&path, command(right)).await.ok();
    discord.post(&path, command(choices(25, "x"))).await.ok();
}

#[tokio::test]
async fn f38_commands_are_upserted_by_name_replaced_by_list_and_rationed_by_day() {
    let discord = Harness::new();
    for scope in [String::new(), format!("/guilds/{}", discord.guild)] {
        let path = format!("/applications/{}{scope}/commands", discord.bot);
        let plan = json!({"name": "plan", "description": "Shows the plan", "default_member_permissions": "32"});
        let made = discord.post(&path, plan.clone()).await;
        assert_eq!(made.status, 201);
        let made = made.ok();
        assert_eq!(made["default_member_permissions"], "32");
        let again = discord.post(&path, json!({"name": "plan", "description": "Another text"})).await;
        assert_eq!(again.status, 200);
        let again = again.ok();
        assert_eq!((&again["id"], &again["description"]), (&made["id"], &json!("Another text")));
        discord.post(&path, json!({"name": "Look at", "type": 2})).await.ok();
        assert_eq!(
            discord.post(&path, json!({"name": "Not Slash", "description": "x"})).await.refusal(),
            (400, 50_035)
        );

        let listed = discord.put(&path, json!([plan, {"name": "drift", "description": "d"}])).await.ok();
        let names: Vec<_> = listed.as_array().expect("a list").iter().map(|c| c["name"].clone()).collect();
        assert_eq!(names, ["plan", "drift"]);
        assert_eq!(listed[0]["id"], made["id"]);
        let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
        assert_eq!(discord.patch(&one, json!({"name": "plans"})).await.ok()["name"], "plans");
        assert_eq!(discord.delete(&one).await.status, 204);
        assert_eq!(discord.get(&one).await.refusal(), (404, 10_063));
        assert_eq!(discord.get(&path).await.ok().as_array().map(Vec::len), Some(1));
    }
    let path = format!("/applications/{}/guilds/{}/commands", discord.bot, discord.guild);
    for n in 3..200 {
        discord.put(&path, json!([{"name": format!("c{n}"), "description": "d"}])).await.ok();
    }
    let last = json!({"name": "last", "description": "d"});
    assert_eq!(discord.post(&path, last.clone()).await.refusal(), (400, 30_034));
    discord.clock.advance(Duration::from_hours(24));
    assert_eq!(discord.post(&path, last).await.status, 201);
    assert_eq!(discord.get("/applications/1/commands").await.refusal(), (403, 50_001), "somebody else's");
}

#[tokio::test]
async fn f39_onboarding_prompts_need_ids_and_enabling_needs_open_channels() {
    let discord = Harness::new();
    let path = discord.in_guild("/onboarding");
    let channels: Vec<_> = (0..7).map(|n| discord.channel_by_hand(json!({"name": format!("c{n}")}))).collect();
    let option = json!({"title": "Rust", "emoji_name": "🦀", "channel_ids": [channels[0]], "role_ids": []});
    let prompt = |id: Value| json!({"id": id, "title": "What?", "options": [option], "in_onboarding": true, "type": 0});
    let onboarding = |id: Value, defaults: usize, enabled: bool| json!({"prompts": [prompt(id)], "default_channel_ids": channels[..defaults], "enabled": enabled, "mode": 0});
    let put =
        async |id: Value, defaults: usize, enabled: bool| discord.put(&path, onboarding(id, defaults, enabled)).await;
    let without_id = discord.nonsense("PUT", &path, onboarding(Value::Null, 7, false)).await;
    assert_eq!(without_id.refusal(), (400, 50_035));
    assert_eq!(without_id.body["errors"]["prompts"]["0"]["id"]["_errors"][0]["code"], "BASE_TYPE_REQUIRED");
    assert_eq!(put(json!("1"), 6, true).await.refusal(), (400, 350_000));
    put(json!("1"), 6, false).await.ok();
    let stored = put(json!("1"), 7, true).await.ok();
    let option = &stored["prompts"][0]["options"][0];
    assert_eq!(option["emoji"], json!({"id": null, "name": "🦀", "animated": false}));
    assert_eq!(option.get("emoji_name"), None);
    assert_eq!(discord.get(&path).await.ok(), stored);

    let closed = json!([{"id": discord.guild, "type": 0, "allow": "0", "deny": "2048"}]);
    for channel in &channels[..3] {
        discord.by_hand("PATCH", &format!("/channels/{channel}"), json!({"permission_overwrites": closed}));
    }
    assert_eq!(put(json!("1"), 7, true).await.refusal(), (400, 350_000), "only four are open for writing");
}
