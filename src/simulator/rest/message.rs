//! Messages in channels.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::form::{Form, FormErrors, Given};
use super::mention::AllowedMentions;
use super::said::{Place, Said};
use super::visit::Visit;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Bits, Channel, Message, Snowflake, World};

/// How long a message is found by its nonce: Discord's reference says "the past few minutes".
const NONCE_LIFE: TimeDelta = TimeDelta::minutes(5);
/// A message that replies to another.
const REPLY: u8 = 19;
/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED` (Discord's documentation, "Application Flags").
const READS_CONTENT: u64 = 1 << 18 | 1 << 19;

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
    Reply::ok(newest.map(|m| shown_to_caller(&visit, m, channel)).collect::<Value>())
}

/// A message as far as the caller may read it.
fn shown_to_caller(visit: &Visit<'_>, message: &Message, channel: &Channel) -> Value {
    let shown = view::message(message, channel, visit.users);
    let application = visit.users.get(&visit.call.actor).and_then(|user| user.application.as_ref());
    let reads = application.is_none_or(|application| application.flags & READS_CONTENT != 0);
    if reads || view::is_meant_for(message, visit.call.actor) { shown } else { view::without_content(shown) }
}

/// `POST /channels/{channel}/messages`
pub(crate) fn create(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::SEND_MESSAGES)?;
    if channel.is_category() || channel.is_forum() {
        return Err(ApiError::wrong_channel_type());
    }
    let said = Said::of(call, Place::Channel)?;
    let Extras { nonce, is_enforced, replies_to } = Extras::read(call)?;
    let same = |m: &&Message| {
        let is_recent = call.now - m.timestamp < NONCE_LIFE;
        is_enforced && is_recent && m.author_id == call.actor && m.nonce.is_some() && m.nonce == nonce
    };
    if let Some(same) = channel.messages.iter().rev().find(same) {
        return Reply::ok(view::message(same, channel, visit.users));
    }
    require_for(&visit, channel, &said)?;
    let replied = replies_to.map(|reply| reply.find(&visit, channel)).transpose()?.flatten();
    let calls_replied = said.allowed.as_ref().is_none_or(AllowedMentions::calls_replied_user);
    let mut message = Message {
        id: visit.mint(),
        author_id: call.actor,
        kind: if replied.is_some() { REPLY } else { 0 },
        timestamp: call.now,
        nonce,
        replies_to: replied.map(|(id, _)| id),
        ..Message::default()
    };
    said.put_into(&mut message, &mut visit.writer(id, AllowedMentions::of_messages())?)?;
    if let Some((_, author)) = replied.filter(|(_, author)| calls_replied && !message.mentions.contains(author)) {
        message.mentions.push(author);
    }
    let users = visit.users;
    let channel = visit.channel_mut(id)?;
    let body = view::message(&message, channel, users);
    channel.messages.push(message);
    Reply::ok(body)
}

/// What a message needs beyond being written.
fn require_for(visit: &Visit<'_>, channel: &Channel, said: &Said) -> Result<(), ApiError> {
    let needed = [
        (said.has_embeds(), Bits::EMBED_LINKS),
        (!visit.call.files.is_empty(), Bits::ATTACH_FILES),
        (said.is_read_aloud(), Bits::SEND_TTS_MESSAGES),
    ];
    needed.into_iter().filter(|(applies, _)| *applies).try_for_each(|(_, bits)| visit.require_in(channel, bits))
}

/// What only messages in channels have.
struct Extras {
    nonce: Option<String>,
    is_enforced: bool,
    replies_to: Option<Reference>,
}

impl Extras {
    fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let none = json!({});
        let mut form = Form::of(Some(call.body.unwrap_or(&none)), call.switches)?;
        let nonce = match form.raw("nonce") {
            Given::Value(Value::Number(number)) => Some(number.to_string()),
            _ => form.text("nonce", 0..=25).value(),
        };
        let is_enforced = form.flag("enforce_nonce").value().unwrap_or(false);
        let reference = form.raw("message_reference").value();
        let replies_to = reference.and_then(|value| form.inside(&["message_reference"], value, Reference::read));
        form.finish()?;
        Ok(Self { nonce, is_enforced, replies_to })
    }
}

/// Which message is replied to.
struct Reference {
    message: Snowflake,
    must_exist: bool,
}

impl Reference {
    fn read(form: &mut Form<'_>) -> Self {
        form.require("message_id");
        form.choice::<u8>("type", &[0]);
        let message = form.snowflake("message_id").value().unwrap_or_default();
        Self { message, must_exist: form.flag("fail_if_not_exists").value().unwrap_or(true) }
    }

    /// The message and its author.
    fn find(&self, visit: &Visit<'_>, channel: &Channel) -> Result<Option<(Snowflake, Snowflake)>, ApiError> {
        visit.require_in(channel, Bits::READ_MESSAGE_HISTORY)?;
        let found = channel.messages.iter().find(|message| message.id == self.message);
        if found.is_none() && self.must_exist {
            let code = "MESSAGE_REFERENCE_UNKNOWN_MESSAGE";
            return Err(FormErrors::single(&["message_reference"], code, "Unknown message"));
        }
        Ok(found.map(|message| (message.id, message.author_id)))
    }
}

/// `GET /channels/{channel}/messages/{message}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, id: Snowflake, message: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::READ_MESSAGE_HISTORY)?;
    let found = channel.messages.iter().find(|m| m.id == message).ok_or_else(ApiError::unknown_message)?;
    Reply::ok(shown_to_caller(&visit, found, channel))
}

/// `PATCH /channels/{channel}/messages/{message}`: authors change their own.
pub(crate) fn update(world: &mut World, call: &Call<'_>, id: Snowflake, message: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::VIEW_CHANNEL)?;
    let found = channel.messages.iter().find(|m| m.id == message).ok_or_else(ApiError::unknown_message)?;
    if found.author_id != call.actor {
        return Err(ApiError::not_the_author());
    }
    let said = Said::of(call, Place::Edit)?;
    require_for(&visit, channel, &said)?;
    let mut changed = found.clone();
    said.put_into(&mut changed, &mut visit.writer(id, AllowedMentions::of_messages())?)?;
    let users = visit.users;
    let channel = visit.channel_mut(id)?;
    let body = view::message(&changed, channel, users);
    channel.messages.iter_mut().filter(|m| m.id == message).for_each(|m| m.clone_from(&changed));
    Reply::ok(body)
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
