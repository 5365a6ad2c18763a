//! What an application is told of an interaction.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::simulator::rest::view;
use crate::simulator::world::{Bits, Interaction, Snowflake, Switches, World};

/// Largest file that can be attached to an answer, bytes: that of guilds without boosts.
const LARGEST_ATTACHMENT: u64 = 10 * 1024 * 1024;

/// An interaction with everything an application needs to answer it. It is never obfuscated. Nothing, when its channel or
/// its user is gone.
pub(crate) fn payload(
    begun: &Interaction,
    world: &World,
    bot: Snowflake,
    switches: &Switches,
    now: DateTime<Utc>,
) -> Option<Value> {
    let Interaction { id, token, application_id, channel_id, user_id, kind, data, message_id, .. } = begun;
    let guild = world.guilds.get(&world.guild_of_channel(*channel_id)?)?;
    let channel = guild.channels.get(channel_id)?;
    let held = |user| json!(guild.permissions_in(user, channel, now) & Bits(switches.known_bits));
    let mut member = view::member(guild.members.get(user_id)?, world.users.get(user_id));
    member["permissions"] = held(*user_id);
    let mut shown = view::channel(channel, guild);
    shown["permissions"] = held(*user_id);
    let mut value = json!({
        "id": id, "application_id": application_id, "type": kind, "token": token, "version": 1, "guild_id": guild.id,
        "guild": {"id": guild.id, "locale": guild.preferred_locale, "features": guild.features},
        "channel_id": channel_id, "channel": shown, "member": member, "locale": "en-US",
        "guild_locale": guild.preferred_locale, "app_permissions": held(bot),
        "context": 0, "authorizing_integration_owners": {"0": guild.id}, "entitlements": [],
        "attachment_size_limit": LARGEST_ATTACHMENT,
    });
    if !data.is_null() {
        value["data"] = data.clone();
    }
    let message = message_id.and_then(|id| world.message_seen_by(*user_id, *channel_id, id));
    if let Some(message) = message {
        value["message"] = view::message(message, channel, &world.users);
    }
    Some(value)
}
