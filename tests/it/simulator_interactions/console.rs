//! Discord without Discord's client: words in, text out.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use setai::simulator::world::Answer;
use tower::ServiceExt;

use super::room::{Room, join};

/// What `POST /_sim/use` says.
async fn asked(room: &Room, ask: Value) -> (u16, String) {
    let request = Request::builder().method("POST").uri("/_sim/use").header("content-type", "application/json");
    let request = request.body(Body::from(ask.to_string())).expect("a request");
    let response = room.discord.simulator.router().oneshot(request).await.expect("routers do not fail");
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}

/// Why something was not done.
async fn refused(room: &Room, ask: Value) -> String {
    let (status, said) = asked(room, ask).await;
    assert_eq!(status, 400, "{said}");
    serde_json::from_str::<Value>(&said).expect("JSON")["error"].as_str().expect("words").to_owned()
}

/// Asks, and lets the bot answer the interaction that comes of it.
async fn answered(room: &Room, ask: Value, body: Value) -> (Value, String) {
    let before = room.discord.simulator.with_world(|world| world.interactions.len());
    let bot = async {
        let begun = loop {
            let newest = room.discord.simulator.with_world(|world| {
                let is_new = world.interactions.len() > before;
                world.interactions.values().next_back().filter(|_| is_new).cloned()
            });
            match newest {
                Some(begun) => break begun,
                None => tokio::task::yield_now().await,
            }
        };
        assert_eq!(room.answer(&begun, body).await.status, 204);
        begun.data
    };
    let ((status, text), data) = tokio::join!(asked(room, ask), bot);
    assert_eq!(status, 200, "{text}");
    (data, text)
}

async fn room() -> Room {
    let text = |name: &str, more: Value| {
        let mut option = json!({"type": 3, "name": name, "description": "d"});
        for (key, value) in more.as_object().into_iter().flatten() {
            option[key] = value.clone();
        }
        option
    };
    let typed = |kind: u8, name: &str| json!({"type": kind, "name": name, "description": "d"});
    let plan = json!([
        text("guild", json!({"required": true})),
        text("depth", json!({"choices": [{"name": "All of it", "value": "all"}]})),
        typed(4, "count"),
        typed(5, "sure"),
        typed(6, "for"),
        typed(7, "in"),
        typed(8, "of"),
        typed(10, "share"),
    ]);
    Room::with(json!([{"name": "setai", "description": "d", "options": [
        {"type": 1, "name": "plan", "description": "d", "options": plan},
        {"type": 2, "name": "drift", "description": "d", "options": [{"type": 1, "name": "show", "description": "d"}]},
    ]}]))
    .await
}

fn say(text: &str) -> Value {
    json!({"user": "ann", "channel": "plans", "say": text})
}

#[tokio::test]
async fn a_command_is_typed_as_people_type_it() {
    let room = room().await;
    let (bob, crew) =
        (join(&room.discord, "bob"), room.discord.role_by_hand("crew", setai::simulator::world::Bits::NONE, 2));
    let hello = json!({"type": 4, "data": {"content": "hello"}});
    let typed = async |text: &str| {
        let (data, shown) = answered(&room, say(text), hello.clone()).await;
        assert_eq!(shown, "hello\n");
        data["options"][0]["options"].clone()
    };
    let values = |options: &Value| -> Vec<Value> {
        options.as_array().expect("a list").iter().map(|option| json!([option["name"], option["value"]])).collect()
    };
    let given = typed("/setai plan guild: Study Group depth:all of it count: 3").await;
    assert_eq!(values(&given), [json!(["guild", "Study Group"]), json!(["depth", "all"]), json!(["count", 3])]);
    let given = typed("/setai plan \"Study: Group\" sure:yes share: 0.5").await;
    assert_eq!(values(&given), [json!(["guild", "Study: Group"]), json!(["sure", true]), json!(["share", 0.5])]);
    let given = typed("/setai plan x for: @bob in: #plans of: @crew").await;
    assert_eq!(values(&given)[1..], [json!(["for", bob]), json!(["in", room.channel]), json!(["of", crew])]);
    assert_eq!(typed("/setai drift show").await, json!([{"type": 1, "name": "show", "options": []}]));
}

#[tokio::test]
async fn what_cannot_be_understood_or_is_not_allowed_is_said() {
    let room = room().await;
    let said = async |text: &str| refused(&room, say(text)).await;
    assert_eq!(said("/apply").await, "there is no command `apply` here");
    assert_eq!(said("/setai").await, "/setai: it is used with one of plan, drift");
    assert_eq!(said("/setai plan").await, "/setai plan guild: it is required");
    assert_eq!(said("/setai plan x count: many").await, "/setai plan count: it is a whole number");
    assert_eq!(said("/setai plan x sure: maybe").await, "/setai plan sure: it is true or false");
    assert_eq!(said("/setai plan x for: @carl").await, "there is no user `carl` here");
    assert_eq!(said("/setai drift show now").await, "/setai drift show: it takes no `now`");
    let of = async |ask: Value| refused(&room, ask).await;
    assert_eq!(of(json!({"user": "carl", "channel": "plans", "say": "x"})).await, "there is no user `carl` here");
    assert_eq!(
        of(json!({"user": "ann", "channel": "nowhere", "say": "x"})).await,
        "there is no channel `nowhere` here"
    );
    assert_eq!(
        of(json!({"user": "ann", "channel": "plans", "guild": "x", "say": "x"})).await,
        "there is no guild `x` here"
    );
    let both = json!({"user": "ann", "channel": "plans", "say": "x", "press": "y"});
    assert_eq!(of(both).await, "what to do: exactly one of `say`, `press` and `fill` is given");
    assert_eq!(asked(&room, json!({"user": "ann", "channel": "plans", "shout": "x"})).await.0, 422);
    room.deny(setai::simulator::world::Bits::USE_APPLICATION_COMMANDS);
    let missing = "the member may not: USE_APPLICATION_COMMANDS is missing in this channel";
    assert_eq!(said("/setai plan x").await, missing);
}

#[tokio::test]
async fn a_reply_is_read_with_all_that_is_on_it_pressed_and_filled_in() {
    let room = room().await;
    let reply = json!({"type": 4, "data": {
        "content": "Two changes", "flags": 64,
        "embeds": [{"title": "Plan", "description": "of Study\nby ann", "fields": [{"name": "Digest", "value": "abc"}]}],
        "components": [{"type": 1, "components": [
            {"type": 2, "style": 3, "label": "Apply", "custom_id": "apply"},
            {"type": 2, "style": 5, "label": "Docs", "url": "https://example.org"},
        ]}],
    }});
    let (_, text) = answered(&room, say("/setai plan x"), reply).await;
    insta::assert_snapshot!(text, @r"
    Two changes
    | Plan
    | of Study
    | by ann
    | Digest: abc
    [Apply] [Docs](https://example.org)
    (only you can see this)
    ");
    let press = json!({"user": "ann", "channel": "plans", "press": "Apply"});
    assert_eq!(
        refused(&room, json!({"user": "owner", "channel": "plans", "press": "Apply"})).await,
        "there is no button or menu `Apply` here"
    );
    let input = json!({"type": 4, "custom_id": "why", "style": 1, "label": "Why?"});
    let modal = json!({"type": 9, "data": {"custom_id": "form", "title": "Apply?", "components": [{"type": 1, "components": [input]}]}});
    let (data, text) = answered(&room, press, modal).await;
    assert_eq!((&data["custom_id"], text.as_str()), (&json!("apply"), "[form] Apply?\n  Why? (why): ____\n"));
    let fill = json!({"user": "ann", "channel": "plans", "fill": {"Why?": "it is time"}});
    let (data, text) =
        answered(&room, fill, json!({"type": 7, "data": {"content": "Applied", "embeds": [], "components": []}})).await;
    assert_eq!(data["components"][0]["components"][0]["value"], "it is time");
    assert_eq!(text, "Applied\n(only you can see this)\n");
    let unknown = json!({"user": "ann", "channel": "plans", "fill": {"What?": "x"}});
    assert_eq!(refused(&room, unknown).await, "there is no text input `What?` here");
}

#[tokio::test]
async fn a_promise_is_waited_for_and_silence_is_told() {
    let room = room().await;
    let bot = async {
        let begun = loop {
            let newest = room.discord.simulator.with_world(|world| world.interactions.values().next_back().cloned());
            match newest {
                Some(begun) => break begun,
                None => tokio::task::yield_now().await,
            }
        };
        room.answer(&begun, json!({"type": 5})).await;
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        room.follow("PATCH", &begun, "/messages/@original", json!({"content": "kept"})).await.ok();
    };
    let ((_, text), ()) = tokio::join!(asked(&room, say("/setai plan x")), bot);
    assert_eq!(text, "kept\n");

    let silence = async {
        while room.discord.simulator.with_world(|world| world.interactions.len()) < 2 {
            tokio::task::yield_now().await;
        }
        room.discord.clock.advance(std::time::Duration::from_millis(3001));
    };
    let ((_, text), ()) = tokio::join!(asked(&room, say("/setai plan x")), silence);
    assert_eq!(text, "The application did not respond\n");
    let last = room.discord.simulator.with_world(|world| world.interactions.values().next_back().cloned());
    assert_eq!(last.expect("begun").answer, Answer::Nothing);
}

#[tokio::test]
async fn what_is_no_command_is_written_and_calls_whom_it_names() {
    let room = room().await;
    let (status, said) = asked(&room, say("@setai what is new")).await;
    let message: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((status, &message["content"]), (200, &json!(format!("<@{}> what is new", room.discord.bot))));
    assert_eq!(message["mentions"][0]["username"], "setai");
    room.deny(setai::simulator::world::Bits::SEND_MESSAGES);
    assert_eq!(refused(&room, say("hello")).await, "403 50013: Missing Permissions");
}
