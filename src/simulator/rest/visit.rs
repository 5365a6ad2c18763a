//! A caller inside a guild: what every call on a guild or channel needs first.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::mention::AllowedMentions;
use super::said::Writer;
use super::{ApiError, Call};
use crate::simulator::world::{AuditEntry, Bits, Channel, Guild, Mint, NotInGuild, Snowflake, User, World};

/// The guild a member is in, with what is needed to change it.
pub(crate) struct Visit<'a> {
    pub(crate) guild: &'a mut Guild,
    pub(crate) users: &'a BTreeMap<Snowflake, User>,
    pub(crate) call: &'a Call<'a>,
    ids: &'a mut Mint,
}

impl<'a> Visit<'a> {
    /// Enters a guild; strangers are refused.
    pub(crate) fn to_guild(world: &'a mut World, call: &'a Call<'a>, id: Snowflake) -> Result<Self, ApiError> {
        let World { ids, users, guilds, interactions: _ } = world;
        let guild = guilds.get_mut(&id).ok_or_else(ApiError::unknown_guild)?;
        if !guild.members.contains_key(&call.actor) {
            return Err(match call.switches.not_in_guild {
                NotInGuild::UnknownGuild => ApiError::unknown_guild(),
                NotInGuild::MissingAccess => ApiError::missing_access(),
            });
        }
        Ok(Self { guild, users, call, ids })
    }

    /// Enters the guild of a channel.
    pub(crate) fn to_channel(world: &'a mut World, call: &'a Call<'a>, id: Snowflake) -> Result<Self, ApiError> {
        let guild = world.guild_of_channel(id).ok_or_else(ApiError::unknown_channel)?;
        Self::to_guild(world, call, guild).map_err(|_| ApiError::missing_access())
    }

    /// The channel that was found on entering.
    pub(crate) fn channel(&self, id: Snowflake) -> Result<&Channel, ApiError> {
        self.guild.channels.get(&id).ok_or_else(ApiError::unknown_channel)
    }

    /// The same, to be changed.
    pub(crate) fn channel_mut(&mut self, id: Snowflake) -> Result<&mut Channel, ApiError> {
        self.guild.channels.get_mut(&id).ok_or_else(ApiError::unknown_channel)
    }

    /// What the caller may do before channels have their say.
    pub(crate) fn held(&self) -> Bits {
        self.guild.permissions_of(self.call.actor, self.call.now)
    }

    /// What the caller may do in a channel.
    pub(crate) fn held_in(&self, channel: &Channel) -> Bits {
        self.guild.permissions_in(self.call.actor, channel, self.call.now)
    }

    /// The caller sees that channel.
    pub(crate) fn sees(&self, channel: &Channel) -> bool {
        self.guild.can_view(self.call.actor, channel, self.call.now)
    }

    /// Refuses a caller without these bits in the guild.
    pub(crate) fn require(&self, bits: Bits) -> Result<(), ApiError> {
        if !self.held().has(bits) {
            return Err(ApiError::missing_permissions());
        }
        self.require_two_factor(bits)
    }

    /// Refuses a caller without these bits in a channel, with the code Discord uses for each kind of blindness.
    pub(crate) fn require_in(&self, channel: &Channel, bits: Bits) -> Result<(), ApiError> {
        let held = self.held_in(channel);
        if !held.has(Bits::VIEW_CHANNEL) {
            return Err(if channel.is_vocal() { ApiError::missing_permissions() } else { ApiError::missing_access() });
        }
        let member = self.guild.members.get(&self.call.actor);
        let timed_out = member.is_some_and(|m| m.timed_out(self.call.now));
        if channel.is_vocal() && !held.has(Bits::CONNECT) && !timed_out {
            return Err(ApiError::missing_access());
        }
        if !held.has(bits) {
            return Err(ApiError::missing_permissions());
        }
        self.require_two_factor(bits)
    }

    fn require_two_factor(&self, bits: Bits) -> Result<(), ApiError> {
        let application = self.users.get(&self.call.actor).and_then(|user| user.application.as_ref());
        let unsafe_owner = application.is_some_and(|a| !a.owner_mfa);
        if self.guild.mfa_level == 1 && unsafe_owner && bits.touches(Bits::GUARDED) {
            return Err(ApiError::two_factor_required());
        }
        Ok(())
    }

    /// Called after any change of channels' places.
    pub(crate) fn channels_moved(&mut self) {
        if self.call.switches.places_renumbered {
            self.guild.renumber_channels();
        }
    }

    /// Called after any change of roles' places.
    pub(crate) fn roles_moved(&mut self) {
        if self.call.switches.places_renumbered {
            self.guild.renumber_roles();
        }
    }

    /// The caller as author of a message in a channel.
    pub(crate) fn writer(&mut self, channel: Snowflake, default: AllowedMentions) -> Result<Writer<'_>, ApiError> {
        let Self { guild, users, call, ids } = self;
        let channel = guild.channels.get(&channel).ok_or_else(ApiError::unknown_channel)?;
        Ok(Writer { guild, channel, author: call.actor, default, users, files: call.files, ids, call })
    }

    /// A new snowflake.
    pub(crate) fn mint(&mut self) -> Snowflake {
        self.ids.mint(self.call.now)
    }

    /// Writes an audit entry with the call's reason, unless it was an update that changed nothing.
    pub(crate) fn audit(&mut self, action_type: u32, target: Snowflake, changes: Vec<Value>) {
        self.audit_with(action_type, target, changes, None);
    }

    /// The same, with options.
    pub(crate) fn audit_with(
        &mut self,
        action_type: u32,
        target: Snowflake,
        changes: Vec<Value>,
        options: Option<Map<String, Value>>,
    ) {
        let id = self.mint();
        let reason = self.call.reason.map(str::to_owned);
        let user_id = self.call.actor;
        let entry = AuditEntry { id, action_type, user_id, target_id: Some(target), changes, options, reason };
        self.guild.audit_log.push(entry);
    }
}

/// Fields whose change leaves no trace in the audit log: moves do not, and the rest is never news.
const UNAUDITED: [&str; 7] =
    ["id", "guild_id", "position", "parent_id", "permission_overwrites", "last_message_id", "roles"];

/// What differs between two JSON objects, in the audit log's form.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<Value> {
    let empty = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let keys = before.keys().chain(after.keys().filter(|k| !before.contains_key(*k)));
    let change = |key: &String| {
        let side = |object: &Map<String, Value>| object.get(key).filter(|v| !v.is_null()).cloned();
        let (old, new) = (side(before), side(after));
        if old == new || UNAUDITED.contains(&key.as_str()) {
            return None;
        }
        let mut change = Map::from_iter([("key".to_owned(), json!(key))]);
        change.extend(old.map(|value| ("old_value".to_owned(), value)));
        change.extend(new.map(|value| ("new_value".to_owned(), value)));
        Some(Value::Object(change))
    };
    keys.filter_map(change).collect()
}
