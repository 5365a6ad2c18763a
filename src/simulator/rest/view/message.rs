//! Messages as Discord gives them out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{time, user};
use crate::simulator::world::{Attachment, Channel, Message, Snowflake, User};

/// A message.
pub(crate) fn message(message: &Message, channel: &Channel, users: &BTreeMap<Snowflake, User>) -> Value {
    let Message {
        id,
        author_id,
        kind,
        content,
        timestamp,
        edited_timestamp,
        nonce,
        tts,
        flags,
        embeds,
        components,
        attachments,
        mentions,
        mention_roles,
        mention_everyone,
        replies_to,
        application_id,
        interaction_metadata,
    } = message;
    let unknown = User { id: *author_id, username: "deleted_user".to_owned(), ..User::default() };
    let mut shown = json!({
        "id": id, "channel_id": channel.id, "author": user(users.get(author_id).unwrap_or(&unknown)),
        "content": content, "timestamp": time(*timestamp), "edited_timestamp": edited_timestamp.map(time), "tts": tts,
        "mention_everyone": mention_everyone, "mention_roles": mention_roles,
        "mentions": mentions.iter().filter_map(|id| users.get(id)).map(user).collect::<Value>(),
        "attachments": attachments.iter().map(|file| attachment(file, channel.id)).collect::<Value>(),
        "embeds": embeds, "components": components, "pinned": false, "type": kind, "flags": flags,
    });
    if let Some(nonce) = nonce {
        shown["nonce"] = json!(nonce);
    }
    if let Some(replies_to) = replies_to {
        shown["message_reference"] = json!({"type": 0, "channel_id": channel.id, "message_id": replies_to});
    }
    if let Some(application) = application_id {
        (shown["application_id"], shown["webhook_id"]) = (json!(application), json!(application));
    }
    if let Some(metadata) = interaction_metadata {
        shown["interaction_metadata"] = metadata.clone();
    }
    shown
}

fn attachment(file: &Attachment, channel: Snowflake) -> Value {
    let Attachment { id, filename, description, content_type, size, text: _ } = file;
    let url = file_url(channel, file);
    let mut shown = json!({"id": id, "filename": filename, "size": size, "url": url, "proxy_url": url});
    for (key, value) in [("description", description), ("content_type", content_type)] {
        if let Some(value) = value {
            shown[key] = json!(value);
        }
    }
    shown
}

/// Where a file is found.
pub(crate) fn file_url(channel: Snowflake, file: &Attachment) -> String {
    format!("https://cdn.discordapp.com/attachments/{channel}/{}/{}", file.id, file.filename)
}

/// A bot may always read what it wrote itself and what calls it.
pub(crate) fn is_meant_for(message: &Message, bot: Snowflake) -> bool {
    message.author_id == bot || message.mentions.contains(&bot)
}

/// A message as those see it who may not read others' messages.
pub(crate) fn without_content(mut shown: Value) -> Value {
    shown["content"] = json!("");
    for key in ["embeds", "attachments", "components"] {
        shown[key] = json!([]);
    }
    shown
}
