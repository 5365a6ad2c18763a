//! Files that come with messages and answers, as multipart forms.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use setai::simulator::world::Bits;

use super::room::{Room, callback, errors, webhook};
use crate::support::harness::Answer;

/// A part of a form: name, file name, contents.
type Part<'a> = (&'a str, Option<&'a str>, &'a str);

fn form(payload: &Value, files: &[Part<'_>]) -> String {
    let json = payload.to_string();
    let mut parts = vec![("payload_json", None, json.as_str())];
    parts.extend_from_slice(files);
    let part = |(name, file, text): &Part<'_>| {
        let file = file.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let kind = if file.is_empty() { "" } else { "Content-Type: text/plain\r\n" };
        format!("--sep\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n{kind}\r\n{text}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--sep--\r\n"
}

async fn send(room: &Room, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(method).uri(format!("/api/v10{path}"));
    let request = request.header("user-agent", "DiscordBot (x, 1)").header("authorization", "Bot token");
    let request = request.header("content-type", "multipart/form-data; boundary=sep");
    let (answer, judgement) = room.discord.send_raw(request.body(body.into()).expect("a request")).await;
    assert_eq!(judgement.answer, Vec::<String>::new());
    answer
}

#[tokio::test]
async fn an_answer_brings_files_and_their_text_is_kept() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let payload =
        json!({"type": 4, "data": {"content": "the plan", "attachments": [{"id": "1", "description": "all of it"}]}});
    let files = [("files[0]", Some("plan a.diff"), "+ role"), ("files[1]", Some("plan.txt"), "- röle")];
    assert_eq!(send(&room, "POST", &callback(&begun), form(&payload, &files)).await.status, 204);
    let message = room.seen(&begun).original.expect("a message");
    let kept: Vec<_> = message
        .attachments
        .iter()
        .map(|file| (file.filename.as_str(), file.text.as_deref(), file.size, file.description.as_deref()))
        .collect();
    assert_eq!(kept, [("plan_a.diff", Some("+ role"), 6, None), ("plan.txt", Some("- röle"), 7, Some("all of it"))]);
    let read = room.follow("GET", &begun, "/messages/@original", Value::Null).await.ok();
    assert_eq!((&read["attachments"][1]["filename"], &read["attachments"][1]["size"]), (&json!("plan.txt"), &json!(7)));
    assert_eq!(read["attachments"][0]["content_type"], "text/plain");
}

#[tokio::test]
async fn a_file_alone_is_a_message_and_edits_keep_drop_and_append_files() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let one = [("files[0]", Some("a.txt"), "a")];
    assert_eq!(send(&room, "POST", &callback(&begun), form(&json!({"type": 4}), &one)).await.status, 204);
    let original = webhook(&begun, "/messages/@original");
    let names = || -> Vec<String> {
        let message = room.seen(&begun).original.expect("a message");
        message.attachments.iter().map(|file| file.filename.clone()).collect()
    };
    send(&room, "PATCH", &original, form(&json!({"content": "x"}), &[("files[0]", Some("b.txt"), "b")])).await.ok();
    assert_eq!(names(), ["a.txt", "b.txt"], "appended");
    let first = room.seen(&begun).original.expect("a message").attachments[0].id;
    let listed = json!({"attachments": [{"id": first}, {"id": "0"}]});
    let two = [("files[0]", Some("c.txt"), "c"), ("files[1]", Some("d.txt"), "d")];
    send(&room, "PATCH", &original, form(&listed, &two)).await.ok();
    assert_eq!(names(), ["a.txt", "c.txt"], "only what is listed");
    room.follow("PATCH", &begun, "/messages/@original", json!({"attachments": []})).await.ok();
    assert_eq!(names(), Vec::<String>::new());
    let unknown = room.follow("PATCH", &begun, "/messages/@original", json!({"attachments": [{"id": "5"}]})).await;
    assert_eq!(unknown.refusal(), (400, 50_146));
}

#[tokio::test]
async fn a_picture_of_an_embed_is_one_of_the_files() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let showing =
        |name: &str| json!({"type": 4, "data": {"embeds": [{"image": {"url": format!("attachment://{name}")}}]}});
    let files = [("files[0]", Some("a.png"), "not really"), ("files[1]", Some("a.txt"), "text")];
    for name in ["b.png", "a.txt"] {
        let refused = send(&room, "POST", &callback(&begun), form(&showing(name), &files)).await;
        assert_eq!(errors(&refused), ["embeds.0.image.url EMBED_ATTACHMENT_NOT_FOUND"]);
    }
    assert_eq!(send(&room, "POST", &callback(&begun), form(&showing("a.png"), &files)).await.status, 204);
    let message = room.seen(&begun).original.expect("a message");
    let url = message.embeds[0]["image"]["url"].as_str().expect("an address").to_owned();
    assert!(url.starts_with("https://") && url.ends_with("/a.png"), "{url}");
    room.follow("PATCH", &begun, "/messages/@original", json!({"content": "more"})).await.ok();
}

#[tokio::test]
async fn forms_that_are_no_forms_and_files_that_are_too_large_are_refused() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let (path, payload) = (callback(&begun), json!({"type": 4, "data": {"content": "x"}}));
    let tried = async |files: &[Part<'_>]| send(&room, "POST", &path, form(&payload, files)).await;
    assert_eq!(errors(&tried(&[("files[0]", None, "a")]).await), ["files[0] MULTIPART_INVALID"]);
    assert_eq!(errors(&tried(&[("file", Some("a.txt"), "a")]).await), ["file MULTIPART_INVALID"]);
    let twice = [("files[0]", Some("a.txt"), "a"), ("files[0]", Some("b.txt"), "b")];
    assert_eq!(errors(&tried(&twice).await), ["files[0] MULTIPART_INVALID"]);
    assert_eq!(send(&room, "POST", &path, "--sep\r\nnonsense").await.refusal(), (400, 50_035));
    assert_eq!(
        send(&room, "POST", &path, form(&payload, &[]).replace("{\"type", "{type")).await.refusal(),
        (400, 50_109)
    );
    let large = "x".repeat(10 * 1024 * 1024 + 1);
    assert_eq!(tried(&[("files[0]", Some("a.txt"), &large)]).await.refusal(), (413, 40_005));
    let huge = "x".repeat(25 * 1024 * 1024 + 1);
    assert_eq!(send(&room, "POST", &path, huge).await.refusal(), (413, 40_005));
    let names: Vec<String> = (0..11).map(|n| format!("files[{n}]")).collect();
    let many: Vec<Part<'_>> = names.iter().map(|name| (name.as_str(), Some("a.txt"), "a")).collect();
    assert_eq!(tried(&many).await.refusal(), (400, 30_015));
    let missing = json!({"type": 4, "data": {"content": "x", "attachments": [{"id": "3"}]}});
    let missing = send(&room, "POST", &path, form(&missing, &[("files[0]", Some("a.txt"), "a")])).await;
    assert_eq!(missing.refusal(), (400, 50_146));
    assert_eq!(room.tries(&begun, payload.clone()).await.status, 204, "none of that was an answer");
    let roles = room.discord.in_guild("/roles");
    let request = form(&json!({"name": "r"}), &[]);
    assert_eq!(send(&room, "POST", &roles, request).await.refusal(), (400, 50_035), "roles bring no files");
}

#[tokio::test]
async fn a_message_in_a_channel_with_files_needs_the_permission() {
    let room = Room::new();
    let path = format!("/channels/{}/messages", room.channel);
    let files = [("files[0]", Some("a.txt"), "a")];
    let plain = send(&room, "POST", &path, form(&json!({"content": "x"}), &files)).await.ok();
    assert_eq!(plain["attachments"][0]["filename"], "a.txt");
    let fields = "--sep\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nhello\r\n--sep--\r\n";
    assert_eq!(send(&room, "POST", &path, fields).await.ok()["content"], "hello", "fields instead of JSON");
    room.discord.limit_bot(Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES);
    room.deny(Bits::ATTACH_FILES);
    assert_eq!(send(&room, "POST", &path, form(&json!({"content": "x"}), &files)).await.refusal(), (403, 50_013));
    room.discord.post(&path, json!({"content": "x"})).await.ok();
}
