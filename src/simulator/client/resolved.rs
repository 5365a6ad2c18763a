//! What ids in an interaction stand for, told along with them.

use serde_json::{Map, Value, json};

use super::{Spot, UseRefused};
use crate::simulator::rest::view;
use crate::simulator::world::{Bits, Channel, Snowflake};

/// Fields of a channel that are told: documented.
const OF_CHANNELS: [&str; 11] = [
    "id",
    "name",
    "type",
    "last_message_id",
    "nsfw",
    "parent_id",
    "guild_id",
    "flags",
    "rate_limit_per_user",
    "topic",
    "position",
];
/// Fields of a member that are not.
const NOT_OF_MEMBERS: [&str; 3] = ["user", "deaf", "mute"];

/// Objects by kind and id.
#[derive(Debug, Default)]
pub(super) struct Resolved(Map<String, Value>);

impl Resolved {
    pub(super) fn put_into(self, data: &mut Map<String, Value>) {
        if !self.0.is_empty() {
            data.insert("resolved".to_owned(), Value::Object(self.0));
        }
    }

    fn add(&mut self, kind: &str, id: Snowflake, object: Value) {
        let kept = self.0.entry(kind).or_insert_with(|| json!({}));
        kept[id.to_string()] = object;
    }

    /// A user, and the member it is.
    pub(super) fn add_user(&mut self, spot: &Spot<'_>, id: Snowflake) -> Result<(), UseRefused> {
        let user = spot.world.users.get(&id).ok_or_else(|| UseRefused::nothing("user", id))?;
        self.add("users", id, view::user(user));
        if let Some(member) = spot.guild.members.get(&id) {
            let mut shown = view::member(member, Some(user));
            if let Some(fields) = shown.as_object_mut() {
                fields.retain(|key, _| !NOT_OF_MEMBERS.contains(&key.as_str()));
            }
            shown["permissions"] = json!(spot.held_by(id) & Bits(spot.switches.known_bits));
            self.add("members", id, shown);
        }
        Ok(())
    }

    /// A role of the guild.
    pub(super) fn add_role(&mut self, spot: &Spot<'_>, id: Snowflake) -> Result<(), UseRefused> {
        let role = spot.guild.roles.get(&id).ok_or_else(|| UseRefused::nothing("role", id))?;
        self.add("roles", id, view::role(role));
        Ok(())
    }

    /// A role or a user.
    pub(super) fn add_mentionable(&mut self, spot: &Spot<'_>, id: Snowflake) -> Result<(), UseRefused> {
        if spot.guild.roles.contains_key(&id) { self.add_role(spot, id) } else { self.add_user(spot, id) }
    }

    /// A channel the member sees, of one of these types when there are any.
    pub(super) fn add_channel(&mut self, spot: &Spot<'_>, id: Snowflake, types: &Value) -> Result<(), UseRefused> {
        let seen = |channel: &&Channel| spot.guild.can_view(spot.user, channel, spot.now);
        let channel = spot.guild.channels.get(&id).filter(seen);
        let channel = channel.ok_or_else(|| UseRefused::nothing("channel", id))?;
        let fits = |types: &Vec<Value>| types.is_empty() || types.iter().any(|kind| *kind == channel.kind);
        if !types.as_array().is_none_or(fits) {
            return Err(UseRefused::wrong(&channel.name, "it is not of a type that can be chosen"));
        }
        self.add("channels", id, partial_channel(spot, channel));
        Ok(())
    }

    /// A message of the channel the member is in.
    pub(super) fn add_message(&mut self, spot: &Spot<'_>, id: Snowflake) -> Result<(), UseRefused> {
        let message = spot.world.message_seen_by(spot.user, spot.channel.id, id);
        let message = message.ok_or_else(|| UseRefused::nothing("message", id))?;
        self.add("messages", id, view::message(message, spot.channel, &spot.world.users));
        Ok(())
    }
}

fn partial_channel(spot: &Spot<'_>, channel: &Channel) -> Value {
    let mut shown = view::channel(channel, spot.guild);
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|key, _| OF_CHANNELS.contains(&key.as_str()));
    }
    let held = |user| json!(spot.guild.permissions_in(user, channel, spot.now) & Bits(spot.switches.known_bits));
    (shown["permissions"], shown["app_permissions"]) = (held(spot.user), held(spot.bot));
    shown
}

/// The id a value is.
pub(super) fn id_in(value: &Value, place: &str) -> Result<Snowflake, UseRefused> {
    let id = value.as_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| UseRefused::wrong(place, "it is an id"))
}
