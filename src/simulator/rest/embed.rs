//! Embeds: cards below a message.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::form::{Form, FormErrors, Given};
use super::{ApiError, view};
use crate::simulator::world::{Message, Snowflake};

/// Most embeds, and most characters of all of them together: documented.
const MOST_EMBEDS: usize = 10;
const MOST_TEXT: usize = 6000;
const MOST_FIELDS: usize = 25;
const LONGEST_URL: usize = 2048;
/// Files an embed can show.
const PICTURES: [&str; 5] = [".jpg", ".jpeg", ".png", ".webp", ".gif"];

/// Reads the field `embeds`, in the form it is read back in.
pub(crate) fn read_embeds(form: &mut Form<'_>) -> Given<Vec<Value>> {
    let list = match form.list("embeds", MOST_EMBEDS) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(list) => list,
    };
    let mut embeds = Vec::new();
    for (index, value) in list.iter().enumerate() {
        embeds.extend(form.inside(&["embeds", &index.to_string()], value, read_embed));
    }
    if embeds.iter().map(size).sum::<usize>() > MOST_TEXT {
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", &format!("Embed size exceeds maximum size of {MOST_TEXT}"));
    }
    Given::Value(embeds)
}

fn read_embed(form: &mut Form<'_>) -> Value {
    let mut shown = Map::from_iter([("type".to_owned(), json!("rich"))]);
    for (key, most) in [("title", 256), ("description", 4096)] {
        put_text(form, &mut shown, key, most);
    }
    put_url(form, &mut shown, "url", &["http", "https"]);
    if let Given::Value(color) = form.int("color", 0..=0xff_ffff) {
        shown.insert("color".to_owned(), json!(color));
    }
    if let Given::Value(text) = form.text("timestamp", 0..=64) {
        match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => drop(shown.insert("timestamp".to_owned(), json!(view::time(time.to_utc())))),
            Err(_) => form.wrong("timestamp", "DATE_TIME_TYPE_PARSE", "Could not parse. Should be ISO8601."),
        }
    }
    for (key, [text, most], links) in [
        ("footer", ["text", "2048"], &["icon_url"][..]),
        ("author", ["name", "256"], &["url", "icon_url"][..]),
        ("image", ["", ""], &["url"][..]),
        ("thumbnail", ["", ""], &["url"][..]),
    ] {
        let Given::Value(value) = form.raw(key) else { continue };
        let part = form.inside(&[key], value, |form| read_part(form, text, most.parse().unwrap_or(0), links));
        shown.extend(part.map(|part| (key.to_owned(), Value::Object(part))));
    }
    let fields = form.list("fields", MOST_FIELDS).value().unwrap_or_default();
    let mut read = Vec::new();
    for (index, value) in fields.iter().enumerate() {
        read.extend(form.inside(&["fields", &index.to_string()], value, read_field));
    }
    if !read.is_empty() {
        shown.insert("fields".to_owned(), json!(read));
    }
    let visible = ["title", "description", "footer", "author", "image", "thumbnail", "fields"];
    let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty()) || *value == json!([]);
    let shows = |key: &&str| form.raw(key).value().is_some_and(|value| !is_blank(value));
    if !visible.iter().any(shows) {
        form.wrong("description", "BASE_TYPE_REQUIRED", "This field is required");
    }
    Value::Object(shown)
}

/// A footer or an author, which need their text, or a picture, which needs its address.
fn read_part(form: &mut Form<'_>, text: &str, most: usize, links: &[&str]) -> Map<String, Value> {
    let mut shown = Map::new();
    if text.is_empty() {
        form.require("url");
    } else {
        require_text(form, text);
        put_text(form, &mut shown, text, most);
    }
    for link in links {
        let is_picture = *link == "icon_url" || text.is_empty();
        let schemes = if is_picture { &["http", "https", "attachment"][..] } else { &["http", "https"] };
        put_url(form, &mut shown, link, schemes);
    }
    shown
}

fn read_field(form: &mut Form<'_>) -> Value {
    let mut shown = Map::new();
    for (key, most) in [("name", 256), ("value", 1024)] {
        require_text(form, key);
        put_text(form, &mut shown, key, most);
    }
    let inline = form.flag("inline").value().unwrap_or(false);
    shown.insert("inline".to_owned(), json!(inline));
    Value::Object(shown)
}

/// Spaces alone are no text.
fn require_text(form: &mut Form<'_>, key: &str) {
    match form.raw(key) {
        Given::Value(Value::String(text)) if text.trim().is_empty() => {
            form.wrong(key, "BASE_TYPE_REQUIRED", "This field is required");
        }
        _ => form.require(key),
    }
}

fn put_text(form: &mut Form<'_>, shown: &mut Map<String, Value>, key: &str, most: usize) {
    if let Given::Value(text) = form.text(key, 0..=most)
        && !text.trim().is_empty()
    {
        shown.insert(key.to_owned(), json!(text.trim()));
    }
}

fn put_url(form: &mut Form<'_>, shown: &mut Map<String, Value>, key: &str, schemes: &[&str]) {
    if let Given::Value(url) = form.url(key, LONGEST_URL, schemes) {
        shown.insert(key.to_owned(), json!(url));
    }
}

/// Characters that count against the limit of all embeds.
fn size(embed: &Value) -> usize {
    let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let fields = embed["fields"].as_array().into_iter().flatten();
    let fields: usize = fields.map(|field| length(&field["name"]) + length(&field["value"])).sum();
    let own = [&embed["title"], &embed["description"], &embed["footer"]["text"], &embed["author"]["name"]];
    own.into_iter().map(length).sum::<usize>() + fields
}

/// Gives pictures of embeds that name a file on the message its address. A file that is not there or no picture is refused.
pub(crate) fn find_files(message: &mut Message, channel: Snowflake) -> Result<(), ApiError> {
    let mut errors = FormErrors::default();
    let Message { embeds, attachments, .. } = message;
    for (index, embed) in embeds.iter_mut().enumerate() {
        for (part, key) in [("image", "url"), ("thumbnail", "url"), ("author", "icon_url"), ("footer", "icon_url")] {
            let Some(name) = embed[part][key].as_str().and_then(|url| url.strip_prefix("attachment://")) else {
                continue;
            };
            let is_picture = PICTURES.iter().any(|ending| name.to_lowercase().ends_with(ending));
            match attachments.iter().find(|file| file.filename == name && is_picture) {
                Some(file) => embed[part][key] = json!(view::file_url(channel, file)),
                None => {
                    let path = ["embeds", &index.to_string(), part, key];
                    errors.add(&path, "EMBED_ATTACHMENT_NOT_FOUND", "No picture of that name is attached.");
                }
            }
        }
    }
    errors.finish()
}
