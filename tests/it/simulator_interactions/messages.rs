//! Messages in channels: who may write what, and who is told what of it.

use serde_json::{Value, json};
use setai::simulator::world::{Bits, Snowflake};

use super::room::{Room, errors, join};
use crate::simulator_gateway::client::{Client, identify};

const MESSAGES: u64 = 1 << 9;
const CONTENT: u64 = 1 << 15;

fn id(message: &Value) -> Snowflake {
    message["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

#[tokio::test]
async fn what_others_write_is_empty_without_the_privileged_intent_but_for_what_calls_the_bot() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1 | MESSAGES).await;
    let (mut without, _) = Client::in_guild(&served, 1).await;
    let embed = json!([{"title": "t"}]);
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "l", "custom_id": "c"}]}]);
    let of_ann = room.writes(room.ann, json!({"content": "hello", "embeds": embed, "components": row}));
    let told = client.event("MESSAGE_CREATE").await;
    assert_eq!((&told["author"]["username"], &told["guild_id"]), (&json!("ann"), &json!(room.discord.guild)));
    assert!(told["member"]["roles"].is_array() && told["member"].get("user").is_none());
    assert_eq!((&told["content"], &told["embeds"], &told["components"]), (&json!(""), &json!([]), &json!([])));
    let read = format!("/channels/{}/messages", room.channel);
    assert_eq!(room.discord.get(&read).await.ok()[0]["content"], "", "nor is it read over REST");
    assert_eq!(room.discord.get(&format!("{read}/{}", id(&of_ann))).await.ok()["components"], json!([]));

    room.writes(room.ann, json!({"content": format!("<@{}> help", room.discord.bot)}));
    let told = client.event("MESSAGE_CREATE").await;
    assert!(told["content"].as_str().is_some_and(|text| text.ends_with(" help")), "{told}");
    assert_eq!(told["mentions"][0]["member"]["roles"], json!([room.discord.bot_role]));
    room.discord.post(&read, json!({"content": "mine", "embeds": embed})).await.ok();
    let told = client.event("MESSAGE_CREATE").await;
    assert_eq!((&told["content"], &told["embeds"][0]["title"]), (&json!("mine"), &json!("t")));
    without.hears_nothing().await;
    served.stop().await;
}

#[tokio::test]
async fn the_privileged_intent_is_the_applications_to_have() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let mut refused = Client::greeted(&served).await;
    refused.send(2, identify(1 | MESSAGES | CONTENT)).await;
    assert_eq!(refused.closed().await, 4014);
    let flags = room.discord.patch("/applications/@me", json!({"flags": 1 << 19})).await.ok();
    assert_eq!(flags["flags_new"], (1 << 19).to_string());
    let (mut client, _) = Client::in_guild(&served, 1 | MESSAGES | CONTENT).await;
    let (mut modest, _) = Client::in_guild(&served, 1 | MESSAGES).await;
    room.writes(room.ann, json!({"content": "hello"}));
    assert_eq!(client.event("MESSAGE_CREATE").await["content"], "hello");
    assert_eq!(modest.event("MESSAGE_CREATE").await["content"], "", "it is for those who ask");
    let read = room.discord.get(&format!("/channels/{}/messages", room.channel)).await.ok();
    assert_eq!(read[0]["content"], "hello");
    served.stop().await;
}

#[tokio::test]
async fn a_hidden_channel_is_silent_and_changes_of_messages_are_told() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, MESSAGES | 1).await;
    let path = format!("/channels/{}/messages", room.channel);
    let message = room.discord.post(&path, json!({"content": "one"})).await.id();
    client.event("MESSAGE_CREATE").await;
    room.discord.patch(&format!("{path}/{message}"), json!({"content": "two"})).await.ok();
    let told = client.event("MESSAGE_UPDATE").await;
    assert!(told["content"] == "two" && told["edited_timestamp"].is_string());
    let of_ann = id(&room.writes(room.ann, json!({"content": "mine"})));
    client.event("MESSAGE_CREATE").await;
    let foreign = room.discord.patch(&format!("{path}/{of_ann}"), json!({"content": "yours"})).await;
    assert_eq!(foreign.refusal(), (403, 50_005));
    room.discord.delete(&format!("{path}/{message}")).await.ok();
    assert_eq!(client.event("MESSAGE_DELETE").await["id"], json!(message));
    room.discord.limit_bot(Bits::NONE);
    client.event("GUILD_ROLE_UPDATE").await;
    room.deny(Bits::VIEW_CHANNEL);
    client.event("CHANNEL_UPDATE").await;
    room.discord.by_hand("POST", &path, json!({"content": "secret"}));
    client.hears_nothing().await;
    served.stop().await;
}

#[tokio::test]
async fn what_a_message_shows_needs_its_permission() {
    let room = Room::new();
    room.discord.limit_bot(Bits::NONE);
    let path = format!("/channels/{}/messages", room.channel);
    let (plain, embed, aloud) =
        (json!({"content": "x"}), json!({"embeds": [{"title": "t"}]}), json!({"content": "x", "tts": true}));
    room.discord.post(&path, embed.clone()).await.ok();
    assert_eq!(room.discord.post(&path, aloud).await.refusal(), (403, 50_013));
    room.deny(Bits::EMBED_LINKS);
    assert_eq!(room.discord.post(&path, embed.clone()).await.refusal(), (403, 50_013));
    let own = room.discord.post(&path, plain.clone()).await.id();
    assert_eq!(room.discord.patch(&format!("{path}/{own}"), embed).await.refusal(), (403, 50_013));
    room.deny(Bits::SEND_MESSAGES);
    assert_eq!(room.discord.post(&path, plain.clone()).await.refusal(), (403, 50_013));
    room.deny(Bits::VIEW_CHANNEL);
    assert_eq!(room.discord.post(&path, plain).await.refusal(), (403, 50_001));
}

#[tokio::test]
async fn messages_are_limited_like_answers() {
    let room = Room::new();
    let path = format!("/channels/{}/messages", room.channel);
    let tried = async |body: Value| {
        let (answer, judgement) = room.discord.send_judged("POST", &path, body, "token", None).await;
        assert_eq!(judgement.answer, Vec::<String>::new());
        answer
    };
    assert_eq!(tried(json!({"content": " "})).await.refusal(), (400, 50_006));
    assert_eq!(errors(&tried(json!({"content": "x".repeat(2001)})).await), ["content BASE_TYPE_BAD_LENGTH"]);
    assert_eq!(errors(&tried(json!({"embeds": [{"color": 5}]})).await), ["embeds.0.description BASE_TYPE_REQUIRED"]);
    assert_eq!(
        errors(&tried(json!({"components": [{"type": 1, "components": []}]})).await),
        ["components.0.components BASE_TYPE_BAD_LENGTH"]
    );
    assert_eq!(errors(&tried(json!({"content": "x", "flags": 64})).await), ["flags MESSAGE_FLAGS_INVALID"]);
    let refused =
        room.discord.send_judged("POST", &path, json!({"content": "x", "sticker_ids": ["5"]}), "token", None).await;
    assert_eq!(refused.0.status, 501, "openly");
}

#[tokio::test]
async fn everybody_is_called_only_by_who_may_and_if_it_is_let_through() {
    let room = Room::new();
    let bob = join(&room.discord, "bob");
    let role = room.discord.role_by_hand("crew", Bits::NONE, 2);
    let content = format!("@here <@{bob}> <@&{role}>");
    let path = format!("/channels/{}/messages", room.channel);
    let called = async |allowed: Value| {
        let mut body = json!({"content": content});
        if !allowed.is_null() {
            body["allowed_mentions"] = allowed;
        }
        let message = room.discord.post(&path, body).await.ok();
        let count = |key: &str| message[key].as_array().map_or(0, Vec::len);
        (count("mentions"), count("mention_roles"), message["mention_everyone"] == true)
    };
    assert_eq!(called(Value::Null).await, (1, 1, true), "the bot is an administrator");
    assert_eq!(called(json!({"parse": ["users"]})).await, (1, 0, false));
    room.discord.limit_bot(Bits::NONE);
    room.deny(Bits::MENTION_EVERYONE);
    assert_eq!(called(Value::Null).await, (1, 0, false));
}

#[tokio::test]
async fn a_reply_is_to_something_and_calls_its_author() {
    let room = Room::new();
    let path = format!("/channels/{}/messages", room.channel);
    let of_ann = id(&room.writes(room.ann, json!({"content": "help"})));
    let reply = |to: Value, more: Value| json!({"content": "here", "message_reference": {"message_id": to}, "allowed_mentions": more});
    let made = room.discord.post(&path, reply(json!(of_ann), Value::Null)).await.ok();
    assert_eq!((&made["type"], &made["message_reference"]["message_id"]), (&json!(19), &json!(of_ann)));
    assert_eq!(made["mentions"][0]["username"], "ann");
    let quiet =
        room.discord.post(&path, reply(json!(of_ann), json!({"parse": ["users"], "replied_user": false}))).await.ok();
    assert_eq!(quiet["mentions"], json!([]));
    let unknown = room.discord.post(&path, reply(json!("5"), Value::Null)).await;
    assert_eq!(errors(&unknown), ["message_reference MESSAGE_REFERENCE_UNKNOWN_MESSAGE"]);
    room.discord.limit_bot(Bits::NONE);
    room.deny(Bits::READ_MESSAGE_HISTORY);
    assert_eq!(room.discord.post(&path, reply(json!(of_ann), Value::Null)).await.refusal(), (403, 50_013));
}
