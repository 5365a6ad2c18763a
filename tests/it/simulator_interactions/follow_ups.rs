//! What an application says after its first answer.

use serde_json::{Value, json};
use setai::simulator::world::{Answer, Deed};

use super::room::{Room, errors};

#[tokio::test]
async fn a_promise_is_kept_by_an_edit_or_by_the_next_message() {
    let room = Room::with_plan().await;
    for (method, rest) in [("PATCH", "/messages/@original"), ("POST", "")] {
        let begun = room.plans();
        room.answer(&begun, json!({"type": 5})).await;
        let promised = room.seen(&begun).original.expect("a promise").id;
        assert_eq!(room.follow(method, &begun, rest, json!({"content": ""})).await.refusal(), (400, 50_006));
        assert!(room.seen(&begun).is_promised());
        // It was promised for everybody to see, and stays so.
        let body = json!({"content": "kept", "flags": if method == "POST" { 64 } else { 0 }});
        let kept = room.follow(method, &begun, rest, body).await.ok();
        assert_eq!((&kept["id"], &kept["content"], &kept["flags"]), (&json!(promised), &json!("kept"), &json!(0)));
        assert_eq!(kept["edited_timestamp"], Value::Null);
        let seen = room.seen(&begun);
        assert!(!seen.is_promised() && seen.follow_ups.is_empty());
        assert_eq!(seen.answer, Answer::Deferred);
        let more = room.follow("POST", &begun, "", json!({"content": "more"})).await.ok();
        assert_eq!((&more["type"], &more["message_reference"]["message_id"]), (&json!(19), &json!(promised)));
        assert_eq!(more["interaction_metadata"]["original_response_message_id"], json!(promised));
        let edited = room.follow("PATCH", &begun, "/messages/@original", json!({"content": "again"})).await.ok();
        assert!(edited["edited_timestamp"].is_string());
    }
    assert_eq!(room.contents(), ["again", "more", "again", "more"]);
}

#[tokio::test]
async fn further_messages_are_ephemeral_or_not_and_can_be_read_edited_and_deleted() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    room.says(&begun, json!({"content": "first"})).await;
    let private = room.follow("POST", &begun, "", json!({"content": "private", "flags": 64})).await.ok();
    let open = room.follow("POST", &begun, "", json!({"content": "open"})).await.ok();
    assert_eq!(room.contents(), ["first", "open"]);
    let path = |message: &Value| format!("/messages/{}", message["id"].as_str().expect("an id"));
    let edited = room.follow("PATCH", &begun, &path(&private), json!({"content": "changed"})).await.ok();
    assert_eq!((&edited["content"], &edited["flags"]), (&json!("changed"), &json!(64)));
    let read = room.follow("GET", &begun, &path(&private), Value::Null).await.ok();
    assert_eq!(read["content"], "changed");
    assert_eq!(room.follow("DELETE", &begun, &path(&open), Value::Null).await.status, 204);
    assert_eq!(room.follow("GET", &begun, &path(&open), Value::Null).await.refusal(), (404, 10_008));
    let seen = room.seen(&begun);
    assert_eq!(seen.messages().map(|message| message.content.as_str()).collect::<Vec<_>>(), ["first", "changed"]);
    let deeds: Vec<Deed> = seen.history.iter().map(|step| step.deed).collect();
    assert_eq!(deeds, [Deed::Callback, Deed::FollowUp, Deed::FollowUp, Deed::Edit, Deed::Delete]);
    assert_eq!(room.follow("DELETE", &begun, "/messages/@original", Value::Null).await.status, 204);
    assert_eq!(
        room.follow("PATCH", &begun, "/messages/@original", json!({"content": "x"})).await.refusal(),
        (404, 10_008)
    );
    assert!(room.contents().is_empty());

    let other = room.plans();
    room.says(&other, json!({"content": "other"})).await;
    let foreign = room.follow("GET", &other, &path(&private), Value::Null).await;
    assert_eq!(foreign.refusal(), (404, 10_008), "a token is for its own messages");
}

#[tokio::test]
async fn further_messages_and_edits_are_limited_like_answers() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    room.says(&begun, json!({"content": "first"})).await;
    for (method, rest) in [("POST", ""), ("PATCH", "/messages/@original")] {
        let tried = async |body: Value| errors(&room.follow(method, &begun, rest, body).await);
        assert_eq!(tried(json!({"content": "x".repeat(2001)})).await, ["content BASE_TYPE_BAD_LENGTH"]);
        assert_eq!(
            tried(json!({"embeds": [{"title": "x".repeat(257)}]})).await,
            ["embeds.0.title BASE_TYPE_BAD_LENGTH"]
        );
        assert_eq!(tried(json!({"content": "x", "flags": 1})).await, ["flags MESSAGE_FLAGS_INVALID"]);
    }
    let late = room.follow("PATCH", &begun, "/messages/@original", json!({"content": "x", "flags": 64})).await;
    assert_eq!(errors(&late), ["flags MESSAGE_FLAGS_INVALID"], "who sees a message cannot be changed");
    let cleared = room.follow("PATCH", &begun, "/messages/@original", json!({"content": null})).await;
    assert_eq!(cleared.refusal(), (400, 50_006));
    assert_eq!(room.contents(), ["first"]);
}
