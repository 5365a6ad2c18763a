//! Answering interactions. The token in the path is all the authority there is.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::form::{Form, Given};
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Channel, Interaction, Message, Snowflake, World};

/// How long the first answer may take.
const FIRST_ANSWER: TimeDelta = TimeDelta::seconds(3);
/// How long the token works after that.
const FOLLOW_UPS: TimeDelta = TimeDelta::minutes(15);

/// The kind of answer that is a message.
const ANSWER: u8 = 4;
/// The kind of answer that promises one.
const DEFERRED: u8 = 5;
/// Most characters of a message.
const MOST_CONTENT: usize = 2000;
const MOST_EMBEDS: usize = 10;

/// Paths that need no bot token.
pub(crate) fn needs_no_token(path: &str) -> bool {
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["interactions", _, _, "callback"] => true,
        ["webhooks", _, token, ..] => !token.is_empty(),
        _ => false,
    }
}

/// `POST /interactions/{interaction}/{token}/callback`
pub(crate) fn callback(world: &mut World, call: &Call<'_>, id: Snowflake, token: &str) -> Result<Reply, ApiError> {
    let found = world.interactions.get(&id).filter(|i| i.token == token).ok_or_else(ApiError::unknown_interaction)?;
    if found.acknowledged {
        return Err(ApiError::already_acknowledged());
    }
    if call.now > id.time() + FIRST_ANSWER {
        return Err(ApiError::unknown_interaction());
    }
    let mut form = Form::of(call.body, call.switches)?;
    form.require("type");
    let kind = form.choice::<u8>("type", &[1, 4, 5, 6, 7, 8, 9, 12]).value().unwrap_or(1);
    let data = call.body.map(|body| &body["data"]).filter(|_| kind == ANSWER);
    let said = data.and_then(|data| form.inside(&["data"], data, Said::read));
    form.finish()?;
    let interaction = found.clone();
    let original = match (kind, said) {
        (ANSWER, said) => Some(post(world, call, &interaction, &said.unwrap_or_default().whole()?)?),
        (DEFERRED, _) => Some(post(world, call, &interaction, "")?),
        _ => None,
    };
    if let Some(interaction) = world.interactions.get_mut(&id) {
        (interaction.acknowledged, interaction.deferred, interaction.original) = (true, kind == DEFERRED, original);
    }
    if !call.query_flag("with_response") {
        return Reply::empty();
    }
    let mut body = json!({"interaction": {"id": id, "type": interaction.kind, "channel_id": interaction.channel_id}});
    if let Some(message) = original {
        body["interaction"]["response_message_id"] = json!(message);
        body["resource"] = json!({"type": kind, "message": shown(world, &interaction, message)?});
    }
    Reply::ok(body)
}

/// `POST /webhooks/{application}/{token}`: one more message, or the one that was promised.
pub(crate) fn follow_up(world: &mut World, call: &Call<'_>, app: Snowflake, token: &str) -> Result<Reply, ApiError> {
    let interaction = by_token(world, call, app, token)?;
    let content = said(call)?.whole()?;
    let message = match interaction.original.filter(|_| interaction.deferred) {
        Some(promised) => edit(world, &interaction, promised, &content)?,
        None => post(world, call, &interaction, &content)?,
    };
    Reply::ok(shown(world, &interaction, message)?)
}

/// `GET`, `PATCH` and `DELETE /webhooks/{application}/{token}/messages/{message}`
pub(crate) fn message(
    world: &mut World,
    call: &Call<'_>,
    app: Snowflake,
    token: &str,
    which: &str,
) -> Result<Reply, ApiError> {
    let interaction = by_token(world, call, app, token)?;
    let id = if which == "@original" { interaction.original } else { which.parse().ok() };
    let id = id.ok_or_else(ApiError::unknown_message)?;
    let before = shown(world, &interaction, id)?;
    match call.method {
        "DELETE" => {
            channel_of(world, &interaction)?.messages.retain(|m| m.id != id);
            Reply::empty()
        }
        "PATCH" => {
            let said = said(call)?;
            if said.content.is_some() {
                edit(world, &interaction, id, &said.whole()?)?;
            }
            Reply::ok(shown(world, &interaction, id)?)
        }
        "GET" => Reply::ok(before),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// What a message says, as far as it is kept.
#[derive(Debug, Default)]
struct Said {
    content: Option<String>,
    /// There is something else to be seen.
    has_more: bool,
}

impl Said {
    fn read(form: &mut Form<'_>) -> Self {
        let content = match form.text("content", 0..=MOST_CONTENT) {
            Given::Absent => None,
            Given::Null => Some(String::new()),
            Given::Value(content) => Some(content),
        };
        let embeds = form.list("embeds", MOST_EMBEDS);
        let others = ["components", "attachments"].map(|key| form.raw(key).value());
        let others = others.into_iter().flatten().filter_map(Value::as_array).map(Vec::as_slice);
        let has_more = embeds.value().into_iter().chain(others).any(|list| !list.is_empty());
        Self { content, has_more }
    }

    /// The content of a message that says something.
    fn whole(self) -> Result<String, ApiError> {
        let content = self.content.unwrap_or_default();
        if content.is_empty() && !self.has_more { Err(ApiError::empty_message()) } else { Ok(content) }
    }
}

fn said(call: &Call<'_>) -> Result<Said, ApiError> {
    let mut form = Form::of(call.body, call.switches)?;
    let said = Said::read(&mut form);
    form.finish()?;
    Ok(said)
}

/// Changes a message. One that was promised is there then.
fn edit(world: &mut World, interaction: &Interaction, id: Snowflake, content: &str) -> Result<Snowflake, ApiError> {
    let messages = &mut channel_of(world, interaction)?.messages;
    let message = messages.iter_mut().find(|m| m.id == id).ok_or_else(ApiError::unknown_message)?;
    content.clone_into(&mut message.content);
    if let Some(interaction) = world.interactions.get_mut(&interaction.id).filter(|i| i.original == Some(id)) {
        interaction.deferred = false;
    }
    Ok(id)
}

fn by_token(world: &World, call: &Call<'_>, app: Snowflake, token: &str) -> Result<Interaction, ApiError> {
    let mut known = world.interactions.values().filter(|i| i.application_id == app && i.token == token);
    let found = known.next().filter(|i| call.now < i.id.time() + FOLLOW_UPS);
    found.cloned().ok_or_else(|| ApiError::new(call.switches.statuses.expired_token, 50_027, "Invalid Webhook Token"))
}

fn channel_of<'a>(world: &'a mut World, interaction: &Interaction) -> Result<&'a mut Channel, ApiError> {
    let guild = world.guild_of_channel(interaction.channel_id).and_then(|id| world.guilds.get_mut(&id));
    guild.and_then(|g| g.channels.get_mut(&interaction.channel_id)).ok_or_else(ApiError::unknown_channel)
}

fn post(world: &mut World, call: &Call<'_>, interaction: &Interaction, content: &str) -> Result<Snowflake, ApiError> {
    let id = world.mint(call.now);
    let author =
        world.users.values().find(|u| u.application.as_ref().is_some_and(|a| a.id == interaction.application_id));
    let author_id = author.map_or(interaction.application_id, |u| u.id);
    let message = Message { id, author_id, content: content.to_owned(), timestamp: call.now, nonce: None };
    channel_of(world, interaction)?.messages.push(message);
    Ok(id)
}

fn shown(world: &mut World, interaction: &Interaction, id: Snowflake) -> Result<Value, ApiError> {
    let channel = channel_of(world, interaction)?.clone();
    let message = channel.messages.iter().find(|m| m.id == id).ok_or_else(ApiError::unknown_message)?;
    Ok(view::message(message, &channel, world.users.get(&message.author_id)))
}
