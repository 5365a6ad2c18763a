//! First answers: once, in time, of a kind that fits, and only as Discord takes them.

use std::time::Duration;

use serde_json::{Value, json};
use setai::simulator::world::{Answer, Deed, World};

use super::room::{Room, callback, errors, webhook};
use crate::simulator_gateway::client::Client;

#[tokio::test]
async fn an_answer_is_kept_whole_and_seen_in_the_channel() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    assert_eq!(room.seen(&begun).answer, Answer::Nothing);
    let embeds = json!([{"title": "Plan", "description": "2 changes"}]);
    let button = json!({"type": 2, "style": 3, "label": "Apply", "custom_id": "apply"});
    let rows = json!([{"type": 1, "components": [button]}]);
    let message = room.says(&begun, json!({"content": " hello ", "embeds": embeds, "components": rows})).await;
    assert_eq!((message.content.as_str(), message.kind, message.flags), ("hello", 20, 0));
    assert_eq!(message.embeds, [json!({"type": "rich", "title": "Plan", "description": "2 changes"})]);
    let shown = json!({"type": 1, "components": [{"type": 2, "style": 3, "label": "Apply", "custom_id": "apply", "id": 2}], "id": 1});
    assert_eq!(message.components, [shown]);
    let seen = room.seen(&begun);
    assert_eq!((seen.answer, seen.follow_ups.len(), seen.history.len()), (Answer::Message, 0, 1));
    assert_eq!((seen.history[0].deed, &seen.history[0].body["type"]), (Deed::Callback, &json!(4)));
    let read = room.discord.get(&format!("/channels/{}/messages/{}", room.channel, message.id)).await.ok();
    assert_eq!((&read["content"], &read["embeds"][0]["title"]), (&json!("hello"), &json!("Plan")));
    assert_eq!((&read["application_id"], &read["type"]), (&json!(room.discord.bot), &json!(20)));
    assert_eq!(read["interaction_metadata"]["user"]["username"], "ann");
    assert_eq!(read["interaction_metadata"]["id"], json!(begun.id));
    room.says(&room.plans(), json!({"content": "psst", "flags": 64})).await;
    let world = room.discord.simulator.world();
    let text = world.to_yaml().expect("writes");
    assert_eq!(World::from_yaml(&text, room.discord.clock.now()).expect("reads"), world, "a saved world has it all");
}

#[tokio::test]
async fn an_ephemeral_answer_is_for_its_user_alone() {
    let room = Room::with_plan().await;
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1 | 1 << 9).await;
    let begun = room.plans();
    client.event("INTERACTION_CREATE").await;
    let message = room.says(&begun, json!({"content": "psst", "flags": 64})).await;
    assert_eq!((message.content.as_str(), message.flags), ("psst", 64));
    assert!(room.contents().is_empty());
    let path = format!("/channels/{}/messages/{}", room.channel, message.id);
    assert_eq!(room.discord.get(&path).await.refusal(), (404, 10_008));
    client.hears_nothing().await;
    let original = room.follow("GET", &begun, "/messages/@original", Value::Null).await.ok();
    assert_eq!((&original["content"], &original["flags"]), (&json!("psst"), &json!(64)));
    let edited = room.follow("PATCH", &begun, "/messages/@original", json!({"content": "pssst"})).await.ok();
    assert_eq!((&edited["content"], &edited["flags"]), (&json!("pssst"), &json!(64)), "it stays ephemeral");
    assert_eq!(room.follow("DELETE", &begun, "/messages/@original", Value::Null).await.status, 204);
    assert_eq!(room.seen(&begun).original, None);
    served.stop().await;
}

#[tokio::test]
async fn f37_an_answer_comes_once_and_within_three_seconds_and_its_token_lives_fifteen_minutes() {
    let room = Room::with_plan().await;
    let hello = json!({"type": 4, "data": {"content": "hello"}});
    let late = room.plans();
    room.discord.clock.advance(Duration::from_millis(3001));
    assert_eq!(room.answer(&late, hello.clone()).await.refusal(), (404, 10_062));
    assert_eq!(room.follow("POST", &late, "", json!({"content": "x"})).await.refusal(), (404, 10_015));
    let begun = room.plans();
    room.discord.clock.advance(Duration::from_secs(3));
    assert_eq!(room.answer(&begun, hello.clone()).await.status, 204);
    assert_eq!(room.answer(&begun, hello.clone()).await.refusal(), (400, 40_060));
    room.discord.clock.advance(Duration::from_secs(15 * 60 - 4));
    room.follow("PATCH", &begun, "/messages/@original", json!({"content": "still"})).await.ok();
    room.discord.clock.advance(Duration::from_secs(1));
    let expired = room.follow("PATCH", &begun, "/messages/@original", json!({"content": "late"})).await;
    assert_eq!(expired.refusal(), (401, 50_027));
    assert_eq!(room.follow("POST", &begun, "", json!({"content": "late"})).await.refusal(), (401, 50_027));
    let (unknown, _) = room.without_token("POST", &format!("/interactions/{}/x/callback", begun.id), hello).await;
    assert_eq!(unknown.refusal(), (404, 10_062), "the token is all the authority there is");
}

#[tokio::test]
async fn the_answer_to_an_answer_says_what_became_of_it() {
    let room = Room::with_plan().await;
    let answered = async |body: Value| {
        let begun = room.plans();
        let path = format!("{}?with_response=true", callback(&begun));
        let (answer, judgement) = room.without_token("POST", &path, body).await;
        assert!(judgement.is_clean(), "{judgement:#?}");
        (begun, answer.ok())
    };
    let (begun, said) = answered(json!({"type": 4, "data": {"content": "hello", "flags": 64}})).await;
    let original = room.seen(&begun).original.expect("a message");
    assert_eq!((&said["interaction"]["id"], &said["interaction"]["type"]), (&json!(begun.id), &json!(2)));
    assert_eq!(said["interaction"]["response_message_id"], json!(original.id));
    assert_eq!(said["interaction"]["response_message_ephemeral"], true);
    assert_eq!((&said["resource"]["type"], &said["resource"]["message"]["content"]), (&json!(4), &json!("hello")));
    let (_, said) = answered(json!({"type": 5})).await;
    assert_eq!((&said["interaction"]["response_message_loading"], said.get("resource")), (&json!(true), None));
}

/// discord.py does so.
#[tokio::test]
async fn an_answer_comes_from_any_agent_but_not_from_none() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let answered = async |agent: Option<&str>| {
        let request = axum::http::Request::builder().method("POST").uri(format!("/api/v10{}", callback(&begun)));
        let request = request.header("content-type", "application/json");
        let request = agent.into_iter().fold(request, |request, agent| request.header("user-agent", agent));
        let body = json!({"type": 4, "data": {"content": "hello"}}).to_string();
        room.discord.send_raw(request.body(axum::body::Body::from(body)).expect("a request")).await.0
    };
    assert_eq!(answered(None).await.refusal(), (403, 40_333));
    assert_eq!(answered(Some("Python/3.11 aiohttp/3.14")).await.status, 204);
}

#[tokio::test]
async fn only_kinds_of_answers_that_fit_are_taken() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    for kind in [1, 2, 3, 6, 7, 8, 10, 12, 13] {
        let answer = room.tries(&begun, json!({"type": kind, "data": {"content": "x", "choices": []}})).await;
        assert_eq!(errors(&answer), ["type BASE_TYPE_CHOICES"], "{kind}");
    }
    assert_eq!(errors(&room.tries(&begun, json!({})).await), ["type BASE_TYPE_REQUIRED"]);
    assert_eq!(room.tries(&begun, json!({"type": 4})).await.refusal(), (400, 50_006));
    assert_eq!(room.tries(&begun, json!({"type": 4, "data": {"content": "  "}})).await.refusal(), (400, 50_006));
    assert_eq!(room.seen(&begun).answer, Answer::Nothing, "what is refused is no answer");
}

#[tokio::test]
async fn what_an_answer_says_is_limited() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let refused = [
        (json!({"content": "x".repeat(2001)}), "data.content BASE_TYPE_BAD_LENGTH"),
        (json!({"content": 5}), "data.content STRING_TYPE_CONVERT"),
        (json!({"content": "x", "flags": 1}), "data.flags MESSAGE_FLAGS_INVALID"),
        (json!({"content": "x", "flags": 128}), "data.flags MESSAGE_FLAGS_INVALID"),
        (json!({"content": "x", "tts": "yes"}), "data.tts BOOLEAN_TYPE_CONVERT"),
        (json!({"content": "x", "embeds": {}}), "data.embeds LIST_TYPE_CONVERT"),
        (
            json!({"content": "x", "allowed_mentions": {"parse": ["all"]}}),
            "data.allowed_mentions.parse.0 BASE_TYPE_CHOICES",
        ),
        (
            json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["5"]}}),
            "data.allowed_mentions.parse MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            json!({"content": "x", "allowed_mentions": {"roles": ["a"]}}),
            "data.allowed_mentions.roles.0 NUMBER_TYPE_COERCE",
        ),
        (
            json!({"content": "x", "allowed_mentions": {"users": (0..101).map(|id| id.to_string()).collect::<Vec<_>>()}}),
            "data.allowed_mentions.users BASE_TYPE_BAD_LENGTH",
        ),
    ];
    for (data, error) in refused {
        assert_eq!(errors(&room.tries(&begun, json!({"type": 4, "data": data})).await), [error], "{data}");
    }
    let polls = json!({"type": 4, "data": {"content": "x", "poll": {"question": {"text": "?"}, "answers": []}}});
    assert_eq!(room.without_token("POST", &callback(&begun), polls).await.0.status, 501, "openly");
    let flags = json!({"content": "x".repeat(2000), "flags": 4 | 64 | 4096});
    assert_eq!(room.says(&begun, flags).await.flags, 4 | 64 | 4096);
}

#[tokio::test]
async fn only_users_are_called_unless_the_answer_says_otherwise() {
    let room = Room::with_plan().await;
    let role = room.discord.role_by_hand("crew", setai::simulator::world::Bits::NONE, 2);
    let content = format!("@everyone <@{}> <@&{role}>", room.ann);
    let called = async |allowed: Value| {
        let mut data = json!({"content": content});
        if !allowed.is_null() {
            data["allowed_mentions"] = allowed;
        }
        let message = room.says(&room.plans(), data).await;
        (message.mentions.len(), message.mention_roles.len(), message.mention_everyone)
    };
    assert_eq!(called(Value::Null).await, (1, 0, false));
    assert_eq!(called(json!({"parse": []})).await, (0, 0, false));
    assert_eq!(called(json!({"parse": ["roles", "everyone"]})).await, (0, 1, true));
    assert_eq!(called(json!({"users": [room.ann], "roles": [role]})).await, (1, 1, false));
}

#[tokio::test]
async fn a_promise_takes_one_flag_and_is_seen_as_one() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    for data in [json!({"flags": 4}), json!({"flags": 64 | 4096})] {
        let answer = room.tries(&begun, json!({"type": 5, "data": data})).await;
        assert_eq!(errors(&answer), ["data.flags MESSAGE_FLAGS_INVALID"]);
    }
    let said = room.tries(&begun, json!({"type": 5, "data": {"content": "soon"}})).await;
    assert_eq!(errors(&said), ["data.content DEFERRED_RESPONSE_HAS_NO_CONTENT"]);
    assert_eq!(room.answer(&begun, json!({"type": 5, "data": {"flags": 64}})).await.status, 204);
    let seen = room.seen(&begun);
    assert!(seen.is_promised());
    assert_eq!(seen.original.map(|message| message.flags), Some(64 | 128));
    assert!(room.contents().is_empty());
    let open = room.plans();
    room.answer(&open, json!({"type": 5})).await;
    assert_eq!(room.contents(), [""]);
    let (early, _) = room.without_token("POST", &webhook(&room.plans(), ""), json!({"content": "early"})).await;
    assert_eq!(early.refusal(), (404, 10_015), "there is no webhook before the first answer");
}

#[tokio::test]
async fn whoever_runs_the_simulator_reads_what_the_user_sees() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    room.says(&begun, json!({"content": "hello"})).await;
    let request = axum::http::Request::builder().uri(format!("/_sim/interactions/{}", begun.id));
    let (answer, _) = room.discord.send_raw(request.body(axum::body::Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, &answer.body["answer"]["kind"]), (200, &json!("message")));
    assert_eq!(answer.body["original"]["content"], "hello");
    assert_eq!(answer.body["history"][0]["deed"], "callback");
    let unknown = axum::http::Request::builder().uri("/_sim/interactions/5").body(axum::body::Body::empty());
    assert_eq!(room.discord.send_raw(unknown.expect("a request")).await.0.status, 404);
}
