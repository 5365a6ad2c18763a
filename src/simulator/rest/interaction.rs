//! Answering interactions. The token in the path is all the authority there is.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::form::Form;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Channel, Interaction, Message, Snowflake, World};

/// How long the first answer may take.
const FIRST_ANSWER: TimeDelta = TimeDelta::seconds(3);
/// How long the token works after that.
const FOLLOW_UPS: TimeDelta = TimeDelta::minutes(15);

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
    form.finish()?;
    let interaction = found.clone();
    let original = if matches!(kind, 4 | 5) {
        let content = call.body.and_then(|body| body["data"]["content"].as_str()).unwrap_or_default();
        Some(post(world, call, &interaction, content)?)
    } else {
        None
    };
    if let Some(interaction) = world.interactions.get_mut(&id) {
        (interaction.acknowledged, interaction.original) = (true, original);
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

/// `POST /webhooks/{application}/{token}`: one more message.
pub(crate) fn follow_up(world: &mut World, call: &Call<'_>, app: Snowflake, token: &str) -> Result<Reply, ApiError> {
    let interaction = by_token(world, call, app, token)?;
    let content = call.body.and_then(|body| body["content"].as_str()).unwrap_or_default();
    let message = post(world, call, &interaction, content)?;
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
    let messages = &mut channel_of(world, &interaction)?.messages;
    match call.method {
        "DELETE" => {
            messages.retain(|m| m.id != id);
            Reply::empty()
        }
        "PATCH" => {
            let content = call.body.and_then(|body| body["content"].as_str()).unwrap_or_default();
            messages.iter_mut().filter(|m| m.id == id).for_each(|m| content.clone_into(&mut m.content));
            Reply::ok(shown(world, &interaction, id)?)
        }
        "GET" => Reply::ok(before),
        _ => Err(ApiError::method_not_allowed()),
    }
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
