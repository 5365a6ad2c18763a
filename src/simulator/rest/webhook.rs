//! What an application says about an interaction after its first answer, with the interaction's token as webhook.

use super::said::{Place, Said};
use super::{ApiError, Call, Reply, interaction, view};
use crate::simulator::world::{Answer, Deed, Interaction, Snowflake, World, flag};

/// `POST /webhooks/{application}/{token}`: one more message, or the one that was promised.
pub(crate) fn follow_up(world: &mut World, call: &Call<'_>, app: Snowflake, token: &str) -> Result<Reply, ApiError> {
    let begun = by_token(world, call, app, token)?;
    let said = Said::of(call, Place::FollowUp)?;
    let promised = begun.original.filter(|id| {
        let message = world.message_seen_by(begun.user_id, begun.channel_id, *id);
        begun.answer == Answer::Deferred && message.is_some_and(|message| message.is(flag::LOADING))
    });
    let message = match promised {
        Some(promised) => {
            interaction::edit(world, call, &begun, promised, said)?;
            promised
        }
        None => interaction::post(world, call, &begun, said)?,
    };
    interaction::note(world, call, begun.id, Deed::FollowUp, Some(message));
    shown(world, &begun, message)
}

/// `GET`, `PATCH` and `DELETE /webhooks/{application}/{token}/messages/{message}`
pub(crate) fn message(
    world: &mut World,
    call: &Call<'_>,
    app: Snowflake,
    token: &str,
    which: &str,
) -> Result<Reply, ApiError> {
    let begun = by_token(world, call, app, token)?;
    let id = if which == "@original" { begun.original } else { which.parse().ok() };
    let own = |id: &Snowflake| begun.original == Some(*id) || begun.messages.contains(id);
    let id = id.filter(own).ok_or_else(ApiError::unknown_message)?;
    let before = shown(world, &begun, id)?;
    match call.method {
        "DELETE" => {
            delete(world, &begun, id);
            interaction::note(world, call, begun.id, Deed::Delete, Some(id));
            Reply::empty()
        }
        "PATCH" => {
            interaction::edit(world, call, &begun, id, Said::of(call, Place::Edit)?)?;
            interaction::note(world, call, begun.id, Deed::Edit, Some(id));
            shown(world, &begun, id)
        }
        "GET" => Ok(before),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn by_token(world: &World, call: &Call<'_>, app: Snowflake, token: &str) -> Result<Interaction, ApiError> {
    let mut known = world.interactions.values().filter(|i| i.application_id == app && i.token == token);
    let found = known.next().filter(|begun| !begun.is_over(call.now));
    let expired = || ApiError::new(call.switches.statuses.expired_token, 50_027, "Invalid Webhook Token");
    let found = found.ok_or_else(expired)?;
    match found.answer {
        // There is no webhook before a first answer that is, or changes, a message.
        Answer::Nothing | Answer::Choices { .. } | Answer::Modal { .. } => Err(ApiError::unknown_webhook()),
        Answer::Message | Answer::Deferred | Answer::DeferredUpdate | Answer::Update => Ok(found.clone()),
    }
}

fn delete(world: &mut World, begun: &Interaction, id: Snowflake) {
    let guild = world.guild_of_channel(begun.channel_id).and_then(|id| world.guilds.get_mut(&id));
    if let Some(channel) = guild.and_then(|guild| guild.channels.get_mut(&begun.channel_id)) {
        channel.messages.retain(|message| message.id != id);
    }
    // An ephemeral message a button is on belongs to another interaction.
    for interaction in world.interactions.values_mut() {
        interaction.ephemeral.retain(|message| message.id != id);
    }
}

fn shown(world: &World, begun: &Interaction, id: Snowflake) -> Result<Reply, ApiError> {
    let message = world.message_seen_by(begun.user_id, begun.channel_id, id).ok_or_else(ApiError::unknown_message)?;
    let channel = world.channel(begun.channel_id).ok_or_else(ApiError::unknown_channel)?;
    Reply::ok(view::message(message, channel, &world.users))
}
