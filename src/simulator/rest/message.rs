//! Just enough of messages for a channel to have a history.

use chrono::TimeDelta;
use serde_json::Value;

use super::form::{Form, Given};
use super::visit::Visit;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Bits, Message, Snowflake, World};

/// How long a message is found by its nonce: Discord's reference says "the past few minutes".
const NONCE_LIFE: TimeDelta = TimeDelta::minutes(5);

/// `GET /channels/{channel}/messages`, newest first. Without READ_MESSAGE_HISTORY there are none.
pub(crate) fn list(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::VIEW_CHANNEL)?;
    if !visit.held_in(channel).has(Bits::READ_MESSAGE_HISTORY) {
        return Reply::ok(Value::Array(Vec::new()));
    }
    let bound = |key| call.query(key).and_then(|id| id.parse::<Snowflake>().ok());
    let limit = call.query("limit").and_then(|n| n.parse().ok()).unwrap_or(50).clamp(1, 100);
    let wanted = |m: &&Message| bound("before").is_none_or(|id| m.id < id) && bound("after").is_none_or(|id| m.id > id);
    let newest = channel.messages.iter().rev().filter(wanted).take(limit);
    Reply::ok(newest.map(|m| view::message(m, channel, visit.users.get(&m.author_id))).collect::<Value>())
}

/// `POST /channels/{channel}/messages`
pub(crate) fn create(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::SEND_MESSAGES)?;
    if channel.is_category() || channel.is_forum() {
        return Err(ApiError::wrong_channel_type());
    }
    let mut form = Form::of(call.body, call.switches)?;
    let content = form.text("content", 0..=2000).value().unwrap_or_default();
    let embeds = form.list("embeds", 10).value().is_some_and(|list| !list.is_empty());
    let nonce = match form.raw("nonce") {
        Given::Value(Value::Number(number)) => Some(number.to_string()),
        _ => form.text("nonce", 0..=25).value(),
    };
    let is_enforced = form.flag("enforce_nonce").value().unwrap_or(false);
    form.finish()?;
    if content.is_empty() && !embeds {
        return Err(ApiError::empty_message());
    }
    let same = |m: &&Message| {
        let is_recent = call.now - m.timestamp < NONCE_LIFE;
        is_enforced && is_recent && m.author_id == call.actor && m.nonce.is_some() && m.nonce == nonce
    };
    if let Some(same) = channel.messages.iter().rev().find(same) {
        return Reply::ok(view::message(same, channel, visit.users.get(&call.actor)));
    }
    let message = Message { id: visit.mint(), author_id: call.actor, content, timestamp: call.now, nonce };
    let channel = visit.guild.channels.get_mut(&id).ok_or_else(ApiError::unknown_channel)?;
    let body = view::message(&message, channel, visit.users.get(&call.actor));
    channel.messages.push(message);
    Reply::ok(body)
}

/// `GET /channels/{channel}/messages/{message}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, id: Snowflake, message: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::READ_MESSAGE_HISTORY)?;
    let found = channel.messages.iter().find(|m| m.id == message).ok_or_else(ApiError::unknown_message)?;
    Reply::ok(view::message(found, channel, visit.users.get(&found.author_id)))
}

/// `DELETE /channels/{channel}/messages/{message}`
pub(crate) fn delete(world: &mut World, call: &Call<'_>, id: Snowflake, message: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    let found = channel.messages.iter().find(|m| m.id == message).ok_or_else(ApiError::unknown_message)?;
    let needed = if found.author_id == call.actor { Bits::VIEW_CHANNEL } else { Bits::MANAGE_MESSAGES };
    visit.require_in(channel, needed)?;
    visit.channel_mut(id)?.messages.retain(|m| m.id != message);
    Reply::empty()
}
