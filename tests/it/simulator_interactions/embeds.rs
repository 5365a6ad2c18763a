//! Embeds: what they hold, how long, and how they are read back.

use serde_json::{Value, json};

use super::room::{Room, errors};

#[tokio::test]
async fn an_embed_is_read_back_as_discord_shows_it() {
    let room = Room::with_plan().await;
    let embed = json!({
        "title": " Plan ", "description": "two changes", "url": "https://example.org/plan", "color": 0x00_ff00,
        "timestamp": "2026-11-28T12:00:00Z", "footer": {"text": "f", "icon_url": "https://example.org/i.png"},
        "author": {"name": "a", "url": "https://example.org"}, "image": {"url": "https://example.org/x.png"},
        "thumbnail": {"url": "https://example.org/t.png"}, "type": "article",
        "fields": [{"name": "n", "value": "v", "inline": true}, {"name": "m", "value": "w"}],
    });
    let message = room.says(&room.plans(), json!({"embeds": [embed]})).await;
    let mut shown = embed;
    shown["title"] = json!("Plan");
    shown["type"] = json!("rich");
    shown["timestamp"] = json!("2026-11-28T12:00:00.000000+00:00");
    shown["fields"][1]["inline"] = json!(false);
    assert_eq!(message.embeds, [shown]);
}

#[tokio::test]
async fn what_is_wrong_with_an_embed_is_named_at_its_place() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let (long, at) = (|length: usize| "x".repeat(length), "data.embeds.0");
    let field = json!({"name": "n", "value": "v"});
    let refused = [
        (json!({"title": long(257)}), "title BASE_TYPE_BAD_LENGTH"),
        (json!({"description": long(4097)}), "description BASE_TYPE_BAD_LENGTH"),
        (json!({"title": "t", "footer": {"text": long(2049)}}), "footer.text BASE_TYPE_BAD_LENGTH"),
        (json!({"title": "t", "footer": {}}), "footer.text BASE_TYPE_REQUIRED"),
        (json!({"title": "t", "author": {"name": long(257)}}), "author.name BASE_TYPE_BAD_LENGTH"),
        (json!({"title": "t", "author": {"url": "https://example.org"}}), "author.name BASE_TYPE_REQUIRED"),
        (json!({"title": "t", "fields": vec![field; 26]}), "fields BASE_TYPE_BAD_LENGTH"),
        (json!({"fields": [{"name": long(257), "value": "v"}]}), "fields.0.name BASE_TYPE_BAD_LENGTH"),
        (json!({"fields": [{"name": "n", "value": long(1025)}]}), "fields.0.value BASE_TYPE_BAD_LENGTH"),
        (json!({"fields": [{"name": "n"}]}), "fields.0.value BASE_TYPE_REQUIRED"),
        (json!({"fields": [{"name": " ", "value": "v"}]}), "fields.0.name BASE_TYPE_REQUIRED"),
        (json!({"title": "t", "color": 0x100_0000}), "color NUMBER_TYPE_MAX"),
        (json!({"title": "t", "timestamp": "yesterday"}), "timestamp DATE_TIME_TYPE_PARSE"),
        (json!({"title": "t", "url": "example"}), "url URL_TYPE_INVALID_URL"),
        (json!({"title": "t", "url": "javascript:x"}), "url URL_TYPE_INVALID_SCHEME"),
        (json!({"image": {}}), "image.url BASE_TYPE_REQUIRED"),
        (json!({"image": {"url": "ftp://example.org/x.png"}}), "image.url URL_TYPE_INVALID_SCHEME"),
        (json!({"color": 1}), "description BASE_TYPE_REQUIRED"),
        (json!({"title": " "}), "description BASE_TYPE_REQUIRED"),
    ];
    for (embed, error) in refused {
        let answer = room.tries(&begun, json!({"type": 4, "data": {"embeds": [embed]}})).await;
        assert_eq!(errors(&answer), [format!("{at}.{error}")], "{embed}");
    }
}

#[tokio::test]
async fn embeds_are_few_and_short_together() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let tried = async |embeds: Value| errors(&room.tries(&begun, json!({"type": 4, "data": {"embeds": embeds}})).await);
    assert_eq!(tried(json!(vec![json!({"title": "t"}); 11])).await, ["data.embeds BASE_TYPE_BAD_LENGTH"]);
    let parts = |title: usize| {
        json!([
            {"title": "x".repeat(title), "description": "x".repeat(4000), "footer": {"text": "x".repeat(500)}},
            {"author": {"name": "x".repeat(200)}, "fields": [{"name": "x".repeat(200), "value": "x".repeat(1000)}]},
        ])
    };
    assert_eq!(tried(parts(101)).await, ["data.embeds MAX_EMBED_SIZE_EXCEEDED"]);
    assert_eq!(room.says(&begun, json!({"embeds": parts(100)})).await.embeds.len(), 2);
}
